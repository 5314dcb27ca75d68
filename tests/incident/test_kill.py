"""A writer that is killed in the middle loses no statement that it had acknowledged."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from incident.cases import Desk

PROGRAM = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from incident.cases import Desk
desk = Desk(Path(sys.argv[1]))
for number in range(10_000):
    print(desk.state(number / 60 + 1, text=f"Statement {number}"), flush=True)
"""


def test_kill_loses_no_acknowledged_statement(tmp_path: Path) -> None:
    """What was said to be recorded is there after SIGKILL, the chain is whole, and writing goes on."""
    desk = Desk(tmp_path)
    desk.open()
    desk.state(0.5, 60_000)
    command = [sys.executable, "-c", PROGRAM, str(tmp_path), str(Path(__file__).resolve().parents[1])]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        acknowledged = [process.stdout.readline().strip() for _ in range(40)]
        os.kill(process.pid, signal.SIGKILL)
        acknowledged += [line.strip() for line in process.stdout if len(line) == 65]
    again = Desk(tmp_path)
    assert set(acknowledged) <= set(again.case.statements)
    assert again.room.ledger.verify().broken is None
    assert again.state(9_000, text="Afterwards") in again.case.statements
