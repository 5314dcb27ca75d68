"""The dialogue that both sides and the chair read: disagreements, goals, what was asked, board page."""

from __future__ import annotations

from datetime import date, datetime
from itertools import zip_longest
from typing import Any, Final

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.text import slugify

from poise.desk import convert, live
from poise.desk.actions import Actor, dialogue
from poise.desk.charts.weeks import disruption_chart, exposure_chart
from poise.desk.contested import called, places
from poise.desk.models import JointPage
from poise.desk.navigation import Entry
from poise.desk.pages import dialogue_home
from poise.desk.pages.dialogue_forms import fields_of
from poise.desk.permissions import may
from poise.desk.routes import DeskRequest, page
from poise.dialogue.acts import ACTS, PAIR_KINDS
from poise.dialogue.base import PARTIES, other
from poise.dialogue.board import make_board
from poise.dialogue.goals import view_goals
from poise.dialogue.state import Dialogue, Disagreement
from poise.ledger.record import Record, read_draft

#: Acts with a form of their own: sealed answers and pages that go up.
_NOT_HERE: Final = (
    "survey.sealed",
    "guess.sealed",
    "escalation.joint",
    "escalation.alone",
    "settlement.accepted",
)
#: Acts whose id the desk makes from the words.
_NAMED_BY: Final = {
    "goal.proposed": "title",
    "decision.asked": "question",
    "promise.made": "what",
    "exception.noted": "what",
    "disagreement.raised": "title",
    "judgement.stated": "statement",
}


def disagreements(request: DeskRequest) -> HttpResponse:
    """List what is contested and what ended."""
    state = dialogue.state_of(request.actor)
    known = list(state.disagreements.values())
    about = request.GET.get("about", "")[:300]
    context = {
        "contested": [one for one in known if one.ended is None],
        "ended": sorted(
            (one for one in known if one.ended), key=lambda one: one.ended or one.time, reverse=True
        ),
        "goals": shared_goals(state, request),
        "services": _services(request),
        "about": about,
        "about_name": called(request.actor, state, about),
        "currency": convert.currency(),
    }
    return shown(request, "desk/dialogue/disagreements.html", context)


def decision(request: DeskRequest, key: str) -> HttpResponse:
    """Show a decision that was asked, for the other side to make."""
    state = dialogue.shown_to(request.actor)
    return _thing(request, state, "decision", key) if key in state.decisions else _gone()


def exception(request: DeskRequest, key: str) -> HttpResponse:
    """Show an accepted risk, for whoever renews or closes it."""
    state = dialogue.state_of(request.actor)
    return _thing(request, state, "exception", key) if key in state.exceptions else _gone()


def _gone() -> HttpResponse:
    raise Http404


def _thing(request: DeskRequest, state: Dialogue, kind: str, key: str) -> HttpResponse:
    goal = state.decisions[key].act.goal if kind == "decision" else ""
    context = {"kind": kind, "ref": key, "title": state.title_of(key), "currency": convert.currency()}
    context |= acts_of(state, f"{kind}:{key}", request.actor.party)
    context["serves"] = next((title for id, title in shared_goals(state, request) if id == goal), "")
    return shown(request, "desk/dialogue/thing.html", context)


def acts_of(state: Dialogue, key: str, party: str) -> dict[str, Any]:
    """Return what can be done about an agenda's item, for the forms beside it."""
    kind, _, id = key.partition(":")
    goal = state.goals.get(id) if kind == "goal" else None
    return {
        "decision": state.decisions.get(id) if kind == "decision" else None,
        "promise": state.promises.get(id) if kind == "promise" else None,
        "exception": state.exceptions.get(id) if kind == "exception" else None,
        "disagreement": state.disagreements.get(id) if kind == "disagreement" else None,
        "goal_wanted": id if goal is not None and party not in goal.endorsed else "",
    }


def disagreement(request: DeskRequest, key: str) -> HttpResponse:
    """Show one: both positions side by side, and the steps that its type asks for."""
    state = dialogue.state_of(request.actor)
    found = _found(state, key)
    version = live.ledger_version()
    if (same := live.unchanged(request, version)) is not None:
        return same
    live.touch(request.user, f"disagreement-{key}"[:64])
    own = request.actor.party
    context = {
        "one": found,
        "sides": [(party, found.position(party)) for party in PARTIES],
        "own": found.position(own) if own in PARTIES else None,
        "goal": state.goals.get(found.goal),
        "history": _history(found),
        "places": places(request.actor, state, found),
        "goals": shared_goals(state, request),
        "version": version,
        "joint": JointPage.objects.filter(disagreement=key).first(),
        "may_accept": found.offer is not None and found.offer.party != own,
        "waits_for": other(found.offer.party) if found.offer else "",
        "present": live.present(f"disagreement-{key}"[:64]),
    }
    name = "desk/dialogue/_disagreement.html" if request.htmx else "desk/dialogue/disagreement.html"
    return shown(request, name, context)


