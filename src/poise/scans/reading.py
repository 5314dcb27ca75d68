"""Reading a report: one stream of findings, its faults beside it, and a summary."""

from __future__ import annotations

import hashlib
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from poise.errors import Fault, ScanFormatError
from poise.scans.detect import detect
from poise.scans.finding import Finding, Provenance
from poise.scans.format import Format
from poise.scans.formats import all_formats, format_named
from poise.scans.source import Source, open_source
from poise.scans.unpack import DEFAULT_LIMITS, Limits, Progress

#: Most faulty records of one report that are listed one by one; the rest is counted.
LISTED_FAULTS = 10_000

#: How many vulnerability ids a summary names.
LISTED_IDS = 10


class ScanReport:
    """One report, as a stream of findings.

    Iterating reads the file anew each time; memory stays flat. **All or nothing:** a file that is cut
    off is only known to be so at its end, so a consumer keeps what it has read apart until the
    iteration is over, and discards all of it when :class:`~poise.errors.ScanFormatError` comes out.

    Attributes
    ----------
    source : Source
        The opened file.
    format : Format
        The format by which it is read.
    faults : list[Fault]
        Records that could not be read; complete once the iteration is over. At most
        :data:`LISTED_FAULTS` are listed, and a last one counts the others.
    provenance : list[Provenance]
        What the report says about its scans; complete once the iteration is over.
    """

    def __init__(self, source: Source, format: Format) -> None:
        self.source = source
        self.format = format
        self.faults: list[Fault] = []
        self.provenance: list[Provenance] = []

    def __repr__(self) -> str:
        return f"ScanReport({self.source.name!r}, {self.format.name!r})"

    def __iter__(self) -> Iterator[Finding]:
        self.faults = []
        self.provenance = []
        left_out = 0
        try:
            for item in self.format.read(self.source):
                if isinstance(item, Finding):
                    yield item
                elif isinstance(item, Provenance):
                    self.provenance.append(item)
                elif len(self.faults) < LISTED_FAULTS:
                    self.faults.append(item)
                else:
                    left_out += 1
        except UnicodeDecodeError as error:
            # Says which byte of the file it is; the codec only knows its place in a block.
            self.source.text_encoding()
            raise self.source.refusal("E403", f"The text is wrongly encoded: {error}.") from error
        except RecursionError as error:
            raise self.source.refusal("E409", "The report is nested too deep to be one.") from error
        except OSError as error:
            reason = error.strerror or str(error)
            raise self.source.refusal("E400", f"Reading stopped: {reason}.") from error
        if left_out:
            message = f"{left_out:,} more records are faulty; the first {LISTED_FAULTS:,} are listed."
            self.faults.append(self.source.fault("E411", message))


@dataclass(frozen=True, slots=True)
class Summary:
    """What a report holds.

    Parameters
    ----------
    file
        The report's name, with ``!member`` inside a zip of several.
    format
        Name of the format, or ``None`` where no format was found.
    findings
        Distinct findings: records of equal identity count once.
    records
        Findings as they stand in the file.
    ids
        The first ten distinct vulnerability ids, in the order of the file.
    faults
        Everything that is wrong with the file.
    refused
        Whether a structural fault refused the file; nothing of it counts then.
    kinds, severities
        How many of the findings are of each kind, and of each severity among the vulnerabilities; the
        severity ``"unknown"`` stands for a report that states none.
    """

    file: str
    format: str | None
    findings: int = 0
    records: int = 0
    ids: tuple[str, ...] = ()
    faults: tuple[Fault, ...] = ()
    refused: bool = False
    kinds: dict[str, int] = field(default_factory=dict)
    severities: dict[str, int] = field(default_factory=dict)

    def as_dict(self) -> dict[str, object]:
        """Return the summary as the JSON object that ``poise scan read --json`` prints."""
        return {
            "file": self.file,
            "format": self.format,
            "findings": self.findings,
            "records": self.records,
            "ids": list(self.ids),
            "faults": [fault.as_dict() for fault in self.faults],
        }


