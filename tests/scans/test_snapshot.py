"""Findings on disk: stored once, read back whole, and never half."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from poise.errors import ScanFormatError
from poise.scans import read_scan, summarise
from poise.scans.snapshot import add_scan, read_snapshot
from scans.corpus import label, samples

NESSUS = next(path for path in samples() if label(path) == "xml/nessus.nessus")
OPENVAS = next(path for path in samples() if label(path) == "xml/openvas.xml")


def _stored(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*"))


@pytest.mark.parametrize("sample", samples(), ids=label)
def test_what_is_read_back_is_what_was_read(sample: Path, tmp_path: Path) -> None:
    """A plan rests on the snapshot, so it must be the report, field by field."""
    assert add_scan(sample, tmp_path) == summarise(sample)
    assert list(read_snapshot(tmp_path)) == [one for report in read_scan(sample) for one in report]


def test_the_same_file_is_stored_once(tmp_path: Path) -> None:
    """Findings added twice would double exposure."""
    first = add_scan(NESSUS, tmp_path)
    copy = tmp_path / "other-name"
    copy.write_bytes(NESSUS.read_bytes())
    names = _stored(tmp_path)
    (second,) = add_scan(copy, tmp_path)
    assert _stored(tmp_path) == names
    assert second.findings == first[0].findings


def test_a_zip_is_stored_report_by_report_and_its_bad_member_is_told(tmp_path: Path) -> None:
    """A read-me beside two reports must cost neither of them."""
    bundle = tmp_path / "weekly.zip"
    with zipfile.ZipFile(bundle, "w") as archive:
        archive.write(NESSUS, "a.nessus")
        archive.writestr("README.txt", "for the board")
        archive.write(OPENVAS, "b.xml")
    folder = tmp_path / "scans"
    summaries = add_scan(bundle, folder)
    assert [one.refused for one in summaries] == [False, True, False]
    assert summaries[1].faults[0].where == f"{bundle}!README.txt"
    assert len(_stored(folder)) == 2
    assert len(list(read_snapshot(folder))) == summaries[0].records + summaries[2].records
    with pytest.raises(ScanFormatError, match=r"README\.txt: E404"):
        read_scan(bundle)


def test_a_refused_report_leaves_nothing(tmp_path: Path) -> None:
    """A report that breaks off at its end has been read almost whole by then."""
    cut = tmp_path / "cut.nessus"
    cut.write_bytes(NESSUS.read_bytes()[:-30])
    folder = tmp_path / "scans"
    (summary,) = add_scan(cut, folder)
    assert summary.refused
    assert _stored(folder) == []


def test_a_damaged_snapshot_is_told(tmp_path: Path) -> None:
    """A disk error must not look like fewer findings."""
    add_scan(NESSUS, tmp_path)
    (path,) = tmp_path.glob("*.parquet")
    data = path.read_bytes()
    for broken in (data[: len(data) // 2], b"", data[:100] + b"\0" * 60 + data[160:-8] + b"\0" * 8):
        path.write_bytes(broken)
        with pytest.raises(ScanFormatError, match="E417"):
            list(read_snapshot(tmp_path))


def test_a_killed_process_leaves_what_was_there(tmp_path: Path) -> None:
    """Kill -9 at any moment: the old snapshot stays whole, the new one is there or is not."""
    large = tmp_path / "large.nessus"
    text = NESSUS.read_text(encoding="utf-8")
    start, end = text.index("<ReportHost"), text.index("</Report>")
    large.write_text(text[:start] + text[start:end] * 8_000 + text[end:], encoding="utf-8")
    folder = tmp_path / "scans"
    add_scan(OPENVAS, folder)
    before = list(read_snapshot(folder))
    program = "import sys; from poise.scans.snapshot import add_scan; from pathlib import Path; "
    program += "add_scan(sys.argv[1], Path(sys.argv[2]))"
    for _ in range(2):
        process = subprocess.Popen([sys.executable, "-c", program, str(large), str(folder)])
        deadline = time.monotonic() + 30
        while not list(folder.glob(".*.tmp")) and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL, "it was over before it could be killed"
        assert list(read_snapshot(folder)) == before
    small = tmp_path / "small.nessus"
    small.write_bytes(NESSUS.read_bytes())
    add_scan(small, folder)
    assert not list(folder.glob(".*.tmp")), "the next run removes what a killed one left"
    assert len(list(read_snapshot(folder))) == len(before) + summarise(small)[0].records
