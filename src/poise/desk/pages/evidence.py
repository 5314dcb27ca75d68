"""How far figures can be trusted, and how good they have been."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.safestring import SafeString, mark_safe

from poise.desk import convert, storing
from poise.desk.actions import dialogue
from poise.desk.actions import evidence as actions
from poise.desk.convert import DeskSession
from poise.desk.models import Job
from poise.desk.navigation import Entry
from poise.desk.pages.outcomes import windows_over
from poise.desk.permissions import may
from poise.desk.routes import DeskRequest, page
from poise.desk.trusted import Trusted, rests_on, trusted
from poise.errors import DeskError, Fault
from poise.evidence.calibration import ENOUGH, Reliability
from poise.evidence.pictures import reliability_chart
from poise.evidence.record import record_of
from poise.evidence.stated import pair_record
from poise.patching.document import SimulatedPlan
from poise.patching.outcomes import read_outcomes
from poise.report.dot_chart import DotRow, dot_chart
from poise.report.figures import Money
from poise.table.agreement import agreed_plan

_RANGE_FIELDS = ("what", "unit", "low", "high", "resolves_by")


def trust(request: DeskRequest) -> HttpResponse:
    """Show ranges, dots and paired differences of the table's plans, and what they rest on."""
    at = convert.session(request.actor.now)
    job = Job.objects.filter(kind=actions.SIMULATE_JOB).order_by("-id").first()
    context: dict[str, Any] = {
        "table_ground": at.negotiation.ground,
        "job": job,
        "may_simulate": may(request.user.role, "table.solve"),
        "is_pair": may(request.user.role, "dialogue.pair"),
    }
    found = trusted(at.negotiation.ground)
    if found is not None:
        context |= _shown(found) | {"ground": at.ground, "rests": rests_on(found, at.ground)}
        context |= _pair(found, request.GET.get("a", ""), request.GET.get("b", ""))
    return render(request, "desk/evidence/trust.html", context)


def _shown(found: Trusted) -> dict[str, Any]:
    labels, currency = found.result["labels"], found.result["currency"]
    shown = [plan for plan in found.simulated.plans if plan.key in found.result["shown"]]
    rows = [
        {
            "plan": plan,
            "label": labels[plan.key],
            "differences": () if plan.key == "default" else found.between(plan.key, "default"),
        }
        for plan in shown
    ]
    drawn = [plan for plan in shown if plan.key in ("default", "agreed")]
    if len(drawn) < 2:
        others = [plan for plan in shown if plan.key != "default"]
        drawn += [max(others, key=lambda plan: plan.near_best)] if others else []
    return {
        "simulated": found.simulated,
        "currency": currency,
        "rows": rows,
        "loss_dots": _dots([(_short(labels[plan.key]), plan.loss_dots) for plan in drawn], currency),
        "hours_dots": _dots([(_short(labels[plan.key]), plan.unplanned_hours_dots) for plan in drawn], ""),
        "dots_in_words": [_in_words(labels[plan.key], plan) for plan in drawn],
    }


def _short(label: str) -> str:
    """Return a plan's label as it fits beside a row of dots; the words below have it whole."""
    name = label.partition(",")[0]
    return name if len(name) <= 28 else f"{name[:27]}…"


def _pair(found: Trusted, first: str, second: str) -> dict[str, Any]:
    """Return the paired difference of two plans that a reader chose, and what there is to choose from."""
    labels: dict[str, str] = found.result["labels"]
    first = first or next((key for key in labels if key != "default"), "default")
    chosen: dict[str, Any] = {"choices": list(labels.items()), "first": first, "second": second or "default"}
    if first in labels and chosen["second"] in labels and first != chosen["second"]:
        chosen["compared"] = found.between(first, chosen["second"])
        chosen |= {"label": labels[first], "against_label": labels[chosen["second"]]}
    return chosen


def _dots(rows: list[tuple[str, tuple[float, ...]]], currency: str) -> SafeString:
    """Return dots for wide and for narrow pages; the style sheet shows one of them."""
    money = Money(currency)
    what = "loss" if currency else "unplanned hours"
    charts = [
        dot_chart(
            [DotRow(label, values) for label, values in rows],
            money if currency else lambda value: f"{value:g} h",
            f"A hundred equally likely outcomes of {what} each; told in words below",
            is_narrow=is_narrow,
        )
        for is_narrow in (False, True)
    ]
    # Built by poise.report.markup, which escapes what it is given.
    return mark_safe("".join(charts))  # noqa: S308


