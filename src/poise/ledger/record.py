"""Records: what people state, and where it stands in the chain.

A *statement* is what gets signed. It commits to its body by a salted digest, and to the history that its
signer saw by the hash of the last record there. A *record* puts a statement and its signatures at a place in
the chain. So a statement can be signed by two people on two machines, one after the other, before it has a
place; and each signature vouches for everything up to what its signer saw, not for the statement alone.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from poise.errors import Fault, LedgerError
from poise.ledger.canonical import canonical, digest, parse
from poise.ledger.envelope import Envelope, Signature
from poise.ledger.keys import SigningKey

FORM: Final = "poise-record/1"
DRAFT_FORM: Final = "poise-draft/1"
#: Type of the DSSE envelope in which a statement is signed.
STATEMENT_TYPE: Final = "application/vnd.poise.statement+json"
#: What the first record has for the hash of the record before it.
NO_HASH: Final = "0" * 64
#: Largest record [bytes of its line]. A plan of 10,000 changes has about 4 MB.
MAX_RECORD_BYTES: Final = 1 << 25
#: Most records that one may refer to.
MAX_REFERENCES: Final = 1000

SALT_BYTES: Final = 32


class Seen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The last record of the ledger when a statement was made.

    Parameters
    ----------
    sequence
        Its place, from 0.
    hash
        Its hash, in hexadecimal.
    """

    sequence: int
    hash: str


class Statement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a signature covers.

    Parameters
    ----------
    kind
        What it is, such as ``agreement`` or ``key.enrol``.
    author
        The person who made it; one of the signers where there are any.
    made
        When it was made (UTC, whole seconds), by the author's own clock.
    expires
        Until when it may be put on the ledger; None without an end. An offer that lies about for ever
        is an option given away.
    seen
        The last record then; None on an empty ledger only.
    refers
        Hashes of the records to which this one adds.
    content
        SHA-256 of salt and body, in hexadecimal.
    """

    kind: str
    author: str
    made: datetime
    expires: datetime | None
    seen: Seen | None
    refers: tuple[str, ...]
    content: str

    def to_bytes(self) -> bytes:
        """Return the statement as canonical JSON: the payload that is signed."""
        return canonical(msgspec.to_builtins(self))


class Signed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One signature as a record holds it.

    Parameters
    ----------
    keyid
        Id of the key.
    sig
        64 bytes in base64.
    """

    keyid: str
    sig: str


class Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A statement at its place in the chain.

    Parameters
    ----------
    form
        :data:`FORM`.
    sequence
        The place, from 0, without gaps.
    previous
        Hash of the record before; :data:`NO_HASH` for the first.
    time
        When it was put here (UTC, whole seconds); never before the previous record's.
    statement
        What is stated.
    signatures
        Over the statement.
    hash
        SHA-256 of all of the above, in hexadecimal.
    salt
        32 random bytes in hexadecimal; None once the body was erased.
    body
        The content; None once it was erased.
    """

    form: str
    sequence: int
    previous: str
    time: datetime
    statement: Statement
    signatures: tuple[Signed, ...]
    hash: str
    salt: str | None = None
    body: dict[str, Any] | None = None

    @property
    def envelope(self) -> Envelope:
        """Statement and signatures in the DSSE form, in which they can be verified."""
        signatures = tuple(Signature(one.keyid, _from_base64(one.sig)) for one in self.signatures)
        return Envelope(STATEMENT_TYPE, self.statement.to_bytes(), signatures)

    def header(self) -> Record:
        """Return the record without salt and body: what stays after an erasure."""
        return msgspec.structs.replace(self, salt=None, body=None)

    def to_bytes(self) -> bytes:
        """Return the record as canonical JSON: one line of an exported file, without its line end."""
        return canonical(msgspec.to_builtins(self))

    def true_hash(self) -> str:
        """Return the hash that the record should have."""
        values = msgspec.to_builtins(self.header())
        del values["hash"]
        return digest(canonical(values))


class Draft(msgspec.Struct, frozen=True):
    """A statement on its way to the ledger: made, perhaps signed, not yet placed.

    Parameters
    ----------
    statement
        What is stated.
    salt
        32 random bytes in hexadecimal.
    body
        The content.
    envelope
        The statement with the signatures so far.
    """

    statement: Statement
    salt: str
    body: dict[str, Any]
    envelope: Envelope

    def signed(self, key: SigningKey) -> Draft:
        """Return the draft with one more signature."""
        return msgspec.structs.replace(self, envelope=self.envelope.signed(key))

    def is_signed_by(self, key_id: str) -> bool:
        """Return whether a key has signed the draft."""
        return any(one.key_id == key_id for one in self.envelope.signatures)

    def without(self, key_id: str) -> Draft:
        """Return the draft without what a key signed."""
        return msgspec.structs.replace(self, envelope=self.envelope.without(key_id))

    def placed(self, sequence: int, previous: str, time: datetime) -> Record:
        """Return the record that puts this statement at a place of the chain."""
        signatures = tuple(Signed(**signature.as_json()) for signature in self.envelope.signatures)
        record = Record(FORM, sequence, previous, time, self.statement, signatures, "", self.salt, self.body)
        return msgspec.structs.replace(record, hash=record.true_hash())

    def to_bytes(self) -> bytes:
        """Return the draft as a file to hand on: a DSSE envelope with salt and body beside it."""
        return canonical(
            {
                "form": DRAFT_FORM,
                "envelope": self.envelope.as_json(),
                "salt": self.salt,
                "body": self.body,
            }
        )


def make_draft(
    kind: str,
    author: str,
    body: Mapping[str, Any],
    *,
    made: datetime,
    seen: Seen | None,
    refers: tuple[str, ...] = (),
    expires: datetime | None = None,
    random: Callable[[int], bytes] = os.urandom,
) -> Draft:
    """Return an unsigned statement with its body.

    Parameters
    ----------
    kind, author, made, expires, seen, refers
        As in :class:`Statement`; times are cut to whole seconds.
    body
        JSON values only.
    random
        Where the salt comes from.

    Raises
    ------
    LedgerError
        E701 when the body is no JSON.
    """
    salt = random(SALT_BYTES).hex()
    # Read back what was written, so that draft and record hold the same values and types; as a field, as it
    # will stand in the record, so that it is not nested too deep there.
    content = parse(canonical({"body": dict(body)}, f"body of {kind}"), f"body of {kind}")["body"]
    statement = Statement(
        kind, author, whole_seconds(made), expires and whole_seconds(expires), seen, refers,
        content_digest(salt, content),
    )  # fmt: skip
    return Draft(statement, salt, content, Envelope(STATEMENT_TYPE, statement.to_bytes()))


def content_digest(salt: str, body: Mapping[str, Any]) -> str:
    """Return SHA-256 of salt and body: what a statement commits to.

    The salt keeps a guessable body, a name or a yes, from being found by trying once the body is erased.
    """
    return digest(bytes.fromhex(salt) + canonical(body))


def whole_seconds(moment: datetime) -> datetime:
    """Return a moment in UTC, cut to whole seconds.

    Raises
    ------
    ValueError
        When it has no time zone.
    """
    if moment.tzinfo is None:
        raise ValueError("A time of the ledger needs a time zone.")
    return moment.astimezone(UTC).replace(microsecond=0)


def read_record(line: bytes, where: str) -> Record:
    """Return the record of one line.

    Raises
    ------
    LedgerError
        E720 when it is no record, or not in canonical form: one record has one form only, so that no bit
        of a file can change unseen.
    """
    try:
        record = msgspec.convert(parse(line, where), Record)
        is_canonical = record.to_bytes() == line
    except (LedgerError, msgspec.ValidationError, OverflowError) as error:
        raise _no_record(where, _reason(error)) from error
    if not is_canonical:
        raise _no_record(where, "it is not in canonical form")
    wrong = _wrong_field(record)
    if wrong:
        raise _no_record(where, wrong)
    return record


def read_draft(content: bytes, where: str) -> Draft:
    """Return the draft of a file.

    Raises
    ------
    LedgerError
        E702 or E703 when it is no draft, E723 when its body is not the one that was signed.
    """
    value = parse(content, where)
    expected = {"form", "envelope", "salt", "body"}
    if not isinstance(value, dict) or set(value) != expected or value["form"] != DRAFT_FORM:
        raise _no_draft(where, f"expected an object of form {DRAFT_FORM} with {', '.join(sorted(expected))}")
    envelope = Envelope.from_json(value["envelope"], where)
    if envelope.payload_type != STATEMENT_TYPE:
        raise _no_draft(where, f"payloadType: {envelope.payload_type!r}, expected {STATEMENT_TYPE!r}")
    salt, body = value["salt"], value["body"]
    if not isinstance(salt, str) or not _is_hex(salt) or not isinstance(body, dict):
        raise _no_draft(where, "expected a salt of 64 hexadecimal digits and a body that is an object")
    try:
        statement = msgspec.convert(parse(envelope.payload, where), Statement)
    except (msgspec.ValidationError, OverflowError) as error:
        raise _no_draft(where, _reason(error)) from error
    if statement.to_bytes() != envelope.payload:
        raise _no_draft(where, "the statement is not in canonical form")
    if content_digest(salt, body) != statement.content:
        raise LedgerError(Fault("E723", where, "the body is not the one that the statement commits to."))
    return Draft(statement, salt, body, envelope)


def _wrong_field(record: Record) -> str:
    """Return what no type can say about a record's fields; empty when all is well."""
    statement = record.statement
    times = (record.time, statement.made, statement.expires)
    hashes = [record.previous, record.hash, statement.content, *statement.refers]
    if statement.seen:
        hashes.append(statement.seen.hash)
    if record.form != FORM:
        return f"its form is {record.form!r}, expected {FORM!r}"
    if any(time is not None and (time.tzinfo is not UTC or time.microsecond) for time in times):
        return "a time is not in whole seconds of UTC"
    if not all(map(_is_hex, hashes)):
        return "a hash is not 64 hexadecimal digits"
    if (record.salt is None) != (record.body is None):
        return "of salt and body one is missing"
    if record.salt is not None and not _is_hex(record.salt):
        return "the salt is not 64 hexadecimal digits"
    return ""


def _is_hex(text: str) -> bool:
    return len(text) == 64 and not set(text) - set("0123456789abcdef")


def _from_base64(text: str) -> bytes:
    """Return the bytes; none for what is no base64, which then verifies nothing."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""


def _reason(error: Exception) -> str:
    if isinstance(error, LedgerError):
        return error.faults[0].message.rstrip(".")
    return str(error)


def _no_record(where: str, reason: str) -> LedgerError:
    return LedgerError(Fault("E720", where, f"is not a record as it was written: {reason}."))


def _no_draft(where: str, reason: str) -> LedgerError:
    hint = "Ask its author for the draft file again."
    return LedgerError(Fault("E703", where, f"is no draft: {reason}.", hint))