def joint(request: DeskRequest, key: str) -> HttpResponse:
    """Show the page that goes up, as both read and sign it; or the last one that went."""
    state = dialogue.state_of(request.actor)
    found = _found(state, key)
    row = JointPage.objects.filter(disagreement=key).first()
    if row is not None:
        draft = read_draft(bytes(row.draft), "joint page")
        content, signed, kind = draft.body["page"], row.signed.split(), "draft"
        seen = dialogue.page_version(draft)
    elif found.escalations:
        seen = ""
        last = found.escalations[-1]
        content, signed, kind = last.page, [], last.kind
        signed = list(PARTIES) if kind == "joint" else [last.party]
    else:
        raise Http404
    context = {"one": found, "page": content, "signed": signed, "kind": kind, "seen": seen}
    context["as_of"] = date.fromisoformat(content["prices"]["as_of"])
    context["sides"] = [(party, (content.get("positions") or {}).get(party)) for party in PARTIES]
    context["is_mine_missing"] = kind == "draft" and request.actor.party not in signed
    return shown(request, "desk/dialogue/joint.html", context)


def goals(request: DeskRequest) -> HttpResponse:
    """Show goals with what lies ahead for their services."""
    state = dialogue.state_of(request.actor)
    ahead = dialogue.ahead(request.actor)
    view, names = view_goals(state, request.actor.now, ahead), dict(_services(request))
    context = {
        "view": view,
        "names": names,
        "titles": {key: one.act.title for key, one in state.disagreements.items()},
        "uncovered": [names.get(one, one) for one in view.uncovered],
        "currency": ahead.ground.currency if ahead else convert.currency(),
        "services": _services(request),
        "state": state,
    }
    return shown(request, "desk/dialogue/goals.html", context)


def board(request: DeskRequest) -> HttpResponse:
    """Show the board's page: decisions and their results, no signal."""
    state = dialogue.state_of(request.actor)
    made = make_board(state, request.actor.now, dialogue.ahead(request.actor))
    over = (made.agreed, made.default, made.currency, [one.weeks for one in made.policies])
    context: dict[str, Any] = {"board": made, "weeks": list(zip_longest(made.default, made.agreed))}
    if made.default:
        context |= {"exposure_chart": exposure_chart(*over), "disruption_chart": disruption_chart(*over)}
    return shown(request, "desk/dialogue/board.html", context)


def say(request: DeskRequest, kind: str) -> HttpResponse:
    """Take a form of an act and put it on the ledger."""
    if kind not in ACTS or kind in _NOT_HERE:
        raise Http404
    fields = fields_of(kind, request.POST)
    named = _NAMED_BY.get(kind)
    if named and "id" not in fields:
        fields["id"] = _new_id(str(fields.get(named, "")), request)
    dialogue.say(request.actor, kind, fields)
    messages.success(request, "It is on the ledger.")
    return _back(request)


def settle(request: DeskRequest, key: str) -> HttpResponse:
    """Accept the offer that was read."""
    fields = {**fields_of("settlement.accepted", request.POST), "disagreement": key}
    dialogue.settle(request.actor, fields, request.POST.get("seen", ""))
    messages.success(request, "Settled.")
    return redirect("dialogue-disagreement", key)


def escalate(request: DeskRequest, key: str) -> HttpResponse:
    """Compose the joint page, or go alone."""
    wanted = request.POST.get("wanted", "").strip()
    if request.POST.get("how") == "alone":
        dialogue.escalate_alone(request.actor, key, wanted)
        messages.success(request, "The page went up, by one side alone.")
    else:
        dialogue.compose_joint(request.actor, key, wanted)
        messages.success(request, "Composed. A person of each side signs it.")
    return redirect("dialogue-joint", key)


def sign(request: DeskRequest, key: str) -> HttpResponse:
    """Sign the joint page."""
    record = dialogue.sign_joint(
        request.actor, key, request.POST.get("passphrase", ""), request.POST.get("seen")
    )
    messages.success(
        request, "Both have signed: it went up." if record else "Signed. The other side is next."
    )
    return redirect("dialogue-joint", key)


def withdraw(request: DeskRequest, key: str) -> HttpResponse:
    """Take a joint page back before both have signed."""
    dialogue.withdraw_joint(request.actor, key)
    return redirect("dialogue-disagreement", key)


def _history(one: Disagreement) -> list[tuple[datetime, str, bool]]:
    """Return what happened in order: when, what, and whether the last page that went up stands behind it."""
    past = [
        (end.time, f"settled by {end.proposed.how}. {end.proposed.outcome}", False) for end in one.settled
    ]
    past += [(time, f"re-opened by {act.party}. {act.reason}", False) for time, act in one.reopened]
    past += [
        (time, f"{act.party} gives notice that it will go up. {act.reason}", False)
        for time, act in one.notices
    ]
    for up in one.escalations:
        who = "both" if up.kind == "joint" else f"{up.party} alone" + ", a surprise" * (up.kind == "surprise")
        past.append((up.time, f"taken up by {who}.", up is one.escalations[-1]))
        if up.decided is not None and up.decided_at is not None:
            past.append((up.decided_at, f"decided by {up.decided.by}: {up.decided.decision}", False))
    return sorted(past)


