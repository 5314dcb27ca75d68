"""The ledger on disk: an SQLite database that only ever grows.

Every record is one transaction, on disk before it is acknowledged (write-ahead log, ``synchronous=FULL``).
Whoever writes holds SQLite's write lock from reading the end of the chain until the commit, so two writers
cannot both follow the same record. Triggers refuse what no code of this room does: changing or deleting a
record. They stop accidents; what stops an administrator is the chain, its signatures, and checkpoints kept
elsewhere.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from poise.errors import ChainError, Fault, LedgerError
from poise.ledger.canonical import canonical, digest, parse
from poise.ledger.chain import ERASURE, MAX_CLOCK_SKEW, Head, admit, check_link, enter, word_faults
from poise.ledger.checkpoint import Checkpoint
from poise.ledger.database import connect, told, transaction
from poise.ledger.keyrecords import KEY_KINDS
from poise.ledger.keys import SigningKey
from poise.ledger.parties import Signer
from poise.ledger.record import MAX_RECORD_BYTES, Draft, Record, Seen, make_draft, read_record, whole_seconds
from poise.ledger.roster import Roster
from poise.ledger.verify import Progress, Verification, verify_lines

#: Bytes are asked for as such: SQLite keeps whatever type somebody else may have put there.
_SELECT: Final = """
SELECT CAST(line AS BLOB), salt, CAST(body AS BLOB) FROM record LEFT JOIN content USING (sequence)
"""

#: Fewest digits of a hash that name a record.
_SHORTEST_HASH: Final = 8


class Ledger:
    """An open ledger. Not for use by several threads at once; each opens its own.

    Use :meth:`open`, and close it, or use it in a ``with`` statement.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._roster = Roster()
        self._roster_size = 0
        self.path = path

    @classmethod
    def open(cls, path: Path, *, create: bool = True) -> Ledger:
        """Open a ledger.

        Parameters
        ----------
        path
            The database file.
        create
            Whether to start a new one when there is none.

        Raises
        ------
        LedgerError
            E700 when there is none or it cannot be opened, E708 when the file is no ledger of this version.
        """
        if not create and not path.exists():
            hint = "poise key enrol starts a ledger; --workspace says where it is."
            raise LedgerError(Fault("E700", str(path), "there is no ledger here.", hint))
        return cls(connect(path), path)

    def close(self) -> None:
        """Close the database."""
        self._connection.close()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # What the ledger says ------------------------------------------------------------------------------

    @property
    def head(self) -> Head:
        """The end of the chain."""
        with told(self.path):
            row = self._connection.execute(f"{_SELECT} ORDER BY sequence DESC LIMIT 1").fetchone()
        if row is None:
            return Head()
        last = self._record(row)
        return Head(last.sequence + 1, last.hash, last.time)

    def roster(self, before: int | None = None) -> Roster:
        """Return whose keys count: at the end of the chain, or for the record at the place `before`."""
        if before is not None:
            return self._roster_from(Roster(), 0, before)
        self._refresh()
        return self._roster.copy()

    def signers(self, record: Record) -> tuple[Signer, ...]:
        """Return whose signatures count in a record, by the keys, roles and deputies of its place."""
        return enter(record, self.roster(record.sequence))[0]

    def records(self, start: int = 0, kind: str | None = None) -> Iterator[Record]:
        """Yield the records from a place on, in order.

        Parameters
        ----------
        start
            Place of the first, from 0; negative counts from the end.
        kind
            Only those of this kind.
        """
        first = max(self.head.size + start, 0) if start < 0 else start
        query = f"{_SELECT} WHERE sequence >= ? AND kind = COALESCE(?, kind) ORDER BY sequence"
        with told(self.path):
            for row in self._connection.execute(query, [first, kind]):
                yield self._record(row)

    def record(self, reference: int | str) -> Record:
        """Return one record, by its place or by its hash.

        Raises
        ------
        LedgerError
            E713 when there is none.
        """
        column = "sequence" if isinstance(reference, int) else "hash"
        with told(self.path):
            row = self._connection.execute(f"{_SELECT} WHERE {column} = ?", [reference]).fetchone()
        if row is None:
            raise LedgerError(Fault("E713", str(self.path), f"has no record {reference}."))
        return self._record(row)

    def find(self, text: str) -> Record:
        """Return one record by what a person types: its place, its hash, or the first 8 digits of it or more.

        Raises
        ------
        LedgerError
            E713 when there is none, or more than one.
        """
        if text.isdecimal() and text.isascii() and len(text) < _SHORTEST_HASH:
            return self.record(int(text))
        with told(self.path):
            found = self._connection.execute(
                "SELECT hash FROM record WHERE substr(hash, 1, ?) = ? LIMIT 2", [len(text), text]
            ).fetchall()
        if len(text) < _SHORTEST_HASH or len(found) != 1:
            hint = "Give its place, or at least 8 digits of its hash; poise ledger log lists both."
            message = f"{text!r} names {'more than one record' if len(found) > 1 else 'no record'}."
            raise LedgerError(Fault("E713", str(self.path), message, hint))
        return self.record(str(found[0][0]))

    def beside(self, record_hash: str) -> tuple[Record, ...]:
        """Return the records that refer to one: what was added to it later."""
        query = f"{_SELECT} JOIN reference USING (sequence) WHERE target = ? ORDER BY sequence"
        with told(self.path):
            return tuple(map(self._record, self._connection.execute(query, [record_hash])))

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

        return verify_lines(lines(), self.path.name, checkpoints, trusted)

    def hash_at(self, sequence: int) -> str | None:
        """Return the hash of a record; None when there is none at this place."""
        return self._value("SELECT hash FROM record WHERE sequence = ?", sequence)

    def kind_of(self, record_hash: str) -> str | None:
        """Return the kind of the record with this hash; None when there is none."""
        return self._value("SELECT kind FROM record WHERE hash = ?", record_hash)

    def is_placed(self, statement_digest: str) -> bool:
        """Return whether a signed statement with this digest has a place already."""
        query = "SELECT hash FROM record WHERE statement = ? AND signed"
        return self._value(query, statement_digest) is not None

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
    ) -> Record:
        """Draft, sign and add a record in one go; parameters and errors are those of `draft` and `add`."""
        with self._writing():
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

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with told(self.path):
            erasures = self._erasures()
            with transaction(self._connection):
                yield
            if self._erasures() > erasures:
                # Overwrite the write-ahead log, in which erased bodies would stay readable.
                self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _erasures(self) -> int:
        query = "SELECT COUNT(*) FROM record WHERE kind = ?"
        return int(self._connection.execute(query, [ERASURE]).fetchone()[0])

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
            raise LedgerError(Fault("E711", str(self.path), message, "Set this machine's clock, or --now."))
        return head.time

    def _insert(self, record: Record) -> None:
        run = self._connection.execute
        statement = digest(record.statement.to_bytes())
        line = record.header().to_bytes()
        body = b"" if record.body is None else canonical(record.body)
        if len(line) + len(body) > MAX_RECORD_BYTES - 1024:
            message = f"has {len(body):,} bytes; a record may have {MAX_RECORD_BYTES:,}."
            raise LedgerError(Fault("E714", f"body of {record.statement.kind}", message))
        kind, signed = record.statement.kind, bool(record.signatures)
        values = (record.sequence, record.hash, kind, statement, signed, line)
        run("INSERT INTO record VALUES (?, ?, ?, ?, ?, ?)", values)
        if record.body is not None:
            run("INSERT INTO content VALUES (?, ?, ?)", (record.sequence, record.salt, body))
        for target in record.statement.refers:
            run("INSERT INTO reference VALUES (?, ?)", (target, record.sequence))
            if kind == ERASURE:
                run(
                    "DELETE FROM content WHERE sequence = (SELECT sequence FROM record WHERE hash = ?)",
                    (target,),
                )

    def _refresh(self) -> None:
        """Take records about keys that are new since the last time into the roster."""
        size = self.head.size
        self._roster, self._roster_size = self._roster_from(self._roster, self._roster_size, size), size

    def _roster_from(self, roster: Roster, start: int, end: int) -> Roster:
        """Return a roster with the records about keys from `start` to before `end`."""
        roster = roster.copy()
        kinds = ", ".join("?" for _ in KEY_KINDS)
        query = f"{_SELECT} WHERE kind IN ({kinds}) AND sequence >= ? AND sequence < ? ORDER BY sequence"
        with told(self.path):
            rows = self._connection.execute(query, [*KEY_KINDS, start, end]).fetchall()
        for row in rows:
            enter(self._record(row), roster)
        return roster

    def _record(self, row: tuple[bytes, str | None, bytes | None]) -> Record:
        line, salt, body = row
        header = read_record(line, str(self.path))
        if header.true_hash() != header.hash:
            where = f"record {header.sequence}"
            raise ChainError(
                Fault("E721", where, "was changed in the store: its hash is not that of its content.")
            )
        if salt is None or body is None:
            return header
        whole = msgspec.structs.replace(header, salt=str(salt), body=parse(body, str(self.path)))
        return read_record(whole.to_bytes(), str(self.path))

    def _value(self, query: str, value: object) -> str | None:
        with told(self.path):
            row = self._connection.execute(query, [value]).fetchone()
        return None if row is None else str(row[0])
