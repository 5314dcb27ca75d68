"""Deliveries: verdicts as pipelines reported them, drafts of policies, test plans.

What people signed (policies, exceptions, deputies' words) is on the ledger and nowhere else.
"""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models


class DeliveryVerdict(models.Model):
    """One verdict of a pipeline. The columns beside the content are for lists and sums."""

    service = models.CharField(max_length=80)
    commit = models.CharField(max_length=64)
    decision = models.CharField(max_length=12)
    #: The pipeline's clock, and the desk's.
    judged = models.DateTimeField()
    received = models.DateTimeField()
    policy_digest = models.CharField(max_length=64)
    num_block = models.PositiveIntegerField(default=0)
    num_warn = models.PositiveIntegerField(default=0)
    num_new = models.PositiveIntegerField(default=0)
    #: Burn from then on [risk-days per day].
    by_us = models.FloatField(default=0.0)
    without_fix = models.FloatField(default=0.0)
    sha256 = models.CharField(max_length=64, unique=True)
    #: verdict.json as it came, gzip.
    content = models.BinaryField()
    #: Whose token or upload brought it.
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT)

    class Meta:
        ordering: ClassVar = ["-judged", "-id"]
        indexes: ClassVar = [
            models.Index(fields=["service", "-judged"], name="verdict_by_service"),
            models.Index(fields=["decision", "-judged"], name="verdict_by_decision"),
        ]


class PolicyDraft(models.Model):
    """A policy that people are writing: unsigned, and of no effect."""

    text = models.TextField()
    #: Counts changes, so that nobody overwrites what somebody else wrote meanwhile.
    version = models.PositiveIntegerField(default=1)
    changed = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT)

    class Meta:
        ordering: ClassVar = ["-changed"]


class DeployLog(models.Model):
    """The deployments of a service, as its owners handed them in."""

    service = models.CharField(max_length=80, unique=True)
    #: The file's name, which the four keys name as their source.
    name = models.CharField(max_length=200)
    #: The CSV as it came, gzip.
    content = models.BinaryField()
    changed = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT)


class TestHistory(models.Model):
    """What a service's security tests found and took, and the plan within the minutes that are granted."""

    service = models.CharField(max_length=80, unique=True)
    minutes = models.FloatField()
    #: The history as it came, and the plan that follows from it, as JSON.
    content = models.BinaryField()
    plan = models.JSONField()
    changed = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT)
