"""The ledger on disk: an SQLite database that only ever grows.

Every record is one transaction, on disk before it is acknowledged (write-ahead log, ``synchronous=FULL``).
Whoever writes holds SQLite's write lock from reading the end of the chain until the commit, so two writers
cannot both follow the same record. Triggers refuse what no code of this room does: changing or deleting a
record. They stop accidents; what stops an administrator is the chain, its signatures, and checkpoints kept
elsewhere.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from poise.errors import Fault, LedgerError
from poise.ledger.book import Book, stored_parts, whole_record
from poise.ledger.chain import ERASURE, Head
from poise.ledger.database import connect, told, transaction
from poise.ledger.keyrecords import KEY_KINDS
from poise.ledger.record import Record

#: Bytes are asked for as such: SQLite keeps whatever type somebody else may have put there.
_SELECT: Final = """
SELECT CAST(line AS BLOB), salt, CAST(body AS BLOB) FROM record LEFT JOIN content USING (sequence)
"""


class Ledger(Book):
    """An open ledger. Not for use by several threads at once; each opens its own.

    Use :meth:`open`, and close it, or use it in a ``with`` statement.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        super().__init__(str(path))
        self._connection = connection
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

    def beside(self, record_hash: str) -> tuple[Record, ...]:
        """Return the records that refer to one: what was added to it later."""
        query = f"{_SELECT} JOIN reference USING (sequence) WHERE target = ? ORDER BY sequence"
        with told(self.path):
            return tuple(map(self._record, self._connection.execute(query, [record_hash])))

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

    def _insert(self, record: Record) -> None:
        run = self._connection.execute
        line, body, statement = stored_parts(record)
        kind, signed = record.statement.kind, bool(record.signatures)
        values = (record.sequence, record.hash, kind, statement, signed, line)
        run("INSERT INTO record VALUES (?, ?, ?, ?, ?, ?)", values)
        if body is not None:
            run("INSERT INTO content VALUES (?, ?, ?)", (record.sequence, record.salt, body))
        for target in record.statement.refers:
            run("INSERT INTO reference VALUES (?, ?)", (target, record.sequence))
            if kind == ERASURE:
                run(
                    "DELETE FROM content WHERE sequence = (SELECT sequence FROM record WHERE hash = ?)",
                    (target,),
                )

    def _key_records(self, start: int, end: int) -> list[Record]:
        kinds = ", ".join("?" for _ in KEY_KINDS)
        query = f"{_SELECT} WHERE kind IN ({kinds}) AND sequence >= ? AND sequence < ? ORDER BY sequence"
        with told(self.path):
            rows = self._connection.execute(query, [*KEY_KINDS, start, end]).fetchall()
        return [self._record(row) for row in rows]

    def _hashes_like(self, digits: str) -> list[str]:
        query = "SELECT hash FROM record WHERE substr(hash, 1, ?) = ? LIMIT 2"
        with told(self.path):
            rows = self._connection.execute(query, [len(digits), digits]).fetchall()
        return [str(row[0]) for row in rows]

    def _record(self, row: tuple[bytes, str | None, bytes | None]) -> Record:
        return whole_record(*row, str(self.path))

    def _value(self, query: str, value: object) -> str | None:
        with told(self.path):
            row = self._connection.execute(query, [value]).fetchone()
        return None if row is None else str(row[0])
