"""The scripts that make the figures of docs/performance.md run, and say when a solver fails."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

BENCH = Path(__file__).resolve().parents[1] / "bench"


def run(script: str, *words: str | Path) -> str:
    """Run a script and return what it prints."""
    command = [sys.executable, str(BENCH / script), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=200).stdout


def figures(size: str, changes: int, links: float, seed: int, seconds: float | None) -> dict[str, object]:
    """Return what ``poise bench plan`` would print."""
    return {
        "size": size, "links": links, "seed": seed, "num_changes": changes, "seconds": 30.0 + seed,
        "seconds_to_1_percent": seconds, "gap": 0.004 * seed, "gap_reducible": 0.01 * seed, "violations": 0,
        "peak_rss_mb": 170.0 + changes / 1000,
    }  # fmt: skip


@pytest.mark.parametrize("reached", [2.5, None])
def test_the_picture_of_cost_against_size(tmp_path: Path, reached: float | None) -> None:
    """Every measured point is drawn inside the picture; what was not reached is left out, not drawn at 0."""
    rows = [
        figures(size, changes, links, seed, reached if size == "S" else 9.0)
        for size, changes in (("S", 3_000), ("M", 48_000), ("XL", 990_000))
        for links in (0.0, 0.3)
        for seed in (1, 2)
    ]
    (tmp_path / "rows.json").write_text(json.dumps(rows))
    printed = run("scaling.py", "--draw", tmp_path / "rows.json", "--svg", tmp_path / "out.svg")
    assert printed.count("| S |") == 2
    assert ("| not |" in printed) == (reached is None)
    root = ElementTree.fromstring((tmp_path / "out.svg").read_text(encoding="utf-8"))
    width, height = (float(word) for word in root.attrib["viewBox"].split()[2:])
    dots = root.findall(".//{*}g/{*}circle")
    assert len(dots) == 3 * len(rows) - (4 if reached is None else 0)
    for dot in dots:
        assert 0 < float(dot.attrib["cx"]) < width
        assert 0 < float(dot.attrib["cy"]) < height


def test_peers_are_judged_by_the_evaluator(tmp_path: Path) -> None:
    """On an instance that both solve to the end, both have the same value and a closed gap."""
    run(
        "peers.py",
        "--sizes",
        "tiny",
        "--seconds",
        "5",
        "--solvers",
        "poise",
        "HiGHS",
        "--json",
        tmp_path / "peers.json",
    )
    ours, highs = json.loads((tmp_path / "peers.json").read_text())
    assert ours["value"] == pytest.approx(highs["value"])
    assert (ours["violations"], highs["violations"]) == (0, 0)
    assert max(ours["gap"], highs["gap"]) < 1e-6


def test_a_peer_without_memory_is_reported_and_not_left_out(tmp_path: Path) -> None:
    """A solver that fails is a result too."""
    printed = run(
        "peers.py",
        "--sizes",
        "tiny",
        "--solvers",
        "HiGHS",
        "--memory-gb",
        "0.05",
        "--json",
        tmp_path / "peers.json",
    )
    assert "failure" in json.loads((tmp_path / "peers.json").read_text())[0]
    assert "| HiGHS | ended with" in printed or "| HiGHS | does not start" in printed
