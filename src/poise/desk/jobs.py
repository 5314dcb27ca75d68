"""Work for the worker: queued in the database with the rows it belongs to, told about while it runs.

A handler is registered for a kind and gets a :class:`Run`. Everything it writes at the end stands in
``with run.finishing():``, one transaction that holds only while the run still has the lease. A worker that
was killed stops its heartbeat; then the job waits again, for the next.
"""

from __future__ import annotations

import errno
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any, Final

from django.db import (
    DatabaseError,
    InterfaceError,
    OperationalError,
    close_old_connections,
    connection,
    transaction,
)
from django_tasks import task
from django_tasks.base import TaskResultStatus
from django_tasks_db.models import DBTaskResult

from poise.desk import clock, places
from poise.desk.actions.base import Actor
from poise.desk.models import Job
from poise.errors import ConflictError, Fault, PoiseError

#: How often a running job says that it lives, and after what silence it is taken for dead [s].
HEARTBEAT_SECONDS: Final = 2.0
LEASE_SECONDS: Final = 20.0
#: A disk that is full or breaks.
_DISK: Final = (errno.ENOSPC, errno.EDQUOT, errno.EIO)
#: How often a job is taken up before it counts as failed: it may be what kills its workers.
MAX_ATTEMPTS: Final = 4
#: How long one that ended in trouble around it, and says so, is tried before it counts as failed [h]: a disk
#: that is full for a night costs nobody their solve, and one that is broken for good is told within a day.
TROUBLE_HOURS: Final = 24.0
#: Least time between two progress rows [s].
_PROGRESS_SECONDS: Final = 0.5

log = logging.getLogger("poise.desk")
Handler = Callable[["Run"], None]
_HANDLERS: dict[str, Handler] = {}
#: Attempts of this process that ended in trouble, and why: the database may not have taken it yet.
_UNTOLD: Final[list[tuple[int, int, str]]] = []
#: Modules that register handlers.
HANDLER_MODULES: Final = tuple(
    f"poise.desk.work.{name}"
    for name in ("solve", "findings", "bargaining", "evidence", "incidents", "letters")
)


def handler(kind: str) -> Callable[[Handler], Handler]:
    """Register a function as what does the jobs of a kind."""

    def made(function: Handler) -> Handler:
        _HANDLERS[kind] = function
        return function

    return made


def start(by: Actor, kind: str, title: str, **arguments: Any) -> Job:
    """Queue a job in the caller's transaction: it is there when the rows beside it are."""
    job = Job.objects.create(
        kind=kind, title=title, arguments=arguments, by=by.user, created=by.now, state=Job.State.WAITING
    )
    job.task_id = str(run_job.enqueue(job.pk).id)
    job.save(update_fields=["task_id"])
    return job


