"""What docs/negotiation.md shows is what happens."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import msgspec
import pytest
import yaml

from poise.cli import main
from poise.ledger import keyfile
from poise.sample import NOW, write_sample
from poise.sample.feeds import fill_store
from poise.table.agreement import Terms

PAGE = (Path(__file__).resolve().parents[2] / "docs/negotiation.md").read_text(encoding="utf-8")
COMMANDS = re.findall(
    r"^\$ poise (.+)\n((?:(?!\$ ).*\n)*)", "\n".join(re.findall(r"```console\n(.+?)```", PAGE, re.S)), re.M
)
OPERATIONS, SECURITY, TERMS = re.findall(r"```yaml\n(.+?)```", PAGE, re.S)
#: What the page says is refused, cannot hold or is not there.
EXIT_CODES = {"E557": 2, "No plan meets all limits": 1, "No bundle was found": 1}


def without_figures(text: str) -> str:
    """Return a text with its numbers masked and its columns closed up: a better solver changes those only."""
    return re.sub(r" +", " ", re.sub(r"-?\d[\d,]*(\.\d+)?( [kM]\b)?", "#", text))


@pytest.mark.timeout(300)
def test_the_negotiation_of_the_page_goes_as_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """From keys to a replayed agreement, every command in its order; three dots stand for what varies."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(keyfile, "KDF_ROUNDS", 2)
    monkeypatch.delenv("POISE_HOME", raising=False)
    monkeypatch.setenv("POISE_PASSPHRASE", "four odd words of the page")
    write_sample(tmp_path / "demo/company")
    fill_store(tmp_path / "demo/company/threats")
    (tmp_path / "operations.yaml").write_text(OPERATIONS, encoding="utf-8")
    (tmp_path / "security.yaml").write_text(SECURITY, encoding="utf-8")
    assert len(COMMANDS) > 20
    for command, shown in COMMANDS:
        now = [] if command.startswith("ledger sign") else ["--now", NOW.isoformat()]
        code = main([*shlex.split(command), *now])
        said = capsys.readouterr()
        pattern = ".*".join(re.escape(part) for part in re.split(r"\.{3}", without_figures(shown.strip())))
        assert re.fullmatch(pattern, without_figures((said.out + said.err).strip()), re.DOTALL), (
            f"{command}\n{said.out}{said.err}"
        )
        assert code == next((exit for text, exit in EXIT_CODES.items() if text in shown), 0)


def test_the_terms_of_the_page_can_be_read() -> None:
    """Whoever copies them gets the triggers they name."""
    terms = msgspec.convert(yaml.safe_load(TERMS), Terms)
    assert {trigger.kind for trigger in terms.triggers} == {
        "kev",
        "exposure",
        "window",
        "team",
        "data",
        "exception",
    }
