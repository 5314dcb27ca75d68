"""The processes that plan, and what happens when one of them is lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any, Literal

from poise.cluster.actor import Answer, PartWorker
from poise.cluster.executor import RETRIES, lost, told
from poise.errors import ClusterError, Fault
from poise.planning.decomposition.rounds import PartResult, PartTask

#: How long a process may take to start [s]; a busy cluster has none free.
START_SECONDS = 120.0


@dataclass
class _Batch:
    """The tasks of one process, by their places among all; ``call`` is Ray's reference to its answer."""

    places: list[int]
    actor: Any
    call: Any = None
    losses: int = 0


class Pool:
    """Processes of the cluster; a solve takes those that are idle, as many as it has parts.

    Parameters
    ----------
    ray
        The library, connected.
    size
        Number of processes, >= 1.
    threads
        Of each.
    """

    def __init__(self, ray: ModuleType, size: int, threads: int) -> None:
        self._ray, self._threads = ray, threads
        # Stopping has its own queue, so that it is heard while a plan is computed.
        self._class = ray.remote(concurrency_groups={"plan": 1, "control": 1})(PartWorker)
        self.size = size
        self._idle: list[Any] = []
        self._busy = 0
        self._change = threading.Condition()

    def close(self) -> None:
        """End all processes that are idle; the next solve starts new ones."""
        with self._change:
            while self._idle:
                self._ray.kill(self._idle.pop())

    def plan(
        self, tasks: Sequence[PartTask], weight: float, seconds: float | None
    ) -> tuple[tuple[PartResult, ...], Literal["work", "time"]]:
        """Plan all parts, those of lost processes again; an interrupt ends it with the best so far.

        Returns
        -------
        tuple
            The state of each part, in order, and what ended the run.
        """
        if not tasks:
            return (), "work"
        until = None if seconds is None else time.monotonic() + seconds
        actors = self._take(min(len(tasks), self.size))
        batches = [
            _Batch(places, actor) for places, actor in zip(_deal(tasks, len(actors)), actors, strict=True)
        ]
        answers: dict[int, Answer] = {}
        is_whole = False
        try:
            for batch in batches:
                self._call(batch, tasks, weight, until)
            self._collect(batches, tasks, weight, until, answers)
            is_whole = True
        except KeyboardInterrupt:
            for batch in batches:
                batch.actor.stop.options(concurrency_group="control").remote()
            self._collect(batches, tasks, weight, 0.0, answers)
        finally:
            actors = [batch.actor for batch in batches]
            if not is_whole:  # stopped ones stay so, others may be busy for long
                for actor in actors:
                    self._ray.kill(actor)
            self._give_back(actors if is_whole else [], len(actors))
        return _gathered(batches, tasks, answers)

    def _take(self, most: int) -> list[Any]:
        """Return up to ``most`` idle processes, as soon as there is one; start those that are missing."""
        with self._change:
            self._change.wait_for(lambda: self._busy < self.size)
            count = min(most, self.size - self._busy)
            actors = [self._idle.pop() for _ in range(min(count, len(self._idle)))]
            self._busy += count
        try:
            return actors + self._started(count - len(actors))
        except BaseException:
            self._give_back(actors, count)
            raise

    def _give_back(self, actors: list[Any], count: int) -> None:
        with self._change:
            self._idle += actors
            self._busy -= count
            self._change.notify_all()

    def _call(self, batch: _Batch, tasks: Sequence[PartTask], weight: float, until: float | None) -> None:
        seconds = None if until is None else max(0.0, until - time.monotonic())
        mine = [tasks[place] for place in batch.places]
        plan = batch.actor.plan.options(concurrency_group="plan")
        batch.call = plan.remote(mine, weight, seconds)

    def _collect(
        self, batches: list[_Batch], tasks: Sequence[PartTask], weight: float, until: float | None,
        answers: dict[int, Answer],
    ) -> None:  # fmt: skip
        """Wait for every batch that has not answered yet."""
        open_ = {batch.call: at for at, batch in enumerate(batches) if at not in answers}
        while open_:
            done, _ = self._ray.wait(list(open_), num_returns=1)
            at = open_.pop(done[0])
            batch = batches[at]
            try:
                answers[at] = self._ray.get(done[0])
            except self._ray.exceptions.RayTaskError as error:
                raise told(error) from None
            except self._ray.exceptions.RayError as error:
                batch.losses += 1
                if batch.losses > RETRIES:
                    raise lost(error) from error
                batch.actor = self._started(1)[0]
                self._call(batch, tasks, weight, until)
                open_[batch.call] = at

    def _started(self, count: int) -> list[Any]:
        """Start processes and wait until they run."""
        if not count:
            return []
        actors = [
            self._class.options(num_cpus=self._threads, max_restarts=0).remote(self._threads)
            for _ in range(count)
        ]
        asked = [actor.is_ready.options(concurrency_group="control").remote() for actor in actors]
        ready, _ = self._ray.wait(asked, num_returns=count, timeout=START_SECONDS)
        if len(ready) < count:
            for actor in actors:
                self._ray.kill(actor)
            text = f"only {len(ready)} of {count} processes started within {START_SECONDS:g} s."
            hint = "other work may hold the cluster's processors; ask for fewer processes or wait."
            raise ClusterError(Fault("E326", "cluster", text, hint))
        return actors


def _deal(tasks: Sequence[PartTask], count: int) -> list[list[int]]:
    """Deal tasks into so many batches of like size: the largest first, each to the smallest batch."""
    sizes = [task.problem.num_changes for task in tasks]
    batches: list[list[int]] = [[] for _ in range(count)]
    loads = [0] * count
    for place in sorted(range(len(tasks)), key=lambda place: -sizes[place]):
        least = loads.index(min(loads))
        batches[least].append(place)
        loads[least] += sizes[place] + 1
    return [sorted(batch) for batch in batches]


def _gathered(
    batches: Sequence[_Batch], tasks: Sequence[PartTask], answers: dict[int, Answer]
) -> tuple[tuple[PartResult, ...], Literal["work", "time"]]:
    """Return the results in the order of the tasks, with the steps that one process would have counted."""
    found: list[PartResult | None] = [None] * len(tasks)
    for at, batch in enumerate(batches):
        for place, result in zip(batch.places, answers[at][0], strict=True):
            found[place] = result
    results = [result for result in found if result is not None]
    if any(stopped_by == "time" for _, stopped_by in answers.values()):
        return tuple(results), "time"
    # In one process, parts whose gaps are closed rest as long as others are worked on, and count on.
    before = [0 if task.known is None else task.known.work for task in tasks]
    rounds = max(result.work - done for result, done in zip(results, before, strict=True))
    return tuple(
        replace(result, work=done + (rounds if task.steps is None else min(rounds, task.steps)))
        for result, done, task in zip(results, before, tasks, strict=True)
    ), "work"
