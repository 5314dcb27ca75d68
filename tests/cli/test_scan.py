"""``poise scan`` as people and programs call it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from poise.cli import main

SAMPLES = Path(__file__).resolve().parents[1] / "scans" / "samples" / "xml"


def test_json_has_the_published_shape(capsys: pytest.CaptureFixture[str]) -> None:
    """Scripts rest on these keys."""
    assert main(["scan", "read", "--json", str(SAMPLES / "nessus.nessus")]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert list(printed) == ["files"]
    (one,) = printed["files"]
    assert list(one) == ["file", "format", "findings", "records", "ids", "faults"]
    assert one["format"] == "nessus-xml"
    assert one["ids"][:2] == ["CVE-2017-0144", "CVE-2007-0905"]
    assert list(one["faults"][0]) == ["id", "where", "message", "hint"]


def test_a_refused_file_makes_the_exit_code_two_and_spares_the_others(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """One bad file of twenty must neither hide nor stop the rest."""
    bad = tmp_path / "bad.xml"
    bad.write_text("<html>")
    assert main(["scan", "read", "--json", str(bad), str(SAMPLES / "openvas.xml")]) == 2
    first, second = json.loads(capsys.readouterr().out)["files"]
    assert (first["findings"], first["format"], first["faults"][0]["id"]) == (0, None, "E404")
    assert second["findings"] == 4


def test_the_table_says_what_is_in_the_file(capsys: pytest.CaptureFixture[str]) -> None:
    """A person wants kinds and severities, and the faults with their places."""
    assert main(["scan", "read", str(SAMPLES / "nessus.nessus")]) == 0
    printed = capsys.readouterr()
    assert "1 critical" in printed.out
    assert "information" in printed.out
    assert "E411 The ReportItem has no pluginID." in printed.err


def test_names_in_files_are_no_markup(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Brackets in a file's name once styled, or broke, the table."""
    monkeypatch.setenv("COLUMNS", "400")
    odd = tmp_path / "[red]a[closing].nessus"
    odd.write_bytes((SAMPLES / "nessus.nessus").read_bytes())
    assert main(["scan", "read", str(odd)]) == 0
    assert "[red]a[closing]" in capsys.readouterr().out


def test_formats_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    """The list answers whether a scanner can be read at all."""
    assert main(["scan", "formats", "--json"]) == 0
    names = {one["name"] for one in json.loads(capsys.readouterr().out)["formats"]}
    assert {"nessus-xml", "trivy-json", "poise-csv", "defender-zip"} <= names


def test_add_keeps_findings_in_the_workspace(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """What is added is what a plan reads later."""
    from poise.scans.snapshot import read_snapshot

    command = ["scan", "add", "--json", "--workspace", str(tmp_path), str(SAMPLES / "openvas.xml")]
    assert main(command) == 0
    assert main(command) == 0
    assert json.loads(capsys.readouterr().out.partition("}\n{")[0].strip() + "}")["files"][0]["findings"] == 4
    assert len(list(read_snapshot(tmp_path / "scans"))) == 4
