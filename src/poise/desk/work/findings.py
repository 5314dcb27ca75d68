"""Reading uploaded reports into rows, and mapping their assets to the estate."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import blake2b
from itertools import islice
from typing import Final

import msgspec

from poise.desk import convert, places
from poise.desk.actions.estate import MAP_JOB, want_mapping
from poise.desk.actions.findings import READ_JOB
from poise.desk.jobs import Run, handler
from poise.desk.models import AssetRecord, EstateVersion, Finding, Report
from poise.desk.models.finding import SEVERITIES
from poise.errors import Fault, ScanFormatError
from poise.estate.assets import reconcile
from poise.estate.mapping import map_assets
from poise.estate.overview import overview
from poise.scans import AssetIdentity, ScanReport, read_scan
from poise.scans import Finding as Found

#: Faults of a report that are kept in words; all are counted.
KEPT_FAULTS: Final = 100
#: Rows written in one transaction: few enough that others who write hardly wait.
BATCH: Final = 4_000


@handler(READ_JOB)
def read(run: Run) -> None:
    """Read a report: all of it counts, or, when it is refused, nothing."""
    report = Report.objects.get(pk=run.arguments["report"])
    if report.state == Report.State.REPLACED:  # set aside while it waited, or before it was tried again
        with run.finishing():
            return
    _clear(report)
    reading = _Reading(run, report)
    try:
        for one in read_scan(convert.folder(report.path), progress=reading.tell):
            reading.take(one)
    except ScanFormatError as error:
        with run.finishing(refused=True):
            _clear(report)
            report.state, report.num_faults = _now(report, Report.State.REFUSED), len(error.faults)
            report.faults = _told(error.faults)
            report.save()
        return
    with run.finishing(findings=reading.findings, assets=len(reading.records), faults=len(reading.faults)):
        report.state = _now(report, Report.State.READ)
        report.formats = ", ".join(dict.fromkeys(reading.formats))
        report.findings, report.assets = reading.findings, len(reading.records)
        report.num_faults = len(reading.faults)
        report.faults = _told(reading.faults)
        report.save()
        want_mapping(run.by)


def _now(report: Report, state: Report.State) -> str:
    """Return a report's state after reading: one that was set aside meanwhile stays so."""
    before = Report.objects.select_for_update().values_list("state", flat=True).get(pk=report.pk)
    return before if before == Report.State.REPLACED else state


class _Reading:
    """Rows of one report while it is read, with flat memory but for its assets and identities."""

    def __init__(self, run: Run, report: Report) -> None:
        self.run, self.report = run, report
        self.findings = 0
        self.faults: list[Fault] = []
        self.formats: list[str] = []
        self.records: dict[AssetIdentity, AssetRecord] = {}
        self._seen: set[bytes] = set()

    def tell(self, done: int, total: int) -> None:
        """Tell how much of the file is read."""
        self.run.progress(done, total, f"{self.findings:,} findings read")

    def take(self, report: ScanReport) -> None:
        """Write the findings of a report of the file."""
        self.formats.append(report.format.name)
        distinct = self._distinct(report)
        while batch := list(islice(distinct, BATCH)):
            with self.run.holding():
                self._write(batch)
        self.faults += report.faults
        for records in _batches(list(self.records.values())):
            AssetRecord.objects.bulk_update(records, ["findings", "critical", "high"])

    def _distinct(self, report: ScanReport) -> Iterator[Found]:
        for finding in report:
            key = blake2b(finding.identity.encode("utf-8", "surrogateescape"), digest_size=12).digest()
            if key not in self._seen:
                self._seen.add(key)
                yield finding

    def _write(self, batch: list[Found]) -> None:
        new = {
            finding.asset: self._record(finding.asset)
            for finding in batch
            if finding.asset not in self.records
        }
        AssetRecord.objects.bulk_create(new.values())
        self.records.update(new)
        Finding.objects.bulk_create(map(self._row, batch))
        self.findings += len(batch)

    def _record(self, asset: AssetIdentity) -> AssetRecord:
        label = _plain(asset.label, 200)
        identity = msgspec.to_builtins(asset)
        return AssetRecord(report=self.report, label=label, search=label.lower(), identity=_clean(identity))

    def _row(self, finding: Found) -> Finding:
        record = self.records[finding.asset]
        record.findings += 1
        record.critical += finding.severity == "critical"
        record.high += finding.severity == "high"
        component = finding.component
        return Finding(
            report=self.report,
            record=record,
            vulnerability=_plain(finding.vulnerability_ids[0], 120),
            title=_plain(finding.title, 200),
            component=_plain(component.name, 120),
            installed=_plain(component.installed_version, 80),
            fixed=_plain(", ".join(component.fixed_versions), 80),
            severity=SEVERITIES[finding.severity],
            kind=finding.kind,
            status=finding.status,
        )


@handler(MAP_JOB)
def map_to_estate(run: Run) -> None:
    """Say of every asset record which asset it is of, and whose; and what follows from the estate."""
    if run.is_beside_another():
        run.later(2.0)  # an older one would write its estate over this one's
        return
    version = convert.latest_estate()
    estate = convert.estate_of(version)
    assert version is not None
    rows = list(AssetRecord.objects.filter(report__state=Report.State.READ))
    run.progress(0, len(rows), "reconciling assets")
    identity_of = {row.pk: msgspec.convert(row.identity, AssetIdentity) for row in rows}
    found = reconcile(identity_of.values())
    mapping = map_assets(estate, found)
    for row in rows:
        row.asset = _plain(found.asset_of[identity_of[row.pk]], 200)
        row.group = mapping.group_of_asset.get(row.asset, "")
        row.why = _plain(mapping.why.get(row.asset, ""), 300)
    follows = overview(estate, run.by.now).as_dict()
    for number, batch in enumerate(_batches(rows)):
        AssetRecord.objects.bulk_update(batch, ["asset", "group", "why"])
        run.progress(number * BATCH, len(rows), "mapping assets")
    with run.finishing(assets=len(found.assets), unmapped=len(mapping.unmapped)):
        EstateVersion.objects.filter(pk=version.pk).update(overview=follows)


def _told(faults: Sequence[Fault]) -> list[dict[str, str]]:
    return [fault.as_dict() for fault in places.named_faults(faults[:KEPT_FAULTS])]


def _clear(report: Report) -> None:
    """Remove what an attempt that was cut off has written."""
    while keys := list(Finding.objects.filter(report=report).values_list("pk", flat=True)[:BATCH]):
        Finding.objects.filter(pk__in=keys)._raw_delete("default")
    AssetRecord.objects.filter(report=report).delete()


def _batches(rows: list[AssetRecord]) -> Iterator[list[AssetRecord]]:
    for start in range(0, len(rows), 1_000):
        yield rows[start : start + 1_000]


def _plain(text: str, size: int) -> str:
    """Cut a text to what a column holds, without what no database takes."""
    return text.replace("\0", "").encode("utf-8", "replace").decode("utf-8")[:size]


def _clean(value: object) -> object:
    if isinstance(value, str):
        return _plain(value, 1_000)
    if isinstance(value, dict):
        return {key: _clean(item) for key, item in value.items()}
    return [_clean(item) for item in value] if isinstance(value, list | tuple) else value
