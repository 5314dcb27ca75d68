"""What docs/ledger.md shows is what happens."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from ledger.company import full
from poise.cli import main
from poise.cli.key import ROLES as OFFERED
from poise.ledger import keyfile
from poise.ledger.keyrecords import ROLES
from poise.ledger.transfer import export_file

PAGE = (Path(__file__).resolve().parents[2] / "docs/ledger.md").read_text(encoding="utf-8")
COMMANDS = re.findall(
    r"^\$ poise (.+)\n((?:(?!\$ ).+\n)*)", "\n".join(re.findall(r"```console\n(.+?)```", PAGE, re.S)), re.M
)
LIBRARY, WITHOUT_POISE = re.findall(r"```python\n(.+?)```", PAGE, re.S)


def test_the_session_of_the_page_goes_as_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every command in its order; three dots stand for hashes and for what is left out."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(keyfile, "KDF_ROUNDS", 2)  # not a second for each passphrase
    monkeypatch.delenv("POISE_HOME", raising=False)
    monkeypatch.setenv("POISE_PASSPHRASE", "four odd words of the page")
    (tmp_path / "plan.json").write_text('{"plan": "2026-W03", "residual_risks": []}', encoding="utf-8")
    (tmp_path / "done.json").write_text('{"change": "CH-1", "status": "done"}', encoding="utf-8")
    assert len(COMMANDS) > 15
    for command, shown in COMMANDS:
        code = main(shlex.split(command))
        said = capsys.readouterr()
        pattern = ".*".join(re.escape(part) for part in re.split(r"\.{3}", shown.strip()))
        assert re.fullmatch(pattern, (said.out + said.err).strip(), re.DOTALL), (
            f"{command}\n{said.out}{said.err}"
        )
        assert code == (4 if "E743" in shown else 0)


def test_the_library_example_runs(tmp_path: Path) -> None:
    """It is what the other rooms start from."""
    subprocess.run([sys.executable, "-c", LIBRARY], check=True, timeout=60, cwd=tmp_path)


def test_an_independent_program_agrees(tmp_path: Path) -> None:
    """The page's own verifier shares no code with Poise: it accepts what holds and finds what was changed."""
    path = tmp_path / "ledger.jsonl"
    with full(tmp_path / "ledger.sqlite") as ledger:
        export_file(ledger, path)
        head = ledger.head
    run = [sys.executable, "-c", WITHOUT_POISE, str(path)]
    held = subprocess.run(run, check=True, timeout=60, capture_output=True, text=True)
    assert held.stdout == f"{head.size} records hold, to {head.hash}\n"
    whole = path.read_bytes()
    for place in range(200, len(whole), len(whole) // 12):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert subprocess.run(run, timeout=60, capture_output=True).returncode != 0, place


def test_roles_are_spelled_alike() -> None:
    """The command line spells them again, so that --help does not import the ledger."""
    assert OFFERED == ROLES
    assert all(f"`{role}`" in PAGE for role in ROLES)
