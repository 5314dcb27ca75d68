"""The agenda of a twenty-minute meeting: what is contested, changed, due, expiring or promised.

Ordered by the cost of delay, what waits longest first among equals. What has no price is not worth nothing:
it keeps one place of the five, the one that waits longest.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, Literal

from poise.bargain.rounds import Party
from poise.dialogue.base import PARTIES, other
from poise.dialogue.outlook import Prospect
from poise.dialogue.rules import carries
from poise.dialogue.state import Decision, Dialogue, Disagreement
from poise.incident.moments import day

MINUTES: Final = 20
#: Items of one meeting: four minutes each.
SHOWN: Final = 5
#: How far ahead an end or a review date comes up, and a promise.
AHEAD: Final = timedelta(days=30)
SOON: Final = timedelta(days=7)
#: From how many carries in a row on the joint page is suggested.
CARRIES: Final = 3

Why = Literal["contested", "asked", "expiring", "review", "changed", "promised", "goal"]


@dataclass(frozen=True)
class Side:
    """A side's words on an item, as it put them down."""

    position: str = ""
    interest: str = ""
    change_my_mind: str = ""


@dataclass(frozen=True)
class Choice:
    """One way to decide, and its price [money] where there is one."""

    text: str
    price: float | None = None


@dataclass(frozen=True)
class Item:
    """One item.

    Parameters
    ----------
    key
        ``kind:id`` of what it is about; carries are counted by it.
    why
        Why it is here.
    goal, serves
        Id and title of the goal of both that it serves; empty where it names none of both.
    title, decision
        What it is, and the decision wanted.
    cost_per_day, basis
        What a day of delay costs, and on what that rests; None is not known.
    since, due
        Since when it waits; when it is or was due.
    sides, choices
        What both say, and the ways to decide.
    facts
        Further lines: what was tested, what happens without agreement.
    carried
        How many meetings in a row carried it over.
    """

    key: str
    why: Why
    title: str
    decision: str
    since: datetime
    cost_per_day: float | None = None
    basis: str = ""
    due: datetime | None = None
    goal: str = ""
    serves: str = ""
    sides: dict[Party, Side] = field(default_factory=dict)
    choices: tuple[Choice, ...] = ()
    facts: tuple[str, ...] = ()
    carried: int = 0


@dataclass(frozen=True)
class Agenda:
    """What to talk about, and what waits for another time."""

    at: datetime
    currency: str
    items: tuple[Item, ...]
    waiting: tuple[Item, ...]
    minutes: int = MINUTES

    @property
    def all(self) -> tuple[Item, ...]:
        """Everything, in order."""
        return (*self.items, *self.waiting)


def make_agenda(
    state: Dialogue, now: datetime, prospect: Prospect | None = None, currency: str = ""
) -> Agenda:
    """Return the agenda at a moment.

    Parameters
    ----------
    prospect
        Of the table, for prices of what names services and says no price; None without a table.
    currency
        What prices are in where no table and no agreement says so.
    """
    found = [*_asked(state, now), *_contested(state), *_expiring(state, now), *_reviews(state, now)]
    found += [*_changed(state, now), *_promised(state, now), *_goals(state, now)]
    carried = carries(state)
    items = [
        replace(
            _priced(one, state, now, prospect),
            carried=carried.get(one.key, 0),
            serves=_serves(state, one.goal, now),
        )
        for one in found
    ]
    items.sort(key=_order)
    shown = items[:SHOWN]
    unpriced = [one for one in items[SHOWN:] if one.cost_per_day is None]
    if unpriced and all(one.cost_per_day is not None for one in shown):
        shown = [*shown[: SHOWN - 1], unpriced[0]]
    waiting = [one for one in items if one not in shown]
    written = prospect.ground.currency if prospect else currency or state.currency
    minutes = state.meeting_time.minutes if state.meeting_time else MINUTES
    return Agenda(now, written, tuple(shown), tuple(waiting), minutes)


def _serves(state: Dialogue, goal: str, now: datetime) -> str:
    found = state.goals.get(goal)
    return found.act.title if found and found.is_shared(now) else ""


