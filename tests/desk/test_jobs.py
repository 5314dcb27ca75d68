"""Jobs: done once, told about, and taken over when their worker is gone."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import InterfaceError, OperationalError
from django.test import Client
from django.urls import reverse
from django_tasks_db.models import DBTaskResult

from poise.desk import jobs, worker
from poise.desk.actions import Actor, work
from poise.desk.jobs import Run
from poise.desk.ledger import DeskLedger
from poise.desk.models import Job, User
from poise.errors import ConflictError, Fault, TableError

pytestmark = pytest.mark.usefixtures("committed")


@pytest.fixture(autouse=True)
def _kinds() -> Iterator[None]:
    """Register handlers for these tests only."""

    @jobs.handler("test.count")
    def count(run: Run) -> None:
        run.found(bound=3)
        for number in range(1, 4):
            run.progress(number, 3, "counting")
        with run.finishing(counted=3):
            run.by.record("note", {"counted": 3})

    @jobs.handler("test.fail")
    def fail(run: Run) -> None:
        raise TableError(Fault("E555", "table", "There is no table here.", "Open one."))

    @jobs.handler("test.broken")
    def broken(run: Run) -> None:
        raise ZeroDivisionError("oops")

    yield
    for kind in [one for one in jobs._HANDLERS if one.startswith("test.")]:
        del jobs._HANDLERS[kind]  # the others were registered meanwhile, and modules are read once


def test_a_job_is_done_and_says_what_it_found() -> None:
    """What a page shows of a computation is what its row says."""
    job = jobs.start(Actor.desk(), "test.count", "Counting")
    worker.run(until_empty=True)
    job.refresh_from_db()
    assert (job.state, job.percent, job.result) == ("done", 100, {"bound": 3, "counted": 3})
    assert [record.statement.kind for record in DeskLedger().records()] == ["note"]


def test_a_fault_is_told_in_the_library_s_words() -> None:
    """Whoever started it reads why it failed, with the hint."""
    job = jobs.start(Actor.desk(), "test.fail", "Failing")
    worker.run(until_empty=True)
    job.refresh_from_db()
    assert job.state == "failed"
    assert job.fault == "table: E555 There is no table here.\n  hint: Open one."


def test_our_own_fault_is_told_and_traced() -> None:
    """The page says that it is not the reader's fault, and the queue keeps the traceback for us."""
    job = jobs.start(Actor.desk(), "test.broken", "Breaking")
    worker.run(until_empty=True)
    job.refresh_from_db()
    assert job.state == "failed"
    assert "E900 This is a fault of Poise (ZeroDivisionError)" in job.fault
    assert "oops" in DBTaskResult.objects.get(id=job.task_id).traceback


