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
from poise.dialogue.book import Book, joint_draft
from poise.dialogue.escalation import compose_page
from poise.dialogue.survey import view_guess, view_survey
from poise.dialogue.year import enrol
from poise.errors import DialogueError, SignatureError
from poise.ledger.keys import SigningKey
from poise.ledger.store import Ledger

KEYS = {"operations": SigningKey.from_seed(b"o" * 32), "security": SigningKey.from_seed(b"s" * 32)}
POSITION = {"disagreement": "a", "position": "mine", "interest": "why"}


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "ledger.sqlite") as opened:
        enrol(opened, KEYS, DAY0)
        yield opened


@pytest.fixture
def book(ledger: Ledger) -> Book:
    return Book(ledger, DAY0 + timedelta(days=1))


def refused(id: str, call: Any) -> None:
    with pytest.raises(DialogueError) as caught:
        call()
    assert caught.value.faults[0].id == id


def test_an_act_is_signed_by_its_side(book: Book) -> None:
    """The other side's key speaks for the other side only, and a refused act leaves nothing behind."""
    goal = {"id": "grow", "title": "Grow", "party": "operations"}
    size = book.ledger.head.size  # type: ignore[attr-defined]
    refused("E854", lambda: book.say("goal.proposed", goal, [KEYS["security"]], "ciso"))
    assert book.ledger.head.size == size  # type: ignore[attr-defined]
    record = book.say("goal.proposed", goal, [KEYS["operations"]], "cio")
    assert record.statement.author == "cio"
    assert book.state.goals["grow"].endorsed == {"operations": book.now}


def test_answers_open_together_or_not_at_all(book: Book) -> None:
    """A seal hides answers on the ledger, holds them, and nobody opens before the other has answered."""
    answers = {"often": 4, "fair": None}
    first = json.loads(book.seal("survey", "2026Q1", "operations", answers))
    assert "often" not in json.dumps([one.body for one in book.ledger.records()])
    refused("E853", lambda: book.open(first))
    second = json.loads(book.seal("survey", "2026Q1", "security", {"often": 2, "fair": 5}))
    refused("E853", lambda: book.seal("survey", "2026Q1", "security", {"often": 5}))
    refused("E855", lambda: book.open({**second, "answers": {"often": 5, "fair": 5}}))
    book.open(first)
    assert view_survey(book.state, "2026Q1").items == ()
    book.open(second)
    survey = view_survey(book.state, "2026Q1")
    assert survey.apart == ("often",)
    assert survey.low == ("often",)
    assert survey.items[0].answers == {"operations": 4, "security": 2}


def test_what_could_not_be_opened_is_not_sealed(book: Book) -> None:
    """A typing error found after the seal would lose the answers."""
    refused("E850", lambda: book.seal("survey", "2026Q1", "operations", {"mood": 5}))
    refused("E850", lambda: book.seal("survey", "2026Q1", "operations", {"often": 6}))
    refused("E850", lambda: book.open({"form": "other"}))


def test_guesses_stand_beside_what_was_stated(book: Book) -> None:
    """The exercise compares; nothing is counted as right or wrong."""
    for party in PARTIES:
        book.say("profile.stated", {"party": party, "priorities": [f"{party} first", "b", "c", "d"]})
    kept = [json.loads(book.seal("guess", "2026Q1", party, ["x", "b"])) for party in PARTIES]
    for one in kept:
        book.open(one)
    guess = view_guess(book.state, "2026Q1")
    assert guess.guesses["operations"] == ("x", "b")
    assert guess.stated["security"] == ("security first", "b", "c")


def disagree(book: Book) -> None:
    book.say("disagreement.raised", {"party": "security", "id": "a", "title": "A", "type": "values"})
    for party in PARTIES:
        book.say("disagreement.position", {**POSITION, "party": party})


def test_a_joint_page_needs_a_person_of_each_side(book: Book, ledger: Ledger) -> None:
    """Two signatures of one side make no joint page; the page holds both positions word for word."""
    disagree(book)
    page = compose_page(book.state, "a", book.now, wanted="which?")
    assert page["positions"]["security"]["position"] == "mine"
    assert "importance" not in json.dumps(page)
    body = {"party": "operations", "disagreement": "a", "page": page}
    draft = joint_draft(book, body, "cio", ledger.draft).signed(KEYS["operations"])
    with pytest.raises(SignatureError):
        ledger.add(draft, now=book.now)
    ledger.add(draft.signed(KEYS["security"]), now=book.now)
    (one,) = Book(ledger, book.now).state.disagreements["a"].escalations
    assert one.kind == "joint"


def test_going_alone_is_possible_and_visible(book: Book) -> None:
    """Without a notice it is told as a surprise."""
    disagree(book)
    page = compose_page(book.state, "a", book.now)
    book.say("escalation.alone", {"party": "security", "disagreement": "a", "page": page})
    assert book.state.disagreements["a"].escalations[0].kind == "surprise"


def test_the_book_is_read_as_of_its_time(book: Book, ledger: Ledger) -> None:
    """What was said later was not known then."""
    disagree(book)
    assert Book(ledger, DAY0).state.disagreements == {}
