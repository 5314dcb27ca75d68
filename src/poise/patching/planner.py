"""The main job, end to end: reports, estate and evidence in, plan document out."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from poise.errors import Fault, NoFeasiblePlanError
from poise.estate.model import Estate
from poise.patching.assemble import Material, assemble
from poise.patching.case import PatchCase, build_case
from poise.patching.changes import RatedBacklog, rate_backlog
from poise.patching.comparison import Comparison, compare
from poise.patching.document import InputFile, PlanDocument
from poise.patching.harddates import named_dates
from poise.patching.intake import Intake, Progress, take_in
from poise.patching.risk_model import Sources, risk_model
from poise.planning.check import check
from poise.planning.checkpoint import Checkpoint
from poise.planning.frontier import sweep
from poise.planning.problem import Frontier
from poise.planning.solvers import Solver
from poise.risk.parameters import RiskParameters
from poise.risk.rate import Calibration
from poise.risk.simulation.model import RiskModel
from poise.risk.simulation.simulate import Simulation, simulate
from poise.scans import ScanReport
from poise.threats.evidence import Evidence
from poise.threats.store import ThreatStore
from poise.threats.table import FEED_NAMES

#: Plans that can be shown and exported.
CHOICES = ("kalai-smorodinsky", "nash", "least-total", "least-exposure", "least-disruption", "default")

#: Simulated with every plan; poise simulate plays more.
KNOWLEDGE_DRAWS, INNER_DRAWS = 200, 500
#: What the solver may take when nobody says [s]; its own amount of work ends it long before.
UNLIMITED_SECONDS = 3_600.0


@dataclass(frozen=True, slots=True)
class Settings:
    """How to plan.

    Parameters
    ----------
    now
        The moment the plan is made, with its time zone.
    horizon_days
        How far the plan reaches [d], > 0.
    seconds
        Limit of the solver [s]; None lets it do its work.
    points
        Plans of the frontier to aim at.
    shown
        Key of the plan whose calendar is shown: one of :data:`CHOICES`.
    hard_deadlines
        Whether a plan must meet every deadline, instead of paying for those it misses.
    checkpoint
        File that keeps what is solved, to go on from when the process is killed.
    gap
        Share of a plan's cost that may stay unproven when a solve by prices ends, 0 to 1.
    """

    now: datetime
    horizon_days: float = 182.0
    seed: int = 0
    seconds: float | None = None
    points: int = 31
    threads: int = 2
    shown: str = "kalai-smorodinsky"
    hard_deadlines: bool = False
    checkpoint: Path | None = None
    gap: float = 0.0


@dataclass(frozen=True)
class Planned:
    """The document, and what a caller may want to keep beside it."""

    document: PlanDocument
    calibration: Calibration
    case: PatchCase
    intake: Intake
    rated: RatedBacklog
    comparison: Comparison
    risk: RiskModel


@dataclass(frozen=True)
class Prepared:
    """Reports, estate and evidence of one day, joined: what plans and tables start from.

    Parameters
    ----------
    inputs
        Every file and feed that it rests on.
    """

    now: datetime
    today: date
    horizon_end: datetime
    parameters: RiskParameters
    intake: Intake
    evidence: dict[str, Evidence]
    rated: RatedBacklog
    inputs: tuple[InputFile, ...]

    def case(self, estate: Estate, *, hard_deadlines: bool = False) -> PatchCase:
        """Return the checked case of an estate, which may have other freezes than the one prepared."""
        case = build_case(
            estate,
            self.rated.changes,
            now=self.now,
            horizon_end=self.horizon_end,
            parameters=self.parameters,
            hard_deadlines=hard_deadlines,
        )
        check(case.problem)
        return case

    def sources(self, case: PatchCase) -> Sources:
        """Return what a simulation of a case is made from."""
        return Sources(case, self.intake.backlog, self.rated, self.evidence)


def prepare(
    estate: Estate,
    reports: Sequence[ScanReport],
    store: ThreatStore,
    settings: Settings,
    *,
    inputs: Sequence[InputFile] = (),
    parameters: RiskParameters | None = None,
    calibration: Calibration | None = None,
    progress: Progress | None = None,
) -> Prepared:
    """Read reports, fold them to changes, and rate these; arguments and errors as in :func:`plan_patches`."""
    parameters = parameters or RiskParameters()
    today = settings.now.astimezone(ZoneInfo(estate.timezone)).date()
    intake = take_in(estate, reports, progress)
    evidence = gather_evidence(intake, store, today)
    rated = rate_backlog(
        intake.backlog, estate, evidence, today=today, parameters=parameters, calibration=calibration
    )
    if not rated.changes:
        message = "The reports hold no fixable vulnerability on any asset of the estate."
        hint = "poise estate check and poise scan read show what was matched and what was read."
        web = "Estate shows which assets were matched to patch groups, Findings what was read."
        raise NoFeasiblePlanError(Fault("E520", "plan", message, hint, web))
    return Prepared(
        settings.now,
        today,
        settings.now + timedelta(days=settings.horizon_days),
        parameters,
        intake,
        evidence,
        rated,
        (*report_inputs(reports, intake), *inputs, *feed_inputs(store, today)),
    )


def plan_patches(
    estate: Estate,
    reports: Sequence[ScanReport],
    store: ThreatStore,
    settings: Settings,
    *,
    inputs: Sequence[InputFile] = (),
    parameters: RiskParameters | None = None,
    calibration: Calibration | None = None,
    progress: Progress | None = None,
    priced: Solver | None = None,
    stop: Callable[[], bool] | None = None,
) -> Planned:
    """Plan the patches of a company.

    Parameters
    ----------
    inputs
        Files other than the reports and feeds that the result rests on.
    calibration
        Frozen factor of an earlier plan; None calibrates on this backlog.
    priced
        Solves by prices in place of this process: a cluster.
    stop
        Asked while solving; true ends it with the plans found so far.

    Raises
    ------
    ScanFormatError
        When any report is refused.
    NoFeasiblePlanError
        E520 when there is nothing to plan: no change on any group of the estate; E500 or E501 with the
        earliest possible dates when hard deadlines cannot be met.
    """
    ready = prepare(
        estate, reports, store, settings,
        inputs=inputs, parameters=parameters, calibration=calibration, progress=progress,
    )  # fmt: skip
    case = ready.case(estate, hard_deadlines=settings.hard_deadlines)
    frontier = sweep_case(case, settings, progress, priced, stop)
    comparison = compare(case, frontier, seed=settings.seed)
    risk = risk_model(ready.sources(case), comparison.named, settings.seed)
    material = Material(
        case=case,
        intake=ready.intake,
        rated=ready.rated,
        evidence=ready.evidence,
        frontier=frontier,
        comparison=comparison,
        inputs=ready.inputs,
        notices=tuple(_notices(case, ready.intake, store, ready.today)),
        seed=settings.seed,
        simulation=_simulate(risk, settings, progress),
    )
    return Planned(
        assemble(material, settings.shown),
        ready.rated.calibration,
        case,
        ready.intake,
        ready.rated,
        comparison,
        risk,
    )


def _simulate(risk: RiskModel, settings: Settings, progress: Progress | None) -> Simulation:
    return simulate(
        risk,
        knowledge_draws=KNOWLEDGE_DRAWS,
        inner_draws=INNER_DRAWS,
        threads=settings.threads,
        progress=progress,
    )


def sweep_case(
    case: PatchCase,
    settings: Settings,
    progress: Progress | None,
    priced: Solver | None = None,
    stop: Callable[[], bool] | None = None,
) -> Frontier:
    """Return the frontier of a case; dates that cannot be met are told by the names of their changes."""
    checkpoint = None
    if settings.checkpoint is not None:
        about = {"now": settings.now.isoformat()}
        checkpoint = Checkpoint(settings.checkpoint, case.problem, about=about)
    with named_dates(lambda change: _name(case, change), settings.now, case.estate.timezone):
        return sweep(
            case.problem,
            points=settings.points,
            seconds=settings.seconds if settings.seconds is not None else UNLIMITED_SECONDS,
            seed=settings.seed,
            threads=settings.threads,
            progress=progress,
            priced=priced,
            checkpoint=checkpoint,
            gap=settings.gap,
            stop=stop,
        )


def _name(case: PatchCase, number: int) -> str:
    """Return how people know a change."""
    change = case.changes[number]
    return f"{change.id} ({change.remedy}, {change.group})"


def gather_evidence(intake: Intake, store: ThreatStore, today: date) -> dict[str, Evidence]:
    """Return evidence on every vulnerability of a backlog; of what no feed knows, an empty one."""
    ids = sorted(intake.backlog.vulnerabilities())
    known = store.evidence(ids, today)
    return {vulnerability: known.get(vulnerability, Evidence(vulnerability, today)) for vulnerability in ids}


def report_inputs(reports: Sequence[ScanReport], intake: Intake) -> list[InputFile]:
    """Return the reports as inputs, with what was read of them."""
    return [
        InputFile(
            kind="report",
            name=report.source.path.name + (f"!{member}" if (member := report.source.member_name) else ""),
            sha256=hash_file(report.source.path),
            detail=f"{report.format.name}, {records:,} records"
            + (f", {len(report.faults):,} faulty" if report.faults else ""),
        )
        for report, records in zip(reports, intake.records_of, strict=True)
    ]


def feed_inputs(store: ThreatStore, today: date) -> list[InputFile]:
    """Return the feeds as they are known on a day, as inputs."""
    return [
        InputFile(
            kind="feed",
            name=status.snapshot.feed,
            sha256=status.snapshot.sha256,
            detail=f"{status.snapshot.label}, {status.snapshot.rows:,} rows",
            as_of=status.snapshot.date,
        )
        for status in store.status(today)
        if status.snapshot is not None
    ]


def _notices(case: PatchCase, intake: Intake, store: ThreatStore, today: date) -> list[str]:
    notices = []
    for status in store.status(today):
        name = FEED_NAMES[status.feed]
        if status.state == "missing":
            notices.append(f"No {name} data is stored: what it would tell is unknown, not zero.")
        elif status.state == "stale":
            notices.append(f"The {name} data is {status.age_days} days old; poise threats update renews it.")
    overdue = int(case.is_overdue.sum())
    if overdue:
        notices.append(
            f"{overdue} changes were overdue before this plan begins; a plan counts them as late when it "
            f"leaves them open for more than {case.parameters.overdue_grace_days:g} days."
        )
    empty = [
        group.id
        for index, group in enumerate(case.groups)
        if case.problem.slot_ptr[index] == case.problem.slot_ptr[index + 1]
    ]
    if empty:
        shown = ", ".join(empty[:5]) + (", ..." if len(empty) > 5 else "")
        notices.append(f"{len(empty)} patch groups have no window within the horizon: {shown}.")
    if intake.faults:
        notices.append(f"{len(intake.faults):,} records of the reports could not be read; the rest was.")
    if intake.mapping.conflicts:
        notices.append(
            f"{len(intake.mapping.conflicts)} assets are claimed alike by two patch groups and so unmapped."
        )
    if fewer := intake.mapping.fewer_hosts(case.estate):
        groups = [f"{group} ({seen} of {declared})" for group, (seen, declared) in fewer.items()]
        notices.append(
            f"The reports show fewer hosts than the estate says of {', '.join(groups[:5])}"
            f"{', ...' if len(groups) > 5 else ''}: what is open on the others is unknown, not zero."
        )
    return notices


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a file, as hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def estate_inputs(path: Path, estate: Estate) -> list[InputFile]:
    """Return the estate's files as inputs: estate.yaml or its tables, and its calendars."""
    files = sorted(path.glob("*.csv")) if path.is_dir() else [path]
    described = (
        f"{len(estate.services)} services, {len(estate.groups)} patch groups, {len(estate.teams)} teams"
    )
    found = [InputFile(kind="estate", name=f.name, sha256=hash_file(f), detail=described) for f in files]
    calendars: Mapping[str, None] = dict.fromkeys(calendar.path for calendar in estate.calendars.values())
    found += [
        InputFile(kind="calendar", name=Path(c).name, sha256=hash_file(Path(c)), detail="maintenance windows")
        for c in calendars
    ]
    return found
