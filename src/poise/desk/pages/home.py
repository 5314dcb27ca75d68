"""Home: what needs me, what changed since I last looked, what was promised, and when."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpResponse
from django.shortcuts import redirect, render

from poise.desk import convert, live
from poise.desk.actions import people
from poise.desk.ledger import DeskLedger
from poise.desk.models import Job, Report
from poise.desk.navigation import Entry
from poise.desk.permissions import may
from poise.desk.routes import DeskRequest, page

#: Newest records that the home page lists.
SHOWN_RECORDS: Final = 12


def home(request: DeskRequest) -> HttpResponse:
    """Show the home page; its state follows what others do."""
    version = f"{live.ledger_version()}.{_work_version()}"
    if (same := live.unchanged(request, version)) is not None:
        return same
    live.touch(request.user, "home")
    name = "desk/_home.html" if request.htmx else "desk/home.html"
    return render(request, name, {**_state(request), "version": version})


def seen(request: DeskRequest) -> HttpResponse:
    """Remember that the reader has seen everything."""
    people.look(request.actor)
    return redirect("home")


def _state(request: DeskRequest) -> dict[str, Any]:
    since = request.user.looked_at
    records = list(DeskLedger().records(-SHOWN_RECORDS))[::-1]
    return {
        "estate": convert.latest_estate(),
        "num_reports": Report.objects.filter(state=Report.State.READ).count(),
        "running": Job.objects.filter(state__in=[Job.State.WAITING, Job.State.RUNNING]).order_by("id"),
        "records": [(record, since is None or record.time > since) for record in records],
        "is_new": any(since is None or record.time > since for record in records),
        "present": live.present("home"),
        "may_write": may(request.user.role, "estate.write"),
    }


def _work_version() -> str:
    rows = Job.objects.filter(state__in=[Job.State.WAITING, Job.State.RUNNING])
    return "-".join(f"{job.pk}:{job.state[0]}{job.percent or 0}" for job in rows.order_by("id")[:20])


URLS = [
    page("", home, "home", "desk.read"),
    page("seen", seen, "home-seen", "desk.read", ("POST",)),
]
NAV = (Entry("Home", "home", "desk.read", "home"),)
