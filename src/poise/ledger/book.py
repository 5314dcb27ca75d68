"""What every ledger does, wherever its records are kept.

A :class:`Book` drafts, judges and places records; its descendants keep them:
:class:`poise.ledger.store.Ledger` in a file of its own, the desk in the tables of its database.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from poise.errors import ChainError, Fault, LedgerError
from poise.ledger.canonical import canonical, digest, parse
from poise.ledger.chain import MAX_CLOCK_SKEW, Head, admit, check_link, enter, word_faults
from poise.ledger.checkpoint import Checkpoint
from poise.ledger.keys import SigningKey
from poise.ledger.parties import Signer
from poise.ledger.record import MAX_RECORD_BYTES, Draft, Record, Seen, make_draft, read_record, whole_seconds
from poise.ledger.roster import Roster
from poise.ledger.verify import Progress, Verification, verify_lines

#: Fewest digits of a hash that name a record.
_SHORTEST_HASH: Final = 8


class Book(ABC):
    """A ledger, by what it says and what is added to it.

    Parameters
    ----------
    name
        What messages call it.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._roster = Roster()
        self._roster_size = 0

    # What a place to keep records must do ---------------------------------------------------------------

    @property
    @abstractmethod
    def head(self) -> Head:
        """The end of the chain."""

    @abstractmethod
    def records(self, start: int = 0, kind: str | None = None) -> Iterator[Record]:
        """Yield the records from a place on, in order.

        Parameters
        ----------
        start
            Place of the first, from 0; negative counts from the end.
        kind
            Only those of this kind.
        """

    @abstractmethod
    def record(self, reference: int | str) -> Record:
        """Return one record, by its place or by its hash.

        Raises
        ------
        LedgerError
            E713 when there is none.
        """

    @abstractmethod
    def beside(self, record_hash: str) -> tuple[Record, ...]:
        """Return the records that refer to one: what was added to it later."""

    @abstractmethod
    def hash_at(self, sequence: int) -> str | None:
        """Return the hash of a record; None when there is none at this place."""

    @abstractmethod
    def kind_of(self, record_hash: str) -> str | None:
        """Return the kind of the record with this hash; None when there is none."""

    @abstractmethod
    def is_placed(self, statement_digest: str) -> bool:
        """Return whether a signed statement with this digest has a place already."""

    @abstractmethod
    def _hashes_like(self, digits: str) -> list[str]:
        """Return up to two hashes that begin with these digits."""

    @abstractmethod
    def _key_records(self, start: int, end: int) -> list[Record]:
        """Return the records about keys from `start` to before `end`, in order."""

    @abstractmethod
    def _writing(self) -> AbstractContextManager[None]:
        """Keep all other writers out from here to the end; commit there, or leave everything as it was."""

    @abstractmethod
    def _insert(self, record: Record) -> None:
        """Keep a record, within :meth:`_writing`."""

    # What the ledger says ------------------------------------------------------------------------------

    def roster(self, before: int | None = None) -> Roster:
        """Return whose keys count: at the end of the chain, or for the record at the place `before`."""
        if before is not None:
            return self._roster_from(Roster(), 0, before)
        self._refresh()
        return self._roster.copy()

    def signers(self, record: Record) -> tuple[Signer, ...]:
        """Return whose signatures count in a record, by the keys, roles and deputies of its place."""
        return enter(record, self.roster(record.sequence))[0]

    def find(self, text: str) -> Record:
        """Return one record by what a person types: its place, its hash, or the first 8 digits of it or more.

        Raises
        ------
        LedgerError
            E713 when there is none, or more than one.
        """
        if text.isdecimal() and text.isascii() and len(text) < _SHORTEST_HASH:
            return self.record(int(text))
        found = self._hashes_like(text)
        if len(text) < _SHORTEST_HASH or len(found) != 1:
            give = "Give its place, or at least 8 digits of its hash"
            hint, web = f"{give}; poise ledger log lists both.", f"{give}; the list under Ledger has both."
            message = f"{text!r} names {'more than one record' if len(found) > 1 else 'no record'}."
            raise LedgerError(Fault("E713", self.name, message, hint, web))
        return self.record(found[0])

    def lines(self) -> Iterator[bytes]:
        """Yield the ledger as it is exported: one record a line, all as of one moment."""
        for record in self.records():
            yield record.to_bytes() + b"\n"

    def export(self, path: Path) -> int:
        """Write the ledger to a new file; see :func:`poise.ledger.transfer.export_file`."""
        from poise.ledger.transfer import export_file

        return export_file(self, path)

    def verify(
        self,
        checkpoints: Sequence[Checkpoint] = (),
        trusted: Sequence[str] = (),
        progress: Progress | None = None,
    ) -> Verification:
        """Verify the ledger itself, as :func:`~poise.ledger.verify.verify_file` does an exported one."""
        size = self.head.size

        def lines() -> Iterator[bytes]:
            for number, line in enumerate(self.lines(), 1):
                if progress is not None:
                    progress(number, size, "verifying")
                yield line

        return verify_lines(lines(), self.name, checkpoints, trusted)

    # What is added -------------------------------------------------------------------------------------

    def draft(
        self,
        kind: str,
        author: str,
        body: Mapping[str, Any],
        *,
        now: datetime,
        refers: tuple[str, ...] = (),
        expires: datetime | None = None,
    ) -> Draft:
        """Return an unsigned statement that rests on the ledger as it is now.

        Parameters
        ----------
        kind
            Words of a-z, 0-9 and -, joined by dots. ``key.`` is the ledger's own; ``agreement`` and
            ``erasure`` need the signatures of both parties.
        author
            The person who makes it.
        body
            JSON values; units stand in the names of bare numbers.
        now
            The author's time.
        refers
            Hashes of the records to which this one adds.
        expires
            Until when it may be added; None without an end.

        Raises
        ------
        LedgerError
            E701 when the body is no JSON, E712 when kind or author is no such word.
        """
        faults = tuple(word_faults(kind, author, f"draft of {kind}"))
        if faults:
            raise LedgerError(faults)
        head = self.head
        seen = Seen(head.size - 1, head.hash) if head.size else None
        return make_draft(kind, author, body, made=now, seen=seen, refers=refers, expires=expires)

    def append(
        self,
        kind: str,
        author: str,
        body: Mapping[str, Any],
        *,
        now: datetime,
        keys: Sequence[SigningKey] = (),
        refers: tuple[str, ...] = (),
        unless: Callable[[], Record | None] | None = None,
    ) -> Record:
        """Draft, sign and add a record in one go; parameters and errors are those of `draft` and `add`.

        Parameters
        ----------
        unless
            Asked once no other writer can come between: it raises what forbids the record, or returns the one
            that stands there already, which is then returned and nothing is added.
        """
        with self._writing():
            already = unless() if unless is not None else None
            if already is not None:
                return already
            draft = self.draft(kind, author, body, now=now, refers=refers)
            for key in keys:
                draft = draft.signed(key)
            return self._place(draft, now)

    def add(self, draft: Draft, *, now: datetime) -> Record:
        """Put a draft at the end of the chain. When this returns, the record is on disk.

        Parameters
        ----------
        draft
            With all its signatures.
        now
            The ledger's time. Within five minutes before the last record's it becomes that time.

        Raises
        ------
        LedgerError
            E709 when others write for too long, E710 when nothing can be written, E711 when the clock is
            behind, E714 when the record is too large; and as in :func:`poise.ledger.chain.admit`.
        ChainError, SignatureError
            As in :func:`poise.ledger.chain.admit`.
        """
        with self._writing():
            return self._place(draft, now)

    def _place(self, draft: Draft, now: datetime) -> Record:
        self._refresh()
        head = self.head
        record = draft.placed(head.size, head.hash, self._time(now, head))
        check_link(record, head)
        admit(record, self, self._roster.copy())
        self._insert(record)
        return record

    def restore(self, records: Iterable[Record]) -> None:
        """Fill an empty ledger with the records of a verified one, in one transaction.

        Raises
        ------
        LedgerError
            E709 or E710 when it cannot be written; the ledger is then as empty as before.
        """
        with self._writing():
            for record in records:
                self._insert(record)

    def _time(self, now: datetime, head: Head) -> datetime:
        time = whole_seconds(now)
        if head.time is None or time >= head.time:
            return time
        if head.time - time > MAX_CLOCK_SKEW:
            last = f"{head.time:%Y-%m-%d %H:%M:%S}"
            message = f"the time is {time:%Y-%m-%d %H:%M:%S} UTC, but the last record is of {last}."
            web = "Whoever runs the desk sets its machine's clock."
            raise LedgerError(Fault("E711", self.name, message, "Set this machine's clock, or --now.", web))
        return head.time

    def _refresh(self) -> None:
        """Take records about keys that are new since the last time into the roster."""
        size = self.head.size
        self._roster, self._roster_size = self._roster_from(self._roster, self._roster_size, size), size

    def _roster_from(self, roster: Roster, start: int, end: int) -> Roster:
        """Return a roster with the records about keys from `start` to before `end`."""
        roster = roster.copy()
        for record in self._key_records(start, end):
            enter(record, roster)
        return roster


