"""Work that the worker does: what is waiting, running, done, and how far."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models


class Job(models.Model):
    """One piece of work.

    The queue itself is :mod:`django_tasks_db`; this row is what people see of it, and the lease by which a
    worker that was killed loses its work to the next.
    """

    class State(models.TextChoices):
        """Where a job stands."""

        WAITING = "waiting", "waiting"
        RUNNING = "running", "running"
        DONE = "done", "done"
        FAILED = "failed", "failed"

    kind = models.CharField(max_length=64)
    title = models.CharField(max_length=200)
    arguments = models.JSONField(default=dict)
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT)
    created = models.DateTimeField()
    finished = models.DateTimeField(null=True)
    #: The queue's row of this job.
    task_id = models.CharField(max_length=64, blank=True)
    #: How often a worker took it up. Whoever holds another number has lost the lease.
    attempt = models.PositiveIntegerField(default=0)
    #: By this machine's clock, whatever the desk's shows.
    heartbeat = models.DateTimeField(null=True)
    #: Since when its attempts end in trouble around it, such as a full disk; by this machine's clock.
    troubled_since = models.DateTimeField(null=True)
    #: The attempt after which somebody had it tried again; attempts count from there.
    granted = models.PositiveIntegerField(default=0)
    done = models.BigIntegerField(default=0)
    total = models.BigIntegerField(default=0)
    step = models.CharField(max_length=200, blank=True)
    #: What the job has found so far or in the end: a bound, counts, the id of what it made.
    result = models.JSONField(default=dict)
    #: The faults, in the library's words, when it failed.
    fault = models.TextField(blank=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["state", "heartbeat"], name="job_by_state"),
            models.Index(fields=["kind", "id"], name="job_by_kind"),
        ]

    @property
    def is_over(self) -> bool:
        """Whether nothing will happen any more."""
        return self.state in (self.State.DONE, self.State.FAILED)

    @property
    def percent(self) -> int | None:
        """How far it is, when that is known [0-100]."""
        return None if not self.total else min(100, int(100 * self.done / self.total))
