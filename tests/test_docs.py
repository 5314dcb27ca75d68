"""The documents say what the program does."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from poise.cli import build_parser
from poise.errors import FAULT_IDS
from poise.patching.outcomes import COLUMNS
from poise.patching.planner import CHOICES
from poise.risk.parameters import SOURCES, RiskParameters
from poise.scans import all_formats

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def commands(parser: argparse.ArgumentParser, name: str) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Yield every command that does something, with its parser."""
    nested = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not nested:
        yield name, parser
    for action in nested:
        for verb, child in action.choices.items():
            yield from commands(child, f"{name} {verb}")


COMMANDS = dict(commands(build_parser(), "poise"))


def test_every_fault_id_is_explained() -> None:
    """docs/errors.md lists exactly the ids that can be printed, with their meaning."""
    rows = dict(re.findall(r"^\| (E\d{3}) \| (.+) \|$", (ROOT / "docs/errors.md").read_text(), re.MULTILINE))
    assert rows == {id: text.replace("|", "\\|") for id, text in FAULT_IDS.items()}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_documented(command: str) -> None:
    """A command that no page names does not exist for a reader."""
    assert any(command in page.read_text(encoding="utf-8") for page in PAGES)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_has_help(command: str) -> None:
    """--help leaves no option unexplained."""
    assert all(action.help for action in COMMANDS[command]._actions)


def test_links_between_pages_lead_somewhere() -> None:
    """A relative link names a file of the repository."""
    broken = [
        f"{page.name}: {target}"
        for page in PAGES
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
        if not (page.parent / target).exists()
    ]
    assert not broken


def test_the_readme_is_read_in_two_minutes() -> None:
    """Under 120 lines."""
    assert len((ROOT / "README.md").read_text().splitlines()) < 120


def test_the_choices_of_the_command_are_those_of_the_planner() -> None:
    """They are spelled twice, so that --help does not import the planner."""
    (choose,) = [action for action in COMMANDS["poise plan"]._actions if action.dest == "choose"]
    assert tuple(choose.choices or ()) == CHOICES


def test_every_default_of_the_risk_model_has_its_source() -> None:
    """A default without a source is an opinion nobody signed."""
    model = (ROOT / "docs/model.md").read_text()
    assert set(SOURCES) <= set(RiskParameters.__dataclass_fields__)
    for value in ("0.030", "1.5", "30 days", "14 days", "0.02"):
        assert value in model


def test_every_format_is_listed() -> None:
    """Whether a scanner can be read is the first thing that people look up."""
    page = (ROOT / "docs/data.md").read_text(encoding="utf-8")
    assert not [one.name for one in all_formats() if f"`{one.name}`" not in page]


def test_every_column_of_outcomes_is_explained() -> None:
    """A change manager fills in what the page names."""
    page = (ROOT / "docs/data.md").read_text(encoding="utf-8")
    assert not [column for column in COLUMNS if f"`{column}`" not in page]
