"""The estate: services, what is unmapped, and the description itself."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from poise.desk import convert, queries
from poise.desk.actions import Actor
from poise.desk.actions import estate as actions
from poise.desk.models import AssetRecord, EstateVersion
from poise.desk.navigation import Entry
from poise.desk.permissions import may
from poise.desk.routes import DeskRequest, page
from poise.desk.telling import Need
from poise.errors import DeskError, Fault
from poise.estate.model import Estate, Service
from poise.report.figures import plural

#: Largest description [B], all files together: whole estates have some hundred kilobytes.
MAX_DESCRIPTION_BYTES: Final = 32 << 20
SHOWN_WINDOWS: Final = 6
SHOWN_ASSETS: Final = 200


def index(request: DeskRequest) -> HttpResponse:
    """Show services, and what the estate lacks."""
    version = convert.latest_estate()
    context: dict[str, Any] = {"version": version, "may_write": may(request.user.role, "estate.write")}
    if version is not None:
        estate, counts = convert.estate_of(version), queries.by_group()
        context |= {
            "services": [_service_row(estate, one, counts) for one in estate.services.values()],
            "mapping": queries.mapping(),
            "overview": version.overview,
            "assumed": _assumed_words(version.overview.get("assumed", [])),
        }
    return render(request, "desk/estate.html", context)


#: Keys of the estate file whose bare words would say too little.
_SAID: Final = {
    "loss_low": "low end of the loss in an incident",
    "loss_high": "high end of the loss in an incident",
}


def _assumed_words(found: list[dict[str, Any]]) -> list[tuple[str, int]]:
    """Return what rests on assumed values, in words for keys of the file, and how many records do."""
    rows = []
    for one in found:
        key, _, rest = str(one["what"]).partition(" ")
        what = f"{_SAID.get(key, key.replace('_', ' '))} {rest}"
        rows.append((what[:1].upper() + what[1:], int(one["records"])))
    return rows


def _service_row(estate: Estate, service: Service, counts: dict[str, dict[str, int]]) -> dict[str, Any]:
    groups = [group for group in estate.groups.values() if service.id in group.services]
    own = [counts[group.id] for group in groups if group.id in counts]
    assets = sum(row["assets"] for row in own)
    return {
        "service": service,
        "groups": groups,
        "assets": assets,
        "is_unseen": not assets,
        "critical": sum(row["num_critical"] for row in own),
        "high": sum(row["num_high"] for row in own),
        "findings": sum(row["num"] for row in own),
    }


def show(request: DeskRequest, service_id: str) -> HttpResponse:
    """Show one service: what it costs, what runs it, when it may be touched, what is open on it."""
    version = convert.latest_estate()
    estate = convert.estate_of(version) if version else None
    if version is None or estate is None or service_id not in estate.services:
        raise Http404
    service, counts = estate.services[service_id], queries.by_group()
    row = _service_row(estate, service, counts)
    groups = tuple(group.id for group in row["groups"])
    found, _ = queries.page(queries.Asked(groups=groups))
    records = AssetRecord.objects.filter(report__in=queries.live_reports(), group__in=groups)
    context = {
        **row,
        "currency": estate.currency,
        "teams": [estate.teams[team] for team in dict.fromkeys(group.team for group in row["groups"])],
        "groups": [(group, counts.get(group.id)) for group in row["groups"]],
        "windows": _windows(version, {group.calendar for group in row["groups"]}),
        "freezes": [one for one in estate.freezes if _is_struck(one.scope, service_id, row["groups"])],
        "cost_low": float(service.downtime_cost_per_hour.min()),
        "cost_high": float(service.downtime_cost_per_hour.max()),
        "found": found[:15],
        "mapping": queries.mapping(),
        "records": records.order_by("label")[:SHOWN_ASSETS],
    }
    return render(request, "desk/service.html", context)


def _is_struck(scope: tuple[str, ...], service_id: str, groups: list[Any]) -> bool:
    names = {service_id, *(group.id for group in groups), *(group.team for group in groups)}
    return not scope or bool(names & set(scope))


def _windows(version: EstateVersion, calendars: set[str]) -> list[dict[str, Any]]:
    """Return the next windows of some calendars, as the worker found them."""
    rows = [
        {
            "calendar": calendar["id"],
            "start": datetime.fromisoformat(window["start"]),
            "end": datetime.fromisoformat(window["end"]),
            "frozen": window["frozen"],
        }
        for calendar in version.overview.get("calendars", [])
        if calendar["id"] in calendars
        for window in calendar["windows"]
    ]
    return sorted(rows, key=lambda row: row["start"])[:SHOWN_WINDOWS]


def unmapped(request: DeskRequest) -> HttpResponse:
    """List the assets that belong to no patch group: no plan covers them."""
    rows = queries.unmapped()
    context = {"rows": rows[:SHOWN_ASSETS], "total": rows.count(), "mapping": queries.mapping()}
    return render(request, "desk/unmapped.html", context)


def adopt(request: DeskRequest) -> HttpResponse:
    """Take an uploaded description."""
    files = request.FILES.getlist("files")
    if not files:
        raise DeskError(
            Fault("E878", "files", "No file was chosen.", "Choose estate.yaml and its calendars.")
        )
    if sum(file.size or 0 for file in files) > MAX_DESCRIPTION_BYTES:
        message = f"has over {MAX_DESCRIPTION_BYTES >> 20} MiB; no description is that large."
        raise DeskError(Fault("E873", "files", message))
    version = actions.adopt(request.actor, {file.name or "file": file.read() for file in files})
    messages.success(request, f"The estate of {version.company} is in force: {version.services} services.")
    return redirect("estate")


def needs(by: Actor) -> Iterator[Need]:
    """Yield what the estate lacks, for those who may mend it."""
    if not may(by.role, "estate.write"):
        return
    if convert.latest_estate() is None:
        yield Need("Describe the estate: nothing can be planned without it.", reverse("estate"))
        return
    mapping = queries.mapping()
    if mapping.is_done and (num := mapping.num_unmapped):
        text = (
            "belongs to no patch group; no plan covers it."
            if num == 1
            else ("belong to no patch group; no plan covers them.")
        )
        yield Need(f"{plural(num, 'asset')} {text}", reverse("estate-unmapped"), can_wait=True)


SENTENCES = {"estate.adopted": "replaced the description of {company}"}
URLS = [
    page("estate", index, "estate", "estate.read"),
    page("estate/adopt", adopt, "estate-adopt", "estate.write", ("POST",)),
    page("estate/unmapped", unmapped, "estate-unmapped", "estate.read"),
    page("estate/services/<str:service_id>", show, "estate-service", "estate.read"),
]
NAV = (Entry("Estate", "estate", "estate.read", "estate"),)
