"""Checkpoints: a killed run loses little, and a file of no use is told from one to go on from."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from poise.errors import ModelError
from poise.planning.arrays import Packed, digest, pack, unpack
from poise.planning.checkpoint import Checkpoint, read_about
from poise.planning.decomposition import solve
from poise.planning.evaluate import evaluate
from poise.planning.frontier import sweep
from poise.planning.generate import generate
from poise.planning.problem import Plan, Problem, Solution


@given(arrays.arrays(st.sampled_from([np.float64, np.float32, np.int16]), arrays.array_shapes(min_side=0)))
def test_packed_arrays_come_back_as_they_were(array: np.ndarray) -> None:
    """A price that changes in the file proves another bound."""
    back = unpack(pack(array), array.size)
    assert back.dtype == array.dtype
    assert back.shape == array.shape
    np.testing.assert_array_equal(back, array)


@pytest.mark.parametrize(
    "packed",
    [
        Packed("object", (1,), b"12345678"),
        Packed("float64", (10**12,), b"", b""),
        Packed("float64", (3,), b"12345678"),
        Packed("float64", (-1, -1), b"12345678"),
        Packed("float64", (2,), b"12345678", b"\x02" + bytes(7)),
        Packed("float64", (2,), b"12345678", b""),
        Packed("float64", (2,), b"123"),
    ],
)
def test_arrays_that_contradict_themselves_are_refused(packed: Packed) -> None:
    """A damaged file may not turn into a plan, nor eat the memory."""
    with pytest.raises(ValueError, match=r"numbers|large|size|places"):
        unpack(packed, 1_000)


def test_every_array_counts_in_the_digest() -> None:
    """A plan for other minutes is another plan, however alike the problems look."""
    problem = generate("tiny", 1, links=0.5)
    seen = {digest(problem)}
    for field in dataclasses.fields(problem):
        value = getattr(problem, field.name)
        if isinstance(value, np.ndarray) and value.size:
            changed = value.copy()
            changed.flat[0] = not changed.flat[0] if changed.dtype == bool else changed.flat[0] + 1
            seen.add(digest(dataclasses.replace(problem, **{field.name: changed})))
    assert len(seen) > 20
    assert digest(generate("tiny", 1, links=0.5)) in seen


def test_a_solve_goes_on_where_it_was_written_down(tmp_path: Path) -> None:
    """What was reached is reached: plan, bound and steps, from the file alone."""
    problem, path = generate("S", 3, links=0.2), tmp_path / "run.checkpoint"
    first = Checkpoint(path, problem)
    assert first.resume(1.0, 3) == ()
    known = solve(problem, 1.0, steps=20, seed=3, keep=first.keeper(1.0, 3))
    first.keep(1.0, 3, known.parts)
    again = Checkpoint(path, problem)
    more = solve(problem, 1.0, steps=30, seed=3, resume=again.resume(1.0, 3))
    assert more.value <= known.value
    assert more.bound >= known.bound
    assert more.work == known.work * 3 // 2
    assert again.resume(2.0, 3) == ()


def test_a_checkpoint_of_another_problem_is_refused(tmp_path: Path) -> None:
    """The plan of one company must not be shown to another."""
    path, problem = tmp_path / "run.checkpoint", generate("tiny", 1)
    Checkpoint(path, problem).keep(1.0, 0, solve(problem, 1.0, steps=2).parts)
    with pytest.raises(ModelError, match="E320"):
        Checkpoint(path, generate("tiny", 2))


@pytest.mark.parametrize("how", ["cut", "flipped", "other", "empty", "forged", "folder"])
def test_a_damaged_checkpoint_is_refused(tmp_path: Path, how: str) -> None:
    """Neither a traceback nor half a plan comes of a file that a full disk or a stranger left."""
    problem, path = generate("tiny", 1), tmp_path / "run.checkpoint"
    file = Checkpoint(path, problem)
    file.keep(1.0, 0, solve(problem, 1.0, steps=5).parts)
    whole = path.read_bytes()
    if how == "folder":
        path.unlink()
        path.mkdir()
    else:
        forged = b"\x83\xa7problem\xa1x\xa5about\x80\xa6solves\x01"
        path.write_bytes(
            {
                "cut": whole[:-1],
                "flipped": whole[:-9] + bytes([whole[-9] ^ 1]) + whole[-8:],
                "other": b"%PDF-1.7\n" + whole,
                "empty": b"",
                "forged": b"poise-checkpoint-1 "
                + hashlib.sha256(forged).hexdigest().encode()
                + b"\n"
                + forged,
            }[how]
        )
    with pytest.raises(ModelError, match="E322" if how == "folder" else "E321"):
        Checkpoint(path, problem)


def test_a_place_that_cannot_be_written_is_told_at_once(tmp_path: Path) -> None:
    """Not after an hour of solving."""
    with pytest.raises(ModelError, match="E322"):
        Checkpoint(tmp_path / "nowhere" / "run.checkpoint", generate("tiny", 1))


def test_a_full_disk_costs_the_checkpoint_and_not_the_run(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Hours of solving may not be lost because a file could not be kept; but somebody must be told."""
    problem, folder = generate("tiny", 1), tmp_path / "there"
    folder.mkdir()
    file = Checkpoint(folder / "run.checkpoint", problem, every_seconds=0.0)
    folder.rmdir()
    assert solve(problem, 1.0, steps=5, keep=file.keeper(1.0, 0)).evaluation.is_feasible
    assert "E322" in caplog.text


