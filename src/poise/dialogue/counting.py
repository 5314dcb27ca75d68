"""Periods, and what was open or ended in them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from poise.dialogue.formulas import PERIOD, PERIODS
from poise.dialogue.state import Dialogue, Disagreement


@dataclass(frozen=True)
class Span:
    """A period: after ``start``, up to and with ``end``."""

    start: datetime
    end: datetime

    def __contains__(self, moment: datetime | None) -> bool:
        return moment is not None and self.start < moment <= self.end


def ends(one: Disagreement) -> list[tuple[datetime, datetime]]:
    """Return (begun, ended) of each time that a disagreement was contested and came to an end."""
    begun = sorted([one.time, *(time for time, _ in one.reopened)])
    ended = sorted(
        [found.time for found in one.settled]
        + [found.decided_at for found in one.escalations if found.decided_at is not None]
    )
    return list(zip(begun, ended, strict=False))


def is_open_at(one: Disagreement, moment: datetime) -> bool:
    """Return whether a disagreement was contested at a moment."""
    over = ends(one)
    begun = sorted([one.time, *(time for time, _ in one.reopened)])
    last = sum(begin <= moment for begin in begun) - 1
    return last >= 0 and (last >= len(over) or over[last][1] > moment)


def silence_of(state: Dialogue, end: datetime) -> tuple[list[int], list[int]]:
    """Return disagreements raised, and exceptions plus overrides, by period to a moment, newest first."""
    raised, passed = [], []
    for number in range(PERIODS):
        span = Span(end - (number + 1) * PERIOD, end - number * PERIOD)
        raised.append(sum(one.time in span for one in state.disagreements.values()))
        noted = sum(one.time in span for one in state.exceptions.values())
        noted += sum(time in span for one in state.exceptions.values() for time, _ in one.renewed)
        noted += sum(one.is_override and one.ended in span for one in state.decisions.values())
        passed.append(noted)
    return raised, passed
