"""Where the handwritten samples stand, and short ways to read them."""

from __future__ import annotations

from pathlib import Path

from poise.errors import Fault
from poise.scans import Finding, read_scan
from poise.scans.csvstream import Header, possible_headers

SAMPLES = Path(__file__).parent / "samples"


def read_sample(name: str) -> tuple[list[Finding], list[Fault]]:
    """Return the findings and faults of one sample, read by the format that detection chose."""
    return read_file(SAMPLES / name)


def read_file(path: Path) -> tuple[list[Finding], list[Fault]]:
    """Return the findings and faults of one file."""
    findings: list[Finding] = []
    faults: list[Fault] = []
    for report in read_scan(path):
        findings += report
        faults += report.faults
    return findings, faults


def possible_headers_of(path: Path) -> list[Header]:
    """Return every row of a CSV sample that might be a header, with five columns or more."""
    with path.open(encoding="utf-8", newline="") as stream:
        return [header for header in possible_headers(stream.readlines()) if len(header.names) > 4]
