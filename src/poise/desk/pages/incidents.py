"""Incidents: the list, the sitting incident, one statement, and what people write there.

What a reader may not see leaves no trace: a page is remembered and compared by its own content, so a record
that is not for somebody changes neither their page nor its version.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.text import slugify

from poise.desk import clock, convert, live
from poise.desk.actions import incidents
from poise.desk.actions.base import Actor
from poise.desk.context import people
from poise.desk.navigation import Entry
from poise.desk.pages.incident_forms import PLAIN, ROWS, aware, fields_of, moment, statement_fields
from poise.desk.pages.incident_views import services_of, sitting, statement_context, told_to
from poise.desk.permissions import may
from poise.desk.routes import DeskRequest, page
from poise.desk.telling import Due, Need
from poise.dialogue.working import brief_form
from poise.incident.base import PARTIES
from poise.incident.drill import injects_by, scenario_of
from poise.incident.drill import shipped as shipped_drills
from poise.incident.known import view
from poise.incident.state import Incident
from poise.incident.statements import KINDS
from poise.incident.tlp import MARKS
from poise.incident.words import BANDS, CREDIBILITY, RELIABILITY
from poise.ledger.record import Record

#: What of its interval a promise keeps when it is renewed by one press [min].
_LEAST_MINUTES: Final = 5


_MEMORY: Final = live.Memory()


def index(request: DeskRequest) -> HttpResponse:
    """List the incidents and drills, and offer to begin one."""
    with incidents.looking() as room:
        found = [_row(one, request.actor) for one in room.state().by_id.values()][::-1]
    found.sort(key=lambda one: one["is_drill"])  # what is real stands before what is exercised
    context = {
        "open": [one for one in found if not one["closed"]],
        "closed": [one for one in found if one["closed"]],
        "drills": shipped_drills().values(),
        "services": services_of(),
        "may_act": may(request.user.role, "incident.act"),
        "token": secrets.token_urlsafe(12),
    }
    return render(request, "desk/incidents/index.html", context)


def _row(incident: Incident, by: Actor) -> dict[str, Any]:
    seen = view(incident, incidents.watcher(by, incident), by.now)
    late = [one.party for one in seen.promises if one.state(by.now) == "late"]
    return {
        "id": incident.id,
        "head": incident.head,
        "is_drill": incident.is_drill,
        "opened": incident.opened.time,
        "closed": incident.closed.time if incident.closed else None,
        "unread": len(seen.unread),
        "late": late,
        "wanted": sum(one.state(by.now) in ("open", "overdue") for one in seen.decisions),
    }


def begin(request: DeskRequest) -> HttpResponse:
    """Open an incident, or begin a drill."""
    by, drill = request.actor, request.POST.get("drill", "")
    fields = fields_of("opened", request.POST)
    words = drill or fields.get("title", "")
    fields["incident"] = f"{slugify(words)[:40].strip('-') or 'incident'}-{by.now:%y%m%d%H%M%S}"
    fields.setdefault("detected", by.now.isoformat())
    fields["lead"] = by.person
    fields["timezone"] = request.user.timezone or convert.company_zone()
    if drill:
        incidents.open_drill(by, drill, fields)
    else:
        incidents.act(by, "opened", fields)
    return redirect("incident", fields["incident"])


def incident(request: DeskRequest, key: str) -> HttpResponse:
    """Show the sitting incident; the part that others change follows them."""
    if "at" in request.GET or "before" in request.GET:
        return _still(request, key)
    live.touch(request.user, f"incident-{key}"[:64])
    kept = _followed(request, key)
    if (same := live.unchanged(request, kept.digest)) is not None:
        return same
    context = {"key": key, "version": kept.digest, "inner": kept.html}
    if request.htmx:
        return render(request, "desk/incidents/_live.html", context)
    return render(request, "desk/incidents/incident.html", {**context, **_forms(request, key)})


def _still(request: DeskRequest, key: str) -> HttpResponse:
    """Show an incident as it was recorded by a moment, or older statements; nothing moves there."""
    text = request.GET.get("at", "")
    now = request.actor.now
    at = min(aware(datetime.fromisoformat(moment(text, "as of"))), now) if text else now
    before = request.GET.get("before", "")
    with incidents.looking() as room:
        found = _of(room, key)
        who = incidents.watcher(request.actor, found)
        side = next((one for one in PARTIES if one == request.GET.get("to")), None)
        shown = told_to(found, who, side, at) if side else sitting(found, who, at, before=before)
        context = {
            "is_still": True,
            "side": side,
            "is_asof": bool(text),
            "asked_at": text,
            "key": key,
            "may_act": False,
            "currency": convert.currency(),
            **shown,
        }
        return render(request, "desk/incidents/as_of.html", context)


def _followed(request: DeskRequest, key: str) -> live.Kept:
    """Return the part of the page that follows others."""
    by = request.actor

    def rendered() -> str:
        with incidents.looking() as room:
            found = _of(room, key)
            shown = sitting(found, incidents.watcher(by, found), by.now)
            allowed = may(by.role, "incident.act")
            context = {**shown, "key": key, "may_act": allowed, "party": by.party}
            return render_to_string(
                "desk/incidents/_sitting.html",
                {**context, "currency": convert.currency(), "people": people()},
            )

    rests_on = (live.head_hash(), by.now.replace(second=0, microsecond=0), request.user.timezone)
    return _MEMORY.page((request.user.pk, key), rests_on, rendered)


def _forms(request: DeskRequest, key: str) -> dict[str, Any]:
    """Return what the forms of a sitting incident need; they stand outside of what is replaced."""
    by = request.actor
    with incidents.looking() as room:
        found = _of(room, key)
        seen = view(found, incidents.watcher(by, found), by.now)
        tokens = _tokens_of(found, by.person)
        own = [
            one for one in seen.promises if one.party == by.party and one.state(by.now) in ("open", "late")
        ]
        asks = [one for one in seen.requests if one.answer is None and one.ended is None]
        return {
            **form_choices(by, found),
            "head": found.head,
            "is_drill": found.is_drill,
            "is_closed": found.closed is not None,
            "is_lead": found.head.lead == by.person,
            "may_act": may(by.role, "incident.act"),
            "party": by.party,
            "promise": own[-1] if own else None,
            "asks": [one for one in asks if one.act.party != by.party],
            "unknowns": [one for one in seen.decisions if one.state(by.now) in ("open", "overdue")],
            "tokens": " ".join(tokens),
            "injects": _own_injects(found, by),
            "is_held": found.is_held(),
            "local_now": by.now,
        }


def form_choices(by: Actor, found: Incident) -> dict[str, Any]:
    """Return what selects of a statement's form offer, a token, and how often its reader wants to hear."""
    reader = next(one for one in PARTIES if one != by.party)
    form = brief_form(incidents.said_of_readers(by), reader, found.head.timezone)
    return {
        "reader": reader,
        "cadence_minutes": form.cadence_minutes,
        "kinds": KINDS[::-1],
        "topics": (
            "services", "customers", "workaround", "restore", "scope", "exposure", "containment", "evidence",
            "other",
        ),
        "marks": MARKS,
        "bands": [(round(one.low * 100), round(one.high * 100), one.word) for one in BANDS],
        "reliability": RELIABILITY.items(),
        "credibility": CREDIBILITY.items(),
        "services": services_of(),
        "rows": ROWS,
        "token": secrets.token_urlsafe(12),
        "now_local": f"{timezone.localtime(clock.now()):%Y-%m-%dT%H:%M}",
    }  # fmt: skip


