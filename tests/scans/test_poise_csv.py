"""Poise's own CSV: what its page promises, and how strictly it is read."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest

from poise.scans.formats.poise_csv import COLUMNS
from scans.samples_of import read_file, read_sample

_PAGE = (Path(__file__).resolve().parents[2] / "docs" / "data-poise-csv.md").read_text(encoding="utf-8")


def test_example_of_the_page_reads_as_it_says(tmp_path: Path) -> None:
    """An example that does not work teaches the wrong format."""
    example = re.search(r"```csv\n(.*?)```", _PAGE, re.DOTALL)
    assert example
    path = tmp_path / "example.csv"
    path.write_text(example[1], encoding="utf-8")
    findings, faults = read_file(path)
    assert [one.asset.hostnames[0] for one in findings] == ["web1.example.org", "db1.example.org"]
    assert findings[1].cves == ("CVE-2024-10977", "CVE-2024-10978")
    assert findings[1].severity is None
    assert [(fault.id, fault.where.rpartition(":")[2]) for fault in faults] == [("E411", "line 4")]


def test_page_describes_every_column() -> None:
    """A column that nobody knows of is not used."""
    table = _PAGE.partition("## Columns")[2]
    described = {
        name
        for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
        for name in re.findall(r"`(\w+)`", row)
    }
    assert described == set(COLUMNS)


def test_fields_of_a_row() -> None:
    """Every column ends up in its field."""
    findings, faults = read_sample("poise/findings.csv")
    log4j, plant = findings
    assert log4j.component.fixed_versions == ("2.17.1", "2.12.4")
    assert log4j.first_seen is not None
    assert log4j.first_seen.utcoffset() == timedelta(hours=1)
    assert (log4j.port, log4j.cvss_score, log4j.asset.tags) == ("8080/tcp", 10.0, ("web", "prod"))
    assert log4j.title == "CVE-2021-44228 in log4j-core"
    assert (plant.aliases, plant.status, plant.severity) == (("PT-2026-07",), "accepted", None)
    assert not faults


@pytest.mark.parametrize(
    ("column", "cell", "identifier"),
    [
        ("severity", "hgh", "E414"),
        ("cve", "CVE-2021-4422X", "E414"),
        ("cve", "", "E411"),
        ("first_seen", "13/12/2021", "E414"),
        ("cvss_score", "11", "E414"),
        ("cvss_vector", "bad", "E414"),
        ("ip", "10.0.0.300", "E414"),
        ("port", "70000", "E414"),
        ("status", "done", "E414"),
        ("kind", "bug", "E414"),
        ("host", "", "E411"),
    ],
)
def test_mistyped_cells_are_told(column: str, cell: str, identifier: str, tmp_path: Path) -> None:
    """A person can mend a row; a silent unknown would stay."""
    row = {"host": "web1", "cve": "CVE-2021-44228"} | {column: cell}
    path = tmp_path / "x.csv"
    path.write_text(",".join(row) + "\n" + ",".join(row.values()) + "\nweb2" + "," * (len(row) - 1) + "\n")
    findings, faults = read_file(path)
    assert not findings
    assert [fault.id for fault in faults] == [identifier, "E411"]
    assert faults[0].where == f"{path}:line 2"
    assert not cell or repr(cell) in faults[0].message


def test_unknown_column_is_told_with_its_neighbour(tmp_path: Path) -> None:
    """Cells under a mistyped name would be lost without a word."""
    path = tmp_path / "x.csv"
    path.write_text("host,cve,severty\nweb1,CVE-2021-44228,high\n")
    findings, faults = read_file(path)
    assert findings[0].severity is None
    assert [fault.hint for fault in faults] == ["Did you mean 'severity'?"]