def test_what_goes_wrong_around_a_job_does_not_fail_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that restarts or a disk that is full for a night must not cost anybody their solve."""
    full = [OSError(28, "No space left")] * jobs.MAX_ATTEMPTS
    troubles = iter([OperationalError("gone"), InterfaceError("closed"), *full])

    @jobs.handler("test.unlucky")
    def unlucky(run: Run) -> None:
        for error in troubles:
            raise error
        with run.finishing():
            pass

    job = jobs.start(Actor.desk(), "test.unlucky", "Trying")
    for attempt, word in enumerate(("gone", "closed", *["No space left"] * len(full)), start=1):
        worker.run(until_empty=True)
        job.refresh_from_db()
        assert (job.state, job.attempt, word in job.fault) == ("running", attempt, True)
        silent(job, attempt=attempt)
    worker.run(until_empty=True)
    job.refresh_from_db()
    assert (job.state, job.attempt, job.fault) == ("done", 3 + len(full), "")


def test_a_disk_that_stays_broken_fails_the_job_within_a_day_and_somebody_has_it_tried_again(
    staff: User, auditor: User, sign_in: Callable[[Any], Client]
) -> None:
    """Nothing is tried for ever; why is told, and what was mended is tried again by hand."""
    disk = [OSError(5, "Input/output error", "scan.nessus")]

    @jobs.handler("test.broken-disk")
    def unlucky(run: Run) -> None:
        for error in disk:
            raise error
        with run.finishing(counted=1):
            pass

    job = jobs.start(Actor.desk(), "test.broken-disk", "Reading scan.nessus")
    worker.run(until_empty=True)
    job.refresh_from_db()
    assert job.troubled_since is not None
    silent(job)
    worker.run(until_empty=True)
    job.refresh_from_db()
    assert (job.state, job.attempt) == ("running", 2), "tried again at first"
    day = timedelta(hours=jobs.TROUBLE_HOURS)
    silent(job, attempt=2)
    Job.objects.filter(pk=job.pk).update(troubled_since=datetime.now(UTC) - day + timedelta(minutes=5))
    worker.run(until_empty=True)
    job.refresh_from_db()
    assert (job.state, job.attempt) == ("running", 3), "and until the day is over"
    silent(job, attempt=3)
    Job.objects.filter(pk=job.pk).update(troubled_since=datetime.now(UTC) - day - timedelta(minutes=1))
    worker.run(until_empty=True)
    job.refresh_from_db()
    assert (job.state, job.attempt) == ("failed", 3)
    for word in ("E874", "3 times in 24 h", "Input/output error", "tried again once this is mended"):
        assert word in job.fault
    assert job.finished is not None

    page = sign_in(staff).get(reverse("job", args=[job.pk])).content.decode()
    assert "Input/output error" in page
    assert "Try it again" in page
    assert "Try it again" not in sign_in(auditor).get(reverse("job", args=[job.pk])).content.decode()
    assert sign_in(auditor).post(reverse("job-again", args=[job.pk])).status_code == 403
    disk.clear()
    assert sign_in(staff).post(reverse("job-again", args=[job.pk])).status_code == 302
    assert sign_in(staff).post(reverse("job-again", args=[job.pk])).status_code == 409, "once"
    worker.run(until_empty=True)
    job.refresh_from_db()
    assert (job.state, job.attempt, job.fault, job.troubled_since) == ("done", 4, "", None)


def test_who_has_a_job_tried_again_gives_it_all_its_attempts(staff: User) -> None:
    """Four workers killed by a full machine are no reason to give up at once the fifth time."""
    job = jobs.start(Actor.desk(), "test.count", "Counting")
    silent(job, attempt=jobs.MAX_ATTEMPTS)
    jobs.recover()
    work.retry(Actor.of(staff), job)
    job.refresh_from_db()
    assert (job.state, job.granted) == ("waiting", jobs.MAX_ATTEMPTS)
    silent(job, attempt=jobs.MAX_ATTEMPTS + 1)
    worker.run(until_empty=True)
    job.refresh_from_db()
    assert (job.state, job.attempt) == ("done", jobs.MAX_ATTEMPTS + 2)


def test_what_is_under_way_already_is_not_started_twice_by_hand(staff: User) -> None:
    """The same computation waits already: a second one would only repeat it."""
    job = jobs.start(Actor.desk(), "test.fail", "Failing", number=1)
    worker.run(until_empty=True)
    jobs.start(Actor.desk(), "test.fail", "Failing", number=1)
    with pytest.raises(ConflictError, match="E871"):
        work.retry(Actor.of(staff), job)
    worker.run(until_empty=True)
    work.retry(Actor.of(staff), job)


def test_a_job_that_waits_for_another_lets_it_pass() -> None:
    """A table that waits for a report must not hold the only worker that could read it."""
    done: list[str] = []

    @jobs.handler("test.waits")
    def waits(run: Run) -> None:
        if "first" not in done:
            run.later(0.0)
            return
        with run.finishing():
            done.append("second")

    @jobs.handler("test.goes")
    def goes(run: Run) -> None:
        with run.finishing():
            done.append("first")

    job = jobs.start(Actor.desk(), "test.waits", "Waiting")
    jobs.start(Actor.desk(), "test.goes", "Going")
    jobs.start(Actor.desk(), "test.goes", "Going")
    worker.run(until_empty=True)
    job.refresh_from_db()
    assert (done[-1], job.state, job.attempt) == ("second", "done", 1)


def test_a_worker_waits_for_a_database_that_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its process must not end because the database was restarted."""
    job = jobs.start(Actor.desk(), "test.count", "Counting")
    answers = iter([OperationalError("away"), InterfaceError("away")])
    look = jobs.recover

    def recover() -> int:
        for error in answers:
            raise error
        return look()

    monkeypatch.setattr(jobs, "recover", recover)
    monkeypatch.setattr(worker, "AWAY_SECONDS", 0.0)
    worker.run(until_empty=True)
    job.refresh_from_db()
    assert job.state == "done"


