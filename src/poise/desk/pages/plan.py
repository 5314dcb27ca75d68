"""A plan: services and teams by week, every visit, what moved, why something is where it is, comments."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

import numpy as np
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString, mark_safe

from poise.desk import convert, live, naming
from poise.desk.actions import bargaining
from poise.desk.charts.weeks_grid import Frozen, Room, Visit, weeks_grid
from poise.desk.convert import DeskSession
from poise.desk.models import Job
from poise.desk.pages import given as written
from poise.desk.pages.comments import comments_on, items_of, visit_key
from poise.desk.permissions import may
from poise.desk.routes import DeskRequest, page
from poise.desk.trusted import rests_on, trusted
from poise.errors import Fault, TableError
from poise.planning.evaluate import evaluate
from poise.planning.problem import Plan
from poise.table.ground import Ground, as_plan

_KEY: Final = re.compile(r"[\w-]{1,80}")


def show(request: DeskRequest, key: str) -> HttpResponse:
    """Show a plan beside another."""
    at = convert.session(request.actor.now)
    known = at.known_plans()
    label, plan = at.named_plan(key)
    against_key = request.GET.get("against") or _usual(at, key)
    against_label, against = at.named_plan(against_key)
    seen = evaluate(at.ground.problem, plan)
    costs = at.costs(plan)
    security, operations = at.shares(costs)
    moved = np.flatnonzero(plan.window != against.window)
    visits, breaks = _visits(at.ground, plan, against), at.breaks(plan)
    played = trusted(at.negotiation.ground)
    context = {
        "key": key,
        "version": bargaining.plan_version(plan.window.tolist()),
        "label": label,
        "currency": at.ground.currency,
        "costs": costs,
        "security": security,
        "operations": operations,
        "goes_on": at.negotiation.goes_on is not None,
        "num_late": seen.num_late,
        "num_done": int(np.count_nonzero(plan.window >= 0)),
        "num_changes": len(plan.window),
        "breaks": breaks,
        "may_propose": key in known and not breaks and may(request.user.role, "table.propose"),
        "against_key": against_key,
        "against_label": against_label,
        "against_costs": at.costs(against),
        "moved": [_moved(at.ground, int(j), plan, against) for j in moved],
        "services": _services(at, plan, against),
        "teams": _teams(at.ground, plan, against),
        "visits": visits,
        "choices": _choices(request, at, known),
        "items": items_of(at.ground, visits),
        "about": request.GET.get("about", ""),
        "comments": comments_on(at.ground, at.negotiation.ground or "", plan=key),
        "trust": played.figure(plan) if played else None,
        "compared": played.compared(plan, against) if played else None,
        "rests": rests_on(played, at.ground),
        "may_comment": may(request.user.role, "plan.comment"),
        "may_limit": may(request.user.role, "table.limit"),
    }
    return render(request, "desk/plan/plan.html", context)


def _usual(at: DeskSession, key: str) -> str:
    """Return what a plan is compared with until a reader chooses."""
    state = at.negotiation
    if key in ("default", "agreed") and state.goes_on is not None:
        return "standing"  # the agreed plan is what happens if nobody signs another
    if key != "default":
        return "default"
    if state.agreements:
        return "agreed"
    return f"proposal-{state.proposals[-1].number}" if state.proposals else "kalai-smorodinsky-before"


def _choices(
    request: DeskRequest, at: DeskSession, known: Mapping[str, tuple[str, tuple[int, ...]]]
) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return what a plan can be compared with: first what people talk about, then all others."""
    state = at.negotiation
    talk = [("default", known["default"][0])]
    if state.agreements:
        talk.append(("agreed", at.named_plan("agreed")[0]))
    others = [one for one in state.proposals if one.party not in (None, request.actor.party)]
    last = {one.number: "the last proposal" for one in state.proposals[-1:]}
    for one in others[-1:]:
        last[one.number] = f"{one.party}'s last proposal"
    talk += [(f"proposal-{number}", f"Proposal {number}, {words}") for number, words in last.items()]
    rest = [(name, words) for name, (words, _) in known.items() if name != "default"]
    return [("On the table", talk), ("All plans", rest)]


def _openings(ground: Ground, plan: Plan) -> list[tuple[int, int]]:
    """Return every (window, group) that a plan opens, in order of time."""
    done = plan.window >= 0
    pairs = zip(plan.window[done], ground.problem.change_group[done], strict=True)
    return sorted({(int(window), int(group)) for window, group in pairs})


def _services(at: DeskSession, plan: Plan, against: Plan) -> SafeString:
    ground, names = at.ground, {one.id: one.name for one in at.ground.services}
    before = set(_openings(ground, against))
    visits = [
        Visit(
            names.get(service, service),
            ground.windows[window].start,
            ground.group_downtime_minutes[group],
            (window, group) not in before,
        )
        for window, group in _openings(ground, plan)
        for service in ground.groups[group].services
    ]
    frozen = [
        Frozen(_names_in(ground, one.scope), one.start, one.end)
        for one in at.limits
        if one.rule == "freeze" and one.start is not None and one.end is not None
    ]
    span, zone = (ground.now, ground.horizon_end), timezone.get_current_timezone()
    grid = weeks_grid(visits, frozen, span, zone, name="services", unit="minutes down")
    return mark_safe(grid)  # noqa: S308  built by poise.report.markup, which escapes what it is given


def _names_in(ground: Ground, scope: tuple[str, ...]) -> frozenset[str]:
    names = {one.id: one.name for one in ground.services}
    if not scope:
        return frozenset()
    groups = [ground.groups[group] for group in ground.groups_in(scope)]
    return frozenset(names.get(name, name) for group in groups for name in group.services)


