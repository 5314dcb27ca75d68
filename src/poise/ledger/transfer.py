"""Carrying a whole ledger elsewhere: one file of one record a line, and back."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from poise.errors import ChainError, Fault, LedgerError, SignatureError
from poise.ledger.book import Book
from poise.ledger.record import read_record
from poise.ledger.store import Ledger
from poise.ledger.verify import Progress, Verification, lines_of, verify_file


def export_file(ledger: Book, path: Path) -> int:
    """Write a ledger to a new file and return the number of records.

    Parameters
    ----------
    ledger
        Whatever others add meanwhile is not in the file.
    path
        Appears in one step, when all of it is on disk.

    Raises
    ------
    LedgerError
        E704 when the file exists: an older export is evidence. E700 when it cannot be written.
    """
    if path.exists():
        hint = "Name another file; an older export is evidence."
        raise LedgerError(Fault("E704", str(path), "exists already and is not overwritten.", hint))
    size = 0
    try:
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".export-") as folder:
            draft = Path(folder, path.name)
            with draft.open("wb") as stream:
                for line in ledger.lines():
                    stream.write(line)
                    size += 1
                stream.flush()
                os.fsync(stream.fileno())
            draft.replace(path)
    except OSError as error:
        raise LedgerError(Fault("E700", str(path), f"cannot be written: {error.strerror}.")) from error
    return size


def import_file(source: Path, path: Path, progress: Progress | None = None) -> Verification:
    """Make a new ledger of an exported one, which must hold.

    Parameters
    ----------
    source
        The exported file.
    path
        Where the new ledger is made; all of it, or nothing.
    progress
        Is told bytes read and bytes in all.

    Raises
    ------
    LedgerError
        E704 when there is a ledger already, and as in :func:`~poise.ledger.verify.verify_file`.
    ChainError, SignatureError
        When the exported ledger does not hold.
    """
    if path.exists():
        raise LedgerError(Fault("E704", str(path), "is a ledger already; a ledger is never replaced."))
    found = verify_file(source, progress=progress)
    if found.broken is not None:
        kind = SignatureError if found.exit_code == SignatureError.exit_code else ChainError
        raise kind(found.broken.faults)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".import-") as folder:
            draft = Path(folder, path.name)
            with Ledger.open(draft) as ledger, source.open("rb") as stream:
                ledger.restore(read_record(line[:-1], str(source)) for line in lines_of(stream))
                if ledger.verify() != found:
                    raise ChainError(Fault("E722", str(source), "was changed while it was read."))
            # Closed, and with that in one file: nobody else has it open.
            draft.replace(path)
    except OSError as error:
        raise LedgerError(Fault("E700", str(path), f"cannot be written: {error.strerror}.")) from error
    return found
