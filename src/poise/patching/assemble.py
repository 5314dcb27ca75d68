"""Putting the plan document together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

import poise
from poise.patching.assumptions import assumptions
from poise.patching.case import PatchCase
from poise.patching.changes import RatedBacklog
from poise.patching.comparison import Candidate, Comparison
from poise.patching.document import (
    SCHEMA,
    ChangeEntry,
    FoldStep,
    FreezeEntry,
    GroupEntry,
    InputFile,
    NoFix,
    PlanDocument,
    Schedule,
    ServiceEntry,
    Simulated,
    SimulatedPlan,
    TeamEntry,
    UnmappedAsset,
    WindowEntry,
)
from poise.patching.emergency import emergency_options
from poise.patching.figures import visits
from poise.patching.intake import Intake
from poise.patching.late import late_changes
from poise.planning.problem import Frontier
from poise.risk.change import Change
from poise.risk.simulation.simulate import DOT_LEVELS, Simulation
from poise.threats.evidence import Evidence

#: Plans whose calendars are written out, besides the one that is shown.
SCHEDULED = ("nash", "kalai-smorodinsky", "least-total", "default")


@dataclass(frozen=True)
class Material:
    """Everything that the document is made of."""

    case: PatchCase
    intake: Intake
    rated: RatedBacklog
    evidence: Mapping[str, Evidence]
    frontier: Frontier
    comparison: Comparison
    inputs: tuple[InputFile, ...]
    notices: tuple[str, ...]
    seed: int
    simulation: Simulation | None = None


def assemble(material: Material, shown: str) -> PlanDocument:
    """Return the plan document.

    Parameters
    ----------
    shown
        Key of the named plan whose calendar is shown and exported.

    Raises
    ------
    KeyError
        When no named plan has that key.
    """
    case = material.case
    estate = case.estate
    by_key = {candidate.key: candidate for candidate in material.comparison.named}
    chosen = by_key[shown]
    keys = dict.fromkeys((shown, *SCHEDULED))
    return PlanDocument(
        schema=SCHEMA,
        poise_version=poise.__version__,
        company=estate.name,
        currency=estate.currency,
        timezone=estate.timezone,
        now=case.now,
        horizon_end=case.horizon_end,
        horizon_days=case.problem.horizon_days,
        seed=material.seed,
        work=material.frontier.work,
        stopped_by=material.frontier.stopped_by,
        inputs=material.inputs,
        folding=folding(material.intake, len(case.changes)),
        num_assets=material.intake.backlog.account.assets,
        services=service_entries(case),
        teams=team_entries(case),
        groups=tuple(_groups(material)),
        windows=tuple(
            WindowEntry(id=index, calendar=w.calendar, start=w.start, end=w.end, summary=w.summary)
            for index, w in enumerate(case.windows)
        ),
        freezes=_freezes(case),
        changes=tuple(change_entry(change) for change in case.changes),
        frontier=material.comparison.dots,
        hull=material.comparison.hull,
        plans=material.comparison.entries,
        shown=shown,
        schedules=tuple(_schedule(case, by_key[key]) for key in keys),
        emergency=emergency_options(case, chosen.plan, chosen.evaluation),
        no_fix=tuple(_no_fix(material)),
        unmapped=tuple(_unmapped(material)),
        assumptions=assumptions(estate, material.rated, case.parameters),
        notices=material.notices,
        simulated=simulated(material.simulation) if material.simulation else None,
    )


def simulated(simulation: Simulation) -> Simulated:
    """Return a simulation as the document holds it; the default plan must be among its plans."""
    model, tally = simulation.model, simulation.tally
    low, high = np.quantile(simulation.loss, (0.05, 0.95), axis=0)
    hours_low, hours_high = np.quantile(simulation.unplanned_hours, (0.05, 0.95), axis=0)
    losses, hours = tally.loss_quantiles(DOT_LEVELS), tally.hours_quantiles(DOT_LEVELS)
    better = simulation.chance_better(simulation.total)[:, model.index("default")]
    near = simulation.near_best()
    plans = tuple(
        SimulatedPlan(
            key=key,
            expected_loss=float(simulation.loss[:, a].mean()),
            expected_loss_low=float(low[a]),
            expected_loss_high=float(high[a]),
            incident_probability=float(simulation.incident[:, a].mean()),
            unplanned_hours=float(simulation.unplanned_hours[:, a].mean()),
            unplanned_hours_low=float(hours_low[a]),
            unplanned_hours_high=float(hours_high[a]),
            loss_dots=tuple(round(float(value), 2) for value in losses[a]),
            unplanned_hours_dots=tuple(round(float(value), 3) for value in hours[a]),
            better_than_default=float(better[a]),
            near_best=float(near[a]),
        )
        for a, key in enumerate(model.plans.keys)
    )
    return Simulated(
        seed=model.seed,
        knowledge_draws=len(simulation.loss),
        draws=tally.draws,
        plans=plans,
        linear_error=float(np.abs(simulation.linear_error).max(initial=0.0)),
        rank_changes=tuple((model.plans.keys[a], model.plans.keys[b]) for a, b in simulation.rank_changes()),
    )


def folding(intake: Intake, num_changes: int) -> tuple[FoldStep, ...]:
    """Return the steps from records to changes; what each leaves out is told in its note."""
    account = intake.backlog.account
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(account.not_vulnerability_kinds.items()))
    is_open = account.findings - account.not_vulnerability - account.closed
    mapped = is_open - account.unmapped
    steps = (
        ("records in the reports", account.records, account.records, "as the scanners wrote them"),
        (
            "distinct findings",
            account.records,
            account.findings,
            "the same check on the same asset, at several ports or paths, counts once",
        ),
        (
            "open vulnerabilities",
            account.findings,
            is_open,
            f"{account.closed:,} are closed in the report; not vulnerabilities: {kinds or 'none'}",
        ),
        (
            "on mapped assets",
            is_open,
            mapped,
            f"{account.unmapped:,} are on assets of no patch group, listed",
        ),
        (
            "vulnerability and asset",
            mapped,
            account.pairs,
            "one finding may name several CVEs; several scanners may name one",
        ),
        (
            "with a fix",
            account.pairs,
            account.pairs_with_fix,
            f"{account.no_fix:,} findings have no fix, listed for mitigation or exception",
        ),
        (
            "remedies per asset",
            account.pairs_with_fix,
            account.remedies_per_asset,
            "the highest fixed version or the last cumulative update covers the rest",
        ),
        ("changes", account.remedies_per_asset, num_changes, "one remedy on one patch group"),
    )
    return tuple(
        FoldStep(name=name, before=before, after=after, note=note) for name, before, after, note in steps
    )


def service_entries(case: PatchCase) -> tuple[ServiceEntry, ...]:
    """Return the estate's services as the documents hold them."""
    return tuple(
        ServiceEntry(
            id=service.id,
            name=service.name,
            owner=service.owner,
            tier=service.tier,
            loss_low=service.loss_low,
            loss_high=service.loss_high,
            assumed=tuple(sorted(service.assumed)),
        )
        for service in case.estate.services.values()
    )


