"""Reports in, backlog out: two passes over every report, with flat memory per report.

The first pass learns every name by which an asset goes and every alias of a CVE; the second folds.
A report that is refused refuses the whole intake: a plan on half the evidence would look complete.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from poise.errors import Fault, ScanFormatError
from poise.estate.assets import Reconciliation, reconcile
from poise.estate.mapping import AssetMapping, map_assets
from poise.estate.model import Estate
from poise.risk.fold import Backlog, Folder, Placement
from poise.scans import ScanReport
from poise.scans.finding import AssetIdentity, Finding

#: Called with (done, total, text) while a long step runs.
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True)
class Intake:
    """What the reports hold, mapped to the estate.

    Parameters
    ----------
    backlog
        Folded findings.
    records_of
        Records per report, in the order given.
    faults
        Records that could not be read; the rest of their reports is in the backlog.
    reconciliation, mapping
        Which records are one asset, with the reason, and each asset's group or why it has none.
    """

    backlog: Backlog
    records_of: tuple[int, ...]
    faults: tuple[Fault, ...]
    reconciliation: Reconciliation
    mapping: AssetMapping


def take_in(estate: Estate, reports: Sequence[ScanReport], progress: Progress | None = None) -> Intake:
    """Read reports and fold their findings into a backlog.

    Raises
    ------
    ScanFormatError
        With the faults of every report that is refused.
    """
    tell = progress or (lambda done, total, text: None)
    census = _Census()
    refused: list[Fault] = []
    counts = []
    for number, report in enumerate(reports):
        tell(number, 2 * len(reports), f"reading {report.source.name}")
        try:
            counts.append(census.add(report))
        except ScanFormatError as error:
            refused.extend(error.faults)
    if refused:
        raise ScanFormatError(refused)
    reconciliation = reconcile(census.identities)
    mapping = map_assets(estate, reconciliation)
    folder = Folder(_placing(reconciliation, mapping), census.cve_of_alias())
    faults: list[Fault] = []
    for number, report in enumerate(reports, start=len(reports)):
        tell(number, 2 * len(reports), f"folding {report.source.name}")
        folder.add_report(report)
        faults.extend(report.faults)
    return Intake(folder.fold(), tuple(counts), tuple(faults), reconciliation, mapping)


def _placing(reconciliation: Reconciliation, mapping: AssetMapping) -> Callable[[Finding], Placement]:
    def place(finding: Finding) -> Placement:
        asset = reconciliation.asset_of[finding.asset]
        return asset, mapping.group_of_asset.get(asset), mapping.why.get(asset, "")

    return place


class _Census:
    """Names of assets and of vulnerabilities, over all reports."""

    def __init__(self) -> None:
        #: A dict keeps the order of first sight, so that ids do not depend on hashing.
        self.identities: dict[AssetIdentity, None] = {}
        self._cves_of_alias: dict[str, set[str]] = {}

    def add(self, report: ScanReport) -> int:
        """Take one report and return its number of records."""
        records = 0
        for finding in report:
            records += 1
            self.identities.setdefault(finding.asset)
            if len(finding.cves) == 1:
                for alias in finding.aliases:
                    self._cves_of_alias.setdefault(alias, set()).add(finding.cves[0])
        return records

    def cve_of_alias(self) -> dict[str, str]:
        """Return the CVE of each alias that means one and only one."""
        return {alias: next(iter(cves)) for alias, cves in self._cves_of_alias.items() if len(cves) == 1}