def _own_injects(found: Incident, by: Actor) -> list[tuple[str, str]]:
    """Return what a statement in a drill can answer: each id with its words."""
    if not found.is_drill:
        return []
    own = [(one.id, f"{one.id}: {one.text}") for _, one in injects_by(found, by.now) if one.to == by.party]
    return [*own, *((one.id, f"the question whether {one.text}") for one in scenario_of(found).questions)]


def _tokens_of(found: Incident, person: str) -> list[str]:
    """Return the last tokens of somebody that are on the ledger: drafts with these were sent."""
    own = []
    for token in reversed(found.tokens):
        author, _, text = token.partition("/")
        if author == person:
            own.append(text)
        if len(own) >= 30:
            break
    return own


def statement(request: DeskRequest, key: str, record: str) -> HttpResponse:
    """Show one statement: its three times, what became of it, who read it, and how to correct it."""
    with incidents.looking() as room:
        found = _of(room, key)
        context = statement_context(found, incidents.watcher(request.actor, found), record, request.actor.now)
        if context is None:
            raise Http404
        context |= {**form_choices(request.actor, found), "key": key, "is_closed": found.closed is not None}
        context |= {"may_act": may(request.user.role, "incident.act"), "head": found.head}
        context |= {"is_drill": found.is_drill, "tokens": " ".join(_tokens_of(found, request.actor.person))}
        context |= {"party": request.actor.party}
        return render(request, "desk/incidents/statement.html", context)


