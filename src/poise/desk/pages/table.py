"""The table: plans, fair points, limits and their prices, trades, proposals and whose turn it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django_htmx.http import HttpResponseClientRefresh

from poise.desk import convert, live, telling
from poise.desk.actions import Actor, bargaining, table
from poise.desk.actions.bargaining import own_party
from poise.desk.actions.evidence import SIMULATE_JOB
from poise.desk.convert import DeskSession
from poise.desk.ledger import DeskLedger
from poise.desk.models import AgreementDraft, Job, OpeningPosition
from poise.desk.navigation import Entry
from poise.desk.pages import given, limits
from poise.desk.pages.table_figure import figure
from poise.desk.permissions import may
from poise.desk.routes import DeskRequest, page
from poise.desk.telling import Need
from poise.desk.trusted import Trusted, rests_on, trusted
from poise.table.answers import bundle_key
from poise.table.ground import as_plan
from poise.table.landmarks import Landmarks
from poise.table.negotiation import KINDS, PARTIES, Proposal
from poise.table.solving import costs_of

#: Hidden answers in the words of their buttons.
_ANSWERS: Final = {"accept": "Accept", "accept-if": "Let us talk", "no": "No"}


def overview(request: DeskRequest) -> HttpResponse:
    """Show the table; it follows what both sides do."""
    version = f"{live.ledger_version()}.{_work_version()}.{_others(request)}"
    if (same := live.unchanged(request, version)) is not None:
        return same
    live.touch(request.user, "table")
    at = convert.session(request.actor.now)
    if at.negotiation.ground is None:
        if not request.htmx:
            return render(request, "desk/table/none.html", none_open(request) | {"version": version})
        context = {"version": version, "jobs": table.lacking().jobs}
        return render(request, "desk/table/_opening.html", context)
    if request.htmx and request.htmx.target == "table-work":
        return HttpResponseClientRefresh()  # a table was opened: whoever waited for it gets the whole page
    name = "desk/table/_state.html" if request.htmx else "desk/table/table.html"
    return render(request, name, {**_state(request, at), "version": version})


def none_open(request: HttpRequest) -> dict[str, Any]:
    """Return what a page says where it needs a table and none is open."""
    role = getattr(request.user, "role", "")
    return {"lacking": table.lacking(), "may_open": may(role, "table.open")}


def _state(request: DeskRequest, at: DeskSession) -> dict[str, Any]:
    state, after, jobs = at.negotiation, at.known_after(), _running()
    default = at.before.default
    prices = _result(at, bargaining.PRICES_JOB)
    played = trusted(state.ground)
    return {
        "rests": rests_on(played, at.ground),
        "default_trust": played.figure(at.default[1]) if played else None,
        "company": at.ground.company,
        "told": _told(),
        "currency": at.ground.currency,
        "ground_now": at.ground.now,
        "figure": figure(at, after),
        "plans": _plans(at, played),
        "default_words": at.default[0],
        "default": default,
        "before": _cards(at, at.before, played),
        "after": _cards(at, after, played) if after else [],
        "after_is_known": after is not None,
        "certificate": (after or at.before).certificate,
        "impossible": _result(at, bargaining.LANDMARKS_JOB).get("impossible", ""),
        "limits": limits.rows(request, at, prices),
        "prices": prices,
        "trades": _trades(request, at),
        "repairs": _result(at, bargaining.REPAIRS_JOB),
        "reopened": at.reopened,
        "replans": _replans(at),
        "positions": _positions(request, at),
        "is_open": bool(state.positions),
        "proposals": _proposals(request, at, played),
        "due": state.due,
        "matched": state.matched[-1] if state.matched else None,
        "in_force": state.in_force[0] if state.in_force else None,
        "present": live.present("table"),
        "jobs": jobs,
        "is_computing": any(job.kind == bargaining.LANDMARKS_JOB and not job.is_over for job in jobs),
        "may": {
            verb: may(request.user.role, f"table.{verb}") for verb in ("open", "limit", "solve", "propose")
        },
        "party": request.actor.party,
    }


def _told() -> str:
    """Return what was done last at the table, as a sentence."""
    for record in DeskLedger().records(-1):
        if record.statement.kind in KINDS:
            return f"{telling.person(record.statement.author)} {telling.sentence(record)}"
    return ""


def _replans(at: DeskSession) -> dict[str, Any]:
    ways = [{**way, "version": bargaining.plan_version(way["windows"])} for way in at.replans.get("ways", ())]
    return {**at.replans, "ways": ways, "is_old": at.replans.get("about") != at.about_replan()}


def _plans(at: DeskSession, played: Trusted | None) -> list[dict[str, Any]]:
    rows = []
    for key, (label, windows) in at.known_plans().items():
        plan = as_plan(windows)
        costs = at.costs(plan)
        security, operations = at.shares(costs)
        rows.append(
            {
                "key": key,
                "version": bargaining.plan_version(windows),
                "label": label,
                "costs": costs,
                "security": security,
                "operations": operations,
                "done": int(np.count_nonzero(plan.window >= 0)),
                "breaks": at.breaks(plan),
                "trust": played.figure(plan) if played else None,
            }
        )
    return rows


def _cards(at: DeskSession, found: Landmarks, played: Trusted | None) -> list[dict[str, Any]]:
    """Return fair points with shares on the scale of all plans, also where limits leave less to gain."""
    rows = []
    for point in found.points:
        security, operations = at.shares(point.costs)
        rows.append(
            {
                "key": point.key,
                "label": point.label,
                "costs": point.costs,
                "security": security,
                "operations": operations,
                "moves": point.moves,
                "trust": played.figure(point.plan) if played else None,
            }
        )
    return rows


def _positions(request: DeskRequest, at: DeskSession) -> list[dict[str, Any]]:
    """Return each side's position: of the other's, before both are open, only whether it is sealed."""
    state = at.negotiation
    rows = {one.party: one for one in OpeningPosition.objects.filter(ground=state.ground)}
    names = {one.id: one.name for one in at.ground.services}
    own = rows.get(request.actor.party)
    return [
        {
            "party": party,
            "is_open": party in state.positions,
            "is_sealed": party in state.sealed,
            "is_own": party == request.actor.party,
            "importance": (own.importance if own and party == own.party else {})
            or (state.positions[party].importance if party in state.positions else {}),
            "names": names,
        }
        for party in PARTIES
    ]


def _proposals(request: DeskRequest, at: DeskSession, played: Trusted | None) -> list[dict[str, Any]]:
    """Return proposals, the newest first, with shares of now: those recorded count from what held then."""
    state, answers = at.negotiation, _own_answers(request, at)
    signed, rows = _signed_proposal(at), []
    for one in reversed(state.proposals):
        plan = as_plan(one.windows)
        costs = at.costs(plan)
        security, operations = at.shares(costs)
        rows.append(
            {
                "one": one,
                "own_answer": answers.get(str(one.number), ""),
                "costs": costs,
                "security": security,
                "operations": operations,
                "step": state.step_of(one.number),
                "is_matched": one.number in state.matched,
                "is_signed": one.number == signed,
                "trust": played.figure(plan) if played else None,
            }
        )
    return rows


def _signed_proposal(at: DeskSession) -> int | None:
    """Return the proposal of this table on which the agreement in force was signed."""
    in_force = at.negotiation.in_force
    if in_force is None or in_force[1]["basis"]["ground"] != at.ground.digest:
        return None
    return int(in_force[1]["proposal"])


def _trades(request: DeskRequest, at: DeskSession) -> dict[str, Any]:
    """Return what the last search for trades found, each with the own side's answer."""
    found, answers = _result(at, bargaining.TRADES_JOB), _own_answers(request, at)
    for one in found.get("trades", ()):
        plan = as_plan(one["windows"])
        one["own_answer"] = answers.get(bundle_key(plan), "")
        one["security"], one["operations"] = at.shares(costs_of(at.ground.problem, plan))
    return found


