"""Threads that run kernels, which let go of the interpreter while they work."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait


class Workers:
    """Runs tasks on a fixed number of threads; with one thread, in the caller's own."""

    def __init__(self, threads: int) -> None:
        self.threads = max(1, threads)
        self._pool = ThreadPoolExecutor(threads) if threads > 1 else None

    def run(self, tasks: Sequence[Callable[[], None]], may_start: Callable[[], bool] | None = None) -> int:
        """Run tasks in order and to their end, also when an interrupt comes in between.

        Parameters
        ----------
        tasks
            Each is started before the next one.
        may_start
            Asked before every task; false keeps that task and all later ones from starting.

        Returns
        -------
        int
            How many were started.

        Raises
        ------
        KeyboardInterrupt
            After the tasks that were under way have ended; no further ones were started.
        """
        queue = _Queue(tasks, may_start)
        if self._pool is None or len(tasks) < 2:
            queue.work_off()
            return queue.started
        futures = [self._pool.submit(queue.work_off) for _ in range(min(self.threads, len(tasks)))]
        try:
            wait(futures)
        except KeyboardInterrupt:
            queue.close()
            wait(futures)
            raise
        for future in futures:
            future.result()
        return queue.started

    def close(self) -> None:
        """End the threads."""
        if self._pool is not None:
            self._pool.shutdown()


class _Queue:
    """Tasks that several threads take from the front."""

    def __init__(self, tasks: Sequence[Callable[[], None]], may_start: Callable[[], bool] | None) -> None:
        self._tasks, self._may_start = tasks, may_start
        self._lock = threading.Lock()
        self._is_closed = False
        self.started = 0

    def close(self) -> None:
        """Start nothing more."""
        self._is_closed = True

    def work_off(self) -> None:
        """Take and run tasks until none is left."""
        while (task := self._take()) is not None:
            task()

    def _take(self) -> Callable[[], None] | None:
        with self._lock:
            if self._is_closed or self.started >= len(self._tasks):
                return None
            if self._may_start is not None and not self._may_start():
                self._is_closed = True
                return None
            self.started += 1
            return self._tasks[self.started - 1]
