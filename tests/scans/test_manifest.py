"""Counts over the whole shared corpus, against those of another tool."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest

from poise.scans import Summary, read_scan, summarise

SCANS = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "scans"
DIFFERENCES = Path(__file__).with_name("differences.csv")

#: The manifest's names for the scanners that Poise reads.
SCANNERS = frozenset(
    {
        "anchore_grype",
        "asff",
        "aws_prowler",
        "aws_prowler_v3plus",
        "aws_inspector2",
        "awssecurityhub",
        "bandit",
        "checkov",
        "csaf",
        "cyclonedx",
        "dependency_check",
        "github_sast",
        "github_secrets_detection_report",
        "github_vulnerability",
        "gitleaks",
        "ms_defender",
        "nexpose",
        "npm_audit",
        "npm_audit_7_plus",
        "nuclei",
        "openvas",
        "openvex",
        "osv_scanner",
        "pip_audit",
        "prowler",
        "qualys",
        "qualys_hacker_guardian",
        "qualys_infrascan_webgui",
        "qualys_vmdr",
        "qualys_webapp",
        "sarif",
        "semgrep",
        "semgrep_pro",
        "snyk",
        "snyk_code",
        "snyk_issue_api",
        "tenable",
        "trivy",
        "trivy_operator",
        "trufflehog3",
        "wazuh",
        "zap",
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
    if row["path"] in KNOWN:
        known = KNOWN[row["path"]]
        assert row["expected_findings"] == known["manifest"]
        assert ("error" if summary.refused else str(summary.findings)) == known["ours"]
    elif row["expected_findings"] == "error":
        assert summary.refused
        assert summary.faults
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
    assert set(KNOWN) <= {row["path"] for row in MANIFEST}
    assert len(KNOWN) <= MOST_DIFFERENCES * len(counted)
    for row in KNOWN.values():
        assert row["ours"] != row["manifest"]
        assert len(row["records"]) > 20, row["path"]
        assert len(row["rule"]) > 40, row["path"]


SARIF = SCANS.parent / "sarif"
SARIF_MANIFEST = _rows(SARIF / "manifest.csv")


@pytest.mark.parametrize("row", SARIF_MANIFEST, ids=lambda row: str(row["path"]))
def test_a_sarif_file_holds_the_results_that_the_manifest_counted(row: dict[str, str]) -> None:
    """Results and effective levels (§3.27.10) are what every verdict on code rests on."""
    (summary,) = summarise(SARIF / row["path"])
    version = row["version"]
    if row["json_valid"] != "True" or not version.startswith(("2.1", "2.2")):
        assert summary.refused
        assert summary.faults[0].id in ("E406", "E413")
        return
    assert not summary.refused
    assert summary.records == int(row["results"])
    (report,) = read_scan(SARIF / row["path"])
    levels = Counter(finding.severity_text for finding in report if finding.severity_text != "none")
    counted = dict(part.split("=") for part in row["levels_effective"].split())
    assert levels == {level: int(count) for level, count in counted.items() if level != "none"}
    (report,) = read_scan(SARIF / row["path"])
    assert sum(one.status == "accepted" for one in report) <= int(row["suppressed"] or 0)
