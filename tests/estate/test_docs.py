"""docs/estate.md says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from estate.samples import WEEKLY
from poise.estate import load_estate
from poise.estate import vocabulary as words

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "estate.md").read_text(encoding="utf-8")


def test_the_example_loads(tmp_path: Path) -> None:
    """A reader may copy the example, and it exercises every key but freezes of a file."""
    example = re.search(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
    assert example is not None
    for name in ("weekly", "monthly"):
        (tmp_path / f"{name}.ics").write_text(WEEKLY, encoding="utf-8")
    (tmp_path / "estate.yaml").write_text(example[1], encoding="utf-8")
    estate = load_estate(tmp_path)
    assert len(estate.groups) == 4
    assert not estate.standing_policy.assumed
    assert estate.services["wiki"].downtime_cost_per_hour[0, 9] == 3000


@pytest.mark.parametrize(
    "word", sorted({key for section in words.SECTIONS.values() for key in section} | set(words.TOP_LEVEL))
)
def test_every_word_is_explained(word: str) -> None:
    """No key works that the page does not name."""
    assert f"`{word}`" in TEXT


def test_stand_ins_are_the_ones_in_use() -> None:
    """The table of assumed values shows the figures of the code."""
    for tier, (costs, low, high) in words.built_in_tiers().items():
        row = next(line for line in TEXT.split("\n") if line.startswith(f"| tier {tier} "))
        for figure in (costs[0, 9], costs[6, 9], low, high):
            assert f"{figure:,.0f}" in row
    assert f"reboot {words.ASSUMED_REBOOT_MINUTES:.0f} min" in TEXT
    assert f"labour {words.ASSUMED_LABOUR_MINUTES:.0f} min" in TEXT
    assert f"{words.ASSUMED_LABOUR_PER_CHANGE_MINUTES:.0f} min per change" in TEXT
    assert f"capacity loss {words.ASSUMED_CAPACITY_LOSS:.0%}".replace("%", " %") in TEXT
    assert f"capacity {words.ASSUMED_CAPACITY_MINUTES / 60:.0f} h per window" in TEXT
    assert f"{words.ASSUMED_HOURLY_RATE:.0f} per hour" in TEXT
    assert f"overtime factor {words.ASSUMED_OVERTIME_FACTOR}" in TEXT
