"""What became of a plan: reported outcomes, checked against the next scan, fed back to the teams.

A change that is reported done but still found is not done; one that is installed and waits for its
reboot is still exposed. Both are told, with the findings that say so. Failures and minutes become the
team's own record, so that the next plan rests on it and not on a prior.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, get_args

import msgspec

from poise.errors import EstateError, Fault
from poise.estate.model import Estate, PatchGroup
from poise.patching.document import PlanDocument
from poise.risk.fold import Backlog

OutcomeStatus = Literal["done", "failed", "rolled_back", "not_done"]

#: Columns of the CSV and keys of the JSON records; only the first two must be given.
COLUMNS = ("change", "status", "finished", "downtime_minutes", "labour_minutes", "rebooted", "note")

#: Pseudo-count of minutes with a factor of one, so that one quick night does not halve every estimate.
PRIOR_LABOUR_MINUTES = 600.0
#: The same for planned downtime.
PRIOR_DOWNTIME_MINUTES = 120.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was done about one change. ``None`` means that nobody said."""

    change: str
    status: OutcomeStatus
    finished: datetime | None = None
    downtime_minutes: float | None = None
    labour_minutes: float | None = None
    rebooted: bool | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Disagreement:
    """An outcome that the next scan, or the outcome itself, contradicts."""

    change: str
    group: str
    #: ``"still found"``, ``"not rebooted"`` or ``"not in the plan"``.
    kind: Literal["still found", "not rebooted", "not in the plan"]
    vulnerabilities: tuple[str, ...]
    sentence: str


@dataclass(frozen=True, slots=True)
class TeamRecord:
    """A team's own figures out of its outcomes.

    ``duration_factor`` and ``downtime_factor`` are actual over planned minutes of labour and of
    downtime [1], drawn towards 1 by :data:`PRIOR_LABOUR_MINUTES` and :data:`PRIOR_DOWNTIME_MINUTES`; 1
    where nobody noted minutes. Changes of one group share its downtime, so the longest counts.
    """

    done: int
    failed: int
    duration_factor: float
    downtime_factor: float = 1.0


@dataclass(frozen=True, slots=True)
class OutcomeReview:
    """Outcomes as they stand after the check."""

    confirmed: tuple[str, ...]
    disagreements: tuple[Disagreement, ...]
    teams: Mapping[str, TeamRecord]
    unreported: tuple[str, ...]


def read_outcomes(path: str | Path) -> tuple[Outcome, ...]:
    """Read outcomes from CSV (a header of :data:`COLUMNS`) or JSON (a list of objects with those keys).

    Raises
    ------
    EstateError
        With every fault of the file: an unknown status, a negative minute, a change named twice.
    """
    name = Path(path).name
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise EstateError(Fault("E180", name, f"The outcomes cannot be read: {error}.")) from error
    rows = _json_rows(name, text) if text.lstrip()[:1] in "[{" else _csv_rows(name, text)
    faults: list[Fault] = []
    outcomes: dict[str, Outcome] = {}
    for where, row in rows:
        outcome = _outcome(where, row, faults)
        if outcome is None:
            continue
        if outcome.change in outcomes:
            faults.append(
                Fault("E183", where, f"Change {outcome.change} is reported twice.", "Keep the last word.")
            )
        outcomes[outcome.change] = outcome
    if faults:
        raise EstateError(faults)
    return tuple(outcomes.values())


def _json_rows(name: str, text: str) -> list[tuple[str, Mapping[str, Any]]]:
    try:
        data = msgspec.json.decode(text.encode(), type=list[dict[str, Any]])
    except (msgspec.DecodeError, RecursionError) as error:
        message = f"Expected a JSON list of objects: {error}."
        raise EstateError(Fault("E180", name, message)) from error
    return [(f"{name}: record {number}", row) for number, row in enumerate(data, start=1)]


