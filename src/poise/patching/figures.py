"""A plan in the figures that people read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from zoneinfo import ZoneInfo

import numpy as np

from poise.patching.case import PatchCase
from poise.patching.document import Visit
from poise.planning.problem import Floats, Plan
from poise.risk.hazard import probability_within
from poise.risk.loss import Lognormal, expected_loss_range
from poise.risk.parameters import BASE_RATE_PER_YEAR, BASE_RATE_RANGE_PER_YEAR


@dataclass(frozen=True, slots=True)
class Figures:
    """What a plan means in days, hours and weekends.

    ``hazard_mass`` is the expected number of serious incidents per service over the horizon, shape
    ``(services of the estate,)``, weighted by the ransomware factor on their loss.
    """

    downtime_hours: float
    labour_hours: float
    weekends_worked: int
    num_done: int
    num_late: int
    longest_kev_days: float | None
    incident_probability: float
    hazard_mass: Floats


def delay_days(case: PatchCase, plan: Plan) -> Floats:
    """Return how long each change stays open under a plan [d], shape ``(J,)``."""
    problem = case.problem
    done = plan.window >= 0
    ends = np.append(problem.window_end_days, problem.horizon_days)
    return np.asarray(ends[np.where(done, plan.window, -1)] - problem.release_days)


def figures(case: PatchCase, plan: Plan) -> Figures:
    """Return the figures of a plan that the evaluator confirmed."""
    problem = case.problem
    done = plan.window >= 0
    opened = np.unique(np.column_stack([problem.change_group[done], plan.window[done]]), axis=0)
    downtime = labour = 0.0
    weekends = set()
    for group_index, window_index in opened:
        group = case.groups[group_index]
        downtime += group.reboot_minutes * group.capacity_loss_fraction
        labour += group.fixed_labour_minutes
        start = case.windows[window_index].start.astimezone(ZoneInfo(case.estate.timezone))
        if start.weekday() >= 5:
            weekends.add((group.team, (start - timedelta(days=start.weekday())).date()))
    labour += float(problem.labour_minutes[done].sum())
    delay = delay_days(case, plan)
    hazard = np.array([change.hazard_per_day for change in case.changes])
    return Figures(
        downtime / 60,
        labour / 60,
        len(weekends),
        int(done.sum()),
        int((problem.release_days + delay > problem.due_days).sum()),
        _longest_kev_days(case, delay),
        probability_within(1.0, float(hazard @ delay)),
        _hazard_mass(case, delay),
    )


def _longest_kev_days(case: PatchCase, delay: Floats) -> float | None:
    is_kev = np.array([change.is_kev for change in case.changes])
    return float(delay[is_kev].max()) if is_kev.any() else None


def _hazard_mass(case: PatchCase, delay: Floats) -> Floats:
    services = {name: index for index, name in enumerate(case.estate.services)}
    behind = np.array([services[loss.service] for loss in case.losses], dtype=np.int64)
    mean = np.array([loss.mean for loss in case.losses])
    group = case.problem.change_group
    mass = case.problem.exposure_per_day * delay / mean[group]
    return np.bincount(behind[group], weights=mass, minlength=len(services)).astype(np.float64)


def loss_ranges(case: PatchCase, all_figures: Sequence[Figures], seed: int) -> tuple[Floats, Floats]:
    """Return the 90 % knowledge range of expected loss of several plans [money], on the same draws."""
    losses = tuple(
        Lognormal.from_range(service.loss_low, service.loss_high) for service in case.estate.services.values()
    )
    low, high = BASE_RATE_RANGE_PER_YEAR
    rate = (low / BASE_RATE_PER_YEAR.value, high / BASE_RATE_PER_YEAR.value)
    return expected_loss_range(np.array([item.hazard_mass for item in all_figures]), losses, rate, seed=seed)


def visits(case: PatchCase, plan: Plan) -> tuple[Visit, ...]:
    """Return every opening of the plan, by window and group."""
    problem = case.problem
    together: dict[tuple[int, int], list[int]] = {}
    for change in np.flatnonzero(plan.window >= 0):
        together.setdefault((int(plan.window[change]), int(problem.change_group[change])), []).append(
            int(change)
        )
    result = []
    for (window, group_index), members in sorted(together.items()):
        group = case.groups[group_index]
        low, high = problem.slot_ptr[group_index], problem.slot_ptr[group_index + 1]
        slot = low + int(np.searchsorted(problem.slot_window[low:high], window))
        result.append(
            Visit(
                window=window,
                group=group.id,
                changes=tuple(case.changes[j].id for j in members),
                downtime_minutes=group.reboot_minutes,
                labour_minutes=float(
                    problem.slot_labour_minutes[slot] + problem.labour_minutes[members].sum()
                ),
                cost=float(problem.slot_cost[slot]),
            )
        )
    return tuple(result)
