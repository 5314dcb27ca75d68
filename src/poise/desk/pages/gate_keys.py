"""The four keys of delivery on a service's page, beside security's own."""

from __future__ import annotations

import gzip
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect

from poise.desk.actions import gate_reports
from poise.desk.gate import points_of
from poise.desk.models import DeliveryVerdict, DeployLog
from poise.desk.routes import DeskRequest, page
from poise.errors import DeskError, Fault
from poise.gate.budget import burned
from poise.gate.fixtimes import fix_days_by_severity, glance
from poise.gate.fourkeys import DEFINITIONS, MAX_BYTES, FourKeys, four_keys, parse_log
from poise.gate.policy import Budget
from poise.report.figures import plural

#: The span that the page measures [d], and from how many verdicts of it times to fix are taken.
SPAN_DAYS: Final = 90
_VERDICTS: Final = 200
#: How each key is called, and in what it is told.
_KEYS: Final = (
    ("deployments_per_week", "Deployment frequency", "a week"),
    ("lead_time_hours", "Lead time for changes", "hours"),
    ("change_failure_rate", "Change failure rate", "%"),
    ("restore_hours", "Time to restore", "hours"),
)


class Row(NamedTuple):
    """One measure as it is shown; without a value it is unknown."""

    name: str
    value: str
    unit: str
    definition: str
    source: str


class Measures(NamedTuple):
    """Both sides' measures of one span, in one table."""

    delivery: list[Row]
    security: list[Row]
    start: datetime
    end: datetime
    log: DeployLog | None
    failures_known: bool

    @property
    def both(self) -> tuple[list[Row], list[Row]]:
        """Return the rows of both sides, for a table of two parts."""
        return self.delivery, self.security


def measures(service: str, budget: Budget | None, now: datetime) -> Measures:
    """Return delivery's four keys beside times to fix and what burned of the risk budget."""
    start = now - timedelta(days=SPAN_DAYS)
    log = DeployLog.objects.filter(service=service).select_related("by").first()
    keys = _keys_of(log, start, now) if log else None
    return Measures(
        _delivery(keys),
        [*_fixes(service, start, now), *_burn(service, budget, now)],
        start,
        now,
        log,
        keys is None or keys.failures_known,
    )


def _keys_of(log: DeployLog, start: datetime, end: datetime) -> FourKeys:
    text = gzip.decompress(bytes(log.content)).decode("utf-8-sig")
    return four_keys(parse_log(text, log.name), log.name, start, end)


def _delivery(keys: FourKeys | None) -> list[Row]:
    source = f"{keys.source}: {keys.deployments} deployments" if keys else ""
    rows = []
    for field, name, unit in _KEYS:
        value = getattr(keys, field) if keys else None
        scale = 100 if unit == "%" else 1
        told = "" if value is None else f"{value * scale:,.1f}"
        rows.append(Row(name, told, unit, DEFINITIONS[field], source))
    return rows


def _fixes(service: str, start: datetime, now: datetime) -> list[Row]:
    kept = DeliveryVerdict.objects.filter(service=service, judged__range=(start, now)).only("content")
    found = [glance(gzip.decompress(bytes(row.content))) for row in kept[:_VERDICTS]][::-1]
    source = f"the last {plural(len(found), 'verdict')} here"
    return [
        Row(
            f"Time to fix, {word}", f"{days:,.1f}", "days", DEFINITIONS["fix_days"], f"{source}: {count} gone"
        )
        for word, (count, days) in fix_days_by_severity(found).items()
    ] or [Row("Time to fix", "", "days", DEFINITIONS["fix_days"], f"{source}: nothing went away yet")]


def _burn(service: str, budget: Budget | None, now: datetime) -> list[Row]:
    points = points_of(service, now)
    by_us, without_fix = burned(points, now, SPAN_DAYS)
    agreed = budget.risk_days * SPAN_DAYS / budget.window_days if budget else None
    source = f"{plural(len(points), 'verdict')} here" if points else ""
    values = (
        ("risk_days", "Burned by our delay", by_us if points else None, source),
        ("risk_days_without_fix", "Burned while no fix existed", without_fix if points else None, source),
        ("risk_days_agreed", "Agreed for as long a span", agreed, "the policy in force" if budget else ""),
    )
    return [
        Row(name, "" if value is None else f"{value:,.1f}", "risk-days", DEFINITIONS[field], told)
        for field, name, value, told in values
    ]


def upload(request: DeskRequest, name: str) -> HttpResponse:
    """Take a log of deployments."""
    file = request.FILES.get("file")
    if file is None or (file.size or 0) > MAX_BYTES:
        raise DeskError(Fault("E878", "file", f"Expected a log of at most {MAX_BYTES:,} bytes."))
    gate_reports.take_log(request.actor, name, file.name or "", file.read())
    messages.success(request, "The deployments are kept.")
    return redirect("gate-service", name)


SENTENCES = {"gate.deployments": "handed in {deployments} deployments of {service}"}
URLS = [page("deliveries/services/<path:name>/deployments", upload, "gate-log", "gate.report", ("POST",))]
NAV = ()
