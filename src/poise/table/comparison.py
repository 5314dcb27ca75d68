"""An agreement beside a later one: what each promised, and every change that stands elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class Moved:
    """A change whose day differs: its start in each agreement; None for not done, or not known there."""

    change: str
    earlier: datetime | None
    later: datetime | None


@dataclass(frozen=True)
class Beside:
    """Two agreements, the earlier first.

    Parameters
    ----------
    figures
        (what, earlier, later) of expected loss, cost of lateness and disruption [money]. The two rest on
        the data of their own days: a difference is not what the later one gains.
    num_done, num_open
        Changes done, and changes that stay open or late, of each.
    moved
        Changes that differ, by their later start.
    """

    figures: tuple[tuple[str, float, float], ...]
    num_done: tuple[int, int]
    num_open: tuple[int, int]
    moved: tuple[Moved, ...]


def beside(earlier: Mapping[str, Any], later: Mapping[str, Any]) -> Beside:
    """Return two agreements' bodies side by side."""
    plans = earlier["plan"], later["plan"]
    moved = [
        Moved(change, _moment(plans[0].get(change)), _moment(plans[1].get(change)))
        for change in sorted(plans[0].keys() | plans[1].keys())
        if plans[0].get(change) != plans[1].get(change)
    ]
    names = (
        ("Expected loss", "expected_loss"),
        ("Cost of lateness", "late_cost"),
        ("Disruption", "disruption"),
    )
    first, second = (sum(start is not None for start in plan.values()) for plan in plans)
    return Beside(
        figures=tuple((what, float(earlier[key]), float(later[key])) for what, key in names),
        num_done=(first, second),
        num_open=(len(earlier["residual"]), len(later["residual"])),
        moved=tuple(sorted(moved, key=_order)),
    )


def _order(one: Moved) -> tuple[bool, float, str]:
    moment = one.later or one.earlier
    return moment is None, moment.timestamp() if moment else 0.0, one.change


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
