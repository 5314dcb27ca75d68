"""What reports say: assets as each report names them, and the findings on them; a million stay usable."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from poise.desk.models.estate import Report

#: Severities as they are sorted; a report that states none is not harmless, it is unknown.
SEVERITIES = {"critical": 5, "high": 4, "medium": 3, "low": 2, "info": 1, None: 0}
SEVERITY_WORDS = {5: "critical", 4: "high", 3: "medium", 2: "low", 1: "info", 0: "unknown"}


class AssetRecord(models.Model):
    """One asset under the names that one report gives it."""

    report = models.ForeignKey(Report, on_delete=models.CASCADE, related_name="records")
    label = models.CharField(max_length=200)
    #: The label in lower case, for searching by its beginning.
    search = models.CharField(max_length=200)
    #: All names, as :class:`poise.scans.AssetIdentity` has them.
    identity = models.JSONField()
    #: Of the estate's mapping: the asset that the record is of, its patch group, and why. Empty until mapped.
    asset = models.CharField(max_length=200, blank=True, db_index=True)
    group = models.CharField(max_length=200, blank=True, db_index=True)
    why = models.CharField(max_length=300, blank=True)
    findings = models.PositiveIntegerField(default=0)
    critical = models.PositiveIntegerField(default=0)
    high = models.PositiveIntegerField(default=0)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["search"], name="asset_by_name", opclasses=["varchar_pattern_ops"])
        ]


class Finding(models.Model):
    """One finding of one report, as the scanner states it."""

    report = models.ForeignKey(Report, on_delete=models.CASCADE, related_name="+", db_index=False)
    record = models.ForeignKey(AssetRecord, on_delete=models.CASCADE, related_name="+", db_index=False)
    #: CVE where there is one, else advisory, else the scanner's own rule.
    vulnerability = models.CharField(max_length=120)
    title = models.CharField(max_length=200)
    component = models.CharField(max_length=120, blank=True)
    installed = models.CharField(max_length=80, blank=True)
    fixed = models.CharField(max_length=80, blank=True)
    severity = models.PositiveSmallIntegerField()
    kind = models.CharField(max_length=16)
    status = models.CharField(max_length=16)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["-severity", "id"], name="finding_by_severity"),
            models.Index(fields=["record", "-severity", "id"], name="finding_by_asset"),
            models.Index(fields=["report", "-severity", "id"], name="finding_by_report"),
            models.Index(fields=["vulnerability"], name="finding_by_id", opclasses=["varchar_pattern_ops"]),
        ]

    @property
    def severity_word(self) -> str:
        """The severity as people say it."""
        return SEVERITY_WORDS[self.severity]
