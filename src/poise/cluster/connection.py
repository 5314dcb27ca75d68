"""Finding machines, and what can be asked of them."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from poise.cluster.executor import ClusterExecutor
from poise.cluster.pool import Pool
from poise.errors import ClusterError, Fault
from poise.planning.decomposition.lagrangian import (
    DEFAULT_STEPS,
    PricedSolution,
    confirm,
    limit_steps,
    split_uncapped,
    tasks_of,
    unchanged,
)
from poise.planning.decomposition.prices import Prices
from poise.planning.decomposition.rounds import PartResult
from poise.planning.problem import Plan, Problem
from poise.planning.solvers import Solver, by_prices

#: Environment variable with the address of a running Ray cluster, such as ``10.0.0.5:6379``.
ADDRESS_VARIABLE = "POISE_RAY_ADDRESS"
#: How long an address may take to answer at all [s].
KNOCK_SECONDS = 5.0


class Cluster:
    """Processes on one machine or several, each with parts of the problem; made by :func:`connect`."""

    def __init__(self, ray: ModuleType, pool: Pool) -> None:
        self._ray, self._pool = ray, pool

    def solve(
        self,
        problem: Problem,
        weight: float,
        *,
        seconds: float | None = None,
        steps: int | Sequence[int] | None = None,
        work: int | None = None,
        seed: int = 0,
        warm: Plan | None = None,
        prices: tuple[Prices, ...] = (),
        resume: Sequence[PartResult] = (),
    ) -> PricedSolution:
        """Plan as :func:`poise.planning.decomposition.solve` does, and come to the same plan.

        Each process gets whole parts of the problem and is called once. A run that the clock ended is
        repeated by asking for ``steps=solution.part_work``: processes do not wait for each other.

        Raises
        ------
        ModelError, NoFeasiblePlanError
            As ``solve`` does.
        ClusterError
            E326 when no process starts, E327 when processes are lost again and again.
        """
        parts = split_uncapped(problem)
        is_free = seconds is None and steps is None and work is None
        known = unchanged(problem, weight, parts, resume)
        each = limit_steps(known, DEFAULT_STEPS if is_free else steps, work)
        former = resume if len(resume) == len(parts) else ()
        tasks = list(
            tasks_of(problem, weight, parts, each, known, seed=seed, warm=warm, prices=prices, former=former)
        )
        found, stopped_by = self._pool.plan(tasks, weight, seconds)
        return confirm(
            problem, weight, parts, found, work=sum(part.work for part in found), stopped_by=stopped_by
        )

    @property
    def solver(self) -> Solver:
        """The :class:`~poise.planning.solvers.Solver` that a sweep of the frontier is given."""
        return by_prices(self.solve)

    def executor(self) -> ClusterExecutor:
        """Return an executor for any other work, such as chunks of a simulation.

        Planning processes that are idle are ended, so that their processors are free for it.
        """
        self._pool.close()
        return ClusterExecutor(self._ray)


@contextmanager
def connect(
    address: str | None = None, *, processes: int = 2, threads: int = 1, store_mb: int | None = None
) -> Iterator[Cluster]:
    """Connect to machines for as long as the context lasts.

    Parameters
    ----------
    address
        Of a running Ray cluster, where Poise is installed in the same version; by default that of
        ``POISE_RAY_ADDRESS``. Without either, processes are started on this machine, on the loopback
        interface alone, and ended afterwards.
    processes
        That plan, >= 1; fewer when the cluster has fewer processors.
    threads
        Of each process.
    store_mb
        Memory for what passes between processes [MB], for processes started here; Ray's choice by default.

    Raises
    ------
    ClusterError
        E325 when Ray is not installed, E326 when the cluster cannot be reached or started.
    """
    address = address or os.environ.get(ADDRESS_VARIABLE) or None
    ray = _import_ray(is_local=address is None)
    is_ours = not ray.is_initialized()
    if is_ours:
        _start(ray, address, processes * threads, store_mb)
    try:
        available = int(ray.cluster_resources().get("CPU", 0))
        pool = Pool(ray, max(1, min(processes, available // threads)), threads)
        try:
            yield Cluster(ray, pool)
        finally:
            pool.close()
    finally:
        if is_ours:
            ray.shutdown()


def _import_ray(*, is_local: bool) -> ModuleType:
    # Ray reads these when it is imported. Nobody is told that it is used; and what only this machine needs
    # listens on this machine only, which Ray calls a cluster's absence.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if is_local:
        os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    try:
        import ray
    except ImportError as error:
        hint = "pip install 'poise[cluster]', or plan without a cluster."
        raise ClusterError(Fault("E325", "cluster", "Ray is not installed.", hint)) from error
    return ray


def _start(ray: ModuleType, address: str | None, cpus: int, store_mb: int | None) -> None:
    quiet: dict[str, Any] = {"log_to_driver": False, "configure_logging": False}
    logging.getLogger("ray").setLevel(logging.ERROR)
    try:
        if address is not None:
            _knock(address)
            ray.init(address=address, **quiet)
            return
        store = None if store_mb is None else store_mb * 1_000_000
        ray.init(num_cpus=cpus, include_dashboard=False, object_store_memory=store, **quiet)
    except (OSError, RuntimeError, ValueError, ImportError, ray.exceptions.RayError) as error:
        why = str(error).partition("\n")[0] or type(error).__name__
        text = f"no cluster answers or starts: {why}"
        hint = f"check that Ray runs at the address in {ADDRESS_VARIABLE}, or leave it empty."
        raise ClusterError(Fault("E326", address or "cluster", text, hint)) from error


def _knock(address: str) -> None:
    """Raise OSError when nobody listens at ``host:port``: Ray itself would try for minutes."""
    host, _, port = address.rpartition(":")
    if host and port.isdecimal() and "/" not in host:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=KNOCK_SECONDS):
            pass
