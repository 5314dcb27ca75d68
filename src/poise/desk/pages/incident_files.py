"""Beside the sitting incident: clocks, briefs with their review, decision requests, and what comes after."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec
from django.contrib import messages
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import redirect, render

from poise.desk import convert, places
from poise.desk.actions import Actor, incident_follow_ups, incidents
from poise.desk.pages.incident_forms import ROWS, aware, decision_fields, moment, number
from poise.desk.pages.incident_views import duties, services_of
from poise.desk.permissions import may
from poise.desk.routes import DeskRequest, page
from poise.dialogue.state import Dialogue
from poise.dialogue.working import brief_at, brief_form
from poise.errors import PoiseError
from poise.incident.brief import Brief, brief, differences, is_urgent, next_wanted
from poise.incident.clocks.regime import NOT_ADVICE, shipped
from poise.incident.clocks.words import span
from poise.incident.delivery import Channel
from poise.incident.drill import scenario_of, score
from poise.incident.known import view
from poise.incident.profile import Audience
from poise.incident.review import calibration, document, follow_ups, mark_of, promises_kept, timeline
from poise.incident.state import Incident
from poise.incident.stix import bundle
from poise.incident.tlp import MARKS, UNMARKED, Watcher, rank
from poise.incident.waiting import Waiting, cost_of_waiting

AUDIENCES: Final[tuple[Audience, ...]] = ("operations", "security", "board")


def _common(request: DeskRequest, found: Incident, key: str) -> dict[str, Any]:
    return {
        "key": key,
        "head": found.head,
        "is_drill": found.is_drill,
        "is_closed": found.closed is not None,
        "may_act": may(request.user.role, "incident.act"),
        "party": request.actor.party,
        "token": secrets.token_urlsafe(12),
    }


def _of(room: incidents.DeskRoom, request: DeskRequest, key: str) -> tuple[Incident, Watcher]:
    found = room.state().by_id.get(key)
    if found is None:
        raise Http404
    return found, incidents.watcher(request.actor, found)


def clocks(request: DeskRequest, key: str) -> HttpResponse:
    """Show every regime: what applies, its anchors, and when each stage is due, in local time and UTC."""
    now = request.actor.now
    with incidents.looking() as room:
        found, who = _of(room, request, key)
        assessed = duties(found, who, now)
        known = {one["rule"].id for one in assessed}
        rest = [one for one in shipped().values() if one.id not in known]
        context = {
            **_common(request, found, key),
            "assessed": assessed,
            "running": [one for one in rest if one.status == "in-force"],
            "disabled": [one for one in rest if one.status != "in-force"],
            "notice": NOT_ADVICE,
            "knows_the_course": who.knows_the_course,
            "days_open": (now - found.head.detected).days,
        }
        return render(request, "desk/incidents/clocks.html", context)


def assess(request: DeskRequest, key: str) -> HttpResponse:
    """Take a determination of whether a regime applies."""
    posted = request.POST
    incidents.assess(
        request.actor,
        key,
        posted.get("regime", ""),
        posted.get("reason", "").strip(),
        applies=posted.get("applies") == "yes",
    )
    messages.success(request, "It is on the ledger.")
    return redirect("incident-clocks", key)


def review_brief(request: DeskRequest, key: str, audience: str) -> HttpResponse:
    """Show a brief as it would be sent, and what one brief has that another lacks."""
    if audience not in AUDIENCES:
        raise Http404
    now, channels = request.actor.now, _channels()
    with incidents.looking() as room:
        found, who = _of(room, request, key)
        said = incidents.said_of_readers(request.actor)
        form = brief_form(said, audience, found.head.timezone)
        channel = form.channel if form.channel in channels else next(iter(channels), "")
        most = channels[channel].clearance if channel and not found.is_drill else UNMARKED
        eyes = _readers(who, request.GET.get("upto") or most)
        made = {one: _brief(found, eyes, one, now, said) for one in AUDIENCES}
        own = made[audience]
        goes_at = brief_at(said, audience, now, is_urgent=is_urgent(found, who, now))
        context = {
            **_common(request, found, key),
            "audience": audience,
            "audiences": AUDIENCES,
            "brief": own,
            "text": own.text(),
            "at": own.at.isoformat(),
            "lacking": differences(made.values()),
            "channels": channels,
            "channel": channel,
            "upto": eyes.clearance,
            "marks": [one for one in MARKS if rank(one) <= rank(_readers(who, UNMARKED).clearance)],
            "num_kept_back": len(view(found, who, now).standing) - len(own.statements),
            "form": form,
            "every": span(form.cadence_minutes / 60),
            "next_wanted": next_wanted(found, audience, request.actor.now, who, form),
            "now": request.actor.now,
            "goes_at": goes_at if goes_at > request.actor.now else None,
            "sent": [
                one for one in found.messages.values() if one.act.audience == audience and one.is_for(who)
            ][::-1],
        }
        return render(request, "desk/incidents/brief.html", context)


def _brief(found: Incident, who: Watcher, audience: Audience, at: datetime, said: Dialogue) -> Brief:
    form = brief_form(said, audience, found.head.timezone)
    return brief(found, audience, at, who, form, convert.currency())


def _readers(who: Watcher, upto: str) -> Watcher:
    """Return those to whom a brief goes: nobody by name, so RED stays, and no more than its sender sees."""
    asked = next((one for one in MARKS if one == upto), UNMARKED)
    return Watcher("", None, min(asked, who.clearance, UNMARKED, key=rank))


def _channels() -> dict[str, Channel]:
    try:
        return incidents.channels()
    except PoiseError:
        return {}


def send(request: DeskRequest, key: str, audience: str) -> HttpResponse:
    """Put the brief, word for word as it was read, into the outbox."""
    posted = request.POST
    # What was reviewed is made again as of the moment of the review: word for word, and with its own mark.
    at = min(aware(datetime.fromisoformat(moment(posted.get("at", ""), "at"))), request.actor.now)
    if audience not in AUDIENCES:
        raise Http404
    with incidents.looking() as room:
        found, who = _of(room, request, key)
        said = incidents.said_of_readers(Actor(request.actor.user, at))
        made = _brief(found, _readers(who, posted.get("upto", "")), audience, at, said)
        urgent = is_urgent(found, who, at)
    now = request.actor.now
    goes_at = brief_at(said, audience, now, is_urgent=urgent)
    fields = {
        "incident": key,
        "audience": audience,
        "channel": posted.get("channel", ""),
        "subject": made.subject,
        "text": made.text(),
        "mark": made.mark,
        "token": posted.get("token", ""),
    }
    if goes_at > now:
        fields["not_before"] = goes_at.isoformat()
    incidents.queue(request.actor, fields)
    messages.success(request, "In the outbox. Whether it was taken shows here.")
    return redirect("incident-brief", key, audience)


def ask(request: DeskRequest, key: str) -> HttpResponse:
    """Show the form of a decision request; services that are named give the cost of waiting."""
    asked = request.GET
    with incidents.looking() as room:
        found, _ = _of(room, request, key)
        context = _common(request, found, key)
    down, reachable = asked.getlist("down"), asked.getlist("reachable")
    waiting: Waiting | None = None
    faults: Sequence[Any] = ()
    if down or reachable:
        try:
            waiting = _cost(request.GET, request.actor.now)
        except PoiseError as error:
            faults = places.named_faults(error.faults)
    context |= {
        "rows": ROWS,
        "marks": MARKS,
        "services": services_of(),
        "waiting": waiting,
        "faults": faults,
        "down": down,
        "reachable": reachable,
        "asked": asked,
        "currency": convert.currency(),
    }
    return render(request, "desk/incidents/ask.html", context)


def _cost(given: QueryDict, now: datetime) -> Waiting:
    """Return what waiting costs by the estate of today and the judgement that a form names."""
    estate = convert.estate_of(convert.latest_estate())
    ends = [given.get(name, "").strip() for name in ("low", "high")]
    shares = [number(text, "probability") / 100 for text in ends if text]
    return cost_of_waiting(
        estate.services,
        now,
        down=given.getlist("down"),
        reachable=given.getlist("reachable"),
        probability=(shares[0], shares[1]) if len(shares) == 2 else None,
        currency=convert.currency(),
    )


def ask_now(request: DeskRequest, key: str) -> HttpResponse:
    """Take a decision request; what waiting costs is computed here, whatever the form says of it."""
    posted, now = request.POST, request.actor.now
    fields = decision_fields(posted)
    if posted.getlist("down") or posted.getlist("reachable"):
        waiting = _cost(posted, now)
        fields |= {
            "cost_low_per_hour": waiting.low,
            "cost_high_per_hour": waiting.high,
            "basis": waiting.basis,
        }
    incidents.act(request.actor, "decision.asked", {**fields, "incident": key})
    messages.success(request, "Asked. It stands on both screens until it is decided.")
    return redirect("incident", key)


def after(request: DeskRequest, key: str) -> HttpResponse:
    """Show what happened and what was known when, as known then; to be printed."""
    now = request.actor.now
    hindsight = request.GET.get("hindsight") == "yes"
    with incidents.looking() as room:
        found, who = _of(room, request, key)
        seen = view(found, who, now)
        zone = ZoneInfo(found.head.timezone)
        counted = score(found, now, who) if found.is_drill else None
        asked = scenario_of(found).questions if counted and counted.judged else ()
        moments = timeline(found, who, now, hindsight=hindsight)
        context = {
            **_common(request, found, key),
            "closed": found.closed,
            "mark": mark_of(seen),
            "knows_the_course": who.knows_the_course,
            "timeline": moments,
            "has_events": any(one.lane == "events" for one in moments),
            "hindsight": hindsight,
            "kept": promises_kept(found, now, who),
            "calibration": calibration(found, now, who),
            "follow_ups": follow_ups(found, who, now),
            "score": counted,
            "questions": list(zip(asked, counted.judged, strict=True)) if counted else (),
            "places": {"limit": "/table/limits/", "exception": "/dialogue#", "goal": "/dialogue/goals#"},
            "services": services_of(),
            "may_say": may(request.user.role, "dialogue.say"),
            "may_limit": may(request.user.role, "table.limit"),
            "zone": zone,
            "now": now,
        }
        return render(request, "desk/incidents/after.html", context)


def make_of(request: DeskRequest, key: str, record: str) -> HttpResponse:
    """Make of what stays open a limit, an exception or a goal."""
    posted = request.POST
    values: dict[str, Any] = {name: posted.get(name, "").strip() for name in ("rule", "amount", "affected")}
    values["services"] = posted.getlist("services")
    made = incident_follow_ups.make(request.actor, key, record, values)
    messages.success(request, f"Made: {(made.body or {}).get('result', '')}.")
    return redirect("incident-after", key)


def after_json(request: DeskRequest, key: str) -> HttpResponse:
    """Send the review as JSON, of what the reader may see."""
    with incidents.looking() as room:
        found, who = _of(room, request, key)
        content = msgspec.json.format(msgspec.json.encode(document(found, who, request.actor.now)))
    return _file(content, f"{key}.json")


def after_stix(request: DeskRequest, key: str) -> HttpResponse:
    """Send the incident as a STIX 2.1 bundle, of what the reader may see."""
    with incidents.looking() as room:
        found, who = _of(room, request, key)
        content = bundle(found, who, request.actor.now).encode()
    return _file(content, f"{key}.stix.json")


def _file(content: bytes, name: str) -> HttpResponse:
    response = HttpResponse(content, content_type="application/json")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


URLS = [
    page("incidents/<str:key>/clocks", clocks, "incident-clocks", "incident.read"),
    page("incidents/<str:key>/assess", assess, "incident-assess", "incident.act", ("POST",)),
    page("incidents/<str:key>/briefs/<str:audience>", review_brief, "incident-brief", "incident.read"),
    page("incidents/<str:key>/briefs/<str:audience>/send", send, "incident-send", "incident.act", ("POST",)),
    page("incidents/<str:key>/ask", ask, "incident-ask", "incident.read"),
    page("incidents/<str:key>/ask/now", ask_now, "incident-ask-now", "incident.act", ("POST",)),
    page("incidents/<str:key>/after", after, "incident-after", "incident.read"),
    page("incidents/<str:key>/after/<str:record>", make_of, "incident-make", "incident.act", ("POST",)),
    page("incidents/<str:key>/after.json", after_json, "incident-after-json", "incident.read"),
    page("incidents/<str:key>/after.stix.json", after_stix, "incident-after-stix", "incident.read"),
]
