"""The ledger's rows: appended only, with the rules of :mod:`poise.ledger.chain`."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models

from poise.errors import ChainError, Fault


class AppendedQuerySet(models.QuerySet[Any]):
    """Rows that stay: no code of the desk changes or deletes one."""

    def update(self, **kwargs: Any) -> int:
        """Refuse."""
        raise _stays()

    def delete(self) -> tuple[int, dict[str, int]]:
        """Refuse."""
        raise _stays()


class Appended(models.Model):
    """A row that is written once."""

    objects = AppendedQuerySet.as_manager()

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Insert; a second time is refused."""
        if not self._state.adding:
            raise _stays()
        super().save(*args, **{**kwargs, "force_insert": True})

    def delete(self, *_: Any, **__: Any) -> tuple[int, dict[str, int]]:
        """Refuse."""
        raise _stays()


class LedgerHead(models.Model):
    """The one row that writers lock, so that no two follow the same record."""

    id = models.PositiveSmallIntegerField(primary_key=True)
    size = models.BigIntegerField(default=0)


class LedgerRecord(Appended):
    """A record at its place; the columns beside the line are for searching."""

    sequence = models.BigIntegerField(primary_key=True)
    hash = models.CharField(max_length=64, unique=True)
    previous = models.CharField(max_length=64, unique=True)
    kind = models.CharField(max_length=64)
    author = models.CharField(max_length=64)
    time = models.DateTimeField(db_index=True)
    statement = models.CharField(max_length=64, db_index=True)
    is_signed = models.BooleanField()
    #: The record without its body, as canonical JSON.
    line = models.BinaryField()

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["kind", "sequence"], name="ledger_by_kind"),
            models.Index(fields=["author", "sequence"], name="ledger_by_author"),
        ]


class LedgerContent(models.Model):
    """A record's body: apart, because an erasure, signed by both parties, takes it away."""

    record = models.OneToOneField(
        LedgerRecord, on_delete=models.PROTECT, primary_key=True, related_name="content"
    )
    salt = models.CharField(max_length=64)
    body = models.BinaryField()


class LedgerReference(Appended):
    """That one record adds to another."""

    target = models.CharField(max_length=64)
    record = models.ForeignKey(LedgerRecord, on_delete=models.PROTECT, related_name="references")

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint("target", "record", name="one_reference")]


def _stays() -> ChainError:
    return ChainError(Fault("E722", "ledger", "A record stays as it was written.", "Add one beside it."))
