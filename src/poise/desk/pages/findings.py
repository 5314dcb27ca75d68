"""Findings: search, reports, uploads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.db.models import Exists, OuterRef
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from poise.desk import convert, live, queries, storing
from poise.desk.actions import Actor, findings
from poise.desk.middleware import fault_page
from poise.desk.models import Report
from poise.desk.navigation import Entry
from poise.desk.permissions import may
from poise.desk.routes import DeskRequest, page
from poise.desk.telling import Need
from poise.errors import ConflictError, DeskError, Fault, PoiseError


def index(request: DeskRequest) -> HttpResponse:
    """Search findings; without a question, the most severe first."""
    asked = _asked(request)
    rows, after = queries.page(asked)
    kept = {name: request.GET[name] for name in ("q", "severity", "report") if request.GET.get(name)}
    context = {
        "rows": rows,
        "more": urlencode({**kept, "after": f"{after[0]}.{after[1]}"}) if after else "",
        "asked": kept,
        "report": Report.objects.filter(pk=asked.report).first() if asked.report else None,
        "severities": queries.severities(),
        "total": queries.total(),
        "mapping": queries.mapping(),
        "may_import": may(request.user.role, "findings.import"),
    }
    return render(request, "desk/findings.html", context)


def _asked(request: DeskRequest) -> queries.Asked:
    """Read the question of an address; what is no number of ours asks for nothing."""
    given = request.GET
    severity, report = given.get("severity", ""), given.get("report", "")
    place, _, number = given.get("after", "").partition(".")
    return queries.Asked(
        text=given.get("q", "")[:120].replace("\0", ""),
        severity=int(severity) if severity in {"0", "1", "2", "3", "4", "5"} else None,
        report=int(report) if _is_number(report) else None,
        after=(int(place), int(number)) if _is_number(place) and _is_number(number) else None,
    )


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 16


def reports(request: DeskRequest) -> HttpResponse:
    """List reports; rows that are being read follow the worker."""
    rows = list(Report.objects.select_related("by", "job")[:200])
    version = "-".join(
        f"{r.pk}{r.state[:3]}{r.job.percent if r.job and not r.job.is_over else ''}" for r in rows[:40]
    )
    if (same := live.unchanged(request, version)) is not None:
        return same
    context = {"rows": rows, "version": version, "may_import": may(request.user.role, "findings.import")}
    return render(request, "desk/_reports.html" if request.htmx else "desk/reports.html", context)


def report(request: DeskRequest, number: int) -> HttpResponse:
    """Show one report: what was kept of it, and every fault."""
    row = get_object_or_404(Report, pk=number)
    context: dict[str, Any] = {"row": row, "may_import": may(request.user.role, "findings.import")}
    return render(request, "desk/report.html", context)


def upload(request: DeskRequest) -> HttpResponse:
    """Keep uploaded reports and queue them."""
    files = request.FILES.getlist("files")
    if not files:
        raise DeskError(Fault("E878", "files", "No file was chosen.", "Choose one report or several."))
    refused: list[PoiseError] = []
    for file in files:
        try:
            kept = storing.keep(file.name or "report", file.chunks(1 << 20), convert.folder("reports"))
            findings.take_report(request.actor, kept)
        except (DeskError, ConflictError) as error:
            refused.append(error)
    if refused:
        faults = [fault for error in refused for fault in error.faults]
        return fault_page(request, type(refused[0])(faults), kept=len(files) - len(refused))
    messages.success(request, f"{len(files)} kept. They are being read; this page tells how far they are.")
    return redirect("findings-reports")


def set_aside(request: DeskRequest, number: int) -> HttpResponse:
    """Let a report count no more."""
    row = get_object_or_404(Report, pk=number)
    findings.set_aside(request.actor, row)
    is_refused = row.state == Report.State.REFUSED
    messages.success(request, f"{row.name} {'is put away' if is_refused else 'counts no more'}.")
    return redirect("findings-reports")


def needs(by: Actor) -> Iterator[Need]:
    """Yield refused reports of this person, until one of the same name came or they were put away."""
    later = Report.objects.filter(name=OuterRef("name"), pk__gt=OuterRef("pk"))
    refused = Report.objects.filter(state=Report.State.REFUSED, by=by.user)
    for row in refused.exclude(Exists(later.exclude(state=Report.State.REPLACED)))[:5]:
        yield Need(
            f"{row.name} was refused: see why, and upload it again.",
            reverse("findings-report", args=[row.pk]),
        )


SENTENCES = {
    "report.uploaded": "uploaded the report {name}",
    "report.replaced": "let the report {name} count no more",
}
URLS = [
    page("findings", index, "findings", "estate.read"),
    page("findings/reports", reports, "findings-reports", "estate.read"),
    page("findings/reports/<int:number>", report, "findings-report", "estate.read"),
    page("findings/upload", upload, "findings-upload", "findings.import", ("POST",)),
    page("findings/reports/<int:number>/aside", set_aside, "findings-aside", "findings.import", ("POST",)),
]
NAV = (Entry("Findings", "findings", "estate.read", "findings"),)
