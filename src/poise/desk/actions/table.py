"""Opening the table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from poise.desk import convert, jobs
from poise.desk.actions.base import Actor, action
from poise.desk.models import Job, Report
from poise.desk.permissions import PERMISSION_BY_KEY
from poise.errors import ConflictError, Fault, TableError

OPEN_JOB: Final = "table.open"
#: Reports that a table rests on: read ones, and those that wait to be.
_COUNTING: Final = (Report.State.WAITING, Report.State.READ)


@dataclass(frozen=True, slots=True)
class Lacking:
    """What stands between a desk and its first table.

    Parameters
    ----------
    estate, report
        Whether a description of the estate, and any report that counts or is to be read, is missing.
    jobs
        Openings that wait or run, and the last one if it failed.
    who
        The roles that may open a table.
    """

    estate: bool
    report: bool
    jobs: tuple[Job, ...]
    who: tuple[str, ...]

    @property
    def is_under_way(self) -> bool:
        """Whether a table is being opened already."""
        return any(not job.is_over for job in self.jobs)


def lacking() -> Lacking:
    """Return what a table needs and this desk does not have."""
    last = Job.objects.filter(kind=OPEN_JOB).order_by("-id").first()
    return Lacking(
        estate=convert.latest_estate() is None,
        report=not Report.objects.filter(state__in=_COUNTING).exists(),
        jobs=() if last is None or last.state == Job.State.DONE else (last,),
        who=tuple(role.label for role in PERMISSION_BY_KEY["table.open"].roles),
    )


@action("table.open")
def open_table(by: Actor, *, points: int = 15, horizon_days: float = 182.0) -> Job:
    """Start the computation that a new table stands on: today's estate, reports and evidence.

    Raises
    ------
    ConflictError
        E871 when one is being opened already.
    EstateError
        E100 without an estate.
    TableError
        E555 without a report to read or read.
    """
    convert.estate_of(convert.latest_estate())
    reports = list(Report.objects.filter(state__in=_COUNTING).order_by("id").values_list("id", flat=True))
    if not reports:
        raise TableError(Fault("E555", "table", "No report is here yet.", "Upload one under Findings."))
    if Job.objects.filter(kind=OPEN_JOB, state__in=["waiting", "running"]).exists():
        raise ConflictError(Fault("E871", "table", "A table is being opened already; see Work."))
    return jobs.start(
        by, OPEN_JOB, "Opening the table", reports=reports, points=points, horizon_days=horizon_days
    )
