"""The risk budget: risk-days over the agreed fix time, in a moving window.

Every finding past its fix time burns its weight each day. What has a fix burns by our own delay and counts
against the budget; what has none is shown beside it. The history is a line per verdict; between two lines
the rate of the earlier one holds, so that a service that stops delivering does not stop burning.

The idea is the error budget of the SRE Workbook ("Example Error Budget Policy"): it halts other changes,
never a fix, and it punishes nobody.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec

from poise.errors import Fault, PolicyError
from poise.gate.policy import Budget
from poise.gate.verdict import BudgetState, Verdict

#: Largest history [bytes]: ten deliveries a day for forty years.
_MAX_BYTES: Final = 32 * 1024**2


class Point(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One verdict, as the history keeps it."""

    time: datetime
    service: str
    commit: str
    decision: str
    #: Burn from then on, by our delay and without a fix [risk-days per day].
    by_us: float
    without_fix: float


def read_history(path: Path, service: str) -> list[Point]:
    """Return a service's points in the order of time; a file that does not exist holds none.

    Raises
    ------
    PolicyError
        E807 with every line that cannot be read.
    """
    try:
        content = path.read_bytes() if path.stat().st_size <= _MAX_BYTES else None
    except FileNotFoundError:
        return []
    except OSError as error:
        reason = error.strerror or str(error)
        raise PolicyError(Fault("E807", str(path), f"The history cannot be read: {reason}.")) from error
    if content is None:
        raise PolicyError(Fault("E807", str(path), f"The history is larger than {_MAX_BYTES:,} bytes."))
    points, faults = [], []
    decoder = msgspec.json.Decoder(Point)
    for number, line in enumerate(content.splitlines(), start=1):
        try:
            point = decoder.decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            faults.append(Fault("E807", f"{path}:{number}", f"This is no line of a history: {error}."))
            continue
        if point.time.tzinfo is None or min(point.by_us, point.without_fix) < 0:
            faults.append(Fault("E807", f"{path}:{number}", "A time has no offset, or a rate is below zero."))
        elif point.service == service:
            points.append(point)
    if faults:
        raise PolicyError(faults[:20])
    return sorted(points, key=lambda point: point.time)


def append_point(path: Path, point: Point) -> None:
    """Append a point to the history, synced: a line is there whole or not at all."""
    line = msgspec.json.encode(point) + b"\n"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        os.write(descriptor, line)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def point_of(verdict: Verdict) -> Point:
    """Return the history's line of a verdict."""
    state = verdict.budget
    return Point(
        verdict.now,
        verdict.service,
        verdict.commit,
        verdict.decision,
        state.rate_by_us if state else 0.0,
        state.rate_without_fix if state else 0.0,
    )


def burned(points: Sequence[Point], now: datetime, window_days: float) -> tuple[float, float]:
    """Return what burned in the window that ends at `now`, by us and without a fix [risk-days].

    Before its first point nothing is known of a service, and nothing is counted.
    """
    start = now - timedelta(days=window_days)
    by_us = without_fix = 0.0
    for point, following in zip(points, [*points[1:], None], strict=True) if points else ():
        end = following.time if following else now
        days = (min(end, now) - max(point.time, start)).total_seconds() / 86_400
        if days > 0:
            by_us += point.by_us * days
            without_fix += point.without_fix * days
    return by_us, without_fix


def state_of(
    budget: Budget, points: Sequence[Point], now: datetime, rate_by_us: float, rate_without_fix: float
) -> BudgetState:
    """Return the budget at the moment of a verdict.

    Parameters
    ----------
    points
        The service's history, oldest first; what is later than `now` does not count.
    rate_by_us, rate_without_fix
        Burn that this delivery would leave [risk-days per day].
    """
    past = [point for point in points if point.time <= now]
    by_us, without_fix = burned(past, now, budget.window_days)
    rates = (round(rate_by_us, 6), round(rate_without_fix, 6))
    before = (round(past[-1].by_us, 6), round(past[-1].without_fix, 6)) if past else rates
    return BudgetState(
        allowed=budget.risk_days,
        window_days=budget.window_days,
        burned_by_us=round(by_us, 6),
        without_fix=round(without_fix, 6),
        rate_by_us=rates[0],
        rate_without_fix=rates[1],
        spent=by_us > budget.risk_days,
        # What takes away a risk that had no fix, such as the component itself, is a fix too.
        is_fix=rates < before,
    )


def daily(points: Iterable[Point], now: datetime, window_days: float) -> list[tuple[datetime, float, float]]:
    """Return the burn of every day of the window, oldest first, for people to look at."""
    kept = sorted(points, key=lambda point: point.time)
    days = int(window_days)
    rows = []
    for number in range(days - 1, -1, -1):
        end = now - timedelta(days=number)
        rows.append((end, *burned([point for point in kept if point.time <= end], end, 1.0)))
    return rows
