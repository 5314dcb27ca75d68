"""Sending letters of the dialogue: digests and notices that are due."""

from __future__ import annotations

from poise.desk import clock
from poise.desk.actions import letters
from poise.desk.jobs import Run, handler


@handler(letters.SENDING)
def post(run: Run) -> None:
    """Attempt every letter that is due; what is not taken is tried again later."""
    went, failed = letters.send_due(clock.now())
    with run.finishing(sent=went, failed=failed):
        pass