def silent(job: Job, *, attempt: int = 1) -> None:
    """Let a job look as if its worker was killed a minute ago."""
    long_ago = datetime.now(UTC) - timedelta(minutes=1)
    Job.objects.filter(pk=job.pk).update(state="running", attempt=attempt, heartbeat=long_ago)
    DBTaskResult.objects.filter(id=job.task_id).update(status="RUNNING")


def test_a_job_whose_worker_was_killed_is_done_by_the_next() -> None:
    """A restart must not leave anybody waiting for ever."""
    job = jobs.start(Actor.desk(), "test.count", "Counting")
    silent(job)
    worker.run(until_empty=True)
    job.refresh_from_db()
    assert (job.state, job.attempt) == ("done", 2)


def test_a_job_taken_off_the_queue_by_a_worker_that_died_at_once_is_not_forgotten() -> None:
    """Between taking a job off the queue and taking its lease a worker can be killed too."""
    job = jobs.start(Actor.desk(), "test.count", "Counting")
    long_ago = datetime.now(UTC) - timedelta(minutes=1)
    DBTaskResult.objects.filter(id=job.task_id).update(status="RUNNING", started_at=long_ago)
    worker.run(until_empty=True)
    job.refresh_from_db()
    assert job.state == "done"


def test_a_job_with_a_heartbeat_is_left_alone() -> None:
    """Slow is not dead."""
    job = jobs.start(Actor.desk(), "test.count", "Counting")
    Job.objects.filter(pk=job.pk).update(state="running", attempt=1, heartbeat=datetime.now(UTC))
    assert jobs.recover() == 0


def test_what_kills_every_worker_is_given_up() -> None:
    """A report that crashes its reader must not crash readers for ever."""
    job = jobs.start(Actor.desk(), "test.count", "Counting")
    silent(job, attempt=jobs.MAX_ATTEMPTS)
    assert jobs.recover() == 1
    job.refresh_from_db()
    assert job.state == "failed"
    assert "E874" in job.fault


def test_a_worker_that_only_slept_cannot_finish_what_another_took_over() -> None:
    """Two workers must not both write a result."""
    job = jobs.start(Actor.desk(), "test.count", "Counting")
    sleeper = jobs._taken_up(job.pk)
    assert sleeper is not None
    silent(job)
    jobs.recover()
    with pytest.raises(ConflictError, match="E874"), sleeper.finishing():
        pytest.fail("the lease is gone")
    with pytest.raises(ConflictError, match="E874"):
        sleeper.found(bound=1)


def test_the_watch_goes_on_after_whatever_went_wrong(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A digest that cannot be written must not end the looking for silent jobs."""
    over, looked = threading.Event(), []

    def look() -> int:
        looked.append(1)
        if len(looked) == 3:
            over.set()
        return 0

    def broken(_: datetime) -> None:
        raise TableError(Fault("E556", "ground", "is gone."))

    monkeypatch.setattr(worker, "RECOVER_SECONDS", 0.01)
    monkeypatch.setattr(worker.jobs, "recover", look)
    monkeypatch.setattr(worker.incidents, "start_delivery", lambda _: False)
    monkeypatch.setattr(worker.letters, "start", broken)
    thread = threading.Thread(target=worker._watch, args=(over,), daemon=True)
    thread.start()
    thread.join(30)
    assert len(looked) == 3
    assert "E556" in caplog.text
