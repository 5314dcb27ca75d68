"""Home: what needs me, what changed since I last looked, what was promised, and when."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from django.http import HttpResponse
from django.shortcuts import redirect, render

from poise.desk import convert, live, telling
from poise.desk.actions import people
from poise.desk.ledger import DeskLedger
from poise.desk.models import EstateVersion, Job
from poise.desk.navigation import Entry
from poise.desk.permissions import may
from poise.desk.routes import DeskRequest, page

#: Newest records and next windows that the home page lists.
SHOWN_RECORDS: Final = 15
SHOWN_WINDOWS: Final = 6


def home(request: DeskRequest) -> HttpResponse:
    """Show the home page; its state follows what others do."""
    version = f"{live.ledger_version()}.{_work_version()}"
    if (same := live.unchanged(request, version)) is not None:
        return same
    name = "desk/_home.html" if request.htmx else "desk/home.html"
    return render(request, name, {**_state(request), "version": version})


def seen(request: DeskRequest) -> HttpResponse:
    """Remember that the reader has seen everything."""
    people.look(request.actor)
    return redirect("home")


def _state(request: DeskRequest) -> dict[str, Any]:
    since, by = request.user.looked_at, request.actor
    told = [
        (record, telling.sentence(record), since is None or record.time > since)
        for record in list(DeskLedger().records(-SHOWN_RECORDS))[::-1]
        if telling.may_know(by, record)
    ]
    version = convert.latest_estate()
    return {
        "estate": version,
        "running": Job.objects.filter(state__in=[Job.State.WAITING, Job.State.RUNNING]).order_by("id"),
        "needs": list(telling.needs(by)),
        "due": telling.due(by)[:10],
        "now": by.now,
        "told": told,
        "is_new": any(new for _, _, new in told),
        "windows": _next_windows(version, by.now),
        "may_write": may(request.user.role, "estate.write"),
    }


def _next_windows(version: EstateVersion | None, now: datetime) -> list[dict[str, Any]]:
    """Return the next windows of all calendars, as the worker found them."""
    if version is None:
        return []
    rows = [
        {
            "calendar": calendar["id"],
            "start": datetime.fromisoformat(window["start"]),
            "end": datetime.fromisoformat(window["end"]),
            "frozen": window["frozen"],
        }
        for calendar in version.overview.get("calendars", [])
        for window in calendar["windows"]
    ]
    ahead = [row for row in rows if row["end"] >= now]
    return sorted(ahead, key=lambda row: (row["start"], row["calendar"]))[:SHOWN_WINDOWS]


def _work_version() -> str:
    rows = Job.objects.filter(state__in=[Job.State.WAITING, Job.State.RUNNING])
    return "-".join(f"{job.pk}:{job.state[0]}{job.percent or 0}" for job in rows.order_by("id")[:20])


URLS = [
    page("", home, "home", "desk.read"),
    page("seen", seen, "home-seen", "desk.read", ("POST",)),
]
NAV = (Entry("Home", "home", "desk.read", "home"),)
