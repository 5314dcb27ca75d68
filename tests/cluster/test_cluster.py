"""Plans on a real Ray of several processes: the same as here, whatever happens to the processes."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from poise.cli import main
from poise.cluster import Cluster, connect
from poise.errors import ClusterError, ModelError
from poise.planning.caps import CapRow, join_caps
from poise.planning.decomposition import solve
from poise.planning.frontier import sweep
from poise.planning.generate import generate
from poise.planning.solvers import by_prices

# Ray leaves sockets to the garbage collector, and watches over its processes with a thread.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.mark.parametrize(
    ("links", "limits"),
    [(0.0, {"steps": 20}), (0.0, {"work": 51}), (0.3, {"steps": 20}), (0.0, {"steps": (9, 1, 0, 20)})],
)
def test_the_plan_is_that_of_one_process(cluster: Cluster, links: float, limits: dict[str, object]) -> None:
    """An agreement signed over a plan may not depend on how many machines computed it."""
    problem = generate("S", 3, links=links, exclusions=links / 6)
    here = solve(problem, 1.0, seed=4, **limits)  # type: ignore[arg-type]
    there = cluster.solve(problem, 1.0, seed=4, **limits)  # type: ignore[arg-type]
    assert here.plan.window.tobytes() == there.plan.window.tobytes()
    assert (here.value, here.bound) == (there.value, there.bound)
    assert here.part_work == there.part_work


def test_a_run_goes_on_elsewhere(cluster: Cluster) -> None:
    """What one process knows of the parts, another machine starts from."""
    problem = generate("S", 3)
    known = solve(problem, 1.0, steps=20, seed=4)
    here = solve(problem, 1.0, steps=30, seed=4, resume=known.parts)
    there = cluster.solve(problem, 1.0, steps=30, seed=4, resume=known.parts)
    assert here.plan.window.tobytes() == there.plan.window.tobytes()
    assert (here.bound, here.work) == (there.bound, there.work)


def test_a_run_ended_by_the_clock_is_repeated_by_its_steps(cluster: Cluster) -> None:
    """Processes do not wait for each other, yet what they did can be done again."""
    problem = generate("S", 3)
    timed = cluster.solve(problem, 1.0, seconds=0.6, seed=4)
    assert timed.stopped_by == "time"
    again = solve(problem, 1.0, steps=timed.part_work, seed=4)
    assert timed.plan.window.tobytes() == again.plan.window.tobytes()
    assert timed.bound == again.bound


def test_what_a_killed_process_was_working_on_is_computed_again(cluster: Cluster) -> None:
    """A machine that dies in the middle of a solve costs time, and nothing else."""
    problem = generate("S", 3)
    here = solve(problem, 1.0, steps=400, seed=4)
    cluster.solve(problem, 1.0, steps=1, seed=4)  # so that both processes run
    killed: list[int] = []

    def kill() -> None:
        time.sleep(0.4)
        killed.append(_planning_processes()[0])
        os.kill(killed[0], signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    there = cluster.solve(problem, 1.0, steps=400, seed=4)
    killer.join()
    assert killed[0] not in _planning_processes()
    assert len(_planning_processes()) == 2
    assert here.plan.window.tobytes() == there.plan.window.tobytes()
    assert (here.bound, here.work) == (there.bound, there.work)


def test_an_interrupt_keeps_the_best_so_far(cluster: Cluster) -> None:
    """Ctrl-C in a long solve ends it on every machine, with a confirmed plan and its bound."""
    problem = generate("S", 3)
    killer = threading.Timer(1.5, os.kill, (os.getpid(), signal.SIGINT))
    # A shell starts what it puts into the background deaf to Ctrl-C.
    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        killer.start()
        found = cluster.solve(problem, 1.0, seconds=600, seed=4)
    finally:
        signal.signal(signal.SIGINT, former)
    assert found.stopped_by == "time"
    assert found.evaluation.is_feasible
    assert 0 < found.bound <= found.value
    assert cluster.solve(problem, 1.0, steps=20, seed=4).stopped_by == "work"


def test_processes_that_die_of_the_work_itself_are_told(cluster: Cluster) -> None:
    """Work that kills every process it is given to may not go round for ever."""
    with pytest.raises(ClusterError, match="E327"):
        cluster.executor().submit(_die).result(timeout=120)


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_frontier_is_swept_on_the_cluster(cluster: Cluster) -> None:
    """The solver fits where the frontier asks for one, and two solves at a time do not mix."""
    problem = generate("S", 5)

    def quick(problem: object, weight: float, **more: object) -> object:
        return solve(problem, weight, **{**more, "steps": 18})  # type: ignore[arg-type]

    def quick_there(problem: object, weight: float, **more: object) -> object:
        return cluster.solve(problem, weight, **{**more, "steps": 18})  # type: ignore[arg-type]

    here, there = (
        sweep(problem, points=5, seconds=600, solver=by_prices(how))  # type: ignore[arg-type]
        for how in (quick, quick_there)
    )
    assert [p.plan.window.tobytes() for p in here.points] == [p.plan.window.tobytes() for p in there.points]
    np.testing.assert_array_equal(here.hull_bound, there.hull_bound)


def test_an_executor_keeps_order_and_survives_a_kill(cluster: Cluster, tmp_path: Path) -> None:
    """Chunks of a simulation come back in order, those of a killed process too."""
    executor = cluster.executor()
    assert list(executor.map(pow, range(10), [2] * 10)) == [n * n for n in range(10)]
    assert executor.submit(_die_once, tmp_path / "died").result(timeout=120) == "done"
    with pytest.raises(ModelError, match="E300"):
        executor.submit(_refuse).result(timeout=120)


def _die_once(mark: Path) -> str:
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return "done"


def _refuse() -> None:
    from poise.errors import Fault

    raise ModelError(Fault("E300", "chunk", "has no shape."))


def test_the_page_tells_what_works(cluster: Cluster) -> None:
    """The example that people copy is run as it stands."""
    page = (Path(__file__).parents[2] / "docs/long-runs.md").read_text(encoding="utf-8")
    example = page.split("```python\n")[1].split("```")[0]
    known = {"problem": generate("tiny", 1), "sweep": sweep, "simulate": abs, "chunks": [-1, 2, -3]}
    exec(example, known)
    assert known["results"] == [1, 2, 3]
    assert known["solution"].evaluation.is_feasible
    assert known["frontier"].points


def test_the_command_line_measures_on_the_cluster(
    cluster: Cluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One flag is all that a user needs; what cannot go together is said before anything starts."""
    command = ["bench", "plan", "--size", "S", "--seconds", "2", "--json", "--cluster"]
    assert main(command) == 0
    found = json.loads(capsys.readouterr().out)
    assert 0 < found["bound"] <= found["value"]
    assert found["violations"] == 0
    assert main([*command, "--checkpoint", str(tmp_path / "run")]) == 2
    assert "--checkpoint" in capsys.readouterr().err


