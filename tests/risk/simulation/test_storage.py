"""risk.json: what is written is read back, and what cannot be is refused with every fault."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from poise.errors import InputError
from poise.risk.simulation.storage import encode, read_model
from risk.simulation.worlds import model


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    """Byte for byte, so a simulation on another machine has the same model."""
    path = tmp_path / "risk.json"
    path.write_bytes(encode(model(1)))
    assert encode(read_model(path)) == path.read_bytes()


@pytest.mark.parametrize(
    ("part", "name", "value"),
    [
        ("events", "entry_change", [99] * 18),
        ("events", "entry_share", [2.0] * 18),
        ("events", "probability", [1.0] * 12),
        ("events", "zone", "internet"),
        ("work", "recovery_hours", [-1.0] * 6),
        ("work", "failed", [1.0]),
        ("work", "failed", 1.0),
        ("work", "team", [[0] * 6]),
        ("plans", "open_days", [[1.0] * 6] * 2),
        ("plans", "open_days", [[1e9] * 6] * 3),
        ("plans", "late_cost", [None, 0.0, 0.0]),
        ("inputs", "calibration", None),
        ("inputs", "kev_floor", 1.5),
    ],
)
def test_arrays_that_cannot_be_are_refused(tmp_path: Path, part: str, name: str, value: object) -> None:
    """A file from elsewhere must not lead to a figure, a crash or a hang."""
    told = json.loads(encode(model(1)))
    told[part][name] = value
    path = tmp_path / "risk.json"
    path.write_text(json.dumps(told))
    with pytest.raises(InputError, match="E580"):
        read_model(path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.integers(0, 10**6), st.binary(min_size=1, max_size=8))
def test_damage_is_told_or_harmless(tmp_path: Path, place: int, bytes_: bytes) -> None:
    """Bytes changed anywhere give E580 or a model that can be used."""
    data = bytearray(encode(model(1)))
    place %= len(data)
    data[place : place + len(bytes_)] = bytes_
    path = tmp_path / "risk.json"
    path.write_bytes(bytes(data))
    with contextlib.suppress(InputError):
        assert len(read_model(path).plans) == 3
