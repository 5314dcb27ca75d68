"""What the worker's last simulation says of a plan: ranges, dots, paired differences; pages look it up."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from poise.desk.actions.evidence import SIMULATE_JOB
from poise.desk.models import Job
from poise.patching.document import Simulated, SimulatedPlan
from poise.planning.problem import Plan
from poise.risk.simulation.knowledge import RANGE_SOURCES, Ranges
from poise.table.ground import Ground
from poise.table.trust import SIDES, Difference

#: Dots of a strip: rows of so many, and the distance between two [px].
_COLUMNS, _STEP = 25, 6


def plan_hash(plan: Plan) -> str:
    """Return what tells a plan from others of its table: the same windows are the same plan."""
    windows = ",".join(map(str, plan.window.tolist()))
    return hashlib.blake2b(windows.encode(), digest_size=12).hexdigest()


@dataclass(frozen=True)
class Trusted:
    """A simulation of a table's plans, as its job left it."""

    result: Mapping[str, Any]
    simulated: Simulated

    def key_of(self, plan: Plan) -> str | None:
        """Return the simulated plan with the same windows, None where it was not played."""
        found: str | None = self.result["hashes"].get(plan_hash(plan))
        return found

    def figure(self, plan: Plan) -> dict[str, Any] | None:
        """Return what stands beside a plan's figures, None where it was not played."""
        key = self.key_of(plan)
        if key is None:
            return None
        one = next(row for row in self.simulated.plans if row.key == key)
        return {
            "costs": self.result["costs"][key],
            "incident": one.incident_probability,
            "hours_low": one.unplanned_hours_low,
            "hours_high": one.unplanned_hours_high,
            "with_loss": sum(value > 0 for value in one.loss_dots),
            "largest": one.loss_dots[-1],
            "strip": strip(one),
            "against_default": None if key == "default" else self.between(key, "default"),
            "plan": one,
        }

    def compared(self, a: Plan, b: Plan) -> tuple[Difference, ...] | None:
        """Return what a costs more than b by the same draws; None where either was not played."""
        first, second = self.key_of(a), self.key_of(b)
        return None if first is None or second is None or first == second else self.between(first, second)

    def between(self, a: str, b: str) -> tuple[Difference, ...]:
        """Return what one simulated plan costs more than another, by their keys."""
        pairs = self.result["pairs"]
        is_turned = f"{a}|{b}" not in pairs
        rows = pairs[f"{b}|{a}" if is_turned else f"{a}|{b}"]
        return tuple(_difference(side, row, is_turned) for side, row in zip(SIDES, rows, strict=True))


def _difference(side: str, row: Sequence[float], is_turned: bool) -> Difference:
    low, mean, high, less, more = row
    if is_turned:
        low, mean, high, less = -high, -mean, -low, more
    return Difference(side=side, low=low, mean=mean, high=high, chance=less)


def trusted(ground: str | None) -> Trusted | None:
    """Return the last simulation of the table on this ground, None where there is none yet."""
    job = Job.objects.filter(kind=SIMULATE_JOB, state=Job.State.DONE).order_by("-id").first()
    if job is None or job.result.get("ground") != ground or "pairs" not in job.result:
        return None
    return Trusted(job.result, msgspec.convert(job.result["simulated"], Simulated))


def rests_on(found: Trusted | None, ground: Ground) -> dict[str, Any] | None:
    """Return what the figures rest on, for the panel that names it; None where nothing was played."""
    if found is None:
        return None
    return {
        "ranges": unknowns(),
        "ground": ground,
        "currency": ground.currency,
        "assumed": [one for one in ground.services if one.assumed],
        "simulated": found.simulated,
        "horizon_days": found.result["horizon_days"],
    }


def unknowns() -> list[tuple[str, str, str]]:
    """Return what nobody knows: its name, its range, and where that comes from."""
    ranges = Ranges()
    found = []
    for name, source in RANGE_SOURCES.items():
        value = getattr(ranges, name)
        words = f"{value:.0%}" if isinstance(value, float) else f"{value[0]:.2g} to {value[1]:.2g}"
        found.append((name.replace("_", " "), words, source))
    return found


def strip(plan: SimulatedPlan) -> SafeString:
    """Draw a hundred equally likely outcomes as dots in rows: full ones hold a loss."""
    count = len(plan.loss_dots)
    without = sum(value <= 0 for value in plan.loss_dots)
    hold = "holds" if count - without == 1 else "hold"
    rows = -(-count // _COLUMNS)
    runs = []
    for row in range(rows):
        begin, end = row * _COLUMNS, min((row + 1) * _COLUMNS, count)
        middle = min(max(without, begin), end)
        runs += [(row, begin, middle, "quiet-dots"), (row, middle, end, "loss-dots")]
    return format_html(
        '<svg class="strip" viewBox="0 0 {0} {1}" width="{0}" height="{1}" role="img" aria-label="{2}">'
        "{3}</svg>",
        _COLUMNS * _STEP,
        rows * _STEP,
        f"{count - without} of {count} equally likely ways until the horizon {hold} a loss",
        format_html_join("", "{}", ((_dots(*run),) for run in runs if run[2] > run[1])),
    )


def _dots(row: int, begin: int, end: int, name: str) -> SafeString:
    """Return one line whose round dashes are the dots of a row: far fewer bytes than circles."""
    x, y = (begin - row * _COLUMNS) * _STEP + _STEP / 2, row * _STEP + _STEP / 2
    return format_html(
        '<path class="{}" d="{}" fill="none" stroke-width="4.4" stroke-linecap="round"'
        ' stroke-dasharray="0 {}"/>',
        name,
        f"M{x:g} {y:g}h{(end - begin - 1) * _STEP + 0.01:g}",
        _STEP,
    )
