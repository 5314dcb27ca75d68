"""The estate's descriptions and the reports that were uploaded: files of the workspace, by their content."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models


class EstateVersion(models.Model):
    """One description of the estate: the last one counts, earlier ones stay for what rests on them."""

    #: Folder of its files under the workspace.
    folder = models.CharField(max_length=120)
    #: The file in it to read: estate.yaml, or "." for a folder of tables.
    entry = models.CharField(max_length=200)
    company = models.CharField(max_length=200)
    timezone = models.CharField(max_length=64)
    currency = models.CharField(max_length=8)
    services = models.PositiveIntegerField()
    groups = models.PositiveIntegerField()
    #: What follows from it, as :mod:`poise.estate.overview` tells; empty until the worker has looked.
    overview = models.JSONField(default=dict)
    adopted = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT)

    class Meta:
        get_latest_by: ClassVar = "id"


class Report(models.Model):
    """One uploaded file of a scanner, as it came."""

    class State(models.TextChoices):
        """Where a report stands."""

        WAITING = "waiting", "waiting to be read"
        READ = "read", "read"
        REFUSED = "refused", "refused"
        REPLACED = "replaced", "counts no more"

    name = models.CharField(max_length=255)
    sha256 = models.CharField(max_length=64)
    size_bytes = models.BigIntegerField()
    #: Under the workspace.
    path = models.CharField(max_length=255)
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    formats = models.CharField(max_length=200, blank=True)
    findings = models.PositiveIntegerField(default=0)
    assets = models.PositiveIntegerField(default=0)
    #: Faulty records: at most a hundred are kept in words, all are counted.
    num_faults = models.PositiveIntegerField(default=0)
    faults = models.JSONField(default=list)
    uploaded = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT)
    job = models.ForeignKey("desk.Job", null=True, on_delete=models.SET_NULL)

    class Meta:
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [models.Index(fields=["state", "id"], name="report_by_state")]