def _in_words(label: str, plan: SimulatedPlan) -> dict[str, Any]:
    return {
        "label": label,
        "without": sum(value <= 0 for value in plan.loss_dots),
        "largest": plan.loss_dots[-1],
        "hours": plan.unplanned_hours_dots[len(plan.unplanned_hours_dots) // 2],
        "most_hours": plan.unplanned_hours_dots[-1],
    }


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
        "is_pair": may(request.user.role, "dialogue.pair"),
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


def calibration(request: DeskRequest) -> HttpResponse:
    """Show what the pair's own ranges and judgements were worth, once enough are resolved."""
    said = dialogue.state_of(request.actor).judgements.values()
    judged = [((one.act.low + one.act.high) / 2, one.resolved.came_true) for one in said if one.resolved]
    ranges = list(actions.ranges_of().values())
    found = pair_record(judged, ranges)
    context = {
        "found": found,
        "enough": ENOUGH,
        "picture": _reliability(found.reliability) if found.reliability else "",
        "open_ranges": [one for one in ranges if one.outcome is None],
        "resolved_ranges": [one for one in ranges if one.outcome is not None and not one.service],
        "losses": [one for one in ranges if one.outcome is not None and one.service],
        "services": _owned(),
        "today": request.actor.now.date(),
        "is_pair": True,
    }
    return render(request, "desk/evidence/calibration.html", context)


def _owned() -> list[tuple[str, str]]:
    """Return the services whose owner gave a range of the loss in one incident."""
    version = convert.latest_estate()
    services = convert.estate_of(version).services.values() if version else ()
    return [(one.id, one.name) for one in services if not {"loss_low", "loss_high"} & one.assumed]


def _reliability(one: Reliability) -> SafeString:
    share = one.count / one.count.sum()
    chart = reliability_chart(
        one.title,
        list(zip(one.forecast.tolist(), one.recalibrated.tolist(), strict=True)),
        list(zip(one.forecast.tolist(), share.tolist(), strict=True)),
        is_rare=False,
    )
    return mark_safe(chart)  # noqa: S308  built by poise.report.markup, which escapes what it is given


def state_range(request: DeskRequest) -> HttpResponse:
    """Take a range."""
    actions.state_range(request.actor, {name: request.POST.get(name, "") for name in _RANGE_FIELDS})
    messages.success(request, "The range is on the ledger. Its number will be held against it.")
    return redirect("evidence-calibration")


def resolve_range(request: DeskRequest, name: str) -> HttpResponse:
    """Take what came of a range."""
    given = {field: request.POST.get(field, "") for field in ("outcome", "source")}
    actions.resolve_range(request.actor, name, given)
    messages.success(request, "What came is on the ledger beside the range.")
    return redirect("evidence-calibration")


def note_loss(request: DeskRequest) -> HttpResponse:
    """Take what an incident cost."""
    given = {field: request.POST.get(field, "") for field in ("day", "outcome", "source")}
    actions.note_loss(request.actor, request.POST.get("service", ""), given)
    messages.success(request, "What it cost is on the ledger beside its owner's range.")
    return redirect("evidence-calibration")


URLS = [
    page("trust", trust, "evidence-trust", "table.read"),
    page("trust/simulate", simulate, "evidence-simulate", "table.solve", ("POST",)),
    page("record", record, "evidence-record", "plan.read"),
    page("record/calibration", calibration, "evidence-calibration", "dialogue.pair"),
    page("record/ranges", state_range, "evidence-range", "dialogue.pair", ("POST",)),
    page("record/ranges/<str:name>", resolve_range, "evidence-range-resolve", "dialogue.pair", ("POST",)),
    page("record/losses", note_loss, "evidence-loss", "dialogue.pair", ("POST",)),
    page("record/report", report, "evidence-report", "plan.outcomes", ("POST",)),
]
NAV = (Entry("Trust", "evidence-trust", "table.read", "evidence outcomes"),)
