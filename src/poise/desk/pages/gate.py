"""Deliveries: each service's last verdict, its risk budget with history, its tests, what is excepted."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

import msgspec
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.safestring import mark_safe

from poise.desk.actions import Actor, gate_reports
from poise.desk.actions.gate_exceptions import lifters
from poise.desk.charts.burn import burn_chart
from poise.desk.gate import budget_of, gate_register, lost_names, points_of, unsigned_sides, verdict_of
from poise.desk.models import DeliveryVerdict, PolicyDraft, SigningKeyFile, TestHistory
from poise.desk.navigation import Entry
from poise.desk.pages.gate_keys import measures
from poise.desk.pages.gate_policies import rows_of
from poise.desk.permissions import may
from poise.desk.routes import DeskRequest, page
from poise.desk.telling import Due, Need
from poise.errors import DeskError, Fault
from poise.gate.explain import explain
from poise.gate.intake import MAX_BYTES
from poise.gate.policy import Budget
from poise.gate.register import PolicyEntry, Register
from poise.gate.testplan import PlanOfTests
from poise.gate.verdict import JudgedFinding

#: Verdicts of a service that one page lists, and findings that one page explains.
_LISTED: Final = 50
_EXPLAINED: Final = 60
WORDS: Final = {
    "pass": "passes",
    "block": "is blocked",
    "incomplete": "evidence is missing",
    "lifted": "passes by broken glass",
}


def index(request: DeskRequest) -> HttpResponse:
    """List services with their last verdicts, and policies."""
    now, found = request.actor.now, gate_register()
    names = set(DeliveryVerdict.objects.order_by().values_list("service", flat=True).distinct())
    services = [_service(name, found, now) for name in sorted(names | set(found.services()))]
    context = {
        "services": services,
        "policies": rows_of(found, now),
        "drafts": PolicyDraft.objects.select_related("by"),
        "num_open": sum(one.state(now) == "open" for one in found.exceptions.values()),
        "may_compose": may(request.user.role, "gate.compose"),
        "may_report": may(request.user.role, "gate.report"),
    }
    return render(request, "desk/gate.html", context)


def _service(name: str, found: Register, now: datetime) -> dict[str, Any]:
    entry = found.in_force(name, now)
    last = DeliveryVerdict.objects.filter(service=name).first()
    budget = entry.policy.budget if entry else None
    return {
        "name": name,
        "last": last,
        "word": WORDS[last.decision] if last else "",
        "entry": entry,
        "state": budget_of(budget, points_of(name, now), now)[0] if budget else None,
        "num_open": sum(
            one.state(now) == "open" for one in found.exceptions.values() if one.document.service == name
        ),
    }


def service(request: DeskRequest, name: str) -> HttpResponse:
    """Show one service: budget, verdicts, exceptions, tests."""
    now, found = request.actor.now, gate_register()
    before = request.GET.get("before", "")
    rows = DeliveryVerdict.objects.filter(service=name).defer("content")
    if before.isascii() and before.isdecimal() and len(before) < 16:
        last = DeliveryVerdict.objects.filter(pk=int(before)).first()
        rows = rows.filter(judged__lt=last.judged) if last else rows
    shown = list(rows[: _LISTED + 1])
    context = {
        **_service(name, found, now),
        "verdicts": [(row, WORDS[row.decision]) for row in shown[:_LISTED]],
        "more": urlencode({"before": shown[_LISTED - 1].pk}) if len(shown) > _LISTED else "",
        "burn": _burn(name, found.in_force(name, now), now),
        "exceptions": [
            (key, one, one.state(now))
            for key, one in found.exceptions.items()
            if one.document.service == name
        ],
        "tests": _tests(name),
        "measures": measures(name, _budget(found, name, now), now),
        "may_report": may(request.user.role, "gate.report"),
    }
    return render(request, "desk/gate_service.html", context)


def _budget(found: Register, name: str, now: datetime) -> Budget | None:
    entry = found.in_force(name, now)
    return entry.policy.budget if entry else None


def _burn(name: str, entry: PolicyEntry | None, now: datetime) -> dict[str, Any] | None:
    budget = entry.policy.budget if entry else None
    if budget is None:
        return None
    state, days = budget_of(budget, points_of(name, now), now)
    days_of = [(end.date(), us, none) for end, us, none in days]
    summary = (
        f"Burn of {name} by day over {state.window_days:g} days: {state.burned_by_us:.1f} risk-days by our "
        f"own delay, {state.without_fix:.1f} without any fix"
    )
    return {
        "state": state,
        "left": max(state.allowed - state.burned_by_us, 0.0),
        "chart": mark_safe(burn_chart(days_of, summary)),  # noqa: S308 - built by poise.report.markup
        "days": days_of[::-1],
        "is_calm": not any(us or none for _, us, none in days_of),
    }


def _tests(name: str) -> dict[str, Any] | None:
    row = TestHistory.objects.filter(service=name).select_related("by").first()
    if row is None:
        return None
    plan = msgspec.convert(row.plan, PlanOfTests)
    share = plan.yield_inline / plan.yield_of_all if plan.yield_of_all else 0.0
    return {"row": row, "plan": plan, "percent": round(100 * share)}


def verdict(request: DeskRequest, number: int) -> HttpResponse:
    """Show one verdict with the explanation of what it lists."""
    row = get_object_or_404(DeliveryVerdict, pk=number)
    found, judged = gate_register(), verdict_of(row)
    entry = next((one for one in found.policies.values() if one.digest == row.policy_digest), None)
    key, held = _own_key(request), found.in_force(row.service, request.actor.now)
    explained = [
        (one, explain(one, judged, entry.policy) if entry else None, _may_accept(one, key, held))
        for one in judged.findings[:_EXPLAINED]
    ]
    context = {
        "row": row,
        "verdict": judged,
        "word": WORDS[row.decision],
        "entry": entry,
        "findings": explained,
        "num_more": len(judged.findings) - len(explained) + judged.not_shown,
    }
    return render(request, "desk/gate_verdict.html", context)


def _own_key(request: DeskRequest) -> str:
    """Return the id of the reader's key, empty for whoever may not use one here."""
    key = SigningKeyFile.objects.filter(user=request.user).first()
    return key.key_id if key is not None and may(request.user.role, "gate.except") else ""


