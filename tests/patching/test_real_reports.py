"""Real reports of every scanner fold to readable changes, and no finding is lost on the way."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from poise.errors import ScanFormatError
from poise.estate import load_estate
from poise.estate.assets import reconcile
from poise.estate.draft import draft_estate
from poise.patching.intake import Intake, take_in
from poise.risk.remedy import Precision
from poise.scans import ScanReport, read_scan

SCANS = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "scans"
FOLDERS = (
    "anchore_grype",
    "asff",
    "aws_inspector2",
    "awssecurityhub",
    "cyclonedx",
    "dependency_check",
    "dependency_track",
    "ms_defender",
    "nexpose",
    "openvas",
    "osv_scanner",
    "qualys",
    "qualys_infrascan_webgui",
    "qualys_vmdr",
    "tenable",
    "trivy",
    "trivy_operator",
    "wazuh",
)


def readable() -> list[Path]:
    """Return the reports that are not refused as a whole."""
    found = []
    for path in sorted(path for folder in FOLDERS for path in (SCANS / folder).rglob("*") if path.is_file()):
        try:
            for report in read_scan(path):
                for _ in report:
                    pass
        except ScanFormatError:
            continue
        found.append(path)
    return found


@pytest.fixture(scope="module")
def intake(tmp_path_factory: pytest.TempPathFactory) -> Intake:
    """Return the backlog of all readable reports on the estate that is drafted from them."""
    if not SCANS.is_dir():
        pytest.skip("the folder shared/ with real reports is not beside this checkout")
    paths = readable()

    def reports() -> list[ScanReport]:
        return [report for path in paths for report in read_scan(path)]

    found = reconcile({finding.asset for report in reports() for finding in report})
    folder = tmp_path_factory.mktemp("estate")
    draft = draft_estate(
        found, file="estate.yaml", company="Real", currency="EUR", timezone="UTC", today=date(2026, 11, 24)
    )
    (folder / "estate.yaml").write_text(draft.text, encoding="utf-8")
    (folder / draft.calendar_name).write_text(draft.calendar_text, encoding="utf-8", newline="")
    return take_in(load_estate(folder / "estate.yaml"), reports())


def test_no_finding_is_lost(intake: Intake) -> None:
    """Records, findings and every place a finding can end in add up, on real data."""
    account = intake.backlog.account
    assert account.records == sum(intake.records_of)
    places = (account.not_vulnerability, account.closed, account.unmapped, account.no_fix, account.in_changes)
    assert sum(places) == account.findings
    assert sum(remedy.num_findings for remedy in intake.backlog.remedies) == account.in_changes
    assert sum(entry.num_findings for entry in intake.backlog.unfixed) == account.no_fix
    assert account.unmapped == 0, "a drafted estate claims every asset that it was drafted from"


def test_each_step_folds(intake: Intake) -> None:
    """How much each step takes out, so that a change of any reader or rule shows."""
    account = intake.backlog.account
    steps = (account.pairs_with_fix, account.remedies_per_asset, len(intake.backlog.remedies))
    assert account.records > account.findings > account.in_changes > steps[2]
    assert steps == tuple(sorted(steps, reverse=True))
    assert account.findings > 3_500
    assert 500 < account.pairs_with_fix < 900
    assert 120 < steps[2] < 260


def test_every_change_can_be_read_alone(intake: Intake) -> None:
    """No change is a bare sentence, a whole paragraph, or a statement that nothing can be done."""
    for remedy in intake.backlog.remedies:
        text = remedy.text
        assert 2 < len(text) <= 220, text
        assert "\n" not in text
        for prose in ("refer to", "not currently aware", "no direct patch", "updates are awaited", "Patch:"):
            assert prose.lower() not in text.lower(), text
        if remedy.precision is Precision.ACTION:
            assert ": " in text, text


@pytest.mark.parametrize(
    ("expected", "precision"),
    [
        ("Microsoft Windows Security Update (2021-05)", Precision.UPDATE),
        ("MS17-010", Precision.UPDATE),
        ("uglify-js to 2.6.0", Precision.PRODUCT),
        ("Log4j to 2.17.0", Precision.PRODUCT),
        ("jQuery to 1.9.0", Precision.PRODUCT),
        ("rebuild image python", Precision.PACKAGE),
    ],
)
def test_well_known_fixes_are_found(intake: Intake, expected: str, precision: Precision) -> None:
    """One of each kind, from reports of different scanners; versions supersede within a group."""
    assert (expected, precision) in {(r.text, r.precision) for r in intake.backlog.remedies}
