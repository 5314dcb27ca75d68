"""What docs/incidents.md shows is what happens."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from poise.cli import main
from poise.incident.delivery import read_channels

PAGE = (Path(__file__).resolve().parents[2] / "docs/incidents.md").read_text(encoding="utf-8")
COMMANDS = re.findall(
    r"^\$ poise (.+)\n((?:(?!\$ ).*\n)*)", "\n".join(re.findall(r"```console\n(.+?)```", PAGE, re.S)), re.M
)


def moment(command: str) -> str:
    """Return the time at which a command is given."""
    return command.partition("--now ")[2]


def test_the_incident_of_the_page_goes_as_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every command, in the order of its time; three dots stand for what varies."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("POISE_HOME", raising=False)
    played = [one for one in COMMANDS if "waiting" not in one[0].split()[1]]
    acts = sorted((one for one in played if "--as-of" not in one[0]), key=lambda one: moment(one[0]) or "9")
    looks = [one for one in played if "--as-of" in one[0]]
    assert len(acts) > 15
    for command, shown in [*acts, *looks]:
        code = main(shlex.split(command))
        said = capsys.readouterr()
        pattern = ".*".join(re.escape(part) for part in re.split(r"\.{3}", shown.strip()))
        assert re.fullmatch(pattern, said.out.strip(), re.DOTALL), f"{command}\n{said.out}{said.err}"
        assert code == 0


def test_the_channels_of_the_page_can_be_read(tmp_path: Path) -> None:
    """Whoever copies the example has channels."""
    path = tmp_path / "channels.toml"
    path.write_text(re.findall(r"```toml\n(.+?)```", PAGE, re.S)[0])
    assert set(read_channels(path)) == {"mail-cio", "chat"}
