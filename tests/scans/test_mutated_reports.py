"""Damaged reports end in faults, never in a traceback."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from poise.scans import summarise
from scans.samples_of import SAMPLES

_FOLDERS = (
    "tenable",
    "openvas",
    "qualys",
    "qualys_vmdr",
    "insightvm",
    "defectdojo",
    "poise",
    "wazuh",
    "aws",
    "defender",
)
_FILES = sorted(path for folder in _FOLDERS for path in (SAMPLES / folder).iterdir())
#: What breaks readers: quotation marks, brackets, line ends, NUL, broken UTF-8, numbers that are none.
_PIECES = [
    b'"',
    b'""',
    b",",
    b";",
    b"\n",
    b"\r",
    b"\0",
    b"\xff",
    b"{",
    b"]",
    b"null",
    b"1e999",
    b"-1",
    b"\\ud800",
    b"9" * 400,
]
_CHANGE = st.tuples(
    st.floats(0, 1), st.integers(0, 40), st.one_of(st.sampled_from(_PIECES), st.binary(max_size=6))
)


def _changed(content: bytes, changes: list[tuple[float, int, bytes]]) -> bytes:
    for place, removed, piece in changes:
        at = int(place * len(content))
        content = content[:at] + piece + content[at + removed :]
    return content


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(_FILES), st.lists(_CHANGE, min_size=1, max_size=4))
def test_mutated_reports_never_fail_otherwise(
    tmp_path: Path, sample: Path, changes: list[tuple[float, int, bytes]]
) -> None:
    """Whatever a disk, an editor or an attacker does to a report, Poise says what is wrong."""
    path = tmp_path / "mutated"
    path.write_bytes(_changed(sample.read_bytes(), changes))
    for summary in summarise(path):
        assert summary.findings == 0 or not summary.refused


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(_CHANGE, min_size=1, max_size=3), st.booleans())
def test_mutated_bundles_never_fail_otherwise(
    tmp_path: Path, changes: list[tuple[float, int, bytes]], machines: bool
) -> None:
    """A bundle is as good as its worst member."""
    path = tmp_path / "mutated.zip"
    parts = {
        "machines/machines.json": (SAMPLES / "defender/machines.json").read_bytes(),
        "vulnerabilities/all.json": (SAMPLES / "defender/machines_vulnerabilities.json").read_bytes(),
    }
    name = list(parts)[0 if machines else 1]
    parts[name] = _changed(parts[name], changes)
    with zipfile.ZipFile(path, "w") as bundle:
        for member, content in parts.items():
            bundle.writestr(member, content)
    for summary in summarise(path):
        assert summary.findings == 0 or not summary.refused


@pytest.mark.parametrize("sample", _FILES, ids=lambda path: path.name)
def test_nesting_and_long_lines_are_refused_quickly(sample: Path, tmp_path: Path) -> None:
    """A hundred thousand brackets, or one field without an end, behind a true beginning."""
    begin = sample.read_bytes().rstrip().rstrip(b"]}")
    for tail in (b", " + b"[" * 100_000, b'\n"' + b"x" * 20_000_000):
        path = tmp_path / "bomb"
        path.write_bytes(begin + tail)
        # In a CSV report brackets are a text like any other.
        assert all(
            summary.refused or (sample.suffix, tail[:1]) == (".csv", b",") for summary in summarise(path)
        )
