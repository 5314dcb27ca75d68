"""A conversation on a ledger: what it says now, and putting one more act on it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

import msgspec

from poise.bargain.rounds import Party
from poise.dialogue.acts import JOINT
from poise.dialogue.fold import KINDS, advance, read_act, replay
from poise.dialogue.gates import with_gate
from poise.dialogue.incidents import incidents_of, with_incidents
from poise.dialogue.sealing import Kept
from poise.dialogue.state import Dialogue
from poise.errors import DialogueError, Fault
from poise.ledger.book import Book
from poise.ledger.chain import MAX_CLOCK_SKEW
from poise.ledger.keys import SigningKey
from poise.ledger.record import Draft, Record


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


class Conversation:
    """The dialogue at one time.

    Parameters
    ----------
    ledger
        Where it stands.
    now
        The time that counts.
    """

    def __init__(self, ledger: Book, now: datetime) -> None:
        self.ledger, self.now = ledger, now

    @cached_property
    def state(self) -> Dialogue:
        """Where the dialogue stands at this time: later records are not known yet."""
        records = list(known_at(self._records, self.now))
        found = replay(entries(records))
        return with_gate(self._with_incidents(found, records), records)

    def _with_incidents(self, state: Dialogue, records: Iterable[Record]) -> Dialogue:
        return with_incidents(state, incidents_of(records))

    @property
    def _records(self) -> Iterable[Record]:
        return self.ledger.records()

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
        self.take(record)
        return record

    def take(self, record: Record) -> None:
        """Take a record that was just placed into the state, without reading the others again."""
        if record.statement.kind in KINDS and record.body is not None:
            advance(self.state, record.statement.kind, record.hash, record.time, record.body)

    def check(self, kind: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Return the body of an act as it would be recorded, if the act is possible now."""
        act = read_act(kind, body, kind)
        plain: dict[str, Any] = msgspec.to_builtins(act)
        trial = self.state.copy()
        advance(trial, kind, "", self.now, plain)
        return plain

    def seal(self, kept: Kept, keys: Sequence[SigningKey] = (), author: str = "") -> Record:
        """Put the digest of a side's answers on the ledger; the answers stay with their owner."""
        return self.say(f"{kept.what}.sealed", kept.sealed_body, keys, author)

    def _check_standing(self, key_id: str, party: Party) -> None:
        roster = self.ledger.roster()
        key = roster.keys.get(key_id)
        if key is None:
            return  # the ledger says so itself, with its own fault
        roles = {*key.roles, *(role for role, _ in roster.deputy_for(key.person, self.now))}
        if party not in roles:
            text = f"{key.person} stands for {', '.join(sorted(roles)) or 'nobody'}, not for {party}."
            raise DialogueError(Fault("E854", key.person, text, "Sign with a key of that side."))


def joint_draft(conversation: Conversation, body: Mapping[str, Any], author: str, draft: Any) -> Draft:
    """Return the draft of a joint page, for one person of each side to sign.

    Parameters
    ----------
    draft
        :meth:`poise.ledger.book.Book.draft` of its ledger.
    """
    made: Draft = draft(JOINT, author, conversation.check(JOINT, body), now=conversation.now)
    return made
