"""Opening a table: what it starts by itself, and a report that cannot be read to its end."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from desk.test_findings import work
from desk.test_negotiation import post
from desk.test_whole_browser import REPORT
from estate.samples import ESTATE, WEEKLY
from poise.desk import convert, storing, workspace
from poise.desk.actions import Actor, estate, findings, table
from poise.desk.actions.bargaining import LANDMARKS_JOB
from poise.desk.jobs import run_job
from poise.desk.models import Job, Report, User
from poise.sample import NOW
from poise.sample.feeds import fill_store

FROZEN = """\
freezes:
  quarter-end: {from: 2026-01-20, to: 2026-02-03, for: [shop], kind: preference, reason: books}
"""


@pytest.fixture(autouse=True)
def _january(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let it be the sample company's day, with its threat evidence, and send no heartbeat."""
    ahead = NOW - datetime.now(UTC)
    monkeypatch.setattr(settings, "POISE_CLOCK_AHEAD", ahead)
    monkeypatch.setattr(workspace, "clock_ahead", lambda _: ahead)
    monkeypatch.setattr("poise.desk.jobs.HEARTBEAT_SECONDS", 600.0)
    fill_store(convert.folder("threats"))


def prepared(user: User) -> Report:
    """Describe an estate with a negotiable freeze, and upload a report."""
    by = Actor.of(user)
    estate.adopt(by, {"estate.yaml": (ESTATE + FROZEN).encode(), "weekly.ics": WEEKLY.encode()})
    kept = storing.keep("scan.csv", iter([REPORT.encode()]), convert.folder("reports"))
    return findings.take_report(by, kept)


def test_fair_points_after_limits_come_by_themselves(
    ciso: User, cio: User, sign_in: Callable[[Any], Client]
) -> None:
    """A table begins with the estate's freezes as limits: nobody has to ask for the points under them."""
    prepared(ciso)
    job = table.open_table(Actor.of(ciso), points=3)
    while job.state != "done":
        waiting = Job.objects.filter(state="waiting").order_by("pk").first()
        assert waiting is not None
        work_one(waiting)
        job.refresh_from_db()
        assert job.state != "failed", job.fault
    at = convert.session(Actor.of(ciso).now)
    assert [limit.id for limit in at.limits] == ["quarter-end"]
    assert Job.objects.filter(kind=LANDMARKS_JOB, state="waiting").count() == 1
    assert "After limits: being computed" in sign_in(ciso).get("/table").content.decode()
    assert "Compute fair points after limits" not in sign_in(ciso).get("/table").content.decode()
    work()
    assert convert.session(Actor.of(ciso).now).known_after() is not None
    assert "After limits: " not in sign_in(ciso).get("/table").content.decode()
    for client in (sign_in(cio), sign_in(ciso)):
        post(client, "/table/seal")
    work()
    done = Job.objects.filter(kind=LANDMARKS_JOB).count()
    post(sign_in(cio), "/table/limits", {"id": "calm", "rule": "weekends", "amount": "1"})
    post(sign_in(cio), "/table/limits", {"id": "calmer", "rule": "weekends", "amount": "0"})
    assert Job.objects.filter(kind=LANDMARKS_JOB).count() == done + 1, "one that waits is enough"
    work()
    assert convert.session(Actor.of(ciso).now).after_path().exists()


def work_one(job: Job) -> None:
    """Do one job."""
    run_job.call(job.pk)


def test_a_report_that_cannot_be_read_holds_no_table_for_ever(
    ciso: User, sign_in: Callable[[Any], Client]
) -> None:
    """The opening says which report it is and what to do; before, it waited for it without end."""
    report = prepared(ciso)
    job = table.open_table(Actor.of(ciso), points=3)
    Job.objects.filter(pk=report.job_id).update(state="failed", fault="E874 gone")
    work_one(job)
    job.refresh_from_db()
    assert job.state == "failed"
    assert "scan.csv: E557 This report could not be read" in job.fault
    page = sign_in(ciso).get(f"/findings/reports/{report.pk}").content.decode()
    assert "Let it count no more" in page
    assert "See why, and have it tried again" in page
    post(sign_in(ciso), f"/findings/reports/{report.pk}/aside")
    assert Path(convert.folder(report.path)).exists()
    post(sign_in(ciso), reverse("job-again", args=[report.job_id]))
    work_one(Job.objects.get(pk=report.job_id))
    report.refresh_from_db()
    assert report.state == "replaced", "what was set aside is not read again"
