"""Fixtures of the incident room."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from incident.cases import Desk


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Give a room with an open incident."""
    made = Desk(tmp_path)
    made.open()
    yield made
    made.room.ledger.close()
