"""What openings, changes and waiting cost, in money and days: the numbers behind a planning problem."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from poise.estate.model import Estate, PatchGroup, Team, Window
from poise.estate.window_slots import downtime_cost
from poise.risk.change import Change
from poise.risk.failure import FailureRate
from poise.risk.parameters import RiskParameters

#: Working hours at the plain rate, Monday to Friday in the team's own time zone [h of day].
OFFICE_HOURS = (8, 18)
#: A patch whose publication nobody knows is taken to be this old [d]: neither fresh nor settled.
UNKNOWN_AGE_DAYS = 14.0


@dataclass(frozen=True, slots=True)
class ChangeCost:
    """Money of one change: once settled, its early surplus, and per day of waiting."""

    settled: float
    early: float
    deferral_per_day: float


@dataclass(frozen=True, slots=True)
class PriceList:
    """Prices of slots and changes, in money, on one day."""

    estate: Estate
    now: datetime
    parameters: RiskParameters
    failure: Mapping[str, FailureRate]

    def slots(
        self, group: PatchGroup, windows: Sequence[Window], number: Mapping[tuple[datetime, datetime], int]
    ) -> list[tuple[int, float, float]]:
        """Return (window, disruption cost, labour minutes) of each opening, by window."""
        team = self.estate.teams[group.team]
        slots = []
        for window in windows:
            labour = group.fixed_labour_minutes / 60 * team.hourly_rate * overtime(team, window.start)
            cost = self.opening_cost(group, window.start) + labour
            slots.append((number[window.start, window.end], cost, group.fixed_labour_minutes))
        return sorted(slots)

    def opening_cost(self, group: PatchGroup, start: datetime) -> float:
        """Return what the planned downtime of one opening costs the services behind it [money]."""
        services = (self.estate.services[name] for name in group.services)
        total = sum(downtime_cost(service, start, group.reboot_minutes) for service in services)
        return total * group.capacity_loss_fraction

    def change_costs(self, group: PatchGroup, change: Change, windows: Sequence[Window]) -> ChangeCost:
        """Return the money of one change that does not depend on its window, and what decays or accrues.

        Labour is charged at the mean overtime factor of the group's windows. A failed change costs
        ``recovery_cost``; a fresh one fails more often, which ``early`` holds. What is deferred forces,
        now and then, an unplanned visit (priced in the change itself).
        """
        team = self.estate.teams[group.team]
        factors = [overtime(team, window.start) for window in windows] or [team.overtime_factor]
        labour = change.labour_minutes / 60 * team.hourly_rate * sum(factors) / len(factors)
        failing = change.failure_probability * change.recovery_cost
        return ChangeCost(
            settled=labour + failing,
            early=failing * self.parameters.early_failure_factor,
            deferral_per_day=change.deferral_cost_per_day,
        )

    def available_days(self, change: Change) -> float:
        """Return when the patch was published, in days from now (never in the future)."""
        if change.available is None:
            return -UNKNOWN_AGE_DAYS
        return min(0.0, float((change.available - self.now.date()).days))

    def due_days(self, change: Change) -> float:
        """Return the end of the deadline's day in company time, in days from now [d].

        A deadline that was missed before the plan began gets a second clock, ``overdue_grace_days``
        from now: no plan can bring it in on time any more, but one can still let it drag on.
        """
        if change.deadline is None:
            return float("inf")
        zone = ZoneInfo(self.estate.timezone)
        end = datetime.combine(change.deadline + timedelta(days=1), time(), zone)
        days = (end - self.now).total_seconds() / 86_400
        return days if days > 0 else self.parameters.overdue_grace_days


def overtime(team: Team, start: datetime) -> float:
    """Return the factor on the team's hourly rate for work that starts then [1]."""
    local = start.astimezone(ZoneInfo(team.timezone))
    is_office = local.weekday() < 5 and OFFICE_HOURS[0] <= local.hour < OFFICE_HOURS[1]
    return 1.0 if is_office else team.overtime_factor


def mean_downtime_cost_per_hour(estate: Estate, group: PatchGroup) -> float:
    """Return what an unplanned hour of downtime of a group costs, over the whole week [money/h]."""
    total = sum(float(estate.services[name].downtime_cost_per_hour.mean()) for name in group.services)
    return total * group.capacity_loss_fraction
