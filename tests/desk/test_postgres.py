"""The desk on PostgreSQL: the same tests, on a throw-away real cluster."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from desk.running import cluster, needs_postgres

pytestmark = [
    pytest.mark.postgres,
    needs_postgres,
    pytest.mark.skipif("POISE_DATABASE_URL" in os.environ, reason="is this very run"),
]


@pytest.mark.timeout(1_800)
def test_the_same_tests_hold_on_postgresql(tmp_path: Path) -> None:
    """A team's desk runs on PostgreSQL: locking, JSON and migrations must do there what they do on SQLite."""
    with cluster(tmp_path) as running:
        address = running.database("desk")
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "pytest",
                "-q",
                "-x",
                str(Path(__file__).parent),
                "-m",
                "not browser and not long and not postgres",
            ],
            env={**os.environ, "POISE_DATABASE_URL": address},
            capture_output=True,
            text=True,
            timeout=1_770,
            check=False,
        )
    told = f"{done.stdout[-4000:]}{done.stderr[-2000:]}\n{running.process}: {running.log.read_text()[-2000:]}"
    assert done.returncode == 0, told
