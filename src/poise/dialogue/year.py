"""The sample company's year: one real quarrel grows, is warned of, is settled by a trade and stays settled.

``year.yaml`` says who says what and when; everything on the ledger comes from the same acts that people use.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from importlib.resources import files
from typing import Any, Final, cast

import yaml

from poise.bargain.rounds import Party
from poise.dialogue.base import PARTIES
from poise.dialogue.book import Book, joint_draft
from poise.dialogue.escalation import compose_page
from poise.dialogue.outlook import Prospect
from poise.ledger.keys import SigningKey
from poise.ledger.store import Ledger

#: When the quarrel is plain and warned of; when the trade was signed; the end of the year.
WARNED: Final = datetime(2025, 12, 15, 7, 30, tzinfo=UTC)
TRADED: Final = datetime(2026, 1, 8, 12, 0, tzinfo=UTC)
END: Final = datetime(2026, 6, 29, 8, 0, tzinfo=UTC)
#: Who signs for each side in the sample: by role, as nobody is meant.
SIGNERS: Final[dict[Party, str]] = {"operations": "cio", "security": "ciso"}

Row = tuple[datetime, str, str, dict[str, Any]]
#: Plays a step at the table; returns what lies ahead from then on.
AtTable = Callable[[str, datetime], Prospect | None]


def rows() -> list[Row]:
    """Return the year's acts in the order of their times."""
    content = files("poise.dialogue").joinpath("year.yaml").read_text(encoding="utf-8")
    listed = yaml.safe_load(content)
    split = listed.index("<judgements>")
    found = [(_moment(at), kind, party, fields) for at, kind, party, fields in listed[:split]]
    found += [row for number, one in enumerate(listed[split + 1 :], 1) for row in _judgement(number, *one)]
    return sorted(found, key=lambda row: row[0])


def _moment(at: object) -> datetime:
    return datetime.fromisoformat(str(at)).replace(tzinfo=UTC)


def _judgement(
    number: int, stated: date, resolved: date, party: str, low: float, high: float, came: bool, text: str
) -> list[Row]:
    id = f"j-{number:02}"
    said = {"id": id, "statement": text, "low": low, "high": high, "resolves_by": resolved.isoformat()}
    known = {"judgement": id, "came_true": came, "source": "as it turned out"}
    return [
        (datetime.combine(stated, time(13), UTC), "judgement.stated", party, said),
        (datetime.combine(resolved, time(13), UTC), "judgement.resolved", party, known),
    ]


def enrol(ledger: Ledger, keys: Mapping[Party, SigningKey], now: datetime) -> None:
    """Put both sides' keys on a new ledger."""
    vouching: list[SigningKey] = []
    for party in PARTIES:
        key, person = keys[party], SIGNERS[party]
        body = {"person": person, "name": person.upper(), "roles": [party], "key": key.id}
        ledger.append("key.enrol", person, body, now=now, keys=[key, *vouching])
        vouching = [key]


def play_year(
    ledger: Ledger,
    keys: Mapping[Party, SigningKey],
    *,
    until: datetime = END,
    at_table: AtTable | None = None,
) -> Book:
    """Play the year onto an empty ledger, signed by both sides' keys.

    Parameters
    ----------
    until
        Where to stop.
    at_table
        Plays the steps at the table; without it nothing is signed there, and prices are those stated.

    Returns
    -------
    Book
        Of the moment `until`.
    """
    ahead: Prospect | None = None
    steps = [row for row in rows() if row[0] <= until]
    enrol(ledger, keys, steps[0][0])
    for now, kind, party, fields in steps:
        book = Book(ledger, now)
        if kind == "<table>":
            ahead = at_table(fields["step"], now) if at_table else None
        elif kind in ("<survey>", "<guess>"):
            _answer(book, kind.strip("<>"), fields, keys)
        elif kind == "<escalate>":
            _escalate(book, ledger, party, fields, keys, ahead)
        else:
            side = cast(Party, party)
            book.say(kind, {**fields, "party": side}, [keys[side]], SIGNERS[side])
    return Book(ledger, until)


def _answer(book: Book, what: str, fields: dict[str, Any], keys: Mapping[Party, SigningKey]) -> None:
    kept = [
        book.seal(what, fields["quarter"], party, fields[party], [keys[party]], SIGNERS[party])
        for party in PARTIES
    ]
    for party, content in zip(PARTIES, kept, strict=True):
        book.open(json.loads(content), [keys[party]], SIGNERS[party])


def _escalate(
    book: Book,
    ledger: Ledger,
    party: str,
    fields: dict[str, Any],
    keys: Mapping[Party, SigningKey],
    ahead: Prospect | None,
) -> None:
    id = fields["disagreement"]
    page = compose_page(book.state, id, book.now, ahead, fields["wanted"])
    if party == "joint":
        body = {"party": "operations", "disagreement": id, "page": page}
        draft = joint_draft(book, body, SIGNERS["operations"], ledger.draft)
        for side in PARTIES:
            draft = draft.signed(keys[side])
        ledger.add(draft, now=book.now)
        return
    side = cast(Party, party)
    body = {"party": side, "disagreement": id, "page": page}
    book.say("escalation.alone", body, [keys[side]], SIGNERS[side])
