"""The SQLite file under a ledger: its tables, and what the library says turned into faults."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from poise.errors import Fault, LedgerError
from poise.ledger.record import MAX_RECORD_BYTES

#: How long [seconds] a writer waits for another.
BUSY_SECONDS: Final = 30.0

#: Largest value [bytes] that SQLite may hand over, whatever somebody put into the file.
MAX_VALUE_BYTES: Final = 2 * MAX_RECORD_BYTES

#: Marks the file as a ledger of Poise ("POIL"), whatever it is called.
APPLICATION_ID: Final = 0x504F494C
VERSION: Final = 1

_SCHEMA: Final = """
CREATE TABLE record (
    sequence INTEGER PRIMARY KEY,
    hash TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    statement TEXT NOT NULL,
    signed INTEGER NOT NULL,
    line BLOB NOT NULL
);
CREATE INDEX record_kind ON record (kind, sequence);
CREATE INDEX record_statement ON record (statement);
CREATE TABLE content (
    sequence INTEGER PRIMARY KEY REFERENCES record,
    salt TEXT NOT NULL,
    body BLOB NOT NULL
);
CREATE TABLE reference (
    target TEXT NOT NULL,
    sequence INTEGER NOT NULL REFERENCES record,
    PRIMARY KEY (target, sequence)
) WITHOUT ROWID;
CREATE TRIGGER record_follows BEFORE INSERT ON record
    WHEN NEW.sequence IS NOT (SELECT COALESCE(MAX(sequence) + 1, 0) FROM record)
    BEGIN SELECT RAISE(ABORT, 'a record follows the last one'); END;
CREATE TRIGGER record_stays BEFORE UPDATE ON record BEGIN SELECT RAISE(ABORT, 'a record stays'); END;
CREATE TRIGGER record_kept BEFORE DELETE ON record BEGIN SELECT RAISE(ABORT, 'a record stays'); END;
CREATE TRIGGER reference_stays BEFORE UPDATE ON reference BEGIN SELECT RAISE(ABORT, 'a record stays'); END;
CREATE TRIGGER reference_kept BEFORE DELETE ON reference BEGIN SELECT RAISE(ABORT, 'a record stays'); END;
CREATE TRIGGER content_stays BEFORE UPDATE ON content BEGIN SELECT RAISE(ABORT, 'a body stays'); END;
CREATE TRIGGER content_kept BEFORE DELETE ON content
    WHEN NOT EXISTS (
        SELECT 1 FROM record AS target
        JOIN reference ON reference.target = target.hash
        JOIN record AS eraser ON eraser.sequence = reference.sequence AND eraser.kind = 'erasure'
        WHERE target.sequence = OLD.sequence
    )
    BEGIN SELECT RAISE(ABORT, 'a body goes with an erasure only'); END;
"""


def connect(path: Path) -> sqlite3.Connection:
    """Open the database of a ledger, and make its tables when there are none.

    Raises
    ------
    LedgerError
        E700 when it cannot be opened, E708 when the file is no ledger of this version.
    """
    with told(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            return _opened(str(path), path)
        except sqlite3.OperationalError as error:
            if _code(error) != sqlite3.SQLITE_READONLY or _has_write_ahead_log(path):
                raise
            # Where nothing can be written, as in a backup, nobody writes while it is read.
            return _opened(f"{path.resolve().as_uri()}?mode=ro&immutable=1", path, uri=True)


def _opened(name: str, path: Path, *, uri: bool = False) -> sqlite3.Connection:
    connection = sqlite3.connect(name, timeout=BUSY_SECONDS, isolation_level=None, uri=uri)
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_VALUE_BYTES)
    try:
        _prepare(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _has_write_ahead_log(path: Path) -> bool:
    """Return whether records may stand beside the file, which reading it alone would miss."""
    log = path.with_name(f"{path.name}-wal")
    return log.exists() and log.stat().st_size > 0


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    run = connection.execute
    if _is_empty(connection):
        _use_write_ahead_log(connection)
        with transaction(connection):
            # Another process may have made the tables while this one waited for the lock.
            if _is_empty(connection):
                for statement in _statements(_SCHEMA):
                    run(statement)
                run(f"PRAGMA application_id = {APPLICATION_ID}")
                run(f"PRAGMA user_version = {VERSION}")
    marks = run("PRAGMA application_id").fetchone()[0], run("PRAGMA user_version").fetchone()[0]
    if marks != (APPLICATION_ID, VERSION):
        raise LedgerError(Fault("E708", str(path), "is no ledger, or one of another version of Poise."))
    for pragma in ("synchronous = FULL", "foreign_keys = ON", "secure_delete = ON", "trusted_schema = OFF"):
        run(f"PRAGMA {pragma}")


def _is_empty(connection: sqlite3.Connection) -> bool:
    return connection.execute("SELECT 1 FROM sqlite_master").fetchone() is None


def _use_write_ahead_log(connection: sqlite3.Connection) -> None:
    """Switch the journal; SQLite does not wait for others here as it does everywhere else."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if not _is_busy(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Hold the write lock; commit at the end, or leave everything as it was."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _statements(script: str) -> Iterator[str]:
    """Yield the statements of a script; ``executescript`` would commit the transaction it stands in."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Turn what SQLite and the system say about a store into faults."""
    try:
        yield
    except sqlite3.Error as error:
        code = _code(error)
        if _is_busy(error):
            fault = Fault(
                "E709", str(path), f"others have been writing for {BUSY_SECONDS:.0f} s.", "Try again."
            )
        elif code in _UNWRITABLE:
            mend = "Whoever adds to it needs the right to write there."
            hint = mend if code == sqlite3.SQLITE_READONLY else "Make room for it."
            fault = Fault("E710", str(path), f"cannot be written: {error}.", f"Nothing was added. {hint}")
        elif code == sqlite3.SQLITE_CANTOPEN:
            fault = Fault("E700", str(path), f"cannot be opened: {error}.")
        else:
            hint = "Import the last export into a new ledger, and hold it against a checkpoint."
            fault = Fault("E708", str(path), f"is no ledger, or is damaged: {error}.", hint)
        raise LedgerError(fault) from error
    except OSError as error:
        raise LedgerError(Fault("E700", str(path), f"cannot be opened: {error.strerror}.")) from error


_UNWRITABLE: Final = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY)


def _is_busy(error: sqlite3.Error) -> bool:
    return _code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _code(error: sqlite3.Error) -> int:
    """Return the primary code of an error; the upper bytes hold its variants."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF
