"""Chunks of work on the machines of the cluster, behind the interface of :mod:`concurrent.futures`."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future
from types import ModuleType
from typing import Any, ParamSpec, TypeVar

from poise.errors import ClusterError, Fault

P = ParamSpec("P")
T = TypeVar("T")

#: How often a chunk is computed again when its machine is lost.
RETRIES = 3


class ClusterExecutor(Executor):
    """An executor whose calls run anywhere on the cluster; ``map`` keeps the order of its arguments.

    What is called must give the same result wherever and however often it is called: a chunk whose
    machine is lost is computed again.
    """

    def __init__(self, ray: ModuleType) -> None:
        self._ray = ray
        self._call = ray.remote(max_retries=RETRIES)(_call)

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Start a call; its future raises what the call raised, or ClusterError E327."""
        future: Future[T] = Future()
        future.set_running_or_notify_cancel()

        def settle(done: Future[Any]) -> None:
            error = done.exception()
            if error is None:
                future.set_result(done.result())
            else:
                future.set_exception(self._translated(error))

        self._call.remote(fn, args, kwargs).future().add_done_callback(settle)
        return future

    def _translated(self, error: BaseException) -> BaseException:
        if isinstance(error, self._ray.exceptions.RayTaskError):
            return told(error)
        if isinstance(error, self._ray.exceptions.RayError):
            return lost(error)
        return error


def told(error: Any) -> BaseException:
    """Return what was raised on the other machine."""
    return error.cause if isinstance(error.cause, BaseException) else error


def lost(error: BaseException) -> ClusterError:
    """Return E327 for work whose machines were lost too often."""
    text = f"a piece of work was lost {RETRIES + 1} times: {type(error).__name__}."
    hint = "see whether its machines run out of memory; fewer processes or threads need less."
    return ClusterError(Fault("E327", "cluster", text, hint))


def _call(fn: Callable[..., T], args: tuple[Any, ...], kwargs: dict[str, Any]) -> T:
    return fn(*args, **kwargs)
