"""Notices: an offer, a proposal or a question of the other side, told at once to whom wants it so."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from poise.bargain.rounds import Party
from poise.dialogue.agenda import Agenda
from poise.dialogue.base import PARTIES, other
from poise.dialogue.digest import money, telling_of
from poise.dialogue.outlook import Outlook, Prospect
from poise.dialogue.state import Dialogue, Disagreement
from poise.dialogue.wording import Fact, Kind, Telling
from poise.table.ground import as_plan

PROPOSAL: Final = "proposal.made"
#: Kinds of records of which the other side is told.
NOTICED: Final = (
    PROPOSAL,
    "settlement.proposed",
    "decision.asked",
    "disagreement.raised",
    "escalation.noticed",
    "escalation.alone",
)
#: A question that has to be answered within this time does not wait for the morning.
URGENT: Final = timedelta(hours=24)


def reader_of(kind: str, body: Mapping[str, Any]) -> Party | None:
    """Return who is told of a record: the side that did not make it; None for nobody."""
    party = body.get("party")
    return other(party) if kind in NOTICED and party in PARTIES else None


def is_urgent(kind: str, body: Mapping[str, Any], time: datetime) -> bool:
    """Return whether a record has a clock running."""
    if kind != "decision.asked":
        return False
    return datetime.fromisoformat(str(body["needed_by"])) - time <= URGENT


def notice_of(
    kind: str, body: Mapping[str, Any], state: Dialogue, agenda: Agenda, prospect: Prospect | None = None
) -> Telling | None:
    """Return what a record says, before anybody's form; None when it has been dealt with since.

    Parameters
    ----------
    kind, body
        Of one of :data:`NOTICED`.
    agenda
        Of the same moment: what is contested or asked is told in its words.
    """
    if kind == PROPOSAL:
        return _proposal(body, prospect)
    if kind == "decision.asked":
        return _of_item(agenda, f"decision:{body['id']}")
    if kind == "disagreement.raised":
        return _of_item(agenda, f"disagreement:{body['id']}")
    found = state.disagreements.get(str(body.get("disagreement")))
    if found is None or found.ended is not None:
        return None
    who = str(body["party"]).capitalize()
    if kind == "settlement.proposed":
        return _offer(who, body, found, agenda)
    if kind == "escalation.noticed":
        reason = Fact(f"{who} says: {body['reason']}", "words", body["party"])
        return Telling(
            f"{who} gives notice that this goes up: {found.act.title}", (reason, *_cost(found, agenda))
        )
    wanted = body.get("page", {}).get("wanted") or "not said"
    facts = (Fact(f"decision wanted: {wanted}", "decision"), *_cost(found, agenda))
    return Telling(f"{who} took it up alone: {found.act.title}", facts)


def _of_item(agenda: Agenda, key: str) -> Telling | None:
    item = next((one for one in agenda.all if one.key == key), None)
    return telling_of(item, agenda.currency) if item else None


def _cost(found: Disagreement, agenda: Agenda) -> tuple[Fact, ...]:
    """Return what the agenda says about waiting, in its words."""
    telling = _of_item(agenda, f"disagreement:{found.act.id}")
    return tuple(fact for fact in telling.facts if fact.kind == "price") if telling else ()


def _offer(who: str, body: Mapping[str, Any], found: Disagreement, agenda: Agenda) -> Telling | None:
    if found.offer is None or found.offer.outcome != body["outcome"]:
        return None
    facts = [Fact(f"outcome: {found.offer.outcome}", "decision")]
    for give in found.offer.gives:
        facts.append(Fact(f"{give.party.capitalize()} gives: {give.what}", "option"))
    if found.offer.review_on:
        facts.append(Fact(f"looked at again on {found.offer.review_on}"))
    return Telling(f"{who} offers to settle: {found.act.title}", (*facts, *_cost(found, agenda)))


def _proposal(body: Mapping[str, Any], prospect: Prospect | None) -> Telling | None:
    if prospect is None or body.get("ground", prospect.ground.digest) != prospect.ground.digest:
        return None
    windows = tuple(body["windows"])
    if len(windows) != len(prospect.ground.changes):
        return None  # of a table that is no more
    currency = prospect.ground.currency
    cost, otherwise = Outlook(prospect.ground, as_plan(windows)).cost(), prospect.default.cost()
    later = f"{cost.not_done} of {cost.changes} changes wait for later"
    facts: list[tuple[str, Kind]] = [
        ("Answer it at the table; only a match of both answers is ever told.", "decision"),
        (f"expected loss {money(cost.exposure, currency)}", "price"),
        (f"disruption {money(cost.disruption, currency)}, {cost.downtime_hours:.1f} h down", "price"),
        (f"if nobody signs: expected loss {money(otherwise.exposure, currency)}", "option"),
        (f"if nobody signs: disruption {money(otherwise.disruption, currency)}", "option"),
        (later, "reason"),
    ]
    who = str(body["party"]).capitalize()
    return Telling(f"{who} proposes a plan: {body['label']}", tuple(Fact(text, kind) for text, kind in facts))
