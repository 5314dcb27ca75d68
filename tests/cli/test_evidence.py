"""poise simulate, sensitivity, replay and bench: what a newcomer types, and what cannot be."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from datetime import timedelta
from pathlib import Path

import pytest

from evidence.tables import FIRST, made_up
from poise.cli import main
from poise.risk.simulation.storage import encode
from risk.simulation.worlds import model


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Return a folder as poise plan leaves it, with its risk.json."""
    (tmp_path / "risk.json").write_bytes(encode(model(1)))
    return tmp_path


@pytest.fixture
def tables(tmp_path: Path) -> list[str]:
    """Return the options that name small made-up tables of twelve weeks."""
    epss, kev, history = made_up(1).write(tmp_path)
    days = ["--from", FIRST.isoformat(), "--to", (FIRST + timedelta(days=34)).isoformat()]
    return ["--epss", str(epss), "--kev", str(kev), "--history", str(history), *days]


def test_simulate_prints_a_table_and_json(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Both say the same, and the draws are those asked for."""
    assert main(["simulate", str(out), "--draws", "2000", "--knowledge", "20"]) == 0
    table = capsys.readouterr().out
    assert main(["simulate", str(out / "risk.json"), "--draws", "2000", "--knowledge", "20", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["draws"] == 2000
    assert found["seed"] == 1
    for plan in found["plans"]:
        assert plan["label"] in table
        assert plan["expected_loss_low"] <= plan["expected_loss_high"]
        assert len(plan["loss_dots"]) == 100
        assert plan["loss_dots"] == sorted(plan["loss_dots"])


def test_sensitivity_prints_json_and_a_picture(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The tornado as data, and as a picture that an XML reader takes."""
    svg = out / "tornado.svg"
    command = [
        "sensitivity",
        str(out),
        "--of",
        "p1",
        "--against",
        "default",
        "--knowledge",
        "20",
        "--svg",
        str(svg),
    ]
    assert main([*command, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["tornado"][0]["input"]
    assert ElementTree.parse(svg).getroot().tag.endswith("svg")
    assert main(command) == 0
    assert "other plan is better" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("command", "fault"),
    [
        (["simulate", "nowhere"], "E580"),
        (["simulate", "{out}", "--draws", "10"], "E581"),
        (["sensitivity", "{out}", "--of", "best"], "E582"),
        (["sensitivity", "{out}", "--of", "nash", "--against", "nash"], "E582"),
        (["bench", "companies", "--company", "circus"], "E585"),
    ],
)
def test_what_cannot_be_is_said(
    out: Path, command: list[str], fault: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wrong name or number is a fault with an id and exit code 2, before anything is computed."""
    assert main([word.format(out=out) for word in command]) == 2
    assert fault in capsys.readouterr().err


def test_replay_prints_a_table_and_json(tables: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Weeks, ways and savings of the companies asked for."""
    command = ["replay", *tables, "--company", "software", "--ways", "poise-w0.01", "poise-w1", "cvss-first"]
    assert main([*command, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["weeks"] == 5
    span = found["companies"]["software"]["spans"]["all"]
    assert set(span["ways"]) == {"poise-w0.01", "poise-w1", "cvss-first"}
    assert set(span["savings"]) == {"cvss-first"}
    assert len(found["companies"]["software"]["weekly"]["cvss-first"]) == 5
    assert main(command) == 0
    assert "cvss-first" in capsys.readouterr().out


def test_replay_says_what_it_lacks(tables: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Without the history of KEV the result says so; without scores it refuses; all wrong words at once."""
    without = [
        word for place, word in enumerate(tables) if "--history" not in tables[max(0, place - 1) : place + 1]
    ]
    assert main(["replay", *without, "--company", "office", "--ways", "cvss-first", "--json"]) == 0
    assert "No KEV change history" in json.loads(capsys.readouterr().out)["notices"][0]
    assert main(["replay", *tables, "--company", "circus", "--ways", "magic", "--cvss-correlation", "7"]) == 2
    told = capsys.readouterr().err
    assert told.count("E585") == 3
    early = [*tables[:-4], "--from", "2020-01-06", "--to", "2020-03-01"]
    assert main(["replay", *early]) == 3
    assert "E584" in capsys.readouterr().err


def test_calibration_draws_a_diagram(
    tables: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One diagram per EPSS version, its label in the title."""
    assert main(["bench", "calibration", *tables, "--svg", str(tmp_path / "svg"), "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    picture = (tmp_path / "svg/reliability-1.svg").read_text()
    assert "listed in KEV within 30 days" in picture
    assert found["title"] in picture


@pytest.mark.long
def test_a_cluster_gives_the_same_bytes(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Draws belong to their numbers, so other processes change nothing but the time."""
    command = ["simulate", str(out), "--draws", "4000", "--knowledge", "40", "--json"]
    assert main(command) == 0
    here = capsys.readouterr().out
    assert main([*command, "--cluster"]) == 0
    assert capsys.readouterr().out == here
