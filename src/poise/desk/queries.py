"""What pages and the API ask of a million findings: every question has its index."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.db import connection
from django.db.models import Count, Q, QuerySet, Sum

from poise.desk.actions.estate import MAP_JOB
from poise.desk.models import AssetRecord, Finding, Job, Report
from poise.desk.models.finding import SEVERITY_WORDS
from poise.report.figures import plural

#: Rows of one page.
PAGE: Final = 50
#: Counts stop here: beyond, the exact number costs more than it tells.
COUNTED: Final = 10_000


@dataclass(frozen=True, slots=True)
class Asked:
    """A question about findings.

    Parameters
    ----------
    text
        Beginning of a vulnerability's id or of an asset's name.
    severity
        0 to 5, as :data:`~poise.desk.models.finding.SEVERITY_WORDS` has them; None for any.
    group
        A patch group's id.
    groups
        Ids of several patch groups; None for any.
    report
        A report's number.
    after
        Where the page before ended: severity and number of its last row.
    """

    text: str = ""
    severity: int | None = None
    groups: tuple[str, ...] | None = None
    report: int | None = None
    after: tuple[int, int] | None = None


def begins(field: str, text: str) -> Q:
    """Return the condition that a column begins with a text, in the form that has an index."""
    if connection.vendor == "sqlite":
        return Q(**{f"{field}__gte": text, f"{field}__lt": text + "\U0010ffff"})
    return Q(**{f"{field}__startswith": text})


def live_reports() -> list[int]:
    """Return the numbers of the reports that count."""
    return list(Report.objects.filter(state=Report.State.READ).values_list("pk", flat=True))


def findings(asked: Asked) -> QuerySet[Finding]:
    """Return the findings that a question asks for, the most severe first."""
    reports = live_reports() if asked.report is None else [asked.report]
    rows = Finding.objects.filter(report__in=reports).select_related("record")
    if asked.severity is not None:
        rows = rows.filter(severity=asked.severity)
    if asked.groups is not None:
        rows = rows.filter(record__in=AssetRecord.objects.filter(group__in=asked.groups).values("pk"))
    text = asked.text.strip()
    if text:
        named = AssetRecord.objects.filter(begins("search", text.lower())).values("pk")
        ids = begins("vulnerability", text.upper())
        rows = rows.filter(ids if _is_id(text) else Q(record__in=named))
    if asked.after is not None:
        severity, number = asked.after
        rows = rows.filter(Q(severity__lt=severity) | Q(severity=severity, pk__gt=number))
    return rows.order_by("-severity", "pk")


def _is_id(text: str) -> bool:
    """Return whether a text is the beginning of a vulnerability's id rather than of a name."""
    head = text.upper()
    return head.startswith(
        ("CVE-", "GHSA-", "RHSA-", "DSA-", "USN-", "KB", "ALAS", "NESSUS:", "QUALYS:", "OPENVAS:")
    )


def page(asked: Asked) -> tuple[list[Finding], tuple[int, int] | None]:
    """Return one page of findings, and where the next begins; None at the end."""
    rows = list(findings(asked)[: PAGE + 1])
    if len(rows) <= PAGE:
        return rows, None
    last = rows[PAGE - 1]
    return rows[:PAGE], (last.severity, last.pk)


def total() -> int:
    """Return how many findings count."""
    return Report.objects.filter(state=Report.State.READ).aggregate(n=Sum("findings"))["n"] or 0


@dataclass(frozen=True, slots=True)
class Mapping:
    """How far the assets of all reports have found their patch groups: until then counts are not known.

    Parameters
    ----------
    num_read, num_unread
        Reports that count, and reports that wait to be read.
    num_waiting
        Asset records of read reports that nobody has looked at yet.
    num_mapped
        Asset records that were looked at, with a group or without.
    num_unmapped
        Distinct assets among those, without a group.
    job
        The last mapping, while it waits or runs, or when it failed; None when it is done.
    """

    num_read: int
    num_unread: int
    num_waiting: int
    num_mapped: int
    num_unmapped: int
    job: Job | None

    @property
    def is_done(self) -> bool:
        """Whether counts by patch group say how things are."""
        return not (self.num_unread or self.num_waiting or self.job or not self.num_read)

    @property
    def lack(self) -> str:
        """What stands in place of every count by patch group; empty once there is something to count."""
        if self.num_mapped:
            return ""
        if self.num_waiting:
            return "not mapped yet"
        if self.num_unread:
            return "not read yet"
        return "" if self.num_read else "no report yet"

    @property
    def under_way(self) -> str:
        """What counts wait for, as a sentence; empty when they wait for nothing."""
        said = []
        if self.num_unread:
            said.append(f"{plural(self.num_unread, 'report')} not read yet")
        if self.num_waiting:
            said.append(f"{plural(self.num_waiting, 'asset record')} not mapped yet")
        if self.job is not None:
            said.append(f"{self.job.title} ({self.job.get_state_display()})")
        return f"{'; '.join(said)}." if said else ""


def mapping() -> Mapping:
    """Return how far the assets of the reports that count are mapped."""
    live = live_reports()
    seen = AssetRecord.objects.filter(report__in=live).aggregate(
        waiting=Count("pk", filter=Q(asset="")),
        mapped=Count("pk", filter=~Q(asset="")),
        unmapped=Count("asset", filter=Q(group="") & ~Q(asset=""), distinct=True),
    )
    job = Job.objects.filter(kind=MAP_JOB).order_by("-id").first()
    return Mapping(
        num_read=len(live),
        num_unread=Report.objects.filter(state=Report.State.WAITING).count(),
        num_waiting=seen["waiting"],
        num_mapped=seen["mapped"],
        num_unmapped=seen["unmapped"],
        job=None if job is None or job.state == Job.State.DONE else job,
    )


def unmapped() -> QuerySet[AssetRecord]:
    """Return the asset records that were mapped to no patch group, those with the most findings first."""
    rows = AssetRecord.objects.filter(report__in=live_reports(), group="").exclude(asset="")
    return rows.select_related("report").order_by("-critical", "-high", "-findings", "label")


def by_group() -> dict[str, dict[str, int]]:
    """Return, for each patch group, how many assets and findings its records have."""
    rows = (
        AssetRecord.objects.filter(report__in=live_reports())
        .exclude(group="")
        .values("group")
        .annotate(
            assets=Count("asset", distinct=True),
            num=Sum("findings"),
            num_critical=Sum("critical"),
            num_high=Sum("high"),
        )
    )
    return {str(row["group"]): {name: row[name] or 0 for name in _COUNTS} for row in rows}


_COUNTS: Final = ("assets", "num", "num_critical", "num_high")


def severities() -> list[tuple[int, str]]:
    """Return the severities to choose from, the worst first."""
    return list(SEVERITY_WORDS.items())
