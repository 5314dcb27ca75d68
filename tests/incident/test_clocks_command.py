"""``poise incident clocks`` itself: each shipped regime's examples, zones, and what it refuses."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Any

import pytest

from poise.cli import main
from poise.incident.clocks.regime import Example, Rule, shipped

EXAMPLES = [(rule, example) for rule in shipped().values() for example in rule.examples]
NOW = "2026-11-25T12:00Z"


def clocks(capsys: pytest.CaptureFixture[str], *words: str, status: int = 0) -> str:
    assert main(["incident", "clocks", *words, "--now", NOW]) == status
    answer = capsys.readouterr()
    return answer.err if status else answer.out


def stages(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    answer = json.loads(clocks(capsys, *words, "--json"))
    return {one["stage"]: one for one in answer["stages"]}


@pytest.mark.parametrize(("of", "example"), EXAMPLES, ids=lambda one: getattr(one, "id", ""))
def test_every_regime_s_example_by_its_command(
    capsys: pytest.CaptureFixture[str], of: Rule, example: Example
) -> None:
    """Somebody who types the anchors gets the limits that were worked out by hand, in UTC and local time."""
    words = ["--regime", of.id, *(["--pending"] if of.status == "pending" else [])]
    words += [f"--anchor={name}={at.isoformat()}" for name, at in example.anchors.items()]
    words += [f"--sent={name}={at.isoformat()}" for name, at in example.sent.items()]
    found = stages(capsys, *words)
    assert set(found) == {stage.id for stage in of.stages}
    for name, due in example.expect.items():
        assert datetime.fromisoformat(found[name]["due"]) == due
        assert datetime.fromisoformat(found[name]["due_local"]) == due
    text = clocks(capsys, *words)
    assert of.citation in text
    assert "Not legal advice" in text
    assert all(f"{name}: " in text for name in example.anchors)


@pytest.mark.parametrize("of", shipped().values(), ids=lambda one: one.id)
def test_without_anchors_every_clock_waits_and_says_for_what(
    capsys: pytest.CaptureFixture[str], of: Rule
) -> None:
    """No date is made up; what has no number in the law says so."""
    found = stages(capsys, "--regime", of.id, "--pending")
    for stage in of.stages:
        assert found[stage.id]["due"] is None
        assert found[stage.id]["state"] == ("waiting" if stage.due else "no number")
        assert bool(found[stage.id]["waits_for"]) == bool(stage.due)


def due(capsys: pytest.CaptureFixture[str], at: str, *words: str, regime: str = "eu-gdpr-33") -> str:
    found = stages(capsys, "--regime", regime, "--anchor", f"aware={at}", *words)
    return str(next(iter(found.values()))["due"])


@pytest.mark.parametrize(
    ("at", "zone", "expected"),
    [
        ("2026-11-25T13:10+01:00", "", "2026-11-28T12:10:00Z"),
        ("2026-11-25T12:10Z", "Europe/Paris", "2026-11-28T12:10:00Z"),
        ("2026-11-25T12:10", "", "2026-11-28T12:10:00Z"),
        ("2026-11-25T13:10", "Europe/Paris", "2026-11-28T12:10:00Z"),
        # Skipped and doubled hours: the earlier reading, so that no limit comes out late.
        ("2026-03-29T02:30", "Europe/Paris", "2026-04-01T00:30:00Z"),
        ("2026-10-25T02:30", "Europe/Paris", "2026-10-28T00:30:00Z"),
        ("2026-10-25T02:30+01:00", "Europe/Paris", "2026-10-28T01:30:00Z"),
    ],
)
def test_an_anchor_s_zone(capsys: pytest.CaptureFixture[str], at: str, zone: str, expected: str) -> None:
    """A time is of its own zone, else of the one named, else UTC; the answer shows how it was read."""
    words = ["--timezone", zone] if zone else []
    assert due(capsys, at, *words) == expected
    text = clocks(capsys, "--regime", "eu-gdpr-33", "--anchor", f"aware={at}", *words)
    assert re.search(r"anchor        aware: \d+ \w+ 2026, \d\d:\d\d ", text)


@pytest.mark.parametrize(
    ("words", "reasons"),
    [
        (["--anchor", "knew=2026-11-25"], ["E833", "knows no 'knew'", "aware, high-risk"]),
        (["--anchor", "aware"], ["E833", "is no ISO time"]),
        (["--anchor", "aware=yesterday"], ["E833", "is no ISO time"]),
        (["--anchor", "aware=1980-01-01"], ["E833", "between 1990 and 2100"]),
        (["--anchor", "aware=2026-11-25", "--anchor", "aware=2026-11-24"], ["E833", "given twice"]),
        (["--anchor", "a=1", "--anchor", "b=1", "--sent", "c=1"], ["'a'", "'b'"]),
        (["--sent", "letter=2026-11-25"], ["E833", "knows no 'letter'", "authority"]),
        (["--timezone", "Mars/Olympus"], ["E833", "is no time zone"]),
        (["--calendar", "XX-1"], ["E834"]),
    ],
)
def test_what_is_wrong_is_refused_with_what_was_expected(
    capsys: pytest.CaptureFixture[str], words: list[str], reasons: list[str]
) -> None:
    """A clock on a mistyped anchor would be believed."""
    said = clocks(capsys, "--regime", "eu-gdpr-33", *words, status=2)
    assert all(reason in said for reason in reasons), said


def test_unknown_pending_and_missing_regimes(capsys: pytest.CaptureFixture[str]) -> None:
    """A name that is none, a law that is none yet, a file that is not there, and nothing named at all."""
    assert "eu-gdpr-33" in clocks(capsys, "--regime", "eu-gdpr-3", status=2)
    assert "E835" in clocks(capsys, "--regime", "us-circia", status=2)
    assert "none.toml" in clocks(capsys, "--rule", "none.toml", status=2)
    assert "E833" in clocks(capsys, status=2)
    assert "poise incident anchor" in clocks(capsys, "lyon", "--anchor", "aware=2026-11-25", status=2)
