"""The frozen calibration of a workspace: made once, then read by every later plan."""

from __future__ import annotations

from pathlib import Path

import msgspec

from poise.errors import Fault, InputError
from poise.risk.rate import Calibration


def read_calibration(path: Path) -> Calibration | None:
    """Return the frozen calibration, None where none was kept yet."""
    if not path.exists():
        return None
    hint = "Restore it, or move it away to calibrate anew on today's backlog."
    try:
        calibration = msgspec.json.decode(path.read_bytes(), type=Calibration)
    except (OSError, msgspec.DecodeError) as error:
        raise InputError(Fault("E522", str(path), f"This is no calibration: {error}.", hint)) from error
    if not 0 < calibration.factor < float("inf"):
        message = f"The factor is {calibration.factor!r}; expected a number above zero."
        raise InputError(Fault("E522", str(path), message, hint))
    return calibration


def keep_calibration(path: Path, calibration: Calibration) -> None:
    """Write the calibration where none is kept; an existing one is never replaced."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(msgspec.json.format(msgspec.json.encode(calibration)) + b"\n")
