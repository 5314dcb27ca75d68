"""The dialogue on a real ledger: signed by the right side, sealed and opened, escalated by both."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from dialogue.cases import DAY0
from poise.dialogue.base import PARTIES
from poise.dialogue.conversation import Conversation, joint_draft
from poise.dialogue.escalation import compose_page
from poise.dialogue.sealing import keep, read_kept
from poise.dialogue.survey import view_guess, view_survey
from poise.dialogue.year import SIGNERS
from poise.errors import DialogueError, SignatureError
from poise.ledger.keys import SigningKey
from poise.ledger.store import Ledger

KEYS = {"operations": SigningKey.from_seed(b"o" * 32), "security": SigningKey.from_seed(b"s" * 32)}
POSITION = {"disagreement": "a", "position": "mine", "interest": "why"}


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "ledger.sqlite") as opened:
        vouching: list[SigningKey] = []
        for party, person in SIGNERS.items():
            body = {"person": person, "name": person, "roles": [party], "key": KEYS[party].id}
            opened.append("key.enrol", person, body, now=DAY0, keys=[KEYS[party], *vouching])
            vouching = [KEYS[party]]
        yield opened


@pytest.fixture
def talk(ledger: Ledger) -> Conversation:
    return Conversation(ledger, DAY0 + timedelta(days=1))


def refused(id: str, call: Any) -> None:
    with pytest.raises(DialogueError) as caught:
        call()
    assert caught.value.faults[0].id == id


def test_an_act_is_signed_by_its_side(talk: Conversation) -> None:
    """The other side's key speaks for the other side only, and a refused act leaves nothing behind."""
    goal = {"id": "grow", "title": "Grow", "party": "operations"}
    size = talk.ledger.head.size  # type: ignore[attr-defined]
    refused("E854", lambda: talk.say("goal.proposed", goal, [KEYS["security"]], "ciso"))
    assert talk.ledger.head.size == size  # type: ignore[attr-defined]
    record = talk.say("goal.proposed", goal, [KEYS["operations"]], "cio")
    assert record.statement.author == "cio"
    assert talk.state.goals["grow"].endorsed == {"operations": talk.now}


def test_answers_open_together_or_not_at_all(talk: Conversation) -> None:
    """No answer stands on the ledger; nobody's are shown before both have sealed, nor changed after."""
    mine = keep("survey", "operations", "2026Q1", {"often": 4, "fair": None})
    yours = keep("survey", "security", "2026Q1", {"often": 2, "fair": 5})
    talk.say("survey.sealed", mine.sealed_body)
    refused("E853", lambda: view_survey(talk.state, "2026Q1", [mine, yours]))
    talk.seal(yours)
    assert "often" not in json.dumps([one.body for one in talk.ledger.records()])
    refused("E853", lambda: talk.seal(keep("survey", "security", "2026Q1", {"often": 5})))
    changed = keep("survey", "security", "2026Q1", {"often": 5})
    refused("E855", lambda: view_survey(talk.state, "2026Q1", [mine, changed]))
    assert view_survey(talk.state, "2026Q1", [mine]).items == ()
    survey = view_survey(talk.state, "2026Q1", [read_kept(one.to_bytes(), "file") for one in (mine, yours)])
    assert survey.apart == ("often",)
    assert survey.low == ("often",)
    assert survey.items[0].answers == {"operations": 4, "security": 2}


def test_what_could_not_be_opened_is_not_sealed() -> None:
    """A typing error found after the seal would lose the answers."""
    refused("E850", lambda: keep("survey", "operations", "2026Q1", {"mood": 5}))
    refused("E850", lambda: keep("survey", "operations", "2026Q1", {"often": 6}))
    refused("E850", lambda: keep("guess", "operations", "2026Q1", []))
    for content in (b"{", b"[1]", b"x" * 30_000, b'{"form": "other"}', b"\xff", b"[" * 10_000):
        refused("E850", lambda content=content: read_kept(content, "file"))


def test_guesses_stand_beside_what_was_stated(talk: Conversation) -> None:
    """The exercise compares; nothing is counted as right or wrong."""
    for party in PARTIES:
        talk.say("profile.stated", {"party": party, "priorities": [f"{party} first", "b", "c", "d"]})
    files = [keep("guess", party, "2026Q1", ["x", "b"]) for party in PARTIES]
    for one in files:
        talk.seal(one)
    guess = view_guess(talk.state, "2026Q1", files)
    assert guess.guesses["operations"] == ("x", "b")
    assert guess.stated["security"] == ("security first", "b", "c")


def disagree(talk: Conversation) -> None:
    talk.say("disagreement.raised", {"party": "security", "id": "a", "title": "A", "type": "values"})
    for party in PARTIES:
        talk.say("disagreement.position", {**POSITION, "party": party})


def test_a_joint_page_needs_a_person_of_each_side(talk: Conversation, ledger: Ledger) -> None:
    """Two signatures of one side make no joint page; the page holds both positions word for word."""
    disagree(talk)
    page = compose_page(talk.state, "a", talk.now, wanted="which?")
    assert page["positions"]["security"]["position"] == "mine"
    assert "importance" not in json.dumps(page)
    body = {"party": "operations", "disagreement": "a", "page": page}
    draft = joint_draft(talk, body, "cio", ledger.draft).signed(KEYS["operations"])
    with pytest.raises(SignatureError):
        ledger.add(draft, now=talk.now)
    ledger.add(draft.signed(KEYS["security"]), now=talk.now)
    (one,) = Conversation(ledger, talk.now).state.disagreements["a"].escalations
    assert one.kind == "joint"


def test_going_alone_is_possible_and_visible(talk: Conversation) -> None:
    """Without a notice it is told as a surprise."""
    disagree(talk)
    page = compose_page(talk.state, "a", talk.now)
    talk.say("escalation.alone", {"party": "security", "disagreement": "a", "page": page})
    assert talk.state.disagreements["a"].escalations[0].kind == "surprise"


def test_the_book_is_read_as_of_its_time(talk: Conversation, ledger: Ledger) -> None:
    """What was said later was not known then."""
    disagree(talk)
    assert Conversation(ledger, DAY0).state.disagreements == {}