def _csv_rows(name: str, text: str) -> list[tuple[str, Mapping[str, Any]]]:
    reader = csv.DictReader(io.StringIO(text), strict=True)
    try:
        header = reader.fieldnames or []
        missing = [column for column in COLUMNS[:2] if column not in header]
        if missing:
            message = f"Expected the columns {', '.join(COLUMNS)}; {' and '.join(missing)} missing."
            raise EstateError(Fault("E181", f"{name}:1", message))
        return [(f"{name}:{reader.line_num}", {k: v for k, v in row.items() if k}) for row in reader]
    except csv.Error as error:
        raise EstateError(Fault("E180", f"{name}:{reader.line_num}", f"Not a CSV: {error}.")) from error


def _outcome(where: str, row: Mapping[str, Any], faults: list[Fault]) -> Outcome | None:
    """Return one outcome, or note what is wrong with its row."""
    before = len(faults)
    unknown = sorted(set(row) - set(COLUMNS))
    if unknown:
        faults.append(Fault("E181", where, f"Unknown column {unknown[0]!r}; expected {', '.join(COLUMNS)}."))
    change = _text(row, "change")
    if not change:
        faults.append(Fault("E182", where, "The change's id is missing.", "It stands in plan.csv, as CH-..."))
    status = _text(row, "status").lower().replace("-", "_").replace(" ", "_")
    if status not in get_args(OutcomeStatus):
        allowed = ", ".join(get_args(OutcomeStatus))
        faults.append(Fault("E182", where, f"Status {_text(row, 'status')!r} is none of {allowed}."))
    finished = _moment(where, _text(row, "finished"), faults)
    downtime = _minutes(where, row, "downtime_minutes", faults)
    labour = _minutes(where, row, "labour_minutes", faults)
    rebooted = _yes_no(where, _text(row, "rebooted"), faults)
    if len(faults) > before:
        return None
    return Outcome(change, status, finished, downtime, labour, rebooted, _text(row, "note"))  # type: ignore[arg-type]


def _text(row: Mapping[str, Any], key: str) -> str:
    value = row.get(key)
    return "" if value is None else str(value).strip()


def _moment(where: str, text: str, faults: list[Fault]) -> datetime | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        faults.append(Fault("E182", where, f"Finished {text!r} is no ISO time.", "2026-01-10T23:40+01:00"))
        return None
    if moment.tzinfo is None:
        faults.append(Fault("E182", where, f"Finished {text!r} has no time zone.", f"{text}+01:00"))
        return None
    return moment


def _minutes(where: str, row: Mapping[str, Any], key: str, faults: list[Fault]) -> float | None:
    text = _text(row, key)
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        faults.append(Fault("E182", where, f"{key} {text!r} is no number of minutes, 0 or more."))
        return None
    return value


def _yes_no(where: str, text: str, faults: list[Fault]) -> bool | None:
    words = {"": None, "yes": True, "true": True, "no": False, "false": False}
    if text.lower() not in words:
        faults.append(Fault("E182", where, f"Rebooted {text!r} is neither yes nor no."))
        return None
    return words[text.lower()]


