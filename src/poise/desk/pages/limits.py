"""Limits of a side: posting one, reading it, changing it, dropping it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone

from poise.desk import convert, places
from poise.desk.actions import bargaining
from poise.desk.convert import DeskSession
from poise.desk.models import Job
from poise.desk.pages import given
from poise.desk.permissions import may
from poise.desk.routes import DeskRequest, page
from poise.errors import ConflictError, DeskError, Fault, TableError
from poise.table.ground import Ground
from poise.table.limits import Limit, sentence

#: Fields of a limit's form but for its scope.
_FIELDS: Final = ("id", "rule", "class", "owner", "reason", "until", "amount", "start", "end", "affected")
#: What a form offers: a limit's rules, which changes a deadline is about, and classes.
RULES: Final = (
    ("freeze", "No change in a time (freeze)"),
    ("hours", "At most so many hours of downtime"),
    ("weekends", "At most so many weekends of work"),
    ("services", "At most so many services a week"),
    ("deadline", "Done within so many days"),
    ("exposure", "Expected loss at most so much"),
)
AFFECTED: Final = (
    ("all", "all"),
    ("kev", "known-exploited"),
    ("ransomware", "used by ransomware"),
    ("critical", "critical"),
    ("high", "high and critical"),
)
CLASSES: Final = (
    ("preference", "preference: may be traded"),
    ("policy", "policy: its owner may waive it"),
    ("law", "law: cannot give way"),
)


def rows(request: DeskRequest, at: DeskSession, prices: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the limits as the reader may know them: before positions open, only the own side's."""
    known = prices.get("limits", {})
    found = [_row(one, at.ground, known.get(one.id)) for one in at.limits]
    own = bargaining.limits_before(request.actor, at)
    found += [{**_row(one, at.ground, None), "is_sealed": True} for one in own]
    return found


def _row(limit: Limit, ground: Ground, price: dict[str, Any] | None) -> dict[str, Any]:
    return {"limit": limit, "words": words(limit, ground), "price": price}


def words(limit: Limit, ground: Ground) -> str:
    """Return what a limit says, its times in the reader's zone and what it covers by name."""
    by_name = msgspec.structs.replace(limit, scope=tuple(_names(ground, limit.scope)))
    return sentence(by_name, ground.currency, timezone.get_current_timezone())


def new(request: DeskRequest) -> HttpResponse:
    """Show the form of a new limit, with what the address says of it filled in."""
    return _form(request, _values(request.GET))


def post(request: DeskRequest) -> HttpResponse:
    """Post a limit."""
    values = _values(request.POST)
    try:
        bargaining.add_limit(request.actor, _terms(values))
    except (TableError, DeskError) as error:
        return _form(request, values, faults=places.named_faults(error.faults))
    messages.success(request, f"Limit {values['id']} is posted.")
    return redirect("table")


def show(request: DeskRequest, name: str) -> HttpResponse:
    """Show one limit, and let its side change or drop it."""
    at, row = _found(request, name)
    limit = row["limit"]
    is_own = limit.party == request.actor.party and limit.may_give_way
    may_change = is_own and may(request.user.role, "table.limit") and not _is_sealed(at, request)
    context = {**row, "may_change": may_change, "scope": _names(at.ground, limit.scope)}
    return render(request, "desk/table/limit_page.html", context)


def change(request: DeskRequest, name: str) -> HttpResponse:
    """Show the form of a limit that there is, and take what it says from now on."""
    if request.method != "POST":
        at, row = _found(request, name)
        limit = row["limit"]
        if limit.party != request.actor.party:
            bargaining.own_limit(at, name, bargaining.own_party(request.actor))
        return _form(request, _values_of(limit), version=bargaining.version_of(limit))
    values = {**_values(request.POST), "id": name}
    try:
        bargaining.change_limit(request.actor, _terms(values), request.POST.get("seen", ""))
    except ConflictError as error:
        return _conflict(request, name, values, error)
    except (TableError, DeskError) as error:
        faults = places.named_faults(error.faults)
        return _form(request, values, version=request.POST.get("seen", ""), faults=faults)
    messages.success(request, f"Limit {name} has other terms now.")
    return redirect("table-limit-page", name)