def _found(state: Dialogue, key: str) -> Disagreement:
    if key not in state.disagreements:
        raise Http404
    return state.disagreements[key]


def shown(request: DeskRequest, name: str, context: dict[str, Any]) -> HttpResponse:
    """Return a page of the dialogue, with its tabs and what the reader may do."""
    role = request.user.role
    allowed = {"may_say": may(role, "dialogue.say"), "may_escalate": may(role, "dialogue.escalate")}
    here = (request.resolver_match.url_name or "") if request.resolver_match else ""
    tabs = [
        (entry, here.startswith(tuple(entry.prefix.split()))) for entry in TABS if may(role, entry.permission)
    ]
    return render(request, name, {**context, **allowed, "tabs": tabs, "party": request.actor.party})


def shared_goals(state: Dialogue, request: DeskRequest) -> list[tuple[str, str]]:
    """Return id and title of each goal that both endorsed."""
    now = request.actor.now
    return [(id, goal.act.title) for id, goal in state.goals.items() if goal.is_shared(now)]


def _services(request: DeskRequest) -> list[tuple[str, str]]:
    """Return the estate's services, for ticking."""
    version = convert.latest_estate()
    if version is None:
        return []
    return [(service.id, service.name) for service in convert.estate_of(version).services.values()]


def _new_id(words: str, request: DeskRequest) -> str:
    """Return an id made of words and the minute, so that the same words can come again."""
    return f"{slugify(words)[:40].strip('-') or 'item'}-{request.actor.now:%y%m%d%H%M%S}"


def _back(request: DeskRequest) -> HttpResponse:
    target = request.POST.get("next", "")
    if url_has_allowed_host_and_scheme(target, allowed_hosts=None):
        return redirect(target)
    return redirect("dialogue-agenda")


#: Places within the dialogue, in the order of its tabs; the pair's own stand in :mod:`poise.desk.pages.pair`.
TABS: Final = (
    Entry(
        "Agenda",
        "dialogue-agenda",
        "dialogue.read",
        "dialogue-agenda dialogue-meeting dialogue-decision dialogue-exception",
    ),
    Entry("Disagreements", "dialogue-disagreements", "dialogue.read", "dialogue-disagreement dialogue-joint"),
    Entry("Goals", "dialogue-goals", "dialogue.read", "dialogue-goals"),
    Entry("Profiles", "dialogue-profiles", "dialogue.pair", "dialogue-profiles"),
    Entry("Survey", "dialogue-survey", "dialogue.pair", "dialogue-survey"),
    Entry("Signals", "dialogue-signals", "dialogue.pair", "dialogue-signals"),
    Entry("Digest", "dialogue-digest", "dialogue.pair", "dialogue-digest"),
    Entry("Board page", "dialogue-board", "dialogue.board", "dialogue-board"),
)

URLS = [
    page("dialogue/disagreements", disagreements, "dialogue-disagreements", "dialogue.read"),
    page("dialogue/disagreements/<str:key>", disagreement, "dialogue-disagreement", "dialogue.read"),
    page("dialogue/disagreements/<str:key>/accept", settle, "dialogue-accept", "dialogue.say", ("POST",)),
    page("dialogue/disagreements/<str:key>/page", joint, "dialogue-joint", "dialogue.read"),
    page(
        "dialogue/disagreements/<str:key>/escalate",
        escalate,
        "dialogue-escalate",
        "dialogue.escalate",
        ("POST",),
    ),
    page("dialogue/disagreements/<str:key>/sign", sign, "dialogue-sign", "dialogue.escalate", ("POST",)),
    page(
        "dialogue/disagreements/<str:key>/withdraw",
        withdraw,
        "dialogue-withdraw",
        "dialogue.escalate",
        ("POST",),
    ),
    page("dialogue/decisions/<str:key>", decision, "dialogue-decision", "dialogue.read"),
    page("dialogue/exceptions/<str:key>", exception, "dialogue-exception", "dialogue.read"),
    page("dialogue/goals", goals, "dialogue-goals", "dialogue.read"),
    page("dialogue/board", board, "dialogue-board", "dialogue.board"),
    page("dialogue/say/<str:kind>", say, "dialogue-say", "dialogue.say", ("POST",)),
]
SENTENCES, needs, due = dialogue_home.SENTENCES, dialogue_home.needs, dialogue_home.due


def may_know(by: Actor, record: Record) -> bool:
    """Return whether somebody may know a record: what is the pair's is told to its two leads alone."""
    return record.statement.kind not in PAIR_KINDS or may(by.role, "dialogue.pair")


NAV = (Entry("Dialogue", "dialogue-agenda", "dialogue.read", "dialogue"),)
