"""What is the pair's alone: profiles, the guess, the survey, signals, the digest, one's own data.

Signals are one page for both, byte for byte; no other role gets it, and nothing on it is about a person.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from poise.desk import convert, live
from poise.desk.actions import dialogue, letters
from poise.desk.actions.base import Actor
from poise.desk.pages.dialogue import shown
from poise.desk.pages.dialogue_forms import ROWS
from poise.desk.permissions import may
from poise.desk.routes import DeskRequest, page
from poise.desk.telling import Need
from poise.dialogue.agenda import make_agenda
from poise.dialogue.base import PARTIES, other
from poise.dialogue.digest import week, write
from poise.dialogue.formulas import PERIOD
from poise.dialogue.signals import read_signals
from poise.dialogue.survey import quarter_of, view_guess, view_survey
from poise.dialogue.survey_items import ITEMS, NOTICE, SCALE
from poise.dialogue.working import profile_of, send_at
from poise.report.figures import plural


def profiles(request: DeskRequest) -> HttpResponse:
    """Show both profiles, the form of one's own, and the guess."""
    state = dialogue.state_of(request.actor)
    quarter = quarter_of(request.actor.now)
    own = request.actor.party
    party = next(one for one in PARTIES if one == own)
    mine = profile_of(state, party)
    context = {
        "sides": [(one, state.profiles.get(one)) for one in PARTIES],
        "mine": mine,
        "rows": [(row, mine.pressures[row - 1] if row <= len(mine.pressures) else None) for row in ROWS],
        "guess": view_guess(state, quarter, dialogue.answers("guess", quarter)),
        "guess_rows": _guess_rows(request, quarter),
        "others": other(party),
    }
    return shown(request, "desk/dialogue/profiles.html", context)


def _guess_rows(request: DeskRequest, quarter: str) -> list[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    guess = view_guess(dialogue.state_of(request.actor), quarter, dialogue.answers("guess", quarter))
    return [(party, guess.guesses[party], guess.stated[other(party)]) for party in PARTIES if guess.guesses]


def guess(request: DeskRequest) -> HttpResponse:
    """Seal a guess."""
    given = [value.strip() for value in request.POST.getlist("guess") if value.strip()]
    dialogue.seal(request.actor, "guess", given)
    messages.success(request, "Sealed. It opens once both have guessed.")
    return redirect("dialogue-profiles")


def survey(request: DeskRequest) -> HttpResponse:
    """Show the survey of a quarter: its form, or both sides' answers."""
    state = dialogue.state_of(request.actor)
    this = quarter_of(request.actor.now)
    quarter = request.GET.get("quarter", this)
    context = {
        "survey": view_survey(state, quarter, dialogue.answers("survey", quarter)),
        "items": ITEMS,
        "notice": NOTICE,
        "scale": SCALE,
        "is_now": quarter == this,
        "quarters": sorted(set(state.surveys) | {this}, reverse=True),
        "answers": range(1, 6),
    }
    return shown(request, "desk/dialogue/survey.html", context)


def answer(request: DeskRequest) -> HttpResponse:
    """Seal one's answers."""
    given = {item.id: value for item in ITEMS if (value := request.POST.get(item.id, ""))}
    dialogue.seal(request.actor, "survey", given)
    messages.success(request, "Sealed. Both sides' answers open together.")
    return redirect("dialogue-survey")


def signals(request: DeskRequest) -> HttpResponse:
    """Show the signals: the same for both."""
    found = read_signals(dialogue.state_of(request.actor), request.actor.now)
    context = {"found": found, "weeks": PERIOD.days // 7, "version": live.ledger_version()}
    return shown(request, "desk/dialogue/signals.html", context)


def signals_file(request: DeskRequest) -> HttpResponse:
    """Send the signals as JSON: the same bytes for both at the same moment."""
    found = read_signals(dialogue.state_of(request.actor), request.actor.now)
    return HttpResponse(msgspec.json.encode(found), content_type="application/json")


def digest(request: DeskRequest) -> HttpResponse:
    """Show the week in the form that the reader asked for."""
    state = dialogue.state_of(request.actor)
    now = request.actor.now
    agenda = make_agenda(state, now, dialogue.ahead(request.actor), convert.currency())
    party = next(one for one in PARTIES if one == request.actor.party)
    subject, text = write(week(state, now, agenda), state, party)
    context = {"subject": subject, "text": text, "profile": profile_of(state, party)}
    context |= {"wanted_at": send_at(profile_of(state, party), now), "is_stated": party in state.profiles}
    context["letters"] = letters.letters_of(party)
    return shown(request, "desk/dialogue/digest.html", context)


def send_again(request: DeskRequest, number: int) -> HttpResponse:
    """Send a letter once more."""
    letters.send_again(request.actor, number)
    messages.success(request, "It goes out again.")
    return redirect("dialogue-digest")


def needs(by: Actor) -> Iterator[Need]:
    """Yield what became of a side's letters that nobody else may see."""
    if may(by.role, "dialogue.pair"):
        failing = letters.undelivered(by.party)
        if failing:
            more = f", and {plural(len(failing) - 1, 'more letter')}" if len(failing) > 1 else ""
            yield Need(f"Not delivered: {failing[0].subject}{more}", reverse("dialogue-digest"))


def mine(request: DeskRequest) -> HttpResponse:
    """Send what the desk holds of the reader's own words."""
    content = msgspec.json.encode(dialogue.own_records(request.actor))
    response = HttpResponse(content, content_type="application/json")
    response["Content-Disposition"] = 'attachment; filename="poise-my-words.json"'
    return response


URLS = [
    page("dialogue/profiles", profiles, "dialogue-profiles", "dialogue.pair"),
    page("dialogue/guess", guess, "dialogue-guess", "dialogue.pair", ("POST",)),
    page("dialogue/survey", survey, "dialogue-survey", "dialogue.pair"),
    page("dialogue/survey/answers", answer, "dialogue-answer", "dialogue.pair", ("POST",)),
    page("dialogue/signals", signals, "dialogue-signals", "dialogue.pair"),
    page("dialogue/signals.json", signals_file, "dialogue-signals-json", "dialogue.pair"),
    page("dialogue/digest", digest, "dialogue-digest", "dialogue.pair"),
    page("dialogue/letters/<int:number>/again", send_again, "dialogue-again", "dialogue.pair", ("POST",)),
    page("dialogue/mine.json", mine, "dialogue-mine", "dialogue.pair"),
]
