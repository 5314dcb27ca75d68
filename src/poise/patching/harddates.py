"""Hard dates that cannot be met, told with the names and dates that people know them by."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from poise.errors import Fault, MissedDate, NoFeasiblePlanError


@contextmanager
def named_dates(name: Callable[[int], str], now: datetime, timezone: str) -> Iterator[None]:
    """Let what is raised inside about hard dates name changes and dates instead of numbers.

    Parameters
    ----------
    name
        Of a change, by its index.
    now
        Day 0 of the plan.
    timezone
        That dates are written in.
    """
    try:
        yield
    except NoFeasiblePlanError as error:
        if len(error.dates) != len(error.faults):
            raise

        def day(days: float) -> str:
            return f"{(now + timedelta(days=days)).astimezone(ZoneInfo(timezone)):%Y-%m-%d %H:%M}"

        faults = [
            Fault(fault.id, name(missed.change), _sentence(fault.id, missed, day), fault.hint)
            for fault, missed in zip(error.faults, error.dates, strict=True)
        ]
        raise NoFeasiblePlanError(faults, error.dates) from error


def _sentence(id: str, missed: MissedDate, day: Callable[[float], str]) -> str:
    due = f"must be done by {day(missed.due_days)}"
    if missed.possible_days is None:
        reason = (
            "no window of the horizon fits it at all" if id == "E500" else "the other hard dates leave none"
        )
        return f"{due}, but {reason}."
    if id == "E500":
        return f"{due}, but the first window in which it can be done ends {day(missed.possible_days)}."
    return f"{due}; beside the other hard dates it can be done by {day(missed.possible_days)}."