def _may_accept(finding: JudgedFinding, key: str, held: PolicyEntry | None) -> bool:
    return (
        held is not None
        and finding.outcome in ("block", "warn")
        and bool(finding.exemption_keys)
        and key in lifters(held.policy, finding.rule)
    )


def verdict_file(request: DeskRequest, number: int) -> HttpResponse:
    """Return verdict.json as the pipeline wrote it."""
    import gzip

    row = get_object_or_404(DeliveryVerdict, pk=number)
    response = HttpResponse(gzip.decompress(bytes(row.content)), content_type="application/json")
    response["Content-Disposition"] = f'attachment; filename="verdict-{row.pk}.json"'
    return response


def upload(request: DeskRequest) -> HttpResponse:
    """Take an uploaded verdict.json."""
    file = request.FILES.get("file")
    if file is None or (file.size or 0) > MAX_BYTES:
        raise DeskError(Fault("E878", "file", f"Expected a verdict.json of at most {MAX_BYTES:,} bytes."))
    row, is_new = gate_reports.take_verdict(request.actor, file.read())
    messages.success(request, "The verdict is kept." if is_new else "This verdict was here already.")
    return redirect("gate-verdict", row.pk)


def tests(request: DeskRequest, name: str) -> HttpResponse:
    """Take a history of tests and plan them."""
    file, minutes = request.FILES.get("file"), request.POST.get("minutes", "")
    if file is None or (file.size or 0) > MAX_BYTES:
        raise DeskError(Fault("E878", "file", f"Expected a history of at most {MAX_BYTES:,} bytes."))
    try:
        granted = float(minutes)
    except ValueError as error:
        raise DeskError(Fault("E878", "minutes", f"{minutes[:40]!r} is no number.")) from error
    gate_reports.take_tests(request.actor, name, file.read(), granted)
    messages.success(request, "The tests are planned.")
    return redirect("gate-service", name)


def needs(by: Actor) -> Iterator[Need]:
    """Tell a lead which policies wait for their signature."""
    from poise.desk.actions.gate_policies import side_of

    if by.user is None or not may(by.role, "gate.sign"):
        return
    found = gate_register()
    for key, entry in found.all_in_force(by.now).items():
        if unsigned_sides(entry) or lost_names(entry):
            text = f"Write the next version of {entry.name}: a key that it rests on counts no more."
            yield Need(text, reverse("gate-policy", args=[key]))
    for key, entry in found.policies.items():
        if not entry.agreed and not entry.ended and side_of(entry) != by.party:
            text = f"Read and sign, or decline, the delivery policy {entry.name}."
            yield Need(text, reverse("gate-policy", args=[key]))


def due(by: Actor) -> Iterator[Due]:
    """Tell when exceptions end."""
    for key, one in gate_register().exceptions.items():
        if one.state(by.now) == "open":
            text = f"Exception for {one.document.title[:80]} ends; {one.document.owner} answers for it."
            yield Due(text, one.document.ends, reverse("gate-exception", args=[key]))


SENTENCES = {
    "gate.policy.proposed": "signed a delivery policy and put it before the other side",
    "gate.policy.agreed": "signed a delivery policy of the other side; it holds now",
    "gate.policy.ended": "declined a delivery policy: {reason}",
    "gate.exception": "signed an exception for a finding",
    "gate.exception.withdrawn": "took an exception back: {reason}",
    "gate.break-glass": "let one commit pass by broken glass",
    "gate.skip": "said that a report does not apply to one commit",
    "gate.tests": "planned the security tests of {service}",
}
URLS = [
    page("deliveries", index, "gate", "gate.read"),
    page("deliveries/upload", upload, "gate-upload", "gate.report", ("POST",)),
    page("deliveries/verdicts/<int:number>", verdict, "gate-verdict", "gate.read"),
    page("deliveries/verdicts/<int:number>/json", verdict_file, "gate-verdict-file", "gate.read"),
    page("deliveries/services/<path:name>/tests", tests, "gate-tests", "gate.report", ("POST",)),
    page("deliveries/services/<path:name>", service, "gate-service", "gate.read"),
]
NAV = (Entry("Deliveries", "gate", "gate.read", "gate"),)
