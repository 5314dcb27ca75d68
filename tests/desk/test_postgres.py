"""The desk on PostgreSQL: the same tests, on a throw-away real cluster."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from desk.running import cluster, needs_postgres

pytestmark = [
    pytest.mark.postgres,
    needs_postgres,
    pytest.mark.skipif("POISE_DATABASE_URL" in os.environ, reason="is this very run"),
]


@pytest.mark.timeout(1_800)
def test_the_same_tests_hold_on_postgresql() -> None:
    """A team's desk runs on PostgreSQL: locking, JSON and migrations must do there what they do on SQLite."""
    tests = [str(Path(__file__).parent), "-m", "not browser and not long and not postgres"]
    with cluster() as running:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-x", *tests],
            env={**os.environ, "POISE_DATABASE_URL": running.database("desk")},
            capture_output=True,
            text=True,
            timeout=1_770,
            check=False,
        )
        told = f"{done.stdout[-4000:]}{done.stderr[-2000:]}\nPostgreSQL: {running.log.read_text()[-3000:]}"
    assert done.returncode == 0, told


def test_a_server_outlives_another_run_of_tests(tmp_path: Path) -> None:
    """Every pytest that starts closes pytest's folders to the user that the server runs as."""
    (tmp_path / "test_it.py").write_text("def test_it(tmp_path):\n    pass\n", encoding="utf-8")
    with cluster() as running:
        another = [sys.executable, "-m", "pytest", "-q", "-c", os.devnull, str(tmp_path / "test_it.py")]
        subprocess.run(another, capture_output=True, check=True)
        with psycopg.connect(running.url(), autocommit=True) as connection:
            connection.execute("CHECKPOINT")
            assert connection.execute("SELECT 1").fetchone() == (1,)
