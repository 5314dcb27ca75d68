"""The dialogue on a ledger: what it says now, and putting one more act on it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Protocol

import msgspec

from poise.bargain.rounds import Party
from poise.dialogue.acts import JOINT
from poise.dialogue.fold import KINDS, advance, read_act, replay
from poise.dialogue.sealing import new_salt, seal
from poise.dialogue.state import Dialogue
from poise.dialogue.survey_items import ITEMS
from poise.errors import DialogueError, Fault
from poise.ledger.chain import MAX_CLOCK_SKEW
from poise.ledger.keys import SigningKey
from poise.ledger.record import Draft, Record
from poise.ledger.roster import Roster

#: Answers as their owner keeps them until both can be opened.
SEALED_FORM = "poise-sealed/1"
_SEALED = {
    "survey": ("survey.sealed", "survey.opened", "answers"),
    "guess": ("guess.sealed", "guess.opened", "guesses"),
}


class Chronicle(Protocol):
    """What the dialogue needs of a ledger; the store has it, and whoever keeps the same chain elsewhere."""

    def records(self, start: int = 0, kind: str | None = None) -> Iterator[Record]:
        """Yield the records."""

    def append(
        self,
        kind: str,
        author: str,
        body: Mapping[str, Any],
        *,
        now: datetime,
        keys: Sequence[SigningKey] = (),
        refers: tuple[str, ...] = (),
    ) -> Record:
        """Add a record."""

    def roster(self, before: int | None = None) -> Roster:
        """Return whose keys count."""


@dataclass(frozen=True)
class Entry:
    """A record as :func:`poise.dialogue.fold.replay` reads it."""

    kind: str
    hash: str
    time: datetime
    body: dict[str, Any] | None


def entries(records: Iterable[Record]) -> Iterator[Entry]:
    """Yield what the dialogue reads of records."""
    for record in records:
        if record.statement.kind in KINDS:
            yield Entry(record.statement.kind, record.hash, record.time, record.body)


def known_at(records: Iterable[Record], now: datetime) -> Iterator[Record]:
    """Yield the records that stood on the ledger at a time, give or take what two clocks may differ."""
    return (record for record in records if record.time <= now + MAX_CLOCK_SKEW)


class Book:
    """The dialogue at one time.

    Parameters
    ----------
    ledger
        Where it stands.
    now
        The time that counts.
    """

    def __init__(self, ledger: Chronicle, now: datetime) -> None:
        self.ledger, self.now = ledger, now

    @cached_property
    def state(self) -> Dialogue:
        """Where the dialogue stands at this time: later records are not known yet."""
        return replay(entries(known_at(self.ledger.records(), self.now)))

    def say(
        self, kind: str, body: Mapping[str, Any], keys: Sequence[SigningKey] = (), author: str = ""
    ) -> Record:
        """Put an act on the ledger, if it is possible at this point.

        Parameters
        ----------
        kind, body
            Of :data:`poise.dialogue.acts.ACTS`.
        keys
            To sign with; each has to be of somebody who stands for the body's party.
        author
            Who says it; the party's name without one.

        Raises
        ------
        DialogueError
            E850 to E855, as in :func:`poise.dialogue.fold.advance`; E854 also for a key of the other side.
        """
        checked = self.check(kind, body)
        party: Party = checked["party"]
        for key in keys:
            self._check_standing(key.id, party)
        record = self.ledger.append(kind, author or party, checked, now=self.now, keys=keys)
        self.__dict__.pop("state", None)
        return record

    def check(self, kind: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Return the body of an act as it would be recorded, if the act is possible now."""
        act = read_act(kind, body, kind)
        plain: dict[str, Any] = msgspec.to_builtins(act)
        trial = self.state.copy()
        advance(trial, kind, "", self.now, plain)
        return plain

    def seal(
        self,
        what: str,
        quarter: str,
        party: Party,
        answers: Any,
        keys: Sequence[SigningKey] = (),
        author: str = "",
    ) -> bytes:
        """Seal a side's answers; return the file that opens them, for its owner to keep.

        Parameters
        ----------
        what
            ``survey`` (answers by item) or ``guess`` (up to three priorities).
        """
        kind, opening, name = _SEALED[what]
        salt = new_salt()
        # Read as they will be when they are opened: what is sealed and cannot be opened is lost.
        body = {"party": party, "quarter": quarter, name: answers, "salt": salt}
        act = msgspec.to_builtins(read_act(opening, body, what))
        self.say(kind, {"party": party, "quarter": quarter, "digest": seal(act[name], salt)}, keys, author)
        return (
            json.dumps({"form": SEALED_FORM, "what": what, **act}, indent=1, ensure_ascii=False).encode()
            + b"\n"
        )

    def open(self, kept: Mapping[str, Any], keys: Sequence[SigningKey] = (), author: str = "") -> Record:
        """Open sealed answers, once both sides have sealed theirs.

        Raises
        ------
        DialogueError
            E850 when it is no sealed file, E853 before both have sealed, E855 when it was changed.
        """
        what = kept.get("what")
        if kept.get("form") != SEALED_FORM or what not in _SEALED:
            raise DialogueError(Fault("E850", "sealed answers", f"is no file of form {SEALED_FORM}."))
        body = {name: value for name, value in kept.items() if name not in ("form", "what")}
        return self.say(_SEALED[what][1], body, keys, author)

    def _check_standing(self, key_id: str, party: Party) -> None:
        roster = self.ledger.roster()
        key = roster.keys.get(key_id)
        if key is None:
            return  # the ledger says so itself, with its own fault
        roles = {*key.roles, *(role for role, _ in roster.deputy_for(key.person, self.now))}
        if party not in roles:
            text = f"{key.person} stands for {', '.join(sorted(roles)) or 'nobody'}, not for {party}."
            raise DialogueError(Fault("E854", key.person, text, "Sign with a key of that side."))


def joint_draft(book: Book, body: Mapping[str, Any], author: str, draft: Any) -> Draft:
    """Return the draft of a joint page, for one person of each side to sign.

    Parameters
    ----------
    draft
        :meth:`poise.ledger.store.Ledger.draft`, or what stands for it.
    """
    made: Draft = draft(JOINT, author, book.check(JOINT, body), now=book.now)
    return made


def survey_form() -> dict[str, None]:
    """Return the answers of nobody: every item skipped."""
    return {item.id: None for item in ITEMS}
