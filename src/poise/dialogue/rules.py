"""Run rules: simple patterns that warn. Each names the rule, the items, and one conversation to have.

No rule weighs or adds anything up, none is about a person, and none predicts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median
from typing import Final

from poise.dialogue.counting import silence_of
from poise.dialogue.formulas import PERIOD, PERIODS
from poise.dialogue.state import Dialogue

YEAR: Final = PERIODS * PERIOD


@dataclass(frozen=True)
class Rule:
    """A pattern in words, and the conversation that it suggests."""

    text: str
    talk: str


RULES: Final[dict[str, Rule]] = {
    "late-promises": Rule(
        "The last three promises that fell due were late.",
        "What makes our times slip, and which of the open promises should we move today?",
    ),
    "surprises": Rule(
        "Two escalations within 60 days came without a notice here.",
        "What kept us from saying it to each other first, and what would make that easy?",
    ),
    "expired": Rule(
        "An exception is more than 14 days past its end, and nobody has looked at it.",
        "Renew it with a reason, or close it: who bears the risk today?",
    ),
    "stuck": Rule(
        "A disagreement is open for over 60 days, and nothing was put down about it for 30.",
        "Which of the three is it: interests to trade, facts to test, or values to take up together?",
    ),
    "carried": Rule(
        "An item was carried over in three meetings.",
        "Is it ours to decide? If not, write the joint page now.",
    ),
    "returned": Rule(
        "A disagreement was re-opened twice within a year.",
        "What did the settlement leave out for the side that came back?",
    ),
    "unexplained": Rule(
        "The last three overrides say no reason.",
        "What did each decision weigh that the recommendation did not?",
    ),
    "waiting": Rule(
        "A decision request is more than 7 days past its time without an answer.",
        "What is missing for an answer, and what shall happen meanwhile?",
    ),
    "renewals": Rule(
        "An exception was renewed twice or more.",
        "Is this still an exception, or a decision that we should take openly?",
    ),
    "silence": Rule(
        "Hardly anything is contested any more, while exceptions and overrides grow.",
        "Do we agree, or have we stopped raising things?",
    ),
}


@dataclass(frozen=True)
class RunWarning:
    """A rule that fits, and what it fits."""

    rule: str
    text: str
    items: tuple[str, ...]
    talk: str
    #: What the items are about, in words.
    titles: tuple[str, ...] = ()


def warnings(state: Dialogue, now: datetime) -> tuple[RunWarning, ...]:
    """Return the warnings at a moment, in the order of :data:`RULES`."""
    found = ((id, tuple(_CHECKS[id](state, now))) for id in RULES)
    return tuple(
        RunWarning(id, RULES[id].text, items, RULES[id].talk, tuple(map(state.title_of, items)))
        for id, items in found
        if items
    )


def _late(state: Dialogue, now: datetime) -> Iterator[str]:
    due = sorted(
        (
            one
            for one in state.promises.values()
            if now - YEAR < one.due <= now and (one.dropped is None or one.dropped > one.due)
        ),
        key=lambda one: (one.due, one.act.id),
    )
    last = due[-3:]
    if len(last) == 3 and all(one.kept is None or one.kept > one.due for one in last):
        yield from (one.act.id for one in last)


def _surprises(state: Dialogue, now: datetime) -> Iterator[str]:
    found = sorted(
        (page.time, one.act.id)
        for one in state.disagreements.values()
        for page in one.escalations
        if page.kind == "surprise" and now - YEAR < page.time <= now
    )
    for (earlier, first), (later, second) in pairwise(found):
        # What happened long ago warns of nothing today.
        if later - earlier <= timedelta(days=60) and now - later <= PERIOD:
            yield from dict.fromkeys((first, second))


def _expired(state: Dialogue, now: datetime) -> Iterator[str]:
    for one in state.exceptions.values():
        if one.closed is None and 14 < (now.date() - one.until).days <= YEAR.days:
            yield one.act.id


def _stuck(state: Dialogue, now: datetime) -> Iterator[str]:
    for one in state.contested():
        begun = max([one.time, *(time for time, _ in one.reopened)])
        if now - begun > timedelta(days=60) and now - one.last_word > timedelta(days=30):
            yield one.act.id


def _carried(state: Dialogue, now: datetime) -> Iterator[str]:
    yield from (item for item, count in carries(state).items() if count >= 3)


def carries(state: Dialogue) -> dict[str, int]:
    """Return how many times in a row each item was carried over, up to its last meeting."""
    counts: dict[str, int] = {}
    for meeting in state.meetings.values():
        for _, taken in meeting.taken:
            counts[taken.item] = counts.get(taken.item, 0) + 1 if taken.outcome == "carried" else 0
    return {item: count for item, count in counts.items() if count and not _is_over(state, item)}


def _is_over(state: Dialogue, item: str) -> bool:
    """Return whether what an item was about has ended since."""
    kind, _, id = item.partition(":")
    if kind == "disagreement" and id in state.disagreements:
        return state.disagreements[id].ended is not None
    if kind == "decision" and id in state.decisions:
        return state.decisions[id].ended is not None
    if kind == "promise" and id in state.promises:
        return not state.promises[id].is_open
    if kind == "exception" and id in state.exceptions:
        return state.exceptions[id].closed is not None
    return False


def _returned(state: Dialogue, now: datetime) -> Iterator[str]:
    for one in state.disagreements.values():
        if sum(now - YEAR < time <= now for time, _ in one.reopened) >= 2 and one.ended is None:
            yield one.act.id


def _unexplained(state: Dialogue, now: datetime) -> Iterator[str]:
    over = sorted(
        (one.ended, one.act.id, bool(one.made and one.made.reason.strip()))
        for one in state.decisions.values()
        if one.is_override and one.ended is not None and now - YEAR < one.ended <= now
    )
    last = over[-3:]
    if len(last) == 3 and not any(has_reason for _, _, has_reason in last):
        yield from (id for _, id, _ in last)


def _waiting(state: Dialogue, now: datetime) -> Iterator[str]:
    for one in state.decisions.values():
        if one.ended is None and now - one.act.needed_by > timedelta(days=7):
            yield one.act.id


def _renewals(state: Dialogue, now: datetime) -> Iterator[str]:
    for one in state.exceptions.values():
        if one.closed is None and len(one.renewed) >= 2:
            yield one.act.id


def _silence(state: Dialogue, now: datetime) -> Iterator[str]:
    raised, passed = silence_of(state, now)
    if sum(raised[1:]) >= 4 and raised[0] <= median(raised[1:]) / 4 and passed[0] > median(passed[1:]):
        yield "silence"


_CHECKS: dict[str, Callable[[Dialogue, datetime], Iterator[str]]] = {
    "late-promises": _late,
    "surprises": _surprises,
    "expired": _expired,
    "stuck": _stuck,
    "carried": _carried,
    "returned": _returned,
    "unexplained": _unexplained,
    "waiting": _waiting,
    "renewals": _renewals,
    "silence": _silence,
}
