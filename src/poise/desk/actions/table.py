"""Opening the table."""

from __future__ import annotations

from poise.desk import convert, jobs
from poise.desk.actions.base import Actor, action
from poise.desk.models import Job, Report
from poise.errors import ConflictError, Fault, TableError

OPEN_JOB = "table.open"


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
    reports = list(
        Report.objects.filter(state__in=["waiting", "read"]).order_by("id").values_list("id", flat=True)
    )
    if not reports:
        raise TableError(Fault("E555", "table", "No report is here yet.", "Upload one under Findings."))
    if Job.objects.filter(kind=OPEN_JOB, state__in=["waiting", "running"]).exists():
        raise ConflictError(Fault("E871", "table", "A table is being opened already; see Work."))
    return jobs.start(
        by, OPEN_JOB, "Opening the table", reports=reports, points=points, horizon_days=horizon_days
    )
