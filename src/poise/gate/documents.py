"""What people sign for the gate: policies, exceptions, break-glass words and skips.

Each is a DSSE envelope (:mod:`poise.ledger.envelope`) over canonical JSON, so that the pipeline verifies it
offline. Who counts as a party stands in a trust file that the pipeline keeps apart from the policy: keys
that a policy names for its roles count only because both parties signed that policy.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from poise.errors import Fault, PolicyError, SignatureError
from poise.gate.policy import Policy
from poise.gate.policyfile import parse_policy, read_text
from poise.gate.sentences import sentences
from poise.ledger.canonical import canonical, digest, parse
from poise.ledger.envelope import Envelope
from poise.ledger.keys import KEY_ID

POLICY_TYPE: Final = "application/vnd.poise.policy+json"
EXCEPTION_TYPE: Final = "application/vnd.poise.exception+json"
BREAK_GLASS_TYPE: Final = "application/vnd.poise.break-glass+json"
SKIP_TYPE: Final = "application/vnd.poise.skip+json"

_T = TypeVar("_T", bound=msgspec.Struct)


class Trust(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whose signatures the pipeline takes for the parties'."""

    operations: tuple[str, ...]
    security: tuple[str, ...]


class SignedPolicy(msgspec.Struct, frozen=True):
    """A policy with the proof that both parties signed it."""

    policy: Policy
    #: SHA-256 of the signed payload.
    digest: str
    #: Key ids that signed, operations first.
    signers: tuple[str, ...]


