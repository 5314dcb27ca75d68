"""From a disagreement to what it is about, and back: where each stands at the desk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from django.urls import reverse

from poise.desk import convert, naming
from poise.desk.actions import dialogue
from poise.desk.actions.base import Actor
from poise.desk.ledger import DeskLedger
from poise.desk.models import DeliveryVerdict, LedgerRecord
from poise.dialogue.agenda import Item
from poise.dialogue.state import Dialogue, Disagreement
from poise.incident.moments import day

RAISED: Final = "disagreement.raised"
#: Items of the agenda that stand on a page of their own, by the beginning of their key.
_PAGES: Final[Mapping[str, str]] = {
    "disagreement": "dialogue-disagreement",
    "review-settlement": "dialogue-disagreement",
    "decision": "dialogue-decision",
    "review-decision": "dialogue-decision",
    "exception": "dialogue-exception",
}


@dataclass(frozen=True, slots=True)
class Place:
    """What a disagreement is about, as a page links it; without an address where it is no more."""

    kind: str
    name: str
    address: str


def places(by: Actor, state: Dialogue, one: Disagreement) -> list[Place]:
    """Return what a disagreement is linked to, each with its page."""
    return [
        Place(link.kind, _name(by, state, link.kind, link.ref), _address(by, state, link.kind, link.ref))
        for link in one.act.links
    ]


def about(by: Actor, kind: str, ref: str) -> list[Disagreement]:
    """Return the disagreements about something, what is contested first."""
    linked = [
        str(body["id"])
        for record in DeskLedger().records_of((RAISED,))
        if (body := record.body) is not None
        and any(link["ref"] == ref and _same(link["kind"], kind) for link in body.get("links", ()))
    ]
    if not linked:
        return []  # no other record is read
    known = dialogue.state_of(by).disagreements
    return sorted((known[id] for id in linked if id in known), key=lambda one: one.ended is not None)


def item_address(item: Item, state: Dialogue) -> str:
    """Return the page of an agenda's item; empty where it stands on the agenda alone."""
    kind, _, id = item.key.partition(":")
    if kind == "goal":
        return reverse("dialogue-goals")
    if kind == "exception" and state.exceptions[id].gate:
        return reverse("gate-exception", args=[state.exceptions[id].gate])
    if kind == "decision" and state.decisions[id].incident:
        return f"{reverse('incident', args=[state.decisions[id].incident])}#decisions"
    return reverse(_PAGES[kind], args=[id]) if kind in _PAGES else ""


def _same(linked: str, kind: str) -> bool:
    requests = ("request", "decision")
    return linked == kind or (linked in requests and kind in requests)


def called(by: Actor, state: Dialogue, about: str) -> str:
    """Return what a kind and a reference, joined by a colon, are called on a page."""
    kind, _, ref = about.partition(":")
    return f"{kind} {_name(by, state, kind, ref)}" if ref else about


def _name(by: Actor, state: Dialogue, kind: str, ref: str) -> str:
    if kind in ("request", "decision", "exception"):
        return state.title_of(ref)
    if kind == "agreement" and ref in state.agreements:
        return f"of {day(state.agreements[ref].time)}"
    if kind == "change":
        at = convert.session(by.now)
        number = at.ground.change_number.get(ref) if at.negotiation.ground is not None else None
        if number is not None:
            return naming.name_of(at.ground.changes[number])
    return ref


def _address(by: Actor, state: Dialogue, kind: str, ref: str) -> str:
    if kind in ("request", "decision"):
        return reverse("dialogue-decision", args=[ref]) if ref in state.decisions else ""
    if kind == "exception":
        if ref in state.exceptions:
            gate = state.exceptions[ref].gate
            return (
                reverse("gate-exception", args=[gate]) if gate else reverse("dialogue-exception", args=[ref])
            )
        return reverse("gate-exception", args=[ref]) if _has_record(ref) else ""
    if kind == "verdict":
        known = ref.isdecimal() and DeliveryVerdict.objects.filter(pk=int(ref[:18])).exists()
        return reverse("gate-verdict", args=[int(ref)]) if known else ""
    if kind == "agreement":
        return reverse("agreement", args=[ref]) if ref in state.agreements else ""
    at = convert.session(by.now)
    if kind == "change":
        known = at.negotiation.ground is not None and ref in at.ground.change_number
        return f"{reverse('plan-why')}?change={ref}" if known else ""
    if any(limit.id == ref for limit in at.negotiation.limits):
        return reverse("table-limit-page", args=[ref])
    return _last_word_on_limit(ref)


def _last_word_on_limit(name: str) -> str:
    """Return the record of a limit that is off the table: when it was posted or dropped."""
    rows = LedgerRecord.objects.filter(kind__in=("limit.dropped", "limit.added")).order_by("-sequence")
    for row in rows:
        body = DeskLedger().record(row.hash).body or {}
        if name in (body.get("id"), (body.get("limit") or {}).get("id")):
            return reverse("ledger-record", args=[row.sequence])
    return ""


def _has_record(record: str) -> bool:
    return LedgerRecord.objects.filter(hash=record, kind="gate.exception").exists()