def _own_answers(request: DeskRequest, at: DeskSession) -> dict[str, str]:
    """Return what the reader's own side has answered, in words; to a lead of the side alone."""
    party = request.actor.party
    if party not in PARTIES or not may(request.user.role, "table.propose"):
        return {}
    return {item: _ANSWERS[given] for item, given in at.answers.of(own_party(request.actor)).items()}


def _result(at: DeskSession, kind: str) -> dict[str, Any]:
    """Return what the last computation of a kind found on this ground; told when something changed since."""
    job = Job.objects.filter(kind=kind, state=Job.State.DONE).order_by("-id").first()
    if job is None or job.result.get("ground") != at.negotiation.ground:
        return {}
    return {
        **job.result,
        "job": job.pk,
        "is_old": job.result.get("about") != at.about(),
        "when": job.finished,
    }


def _running() -> list[Job]:
    rows = Job.objects.filter(kind__startswith="table.")
    busy = list(rows.filter(state__in=[Job.State.WAITING, Job.State.RUNNING]).order_by("id"))
    failed = rows.filter(state=Job.State.FAILED).order_by("-id").first()
    last = rows.order_by("-id").first()
    return [*busy, failed] if failed is not None and failed == last else busy


def _work_version() -> str:
    rows = Job.objects.filter(Q(kind__startswith="table.") | Q(kind=SIMULATE_JOB)).order_by("-id")[:4]
    return "-".join(f"{job.pk}{job.state[0]}{job.percent or 0}" for job in rows)