class Run:
    """One attempt at a job, by this process."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.attempt = job.attempt
        self.arguments: dict[str, Any] = job.arguments
        self._told = 0.0
        self._thread = threading.get_ident()

    @property
    def by(self) -> Actor:
        """Whoever started the job, now."""
        return Actor(self.job.by, clock.now())

    def progress(self, done: int, total: int, step: str = "") -> None:
        """Tell how far it is; seldom enough for any loop.

        Raises
        ------
        ConflictError
            E874 when another worker has taken the job over.
        """
        moment = time.monotonic()
        if moment - self._told >= _PROGRESS_SECONDS or done == total:
            self._told = moment
            self._write(done=done, total=total, step=step)

    def found(self, **result: Any) -> None:
        """Tell what is known already, such as a bound that tightens."""
        self.job.result = {**self.job.result, **result}
        self._write(result=self.job.result)

    @contextmanager
    def holding(self) -> Iterator[None]:
        """Hold what the job writes on its way: nothing is written once another worker has taken it over.

        Raises
        ------
        ConflictError
            E874 when another worker has.
        """
        with transaction.atomic():
            held = Job.objects.select_for_update().filter(pk=self.job.pk, attempt=self.attempt)
            if not held.filter(state=Job.State.RUNNING).exists():
                raise _lost(self.job)
            yield

    @contextmanager
    def finishing(self, **result: Any) -> Iterator[None]:
        """Hold what the job writes at its end and its being done together.

        Raises
        ------
        ConflictError
            E874 when another worker has taken the job over; nothing is written then.
        """
        with self.holding():
            yield
            Job.objects.filter(pk=self.job.pk).update(
                state=Job.State.DONE,
                finished=clock.now(),
                step="",
                result={**self.job.result, **result},
            )

    def is_beside_another(self) -> bool:
        """Return whether an earlier job of this kind is running; of two at once the first goes on."""
        running = Job.objects.filter(kind=self.job.kind, state=Job.State.RUNNING, pk__lt=self.job.pk)
        return running.exists()

    def later(self, seconds: float) -> None:
        """Give the job back, behind all others; the later attempt counts as this one: nothing was done yet.

        Raises
        ------
        ConflictError
            E874 when another worker has taken the job over.
        """
        begin = datetime.now(UTC) + timedelta(seconds=seconds)
        with transaction.atomic():
            task_id = str(run_job.using(priority=-1, run_after=begin).enqueue(self.job.pk).id)
            held = Job.objects.filter(pk=self.job.pk, attempt=self.attempt, state=Job.State.RUNNING)
            if not held.update(state=Job.State.WAITING, attempt=self.attempt - 1, task_id=task_id):
                raise _lost(self.job)

    def failed(self, fault: str) -> None:
        """Tell why it failed, in the library's words."""
        rows = Job.objects.filter(pk=self.job.pk, attempt=self.attempt, state=Job.State.RUNNING)
        rows.update(state=Job.State.FAILED, finished=clock.now(), fault=places.named(fault))

    def interrupted(self, reason: str) -> None:
        """Note what went wrong around the job. It falls silent, so that it is taken up again."""
        log.warning("job %d, attempt %d: %s", self.job.pk, self.attempt, reason)
        _UNTOLD.append((self.job.pk, self.attempt, places.named(reason)))
        with suppress(DatabaseError, InterfaceError):
            _tell_interruptions()

    def _write(self, **values: Any) -> None:
        rows = Job.objects.filter(pk=self.job.pk, attempt=self.attempt, state=Job.State.RUNNING)
        try:
            if not rows.update(heartbeat=datetime.now(UTC), **values):
                raise _lost(self.job)
        finally:
            if threading.get_ident() != self._thread:
                connection.close()  # a solver's thread tells of itself, and then is gone


@task()
def run_job(job_id: int) -> None:
    """Do a job, as its kind's handler does."""
    for module in HANDLER_MODULES:
        import_module(module)
    run = _taken_up(job_id)
    if run is None:
        return
    with _alive(run):
        try:
            _HANDLERS[run.job.kind](run)
        except PoiseError as error:
            run.failed(places.told(error))
        except Exception as error:
            if _is_trouble(error):
                run.interrupted(f"{type(error).__name__}: {error}")
            else:
                run.failed(_our_fault(run.job, error))
            raise


def _our_fault(job: Job, error: Exception) -> str:
    """Tell all readers of a job that Poise failed; the error's own words may not be for all of them."""
    text = f"This is a fault of Poise ({type(error).__name__})."
    hint = "Whoever runs the desk finds where it happened in the worker's log."
    return str(Fault("E900", job.title, text, hint))


def _is_trouble(error: Exception) -> bool:
    """Return whether the machine is at fault, not the job: the database restarts, a disk is full."""
    if isinstance(error, OSError):
        return error.errno in _DISK
    return isinstance(error, OperationalError | InterfaceError)


def _taken_up(job_id: int) -> Run | None:
    """Take the lease of a job; None when it is over, or another worker has it."""
    with transaction.atomic():
        job = Job.objects.select_for_update().filter(pk=job_id).first()
        if job is None or job.is_over or _is_held(job):
            return None
        job.state, job.attempt, job.heartbeat = Job.State.RUNNING, job.attempt + 1, datetime.now(UTC)
        job.done, job.total, job.step, job.fault, job.result = 0, 0, "", "", {}
        job.save()
    return Run(job)


def _is_held(job: Job) -> bool:
    """Return whether a worker does the job that has told of itself lately."""
    silent = datetime.now(UTC) - timedelta(seconds=LEASE_SECONDS)
    return job.state == Job.State.RUNNING and job.heartbeat is not None and job.heartbeat >= silent


