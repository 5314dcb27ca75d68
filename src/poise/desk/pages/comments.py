"""Comments on a plan and on what is in it: a service, a team, a visit, a change; any can become a limit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone

from poise.desk import convert
from poise.desk.actions import bargaining
from poise.desk.ledger import DeskLedger
from poise.desk.pages import given
from poise.desk.routes import DeskRequest, page
from poise.errors import Fault, TableError
from poise.ledger.record import Record
from poise.table.ground import Ground

_MOMENT = "%Y-%m-%dT%H:%M"


@dataclass(frozen=True, slots=True)
class Item:
    """Something that people comment on.

    Parameters
    ----------
    key
        What stands in the record: ``service/erp``, ``team/t1``, ``change/CH-1``, or
        ``visit/`` with a group and the start of its window; empty for the plan as a whole.
    label
        What people call it.
    limit
        Fields of the limit that a comment on it suggests; a freeze in most cases.
    """

    key: str
    label: str
    limit: dict[str, str]


def items_of(ground: Ground, visits: list[dict[str, Any]]) -> list[Item]:
    """Return what a plan's comments can be about, the plan as a whole first."""
    found = [Item("", "the plan as a whole", {})]
    found += [Item(f"service/{one.id}", one.name, {"scope": one.id}) for one in ground.services]
    found += [Item(f"team/{one.id}", one.name or one.id, _team(one.id)) for one in ground.teams]
    found += [_visit(one["group"].id, one["window"].start, one["window"].end) for one in visits]
    return found


def item_of(ground: Ground, key: str) -> Item:
    """Return an item by its key; E554 where the ground has none."""
    kind, _, rest = key.partition("/")
    if not key:
        return Item("", "the plan as a whole", {})
    if kind == "change" and rest in ground.change_number:
        change = ground.changes[ground.change_number[rest]]
        return Item(key, f"{change.remedy} on {change.group}", {"rule": "deadline", "scope": change.group})
    if kind == "visit":
        group, _, start = rest.rpartition("/")
        moment = given.moment(start, "visit")
        window = next((one for one in ground.windows if one.start == moment), None)
        if window is not None and any(one.id == group for one in ground.groups):
            return _visit(group, window.start, window.end)
    known = {one.key: one for one in items_of(ground, [])}
    if key not in known:
        raise TableError(Fault("E554", "comment", f"There is nothing called {key[:60]!r} in this plan."))
    return known[key]


def _team(team: str) -> dict[str, str]:
    return {"rule": "weekends", "scope": team}


def _visit(group: str, start: datetime, end: datetime) -> Item:
    local = timezone.localtime(start)
    fields = {"rule": "freeze", "scope": group, "start": _form_time(start), "end": _form_time(end)}
    label = f"{group}, {local.day} {local:%b %H:%M %Z}"
    return Item(visit_key(group, start), label, fields)


def visit_key(group: str, start: datetime) -> str:
    """Return what comments call the opening of a group in a window."""
    return f"visit/{group}/{start.isoformat()}"


def _form_time(moment: datetime) -> str:
    return timezone.localtime(moment).strftime(_MOMENT)


def comments_on(ground: Ground, digest: str, plan: str = "", item: str | None = None) -> list[dict[str, Any]]:
    """Return the comments on a plan of a table, or on one of its items in whatever plan, the oldest first."""
    return [
        _shown(ground, record)
        for record in DeskLedger().records_of(("plan.comment",))
        if _is_about(record, digest, plan, item)
    ]


def _is_about(record: Record, digest: str, plan: str, item: str | None) -> bool:
    body = record.body
    if body is None or body.get("table", digest) != digest:
        return False
    key, _, about = str(body["item"]).partition("/")
    return (not plan or key == plan) and (item is None or about == item)


def _shown(ground: Ground, record: Record) -> dict[str, Any]:
    body = record.body or {}
    try:
        item = item_of(ground, str(body["item"]).partition("/")[2])
    except TableError:
        item = Item("", "something that this table does not have", {})
    words = str(body["words"])
    return {"record": record, "item": item, "words": words, "limit": limit_address(item, words)}


def limit_address(item: Item, words: str) -> str:
    """Return the address of a limit's form with what a comment says filled in."""
    return f"{reverse('table-limit')}?{urlencode({'rule': 'freeze', **item.limit, 'reason': words[:300]})}"


def comment(request: DeskRequest, key: str) -> HttpResponse:
    """Say something about a plan or something in it; with the other button, go on to make it a limit."""
    at, words = convert.session(request.actor.now), request.POST.get("words", "")
    at.named_plan(key)  # nobody speaks of a plan that there is not
    item = item_of(at.ground, request.POST.get("item", ""))
    bargaining.comment(request.actor, f"{key}/{item.key}" if item.key else key, words)
    if request.POST.get("then") == "limit":
        return redirect(limit_address(item, words))
    messages.success(request, "Said, for all to read.")
    if item.key.startswith("change/"):
        return redirect(f"{reverse('plan-why')}?{urlencode({'change': item.key[7:], 'plan': key})}#comments")
    return redirect(f"{reverse('plan', args=[key])}#comments")


URLS = [page("plan/<str:key>/comment", comment, "plan-comment", "plan.comment", ("POST",))]
