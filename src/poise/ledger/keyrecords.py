"""Bodies of the records that say whose key counts: enrolment, rotation, revocation, deputies, recall."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, Literal, get_args

import msgspec

from poise.errors import Fault, SignatureError
from poise.ledger.keys import KEY_ID

Role = Literal["operations", "security", "chair", "owner", "deputy", "witness"]
#: What a person may be enrolled as. An owner accepts the risk of services, a deputy signs for absent people
#: only, a witness signs checkpoints.
ROLES: Final[tuple[str, ...]] = get_args(Role)
#: The two sides of every agreement.
PARTIES: Final = ("operations", "security")
#: Roles of which two must vouch when somebody else's key is enrolled or revoked. With the chair among them
#: one lost key does not lock the ledger for ever.
VOUCHING: Final = (*PARTIES, "chair")

#: What a person is called in records: short, plain, and without look-alike letters.
PERSON: Final = re.compile(r"[a-z0-9][a-z0-9._@-]{0,63}")


class Enrolment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of ``key.enrol``: this key is this person's, who acts in these roles.

    Signed by the key itself (whoever enrols it has it) and by those who vouch for the person.
    """

    person: str
    name: str
    roles: tuple[Role, ...]
    key: str


class Rotation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of ``key.rotate``: from here on the person signs with another key. Signed by both keys."""

    person: str
    old: str
    new: str


class Revocation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of ``key.revoke``: signatures by this key count no more from `since` on.

    Signed by two who vouch, or by the key's holder. The holder's counts from its own place at the
    earliest, so that nobody can take back an own signature.
    """

    person: str
    key: str
    since: datetime
    reason: str


class Deputyship(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of ``key.deputy``: this person signs for the principal from `start` until before `end`.

    Signed by the principal, before it begins.
    """

    principal: str
    deputy: str
    role: Role
    start: datetime
    end: datetime
    reason: str


class Recall(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of ``key.recall``: from here on the deputy signs for the principal in this role no more.

    Signed by the principal, or by two who vouch. What the deputy signed before stands.
    """

    principal: str
    deputy: str
    role: Role
    reason: str


KeyRecord = Enrolment | Rotation | Revocation | Deputyship | Recall
#: The kinds of these records, with their bodies.
KEY_KINDS: Final[dict[str, type[KeyRecord]]] = {
    "key.enrol": Enrolment,
    "key.rotate": Rotation,
    "key.revoke": Revocation,
    "key.deputy": Deputyship,
    "key.recall": Recall,
}


def read_key_record(kind: str, body: Mapping[str, Any] | None, where: str) -> KeyRecord:
    """Return the typed body of a record of one of the :data:`KEY_KINDS`.

    Raises
    ------
    SignatureError
        E745 when it lacks a field or holds a value that it may not hold.
    """
    if body is None:
        raise bad_key_record(where, "its body is missing, and it may never be erased")
    try:
        record = msgspec.convert(body, KEY_KINDS[kind])
    except (msgspec.ValidationError, OverflowError) as error:
        raise bad_key_record(where, f"{error}") from error
    for field in ("person", "principal", "deputy"):
        person = getattr(record, field, None)
        if person is not None and not PERSON.fullmatch(person):
            raise bad_key_record(where, f"{field} {person!r} is not {PERSON.pattern}")
    for field in ("key", "old", "new"):
        key = getattr(record, field, None)
        if key is not None and not KEY_ID.fullmatch(key):
            raise bad_key_record(where, f"{field} {key!r} is no key id, expected ed25519: and 64 digits")
    for field in ("since", "start", "end"):
        moment = getattr(record, field, None)
        if moment is not None and moment.tzinfo is not UTC:
            raise bad_key_record(where, f"{field} is not a time of UTC")
    return record


def bad_key_record(where: str, reason: str, hint: str = "", web: str = "") -> SignatureError:
    """Return the error of a record about keys that breaks the rules."""
    return SignatureError(Fault("E745", where, f"is refused: {reason}.", hint, web))


def too_few_signers(where: str, reason: str, hint: str = "") -> SignatureError:
    """Return the error of a record about keys that more people must sign: with them it would be taken."""
    return SignatureError(Fault("E747", where, f"is refused: {reason}.", hint))
