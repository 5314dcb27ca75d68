"""Summaries: stable counts, bounded lists, all or nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from poise.errors import ScanFormatError
from poise.scans import read_scan, reading, summarise
from scans.corpus import label, samples

NESSUS = next(path for path in samples() if label(path) == "xml/nessus.nessus")


def _many(count: int, attributes: str) -> str:
    items = "".join(f'<ReportItem port="{n}" {attributes.format(n=n)}/>' for n in range(count))
    host = f'<ReportHost name="a">{items}</ReportHost>'
    return f"<NessusClientData_v2><Report>{host}</Report></NessusClientData_v2>"


def test_records_of_one_identity_count_once(tmp_path: Path) -> None:
    """A plugin at a thousand ports is one finding, and the records stay countable."""
    path = tmp_path / "r"
    path.write_text(_many(1_000, 'severity="2" pluginID="7"'), encoding="utf-8")
    (summary,) = summarise(path)
    assert (summary.findings, summary.records, summary.ids) == (1, 1_000, ("nessus:7",))
    assert summary.kinds == {"vulnerability": 1}
    assert summary.severities == {"medium": 1}


def test_ids_are_the_first_ten_in_the_order_of_the_file(tmp_path: Path) -> None:
    """They are a look into the file, not the file."""
    path = tmp_path / "r"
    path.write_text(_many(30, 'severity="2" pluginID="{n}"'), encoding="utf-8")
    (summary,) = summarise(path)
    assert summary.ids == tuple(f"nessus:{n}" for n in range(10))
    assert summary.findings == 30


def test_faults_are_listed_up_to_a_bound_and_counted_beyond(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A million faulty records must not fill the memory."""
    monkeypatch.setattr(reading, "LISTED_FAULTS", 5)
    path = tmp_path / "r"
    path.write_text(_many(12, 'severity="2"'), encoding="utf-8")
    (summary,) = summarise(path)
    assert len(summary.faults) == 6
    assert "7 more records" in summary.faults[-1].message
    assert not summary.refused


def test_reading_again_starts_anew() -> None:
    """A report is a stream that can be asked twice; its faults must not pile up."""
    (report,) = read_scan(NESSUS)
    first = list(report)
    faults = list(report.faults)
    assert list(report) == first
    assert report.faults == faults


def test_counts_do_not_depend_on_the_process() -> None:
    """Python's own hash changes with every process; two people must get one number."""
    program = f"from poise.scans import summarise; print(summarise({str(NESSUS)!r})[0].as_dict())"
    printed = {
        subprocess.run(
            [sys.executable, "-c", program], env={"PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(printed) == 1


def test_a_named_format_must_exist_and_fit() -> None:
    """A slip in --format should say what can be said instead."""
    with pytest.raises(ScanFormatError, match=r"There is no format 'nesus'(.|\n)*nessus-xml"):
        read_scan(NESSUS, format="nesus")
    with pytest.raises(ScanFormatError, match="does not read a single file"):
        read_scan(NESSUS, format="defender-zip")
    assert summarise(NESSUS, format="nessus-xml") == summarise(NESSUS)
