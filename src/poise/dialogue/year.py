"""The sample company's year: one real quarrel grows, is warned of, is settled by a trade and stays settled.

``year.yaml`` says who says what and when; everything on the ledger comes from the same acts that people use.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from importlib.resources import files
from typing import Any, Final, cast

import yaml

from poise.bargain.rounds import Party
from poise.dialogue.base import PARTIES
from poise.dialogue.conversation import Conversation, joint_draft
from poise.dialogue.escalation import compose_page
from poise.dialogue.outlook import Prospect
from poise.dialogue.sealing import Kept, What, keep
from poise.ledger.book import Book
from poise.ledger.keys import SigningKey

#: When the quarrel is plain and warned of; when the trade was signed; the end of the year.
WARNED: Final = datetime(2025, 12, 15, 7, 30, tzinfo=UTC)
TRADED: Final = datetime(2026, 1, 8, 12, 0, tzinfo=UTC)
END: Final = datetime(2026, 6, 29, 8, 0, tzinfo=UTC)
#: Who signs for each side in the sample: by role, as nobody is meant.
SIGNERS: Final[dict[Party, str]] = {"operations": "cio", "security": "ciso"}

#: Of the sample company.
CURRENCY: Final = "EUR"

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


@dataclass
class Year:
    """The year on a ledger, signed by both sides' keys.

    Parameters
    ----------
    ledger
        Without any record of the dialogue; keys that it does not know are enrolled first.
    keys, signers
        By side.
    at_table
        Plays the steps at the table; without it nothing is signed there, and prices are those stated.
    kept
        Answers that were sealed, as each side keeps its own.
    """

    ledger: Book
    keys: Mapping[Party, SigningKey]
    signers: Mapping[Party, str] = field(default_factory=lambda: SIGNERS)
    at_table: AtTable | None = None
    kept: list[Kept] = field(default_factory=list)
    ahead: Prospect | None = None

    def play(
        self,
        until: datetime = END,
        since: datetime | None = None,
        without: Callable[[Row], bool] = lambda _: False,
    ) -> Conversation:
        """Play the year up to a moment; return the conversation of that moment.

        Parameters
        ----------
        since
            From when on; its start for None.
        without
            Whether somebody else says an act, so that it is left out.
        """
        talk = Conversation(self.ledger, until)
        steps = [row for row in rows() if (since is None or since < row[0]) and row[0] <= until]
        steps = [row for row in steps if not without(row)]
        if not self.ledger.roster().keys:
            self._enrol(steps[0][0])
        for now, kind, party, fields in steps:
            talk.now = now
            if kind == "<table>":
                self.ahead = self.at_table(fields["step"], now) if self.at_table else None
                talk = Conversation(self.ledger, now)  # the table has put its own records there
            elif kind == "<escalate>":
                self._escalate(talk, party, fields)
            elif kind in ("<survey>", "<guess>"):
                self._answer(talk, cast(What, kind.strip("<>")), fields)
            else:
                self._say(talk, kind, cast(Party, party), fields)
        return Conversation(self.ledger, until)

    def _enrol(self, now: datetime) -> None:
        """Put both sides' keys on the ledger."""
        vouching: list[SigningKey] = []
        for party in PARTIES:
            key, person = self.keys[party], self.signers[party]
            body = {"person": person, "name": person.upper(), "roles": [party], "key": key.id}
            self.ledger.append("key.enrol", person, body, now=now, keys=[key, *vouching])
            vouching = [key]

    def _say(self, talk: Conversation, kind: str, party: Party, fields: dict[str, Any]) -> None:
        talk.say(kind, {**fields, "party": party}, [self.keys[party]], self.signers[party])

    def _answer(self, talk: Conversation, what: What, fields: dict[str, Any]) -> None:
        for party in PARTIES:
            kept = keep(what, party, fields["quarter"], fields[party])
            talk.seal(kept, [self.keys[party]], self.signers[party])
            self.kept.append(kept)

    def _escalate(self, talk: Conversation, party: str, fields: dict[str, Any]) -> None:
        id = fields["disagreement"]
        body = {
            "disagreement": id,
            "page": compose_page(talk.state, id, talk.now, self.ahead, fields["wanted"], CURRENCY),
        }
        if party != "joint":
            self._say(talk, "escalation.alone", cast(Party, party), body)
            return
        joint = {"party": "operations", **body}
        draft = joint_draft(talk, joint, self.signers["operations"], self.ledger.draft)
        for side in PARTIES:
            draft = draft.signed(self.keys[side])
        talk.take(self.ledger.add(draft, now=talk.now))