def _order(item: Item) -> tuple[bool, float, int, datetime, str]:
    """Dearest first; without a price what holds the other side up, then what was promised or ends."""
    rank = {"asked": 0, "contested": 0, "changed": 0, "promised": 1, "expiring": 1}.get(item.why, 2)
    return item.cost_per_day is None, -(item.cost_per_day or 0.0), rank, item.since, item.key


def _priced(item: Item, state: Dialogue, now: datetime, prospect: Prospect | None) -> Item:
    """Return an item with Poise's price where nobody gave one and it names services of the table."""
    if item.cost_per_day is not None or prospect is None:
        return item
    services = _services(item, state)
    price = prospect.price_of(services, now) if services else None
    if price is None:
        return item
    basis = f"expected loss a day of what is open on {', '.join(services)}, by the table"
    return replace(item, cost_per_day=price, basis=basis)


def _services(item: Item, state: Dialogue) -> tuple[str, ...]:
    kind, _, id = item.key.partition(":")
    if kind == "disagreement":
        return state.disagreements[id].act.services
    if kind == "decision":
        return state.decisions[id].act.services
    return state.exceptions[id].act.services if kind == "exception" else ()


def _asked(state: Dialogue, now: datetime) -> Iterator[Item]:
    for id, one in state.decisions.items():
        if one.ended is None:
            yield Item(
                key=f"decision:{id}",
                why="asked",
                title=one.act.question,
                decision=f"{other(one.act.party).capitalize()} decides.",
                since=one.time,
                cost_per_day=one.act.cost_per_day,
                basis=one.act.basis,
                due=one.act.needed_by,
                goal=one.act.goal or _goal_of(state, one.act.disagreement),
                sides=_recommended(one),
                choices=tuple(Choice(option.text, option.price) for option in one.act.options),
                facts=(f"Past its time by {(now - one.act.needed_by).days} days.",)
                if now - one.act.needed_by >= timedelta(days=1)
                else (),
            )


def _goal_of(state: Dialogue, disagreement: str) -> str:
    return state.disagreements[disagreement].goal if disagreement in state.disagreements else ""


def _recommended(one: Decision) -> dict[Party, Side]:
    texts = {option.id: option.text for option in one.act.options}
    wanted = texts.get(one.act.recommendation)
    return {one.act.party: Side(position=f"{wanted}, as its recommendation")} if wanted else {}


#: What a disagreement needs next, by its type.
NEXT: Final = {
    "interests": "Find a trade: what is each willing to give for what it needs most?",
    "facts": "Agree on a test: what would show who is right, who runs it, by when?",
    "values": "Say both views back to each other, then write the joint page.",
}


def _contested(state: Dialogue) -> Iterator[Item]:
    for one in state.contested():
        act = one.act
        yield Item(
            key=f"disagreement:{act.id}",
            why="contested",
            title=act.title,
            decision=_next_step(one),
            since=one.reopened[-1][0] if one.reopened else one.time,
            cost_per_day=act.cost_per_day,
            basis=act.basis,
            goal=one.goal,
            sides=_sides(one),
            choices=_choices(one),
            facts=tuple(_facts(one)),
        )


def _next_step(one: Disagreement) -> str:
    if one.offer is not None:
        return f"{other(one.offer.party).capitalize()} answers the offer: {one.offer.outcome}"
    if one.escalations and one.escalations[-1].decided is None:
        return "It went up; agree on what holds until it is decided."
    if one.type == "facts" and one.test is not None and one.result is None:
        return f"Run the test by {day(one.test.due)}: {one.test.test} ({one.test.owner})"
    if one.type == "facts" and one.result is not None:
        return f"Settle by the result: {one.result.result}"
    return NEXT[one.type]


def _sides(one: Disagreement) -> dict[Party, Side]:
    said = {party: one.position(party) for party in PARTIES}
    return {
        party: Side(act.position, act.interest, act.change_my_mind)
        for party, act in said.items()
        if act is not None
    }


def _choices(one: Disagreement) -> tuple[Choice, ...]:
    texts = [text for party in PARTIES if (act := one.position(party)) for text in act.options]
    return tuple(Choice(text) for text in dict.fromkeys(texts))


