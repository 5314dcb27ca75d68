"""The page that goes up: both positions in their own words, Poise's prices; it argues for nobody."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from poise.dialogue.base import PARTIES
from poise.dialogue.outlook import Prospect
from poise.dialogue.state import Dialogue
from poise.errors import DialogueError, Fault

PAGE_FORM = "poise-escalation/1"


def compose_page(
    state: Dialogue,
    id: str,
    now: datetime,
    prospect: Prospect | None = None,
    wanted: str = "",
    currency: str = "",
) -> dict[str, Any]:
    """Return the page of a disagreement: the same for whoever composes it, so that both can sign it.

    Parameters
    ----------
    id
        Of the disagreement.
    now
        The day of the prices; it stands on the page.
    wanted
        The decision that is wanted from above, in the words of whoever composes the page.

    currency
        What stated prices are in where no table and no agreement says so.

    Raises
    ------
    DialogueError
        E852 when there is none.
    """
    if id not in state.disagreements:
        hint = f"There are: {', '.join(state.disagreements) or 'none'}."
        raise DialogueError(Fault("E852", "escalation", f"There is no disagreement {id!r}.", hint))
    found = state.disagreements[id]
    positions = {party: found.position(party) for party in PARTIES}
    goal = state.goals.get(found.goal)
    page: dict[str, Any] = {
        "form": PAGE_FORM,
        "disagreement": id,
        "title": found.act.title,
        "type": found.type,
        "goal": goal.act.title if goal else None,
        "services": list(found.act.services),
        "links": msgspec.to_builtins(found.act.links),
        "raised": found.time.isoformat(),
        "wanted": wanted,
        "positions": {
            party: None if act is None else _words(msgspec.to_builtins(act))
            for party, act in positions.items()
        },
        "settled_before": [one.proposed.outcome for one in found.settled],
        "test": None if found.test is None else found.test.test,
        "result": None if found.result is None else found.result.result,
        "prices": _prices(state, id, now, prospect, currency),
    }
    return page


def _words(act: dict[str, Any]) -> dict[str, Any]:
    """Return a position's own words; how important a side holds it is no argument on this page."""
    wanted = ("position", "interest", "options", "measure", "without_agreement", "change_my_mind")
    return {name: act[name] for name in wanted}


def _prices(
    state: Dialogue, id: str, now: datetime, prospect: Prospect | None, currency: str
) -> dict[str, Any]:
    act = state.disagreements[id].act
    prices: dict[str, Any] = {
        "as_of": now.date().isoformat(),
        "cost_per_day_stated": act.cost_per_day,
        "basis": act.basis,
        "currency": currency or state.currency,
    }
    if prospect is None:
        return prices
    cost, otherwise = prospect.plan.cost(act.services), prospect.default.cost(act.services)
    return {
        **prices,
        "currency": prospect.ground.currency,
        "table": prospect.ground.digest,
        "plan": "signed" if prospect.agreed else "default",
        "exposure_per_day": prospect.price_of(act.services, now),
        "expected_loss": cost.exposure,
        "disruption": cost.disruption,
        "downtime_hours": cost.downtime_hours,
        "expected_loss_if_nobody_signs": otherwise.exposure,
        "disruption_if_nobody_signs": otherwise.disruption,
    }
