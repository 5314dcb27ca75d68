"""The handwritten samples, for tests that hold for every format."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from poise.scans import Summary, open_source, summarise
from poise.scans.detect import detect

SAMPLES = Path(__file__).with_name("samples")

#: Files that are no report on their own but a part of a zip bundle.
PARTS = frozenset({SAMPLES / "defender" / "machines.json"})


@cache
def samples() -> tuple[Path, ...]:
    """Return every sample file, in the order of their names."""
    return tuple(sorted(path for path in SAMPLES.rglob("*") if path.is_file() and path not in PARTS))


def label(path: Path) -> str:
    """Return a sample's short name for test ids."""
    return str(path.relative_to(SAMPLES))


@cache
def syntax(path: Path) -> str:
    """Return the syntax of a sample's format."""
    return detect(open_source(path)).syntax


def read_bytes(data: bytes, folder: Path, format: str | None = None) -> Summary:
    """Return the summary of a file of these bytes."""
    path = folder / "report"
    path.write_bytes(data)
    (summary,) = summarise(path, format=format)
    return summary


def assert_refused(summary: Summary, *ids: str) -> None:
    """Check that nothing of the file counts, and that it says why and where."""
    assert summary.refused
    assert (summary.findings, summary.records, summary.ids) == (0, 0, ())
    assert summary.faults
    for fault in summary.faults:
        assert fault.where.startswith(summary.file)
        assert fault.message.endswith((".", "?", "!"))
    if ids:
        assert summary.faults[-1].id in ids, summary.faults
