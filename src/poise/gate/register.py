"""What was signed for the gate, as a ledger holds it: acts as records, and the state that follows from them.

An act's body holds the signed envelope itself, so that whoever has the ledger has what pipelines verify. The
record beside it says who brought it and when. State is a fold over records, oldest first; nothing else is
kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, TypeVar

import msgspec

from poise.errors import Fault, PolicyError
from poise.gate.documents import (
    BREAK_GLASS_TYPE,
    EXCEPTION_TYPE,
    POLICY_TYPE,
    SKIP_TYPE,
    BrokenGlass,
    Exemption,
    Skip,
    policy_of,
)
from poise.gate.policy import Policy
from poise.ledger.canonical import canonical, digest, parse
from poise.ledger.envelope import Envelope
from poise.ledger.record import Record

#: A policy that one side has signed and the other has not yet.
PROPOSED: Final = "gate.policy.proposed"
#: The same policy with the signatures of both sides; refers to the proposal.
AGREED: Final = "gate.policy.agreed"
#: A proposal that will not be signed, or a policy that no longer holds; refers to it.
ENDED: Final = "gate.policy.ended"
EXCEPTION: Final = "gate.exception"
#: An exception taken back before its end; refers to it.
WITHDRAWN: Final = "gate.exception.withdrawn"
BREAK_GLASS: Final = "gate.break-glass"
SKIP: Final = "gate.skip"
KINDS: Final = (PROPOSED, AGREED, ENDED, EXCEPTION, WITHDRAWN, BREAK_GLASS, SKIP)

_TYPE_OF: Final = {EXCEPTION: EXCEPTION_TYPE, BREAK_GLASS: BREAK_GLASS_TYPE, SKIP: SKIP_TYPE}
_T = TypeVar("_T", bound=msgspec.Struct)


def body_of(envelope: Envelope) -> dict[str, Any]:
    """Return the body of the record that keeps a signed document."""
    return {"sha256": digest(envelope.payload), "envelope": envelope.as_json()}


def kind_of(document: Exemption | BrokenGlass | Skip) -> str:
    """Return the kind of the record that keeps a document."""
    if isinstance(document, Exemption):
        return EXCEPTION
    return BREAK_GLASS if isinstance(document, BrokenGlass) else SKIP


@dataclass(frozen=True, slots=True)
class Act:
    """Who brought something to the ledger, and when.

    Parameters
    ----------
    record
        Hash of its record.
    by
        The author.
    at
        When the record was placed.
    """

    record: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class PolicyEntry:
    """A policy on its way: proposed by one side, agreed by both, or ended."""

    policy: Policy
    source: str
    envelope: Envelope
    proposed: Act
    agreed: Act | None = None
    ended: Act | None = None
    reason: str = ""

    @property
    def name(self) -> str:
        """What people call it: its id and version."""
        return f"{self.policy.id} {self.policy.version}"

    @property
    def digest(self) -> str:
        """SHA-256 of what was signed, by which verdicts name the policy."""
        return digest(self.envelope.payload)

    def holds(self, now: datetime) -> bool:
        """Say whether deliveries are judged by it."""
        return (
            self.agreed is not None
            and self.ended is None
            and self.policy.valid_from <= now.date() <= self.policy.valid_until
        )


@dataclass(frozen=True, slots=True)
class ExceptionEntry:
    """An exception and what became of it."""

    document: Exemption
    envelope: Envelope
    made: Act
    #: The exception that takes its place, by its record.
    renewed_by: str = ""
    withdrawn: Act | None = None
    reason: str = ""

    def state(self, now: datetime) -> str:
        """Return ``withdrawn``, ``renewed``, ``ended``, ``coming`` or ``open``."""
        if self.withdrawn:
            return "withdrawn"
        if self.renewed_by:
            return "renewed"
        if self.document.ends <= now:
            return "ended"
        return "coming" if self.document.starts > now else "open"


@dataclass(frozen=True, slots=True)
class Word:
    """A deputy's word about one commit: broken glass, or a report that does not apply."""

    document: BrokenGlass | Skip
    envelope: Envelope
    made: Act


