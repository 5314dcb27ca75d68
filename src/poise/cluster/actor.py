"""What runs on the machines of the cluster."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any, Literal

import numpy as np

from poise.planning.decomposition.rounds import Clock, PartResult, PartTask, Rounds
from poise.planning.decomposition.workers import Workers

#: What a call returns: the state of each part, and what ended it.
Answer = tuple[tuple[PartResult, ...], Literal["work", "time"]]


class PartWorker:
    """Plans parts of problems, one call for all that it gets of one solve.

    Parameters
    ----------
    threads
        Parts that it works on at a time.
    """

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._is_stopped = threading.Event()

    def plan(self, tasks: Sequence[PartTask], weight: float, seconds: float | None) -> Answer:
        """Take the steps of all tasks, as :func:`poise.planning.decomposition.solve` does."""
        clock = Clock(seconds, self._is_stopped.is_set)
        workers = Workers(self._threads)
        inner = workers if len(tasks) == 1 else Workers(1)
        try:
            rounds = Rounds((_own(task) for task in tasks), weight, workers, inner)
            stopped_by = rounds.go(clock)
            rounds.finish()
        finally:
            workers.close()
        return rounds.results(), stopped_by

    def is_ready(self) -> bool:
        """Answer as soon as the process runs."""
        return True

    def stop(self) -> None:
        """End what is being planned, and what is to come, with the best so far."""
        self._is_stopped.set()


def _own(value: Any) -> Any:
    """Return a copy whose arrays can be written to.

    What comes out of Ray's store cannot; kernels are compiled for arrays that can, and would be
    compiled again.
    """
    if isinstance(value, np.ndarray):
        return value.copy()
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{field.name: _own(getattr(value, field.name)) for field in fields(value)})
    return value