def team_entries(case: PatchCase) -> tuple[TeamEntry, ...]:
    """Return the teams of a case as the documents hold them."""
    return tuple(
        TeamEntry(
            id=team.id,
            name=team.name,
            capacity_minutes=team.capacity_minutes,
            failure_probability=case.failure[team.id].probability,
            failure_source=case.failure[team.id].source,
        )
        for team in case.teams
    )


def _groups(material: Material) -> Iterable[GroupEntry]:
    assets = material.intake.reconciliation.assets
    for group in material.case.groups:
        members = material.intake.backlog.assets[group.id]
        yield GroupEntry(
            id=group.id,
            services=group.services,
            team=group.team,
            calendar=group.calendar,
            zone=group.zone,
            hosts=tuple(sorted(assets[asset].identity.label for asset in members)),
            reboot_minutes=group.reboot_minutes,
            ring=group.ring,
            ring_stage=group.ring_stage,
            redundant_with=group.redundant_with,
        )


def _freezes(case: PatchCase) -> tuple[FreezeEntry, ...]:
    return tuple(
        FreezeEntry(
            id=freeze.id,
            start=freeze.start,
            end=freeze.end,
            scope=freeze.scope,
            reason=freeze.reason,
            kind=freeze.kind,
        )
        for freeze in case.estate.freezes
        if freeze.start < case.horizon_end and freeze.end > case.now
    )


def change_entry(change: Change) -> ChangeEntry:
    """Return a change as the documents hold it."""
    return ChangeEntry(
        id=change.id,
        group=change.group,
        remedy=change.remedy,
        vulnerabilities=change.vulnerabilities,
        num_assets=len(change.assets),
        num_findings=change.num_findings,
        hazard_per_day=change.hazard_per_day,
        exposure_per_day=change.exposure_per_day,
        exposure_low_per_day=change.exposure_low_per_day,
        exposure_high_per_day=change.exposure_high_per_day,
        labour_minutes=change.labour_minutes,
        needs_reboot=change.needs_reboot,
        failure_probability=change.failure_probability,
        deadline=change.deadline,
        deadline_source=change.deadline_source,
        severity=change.severity,
        cvss_max=change.cvss_max,
        epss_max=change.epss_max,
        is_kev=change.is_kev,
        is_ransomware=change.is_ransomware,
        bod_label=change.bod_label,
        known_exploited=change.known_exploited,
        assumed=tuple(sorted(change.assumed)),
    )


def _schedule(case: PatchCase, candidate: Candidate) -> Schedule:
    not_done = [case.changes[j].id for j, window in enumerate(candidate.plan.window) if window < 0]
    return Schedule(
        plan=candidate.key,
        visits=visits(case, candidate.plan),
        late=late_changes(case, candidate.plan, candidate.evaluation),
        not_done=tuple(not_done),
    )


def _no_fix(material: Material) -> Iterable[NoFix]:
    entries = []
    for unfixed, rated in material.rated.unfixed:
        entries.append(
            NoFix(
                group=unfixed.group,
                component=unfixed.component,
                vulnerabilities=tuple(unfixed.vulnerabilities),
                num_assets=len(set().union(*unfixed.vulnerabilities.values())),
                num_findings=unfixed.num_findings,
                exposure_per_day=rated.exposure_per_day,
                is_kev=any(material.evidence[v].kev is not None for v in unfixed.vulnerabilities),
                reason=unfixed.reason,
            )
        )
    return sorted(entries, key=lambda entry: (-entry.exposure_per_day, entry.group, entry.component))


def _unmapped(material: Material) -> Iterable[UnmappedAsset]:
    assets = material.intake.reconciliation.assets
    entries = [
        UnmappedAsset(
            asset=assets[entry.asset].identity.label,
            why=entry.why,
            num_findings=entry.num_findings,
            exposure_per_day=material.rated.unmapped_exposure_per_day[entry.asset],
            num_kev=sum(material.evidence[v].kev is not None for v in entry.vulnerabilities),
        )
        for entry in material.intake.backlog.unmapped
    ]
    return sorted(entries, key=lambda entry: (-entry.exposure_per_day, entry.asset))
