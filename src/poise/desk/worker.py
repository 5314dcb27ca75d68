"""The worker: takes jobs off the queue, gives back those whose worker fell silent, and sends what is due."""

from __future__ import annotations

import logging
import os
import secrets
import signal
import threading
import time
from types import FrameType

from django.db import DatabaseError, InterfaceError, close_old_connections, connection
from django_tasks_db.management.commands.db_worker import Worker

from poise.desk import clock, jobs
from poise.desk.actions import incidents, letters
from poise.errors import PoiseError

log = logging.getLogger("poise.desk")
#: How often the queue is looked at, and silent jobs are looked for [s].
INTERVAL_SECONDS = 0.5
RECOVER_SECONDS = 5.0
#: How long until a database that was away is asked again [s].
AWAY_SECONDS = 2.0


class _Worker(Worker):
    """The queue's worker; told twice to stop, it ends at once, and its job goes to the next worker."""

    def shutdown(self, signum: int, frame: FrameType | None) -> None:
        """Stop after the task at hand, or at once when Ctrl-C is pressed again.

        Ctrl-C in a terminal reaches this process and the server beside it, which then sends SIGTERM: that is
        no second wish, and whoever waits no longer kills.
        """
        if not self.running:
            if signum == signal.SIGINT:
                os._exit(130)
            return
        super().shutdown(signum, frame)


def run(*, until_empty: bool = False) -> None:
    """Work until told to stop.

    Parameters
    ----------
    until_empty
        Whether to stop when nothing is left to do.
    """
    over = threading.Event()
    watch = threading.Thread(target=_watch, args=[over], name="recover", daemon=True)
    watch.start()
    worker = _Worker(
        queue_names=["*"],
        interval=INTERVAL_SECONDS,
        batch=until_empty,
        backend_name="default",
        startup_delay=False,
        max_tasks=None,
        worker_id=secrets.token_hex(16),
        excluded_queue_names=[],
    )
    if threading.current_thread() is threading.main_thread():
        worker.configure_signals()
    try:
        _through_troubles(worker)
    finally:
        over.set()
        watch.join()


def _through_troubles(worker: Worker) -> None:
    """Work on when the database was away; what was being done then falls silent, and is taken up again."""
    while True:
        try:
            jobs.recover()
            worker.run()
        except (DatabaseError, InterfaceError) as error:
            log.warning("the queue: %s", type(error).__name__)
            connection.close()
            time.sleep(AWAY_SECONDS)
        else:
            return


def _watch(over: threading.Event) -> None:
    while not over.wait(RECOVER_SECONDS):
        close_old_connections()
        try:
            if count := jobs.recover():
                log.warning("%d jobs whose worker fell silent wait again", count)
            incidents.start_delivery(clock.now())
            letters.start(clock.now())
        except (DatabaseError, InterfaceError) as error:
            log.warning("looking for silent jobs: %s", type(error).__name__)
        except (PoiseError, OSError):  # such as a digest whose table is gone: the next look must come
            log.exception("looking for silent jobs")
