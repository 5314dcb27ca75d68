"""The table: plans, fair points, limits and their prices, trades, proposals and whose turn it is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

import msgspec
import numpy as np
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe

from poise.desk import clock, convert, live
from poise.desk.actions import Actor, bargaining, table
from poise.desk.charts.frontier import Point, frontier
from poise.desk.convert import DeskSession
from poise.desk.models import Job, OpeningPosition
from poise.desk.navigation import Entry
from poise.desk.permissions import may
from poise.desk.routes import DeskRequest, page
from poise.desk.telling import Need
from poise.errors import ConflictError, Fault
from poise.table.ground import Ground, as_plan
from poise.table.landmarks import Landmarks
from poise.table.limits import Limit, sentence
from poise.table.negotiation import PARTIES
from poise.table.session import proven
from poise.table.solving import costs_of

#: Fields of a limit's form.
_FIELDS: Final = ("id", "rule", "class", "owner", "reason", "until", "amount", "start", "end", "affected")


def overview(request: DeskRequest) -> HttpResponse:
    """Show the table; it follows what both sides do."""
    version = f"{live.ledger_version()}.{_work_version()}.{_others(request)}"
    if (same := live.unchanged(request, version)) is not None:
        return same
    live.touch(request.user, "table")
    at = convert.session(request.actor.now)
    if at.negotiation.ground is None:
        context = {"version": version, "may_open": may(request.user.role, "table.open"), "jobs": _running()}
        return render(request, "desk/table/none.html", context)
    name = "desk/table/_state.html" if request.htmx else "desk/table/table.html"
    return render(request, name, {**_state(request, at), "version": version})


def _state(request: DeskRequest, at: DeskSession) -> dict[str, Any]:
    state, after = at.negotiation, at.known_after()
    default = at.before.default
    prices = _result(at, bargaining.PRICES_JOB)
    return {
        "company": at.ground.company,
        "currency": at.ground.currency,
        "ground_now": at.ground.now,
        "figure": _figure(at, after),
        "plans": _plans(at),
        "default_words": at.default[0],
        "default": default,
        "before": _cards(at.before),
        "after": _cards(after) if after else [],
        "after_is_known": after is not None,
        "certificate": (after or at.before).certificate,
        "impossible": _result(at, bargaining.LANDMARKS_JOB).get("impossible", ""),
        "limits": _limits(request, at, prices),
        "prices": prices,
        "trades": _result(at, bargaining.TRADES_JOB),
        "repairs": _result(at, bargaining.REPAIRS_JOB),
        "positions": _positions(request, at),
        "is_open": bool(state.positions),
        "proposals": _proposals(at),
        "due": state.due,
        "in_force": state.in_force[0] if state.in_force else None,
        "present": live.present("table"),
        "jobs": _running(),
        "may": {
            verb: may(request.user.role, f"table.{verb}") for verb in ("open", "limit", "solve", "propose")
        },
        "party": request.actor.party,
    }


def _figure(at: DeskSession, after: Landmarks | None) -> SafeString:
    """Return the frontier; all that it shows was computed before."""
    default, points = at.before.default, list(_frontier_points(at.negotiation.ground or ""))
    points.append(Point("If nobody signs", "D", default.security, default.operations, "default"))
    for letter, point in zip("ABCEFG", (after or at.before).points, strict=False):
        points.append(Point(point.label, letter, point.costs.security, point.costs.operations, "fair"))
    for one in at.negotiation.proposals[-4:]:
        costs = costs_of(at.ground.problem, as_plan(one.windows))
        label = f"Proposal {one.number}"
        points.append(Point(label, str(one.number), costs.security, costs.operations, "proposal"))
    # Built by poise.report.markup, which escapes what it is given.
    return mark_safe(frontier(points, at.ground.currency))  # noqa: S308


@lru_cache(maxsize=4)
def _frontier_points(digest: str) -> tuple[Point, ...]:
    ground, points = convert.session(clock.now()).ground_of(digest), []
    for stored in ground.plans:
        plan = as_plan(stored.windows)
        costs = costs_of(ground.problem, plan)
        bound = proven(ground, plan)["least_security_cost"]
        points.append(Point(stored.key, "", costs.security, costs.operations, "plan", bound))
    return tuple(points)


def _plans(at: DeskSession) -> list[dict[str, Any]]:
    rows = []
    for key, (label, windows) in at.known_plans().items():
        plan = as_plan(windows)
        costs = at.costs(plan)
        security, operations = at.shares(costs)
        rows.append(
            {
                "key": key,
                "label": label,
                "costs": costs,
                "security": security,
                "operations": operations,
                "done": int(np.count_nonzero(plan.window >= 0)),
                "breaks": at.breaks(plan),
            }
        )
    return rows


def _cards(found: Landmarks) -> list[dict[str, Any]]:
    return [
        {
            "key": point.key,
            "label": point.label,
            "costs": point.costs,
            "security": point.share_security,
            "operations": point.share_operations,
            "moves": point.moves,
        }
        for point in found.points
    ]


def _limits(request: DeskRequest, at: DeskSession, prices: dict[str, Any]) -> list[dict[str, Any]]:
    known = prices.get("limits", {})
    rows = [_limit_row(one, at.ground, known.get(one.id)) for one in at.limits]
    own = OpeningPosition.objects.filter(ground=at.negotiation.ground, party=request.actor.party).first()
    if own is not None and not at.negotiation.positions:
        rows += [
            {**_limit_row(msgspec.convert(one, Limit), at.ground, None), "is_sealed": True}
            for one in own.limits
        ]
    return rows


def _limit_row(limit: Limit, ground: Ground, price: dict[str, Any] | None) -> dict[str, Any]:
    return {"limit": limit, "words": sentence(limit, ground.currency), "price": price}


def _positions(request: DeskRequest, at: DeskSession) -> list[dict[str, Any]]:
    """Return each side's position: of the other's, before both are open, only whether it is sealed."""
    state = at.negotiation
    rows = {one.party: one for one in OpeningPosition.objects.filter(ground=state.ground)}
    own = rows.get(request.actor.party)
    return [
        {
            "party": party,
            "is_open": party in state.positions,
            "is_sealed": party in state.sealed,
            "is_own": party == request.actor.party,
            "importance": (own.importance if own and party == own.party else {})
            or (state.positions[party].importance if party in state.positions else {}),
        }
        for party in PARTIES
    ]


def _proposals(at: DeskSession) -> list[dict[str, Any]]:
    state = at.negotiation
    return [
        {
            "one": one,
            "costs": costs_of(at.ground.problem, as_plan(one.windows)),
            "step": state.step_of(one.number),
            "is_matched": one.number in state.matched,
        }
        for one in reversed(state.proposals)
    ]


def _result(at: DeskSession, kind: str) -> dict[str, Any]:
    """Return what the last computation of a kind found; marked when it is not about the present state."""
    job = Job.objects.filter(kind=kind, state=Job.State.DONE).order_by("-id").first()
    if job is None:
        return {}
    return {**job.result, "is_old": job.result.get("about") != at.about(), "when": job.finished}


def _running() -> list[Job]:
    rows = Job.objects.filter(kind__startswith="table.")
    busy = list(rows.filter(state__in=[Job.State.WAITING, Job.State.RUNNING]).order_by("id"))
    failed = rows.filter(state=Job.State.FAILED).order_by("-id").first()
    last = rows.order_by("-id").first()
    return [*busy, failed] if failed is not None and failed == last else busy


def _work_version() -> str:
    rows = Job.objects.filter(kind__startswith="table.").order_by("-id")[:4]
    return "-".join(f"{job.pk}{job.state[0]}{job.percent or 0}" for job in rows)


def _others(request: DeskRequest) -> str:
    return "-".join(one.username for one in live.present("table") if one != request.user)


def limit_form(request: DeskRequest) -> HttpResponse:
    """Show the form of a limit."""
    at = convert.session(request.actor.now)
    services = [(one.id, one.name) for one in at.ground.services]
    teams = [(one.id, one.name) for one in at.ground.teams]
    context = {"services": services, "teams": teams, "is_before": not at.negotiation.positions}
    return render(request, "desk/table/limit.html", {**context, "currency": at.ground.currency})


def post_limit(request: DeskRequest) -> HttpResponse:
    """Post a limit."""
    values: dict[str, Any] = {name: request.POST.get(name, "").strip() for name in _FIELDS}
    values["scope"] = request.POST.getlist("scope")
    for name in ("start", "end"):
        if values[name]:
            values[name] = datetime.fromisoformat(values[name]).replace(tzinfo=UTC).isoformat()
    bargaining.add_limit(request.actor, values)
    messages.success(request, f"Limit {values['id']} is posted.")
    return redirect("table")


def limit_page(request: DeskRequest, name: str) -> HttpResponse:
    """Show one limit, and let its side drop it."""
    at = convert.session(request.actor.now)
    row = next(
        (one for one in _limits(request, at, _result(at, bargaining.PRICES_JOB)) if one["limit"].id == name),
        None,
    )
    if row is None:
        text = "is not on the table: somebody dropped it."
        raise ConflictError(Fault("E871", f"limit {name}", text, "Look at the table again."))
    limit = row["limit"]
    is_own = limit.party == request.actor.party and limit.may_give_way
    may_drop = is_own and may(request.user.role, "table.limit")
    return render(request, "desk/table/limit_page.html", {**row, "may_drop": may_drop})


def drop_limit(request: DeskRequest, name: str) -> HttpResponse:
    """Take a limit off the table."""
    bargaining.drop_limit(request.actor, name, request.POST.get("reason", "").strip())
    messages.success(request, f"Limit {name} is off the table.")
    return redirect("table")


def weigh_form(request: DeskRequest) -> HttpResponse:
    """Show how much each service matters to the side, and take it."""
    at = convert.session(request.actor.now)
    if request.method == "POST":
        given = {one.id: request.POST.get(f"weight-{one.id}", "1") for one in at.ground.services}
        bargaining.weigh(request.actor, {name: float(value or 1) for name, value in given.items()})
        messages.success(request, "Noted. Nobody of the other side sees it before both have sealed.")
        return redirect("table")
    own = bargaining.position_of(at.negotiation.ground or "", request.actor.party)
    weights = own.importance if own else {}
    rows = [(one, weights.get(one.id, 1)) for one in at.ground.services]
    return render(request, "desk/table/weigh.html", {"rows": rows})


def seal(request: DeskRequest) -> HttpResponse:
    """Seal the side's opening position."""
    both = bargaining.seal(request.actor)
    text = "Both positions are open now." if both else "Sealed. It opens once the other side has sealed too."
    messages.success(request, text)
    return redirect("table")


