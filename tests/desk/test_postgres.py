"""The desk on PostgreSQL: the same tests, on a throw-away real cluster."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from desk.running import cluster, needs_postgres

pytestmark = [
    pytest.mark.postgres,
    needs_postgres,
    pytest.mark.skipif("POISE_DATABASE_URL" in os.environ, reason="is this very run"),
]


@pytest.mark.timeout(3_600)
def test_the_same_tests_hold_on_postgresql(tmp_path: Path) -> None:
    """A team's desk runs on PostgreSQL: locking, JSON and migrations must do there what they do on SQLite."""
    tests = [str(Path(__file__).parent), "-m", "not browser and not long and not postgres"]
    for attempt in ("first", "second"):
        with cluster(tmp_path / attempt) as running:
            done = subprocess.run(
                [sys.executable, "-m", "pytest", "-q", "-x", *tests],
                env={**os.environ, "POISE_DATABASE_URL": running.database("desk")},
                capture_output=True,
                text=True,
                timeout=1_770,
                check=False,
            )
            assert running.process is not None
            ended = running.process.poll()
        told = f"{done.stdout[-4000:]}{done.stderr[-2000:]}\nPostgreSQL: {running.log.read_text()[-3000:]}"
        if ended is None:
            break
        # Nothing that a client sends ends a server; a machine short of memory or disk does.
        warnings.warn(f"PostgreSQL itself ended with {ended} under the tests: {told}", stacklevel=1)
    assert done.returncode == 0, told
