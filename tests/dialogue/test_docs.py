"""What docs/dialogue.md shows is what happens, and the kinds it lists are those there are."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import msgspec
import pytest

from poise.cli import main
from poise.dialogue.acts import ACTS

PAGE = (Path(__file__).resolve().parents[2] / "docs/dialogue.md").read_text(encoding="utf-8")
COMMANDS = re.findall(
    r"^\$ poise (.+)\n((?:(?!\$ ).*\n)*)", "\n".join(re.findall(r"```console\n(.+?)```", PAGE, re.S)), re.M
)
FILES = re.findall(r"^`(\w+\.yaml)`.*?\n\n```yaml\n(.+?)```", PAGE, re.S | re.M)


def test_the_week_of_the_page_goes_as_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every command in its order; three dots stand for what varies."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("POISE_HOME", raising=False)
    for name, content in FILES:
        (tmp_path / name).write_text(content, encoding="utf-8")
    assert len(COMMANDS) > 12
    for command, shown in COMMANDS:
        code = main([*shlex.split(command), "--now", "2026-01-05T08:00Z"])
        said = capsys.readouterr()
        pattern = ".*".join(re.escape(part) for part in re.split(r"\.{3}", shown.strip()))
        assert re.fullmatch(pattern, (said.out + said.err).strip(), re.DOTALL), (
            f"{command}\n{said.out}{said.err}"
        )
        assert code == (2 if "E853" in shown else 0)


def test_every_kind_is_listed_with_its_fields() -> None:
    """Whoever writes a file looks here; bold is what may not be left out."""
    for kind, act in ACTS.items():
        required = {field.name for field in msgspec.structs.fields(act) if field.required}
        fields = ", ".join(
            f"**{name}**" if name in required else name for name in act.__struct_fields__ if name != "party"
        )
        assert f"| `{kind}` | {fields} |" in PAGE