@contextmanager
def _alive(run: Run) -> Iterator[None]:
    """Keep the job's heartbeat going beside the work, on a connection of its own."""
    over = threading.Event()

    def beat() -> None:
        while not over.wait(HEARTBEAT_SECONDS):
            try:
                close_old_connections()
                own = Job.objects.filter(pk=run.job.pk, attempt=run.attempt, state=Job.State.RUNNING)
                own.update(heartbeat=datetime.now(UTC))
            except (DatabaseError, InterfaceError) as error:
                # The database is restarted, or busy: the work goes on, and the next beat tries again.
                log.warning("heartbeat of job %d: %s", run.job.pk, type(error).__name__)
        connection.close()

    thread = threading.Thread(target=beat, name=f"job {run.job.pk}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _tell_interruptions() -> None:
    """Write down why attempts of this process ended, once the database takes it."""
    for told in list(_UNTOLD):
        number, attempt, reason = told
        held = Job.objects.filter(pk=number, attempt=attempt)
        held.filter(troubled_since=None).update(troubled_since=datetime.now(UTC))
        held.update(fault=reason)
        with suppress(ValueError):  # another thread told it meanwhile
            _UNTOLD.remove(told)


def recover() -> int:
    """Give the jobs of workers that fell silent back to the queue; return how many."""
    _tell_interruptions()
    limit = datetime.now(UTC) - timedelta(seconds=LEASE_SECONDS)
    count = 0
    for job_id in Job.objects.filter(state=Job.State.RUNNING, heartbeat__lt=limit).values_list(
        "pk", flat=True
    ):
        with transaction.atomic():
            job = Job.objects.select_for_update().get(pk=job_id)
            if job.state != Job.State.RUNNING or job.heartbeat is None or job.heartbeat >= limit:
                continue
            count += 1
            if (why := _given_up(job)) is not None:
                job.state, job.fault, job.finished = Job.State.FAILED, str(why), clock.now()
            else:
                # A worker that only sleeps may write while its job runs as its attempt, and not now.
                job.state = Job.State.WAITING
                DBTaskResult.objects.filter(id=job.task_id).update(status=TaskResultStatus.READY)
            job.save()
    return count + _requeue(limit)


def _given_up(job: Job) -> Fault | None:
    """Return why a job whose worker fell silent is not tried any more; None while it is."""
    attempts, now = job.attempt - job.granted, datetime.now(UTC)
    if not job.fault and attempts >= MAX_ATTEMPTS:
        message = f"was taken up {attempts} times, and its worker fell silent without a word."
        return Fault("E874", job.title, message, "Have it tried again once the worker's log says why.")
    is_lasting = job.troubled_since is not None and now - job.troubled_since > timedelta(hours=TROUBLE_HOURS)
    if job.fault and is_lasting:
        message = f"was tried {attempts} times in {TROUBLE_HOURS:g} h, the last time with {job.fault}"
        return Fault("E874", job.title, message, "Have it tried again once this is mended.")
    return None


def again(job: Job) -> None:
    """Queue a failed job anew, under its own number, so that what names it still does.

    Raises
    ------
    ConflictError
        E871 when it has not failed, or the same is under way already.
    """
    held = Job.objects.select_for_update().get(pk=job.pk)
    under_way = Job.objects.filter(kind=held.kind, state__in=[Job.State.WAITING, Job.State.RUNNING])
    if held.state != Job.State.FAILED or any(one.arguments == held.arguments for one in under_way):
        raise ConflictError(Fault("E871", held.title, "This is under way already, or done; see Work."))
    held.state, held.fault, held.finished = Job.State.WAITING, "", None
    held.troubled_since, held.granted, held.heartbeat = None, held.attempt, None
    held.task_id = str(run_job.enqueue(held.pk).id)
    held.save()


def _requeue(limit: datetime) -> int:
    """Give back what a worker took off the queue, but was killed before it took the lease."""
    waiting = (
        Job.objects.filter(state=Job.State.WAITING).exclude(task_id="").values_list("task_id", flat=True)
    )
    taken = DBTaskResult.objects.filter(id__in=list(waiting), started_at__lt=limit)
    return int(taken.exclude(status=TaskResultStatus.READY).update(status=TaskResultStatus.READY))


def _lost(job: Job) -> ConflictError:
    return ConflictError(Fault("E874", job.title, "Another worker has taken this job over."))