def compute(request: DeskRequest, what: str) -> HttpResponse:
    """Start a computation."""
    bargaining.compute(request.actor, f"table.{what}")
    return redirect("table")


def propose(request: DeskRequest) -> HttpResponse:
    """Put a plan on the table."""
    number = bargaining.propose(request.actor, request.POST.get("plan", ""))
    messages.success(request, f"Proposal {number} is on the table.")
    return redirect("table")


def answer(request: DeskRequest, number: int) -> HttpResponse:
    """Answer a proposal, hidden until both accept."""
    both = bargaining.answer(request.actor, number, request.POST.get("answer", ""))
    text = (
        f"Both sides accept proposal {number}." if both else "Noted. Only a match of both sides is ever told."
    )
    messages.success(request, text)
    return redirect("table")


def open_table(request: DeskRequest) -> HttpResponse:
    """Start a table on today's data."""
    table.open_table(request.actor)
    return redirect("table")


def needs(by: Actor) -> Iterator[Need]:
    """Yield what the table waits for from this person's side."""
    state = convert.session(by.now).negotiation
    if state.ground is None or not may(by.role, "table.propose") or by.party not in PARTIES:
        return
    if by.party not in state.sealed:
        yield Need("Prepare and seal your side's opening position.", reverse("table"))
    if state.due == by.party and state.in_force is None:
        yield Need("A proposal of your side is due.", reverse("table"))
    for number in state.matched:
        if state.in_force is None:
            yield Need(f"Both accept proposal {number}: make it an agreement.", _compose(number))


def _compose(number: int) -> str:
    return reverse("agreement-compose", args=[number])


SENTENCES = {"plan.comment": "commented on {item}: {words}"}
URLS = [
    page("table", overview, "table", "table.read"),
    page("table/open", open_table, "table-open", "table.open", ("POST",)),
    page("table/limits/new", limit_form, "table-limit", "table.limit"),
    page("table/limits", post_limit, "table-limit-post", "table.limit", ("POST",)),
    page("table/limits/<str:name>", limit_page, "table-limit-page", "table.read"),
    page("table/limits/<str:name>/drop", drop_limit, "table-limit-drop", "table.limit", ("POST",)),
    page("table/importance", weigh_form, "table-weigh", "table.propose", ("GET", "HEAD", "POST")),
    page("table/seal", seal, "table-seal", "table.propose", ("POST",)),
    page("table/compute/<str:what>", compute, "table-compute", "table.solve", ("POST",)),
    page("table/propose", propose, "table-propose", "table.propose", ("POST",)),
    page("table/proposals/<int:number>", answer, "table-answer", "table.propose", ("POST",)),
]
NAV = (Entry("Table", "table", "table.read", "table"),)
