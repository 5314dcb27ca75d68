"""What of the table is not on the ledger yet: positions before they open, agreements before both sign."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models


class OpeningPosition(models.Model):
    """A side's opening position at one table: nobody else's to see until both sides have sealed theirs."""

    #: Digest of the ground that the table stands on.
    ground = models.CharField(max_length=64)
    party = models.CharField(max_length=16)
    #: Limits as :class:`poise.table.limits.Limit` writes them, while the side still prepares.
    limits = models.JSONField(default=list)
    #: How much each service matters to the side, by id; 1 where it is not named.
    importance = models.JSONField(default=dict)
    #: What opens the seal; empty while the side still prepares.
    kept = models.BinaryField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint("ground", "party", name="one_opening_position_a_side")
        ]

    @property
    def is_sealed(self) -> bool:
        """Whether the side can change nothing any more."""
        return self.kept is not None


class AgreementDraft(models.Model):
    """An agreement on its way: composed, perhaps signed by one side."""

    ground = models.CharField(max_length=64)
    proposal = models.PositiveIntegerField()
    #: The draft with the signatures so far, as :mod:`poise.ledger.record` writes it.
    content = models.BinaryField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT)
    made = models.DateTimeField()
    #: The sides that have signed, joined by a space.
    signed = models.CharField(max_length=32, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint("ground", "proposal", name="one_agreement_draft_a_proposal")
        ]

    @property
    def signed_parties(self) -> tuple[str, ...]:
        """The sides that have signed."""
        return tuple(self.signed.split())
