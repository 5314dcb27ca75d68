"""Reading uploaded reports."""

from __future__ import annotations

from poise.desk import convert
from poise.desk.jobs import Run, handler
from poise.desk.models import Report
from poise.errors import Fault, ScanFormatError
from poise.scans import read_scan

#: Faults of a report that are kept in words; all are counted.
KEPT_FAULTS = 100


@handler("findings.read")
def read(run: Run) -> None:
    """Read a report: all of it counts, or, when it is refused, nothing."""
    row = Report.objects.get(pk=run.arguments["report"])
    path = convert.folder(row.path)
    findings, faults, formats = 0, list[Fault](), list[str]()
    assets: set[str] = set()
    try:
        for report in read_scan(path, progress=lambda done, total: run.progress(done, total, "reading")):
            formats.append(report.format.name)
            for finding in report:
                findings += 1
                assets.add(finding.asset.label)
            faults += report.faults
    except ScanFormatError as error:
        _refuse(run, row, error)
        return
    with run.finishing(findings=findings, faults=len(faults)):
        row.state, row.formats = Report.State.READ, ", ".join(dict.fromkeys(formats))
        row.findings, row.assets, row.num_faults = findings, len(assets), len(faults)
        row.faults = [fault.as_dict() for fault in faults[:KEPT_FAULTS]]
        row.save()


def _refuse(run: Run, row: Report, error: ScanFormatError) -> None:
    with run.finishing(refused=True):
        row.state = Report.State.REFUSED
        row.num_faults = len(error.faults)
        row.faults = [fault.as_dict() for fault in error.faults[:KEPT_FAULTS]]
        row.save()
