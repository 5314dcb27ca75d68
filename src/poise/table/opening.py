"""Opening a table: the ground from reports, estate and evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import msgspec
import numpy as np

import poise
from poise.estate.model import Estate, Freeze
from poise.ledger.canonical import canonical, digest
from poise.patching.assemble import change_entry, service_entries, team_entries
from poise.patching.case import PatchCase
from poise.patching.comparison import default_plan
from poise.patching.document import GroupEntry, InputFile, WindowEntry
from poise.patching.emergency import emergency_cost, tonight
from poise.patching.intake import Intake, Progress
from poise.patching.planner import Settings, prepare, sweep_case
from poise.patching.risk_model import Sources, risk_model, with_plans
from poise.patching.rules import RULES, play
from poise.planning.problem import Frontier, Plan
from poise.risk.rate import Calibration
from poise.risk.simulation.storage import encode
from poise.scans import ScanReport
from poise.table.ground import SCHEMA, Ground, StoredPlan, as_plan, store_problem
from poise.table.limits import Limit
from poise.threats.store import ThreatStore

#: How long an emergency window is, from 22:00: a night.
EMERGENCY_LENGTH = timedelta(hours=8)


def open_ground(
    estate: Estate,
    reports: Sequence[ScanReport],
    store: ThreatStore,
    settings: Settings,
    *,
    inputs: Sequence[InputFile] = (),
    calibration: Calibration | None = None,
    progress: Progress | None = None,
) -> tuple[Ground, Calibration]:
    """Return the ground of a table, and the calibration to keep.

    The estate's freezes of class policy and preference become limits, so that they have a price; those
    of class law stay in the problem.

    Parameters
    ----------
    settings
        As for a plan; ``points`` is the size of the frontier before limits.
    inputs
        Files other than the reports and feeds that the ground rests on.
    calibration
        Frozen factor of an earlier plan; None calibrates on this backlog.

    Raises
    ------
    ScanFormatError
        When any report is refused.
    NoFeasiblePlanError
        E520 when there is nothing to plan.
    """
    ready = prepare(
        estate, reports, store, settings, inputs=inputs, calibration=calibration, progress=progress
    )
    lawful = replace(estate, freezes=tuple(freeze for freeze in estate.freezes if freeze.kind == "law"))
    with_freezes, case = ready.case(estate), ready.case(lawful)
    frontier = sweep_case(case, settings, progress)
    sentence, default = default_plan(with_freezes)
    ground = Ground(
        schema=SCHEMA,
        poise_version=poise.__version__,
        company=estate.name,
        currency=estate.currency,
        timezone=estate.timezone,
        now=settings.now,
        horizon_end=ready.horizon_end,
        seed=settings.seed,
        digest=_digest(ready.inputs),
        inputs=ready.inputs,
        **_case_fields(case, _hosts(case, ready.intake)),
        estate_limits=tuple(_limit(freeze) for freeze in estate.freezes if freeze.kind != "law"),
        default=StoredPlan(
            key="default", label="If nobody signs", windows=_translated(default, with_freezes, case)
        ),
        default_sentence=sentence,
        rules=_rule_plans(with_freezes, case),
        **_frontier_fields(frontier),
        risk=_risk(ready.sources(case), default, with_freezes, settings.seed),
    )
    return ground, ready.rated.calibration


def _risk(sources: Sources, default: Plan, made_on: PatchCase, seed: int) -> dict[str, Any]:
    """Return the model of a simulation as the ground holds it."""
    case = sources.case
    plan = as_plan(_translated(default, made_on, case))
    model = with_plans(risk_model(sources, (), seed), case.problem, [("default", "If nobody signs", plan)])
    return dict(msgspec.json.decode(encode(model)))


def _hosts(case: PatchCase, intake: Intake) -> dict[str, list[str]]:
    """Return the hosts of each group, by the names that scanners gave them."""
    assets = intake.reconciliation.assets
    return {
        group.id: [assets[asset].identity.label for asset in intake.backlog.assets[group.id]]
        for group in case.groups
    }


def _case_fields(case: PatchCase, hosts: Mapping[str, list[str]]) -> dict[str, Any]:
    """Return what a ground holds of a case, by the names of its fields."""
    night = tonight(case)
    return {
        "emergency_start": night,
        "emergency_end": night + EMERGENCY_LENGTH,
        "emergency_cost": tuple(emergency_cost(case, group, night) for group in range(len(case.groups))),
        "overtime_per_minute": tuple(team.hourly_rate * team.overtime_factor / 60 for team in case.teams),
        "problem_arrays": store_problem(case.problem),
        "changes": tuple(change_entry(change) for change in case.changes),
        "groups": tuple(_group(case, number, hosts[group.id]) for number, group in enumerate(case.groups)),
        "services": service_entries(case),
        "teams": team_entries(case),
        "windows": tuple(
            WindowEntry(id=number, calendar=w.calendar, start=w.start, end=w.end, summary=w.summary)
            for number, w in enumerate(case.windows)
        ),
        "group_service": tuple(loss.service for loss in case.losses),
        "group_downtime_minutes": tuple(
            group.reboot_minutes * group.capacity_loss_fraction for group in case.groups
        ),
    }


def _rule_plans(with_freezes: PatchCase, case: PatchCase) -> tuple[StoredPlan, ...]:
    """Return what each rule that people use makes of the backlog, freezes kept."""
    return tuple(
        StoredPlan(
            key=rule.key, label=rule.label, windows=_translated(play(with_freezes, rule), with_freezes, case)
        )
        for rule in RULES
    )


def _frontier_fields(frontier: Frontier) -> dict[str, Any]:
    """Return what a ground holds of the frontier before limits, by the names of its fields."""
    return {
        "plans": tuple(
            StoredPlan(
                key=f"F{number:02d}", label=f"plan {number}", windows=tuple(point.plan.window.tolist())
            )
            for number, point in enumerate(frontier.points, start=1)
        ),
        "line_weight": tuple(frontier.hull_weight.tolist()),
        "line_bound": tuple(frontier.hull_bound.tolist()),
    }


def _digest(inputs: Sequence[InputFile]) -> str:
    return digest(canonical([{"kind": one.kind, "name": one.name, "sha256": one.sha256} for one in inputs]))


def _group(case: PatchCase, number: int, hosts: list[str]) -> GroupEntry:
    group = case.groups[number]
    return GroupEntry(
        id=group.id,
        services=group.services,
        team=group.team,
        calendar=group.calendar,
        zone=group.zone,
        hosts=tuple(sorted(hosts)),
        reboot_minutes=group.reboot_minutes,
        ring=group.ring,
        ring_stage=group.ring_stage,
        redundant_with=group.redundant_with,
    )


def _limit(freeze: Freeze) -> Limit:
    return Limit(
        id=freeze.id,
        party="operations",
        rule="freeze",
        class_=freeze.kind,
        owner=freeze.owner or "the estate",
        reason=freeze.reason,
        scope=freeze.scope,
        start=freeze.start,
        end=freeze.end,
    )


def _translated(plan: Plan, source: PatchCase, target: PatchCase) -> tuple[int, ...]:
    """Return a plan of one case in the window numbers of another that has all its windows and changes."""
    number = {(window.start, window.end): place for place, window in enumerate(target.windows)}
    place = [number[window.start, window.end] for window in source.windows]
    own = {change.id: change_number for change_number, change in enumerate(source.changes)}
    windows = np.array([plan.window[own[change.id]] for change in target.changes])
    return tuple(place[window] if window >= 0 else -1 for window in windows)
