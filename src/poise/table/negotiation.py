"""A negotiation as the ledger tells it: positions, limits, proposals, matches, agreements.

The state is a function of the records alone. Opening positions are sealed: a side first puts a digest on the
ledger, and the position itself only once both digests are there; so neither has seen the other's, and
neither can change its own.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast

import msgspec

from poise.bargain.rounds import Offer, Party, due, kind_of_step
from poise.errors import Fault, TableError
from poise.ledger.canonical import canonical
from poise.table.agreement import is_agreement
from poise.table.limits import Limit
from poise.table.trading import Importance

OPENED, SEALED, REVEALED = "table.opened", "position.sealed", "position.opened"
LIMIT, DROPPED, PROPOSAL, MATCH = "limit.added", "limit.dropped", "proposal.made", "proposal.matched"
AGREEMENT, REOPENED = "agreement", "agreement.reopened"
KINDS = (OPENED, SEALED, REVEALED, LIMIT, DROPPED, PROPOSAL, MATCH, AGREEMENT, REOPENED)
PARTIES: tuple[Party, Party] = ("operations", "security")
#: Sealed positions as their owners keep them.
POSITION_FORM = "poise-position/1"


class Position(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An opening position: limits, and how much each service matters to this side (1 when not named)."""

    party: Party
    limits: tuple[Limit, ...] = ()
    importance: dict[str, float] = {}

    def __post_init__(self) -> None:
        for service, weight in self.importance.items():
            if not 0 <= weight <= 1000:
                raise ValueError(f"importance of {service} is {weight}; expected 0 to 1000")
        for limit in self.limits:
            if limit.party != self.party:
                raise ValueError(f"limit {limit.id} is of {limit.party}, the position of {self.party}")


def seal(position: Position, salt: str) -> str:
    """Return the digest that binds a side to its position; the salt keeps it from being guessed."""
    content = canonical({"position": msgspec.to_builtins(position), "salt": salt})
    return hashlib.sha256(content).hexdigest()


def kept_file(position: Position, salt: str) -> bytes:
    """Return the file with which its owner opens a sealed position."""
    kept = {"form": POSITION_FORM, "salt": salt, "position": msgspec.to_builtins(position)}
    return json.dumps(kept, indent=1, ensure_ascii=False).encode() + b"\n"


def read_kept(kept: Mapping[str, Any]) -> tuple[Position, str]:
    """Return the position and the salt of such a file.

    Raises
    ------
    TableError
        E550 when it is none.
    """
    try:
        return msgspec.convert(kept["position"], Position), str(kept["salt"])
    except (msgspec.ValidationError, KeyError) as error:
        reason = f"it has no {error}" if isinstance(error, KeyError) else str(error)
        hint = "Open the file that poise agree seal wrote."
        raise TableError(Fault("E550", "position", f"This is no sealed position: {reason}.", hint)) from error


@dataclass(frozen=True)
class Proposal:
    """A plan that somebody put on the table, by its number; drafts of the desk have no party."""

    number: int
    party: Party | None
    label: str
    windows: tuple[int, ...]
    share_operations: float
    share_security: float


@dataclass(frozen=True)
class Negotiation:
    """Where a negotiation stands.

    Parameters
    ----------
    ground
        Digest of the ground's file; None before the table was opened.
    opened
        Hash of the record that opened the table, which no other table has, on whatever ground.
    sealed
        Digest of each side's sealed position.
    positions
        Those that were opened.
    limits
        In force: the estate's, then those of positions, then those added, without those dropped.
    proposals, matched
        In order; numbers of those that both accept.
    agreements
        Bodies and record hashes, in order.
    reopened
        Record hashes of agreements that were re-opened.
    fallen
        Those of them for which the standing policy took over.
    void
        Record hashes of what was no possible step at its place, and so changed nothing.
    """

    ground: str | None = None
    opened: str = ""
    sealed: Mapping[Party, str] = field(default_factory=dict)
    positions: Mapping[Party, Position] = field(default_factory=dict)
    limits: tuple[Limit, ...] = ()
    proposals: tuple[Proposal, ...] = ()
    matched: tuple[int, ...] = ()
    agreements: tuple[tuple[str, dict[str, Any]], ...] = ()
    reopened: tuple[str, ...] = ()
    fallen: tuple[str, ...] = ()
    void: tuple[str, ...] = ()

    @property
    def importance(self) -> Importance:
        """Return what both sides declared important."""
        empty: dict[str, float] = {}
        of = {p: self.positions[p].importance if p in self.positions else empty for p in PARTIES}
        return Importance(of["operations"], of["security"])

    @property
    def last(self) -> tuple[str, dict[str, Any]] | None:
        """Return the last agreement, in force or re-opened, with its record's hash."""
        return self.agreements[-1] if self.agreements else None

    @property
    def in_force(self) -> tuple[str, dict[str, Any]] | None:
        """Return the last agreement unless it was re-opened.

        A signature ends the agreement before it for good: when the last one re-opens no older one returns,
        because nobody agreed to that.
        """
        return None if self.last is None or self.last[0] in self.reopened else self.last

    @property
    def goes_on(self) -> tuple[str, dict[str, Any]] | None:
        """Return whose plan goes on while nobody signs: the last agreement's, unless the policy took over."""
        return None if self.last is None or self.last[0] in self.fallen else self.last

    @property
    def offers(self) -> tuple[Offer, ...]:
        """Return the proposals of the two sides as offers."""
        return tuple(
            Offer(one.party, one.share_operations, one.share_security, repr(one.windows))
            for one in self.proposals
            if one.party is not None
        )

    @property
    def due(self) -> Party | None:
        """Return whose new proposal is due."""
        return due(self.offers)

    def step_of(self, number: int) -> str | None:
        """Return what kind of step a proposal was from the same side's last one; None for a first one."""
        proposal = self.proposals[number - 1]
        own = [one for one in self.proposals[: number - 1] if one.party == proposal.party]
        if proposal.party is None or not own:
            return None
        return kind_of_step(*(_offer(one) for one in (own[-1], proposal)))

    def proposal(self, number: int) -> Proposal:
        """Return a proposal by its number, from 1.

        Raises
        ------
        TableError
            E554 when there is none.
        """
        if not 1 <= number <= len(self.proposals):
            hint = f"There are {len(self.proposals)}; poise table show lists them."
            web = f"There are {len(self.proposals)}; they stand under Table."
            raise TableError(Fault("E554", "proposal", f"There is no proposal {number}.", hint, web))
        return self.proposals[number - 1]


