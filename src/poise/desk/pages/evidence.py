"""How far figures can be trusted, and how good they have been."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.safestring import SafeString, mark_safe

from poise.desk import convert, storing
from poise.desk.actions import evidence as actions
from poise.desk.convert import DeskSession
from poise.desk.models import Job
from poise.desk.navigation import Entry
from poise.desk.pages.outcomes import windows_over
from poise.desk.permissions import may
from poise.desk.routes import DeskRequest, page
from poise.errors import DeskError, Fault
from poise.evidence.record import record_of
from poise.patching.document import Simulated, SimulatedPlan
from poise.patching.outcomes import read_outcomes
from poise.report.dot_chart import DotRow, dot_chart
from poise.report.figures import Money
from poise.risk.simulation.knowledge import RANGE_SOURCES, Ranges
from poise.table.agreement import agreed_plan


def trust(request: DeskRequest) -> HttpResponse:
    """Show ranges, dots and paired differences of the table's plans, and what they rest on."""
    at = convert.session(request.actor.now)
    job = Job.objects.filter(kind=actions.SIMULATE_JOB).order_by("-id").first()
    done = Job.objects.filter(kind=actions.SIMULATE_JOB, state=Job.State.DONE).order_by("-id").first()
    context: dict[str, Any] = {
        "table_ground": at.negotiation.ground,
        "job": job,
        "may_simulate": may(request.user.role, "table.solve"),
    }
    if done is not None and done.result.get("ground") == at.negotiation.ground:
        context |= _shown(done) | {"ground": at.ground, "ranges": _ranges()}
    return render(request, "desk/evidence/trust.html", context)


def _shown(done: Job) -> dict[str, Any]:
    found = msgspec.convert(done.result["simulated"], Simulated)
    labels, currency = done.result["labels"], done.result["currency"]
    rows = [
        {"plan": plan, "label": labels[plan.key], "differences": done.result["differences"].get(plan.key, ())}
        for plan in found.plans
    ]
    drawn = [plan for plan in found.plans if plan.key in ("default", "agreed")]
    if len(drawn) < 2:
        others = [plan for plan in found.plans if plan.key != "default"]
        drawn += [max(others, key=lambda plan: plan.near_best)] if others else []
    return {
        "simulated": found,
        "made": done.finished,
        "currency": currency,
        "rows": rows,
        "loss_dots": _dots([(labels[plan.key], plan.loss_dots) for plan in drawn], currency),
        "hours_dots": _dots([(labels[plan.key], plan.unplanned_hours_dots) for plan in drawn], ""),
        "dots_in_words": [_in_words(labels[plan.key], plan) for plan in drawn],
    }


def _dots(rows: list[tuple[str, tuple[float, ...]]], currency: str) -> SafeString:
    money = Money(currency)
    what = "loss" if currency else "unplanned hours"
    chart = dot_chart(
        [DotRow(label, values) for label, values in rows],
        money if currency else lambda value: f"{value:g} h",
        f"A hundred equally likely outcomes of {what} each; told in words below",
    )
    return mark_safe(chart)  # noqa: S308  built by poise.report.markup, which escapes what it is given


def _in_words(label: str, plan: SimulatedPlan) -> dict[str, Any]:
    return {
        "label": label,
        "without": sum(value <= 0 for value in plan.loss_dots),
        "largest": plan.loss_dots[-1],
        "hours": plan.unplanned_hours_dots[len(plan.unplanned_hours_dots) // 2],
        "most_hours": plan.unplanned_hours_dots[-1],
    }


def _ranges() -> list[tuple[str, str, str]]:
    """Return what nobody knows: its name, its range, and where that comes from."""
    ranges = Ranges()
    found = []
    for name, source in RANGE_SOURCES.items():
        value = getattr(ranges, name)
        words = f"{value:.0%}" if isinstance(value, float) else f"{value[0]:.2g} to {value[1]:.2g}"
        found.append((name.replace("_", " "), words, source))
    return found


def simulate(request: DeskRequest) -> HttpResponse:
    """Start a simulation."""
    job = actions.simulate(request.actor, request.POST.get("ground", ""))
    messages.success(request, "The plans are being played.")
    return redirect("job", job.pk)


def record(request: DeskRequest) -> HttpResponse:
    """Show what the signed plan predicted, and what came."""
    at = convert.session(request.actor.now)
    context: dict[str, Any] = {
        "may_report": may(request.user.role, "plan.outcomes"),
        "in_force": at.negotiation.in_force,
    }
    if at.negotiation.in_force is not None:
        agreement, body = at.negotiation.in_force
        outcomes = actions.reported(agreement)
        rows = record_of(
            at.ground,
            agreed_plan(at.ground, body),
            outcomes,
            _listed(at, request.actor.now.date()),
            request.actor.now,
        )
        context |= {
            "over": windows_over(at)[:100],
            "rows": rows,
            "num_reported": len(outcomes),
            "ground": at.ground,
        }
    return render(request, "desk/evidence/record.html", context)


def _listed(at: DeskSession, today: date) -> Any:
    """Return a function that tells when KEV listed a vulnerability, as known today."""
    ids = sorted({one for change in at.ground.changes for one in change.vulnerabilities})
    known = convert.threats().evidence(ids, today)

    def listed(vulnerability: str) -> date | None:
        found = known.get(vulnerability)
        return found.kev.added if found is not None and found.kev is not None else None

    return listed


def report(request: DeskRequest) -> HttpResponse:
    """Take a file of outcomes."""
    given = request.FILES.get("outcomes")
    if given is None:
        raise DeskError(Fault("E873", "outcomes", "No file was chosen."))
    kept = storing.keep(given.name or "outcomes", given.chunks(), convert.folder("outcomes"))
    found = read_outcomes(kept.path)
    actions.report(request.actor, found)
    messages.success(request, f"{len(found)} outcomes are on the ledger.")
    return redirect("evidence-record")


URLS = [
    page("trust", trust, "evidence-trust", "table.read"),
    page("trust/simulate", simulate, "evidence-simulate", "table.solve", ("POST",)),
    page("record", record, "evidence-record", "plan.read"),
    page("record/report", report, "evidence-report", "plan.outcomes", ("POST",)),
]
NAV = (Entry("Trust", "evidence-trust", "table.read", "evidence"),)