def review(
    outcomes: Sequence[Outcome], document: PlanDocument, next_backlog: Backlog | None
) -> OutcomeReview:
    """Check outcomes against their plan and, where there is one, against the next scan.

    Parameters
    ----------
    document
        The plan that the outcomes are of.
    next_backlog
        Folded findings of a scan made after the work; None checks against the plan alone.
    """
    changes = {change.id: change for change in document.changes}
    still = _still_open(next_backlog)
    confirmed, disagreements = [], []
    for outcome in outcomes:
        change = changes.get(outcome.change)
        if change is None:
            sentence = f"{outcome.change} is reported, but the plan has no such change."
            disagreements.append(Disagreement(outcome.change, "", "not in the plan", (), sentence))
            continue
        if outcome.status != "done":
            continue
        found = tuple(v for v in change.vulnerabilities if v in still.get(change.group, ()))
        if outcome.rebooted is False and change.needs_reboot:
            sentence = (
                f"{change.remedy} on {change.group} is installed and waits for its reboot: still exposed."
            )
            disagreements.append(Disagreement(change.id, change.group, "not rebooted", found, sentence))
        elif found:
            sentence = (
                f"{change.remedy} on {change.group} is reported done, but the scan still finds {found[0]}"
            )
            sentence += f" and {len(found) - 1} more." if len(found) > 1 else "."
            disagreements.append(Disagreement(change.id, change.group, "still found", found, sentence))
        else:
            confirmed.append(change.id)
    planned = {c for visit in document.schedule(document.shown).visits for c in visit.changes}
    unreported = sorted(planned - {outcome.change for outcome in outcomes})
    return OutcomeReview(
        tuple(confirmed), tuple(disagreements), team_records(outcomes, document), tuple(unreported)
    )


def _still_open(backlog: Backlog | None) -> dict[str, set[str]]:
    still: dict[str, set[str]] = {}
    for group, vulnerabilities in backlog.open_vulnerabilities() if backlog else ():
        still.setdefault(group, set()).update(vulnerabilities)
    return still


@dataclass(slots=True)
class _Tally:
    done: int = 0
    failed: int = 0
    labour: float = 0.0
    planned_labour: float = 0.0
    #: Longest downtime noted per group [min].
    downtime: dict[str, float] = field(default_factory=dict)

    def record(self, planned_downtime: Mapping[str, float]) -> TeamRecord:
        down = sum(self.downtime.values()) + PRIOR_DOWNTIME_MINUTES
        planned = sum(planned_downtime[group] for group in self.downtime) + PRIOR_DOWNTIME_MINUTES
        labour = (self.labour + PRIOR_LABOUR_MINUTES) / (self.planned_labour + PRIOR_LABOUR_MINUTES)
        return TeamRecord(self.done, self.failed, labour, down / planned)


def team_records(outcomes: Iterable[Outcome], document: PlanDocument) -> dict[str, TeamRecord]:
    """Return each team's changes done and failed, and how long its work takes against the plan."""
    changes = {change.id: change for change in document.changes}
    team_of = {group.id: group.team for group in document.groups}
    tallies: dict[str, _Tally] = {}
    for outcome in outcomes:
        change = changes.get(outcome.change)
        if change is None or outcome.status == "not_done":
            continue
        tally = tallies.setdefault(team_of[change.group], _Tally())
        tally.done += 1
        tally.failed += outcome.status in ("failed", "rolled_back")
        if outcome.labour_minutes is not None:
            tally.labour += outcome.labour_minutes
            tally.planned_labour += change.labour_minutes
        if outcome.downtime_minutes is not None:
            longest = max(tally.downtime.get(change.group, 0.0), outcome.downtime_minutes)
            tally.downtime[change.group] = longest
    planned = {group.id: group.reboot_minutes for group in document.groups}
    return {team: tally.record(planned) for team, tally in sorted(tallies.items())}


def learn(estate: Estate, records: Mapping[str, TeamRecord]) -> Estate:
    """Return the estate with the teams' own records added: failures, labour and downtime."""
    teams = dict(estate.teams)
    for name, record in records.items():
        team = teams[name]
        teams[name] = replace(
            team,
            changes_done=(team.changes_done or 0) + record.done,
            changes_failed=(team.changes_failed or 0) + record.failed,
        )
    groups = {name: _learned(group, records.get(group.team)) for name, group in estate.groups.items()}
    return replace(estate, teams=teams, groups=groups)


def _learned(group: PatchGroup, record: TeamRecord | None) -> PatchGroup:
    if record is None:
        return group
    return replace(
        group,
        change_labour_minutes=group.change_labour_minutes * record.duration_factor,
        reboot_minutes=group.reboot_minutes * record.downtime_factor,
    )
