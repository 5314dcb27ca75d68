"""SARIF 2.1.0, the results format of code scanners (OASIS, https://docs.oasis-open.org/sarif/sarif/v2.1.0/).

Every result is a record. A report may say that its own scan failed (``executionSuccessful``), or hold no
results at all (§3.14.23: the tool did not get to scan); both are fault E418, and the results that are there
are read all the same.

Objects may stand in any order; where a run's results come before its tool, the report is walked twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from typing import Any, Final

from poise.errors import Fault
from poise.scans.finding import Finding, Provenance
from poise.scans.format import Format
from poise.scans.formats.sarif_records import Run
from poise.scans.formats.sarif_schema import Result
from poise.scans.jsonshape import shape_of
from poise.scans.jsonstream import JsonCursor
from poise.scans.records import RecordError, json_cursor, record_fault
from poise.scans.source import Source

#: 2.1.0 and what adds to it without changing it.
_VERSION: Final = re.compile(r"2\.[12](\.\d+)*(-.*)?")
_SCHEMA: Final = re.compile(r"sarif[-/_]?(schema|2|v2)|/sarif", re.IGNORECASE)

#: Members of a run by which its results are understood.
_SURROUNDINGS: Final = frozenset(
    (
        "tool",
        "invocations",
        "artifacts",
        "originalUriBaseIds",
        "versionControlProvenance",
        "automationDetails",
    )
)


def _sniff(head: str) -> bool:
    shape = shape_of(head)
    if "version" in shape and ("runs[].tool" in shape or shape.get("runs") in ("[]", "null")):
        return True
    if "runs[].results" in shape and ("version" in shape or "$schema" in shape):
        return True
    return bool(_SCHEMA.search(shape.get("$schema", ""))) and ("runs" in shape or "version" in shape)


def _read(source: Source) -> Iterator[Finding | Fault | Provenance]:
    late: list[dict[str, Any]] | None = None
    version: object = None
    runs_seen = False
    with json_cursor(source) as cursor:
        for key in cursor.members():
            if key == "version":
                version = cursor.value()
                _check_version(source, version)
            elif key == "runs":
                runs_seen = True
                if cursor.kind() == "literal":
                    yield _not_scanned(source, "The report's runs are null: the tool that wrote it failed.")
                count = 0
                for index in cursor.elements():
                    count += 1
                    known: dict[str, Any] = {}
                    for inner in cursor.members():
                        if inner in _SURROUNDINGS:
                            known[inner] = cursor.value()
                        elif inner == "results":
                            if "tool" not in known:
                                late = _late_surroundings(source) if late is None else late
                                known = late[index]
                            known["results"] = cursor.kind() == "array"
                            run = _run(source, known, index)
                            if "artifacts" not in known:
                                run.artifacts_later = partial(_late_artifacts, source, index)
                            yield from _results(source, cursor, run)
                    yield from _closing(source, known, index)
                if not count:
                    yield _not_scanned(source, "The report holds no run of any tool.")
        cursor.end()
    if not runs_seen:
        raise source.refusal("E412", "The report has no runs, expected a list of them.")
    if version is None:
        raise source.refusal("E412", "The report has no version, expected 2.1.0.")


def _check_version(source: Source, version: object) -> None:
    if not isinstance(version, str) or not _VERSION.fullmatch(version):
        message = f"The report is SARIF {str(version)[:60]!r}, expected 2.1.0."
        raise source.refusal("E413", message, hint="Have the tool write SARIF 2.1.0.")


def _not_scanned(source: Source, message: str, place: str = "") -> Fault:
    return source.fault("E418", message, place, "Look at the scanner's own log, mend it and scan again.")


def _late_surroundings(source: Source) -> list[dict[str, Any]]:
    """Walk the report once for all but the results."""
    found: list[dict[str, Any]] = []
    with json_cursor(source) as cursor:
        for key in cursor.members():
            if key == "runs":
                for _ in cursor.elements():
                    found.append({})
                    for inner in cursor.members():
                        if inner in _SURROUNDINGS:
                            found[-1][inner] = cursor.value()
    return found


def _late_artifacts(source: Source, index: int) -> object:
    """Return the artifacts of a run whose results name files by their number, before the list of them."""
    return _late_surroundings(source)[index].get("artifacts")


def _run(source: Source, known: dict[str, Any], index: int) -> Run:
    try:
        return Run(known, index)
    except RecordError as error:
        place = f"run {index + 1}"
        raise source.refusal("E412", f"What made the results cannot be read: {error}", place) from error


def _results(source: Source, cursor: JsonCursor, run: Run) -> Iterator[Finding | Fault]:
    make, prefix = run.finding, f"run {run.number}, result "
    for index, record in enumerate(cursor.values(Result), start=1):
        where = f"{prefix}{index}"
        try:
            yield make(record, where)
        except RecordError as error:
            name = record.get("ruleId") if isinstance(record, dict) else None
            yield record_fault(source, where, error, name[:80] if isinstance(name, str) else "")


def _closing(source: Source, known: dict[str, Any], index: int) -> Iterator[Fault | Provenance]:
    """Tell what the run says about itself; invocations may stand behind the results."""
    run = _run(source, known, index)
    place = f"run {run.number}"
    provenance = run.provenance()
    yield provenance
    if run.failed:
        reason = provenance.problems[0] if provenance.problems else "it gives no reason"
        yield _not_scanned(source, f"{run.tool or 'The tool'} says that its run failed: {reason}.", place)
    elif not known.get("results", False):
        yield _not_scanned(
            source, f"{run.tool or 'The tool'} lists no results, not even an empty list.", place
        )


FORMATS = (Format("sarif-json", "SARIF", "json", _sniff, _read),)
