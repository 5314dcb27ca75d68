"""Sending briefs: each attempt is a record, so a worker that dies loses none."""

from __future__ import annotations

from poise.desk import clock
from poise.desk.actions import incidents
from poise.desk.jobs import Run, handler


@handler(incidents.DELIVERY)
def deliver(run: Run) -> None:
    """Attempt every message that is due; what is not taken is tried again later."""
    if run.is_beside_another():
        run.later(2.0)  # both would send the same
        return
    attempted = incidents.deliver_due(clock.now())
    with run.finishing(attempted=attempted):
        pass