def _others(request: DeskRequest) -> str:
    return "-".join(one.username for one in live.present("table") if one != request.user)


def weigh_form(request: DeskRequest) -> HttpResponse:
    """Show how much each service matters to the side, and take it."""
    at = convert.session(request.actor.now)
    if request.method == "POST":
        said = {one.id: request.POST.get(f"weight-{one.id}", "") or "1" for one in at.ground.services}
        weights = {name: given.number(value, f"weight of {name}") for name, value in said.items()}
        bargaining.weigh(request.actor, weights)
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
    name, _, seen = request.POST.get("plan", "").partition("@")
    number = bargaining.propose(request.actor, name, seen)
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


def answer_trade(request: DeskRequest, job: int, number: int) -> HttpResponse:
    """Answer a trade that the desk found, hidden until both accept."""
    both = bargaining.answer_trade(request.actor, job, number, request.POST.get("answer", ""))
    text = "Both sides accept this trade." if both else "Noted. Only a match of both sides is ever told."
    messages.success(request, text)
    return redirect("table")


def open_table(request: DeskRequest) -> HttpResponse:
    """Start a table on today's data."""
    table.open_table(request.actor)
    return redirect("table")


def needs(by: Actor) -> Iterator[Need]:
    """Yield what the table waits for from this person's side."""
    at = convert.session(by.now)
    state = at.negotiation
    if state.ground is None or not may(by.role, "table.propose") or by.party not in PARTIES:
        return
    if by.party not in state.sealed:
        yield Need("Prepare and seal your side's opening position.", reverse("table"))
    if state.due == by.party and state.in_force is None:
        yield Need("A proposal of your side is due.", reverse("table"))
    if state.in_force is not None:
        return
    if not state.matched and (one := _unanswered(at, by)):
        text = f"Answer proposal {one.number} of {one.party or 'the desk'}."
        yield Need(text, f"{reverse('table')}#proposals")
    drafted = AgreementDraft.objects.filter(ground=state.ground).values_list("proposal", flat=True)
    for number in sorted(set(state.matched) - set(drafted)):
        yield Need(f"Both accept proposal {number}: make it an agreement.", _compose(number))


def _unanswered(at: DeskSession, by: Actor) -> Proposal | None:
    """Return the newest proposal of anybody else, where the side has not answered it."""
    others = [one for one in at.negotiation.proposals if one.party != by.party]
    if not others or str(others[-1].number) in at.answers.of(own_party(by)):
        return None
    return others[-1]


def _compose(number: int) -> str:
    return reverse("agreement-compose", args=[number])


SENTENCES = {"plan.comment": "commented on a plan: {words}"}
URLS = [
    page("table", overview, "table", "table.read"),
    page("table/open", open_table, "table-open", "table.open", ("POST",)),
    page("table/importance", weigh_form, "table-weigh", "table.propose", ("GET", "HEAD", "POST")),
    page("table/seal", seal, "table-seal", "table.propose", ("POST",)),
    page("table/compute/<str:what>", compute, "table-compute", "table.solve", ("POST",)),
    page("table/propose", propose, "table-propose", "table.propose", ("POST",)),
    page("table/proposals/<int:number>", answer, "table-answer", "table.propose", ("POST",)),
    page(
        "table/trades/<int:job>/<int:number>",
        answer_trade,
        "table-answer-trade",
        "table.propose",
        ("POST",),
    ),
]
NAV = (Entry("Table", "table", "table.read", "table plan"),)
