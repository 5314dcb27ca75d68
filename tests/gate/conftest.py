"""What the gate's tests share."""

from __future__ import annotations

from pathlib import Path

import pytest

from gate.build import Desk


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Return a folder in which deliveries are judged."""
    return Desk(tmp_path)