def whole_record(line: bytes, salt: str | None, body: bytes | None, where: str) -> Record:
    """Return a record of its three stored parts; errors as in reading an exported one.

    Raises
    ------
    ChainError
        E721 when it was changed in the store.
    LedgerError
        E720 when it is no record.
    """
    header = read_record(line, where)
    if header.true_hash() != header.hash:
        message = "was changed in the store: its hash is not that of its content."
        raise ChainError(Fault("E721", f"record {header.sequence}", message))
    if salt is None or body is None:
        return header
    whole = msgspec.structs.replace(header, salt=str(salt), body=parse(body, where))
    return read_record(whole.to_bytes(), where)


def stored_parts(record: Record) -> tuple[bytes, bytes | None, str]:
    """Return what a store keeps of a record: its line without body, its body, its statement's digest.

    Raises
    ------
    LedgerError
        E714 when it is too large.
    """
    line = record.header().to_bytes()
    body = None if record.body is None else canonical(record.body)
    if len(line) + len(body or b"") > MAX_RECORD_BYTES - 1024:
        message = f"has {len(body or b''):,} bytes; a record may have {MAX_RECORD_BYTES:,}."
        raise LedgerError(Fault("E714", f"body of {record.statement.kind}", message))
    return line, body, digest(record.statement.to_bytes())
