"""The ledger in the desk's database: the same chain, inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache

from django.db import transaction
from django.db.models import F, QuerySet

from poise.desk.models.ledger import LedgerContent, LedgerHead, LedgerRecord, LedgerReference
from poise.errors import Fault, LedgerError
from poise.ledger.book import Book, stored_parts, whole_record
from poise.ledger.chain import ERASURE, Head
from poise.ledger.checkpoint import Checkpoint
from poise.ledger.keyrecords import KEY_KINDS
from poise.ledger.record import Record
from poise.ledger.verify import Break, Progress, Verification


class DeskLedger(Book):
    """The desk's ledger, read and written like one in a file. One for each request or job.

    Whoever writes locks one row (PostgreSQL) or the database (SQLite, whose transactions begin immediate),
    from reading the end of the chain to the commit of whatever transaction it stands in; a unique index on
    the hash of the record before keeps the chain from forking even then.
    """

    def __init__(self) -> None:
        super().__init__("ledger")

    @property
    def head(self) -> Head:
        """The end of the chain."""
        last = self._rows().order_by("-sequence").first()
        return Head() if last is None else Head(last.sequence + 1, last.hash, last.time)

    def records(self, start: int = 0, kind: str | None = None) -> Iterator[Record]:
        """Yield the records from a place on, in order; negative counts from the end."""
        first = max(self.head.size + start, 0) if start < 0 else start
        rows = self._rows().filter(sequence__gte=first)
        if kind is not None:
            rows = rows.filter(kind=kind)
        for row in rows.order_by("sequence").iterator(chunk_size=500):
            yield _record(row)

    def records_of(self, kinds: tuple[str, ...], start: int = 0) -> Iterator[Record]:
        """Yield the records of some kinds from a place on, in order."""
        rows = self._rows().filter(kind__in=kinds, sequence__gte=start)
        for row in rows.order_by("sequence").iterator(chunk_size=500):
            yield _record(row)

    def between(self, start: int, end: int) -> list[Record]:
        """Return the records from a place to before another, in order."""
        rows = self._rows().filter(sequence__gte=start, sequence__lt=end)
        return [_record(row) for row in rows.order_by("sequence")]

    def record(self, reference: int | str) -> Record:
        """Return one record, by its place or by its hash; E713 when there is none."""
        by_place = isinstance(reference, int)
        row = self._rows().filter(**{"sequence" if by_place else "hash": reference}).first()
        if row is None:
            raise LedgerError(Fault("E713", self.name, f"has no record {reference}."))
        return _record(row)

    def of_rows(self, rows: QuerySet[LedgerRecord]) -> list[Record]:
        """Return the records of some rows, in their order."""
        return [_record(row) for row in rows.select_related("content")]

    def beside(self, record_hash: str) -> tuple[Record, ...]:
        """Return the records that refer to one: what was added to it later."""
        rows = self._rows().filter(references__target=record_hash).order_by("sequence")
        return tuple(map(_record, rows))

    def hash_at(self, sequence: int) -> str | None:
        """Return the hash of a record; None when there is none at this place."""
        return _rows_of().filter(sequence=sequence).values_list("hash", flat=True).first()

    def kind_of(self, record_hash: str) -> str | None:
        """Return the kind of the record with this hash; None when there is none."""
        return _rows_of().filter(hash=record_hash).values_list("kind", flat=True).first()

    def is_placed(self, statement_digest: str) -> bool:
        """Return whether a signed statement with this digest has a place already."""
        return _rows_of().filter(statement=statement_digest, is_signed=True).exists()

    def _hashes_like(self, digits: str) -> list[str]:
        return list(_rows_of().filter(hash__startswith=digits).values_list("hash", flat=True)[:2])

    def _key_records(self, start: int, end: int) -> list[Record]:
        rows = self._rows().filter(kind__in=KEY_KINDS, sequence__gte=start, sequence__lt=end)
        return [_record(row) for row in rows.order_by("sequence")]

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with transaction.atomic():
            LedgerHead.objects.select_for_update().get(id=1)
            yield

    def _insert(self, record: Record) -> None:
        line, body, statement = stored_parts(record)
        row = LedgerRecord.objects.create(
            sequence=record.sequence,
            hash=record.hash,
            previous=record.previous,
            kind=record.statement.kind,
            author=record.statement.author,
            time=record.time,
            statement=statement,
            is_signed=bool(record.signatures),
            line=line,
        )
        if body is not None:
            LedgerContent.objects.create(record=row, salt=record.salt or "", body=body)
        for target in record.statement.refers:
            LedgerReference.objects.create(target=target, record=row)
            if record.statement.kind == ERASURE:
                LedgerContent.objects.filter(record__hash=target).delete()
        LedgerHead.objects.filter(id=1).update(size=F("size") + 1)

    def verify(
        self,
        checkpoints: Sequence[Checkpoint] = (),
        trusted: Sequence[str] = (),
        progress: Progress | None = None,
    ) -> Verification:
        """Verify the chain as a book does, and that pages list of each record what it says itself."""
        found = super().verify(checkpoints, trusted, progress)
        return found if found.broken else replace(found, broken=self._listed_otherwise())

    def _listed_otherwise(self) -> Break | None:
        """Return the first record whose columns or references say other than its line."""
        rows = self._rows().prefetch_related("references").order_by("sequence")
        for row in rows.iterator(chunk_size=500):
            record = _record(row)
            said = record.statement
            kept = (row.hash, row.kind, row.author, row.time, row.is_signed)
            own = (record.hash, said.kind, said.author, record.time, bool(record.signatures))
            if kept != own or sorted(one.target for one in row.references.all()) != sorted(said.refers):
                text = "It is listed as other than what it says: columns beside it were changed."
                return Break(row.sequence, (Fault("E721", f"record {row.sequence}", text),), 1)
        return None

    def _rows(self) -> QuerySet[LedgerRecord]:
        return _rows_of().select_related("content")


def _rows_of() -> QuerySet[LedgerRecord]:
    rows: QuerySet[LedgerRecord] = LedgerRecord.objects.all()
    return rows


@lru_cache(maxsize=4_096)
def _whole(line: bytes, salt: str | None, body: bytes | None) -> Record:
    """Return a record of its stored parts. It follows from them alone, so what was read is kept."""
    return whole_record(line, salt, body, "ledger")


def _record(row: LedgerRecord) -> Record:
    # A related row that is not there is an attribute that is not there.
    content: LedgerContent | None = getattr(row, "content", None)
    salt, body = (content.salt, bytes(content.body)) if content else (None, None)
    return _whole(bytes(row.line), salt, body)
