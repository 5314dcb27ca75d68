"""What became of a window: entered change by change once it is over."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final, cast
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from poise.desk import convert, naming
from poise.desk.actions import Actor
from poise.desk.actions import evidence as actions
from poise.desk.actions.agreements import ground_then
from poise.desk.convert import DeskSession
from poise.desk.pages import given
from poise.desk.permissions import may
from poise.desk.routes import DeskRequest, page
from poise.desk.telling import Need
from poise.errors import DeskError, Fault, TableError
from poise.patching.document import ChangeEntry
from poise.patching.outcomes import Outcome, OutcomeStatus

STATUSES: Final = (
    ("done", "done"),
    ("failed", "failed"),
    ("rolled_back", "rolled back"),
    ("not_done", "not done"),
)


@dataclass(frozen=True, slots=True)
class Over:
    """An agreed opening of a group whose window has ended.

    Parameters
    ----------
    changes
        Planned for it, each with the last word on it; None where nobody said anything.
    """

    group: str
    team: str
    start: datetime
    end: datetime
    changes: tuple[tuple[ChangeEntry, Outcome | None], ...]

    @property
    def num_missing(self) -> int:
        """How many changes nobody has said anything about."""
        return sum(outcome is None for _, outcome in self.changes)

    @property
    def address(self) -> str:
        """Where what became of it is entered."""
        asked = {"group": self.group, "start": self.start.isoformat()}
        return f"{reverse('outcomes-visit')}?{urlencode(asked)}"


def windows_over(at: DeskSession) -> list[Over]:
    """Return the openings that are over, the latest first, of the agreement whose plan goes on.

    One that was re-opened goes on until another is signed.
    """
    if at.negotiation.goes_on is None:
        return []
    agreement, body = at.negotiation.goes_on
    said, planned = actions.reported(agreement), body["plan"]
    by_visit: dict[tuple[str, str | None], list[ChangeEntry]] = {}
    for change in _changes_then(at, agreement):
        by_visit.setdefault((change.group, planned.get(change.id)), []).append(change)
    found = []
    for one in body["windows"]:
        end = datetime.fromisoformat(one["end"])
        changes = by_visit.get((one["group"], one["start"]), [])
        if end <= at.now and changes:
            told = tuple((change, said.get(change.id)) for change in changes)
            start = datetime.fromisoformat(one["start"])
            found.append(Over(one["group"], one["team"], start, end, told))
    return sorted(found, key=lambda one: (one.start, one.group), reverse=True)


def _changes_then(at: DeskSession, agreement: str) -> tuple[ChangeEntry, ...]:
    """Return the changes of the table on which an agreement was made: what is patched is found no more."""
    try:
        return at.ground_of(ground_then(at.ledger.record(agreement))).changes
    except TableError:
        return at.ground.changes  # its file is gone


def visit(request: DeskRequest) -> HttpResponse:
    """Show the form of one window, and take what it says."""
    asked = request.POST if request.method == "POST" else request.GET
    start = given.moment(asked.get("start", ""), "start")
    at = convert.session(request.actor.now)
    over = windows_over(at)
    one = next((x for x in over if x.group == asked.get("group") and x.start == start), None)
    if one is None:
        message = "No agreed window of this group that is over begins then."
        raise TableError(Fault("E554", "window", message, "The list of them stands under Trust."))
    if request.method != "POST":
        team = naming.teams_of(at.ground).get(one.team, one.team)
        context = {"one": one, "team": team, "statuses": STATUSES, "names": dict(STATUSES)}
        return render(request, "desk/evidence/visit.html", context)
    found = _outcomes(request, one)
    actions.report(request.actor, found)
    messages.success(request, f"What became of {one.group} is on the ledger: {len(found)} changes.")
    return redirect("evidence-record")


def _outcomes(request: DeskRequest, one: Over) -> tuple[Outcome, ...]:
    """Return what the form says of each change of a window; changes left open are left out."""
    posted, found = request.POST, []
    finished = posted.get("finished", "").strip()
    when = given.moment(finished, "finished") if finished else None
    downtime, labour = (_minutes(posted.get(name, ""), name) for name in ("downtime", "labour"))
    rebooted = {"yes": True, "no": False}.get(posted.get("rebooted", ""))
    stated = [(change, posted.get(f"status-{change.id}", "")) for change, _ in one.changes]
    stated = [(change, status) for change, status in stated if status]
    if not stated:
        raise DeskError(Fault("E878", "outcomes", "Nothing was said of any change.", "Choose what became."))
    planned = sum(change.labour_minutes for change, _ in stated)
    for change, status in stated:
        if status not in dict(STATUSES):
            raise DeskError(Fault("E878", change.id, f"{status[:40]!r} is no outcome."))
        # What the visit took is spread as the plan had spread it.
        part = change.labour_minutes / planned if planned else 1 / len(stated)
        found.append(
            Outcome(
                change=change.id,
                status=cast(OutcomeStatus, status),
                finished=when,
                downtime_minutes=downtime,
                labour_minutes=None if labour is None else labour * part,
                rebooted=rebooted,
                note=posted.get("note", "").strip()[:500],
            )
        )
    return tuple(found)


def _minutes(text: str, name: str) -> float | None:
    if not text.strip():
        return None
    value = given.number(text, name)
    if value < 0:
        raise DeskError(Fault("E878", name, f"{value:g} is less than no minutes."))
    return value


def needs(by: Actor) -> Iterator[Need]:
    """Yield windows that are over and that nobody has said anything about."""
    if not may(by.role, "plan.outcomes"):
        return
    at = convert.session(by.now)
    if at.negotiation.ground is not None and at.negotiation.goes_on is not None:
        missing = [one for one in windows_over(at) if one.num_missing]
        if len(missing) == 1:
            yield Need(f"Say what became of the window of {missing[0].group}.", missing[0].address)
        elif missing:
            yield Need(
                f"Say what became of {len(missing)} windows that are over.", reverse("evidence-record")
            )


SENTENCES = {"outcomes": "said what became of changes"}
URLS = [page("record/visit", visit, "outcomes-visit", "plan.outcomes", ("GET", "HEAD", "POST"))]
