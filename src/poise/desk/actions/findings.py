"""Uploading scanner reports."""

from __future__ import annotations

from typing import Final

from poise.desk import convert, jobs
from poise.desk.actions.base import Actor, action
from poise.desk.models import Report
from poise.desk.storing import Kept
from poise.errors import ConflictError, Fault

READ_JOB: Final = "findings.read"


@action("findings.import")
def take_report(by: Actor, kept: Kept) -> Report:
    """Queue an uploaded report for reading.

    Raises
    ------
    ConflictError
        E871 when the same file is here already, whatever its name.
    """
    same = Report.objects.filter(sha256=kept.sha256).exclude(state__in=["refused", "replaced"]).first()
    if same is not None:
        text = f"was uploaded as {same.name} already; it counts once."
        raise ConflictError(Fault("E871", kept.name, text))
    report = Report.objects.create(
        name=kept.name,
        sha256=kept.sha256,
        size_bytes=kept.size_bytes,
        path=str(kept.path.relative_to(convert.folder())),
        uploaded=by.now,
        by=by.user,
    )
    report.job = jobs.start(by, READ_JOB, f"Reading {kept.name}", report=report.pk)
    report.save(update_fields=["job"])
    by.record("report.uploaded", {"name": kept.name, "sha256": kept.sha256, "bytes": kept.size_bytes})
    return report


@action("findings.import")
def set_aside(by: Actor, report: Report) -> None:
    """Let a report count no more because a later one replaces it, or note that a refused one was seen.

    Raises
    ------
    ConflictError
        E871 when somebody did so already.
    """
    locked = Report.objects.select_for_update().get(pk=report.pk)
    if locked.state == Report.State.REPLACED:
        raise ConflictError(Fault("E871", locked.name, "counts no more already."))
    locked.state = Report.State.REPLACED
    locked.save(update_fields=["state"])
    by.record("report.replaced", {"name": locked.name, "sha256": locked.sha256})