def _offer(proposal: Proposal) -> Offer:
    party = cast(Party, proposal.party)
    return Offer(party, proposal.share_operations, proposal.share_security, repr(proposal.windows))


def replay(records: Iterable[tuple[str, str, dict[str, Any]]]) -> Negotiation:
    """Return the negotiation that records tell.

    Parameters
    ----------
    records
        (kind, hash, body) in the ledger's order; other kinds are passed over. A record that was no possible
        step at its place is ``void``: somebody wrote it past the table, and no record can be taken back.
    """
    state = Negotiation()
    for kind, record_hash, body in records:
        if kind in KINDS:
            try:
                state = advance(state, kind, record_hash, body)
            except (TableError, msgspec.ValidationError, KeyError, TypeError, ValueError, AttributeError):
                state = replace(state, void=(*state.void, record_hash))
    return state


def advance(state: Negotiation, kind: str, record_hash: str, body: dict[str, Any]) -> Negotiation:
    """Return the state after one more record; arguments as in :func:`replay`.

    Raises
    ------
    TableError
        E552, E554, E557 or E558 for a step that is not possible.
    """
    if kind == AGREEMENT and not is_agreement(body):
        return state  # two people agreed, on something else than a plan
    if kind != OPENED and state.ground is None:
        raise _out_of_turn(kind, "no table was opened")
    if kind == OPENED:
        return _opened(state, record_hash, body)
    if kind == SEALED:
        party = cast(Party, body["party"])
        if party in state.sealed:
            raise _out_of_turn(kind, f"the position of {party} is sealed already")
        return replace(state, sealed={**state.sealed, party: body["digest"]})
    if kind == REVEALED:
        return _revealed(state, body)
    if kind == LIMIT:
        limit = msgspec.convert(body["limit"], Limit)
        if any(limit.id == other.id for other in state.limits):
            raise TableError(Fault("E552", f"limit {limit.id}", "There is a limit of this id already."))
        return replace(state, limits=(*state.limits, limit))
    if kind == DROPPED:
        if not any(limit.id == body["id"] for limit in state.limits):
            raise TableError(Fault("E554", "limit", f"There is no limit {body['id']!r}."))
        return replace(state, limits=tuple(one for one in state.limits if one.id != body["id"]))
    if kind == PROPOSAL:
        made = msgspec.convert({**body, "number": len(state.proposals) + 1}, Proposal)
        return replace(state, proposals=(*state.proposals, made))
    if kind == MATCH:
        number = state.proposal(int(body["proposal"])).number
        return replace(state, matched=(*state.matched, number))
    if kind == AGREEMENT:
        return replace(state, agreements=(*state.agreements, (record_hash, body)))
    fallen = (body["agreement"],) if body.get("action") == "default" else ()
    return replace(state, reopened=(*state.reopened, body["agreement"]), fallen=(*state.fallen, *fallen))


def _opened(state: Negotiation, record_hash: str, body: dict[str, Any]) -> Negotiation:
    """Start a table: on a new one all begins anew but for agreements, which stand until re-opened."""
    limits = msgspec.convert(body["limits"], tuple[Limit, ...])
    return Negotiation(
        ground=body["ground"],
        opened=record_hash,
        limits=limits,
        agreements=state.agreements,
        reopened=state.reopened,
        fallen=state.fallen,
        void=state.void,
    )


def _revealed(state: Negotiation, body: dict[str, Any]) -> Negotiation:
    position = msgspec.convert(body["position"], Position)
    missing = [party for party in PARTIES if party not in state.sealed]
    if missing:
        hint = "poise agree seal puts a position on the ledger without showing it."
        web = "A lead seals the own side's position under Table."
        raise _out_of_turn(REVEALED, f"{' and '.join(missing)} has not sealed a position yet", hint, web)
    if position.party in state.positions:
        raise _out_of_turn(REVEALED, f"the position of {position.party} is open already")
    if seal(position, body["salt"]) != state.sealed[position.party]:
        text = f"This is not the position that {position.party} sealed."
        raise TableError(Fault("E558", "position", text, "Open the file that was sealed, unchanged."))
    known = {limit.id for limit in state.limits}
    twice = [limit.id for limit in position.limits if limit.id in known]
    if twice:
        text = f"These limits are there already: {', '.join(twice)}."
        hint = "Open the table anew, and seal positions whose limits have other ids."
        web = "Drop yours, post it under another short name, and seal again."
        raise TableError(Fault("E552", "position", text, hint, web))
    return replace(
        state,
        positions={**state.positions, position.party: position},
        limits=(*state.limits, *position.limits),
    )


def _out_of_turn(kind: str, reason: str, hint: str = "", web: str = "") -> TableError:
    return TableError(Fault("E557", kind, f"This is not possible now: {reason}.", hint, web))
