"""Home: what needs me, what changed since I last looked, what was promised, and when."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string

from poise.desk import convert, live, queries, telling
from poise.desk.actions import Actor, people
from poise.desk.actions.bargaining import own_party
from poise.desk.ledger import DeskLedger
from poise.desk.models import AgreementDraft, EstateVersion, Job, LedgerRecord
from poise.desk.navigation import Entry
from poise.desk.permissions import may
from poise.desk.routes import DeskRequest, page
from poise.ledger.record import Record
from poise.table.negotiation import PARTIES

#: Newest records and next windows that the home page lists.
SHOWN_RECORDS: Final = 15
SHOWN_WINDOWS: Final = 6
_MEMORY: Final = live.Memory()


def home(request: DeskRequest) -> HttpResponse:
    """Show the home page; its state follows what others do."""
    by = request.actor
    user, minute = request.user, by.now.replace(second=0, microsecond=0)
    own = (user.looked_at, user.role, user.timezone)
    rests_on = (
        live.head_hash(),
        _work_version(),
        EstateVersion.objects.count(),
        minute,
        own,
        _unrecorded(by),
    )

    def rendered() -> str:
        return render_to_string("desk/_home_now.html", {**_state(request), "user": request.user})

    kept = _MEMORY.page(request.user.pk, rests_on, rendered)
    if (same := live.unchanged(request, kept.digest)) is not None:
        return same
    name = "desk/_home.html" if request.htmx else "desk/home.html"
    return render(request, name, {"version": kept.digest, "inner": kept.html})


def seen(request: DeskRequest) -> HttpResponse:
    """Remember that the reader has seen everything."""
    people.look(request.actor)
    return redirect("home")


def _state(request: DeskRequest) -> dict[str, Any]:
    since, by = request.user.looked_at, request.actor
    told = [
        (
            telling.person(record.statement.author),
            telling.sentence(record),
            record.time,
            since is None or record.time > since,
        )
        for record in _newest()
        if telling.may_know(by, record)
    ]
    version = convert.latest_estate()
    return {
        "estate": version,
        "mapping": queries.mapping() if version else None,
        "running": Job.objects.filter(state__in=[Job.State.WAITING, Job.State.RUNNING]).order_by("id"),
        "needs": telling.needs(by),
        "due": telling.due(by)[:10],
        "now": by.now,
        "told": told,
        "is_new": any(new for *_, new in told),
        "windows": _next_windows(version, by.now),
        "may_write": may(request.user.role, "estate.write"),
    }


def _newest() -> list[Record]:
    """Return the newest records; those of incidents push none of them out of sight."""
    rows = LedgerRecord.objects.exclude(live.MARKED).order_by("-sequence")
    book = DeskLedger()
    return [book.record(place) for place in rows.values_list("sequence", flat=True)[:SHOWN_RECORDS]]


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


def _unrecorded(by: Actor) -> tuple[Any, ...]:
    """Return what needs rest on and no record tells: drafts to sign, and the own side's hidden answers."""
    drafts = tuple((row.pk, row.signed) for row in AgreementDraft.objects.order_by("pk"))
    at = convert.session(by.now)
    if at.negotiation.ground is None or by.party not in PARTIES:
        return (drafts,)
    return drafts, tuple(sorted(at.answers.of(own_party(by)).items()))


def _work_version() -> str:
    rows = Job.objects.filter(state__in=[Job.State.WAITING, Job.State.RUNNING])
    return "-".join(f"{job.pk}:{job.state[0]}{job.percent or 0}" for job in rows.order_by("id")[:20])


URLS = [
    page("", home, "home", "desk.read"),
    page("seen", seen, "home-seen", "desk.read", ("POST",)),
]
NAV = (Entry("Home", "home", "desk.read", "home"),)
