"""Patch tonight? An emergency window outside the calendar, with its price."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from poise.estate.window_slots import downtime_cost
from poise.patching.case import PatchCase
from poise.patching.document import EmergencyOption
from poise.patching.figures import delay_days
from poise.patching.prices import overtime
from poise.planning.problem import Evaluation, Floats, Plan

#: When an emergency visit starts, local time [h]; the night of the plan's own day.
START_HOUR = 22
#: At most so many options are listed; each is one group's changes.
MAX_OPTIONS = 5


def emergency_options(case: PatchCase, plan: Plan, evaluation: Evaluation) -> tuple[EmergencyOption, ...]:
    """Return the groups for which a visit tonight saves most beyond its price, best first.

    An option is never chosen silently. The visit's price is its downtime at tonight's hours, the
    team's labour at its overtime factor and the fresh patches' higher failure rate; what falls away
    of the planned visit is not counted in its favour, so the price is an upper one. Freezes do not
    strike an emergency visit out: breaking one is what the two sides would have to agree on.

    Parameters
    ----------
    plan, evaluation
        The plan against which the saving is counted.
    """
    start = tonight(case)
    delay = delay_days(case, plan)
    options = []
    for group_index in range(len(case.groups)):
        option = _option(case, group_index, start, delay, evaluation)
        if option is not None:
            options.append(option)
    options.sort(key=lambda option: (option.extra_cost - option.exposure_saved, option.group))
    return tuple(options[:MAX_OPTIONS])


def tonight(case: PatchCase) -> datetime:
    """Return when an emergency visit starts: the first night from now, company time."""
    local = case.now.astimezone(ZoneInfo(case.estate.timezone))
    start = local.replace(hour=START_HOUR, minute=0, second=0, microsecond=0)
    return start if start >= local else start + timedelta(days=1)


def emergency_cost(case: PatchCase, group_index: int, start: datetime) -> float:
    """Return what opening a group outside the calendar costs: downtime then, and fixed labour at overtime."""
    group = case.groups[group_index]
    team = case.estate.teams[group.team]
    services = (case.estate.services[name] for name in group.services)
    downtime = sum(downtime_cost(service, start, group.reboot_minutes) for service in services)
    rate = team.hourly_rate * max(overtime(team, start), team.overtime_factor)
    return downtime * group.capacity_loss_fraction + group.fixed_labour_minutes / 60 * rate


def _option(
    case: PatchCase, group_index: int, start: datetime, delay: Floats, evaluation: Evaluation
) -> EmergencyOption | None:
    problem = case.problem
    group = case.groups[group_index]
    team = case.estate.teams[group.team]
    members = np.arange(problem.change_ptr[group_index], problem.change_ptr[group_index + 1])
    tonight = case.days(start)
    worth = problem.exposure_per_day[members] > 0
    members = members[worth & (delay[members] > tonight + 1.0)]
    # One night holds what the team can do in one window, most exposure per minute first.
    density = problem.exposure_per_day[members] / np.maximum(problem.labour_minutes[members], 1e-9)
    members = members[np.argsort(-density, kind="stable")]
    room = team.capacity_minutes - group.fixed_labour_minutes
    members = members[np.cumsum(problem.labour_minutes[members]) <= room]
    if len(members) == 0:
        return None
    minutes = max(
        group.reboot_minutes, group.fixed_labour_minutes + float(problem.labour_minutes[members].sum())
    )
    end = start + timedelta(minutes=minutes)
    saved = float((problem.exposure_per_day[members] * (delay[members] - case.days(end))).sum())
    in_time = evaluation.late[members] & (problem.due_days[members] >= case.days(end))
    saved += float(problem.late_cost[members][in_time].sum())
    services = (case.estate.services[name] for name in group.services)
    downtime = sum(downtime_cost(service, start, group.reboot_minutes) for service in services)
    labour = minutes / 60 * team.hourly_rate * max(overtime(team, start), team.overtime_factor)
    age = case.days(end) - problem.available_days[members]
    fresh = float((problem.early_cost[members] * np.exp(-age / problem.settle_days)).sum())
    extra = downtime * group.capacity_loss_fraction + labour + fresh
    chosen = [case.changes[j] for j in members]
    return EmergencyOption(
        group=group.id,
        changes=tuple(change.id for change in chosen),
        start=start,
        end=end,
        exposure_saved=saved,
        extra_cost=extra,
        sentence=_sentence(
            case, group.id, len(chosen), sum(change.is_kev for change in chosen), saved, extra
        ),
    )


def _sentence(case: PatchCase, group: str, changes: int, kev: int, saved: float, extra: float) -> str:
    exploited = f", {kev} of them known to be exploited" if kev else ""
    verdict = "it pays for itself" if saved > extra else "it costs more than it saves"
    plural = "s" if changes != 1 else ""
    money = case.estate.currency
    return (
        f"{changes} change{plural} on {group} tonight{exploited}: saves {money} {_rounded(saved)} of "
        f"expected loss for {money} {_rounded(extra)}; {verdict}."
    )


def _rounded(value: float) -> str:
    """Return money to three significant digits: more would be false precision."""
    return f"{float(f'{value:.3g}'):,.0f}"
