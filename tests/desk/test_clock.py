"""The desk's clock: this machine's, but for the sample company, whose clock moves on and never back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from poise.desk import workspace
from poise.errors import DeskError


def test_only_a_samples_clock_moves_and_only_on(tmp_path: Path) -> None:
    """A ledger does not go back, and a real desk's time is nobody's to set."""
    now = datetime.now(UTC)
    with pytest.raises(DeskError, match="E875"):
        workspace.move_clock(tmp_path, now + timedelta(days=1))
    workspace.set_clock_ahead(tmp_path, now + timedelta(days=10))
    workspace.move_clock(tmp_path, now + timedelta(days=20))
    assert workspace.clock_ahead(tmp_path) > timedelta(days=19)
    with pytest.raises(DeskError, match="E875"):
        workspace.move_clock(tmp_path, now + timedelta(days=15))