def test_a_solve_that_was_cut_short_is_solved_again(tmp_path: Path) -> None:
    """What Ctrl-C left half done may not stand for the whole in the next run."""
    problem, calls = generate("tiny", 1), []

    def solver(problem: Problem, weight: float, **_: Any) -> Solution:
        calls.append(weight)
        return solve(problem, weight, steps=2)

    for is_cut, expected in ((True, 1), (False, 2), (False, 2)):
        file = Checkpoint(tmp_path / "run.checkpoint", problem)
        remembered = file.remember(solver, lambda is_cut=is_cut: is_cut)
        remembered(problem, 1.0, seconds=9.0, seed=1, warm=None, near=None)
        assert len(calls) == expected


def test_a_sweep_goes_on_with_the_first_solve_that_it_did_not_end(tmp_path: Path) -> None:
    """After a kill the same frontier comes out, and what was solved is not solved again."""
    problem, path = generate("S", 5), tmp_path / "run.checkpoint"
    solved: list[float] = []

    class Killed(BaseException):
        pass

    def quick(
        problem: Problem,
        weight: float,
        *,
        seconds: float,
        seed: int,
        warm: Plan | None,
        near: Solution | None,
    ) -> Solution:
        return solve(problem, weight, seconds=seconds, steps=18, seed=seed, warm=warm)

    def counted(problem: Problem, weight: float, **more: Any) -> Solution:
        if len(solved) == 4:
            raise Killed
        solved.append(weight)
        return quick(problem, weight, **more)

    with pytest.raises(Killed):
        sweep(problem, points=6, seconds=600, solver=counted, threads=1, checkpoint=Checkpoint(path, problem))
    first = list(solved)
    solved.clear()
    again = sweep(
        problem, points=6, seconds=600, solver=counted, threads=1, checkpoint=Checkpoint(path, problem)
    )
    assert not set(first) & set(solved)
    whole = sweep(problem, points=6, seconds=600, solver=quick, threads=1)
    assert [point.evaluation.exposure for point in again.points] == [
        point.evaluation.exposure for point in whole.points
    ]
    np.testing.assert_array_equal(again.hull_bound, whole.hull_bound)


def test_a_process_killed_in_the_middle_loses_little(tmp_path: Path) -> None:
    """A kill -9 at any moment leaves a whole checkpoint, and the next run is at least as good as it."""
    path, problem = tmp_path / "run.checkpoint", generate("S", 7, links=0.3, exclusions=0.05)
    code = (
        "import sys\nfrom pathlib import Path\n"
        "from poise.planning.checkpoint import Checkpoint\n"
        "from poise.planning.decomposition import solve\n"
        "from poise.planning.generate import generate\n"
        "problem = generate('S', 7, links=0.3, exclusions=0.05)\n"
        "file = Checkpoint(Path(sys.argv[1]), problem, every_seconds=0.01)\n"
        "solve(problem, 1.0, seconds=600, seed=7, resume=file.resume(1.0, 7), keep=file.keeper(1.0, 7))\n"
    )
    value, bound, work = np.inf, 0.0, 0
    for _ in range(3):
        child = subprocess.Popen([sys.executable, "-c", code, str(path)])
        until = time.monotonic() + 120
        while time.monotonic() < until:
            time.sleep(0.3)
            if (
                path.exists()
                and sum(part.work for part in Checkpoint(path, problem).resume(1.0, 7)) > work + 40
            ):
                break
        os.kill(child.pid, signal.SIGKILL)
        assert child.wait() == -signal.SIGKILL
        parts = Checkpoint(path, problem).resume(1.0, 7)
        assert sum(part.work for part in parts) > work
        kept = solve(problem, 1.0, steps=0, seed=7, resume=parts)
        assert evaluate(problem, kept.plan).is_feasible
        assert kept.value <= value
        assert kept.bound >= bound
        value, bound, work = kept.value, kept.bound, kept.work


def test_about_is_found_again(tmp_path: Path) -> None:
    """The same command, given again without a time, goes on with the time of the run that was killed."""
    path = tmp_path / "run.checkpoint"
    assert read_about(path) == {}
    problem = generate("tiny", 1)
    file = Checkpoint(path, problem, about={"now": "2026-01-05T08:00:00+00:00"})
    file.keep(1.0, 0, solve(problem, 1.0, steps=2).parts)
    assert read_about(path)["now"].startswith("2026-01-05")