def _conflict(request: DeskRequest, name: str, values: dict[str, Any], error: ConflictError) -> HttpResponse:
    """Show what stands now beside what was to be kept, when somebody else was faster."""
    at = convert.session(request.actor.now)
    standing = next((row["limit"] for row in rows(request, at, {}) if row["limit"].id == name), None)
    own = bargaining.limit_of({**_terms(values), "party": request.actor.party})
    context = {
        "name": name,
        "fault": places.named_faults(error.faults)[0],
        "standing": standing,
        "standing_words": words(standing, at.ground) if standing else "",
        "own": own,
        "own_words": words(own, at.ground),
        "values": values,
        "seen": bargaining.version_of(standing) if standing else "",
    }
    return render(request, "desk/table/limit_conflict.html", context, status=409)


def drop(request: DeskRequest, name: str) -> HttpResponse:
    """Take a limit off the table."""
    bargaining.drop_limit(request.actor, name, request.POST.get("reason", "").strip())
    messages.success(request, f"Limit {name} is off the table.")
    return redirect("table")


def _found(request: DeskRequest, name: str) -> tuple[DeskSession, dict[str, Any]]:
    at = convert.session(request.actor.now)
    _ = at.ground  # without a table there is no limit that anybody could have dropped
    done = Job.objects.filter(kind=bargaining.PRICES_JOB, state=Job.State.DONE).order_by("-id").first()
    is_here = done is not None and done.result.get("ground") == at.negotiation.ground
    known = rows(request, at, done.result if done and is_here else {})
    row = next((one for one in known if one["limit"].id == name), None)
    if row is None:
        text = "is not on the table: somebody dropped it."
        raise ConflictError(Fault("E871", f"limit {name}", text, "Look at the table again."))
    return at, row


def _is_sealed(at: DeskSession, request: DeskRequest) -> bool:
    return request.actor.party in at.negotiation.sealed and not at.negotiation.positions


def _form(
    request: DeskRequest,
    values: dict[str, Any],
    *,
    version: str = "",
    faults: Sequence[Fault] = (),
) -> HttpResponse:
    at = convert.session(request.actor.now)
    ground = at.ground
    context = {
        "values": values,
        "version": version,
        "faults": faults,
        "choices": [
            ("Services", [(one.id, one.name) for one in ground.services]),
            ("Teams", [(one.id, one.name or one.id) for one in ground.teams]),
            ("Patch groups", [(one.id, one.id) for one in ground.groups]),
        ],
        "rules": RULES,
        "affected": AFFECTED,
        "classes": CLASSES,
        "is_before": not at.negotiation.positions,
        "currency": ground.currency,
    }
    return render(request, "desk/table/limit.html", context, status=400 if faults else 200)


def _values(posted: QueryDict) -> dict[str, Any]:
    """Return a form's fields as they were written."""
    values: dict[str, Any] = {name: posted.get(name, "").strip() for name in _FIELDS}
    return {**values, "scope": [one for one in posted.getlist("scope") if one]}


def _values_of(limit: Limit) -> dict[str, Any]:
    """Return a limit as its form shows it; times in the reader's zone."""
    plain = msgspec.to_builtins(limit)
    values = {name: "" if plain.get(name) is None else plain[name] for name in _FIELDS}
    for name in ("start", "end"):
        moment = getattr(limit, name)
        values[name] = f"{timezone.localtime(moment):%Y-%m-%dT%H:%M}" if moment else ""
    if limit.amount is not None:
        values["amount"] = f"{limit.amount:.15g}"
    return {**values, "scope": list(limit.scope)}


def _terms(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a form says as a limit's fields; times get the reader's zone."""
    terms = dict(values)
    for name in ("start", "end"):
        if terms[name]:
            terms[name] = given.moment(terms[name], name).isoformat()
    return terms


def _names(ground: Ground, scope: tuple[str, ...]) -> list[str]:
    names = {one.id: one.name for one in ground.services} | {one.id: one.name for one in ground.teams}
    return [names.get(one) or one for one in scope]


URLS = [
    page("table/new-limit", new, "table-limit", "table.limit"),
    page("table/limits", post, "table-limit-post", "table.limit", ("POST",)),
    page("table/limits/<str:name>", show, "table-limit-page", "table.read"),
    page(
        "table/limits/<str:name>/change",
        change,
        "table-limit-change",
        "table.limit",
        ("GET", "HEAD", "POST"),
    ),
    page("table/limits/<str:name>/drop", drop, "table-limit-drop", "table.limit", ("POST",)),
]
