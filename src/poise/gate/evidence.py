"""Whether a report proves anything. No evidence, or evidence of something else, is never a pass."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from poise.errors import Fault, ScanFormatError
from poise.gate.policy import Expected
from poise.gate.verdict import JudgedReport
from poise.scans.finding import Provenance
from poise.scans.identifiers import parse_when
from poise.scans.reading import ScanReport

#: How far [h] a clock of another machine may be ahead.
_CLOCK_SKEW_HOURS: Final = 0.25
#: Shortest abbreviation of a commit that names one.
_COMMIT_CHARACTERS: Final = 7
#: Formats in which a report of no finding and of no scan look the same; the run record tells them apart.
_SHOWN_FAULTS: Final = 3


class RunRecord(NamedTuple):
    """What ``poise gate scan`` noted when it ran a scanner."""

    commit: str
    started: datetime
    finished: datetime
    #: The scanner's exit code; ``None`` when it was stopped.
    exit_code: int | None
    timed_out: bool
    sha256: str


class Problem(NamedTuple):
    """Why a report proves nothing."""

    id: str
    text: str


def judge_report(
    expected: Expected,
    report: ScanReport,
    sha256: str,
    findings: int,
    *,
    commit: str,
    now: datetime,
    record: RunRecord | None,
) -> JudgedReport:
    """Return what a report proves, after it was read to its end.

    Parameters
    ----------
    expected
        What the policy asks for.
    report
        The report, iterated over; its faults and provenance are complete.
    commit
        The commit that is delivered.
    record
        What ``poise gate scan`` noted, where it ran the scanner.
    """
    stated = merged(report.provenance, record)
    problems = [
        *_faults(report.faults),
        *_tool(expected, report, stated),
        *_run(record, sha256),
        *_commit(expected, stated.commit, commit),
        *_age(expected, stated, now),
    ]
    return JudgedReport(
        name=expected.name,
        file=report.source.name,
        sha256=sha256,
        format=report.format.name,
        tool=stated.tool,
        tool_version=stated.tool_version,
        database=stated.database,
        commit=stated.commit,
        finished=stated.finished,
        findings=findings,
        faults=len(report.faults),
        problems=tuple(problem.text for problem in problems),
        problem_ids=tuple(problem.id for problem in problems),
    )


def unreadable(expected: Expected, file: str, error: ScanFormatError) -> JudgedReport:
    """Return the place of a report that was refused."""
    first = error.faults[0]
    missing = first.id == "E400" and "no such file" in first.message
    text = (
        f"The file {file} is missing: the scanner did not run, or wrote elsewhere."
        if missing
        else f"{file} proves nothing: {first.id} {first.message}"
    )
    return _empty(expected, file, Problem("E600" if missing else "E601", text))


def absent(expected: Expected) -> JudgedReport:
    """Return the place of a report that nobody named."""
    text = f"No file was given for it; pass it as {expected.name}=FILE."
    return _empty(expected, "", Problem("E600", text))


def _empty(expected: Expected, file: str, problem: Problem) -> JudgedReport:
    return JudgedReport(
        name=expected.name,
        file=file,
        sha256="",
        format="",
        tool="",
        tool_version="",
        database="",
        commit="",
        finished=None,
        findings=0,
        faults=0,
        problems=(problem.text,),
        problem_ids=(problem.id,),
    )


def merged(parts: Sequence[Provenance], record: RunRecord | None) -> Provenance:
    """Return one provenance of a report of several runs; what the run record says fills what is missing.

    Runs that name different commits come out as both, which is no commit at all.
    """

    def all_of(texts: Iterable[str]) -> str:
        return ", ".join(dict.fromkeys(text for text in texts if text))

    finished = [one.finished for one in parts if one.finished]
    return Provenance(
        tool=all_of(one.tool for one in parts),
        tool_version=all_of(one.tool_version for one in parts),
        database=all_of(one.database for one in parts),
        commit=all_of(one.commit for one in parts) or (record.commit if record else ""),
        finished=min(finished) if finished else record.finished if record else None,
    )


def _faults(faults: Sequence[Fault]) -> list[Problem]:
    problems = [Problem("E602", fault.message) for fault in faults if fault.id == "E418"]
    problems += [
        Problem("E602", f"{fault.message} Pass the others too.") for fault in faults if fault.id == "E419"
    ]
    faulty = [fault for fault in faults if fault.id not in ("E416", "E418", "E419")]
    if faulty:
        shown = "; ".join(f"{fault.id} {fault.message}" for fault in faulty[:_SHOWN_FAULTS])
        problems.append(Problem("E608", f"{len(faulty):,} of its records could not be read: {shown}"))
    return problems[:_SHOWN_FAULTS]


def _tool(expected: Expected, report: ScanReport, stated: Provenance) -> list[Problem]:
    problems = []
    if expected.formats and report.format.name not in expected.formats:
        wanted = " or ".join(expected.formats)
        problems.append(Problem("E605", f"It is {report.format.name}, and the policy agrees on {wanted}."))
    if expected.tools:
        seen = stated.tool or report.format.scanner
        patterns = [pattern.lower() for pattern in expected.tools]
        names = [name.strip().lower() for name in seen.split(",")]
        if not all(any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns) for name in names):
            wanted = " or ".join(expected.tools)
            problems.append(Problem("E605", f"It is by {seen}, and the policy agrees on {wanted}."))
    return problems


def _run(record: RunRecord | None, sha256: str) -> list[Problem]:
    if record is None:
        return []
    if record.timed_out:
        return [Problem("E602", "The scanner ran out of time, so what it wrote is not all.")]
    if record.sha256 != sha256:
        return [Problem("E603", "The report was changed after the scanner wrote it.")]
    return []


def _commit(expected: Expected, stated: str, commit: str) -> list[Problem]:
    if not stated:
        if expected.commit != "required":
            return []
        text = "It does not say of which commit it is; run the scanner by 'poise gate scan', which notes it."
        return [Problem("E603", text)]
    if same_commit(stated, commit):
        return []
    return [Problem("E603", f"It is of commit {stated[:90]}, not of {commit or 'a commit that was named'}.")]


def same_commit(first: str, second: str) -> bool:
    """Say whether two names are of one commit; an abbreviation of seven digits or more counts."""
    one, other = sorted((first.strip().lower(), second.strip().lower()), key=len)
    return len(one) >= _COMMIT_CHARACTERS and other.startswith(one)


def _age(expected: Expected, stated: Provenance, now: datetime) -> list[Problem]:
    if stated.finished is None:
        if expected.commit == "required" and stated.commit:
            return []  # bound to the commit, which is stronger than an hour
        return [Problem("E604", "It does not say when it was made; run the scanner by 'poise gate scan'.")]
    if stated.finished.tzinfo is None:
        return [Problem("E604", "Its time has no offset from UTC.")]
    problems = []
    age = (now - stated.finished) / timedelta(hours=1)
    if age > expected.max_age_hours:
        problems.append(Problem("E604", f"It is {age:.0f} hours old, more than {expected.max_age_hours:g}."))
    elif age < -_CLOCK_SKEW_HOURS:
        problems.append(Problem("E604", f"It is from the future: {stated.finished.isoformat()}."))
    if expected.max_database_age_hours is not None:
        problems += _database_age(expected.max_database_age_hours, stated.database, now)
    return problems


def _database_age(most_hours: float, database: str, now: datetime) -> list[Problem]:
    times = [
        when for text in database.replace(",", " ").split() if "-" in text and (when := parse_when(text))
    ]
    if not times:
        return [Problem("E604", "It does not say how old the scanner's database is.")]
    age = (now - min(times)) / timedelta(hours=1)
    if age > most_hours:
        return [Problem("E604", f"The scanner's database is {age:.0f} hours old, more than {most_hours:g}.")]
    return []