def state(request: DeskRequest, key: str) -> HttpResponse:
    """Take a statement."""
    record = incidents.act(request.actor, "stated", {**statement_fields(request.POST), "incident": key})
    if asked := request.POST.get("answers", ""):
        fields = {"incident": key, "request": asked, "statement": record.hash}
        incidents.act(request.actor, "answered", {**fields, "token": f"answer-{asked[:32]}"})
    messages.success(request, "Said, and on the ledger.")
    return redirect("incident", key)


def say(request: DeskRequest, key: str, name: str) -> HttpResponse:
    """Take one of the simple acts."""
    if name not in PLAIN:
        raise Http404
    incidents.act(request.actor, name, {**fields_of(name, request.POST), "incident": key})
    target = request.POST.get("next", "")
    messages.success(request, "It is on the ledger.")
    if url_has_allowed_host_and_scheme(target, allowed_hosts=None):
        return redirect(target)
    return redirect("incident", key)


def press(request: DeskRequest, key: str, name: str) -> HttpResponse:
    """Take one press: read, checked, decided. The same press twice is one act."""
    by, value = request.actor, request.POST.get("value", "")
    record, _, option = value.partition(":")
    fields: dict[str, Any] = {"incident": key, "token": f"{name}-{record[:32]}-{option[:24]}"}
    if name == "read":
        incidents.act(by, "read", {**fields, "upto": record})
    elif name == "checked":
        incidents.act(by, "checked", {**fields, "next_update": {"due": _again(by, key, record).isoformat()}})
    elif name == "decide":
        # Two different answers by one person are no repetition: the second is refused, and told so.
        incidents.act(by, "decision.made", {**fields, "request": record, "option": option})
    elif name == "agree":
        incidents.act(by, "decision.default", {**fields, "request": record})
    else:
        raise Http404
    return redirect("incident", key)


def _again(by: Actor, key: str, record: str) -> datetime:
    """Return when the next update comes if it comes after as long as the last one did."""
    with incidents.looking() as room:
        promise = next((one for one in _of(room, key).promises if one.record == record), None)
    wait = promise.due - promise.made if promise else timedelta(minutes=30)
    return by.now + max(wait, timedelta(minutes=_LEAST_MINUTES))


def _of(room: incidents.DeskRoom, key: str) -> Incident:
    found = room.state().by_id.get(key)
    if found is None:
        raise Http404
    return found


def needs(by: Actor) -> Iterator[Need]:
    """Yield the decisions and the unread statements that wait for somebody."""
    if not by.party:
        return
    with incidents.looking() as room:
        for one in room.state().by_id.values():
            if one.closed is not None:
                continue
            drill, address = "DRILL: " * one.is_drill, f"/incidents/{one.id}"
            seen = view(one, incidents.watcher(by, one), by.now)
            for asked in seen.decisions:
                if asked.act.party != by.party and asked.state(by.now) in ("open", "overdue"):
                    yield Need(f"{drill}Decide: {asked.act.question}", f"{address}#decisions")
            if seen.unread:
                yield Need(f"{drill}{one.head.title}: {len(seen.unread)} unread", address)


def due(by: Actor) -> list[Due]:
    """Return the updates that both sides have promised."""
    found = []
    with incidents.looking() as room:
        for one in room.state().by_id.values():
            promises = one.promises_for(incidents.watcher(by, one))
            for promise in promises if one.closed is None else ():
                if promise.state(by.now) in ("open", "late"):
                    text = f"{'DRILL: ' * one.is_drill}Update by {promise.party}: {one.head.title}"
                    found.append(Due(text, promise.due_at(by.now), f"/incidents/{one.id}"))
    return found


def may_know(by: Actor, record: Record) -> bool:
    """Return whether somebody may know that a record is there: in an incident its own pages tell more."""
    return not record.statement.kind.startswith(("incident.", "drill."))


URLS = [
    page("incidents", index, "incidents", "incident.read"),
    page("incidents/begin", begin, "incident-begin", "incident.act", ("POST",)),
    page("incidents/<str:key>", incident, "incident", "incident.read"),
    page("incidents/<str:key>/state", state, "incident-state", "incident.act", ("POST",)),
    page("incidents/<str:key>/say/<str:name>", say, "incident-say", "incident.act", ("POST",)),
    page("incidents/<str:key>/press/<str:name>", press, "incident-press", "incident.act", ("POST",)),
    page("incidents/<str:key>/statements/<str:record>", statement, "incident-statement", "incident.read"),
]
NAV = (Entry("Incidents", "incidents", "incident.read", "incident"),)
