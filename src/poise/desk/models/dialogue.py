"""What of the dialogue does not stand on the ledger: answers, and pages not signed by both yet."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class SealedAnswers(models.Model):
    """A side's answers of a quarter, sealed on the ledger by a digest; shown when both are here."""

    party = models.CharField(max_length=16)
    what = models.CharField(max_length=8)
    quarter = models.CharField(max_length=8)
    #: As :class:`poise.dialogue.sealing.Kept` writes it.
    content = models.TextField()
    made = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint("what", "quarter", "party", name="one_answer_a_side_and_quarter")
        ]


class JointPage(models.Model):
    """A page that goes up once a person of each side has signed it."""

    disagreement = models.CharField(max_length=64, unique=True)
    #: The draft with the signatures so far, as :mod:`poise.ledger.record` writes it.
    draft = models.BinaryField()
    made = models.DateTimeField()
    #: The sides that have signed, joined by a space.
    signed = models.CharField(max_length=32, blank=True)
