"""What a goal's services still cost: exposure and disruption under the signed plan, from the table's ground.

A group's share stands with the service whose loss stands for it, so that services add up to the whole plan.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from poise.planning.problem import Floats, Ints, Plan
from poise.table.agreement import agreed_plan
from poise.table.ground import Ground, as_plan


@dataclass(frozen=True)
class Cost:
    """What lies ahead for some services.

    Parameters
    ----------
    exposure, disruption
        Over the horizon [money].
    downtime_hours
        Planned, of whole downtime.
    changes
        Changes in the plan's scope, and how many of them are never done within it.
    """

    exposure: float
    disruption: float
    downtime_hours: float
    changes: int
    not_done: int


@dataclass(frozen=True)
class Week:
    """One point of a plan over time.

    Parameters
    ----------
    start
        The point.
    exposure_per_day
        Of what is open then [money/d].
    disruption
        Of the visits so far [money].
    """

    start: datetime
    exposure_per_day: float
    disruption: float


class Outlook:
    """One plan on one ground, by service.

    Parameters
    ----------
    ground
        The table's.
    plan
        A window for each change.
    """

    def __init__(self, ground: Ground, plan: Plan) -> None:
        self.ground, self.plan = ground, plan

    @cached_property
    def _end(self) -> Floats:
        """When each change is done [d]; the horizon for never."""
        problem = self.ground.problem
        ends = np.append(problem.window_end_days, problem.horizon_days)
        return np.asarray(ends[self.plan.window], dtype=np.float64)

    @cached_property
    def _visits(self) -> tuple[Ints, Ints]:
        """Groups and windows that are opened, each pair once."""
        problem = self.ground.problem
        done = self.plan.window >= 0
        pairs = np.unique(problem.change_group[done] * problem.num_windows + self.plan.window[done])
        group, window = np.divmod(pairs, max(problem.num_windows, 1))
        return group, window

    @cached_property
    def _visit_cost(self) -> Floats:
        problem = self.ground.problem
        group, window = self._visits
        cost = np.zeros(len(group))
        for number, (g, w) in enumerate(zip(group, window, strict=True)):
            slots = range(problem.slot_ptr[g], problem.slot_ptr[g + 1])
            cost[number] = sum(problem.slot_cost[s] for s in slots if problem.slot_window[s] == w)
        return cost

    @cached_property
    def _change_cost(self) -> Floats:
        """Failure and deferral of each change [money]."""
        problem = self.ground.problem
        age = self._end - problem.available_days
        failure = problem.change_cost + problem.early_cost * np.exp(-age / problem.settle_days)
        deferral = problem.deferral_cost_per_day * (self._end - problem.release_days)
        return np.asarray(np.where(self.plan.window >= 0, failure, 0.0) + deferral)

    def cost(self, services: Iterable[str] | None = None) -> Cost:
        """Return what some services cost under the plan; all of them for None."""
        problem = self.ground.problem
        groups = self._groups(services)
        changes = np.isin(problem.change_group, groups)
        group, _ = self._visits
        visits = np.isin(group, groups)
        waited = self._end - problem.release_days
        minutes = sum(self.ground.group_downtime_minutes[g] for g in group[visits])
        return Cost(
            exposure=float((problem.exposure_per_day * waited)[changes].sum()),
            disruption=float(self._visit_cost[visits].sum() + self._change_cost[changes].sum()),
            downtime_hours=float(minutes) / 60,
            changes=int(changes.sum()),
            not_done=int((self.plan.window[changes] < 0).sum()),
        )

    def exposure_per_day(self, moment: datetime, services: Iterable[str] | None = None) -> float:
        """Return the exposure of what is open at a moment [money/d]."""
        problem = self.ground.problem
        is_open = self._is_open(self.ground.days(moment))
        mine = np.isin(problem.change_group, self._groups(services))
        return float(problem.exposure_per_day[is_open & mine].sum())

    def weeks(self) -> tuple[Week, ...]:
        """Return the plan week by week, from the ground's moment to the end of the horizon."""
        problem = self.ground.problem
        _, window = self._visits
        ends = problem.window_end_days[window]
        steps = np.arange(0.0, problem.horizon_days + 1e-9, 7.0)
        return tuple(
            Week(
                self.ground.now + timedelta(days=float(day)),
                float(problem.exposure_per_day[self._is_open(float(day))].sum()),
                float(self._visit_cost[ends <= day].sum()),
            )
            for day in steps
        )

    def _is_open(self, day: float) -> npt.NDArray[np.bool_]:
        """Return which changes are open on a day; what is never done stays so beyond the horizon."""
        return (self._end > day) | (self.plan.window < 0)

    def _groups(self, services: Iterable[str] | None) -> Ints:
        if services is None:
            return np.arange(len(self.ground.groups))
        wanted = set(services)
        return np.array(
            [g for g, name in enumerate(self.ground.group_service) if name in wanted], dtype=np.int64
        )


@dataclass(frozen=True)
class Prospect:
    """What is known of costs ahead: the signed plan where there is one, and what happens otherwise."""

    ground: Ground
    agreed: Outlook | None
    default: Outlook
    #: The rules in use elsewhere, by their labels.
    rules: dict[str, Outlook] = field(default_factory=dict)

    @property
    def plan(self) -> Outlook:
        """The plan that holds: the signed one, else the default."""
        return self.agreed or self.default

    def price_of(self, services: Sequence[str], moment: datetime) -> float | None:
        """Return the exposure per day of what is open on services [money/d]; None for none of the table's."""
        known = set(self.ground.group_service)
        if not known & set(services):
            return None
        return self.plan.exposure_per_day(moment, services)


def prospect(ground: Ground, agreement: dict[str, Any] | None) -> Prospect:
    """Return what lies ahead on a ground, under an agreement's body or without one."""
    agreed = None if agreement is None else Outlook(ground, agreed_plan(ground, agreement))
    rules = {one.label: Outlook(ground, as_plan(one.windows)) for one in ground.rules}
    return Prospect(ground, agreed, Outlook(ground, ground.default_plan), rules)