class Exemption(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An exception: accepted risk with an owner, a reason and an end."""

    id: str
    service: str
    #: Id of the policy rule that it lifts.
    rule: str
    #: Identities of the finding, strongest first; one of them must match.
    finding: tuple[str, ...]
    title: str
    owner: str
    reason: str
    starts: datetime
    ends: datetime
    #: What is done about the risk meanwhile.
    meanwhile: str = ""


class BrokenGlass(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A deputy's word that one commit passes whatever the rules say."""

    service: str
    commit: str
    person: str
    reason: str
    at: datetime


class Skip(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A signed "not applicable": a report that one commit need not bring."""

    service: str
    commit: str
    report: str
    person: str
    reason: str
    at: datetime


def policy_payload(text: str, policy: Policy) -> bytes:
    """Return what both parties sign: the source and the sentences that they read."""
    return canonical({"schema": "poise-policy/1", "source": text, "sentences": list(sentences(policy))})


def read_envelope(path: Path, payload_type: str) -> Envelope:
    """Return the envelope of a file.

    Raises
    ------
    PolicyError
        E800 when the file cannot be read or is of another kind.
    LedgerError
        E702, E703 when it is no envelope.
    """
    envelope = Envelope.from_bytes(read_text(path).encode(), str(path))
    if envelope.payload_type != payload_type:
        message = f"The file holds {envelope.payload_type[:80]!r}, expected {payload_type!r}."
        raise PolicyError(Fault("E800", str(path), message))
    return envelope


def read_trust(path: Path) -> Trust:
    """Return the trust file: JSON with the key ids of ``operations`` and of ``security``.

    Raises
    ------
    PolicyError
        E800 when it cannot be read, names no key of a side, or one key on both sides.
    """
    hint = 'Expected {"operations": ["ed25519:..."], "security": ["ed25519:..."]}.'
    trust = _converted(parse(read_text(path).encode(), str(path)), Trust, str(path), hint)
    keys = (*trust.operations, *trust.security)
    problem = ""
    if not trust.operations or not trust.security:
        problem = "One side has no key."
    elif len(set(keys)) < len(keys):
        problem = "A key stands twice; nobody signs for both sides."
    elif not all(KEY_ID.fullmatch(key) for key in keys):
        problem = "A key id is not ed25519: and 64 hexadecimal digits."
    if problem:
        raise PolicyError(Fault("E800", str(path), problem, hint))
    return trust


def verify_policy(path: Path, trust: Trust, now: datetime) -> SignedPolicy:
    """Return a signed policy after checking both signatures, its sentences and its dates.

    Raises
    ------
    SignatureError
        E780 when a side has not signed these bytes, E781 when the policy does not hold at `now`.
    PolicyError, LedgerError
        When the file is no signed policy.
    """
    envelope = read_envelope(path, POLICY_TYPE)
    missing = []
    signers: list[str] = []
    for side, keys in (("operations", trust.operations), ("security", trust.security)):
        found = envelope.signers(POLICY_TYPE, keys)
        signers += found
        if not found:
            missing.append(side)
    if missing:
        message = f"No valid signature by {' and by '.join(missing)}: it was changed, or never signed."
        hint = f"Let the missing side read and sign it: poise policy sign {path} --key FILE."
        raise SignatureError(Fault("E780", str(path), message, hint))
    policy = policy_of(envelope, str(path))
    check_dates(policy, str(path), now)
    return SignedPolicy(policy, digest(envelope.payload), tuple(signers))


def policy_of(envelope: Envelope, where: str) -> Policy:
    """Return the policy inside an envelope; its sentences must be those of its source.

    Raises
    ------
    SignatureError
        E780 when the signed sentences are not what this Poise reads in the signed source.
    PolicyError
        When the source is no policy.
    """
    value = parse(envelope.payload, where)
    source = value.get("source") if isinstance(value, dict) else None
    if not isinstance(source, str):
        raise PolicyError(Fault("E800", where, "The envelope holds no policy."))
    policy = parse_policy(source, where)
    if value.get("sentences") != list(sentences(policy)):
        message = "The signed sentences are not what this version of Poise reads in the signed source."
        raise SignatureError(Fault("E780", where, message, "Read the sentences again and sign anew."))
    return policy


def check_dates(policy: Policy, where: str, now: datetime) -> None:
    """Refuse a policy that does not hold at `now`.

    Raises
    ------
    SignatureError
        E781.
    """
    if not policy.valid_from <= now.date() <= policy.valid_until:
        message = f"The policy holds from {policy.valid_from} to {policy.valid_until}, not on {now.date()}."
        raise SignatureError(Fault("E781", where, message, "Renew it together and sign the new version."))


def payload_of(document: msgspec.Struct) -> bytes:
    """Return a document as canonical JSON."""
    return canonical(msgspec.to_builtins(document))


def open_document(path: Path, payload_type: str, kind: type[_T], keys: tuple[str, ...]) -> tuple[_T, str]:
    """Return a signed document and the key that counts.

    Parameters
    ----------
    keys
        Key ids that may sign it, from the signed policy.

    Raises
    ------
    SignatureError
        E780 when none of the keys has signed it.
    """
    envelope = read_envelope(path, payload_type)
    document = _converted(parse(envelope.payload, str(path)), kind, str(path))
    signers = envelope.signers(payload_type, keys)
    if not signers:
        message = "None of those whom the policy entitles has signed it, or it was changed."
        raise SignatureError(Fault("E780", str(path), message, "The policy's sentences say who may."))
    return document, signers[0]


def unsigned_document(path: Path, payload_type: str, kind: type[_T]) -> _T:
    """Return what a document says, before anybody asks who signed it."""
    envelope = read_envelope(path, payload_type)
    return _converted(parse(envelope.payload, str(path)), kind, str(path))


def _converted(value: Any, kind: type[_T], where: str, hint: str = "") -> _T:
    try:
        return msgspec.convert(value, kind)
    except (msgspec.ValidationError, UnicodeEncodeError) as error:  # the latter for half a surrogate pair
        raise PolicyError(Fault("E800", where, f"The document cannot be read: {error}.", hint)) from error


def aware(document: Exemption | BrokenGlass | Skip, where: str) -> None:
    """Refuse a document whose times have no offset.

    Raises
    ------
    PolicyError
        E803.
    """
    times = (document.starts, document.ends) if isinstance(document, Exemption) else (document.at,)
    if any(time.tzinfo is None for time in times):
        raise PolicyError(Fault("E803", where, "A time has no offset from UTC."))
