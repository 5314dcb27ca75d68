"""Threads start tasks in order, so that a run cut by the clock can be repeated by counting."""

from __future__ import annotations

import pytest

from poise.planning.decomposition.workers import Workers


@pytest.mark.parametrize("threads", [1, 3])
def test_all_tasks_are_run_once(threads: int) -> None:
    """Nothing may be lost or done twice between threads."""
    done: list[int] = []
    workers = Workers(threads)
    assert workers.run([lambda k=k: done.append(k) for k in range(50)]) == 50  # type: ignore[misc]
    workers.close()
    assert sorted(done) == list(range(50))


@pytest.mark.parametrize("threads", [1, 3])
def test_a_refusal_ends_the_run_after_a_prefix(threads: int) -> None:
    """A later task that ran while an earlier one did not could not be repeated by a number."""
    done: list[int] = []
    asked: list[int] = []

    def may_start() -> bool:
        asked.append(1)
        return len(asked) != 8 and len(asked) < 20

    workers = Workers(threads)
    assert workers.run([lambda k=k: done.append(k) for k in range(50)], may_start) == 7  # type: ignore[misc]
    workers.close()
    assert sorted(done) == list(range(7))


@pytest.mark.parametrize("threads", [1, 2])
def test_a_fault_in_a_task_is_raised(threads: int) -> None:
    """A kernel that fails may not pass for one that found nothing."""

    def fail() -> None:
        raise ZeroDivisionError

    workers = Workers(threads)
    with pytest.raises(ZeroDivisionError):
        workers.run([fail, fail])
    workers.close()
