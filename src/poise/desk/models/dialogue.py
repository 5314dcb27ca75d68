"""What of the dialogue does not stand on the ledger: answers, letters, pages not signed by both yet."""

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


class Letter(models.Model):
    """A digest or a notice on its way to one side: written once, sent once, and seen by that side alone."""

    class State(models.TextChoices):
        """Where it stands."""

        WAITING = "waiting", "waiting"
        SENDING = "sending", "being sent"
        SENT = "sent", "sent"
        #: Every attempt failed.
        GIVEN_UP = "given up", "given up"
        #: Whoever sent it died meanwhile: it may have gone, so it is not sent again by itself.
        UNSURE = "unsure", "may have gone"

    party = models.CharField(max_length=16)
    #: What it is, once for each side and channel: ``digest 2026-01-12T07:00Z``, or ``notice`` and a record.
    key = models.CharField(max_length=80)
    #: Of ``channels.toml``.
    channel = models.CharField(max_length=64)
    subject = models.CharField(max_length=200)
    text = models.TextField()
    #: The meeting as a calendar file; empty without one.
    calendar = models.TextField(blank=True)
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    written = models.DateTimeField()
    next_attempt = models.DateTimeField(null=True)
    attempts = models.PositiveIntegerField(default=0)
    sent = models.DateTimeField(null=True)
    #: Why the last attempt failed.
    fault = models.TextField(blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint("party", "key", "channel", name="one_letter_a_side_key_and_channel")
        ]
        indexes: ClassVar = [models.Index(fields=["state", "next_attempt"], name="letter_by_state")]
