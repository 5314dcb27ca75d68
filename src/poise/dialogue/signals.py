"""Signals: counts from the record of decisions, for the pair and never for a person.

There is no argument for a reader: both sides get the same bytes. Each signal is compared with the pair's own
past and with nothing else; below its minimum it says what is missing and no figure.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from statistics import median

from poise.dialogue.base import PARTIES
from poise.dialogue.counting import Span, ends, is_open_at, silence_of
from poise.dialogue.formulas import BANDS, PERIOD, PERIODS, SHARE_FROM, SIGNALS, Formula
from poise.dialogue.rules import RunWarning, warnings
from poise.dialogue.state import Dialogue


@dataclass(frozen=True)
class Figure:
    """A count, of how many where that means something; or an amount in a unit."""

    label: str
    count: int | None = None
    of: int | None = None
    amount: float | None = None
    unit: str = ""

    @property
    def share(self) -> float | None:
        """Return count / of; None from fewer than ten."""
        if self.count is None or self.of is None or self.of < SHARE_FROM:
            return None
        return self.count / self.of

    def __str__(self) -> str:
        if self.count is None:
            return f"{self.label}: {self.amount:.3g} {self.unit}".rstrip()
        share = "" if self.share is None else f" ({self.share:.0%})"
        return f"{self.label}: {self.count}" + ("" if self.of is None else f" of {self.of}{share}")


@dataclass(frozen=True)
class Reading:
    """What a signal counts in one period.

    Parameters
    ----------
    cases
        How many there were; below the minimum there are no figures.
    items
        Ids of what was counted.
    """

    span: Span
    cases: int
    figures: tuple[Figure, ...] = ()
    items: tuple[str, ...] = ()


@dataclass(frozen=True)
class Signal:
    """A signal with its past: newest period first in ``readings``."""

    id: str
    formula: Formula
    readings: tuple[Reading, ...]
    notes: tuple[tuple[str, str, datetime], ...] = ()

    @property
    def now(self) -> Reading:
        """The reading of the period that ends now."""
        return self.readings[0]

    @property
    def sentence(self) -> str:
        """What it says, in one sentence."""
        if not self.now.figures:
            return (
                f"Not enough to say ({self.formula.cases}: {self.now.cases}; from {self.formula.minimum} on)."
            )
        return "; ".join(map(str, self.now.figures)) + "."


@dataclass(frozen=True)
class Signals:
    """All signals and warnings at one moment."""

    at: datetime
    signals: tuple[Signal, ...]
    warnings: tuple[RunWarning, ...]


def read_signals(state: Dialogue, now: datetime) -> Signals:
    """Return the signals of the pair.

    Parameters
    ----------
    state
        From :func:`poise.dialogue.fold.replay`.
    now
        The time that counts. The last period ends then; those before it follow without gaps.
    """
    limits = [now - number * PERIOD for number in range(PERIODS)]
    spans = [Span(end - PERIOD, end) for end in limits]
    found = []
    for id, formula in SIGNALS.items():
        # A year's signals are the same thing a quarter later: they have one reading.
        own = spans[:1] if id in _YEARLY else spans
        readings = tuple(_cut(_COUNTS[id](state, span), formula) for span in own)
        notes = tuple(
            (act.party, act.text, time)
            for time, act in state.annotations
            if act.signal == id and limits[-1] - PERIOD < time <= now
        )
        found.append(Signal(id, formula, readings, notes))
    return Signals(now, tuple(found), warnings(state, now))


_YEARLY = frozenset({"calibration", "concessions"})


def _cut(reading: Reading, formula: Formula) -> Reading:
    """Take away the figures of a reading with too few cases."""
    return reading if reading.cases >= formula.minimum else replace(reading, figures=())


def _promises(state: Dialogue, span: Span) -> Reading:
    due = [
        one
        for one in state.promises.values()
        # Dropped before its time it is no miss; the other side saw it go.
        if one.due in span and not (one.dropped is not None and one.dropped <= one.due)
    ]
    kept = [one for one in due if one.kept is not None and one.kept <= one.due]
    late_hours = [
        (one.kept - one.due).total_seconds() / 3600
        for one in due
        if one.due < (one.kept or one.due) <= span.end and one.kept is not None
    ]
    figures = [Figure("kept in time", len(kept), len(due))]
    if len(late_hours) >= 3:
        figures.append(Figure("median lateness", amount=median(late_hours), unit="h"))
    return Reading(span, len(due), tuple(figures), tuple(one.act.id for one in due))


def _calibration(state: Dialogue, span: Span) -> Reading:
    year = Span(span.end - PERIODS * PERIOD, span.end)
    resolved = [one for one in state.judgements.values() if one.resolved_at in year]
    figures = []
    low = 0.0
    for high in BANDS:
        # The middle of a range that starts a band belongs to it; 1 belongs to the last.
        inside = [
            one
            for one in resolved
            if low <= (one.act.low + one.act.high) / 2 < high
            or (high == 1.0 == (one.act.low + one.act.high) / 2)
        ]
        if inside:
            came = sum(one.resolved is not None and one.resolved.came_true for one in inside)
            figures.append(Figure(f"stated {low:.0%} to {high:.0%}, came true", came, len(inside)))
        low = high
    corrections = [act for time, act in state.corrections if time in year]
    own = sum(act.found_by == "own side" for act in corrections)
    if corrections:
        figures.append(Figure("corrections found by the side that was wrong", own, len(corrections)))
    return Reading(span, len(resolved), tuple(figures), tuple(one.act.id for one in resolved))


def _unanswered(state: Dialogue, span: Span) -> Reading:
    known = [one for one in state.decisions.values() if one.time <= span.end]
    still = [one for one in known if one.ended is None or one.ended > span.end]
    ages = [(span.end - one.time).days for one in still]
    figures = (
        Figure("open up to 7 days", sum(age <= 7 for age in ages)),
        Figure("8 to 30 days", sum(7 < age <= 30 for age in ages)),
        Figure("over 30 days", sum(age > 30 for age in ages)),
    )
    cases = len({one.act.id for one in known if one in still or one.time in span})
    return Reading(span, cases, figures, tuple(one.act.id for one in still))


def _overrides(state: Dialogue, span: Span) -> Reading:
    decided = [
        one
        for one in state.decisions.values()
        if one.made is not None and one.act.recommendation and one.ended in span
    ]
    over = [one for one in decided if one.is_override]
    figures = [
        Figure(
            f"against the recommendation of {party}",
            sum(one.act.party == party for one in over),
            sum(one.act.party == party for one in decided),
        )
        for party in PARTIES
        if any(one.act.party == party for one in decided)
    ]
    said_why = sum(bool(one.made and one.made.reason.strip()) for one in over)
    if over:
        figures.append(Figure("of these with a reason", said_why, len(over)))
    return Reading(span, len(decided), tuple(figures), tuple(one.act.id for one in over))


def _agreement_time(state: Dialogue, span: Span) -> Reading:
    pairs = [
        (one.act.id, (end - begin).total_seconds() / 86_400)
        for one in state.disagreements.values()
        for begin, end in ends(one)
        if end in span
    ]
    days = [length for _, length in pairs]
    figures = (Figure("median", amount=median(days) if days else None, unit="days"),)
    return Reading(span, len(pairs), figures, tuple(id for id, _ in pairs))


def _oldest(state: Dialogue, span: Span) -> Reading:
    still = [one for one in state.disagreements.values() if is_open_at(one, span.end)]
    oldest = min(still, key=lambda one: one.time, default=None)
    if oldest is None:
        return Reading(span, 0)
    figure = Figure("oldest", amount=float((span.end - oldest.time).days), unit="days")
    return Reading(span, len(still), (Figure("open", len(still)), figure), (oldest.act.id,))


def _reopened(state: Dialogue, span: Span) -> Reading:
    again = [
        one.act.id for one in state.disagreements.values() for time, _ in one.reopened if time in span
    ] + [one.record[:16] for one in state.agreements.values() if one.reopened in span]
    closed = sum(end in span for one in state.disagreements.values() for _, end in ends(one))
    closed += sum(one.time in span for one in state.agreements.values())
    figures = (Figure("re-opened", len(again)), Figure("ended or signed", closed))
    return Reading(span, closed, figures, tuple(again))


def _exceptions(state: Dialogue, span: Span) -> Reading:
    known = [
        one
        for one in state.exceptions.values()
        if one.time <= span.end and (one.closed is None or one.closed > span.end)
    ]
    expired = [one for one in known if one.until_at(span.end) < span.end.date()]
    often = [one for one in known if sum(time <= span.end for time, _ in one.renewed) >= 2]
    figures = (
        Figure("past their end, not reviewed", len(expired), len(known)),
        Figure("renewed twice or more", len(often), len(known)),
    )
    return Reading(
        span, len(known), figures, tuple(one.act.id for one in known if one in expired or one in often)
    )


def _escalations(state: Dialogue, span: Span) -> Reading:
    found = [
        (one.act.id, page.kind)
        for one in state.disagreements.values()
        for page in one.escalations
        if page.time in span
    ]
    figures = tuple(
        Figure(kind, sum(own == kind for _, own in found)) for kind in ("joint", "one-sided", "surprise")
    )
    return Reading(span, len(found), figures, tuple(id for id, _ in found))


def _concessions(state: Dialogue, span: Span) -> Reading:
    year = Span(span.end - PERIODS * PERIOD, span.end)
    given = dict.fromkeys(PARTIES, 0.0)
    weight = dict.fromkeys(PARTIES, 0.0)
    counted = []
    for one in state.disagreements.values():
        importance = {party: one.importance(party) for party in PARTIES}
        for settlement in one.settled:
            got = {party: settlement.got(party) for party in PARTIES}
            if settlement.time not in year or None in (*importance.values(), *got.values()):
                continue
            counted.append(one.act.id)
            for party in PARTIES:
                given[party] += (importance[party] or 0.0) * (1 - (got[party] or 0.0))
                weight[party] += importance[party] or 0.0
    figures = tuple(
        Figure(
            f"given up by {party}",
            amount=100 * given[party] / weight[party],
            unit="% of what it held important",
        )
        for party in PARTIES
        if weight[party] > 0
    )
    return Reading(span, len(counted), figures if len(figures) == 2 else (), tuple(counted))


def _options(state: Dialogue, span: Span) -> Reading:
    asked = [one for one in state.decisions.values() if one.time in span]
    several = [one for one in asked if len(one.act.options) >= 2]
    figure = Figure("with two options or more", len(several), len(asked))
    return Reading(span, len(asked), (figure,), tuple(one.act.id for one in asked if one not in several))


def _coverage(state: Dialogue, span: Span) -> Reading:
    contested = [
        one
        for one in state.disagreements.values()
        if one.time <= span.end
        and (is_open_at(one, span.end) or one.time in span or any(end in span for _, end in ends(one)))
    ]
    linked = [
        one for one in contested if (goal := one.goal_at(span.end)) and state.goals[goal].is_shared(span.end)
    ]
    figure = Figure("named a goal of both", len(linked), len(contested))
    return Reading(
        span, len(contested), (figure,), tuple(one.act.id for one in contested if one not in linked)
    )


def _silence(state: Dialogue, span: Span) -> Reading:
    raised, passed = silence_of(state, span.end)
    figures = (
        Figure("raised", raised[0]),
        Figure("median of the periods before", amount=float(median(raised[1:])), unit="raised"),
        Figure("exceptions and overrides", passed[0]),
        Figure(
            "median of the periods before", amount=float(median(passed[1:])), unit="exceptions and overrides"
        ),
    )
    return Reading(span, sum(raised[1:]), figures)


_COUNTS: dict[str, Callable[[Dialogue, Span], Reading]] = {
    "promises": _promises,
    "calibration": _calibration,
    "unanswered": _unanswered,
    "overrides": _overrides,
    "agreement-time": _agreement_time,
    "oldest-open": _oldest,
    "reopened": _reopened,
    "exceptions": _exceptions,
    "escalations": _escalations,
    "concessions": _concessions,
    "options": _options,
    "coverage": _coverage,
    "silence": _silence,
}
