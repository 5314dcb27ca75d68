"""Notices: told to the other side in its own form, with every fact, and only while they matter."""

from __future__ import annotations

from itertools import product

import pytest

from dialogue.cases import Told, day, decision, disagreement, escalation, told
from poise.dialogue.agenda import make_agenda
from poise.dialogue.notices import NOTICED, PROPOSAL, is_urgent, notice_of, reader_of
from poise.dialogue.outlook import prospect
from poise.dialogue.pair import ProfileStated
from poise.dialogue.wording import letter
from table.cases import small_ground

OFFER = {
    "disagreement": "a",
    "how": "trade",
    "outcome": "Half of it",
    "gives": [{"party": "operations", "what": "Two weeks"}, {"party": "security", "what": "The limit"}],
    "review_on": "2026-04-01",
}
HISTORY: list[Told] = [
    *disagreement("a", 1, cost_per_day=12.0),
    *decision("d", 2),
    (3, "settlement.proposed", "operations", OFFER),
    (3, "escalation.noticed", "security", {"disagreement": "a", "reason": "It waits too long"}),
    escalation("a", 4),
]
STYLES = list(product(("numbers first", "reasons first", "options first"), ("headline", "summary", "full")))


def bodies() -> dict[str, dict[str, object]]:
    return {kind: {**fields, "party": party} for _, kind, party, fields in HISTORY if kind in NOTICED}


@pytest.mark.parametrize(("style", "detail"), STYLES)
def test_every_fact_stands_in_every_form(style: str, detail: str) -> None:
    """Each kind, for each profile: the order and the fold differ, the facts do not."""
    state = told(*HISTORY)
    agenda = make_agenda(state, day(5))
    assert set(bodies()) == set(NOTICED) - {PROPOSAL}
    for kind, body in bodies().items():
        telling = notice_of(kind, body, state, agenda)
        assert telling is not None, kind
        reader = ProfileStated(party="security", style=style, detail=detail)  # type: ignore[arg-type]
        lines = letter(telling, reader).splitlines()
        assert sorted(line.removeprefix("- ") for line in lines if line not in ("", "In full")) == sorted(
            telling.texts
        )


def test_what_was_dealt_with_is_not_told_of() -> None:
    """An offer that stands no more, a question that was answered, a quarrel that ended."""
    settled = [*HISTORY, (5, "settlement.accepted", "security", {"disagreement": "a"})]
    state = told(*settled, (5, "decision.made", "operations", {"decision": "d", "option": "yes"}))
    agenda = make_agenda(state, day(6))
    assert [notice_of(kind, body, state, agenda) for kind, body in bodies().items()] == [None] * len(bodies())


def test_it_goes_to_the_other_side_and_does_not_wait_with_a_clock_running() -> None:
    """Needed within a day is urgent; a draft of the desk is told to nobody."""
    body = bodies()["decision.asked"]
    assert reader_of("decision.asked", body) == "operations"
    assert reader_of(PROPOSAL, {"party": None}) is None
    assert reader_of("promise.made", {"party": "security"}) is None
    assert not is_urgent("decision.asked", body, day(2))
    assert is_urgent("decision.asked", body, day(6.5))


def test_a_proposal_says_its_prices_beside_those_of_the_default() -> None:
    """By the table's own ground; a plan for another table is told of no more."""
    ground = small_ground(1)
    ahead, state = prospect(ground, None), told()
    agenda = make_agenda(state, day(1), ahead)
    windows = ahead.default.plan.window.tolist()
    body = {"party": "security", "label": "The middle", "windows": windows}
    telling = notice_of(PROPOSAL, body, state, agenda, ahead)
    assert telling is not None
    assert telling.headline == "Security proposes a plan: The middle"
    cost = [fact.text.removeprefix("if nobody signs: ") for fact in telling.facts]
    assert len(set(cost)) < len(cost)  # it is the default itself, so both say the same loss
    assert notice_of(PROPOSAL, {**body, "windows": windows[1:]}, state, agenda, ahead) is None
    assert notice_of(PROPOSAL, body, state, agenda) is None