def _facts(one: Disagreement) -> Iterator[str]:
    for party in PARTIES:
        act = one.position(party)
        if act is not None and act.measure:
            yield f"Measure of {party}: {act.measure}"
        if act is not None and act.without_agreement:
            yield f"Without agreement, says {party}: {act.without_agreement}"


def _expiring(state: Dialogue, now: datetime) -> Iterator[Item]:
    for id, one in state.exceptions.items():
        left = (one.until - now.date()).days
        if one.closed is None and left <= AHEAD.days:
            state_of = (
                f"ends on {day(one.until)}" if left >= 0 else f"ended on {day(one.until)}, not reviewed"
            )
            yield Item(
                key=f"exception:{id}",
                why="expiring",
                title=f"{one.act.what}: {state_of}",
                decision="Take it back at the gate, or renew it there with a reason."
                if one.gate
                else "Close it, or renew it with a reason.",
                since=one.time,
                cost_per_day=one.act.exposure_per_day,
                basis="exposure of the accepted risk" if one.act.exposure_per_day is not None else "",
                due=_noon(one.until, now),
                facts=(f"Owner: {one.act.owner}",),
            )


def _noon(on: object, now: datetime) -> datetime:
    return datetime.fromisoformat(f"{on}T12:00:00").replace(tzinfo=now.tzinfo)


def _reviews(state: Dialogue, now: datetime) -> Iterator[Item]:
    for id, one in state.decisions.items():
        on, key = one.made.review_on if one.made else None, f"review-decision:{id}"
        if on and on <= now.date() and not _was_taken(state, key):
            yield _review(key, one.act.question, on, one.time, now)
    for id, found in state.disagreements.items():
        review = found.settled[-1].proposed.review_on if found.settled and found.ended else None
        key = f"review-settlement:{id}"
        if review and review <= now.date() and not _was_taken(state, key):
            yield _review(key, found.act.title, review, found.settled[-1].time, now)
    signed = state.in_force
    due = (signed.body.get("terms") or {}).get("review") if signed else None
    if signed and due and due <= now.date().isoformat():
        key = f"review-agreement:{signed.record[:16]}"
        if not _was_taken(state, key):
            yield _review(key, "The signed plan", due, signed.time, now)


def _review(key: str, title: str, due: object, since: datetime, now: datetime) -> Item:
    decision = "Did it bring what we expected? Keep it, change it, or re-open it."
    return Item(key, "review", f"Review: {title}", decision, since, due=_noon(due, now))


def _was_taken(state: Dialogue, key: str) -> bool:
    """Return whether a meeting dealt with an item, other than by carrying it over."""
    return any(
        taken.item == key and taken.outcome != "carried"
        for meeting in state.meetings.values()
        for _, taken in meeting.taken
    )


def _changed(state: Dialogue, now: datetime) -> Iterator[Item]:
    signed = list(state.agreements.values())
    if signed and signed[-1].reopened is not None:
        last = signed[-1]
        key = f"agreement:{last.record[:16]}"
        yield Item(
            key,
            "changed",
            "The signed plan was re-opened",
            "Agree anew, or let the default take over knowingly.",
            signed[-1].reopened or now,
            facts=last.reasons,
        )


def _promised(state: Dialogue, now: datetime) -> Iterator[Item]:
    for id, one in state.promises.items():
        if one.is_open and one.expected <= now + SOON:
            is_late = one.expected < now
            yield Item(
                key=f"promise:{id}",
                why="promised",
                title=f"{one.act.party.capitalize()} promised: {one.act.what}",
                decision="Say a new time, or drop it openly." if is_late else "On its way? Else move it now.",
                since=one.time,
                due=one.expected,
                facts=(f"Late since {day(one.expected)}.",) if is_late else (),
            )


def _goals(state: Dialogue, now: datetime) -> Iterator[Item]:
    for id, one in state.goals.items():
        if one.retired is None and len(one.endorsed) < 2:
            missing = next(party for party in PARTIES if party not in one.endorsed)
            yield Item(
                key=f"goal:{id}",
                why="goal",
                title=f"Goal of one side only: {one.act.title}",
                decision=f"{missing.capitalize()} endorses it, or says what would have to change.",
                since=one.time,
            )
