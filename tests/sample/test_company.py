"""The sample company is big enough to mean something, and everything of it is read back."""

from __future__ import annotations

from pathlib import Path

import pytest

from poise.estate import load_estate
from poise.patching.intake import Intake, take_in
from poise.sample import SampleFiles, write_sample
from poise.sample.company import Company
from poise.scans import read_scan


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> SampleFiles:
    """Return the written company."""
    return write_sample(tmp_path_factory.mktemp("sample"))


@pytest.fixture(scope="module")
def intake(sample: SampleFiles) -> Intake:
    """Return its reports as the planner takes them in."""
    reports = [report for path in sample.reports for report in read_scan(path)]
    return take_in(load_estate(sample.estate), reports)


def test_the_company_has_the_promised_size(sample: SampleFiles) -> None:
    """About 40 services, 600 assets, 250 patch groups and 6 teams, with rings and redundant halves."""
    estate = load_estate(sample.estate)
    assert 38 <= len(estate.services) <= 45
    assert 220 <= len(estate.groups) <= 280
    assert len(estate.teams) == 6
    assert 550 <= sum(1 for _ in Company().hosts) <= 650
    assert sum(bool(group.redundant_with) for group in estate.groups.values()) >= 40
    assert sum(bool(group.ring) for group in estate.groups.values()) >= 100
    assert any(service.assumed for service in estate.services.values())


def test_every_report_is_read_without_a_fault(intake: Intake) -> None:
    """Written in the scanners' formats, read by the readers of real ones."""
    assert intake.faults == ()
    assert all(records > 0 for records in intake.records_of)
    account = intake.backlog.account
    places = (account.not_vulnerability, account.closed, account.unmapped, account.no_fix, account.in_changes)
    assert sum(places) == account.findings
    assert account.no_fix > 0


def test_two_scanners_of_one_machine_are_reconciled(intake: Intake) -> None:
    """The second site is scanned by address and by agent; both are one asset."""
    assert intake.reconciliation.num_merged > 20


def test_only_the_unclaimed_machines_are_unmapped(intake: Intake) -> None:
    """What nobody claims is listed; what is claimed is found by its pattern."""
    names = {intake.reconciliation.assets[entry.asset].identity.label for entry in intake.backlog.unmapped}
    assert {name.partition(".")[0] for name in names} == {f"lab{number:02d}" for number in range(1, 8)}


def test_the_same_seed_writes_the_same_bytes(sample: SampleFiles, tmp_path: Path) -> None:
    """A picture in the README can be made again."""
    again = write_sample(tmp_path)
    for first, second in zip((sample.estate, *sample.reports), (again.estate, *again.reports), strict=True):
        assert first.read_bytes() == second.read_bytes(), first.name
