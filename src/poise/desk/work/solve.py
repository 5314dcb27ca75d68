"""Computations of the table."""

from __future__ import annotations

import os
import time
from pathlib import Path

from poise.desk import convert
from poise.desk.actions import bargaining
from poise.desk.actions.evidence import play_later
from poise.desk.actions.table import OPEN_JOB
from poise.desk.jobs import Run, handler
from poise.desk.models import Job, Report
from poise.errors import Fault, TableError
from poise.patching.calibration import keep_calibration, read_calibration
from poise.patching.planner import Settings, estate_inputs
from poise.scans import read_scan
from poise.table.opening import open_ground

#: How long until the reports are looked at again [s].
WAIT_SECONDS = 0.5
#: How long until a worker looks again that has to read them itself [s].
LATER_SECONDS = 2.0


@handler(OPEN_JOB)
def open_table(run: Run) -> None:
    """Compute the ground and put the opened table on the ledger."""
    paths = _read_reports(run)
    if paths is None:
        run.later(LATER_SECONDS)
        return
    version = convert.latest_estate()
    estate = convert.estate_of(version)
    assert version is not None
    path = convert.estate_path(version)
    reports = [report for one in paths for report in read_scan(one)]
    by = run.by
    settings = Settings(
        now=by.now,
        horizon_days=float(run.arguments["horizon_days"]),
        points=int(run.arguments["points"]),
        threads=os.cpu_count() or 1,
    )
    calibration_path = convert.folder("calibration.json")
    ground, calibration = open_ground(
        estate,
        reports,
        convert.threats(),
        settings,
        inputs=estate_inputs(path, estate),
        calibration=read_calibration(calibration_path),
        progress=run.progress,
    )
    keep_calibration(calibration_path, calibration)
    with run.finishing(changes=len(ground.changes), groups=len(ground.groups)):
        at = convert.session(by.now)
        at.open(ground, author=by.person)
        if at.reopened is not None:
            bargaining.look_for_ways(by)
        bargaining.want_landmarks(by, at)
        play_later(by, at)


def _read_reports(run: Run) -> list[Path] | None:
    """Return the reports that the table rests on, once another worker has read the last of them.

    None while one waits for a worker: this may be the only one, which had to leave that report for a time.
    """
    rows = Report.objects.filter(pk__in=run.arguments["reports"])
    while (left := rows.filter(state=Report.State.WAITING)).exists():
        if left.filter(job__state=Job.State.WAITING).exists():
            return None
        if (lost := left.filter(job__state=Job.State.FAILED).first()) is not None:
            hint = "Have its job tried again, or let the report count no more; then open the table."
            raise TableError(Fault("E557", lost.name, "This report could not be read to its end.", hint))
        run.progress(0, 0, "waiting for reports to be read")
        time.sleep(WAIT_SECONDS)
    read = rows.filter(state=Report.State.READ).order_by("id").values_list("path", flat=True)
    if not read:
        raise TableError(Fault("E555", "table", "Every report was refused.", "Findings says why."))
    return [convert.folder(path) for path in read]