def _teams(ground: Ground, plan: Plan, against: Plan) -> SafeString:
    problem, names = ground.problem, naming.teams_of(ground)
    before = set(_openings(ground, against))
    labour: dict[tuple[int, int], float] = defaultdict(float)
    for number in np.flatnonzero(plan.window >= 0):
        key = int(plan.window[number]), int(problem.change_group[number])
        labour[key] += float(problem.labour_minutes[number])
    visits = [
        Visit(
            names.get(ground.groups[group].team, ground.groups[group].team),
            ground.windows[window].start,
            labour[window, group],
            (window, group) not in before,
        )
        for window, group in _openings(ground, plan)
    ]
    return mark_safe(  # noqa: S308  as above
        weeks_grid(
            visits,
            [],
            (ground.now, ground.horizon_end),
            timezone.get_current_timezone(),
            name="teams",
            unit="minutes of work",
            rooms=_rooms(ground, names),
        )
    )


def _rooms(ground: Ground, names: Mapping[str, str]) -> list[Room]:
    """Return what each team has in each window that it can use."""
    problem, found = ground.problem, set()
    for group, entry in enumerate(ground.groups):
        for window in problem.slot_window[problem.slot_ptr[group] : problem.slot_ptr[group + 1]]:
            found.add((names.get(entry.team, entry.team), int(problem.group_team[group]), int(window)))
    return [
        Room(name, ground.windows[window].start, float(problem.capacity_minutes[team, window]))
        for name, team, window in sorted(found)
    ]


def _visits(ground: Ground, plan: Plan, against: Plan) -> list[dict[str, Any]]:
    before, teams = set(_openings(ground, against)), naming.teams_of(ground)
    changes: dict[tuple[int, int], list[int]] = defaultdict(list)
    for number in np.flatnonzero(plan.window >= 0):
        changes[int(plan.window[number]), int(ground.problem.change_group[number])].append(int(number))
    return [
        {
            "window": ground.windows[window],
            "group": ground.groups[group],
            "team": teams[ground.groups[group].team],
            "about": visit_key(ground.groups[group].id, ground.windows[window].start),
            "changes": [ground.changes[number] for number in numbers],
            "is_new": (window, group) not in before,
            "downtime_minutes": ground.group_downtime_minutes[group],
        }
        for (window, group), numbers in sorted(changes.items())
    ]


def _moved(ground: Ground, number: int, plan: Plan, against: Plan) -> dict[str, Any]:
    def start(window: int) -> Any:
        return ground.windows[window].start if window >= 0 else None

    change = ground.changes[number]
    return {"change": change, "to": start(int(plan.window[number])), "of": start(int(against.window[number]))}


def why(request: DeskRequest) -> HttpResponse:
    """Ask why a change is not done earlier, later, or in a time; and show what was found."""
    at = convert.session(request.actor.now)
    change = request.GET.get("change", "")
    if change not in at.ground.change_number:
        raise TableError(Fault("E554", "why", f"There is no change {change!r} here."))
    number = at.ground.change_number[change]
    entry = at.ground.changes[number]
    jobs = Job.objects.filter(kind=bargaining.WHY_JOB, arguments__change=change).order_by("-id")[:5]
    version = f"{live.ledger_version()}." + "-".join(f"{job.pk}{job.state[0]}{job.percent}" for job in jobs)
    if (same := live.unchanged(request, version)) is not None:
        return same
    plans = [
        (label, _start(at.ground, as_plan(windows), number)) for label, windows in at.known_plans().values()
    ]
    context = {
        "change": entry,
        "currency": at.ground.currency,
        "plans": plans,
        "num_doing": sum(start is not None for _, start in plans),
        "jobs": [(job, _answer(job, at.ground), job.result.get("about") != at.about()) for job in jobs],
        "is_running": any(not job.is_over for job in jobs),
        "may_solve": may(request.user.role, "table.solve"),
        "plan": _plan_key(request),
        "item": f"change/{change}",
        "comments": comments_on(at.ground, at.negotiation.ground or "", item=f"change/{change}"),
        "may_comment": may(request.user.role, "plan.comment"),
        "may_limit": may(request.user.role, "table.limit"),
        "version": version,
    }
    return render(request, "desk/plan/_asked.html" if request.htmx else "desk/plan/why.html", context)


def _answer(job: Job, ground: Ground) -> str:
    """Return what was found, with the change's name in place of its key."""
    return naming.named(str(job.result.get("sentence", "")), naming.names_of(ground))


def _plan_key(request: DeskRequest) -> str:
    """Return the plan that the reader came from, as a piece of an address."""
    key = request.GET.get("plan", "")
    return key if _KEY.fullmatch(key) else "default"


def _start(ground: Ground, plan: Plan, number: int) -> Any:
    window = int(plan.window[number])
    return ground.windows[window].start if window >= 0 else None


def ask(request: DeskRequest) -> HttpResponse:
    """Start the two re-solves behind an answer."""
    change = request.POST.get("change", "")
    wish = {name: request.POST.get(name, "") for name in ("after", "before")}
    given = {
        name: written.moment(f"{value}T00:00", name).isoformat() for name, value in wish.items() if value
    }
    if not given:
        raise TableError(Fault("E557", "why", "Nothing was asked.", "Give a day before or after which."))
    bargaining.compute(request.actor, bargaining.WHY_JOB, change=change, **given)
    asked = {"change": change, "plan": request.POST.get("plan", "default")}
    return redirect(f"{reverse('plan-why')}?{urlencode(asked)}#asked")


URLS = [
    page("plan/why", why, "plan-why", "plan.read"),
    page("plan/ask", ask, "plan-ask", "table.solve", ("POST",)),
    page("plan/<str:key>", show, "plan", "plan.read"),
]