def test_caps_are_refused_as_in_one_process(cluster: Cluster) -> None:
    """What no part sees alone no machine may pass over."""
    problem = generate("tiny", 1)
    caps = join_caps([CapRow(limit=1.0)], problem.num_changes)
    with pytest.raises(ModelError, match="E312"):
        cluster.solve(dataclasses.replace(problem, caps=caps), 1.0)


def test_nothing_of_it_listens_on_the_network(cluster: Cluster) -> None:
    """Whoever can reach Ray can run code: processes of this machine are for this machine."""
    cluster.solve(generate("tiny", 1), 1.0, steps=1)
    inodes = {
        os.readlink(link)[8:-1]
        for pid in _descendants(os.getpid())
        for link in Path(f"/proc/{pid}/fd").iterdir()
        if link.is_symlink() and os.readlink(link).startswith("socket:[")
    }
    seen = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in inodes:
                seen.append(fields[1].split(":")[0][-8:])
    assert seen
    assert set(seen) == {"0100007F"}


def test_an_address_where_nobody_listens_is_told_in_seconds() -> None:
    """A typing error in the address may not look like a long solve."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    code = (
        "from poise.cluster import connect\nfrom poise.errors import ClusterError\n"
        "try:\n with connect(): pass\nexcept ClusterError as error: print(error)\n"
    )
    for address in (f"127.0.0.1:{port}", "nonsense"):
        run = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "POISE_RAY_ADDRESS": address},
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        assert f"{address}: E326" in run.stdout


def test_without_ray_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Most installations have no Ray and need none."""
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ClusterError, match=r"poise\[cluster\]"), connect():
        pass


def _planning_processes() -> list[int]:
    """Return the processes of this test that plan."""
    return [pid for pid in _descendants(os.getpid()) if b"PartWorker" in _command(pid)]


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def _descendants(pid: int) -> list[int]:
    """Return the processes that one started, and those that they started."""
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += [int(child), *_descendants(int(child))]
    return found
