"""From records to the state of the dialogue: each act is possible at its point, or it is told why not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import Any, Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from poise.dialogue import commitments, pair
from poise.dialogue.acts import ACTS
from poise.dialogue.base import Act
from poise.dialogue.formulas import SIGNALS
from poise.dialogue.place import Place
from poise.dialogue.quarrel_steps import QUARREL_STEPS
from poise.dialogue.state import Accepted, Dialogue, Signed
from poise.dialogue.steps import STEPS
from poise.errors import DialogueError, Fault
from poise.ledger.bodies import misfit

AGREEMENT, REOPENED = "agreement", "agreement.reopened"
KINDS = frozenset({*ACTS, AGREEMENT, REOPENED})
_STEPS = {**STEPS, **QUARREL_STEPS}


class Entry(Protocol):
    """What is needed of a ledger's record."""

    @property
    def kind(self) -> str:
        """What it is."""

    @property
    def hash(self) -> str:
        """Its hash."""

    @property
    def time(self) -> datetime:
        """When it was put there."""

    @property
    def body(self) -> dict[str, Any] | None:
        """Its content; None once it was erased."""


def read_act(kind: str, body: Mapping[str, Any], where: str) -> Act:
    """Return the act of a body.

    Raises
    ------
    DialogueError
        E850 for a kind that is none, or a body that does not fit it.
    """
    if kind not in ACTS:
        hint = f"Kinds: {', '.join(ACTS)}."
        raise DialogueError(Fault("E850", where, f"{kind!r} is no act of the dialogue.", hint))
    try:
        act: Act = msgspec.convert(body, ACTS[kind], strict=False)
    except (msgspec.ValidationError, OverflowError) as error:
        hint = f"Fields: {', '.join(ACTS[kind].__struct_fields__)}. docs/dialogue.md shows each."
        raise DialogueError(
            Fault("E850", where, f"is no {kind}: {misfit(ACTS[kind], error)}.", hint)
        ) from error
    faults = [Fault("E850", where, text) for text in _wrong(act)]
    if faults:
        raise DialogueError(faults)
    return act


def _wrong(act: Act) -> Iterable[str]:
    """Yield what no type can say about an act."""
    if isinstance(act, pair.ProfileStated | pair.MeetingPlanned):
        try:
            ZoneInfo(act.timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            yield f"timezone is {act.timezone!r}; expected a name such as Europe/Berlin."
    if isinstance(act, pair.ProfileStated):
        for one in act.pressures:
            if one.end < one.start:
                yield f"the pressure {one.what!r} ends on {one.end}, before it starts on {one.start}."
    elif isinstance(act, commitments.DecisionAsked):
        names = [one.id for one in act.options]
        if len(set(names)) < len(names):
            yield f"an option is named twice: {', '.join(names)}."
        if act.recommendation and act.recommendation not in names:
            yield f"recommendation is {act.recommendation!r}; expected one of {', '.join(names) or 'none'}."
    elif isinstance(act, commitments.JudgementStated) and act.high < act.low:
        yield f"high is {act.high:g}, below low, {act.low:g}."
    elif isinstance(act, pair.SignalAnnotated) and act.signal not in SIGNALS:
        yield f"signal is {act.signal!r}; expected one of {', '.join(SIGNALS)}."


def replay(entries: Iterable[Entry]) -> Dialogue:
    """Return the dialogue that records tell, in the ledger's order; other kinds are passed over.

    What was no possible step at its place is ``void``: somebody wrote it past the room, and no record can
    be taken back.
    """
    state = Dialogue()
    is_erased = False
    for entry in entries:
        if entry.kind not in KINDS:
            continue
        if entry.body is None:
            is_erased = True
            continue
        try:
            advance(state, entry.kind, entry.hash, entry.time, entry.body)
        except DialogueError:
            # What rested on an erased record went with it.
            if not is_erased:
                state.void.append(entry.hash)
    return state


def advance(state: Dialogue, kind: str, record: str, time: datetime, body: dict[str, Any]) -> None:
    """Take one more record into the state.

    Raises
    ------
    DialogueError
        E850 for a body that cannot be read, E851 for an id given twice, E852 for one that names nothing,
        E853 for a step that is not possible now, E854 for one that is the other side's, E855 for a seal
        that does not fit.
    """
    if kind == AGREEMENT:
        _sign(state, Signed(record, time, body))
    elif kind == REOPENED:
        signed = state.agreements.get(str(body.get("agreement")))
        if signed is not None:
            reasons = tuple(map(str, body.get("reasons", ())))
            state.agreements[signed.record] = replace(signed, reopened=time, reasons=reasons)
    else:
        act = read_act(kind, body, f"{kind} {record[:16]}".strip())
        _STEPS[type(act)](state, act, Place(kind, record, time))


def _sign(state: Dialogue, signed: Signed) -> None:
    """Take an agreement in: its accepted risks are exceptions, those of the one before it are over."""
    accepted = dict(_accepted(signed))
    for id, found in state.exceptions.items():
        if found.agreement and found.closed is None:
            state.exceptions[id] = replace(found, closed=signed.time)
    state.agreements[signed.record] = signed
    state.exceptions |= accepted


def _accepted(signed: Signed) -> Iterator[tuple[str, Accepted]]:
    """Yield the accepted risks of an agreement by id; E850 where two have signed something else as such."""
    try:
        for number, risk in enumerate(signed.body.get("terms", {}).get("exceptions", ()), 1):
            id = f"agreed-{signed.record[:8]}-{number}"
            act = commitments.ExceptionNoted(
                party="security",
                id=id,
                what=risk["what"],
                owner=risk["owner"],
                until=date.fromisoformat(risk["until"]),
            )
            yield id, Accepted(act, signed.time, agreement=signed.record)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        text = "has accepted risks that are none; expected what, owner and until of each."
        raise DialogueError(Fault("E850", f"{AGREEMENT} {signed.record[:16]}", text)) from error
