"""Having a failed job tried again."""

from __future__ import annotations

from poise.desk import jobs
from poise.desk.actions.base import Actor, action
from poise.desk.models import Job


@action("work.retry")
def retry(by: Actor, job: Job) -> None:
    """Have a failed job tried again, as if by whoever started it.

    Raises
    ------
    ConflictError
        E871 when it has not failed, or the same is under way already.
    """
    jobs.again(job)
