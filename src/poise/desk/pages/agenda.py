"""The agenda of the weekly meeting, and the meeting itself."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string

from poise.desk import convert, live
from poise.desk.actions import dialogue
from poise.desk.contested import item_address
from poise.desk.pages.dialogue import acts_of, shared_goals, shown
from poise.desk.pages.dialogue_forms import ROWS
from poise.desk.routes import DeskRequest, page
from poise.dialogue.agenda import CARRIES, make_agenda
from poise.dialogue.meeting import ends, is_on, minutes, next_meeting, over, planned
from poise.dialogue.meeting_ics import agenda_ics

_MEMORY: Final = live.Memory()


def agenda(request: DeskRequest) -> HttpResponse:
    """Show what to talk about; it follows what others do, in incidents too."""
    now = request.actor.now

    @cache
    def found() -> dict[str, Any]:
        state = dialogue.shown_to(request.actor)
        made = make_agenda(state, now, dialogue.ahead(request.actor), convert.currency())
        unclosed = [one for one in state.meetings.values() if one.closed is None]
        return {
            "state": state,
            "agenda": made,
            "running": [one for one in unclosed if is_on(one, now)],
            "forgotten": [one for one in unclosed if not is_on(one, now)],
            "listed": [(item, item_address(item, state)) for item in made.items],
            "carries": CARRIES,
            "now": now,
        }

    def rendered() -> str:
        return render_to_string("desk/dialogue/_agenda_now.html", found())

    rests_on = (live.head_hash(), now.replace(second=0, microsecond=0), request.user.timezone)
    kept = _MEMORY.page(request.user.pk, rests_on, rendered)
    if (same := live.unchanged(request, kept.digest)) is not None:
        return same
    live.touch(request.user, "dialogue")
    following = {"version": kept.digest, "inner": kept.html}
    if request.htmx:
        return render(request, "desk/dialogue/_agenda.html", following)
    state, zone = found()["state"], convert.company_zone()
    meeting = {"plan": planned(state, zone), "meets": next_meeting(state, now, zone)}
    forms = {"goals": shared_goals(state, request), "rows": ROWS}
    return shown(request, "desk/dialogue/agenda.html", {**found(), **following, **meeting, **forms})


def agenda_file(request: DeskRequest) -> HttpResponse:
    """Send the agenda as a calendar file, for when the two meet next."""
    state = dialogue.state_of(request.actor)
    made = make_agenda(state, request.actor.now, dialogue.ahead(request.actor), convert.currency())
    starts = next_meeting(state, request.actor.now, convert.company_zone())
    response = HttpResponse(agenda_ics(made, starts), content_type="text/calendar; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="poise-agenda.ics"'
    return response


def begin(request: DeskRequest) -> HttpResponse:
    """Begin a meeting on the agenda as it is."""
    state = dialogue.state_of(request.actor)
    made = make_agenda(state, request.actor.now, dialogue.ahead(request.actor), convert.currency())
    id = f"m-{request.actor.now:%Y-%m-%d-%H%M}"
    fields = {"id": id, "minutes": made.minutes, "items": [item.key for item in made.items]}
    dialogue.say(request.actor, "meeting.opened", fields)
    return redirect("dialogue-meeting", id)


def meeting(request: DeskRequest, key: str) -> HttpResponse:
    """Show a meeting: its clock, the item that is on, and what became of the others."""
    state = dialogue.shown_to(request.actor)
    found = state.meetings.get(key)
    if found is None:
        raise Http404
    made = make_agenda(state, request.actor.now, dialogue.ahead(request.actor), convert.currency())
    items = {item.key: item for item in made.all}
    taken = {taken.item: taken for _, taken in found.taken}
    listed = [(one, items.get(one), taken.get(one), state.title_of(one)) for one in found.act.items]
    left = max(0, int((ends(found) - request.actor.now).total_seconds()))
    current = next((item for _, item, done, _ in listed if done is None and item is not None), None)
    context = {
        "meeting": found,
        "listed": listed,
        "current": current,
        "ends": ends(found),
        "over": over(found),
        "left_seconds": left,
    }
    context |= {"now": request.actor.now, "is_on": is_on(found, request.actor.now)}
    context |= {"currency": made.currency, "num_open": sum(done is None for _, _, done, _ in listed)}
    context |= {"minutes": minutes(state, found, request.actor.now)}
    context |= acts_of(state, current.key, request.actor.party) if current else {}
    return shown(request, "desk/dialogue/meeting.html", context)


URLS = [
    page("dialogue", agenda, "dialogue-agenda", "dialogue.read"),
    page("dialogue/agenda.ics", agenda_file, "dialogue-ics", "dialogue.read"),
    page("dialogue/meetings", begin, "dialogue-begin", "dialogue.say", ("POST",)),
    page("dialogue/meetings/<str:key>", meeting, "dialogue-meeting", "dialogue.read"),
]