def read_scan(
    path: str | Path,
    *,
    format: str | None = None,
    progress: Progress | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> tuple[ScanReport, ...]:
    """Open the report, or the reports of a zip, for streaming.

    Parameters
    ----------
    path
        The file; gzip and zip are seen through.
    format
        Name of the format, for a file that should not be detected; ``None`` detects it.
    progress
        Called with the position in the file and its size [bytes] while reading.
    limits
        What one report may cost.

    Returns
    -------
    tuple[ScanReport, ...]
        One report for a plain file; one per member for a zip of several reports.

    Raises
    ------
    ScanFormatError
        When the file cannot be opened, no format claims it, or `format` is no format's name. The
        faults of all members of a zip are told together.
    """
    opened = open_reports(path, format=format, progress=progress, limits=limits)
    faults = [fault for one in opened if isinstance(one, Summary) for fault in one.faults]
    if faults:
        raise ScanFormatError(faults)
    return tuple(one for one in opened if isinstance(one, ScanReport))


def summarise(
    path: str | Path,
    *,
    format: str | None = None,
    progress: Progress | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> tuple[Summary, ...]:
    """Read a file to its end and say what it holds; parameters as for :func:`read_scan`.

    Never raises for an input at fault: the summary is ``refused`` and carries the faults.

    Returns
    -------
    tuple[Summary, ...]
        One per report of the file.
    """
    opened = open_reports(path, format=format, progress=progress, limits=limits)
    return tuple(one if isinstance(one, Summary) else summarise_report(one) for one in opened)


def summarise_report(report: ScanReport) -> Summary:
    """Read an opened report to its end and say what it holds; never raises for an input at fault."""
    try:
        return summary_of(report, report)
    except ScanFormatError as error:
        return Summary(report.source.name, report.format.name, faults=error.faults, refused=True)


def open_reports(
    path: str | Path,
    *,
    format: str | None = None,
    progress: Progress | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> tuple[ScanReport | Summary, ...]:
    """Open the reports of a file; parameters as for :func:`read_scan`.

    Returns
    -------
    tuple[ScanReport | Summary, ...]
        A report, or the summary of a refused one, for the file or for each member of a zip. A zip
        with a read-me beside its reports is so still a zip of reports.
    """
    try:
        sources = _sources(path, progress, limits)
    except ScanFormatError as error:
        return (Summary(str(path), None, faults=error.faults, refused=True),)
    opened: list[ScanReport | Summary] = []
    for source in sources:
        try:
            opened.append(_with_format(source, format))
        except ScanFormatError as error:
            opened.append(Summary(source.name, None, faults=error.faults, refused=True))
    return tuple(opened)


def _sources(path: str | Path, progress: Progress | None, limits: Limits) -> tuple[Source, ...]:
    """Return the reports of a file: its members when it is a zip that no format claims whole."""
    source = open_source(path, limits=limits, progress=progress)
    if not source.is_bundle:
        return (source,)
    claimed = any(one.sniff(source.head) for one in all_formats() if one.syntax == "zip")
    office = any(member.member_name == "[Content_Types].xml" for member in source.members)
    return (source,) if claimed or office else source.members


def _with_format(source: Source, name: str | None) -> ScanReport:
    if name is None:
        return ScanReport(source, detect(source))
    named = format_named(name)
    if named is None:
        known = ", ".join(one.name for one in all_formats())
        raise source.refusal("E404", f"There is no format {name!r}.", hint=f"Known: {known}.")
    if (named.syntax == "zip") != source.is_bundle:
        seen = "a zip of several files" if source.is_bundle else "a single file"
        raise source.refusal("E404", f"The format {name} does not read {seen}.")
    return ScanReport(source, named)


def summary_of(report: ScanReport, findings: Iterable[Finding]) -> Summary:
    """Count findings as they pass, by a 64-bit hash of their identity: 9 bytes a record, and no set.

    Parameters
    ----------
    report
        The report, whose faults are taken when its findings are at their end.
    findings
        The report itself, or what its findings pass through on their way.

    Raises
    ------
    ScanFormatError
        What the reading raises.
    """
    hashes = array("Q")
    classes = array("B")
    numbers: dict[tuple[str, str], int] = {}
    ids: dict[str, None] = {}
    for finding in findings:
        digest = hashlib.blake2b(finding.identity.encode("utf-8", "surrogatepass"), digest_size=8)
        hashes.append(int.from_bytes(digest.digest(), "little"))
        severity: str = finding.severity or "unknown"
        classes.append(numbers.setdefault((finding.kind, severity), len(numbers)))
        if len(ids) < LISTED_IDS:
            ids[finding.vulnerability_ids[0]] = None
    import numpy as np  # here: the gate reads reports and never counts them

    first: np.ndarray[tuple[int], np.dtype[np.intp]]
    _, first = np.unique(np.frombuffer(hashes, dtype=np.uint64), return_index=True)
    counts = np.bincount(np.frombuffer(classes, dtype=np.uint8)[first], minlength=len(numbers))
    kinds: Counter[str] = Counter()
    severities: Counter[str] = Counter()
    for (kind, severity), count in zip(numbers, counts.tolist(), strict=True):
        kinds[kind] += count
        if kind == "vulnerability":
            severities[severity] += count
    return Summary(
        report.source.name,
        report.format.name,
        findings=len(first),
        records=len(hashes),
        ids=tuple(ids),
        faults=tuple(report.faults),
        kinds={kind: count for kind, count in kinds.items() if count},
        severities={severity: count for severity, count in severities.items() if count},
    )
