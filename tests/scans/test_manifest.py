"""Counts over the whole shared corpus, against those of another tool."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from poise.scans import Summary, summarise

SCANS = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "scans"
DIFFERENCES = Path(__file__).with_name("differences.csv")

#: The manifest's names for the scanners that Poise reads.
SCANNERS = frozenset(
    {
        "anchore_grype",
        "asff",
        "aws_inspector2",
        "awssecurityhub",
        "cyclonedx",
        "dependency_check",
        "ms_defender",
        "nexpose",
        "openvas",
        "osv_scanner",
        "qualys",
        "qualys_hacker_guardian",
        "qualys_infrascan_webgui",
        "qualys_vmdr",
        "qualys_webapp",
        "tenable",
        "trivy",
        "trivy_operator",
        "wazuh",
    }
)

#: The largest share of files whose count may differ from the manifest's.
MOST_DIFFERENCES = 0.05

pytestmark = pytest.mark.skipif(not SCANS.is_dir(), reason="the shared corpus is not beside the checkout")


def _rows(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


MANIFEST = [row for row in _rows(SCANS / "manifest.csv") if row["scanner"] in SCANNERS]
KNOWN = {row["path"]: row for row in _rows(DIFFERENCES)}


def _whole(path: str) -> Summary:
    (summary,) = summarise(SCANS / path)
    return summary


@pytest.mark.parametrize("row", MANIFEST, ids=lambda row: str(row["path"]))
def test_a_file_counts_as_the_manifest_says_or_as_explained(row: dict[str, str]) -> None:
    """A count that differs without a reason is a reader that loses or invents findings."""
    summary = _whole(row["path"])
    if row["expected_findings"] == "error":
        assert summary.refused
        assert summary.faults
    elif row["path"] in KNOWN:
        known = KNOWN[row["path"]]
        assert row["expected_findings"] == known["manifest"]
        assert str(summary.findings) == known["ours"]
    elif row["expected_findings"]:
        assert summary.findings == int(row["expected_findings"])
    else:
        # No count was asserted there; the file must be read all the same.
        assert not summary.refused


def test_every_scanner_of_the_corpus_is_read() -> None:
    """The manifest is only a check of all readers while each of them has files in it."""
    assert {row["scanner"] for row in MANIFEST} == SCANNERS


def test_few_files_differ_and_each_says_why() -> None:
    """An explanation is for a few files; many would mean that the readers count something else."""
    counted = [row for row in MANIFEST if row["expected_findings"]]
    assert set(KNOWN) <= {row["path"] for row in counted}
    assert len(KNOWN) <= MOST_DIFFERENCES * len(counted)
    for row in KNOWN.values():
        assert row["ours"] != row["manifest"]
        assert len(row["records"]) > 20, row["path"]
        assert len(row["rule"]) > 40, row["path"]
