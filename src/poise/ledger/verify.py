"""Verifying a ledger offline and in one pass, from its lines and from checkpoints alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from poise.errors import ChainError, Fault, LedgerError, PoiseError
from poise.ledger.canonical import digest
from poise.ledger.chain import ERASURE, Head, admit, check_link
from poise.ledger.checkpoint import (
    MAX_FILE_BYTES,
    Checkpoint,
    check_checkpoint,
    cut_off,
    read_checkpoint,
)
from poise.ledger.record import MAX_RECORD_BYTES, Record, read_record
from poise.ledger.roster import Roster, contested

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True)
class Break:
    """Where a chain first fails, and why.

    Parameters
    ----------
    sequence
        Place of the first broken record, from 0; the number of records where what should follow is missing.
    faults
        What is wrong with it.
    exit_code
        1, or 4 when it is a signature.
    """

    sequence: int
    faults: tuple[Fault, ...]
    exit_code: int


@dataclass(frozen=True, slots=True)
class Verification:
    """What verifying found.

    Parameters
    ----------
    size, head, time
        Records that hold, hash and time of the last of them.
    signed
        How many of them are signed.
    erased
        Places of those whose body was erased by a signed record.
    unerased
        Places of those that should have been erased, but whose body is still there.
    contested
        Places of those signed by a key that was later revoked from before they were written.
    checkpoints
        How many checkpoints hold.
    broken
        The first broken record; None when all is well.
    """

    size: int
    head: str
    time: datetime | None
    signed: int
    erased: tuple[int, ...]
    unerased: tuple[int, ...]
    contested: tuple[int, ...]
    checkpoints: int
    broken: Break | None

    @property
    def exit_code(self) -> int:
        """0 when all is well, 1 for a broken chain, 4 for a signature."""
        return self.broken.exit_code if self.broken else 0

    def as_dict(self) -> dict[str, Any]:
        """Return it as the JSON object that ``--json`` prints."""
        values = asdict(self)
        values["time"] = self.time.isoformat() if self.time else None
        if self.broken:
            values["broken"] = {
                "sequence": self.broken.sequence,
                "faults": [fault.as_dict() for fault in self.broken.faults],
            }
        return {"holds": self.broken is None, **values}


@dataclass(slots=True)
class Verifier:
    """Takes the records of a chain one by one and remembers what later ones are judged by."""

    head: Head = field(default_factory=Head)
    roster: Roster = field(default_factory=Roster)
    _hashes: list[str] = field(default_factory=list)
    _kinds: dict[str, str] = field(default_factory=dict)
    _statements: set[str] = field(default_factory=set)
    _places: dict[str, int] = field(default_factory=dict)
    _bare: dict[str, int] = field(default_factory=dict)
    _erased: dict[str, int] = field(default_factory=dict)
    _signed: list[tuple[int, datetime, tuple[str, ...]]] = field(default_factory=list)

    def hash_at(self, sequence: int) -> str | None:
        """Return the hash of a record; None when there is none at this place."""
        return self._hashes[sequence] if 0 <= sequence < len(self._hashes) else None

    def kind_of(self, record_hash: str) -> str | None:
        """Return the kind of the record with this hash; None when there is none."""
        return self._kinds.get(record_hash)

    def is_placed(self, statement_digest: str) -> bool:
        """Return whether a signed statement with this digest has a place already."""
        return statement_digest in self._statements

    def take(self, record: Record) -> None:
        """Take the next record.

        Raises
        ------
        LedgerError, ChainError, SignatureError
            As in :mod:`poise.ledger.chain`.
        """
        check_link(record, self.head)
        admit(record, self, self.roster)
        self.head = Head(record.sequence + 1, record.hash, record.time)
        self._hashes.append(record.hash)
        self._kinds[record.hash] = record.statement.kind
        self._places[record.hash] = record.sequence
        if record.body is None:
            self._bare[record.hash] = record.sequence
        if record.statement.kind == ERASURE:
            self._erased.update((one, self._places[one]) for one in record.statement.refers)
        if record.signatures:
            self._statements.add(digest(record.statement.to_bytes()))
            if record.statement.kind != "key.revoke":
                keys = tuple(one.keyid for one in record.signatures)
                self._signed.append((record.sequence, record.time, keys))

    def place_of(self, record_hash: str) -> int | None:
        """Return the place of the record with this hash; None when there is none."""
        return self._places.get(record_hash)

    def unexplained(self) -> set[int]:
        """Return the places of records whose body is missing though nothing erased it."""
        return {place for one, place in self._bare.items() if one not in self._erased}

    def result(self, checkpoints: int, broken: Break | None) -> Verification:
        """Return what was found."""
        erased = {place for one, place in self._erased.items() if one in self._bare}
        return Verification(
            self.head.size,
            self.head.hash,
            self.head.time,
            len(self._statements),
            tuple(sorted(erased)),
            tuple(sorted(set(self._erased.values()) - erased)),
            contested(self._signed, self.roster.keys),
            checkpoints,
            broken,
        )


def verify_file(
    path: Path,
    checkpoints: Sequence[Path] = (),
    trusted: Sequence[str] = (),
    progress: Progress | None = None,
) -> Verification:
    """Verify an exported ledger.

    Parameters
    ----------
    path
        A file of one record a line, as ``poise ledger export`` writes it.
    checkpoints
        Files that somebody kept outside.
    trusted
        Key ids of which one must have signed each checkpoint; without any, a key of the ledger itself.
    progress
        Is told bytes read and bytes in all.

    Raises
    ------
    LedgerError
        E700 when a file cannot be read, E702 or E703 when a checkpoint is none, E716 when the ledger is
        empty. What is wrong with the ledger itself is no error but the result.
    """
    kept = [read_checkpoint(read_small(one, MAX_FILE_BYTES), str(one)) for one in checkpoints]
    try:
        with path.open("rb") as stream:
            size_bytes = path.stat().st_size
            if size_bytes == 0 and not kept:
                raise LedgerError(Fault("E716", str(path), "is empty; expected one record a line."))
            return verify_lines(_told(lines_of(stream), size_bytes, progress), path.name, kept, trusted)
    except OSError as error:
        raise LedgerError(Fault("E700", str(path), f"cannot be read: {error.strerror}.")) from error


def read_small(path: Path, limit_bytes: int) -> bytes:
    """Return the content of a file.

    Raises
    ------
    LedgerError
        E700 when it cannot be read or is larger than the limit.
    """
    try:
        with path.open("rb") as stream:
            content = stream.read(limit_bytes + 1)
    except OSError as error:
        raise LedgerError(Fault("E700", str(path), f"cannot be read: {error.strerror}.")) from error
    if len(content) > limit_bytes:
        raise LedgerError(Fault("E700", str(path), f"is larger than {limit_bytes:,} bytes."))
    return content


def lines_of(stream: BinaryIO) -> Iterator[bytes]:
    """Yield lines with their line ends, the last of them perhaps cut; none is longer than a record may be."""
    while line := stream.readline(MAX_RECORD_BYTES + 2):
        yield line


def verify_lines(
    lines: Iterable[bytes], source: str, checkpoints: Sequence[Checkpoint] = (), trusted: Sequence[str] = ()
) -> Verification:
    """Verify the lines of a ledger.

    Parameters
    ----------
    lines
        Each with its line end.
    source
        What faults name as their file.
    checkpoints, trusted
        As in :func:`verify_file`, already read.
    """
    verifier, held = Verifier(), 0
    waiting = sorted(checkpoints, key=lambda one: one.claim.size)
    numbered = enumerate(lines, 1)
    broken = None
    try:
        for number, line in numbered:
            verifier.take(_record(line, f"{source}:{number}"))
            while waiting and waiting[0].claim.size == verifier.head.size:
                check_checkpoint(waiting[0], verifier.head, verifier.roster, trusted)
                held += 1
                del waiting[0]
        if waiting:
            raise cut_off(waiting[0], verifier.head.size)
    except PoiseError as error:
        code = ChainError.exit_code if isinstance(error, LedgerError) else error.exit_code
        place = verifier.head.size - (error.faults[0].id in _OF_THE_LAST)
        broken = Break(place, error.faults, code)
    return verifier.result(held, _with_missing_bodies(verifier, broken, (line for _, line in numbered)))


#: Faults of a checkpoint, which are told when the record that it is about holds by itself.
_OF_THE_LAST = ("E726", "E746")


def _record(line: bytes, where: str) -> Record:
    if not line.endswith(b"\n"):
        hint = "The file was cut, or the record is larger than a record may be."
        raise LedgerError(Fault("E720", where, "is not a record as it was written: no line end.", hint))
    return read_record(line[:-1], where)


def _with_missing_bodies(verifier: Verifier, broken: Break | None, rest: Iterable[bytes]) -> Break | None:
    """Return the break with the first record whose body is missing though no record erases it.

    What follows a break is not verified, but it is looked through for erasures: a lawfully erased record
    is not to be blamed for a break further down.
    """
    places = verifier.unexplained()
    if places and broken is not None:
        places -= {verifier.place_of(one) for line in rest for one in _erased_by(line)}
    if not places:
        return broken
    hint = "A body goes only with a record of kind erasure that names it and that both parties signed."
    fault = Fault("E724", f"record {min(places)}", "its body was taken out, and no record says why.", hint)
    if broken is None:
        return Break(min(places), (fault,), ChainError.exit_code)
    return replace(broken, faults=(*broken.faults, fault))


def _erased_by(line: bytes) -> tuple[str, ...]:
    try:
        statement = read_record(line.removesuffix(b"\n"), "").statement
    except LedgerError:
        return ()
    return statement.refers if statement.kind == ERASURE else ()


def _told(lines: Iterable[bytes], size_bytes: int, progress: Progress | None) -> Iterator[bytes]:
    done = 0
    for line in lines:
        done += len(line)
        if progress is not None:
            progress(done, size_bytes, "verifying")
        yield line