@dataclass(slots=True)
class Register:
    """Everything that was signed for the gate, in the order of the ledger."""

    #: By the record of the proposal.
    policies: dict[str, PolicyEntry] = field(default_factory=dict)
    #: By the record of the exception.
    exceptions: dict[str, ExceptionEntry] = field(default_factory=dict)
    words: list[Word] = field(default_factory=list)

    def in_force(self, service: str, now: datetime) -> PolicyEntry | None:
        """Return the policy by which a service is judged: the one agreed last."""
        held = [one for one in self.policies.values() if service in one.policy.services and one.holds(now)]
        return max(held, key=lambda one: one.agreed.at if one.agreed else one.proposed.at, default=None)

    def all_in_force(self, now: datetime) -> dict[str, PolicyEntry]:
        """Return the policies by which some service is judged, by the record of their proposal."""
        held = [self.in_force(name, now) for name in self.services()]
        return {key: one for key, one in self.policies.items() if one in held}

    def services(self) -> tuple[str, ...]:
        """Return every service that a policy names, by name."""
        return tuple(sorted({name for one in self.policies.values() for name in one.policy.services}))


def register(records: Iterable[Record]) -> Register:
    """Return the state that follows from the gate's records; records of other kinds are passed over.

    Raises
    ------
    PolicyError
        E611 when a record of the gate holds no document of its kind.
    """
    found = Register()
    for record in records:
        if record.statement.kind in KINDS and record.body is not None:
            _take(found, record, record.body)
    return found


def _take(found: Register, record: Record, body: Mapping[str, Any]) -> None:
    kind, act = record.statement.kind, Act(record.hash, record.statement.author, record.time)
    where = f"record {record.sequence}"
    if kind == PROPOSED:
        envelope = envelope_of(body, POLICY_TYPE, where)
        policy, source = policy_of(envelope, where), str(parse(envelope.payload, where)["source"])
        found.policies[record.hash] = PolicyEntry(policy, source, envelope, act)
    elif kind == EXCEPTION:
        envelope = envelope_of(body, EXCEPTION_TYPE, where)
        document = _document(envelope, Exemption, where)
        found.exceptions[record.hash] = ExceptionEntry(document, envelope, act)
        for target in record.statement.refers:
            if target in found.exceptions:
                found.exceptions[target] = replace(found.exceptions[target], renewed_by=record.hash)
    elif kind in (BREAK_GLASS, SKIP):
        envelope = envelope_of(body, _TYPE_OF[kind], where)
        is_glass = kind == BREAK_GLASS
        word = _document(envelope, BrokenGlass, where) if is_glass else _document(envelope, Skip, where)
        found.words.append(Word(word, envelope, act))
    else:
        _add(found, kind, record, body, act, where)


def _add(found: Register, kind: str, record: Record, body: Mapping[str, Any], act: Act, where: str) -> None:
    """Take a record that adds to an earlier one."""
    reason = str(body.get("reason", ""))
    for target in record.statement.refers:
        if kind == WITHDRAWN and target in found.exceptions:
            found.exceptions[target] = replace(found.exceptions[target], withdrawn=act, reason=reason)
        elif target in found.policies and kind == AGREED:
            envelope = envelope_of(body, POLICY_TYPE, where)
            if envelope.payload == found.policies[target].envelope.payload:
                found.policies[target] = replace(found.policies[target], envelope=envelope, agreed=act)
        elif target in found.policies and kind == ENDED:
            found.policies[target] = replace(found.policies[target], ended=act, reason=reason)


def envelope_of(body: Mapping[str, Any], payload_type: str, where: str) -> Envelope:
    """Return the envelope that a record's body holds.

    Raises
    ------
    PolicyError
        E611 when it holds none of this type, or its digest is another's.
    LedgerError
        E702, E703 when it is no envelope.
    """
    given = body.get("envelope")
    if not isinstance(given, dict):
        raise PolicyError(Fault("E611", where, "It holds no signed document."))
    envelope = Envelope.from_bytes(canonical(given), where)
    if envelope.payload_type != payload_type or body.get("sha256") != digest(envelope.payload):
        raise PolicyError(Fault("E611", where, f"It holds no {payload_type} with the digest that it states."))
    return envelope


def _document(envelope: Envelope, kind: type[_T], where: str) -> _T:
    try:
        return msgspec.convert(parse(envelope.payload, where), kind)
    except (msgspec.ValidationError, UnicodeEncodeError) as error:
        raise PolicyError(Fault("E611", where, f"Its document cannot be read: {error}.")) from error
