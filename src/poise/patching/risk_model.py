"""From a patch case and its candidates to the arrays that a simulation plays."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

import numpy as np

from poise.patching.case import PatchCase
from poise.patching.changes import RatedBacklog, change_id, hazards_of
from poise.patching.comparison import Candidate
from poise.planning.evaluate import evaluate
from poise.planning.problem import Plan, Problem
from poise.risk.fold import Backlog
from poise.risk.hazard import EPSS_DAYS, probability_within
from poise.risk.simulation.expectation import expect
from poise.risk.simulation.knowledge import as_planned
from poise.risk.simulation.model import Events, Floats, Inputs, Plans, RiskModel, Work
from poise.threats.evidence import Evidence

_NO_PLANS = Plans((), (), np.zeros((0, 0)), np.zeros((0, 0), dtype=np.bool_), np.zeros(0), np.zeros(0))


@dataclass(frozen=True)
class Sources:
    """What the events are made from."""

    case: PatchCase
    backlog: Backlog
    rated: RatedBacklog
    evidence: Mapping[str, Evidence]


def risk_model(sources: Sources, candidates: Sequence[Candidate], seed: int) -> RiskModel:
    """Return the model of a case and some of its plans.

    Parameters
    ----------
    candidates
        The plans to compare, each with its evaluation.
    seed
        Of every draw; the plan's own.
    """
    case = sources.case
    parameters, estate = case.parameters, case.estate
    zones = tuple(parameters.zone_factor)
    services = tuple(estate.services.values())
    model = RiskModel(
        company=estate.name,
        currency=estate.currency,
        horizon_days=case.problem.horizon_days,
        seed=seed,
        services=tuple(service.id for service in services),
        loss_low=np.array([service.loss_low for service in services]),
        loss_high=np.array([service.loss_high for service in services]),
        teams=tuple(team.id for team in case.teams),
        zones=zones,
        inputs=Inputs(
            calibration=sources.rated.calibration.factor,
            base_rate_per_year=sources.rated.calibration.base_rate_per_year,
            zone_factor=np.array([parameters.zone_factor[zone] for zone in zones]),
            kev_floor=parameters.kev_floor,
            ransomware_loss_factor=parameters.ransomware_loss_factor,
            failure_prior_failed=parameters.failure_prior_failed,
            failure_prior_done=parameters.failure_prior_done,
            early_failure_factor=parameters.early_failure_factor,
            settle_days=parameters.settle_days,
        ),
        events=_events(sources),
        work=_work(case),
        plans=_NO_PLANS,
    )
    return with_plans(model, case.problem, [(one.key, one.label, one.plan) for one in candidates])


def with_plans(model: RiskModel, problem: Problem, named: Sequence[tuple[str, str, Plan]]) -> RiskModel:
    """Return a model with these plans (key, label, plan) in place of its own.

    Parameters
    ----------
    problem
        What the plans are of; its caps play no part.
    """
    found = [evaluate(problem, plan) for _, _, plan in named]
    shape = (len(named), problem.num_changes)
    plans = Plans(
        keys=tuple(key for key, _, _ in named),
        labels=tuple(label for _, label, _ in named),
        open_days=np.array([_open_days(problem, plan) for _, _, plan in named]).reshape(shape),
        is_done=np.array([plan.window >= 0 for _, _, plan in named], dtype=np.bool_).reshape(shape),
        fixed_cost=np.zeros(len(named)),
        late_cost=np.array([one.late_cost for one in found]),
    )
    fresh = replace(model, plans=plans)
    expected = expect(fresh, as_planned(fresh))
    # What a plan costs operations besides failures and emergency visits: openings and labour.
    disruption = np.array([one.disruption for one in found])
    fixed = disruption - expected.failure_cost - expected.deferral_cost
    return replace(fresh, plans=replace(plans, fixed_cost=fixed))


def _open_days(problem: Problem, plan: Plan) -> Floats:
    ends = np.append(problem.window_end_days, problem.horizon_days)
    return np.asarray(ends[np.where(plan.window >= 0, plan.window, -1)] - problem.release_days)


def _events(sources: Sources) -> Events:
    """Return a wave per vulnerability and zone, with the changes through which it may come in."""
    case = sources.case
    estate, zones = case.estate, tuple(case.parameters.zone_factor)
    today = case.now.astimezone(ZoneInfo(estate.timezone)).date()
    hazards = hazards_of(sources.evidence, case.parameters, today)
    pairs: dict[tuple[str, str], int] = defaultdict(int)
    for group, vulnerabilities in sources.backlog.open_vulnerabilities():
        for vulnerability, assets in vulnerabilities.items():
            pairs[estate.groups[group].zone, vulnerability] += len(assets)
    number = {change.id: place for place, change in enumerate(case.changes)}
    entries: dict[tuple[str, str], list[tuple[int, float]]] = defaultdict(list)
    for remedy in sources.backlog.remedies:
        group_ = estate.groups[remedy.group]
        for vulnerability, assets in remedy.vulnerabilities.items():
            share = len(assets) / pairs[group_.zone, vulnerability] * (1.0 - group_.control_effectiveness)
            entries[vulnerability, group_.zone].append((number[change_id(remedy)], share))
    keys = sorted(entries)
    unfloored = {
        name: probability_within(hazard.new_activity_per_day, EPSS_DAYS) for name, hazard in hazards.items()
    }
    names = tuple(sorted({vulnerability for vulnerability, _ in keys}))
    place_of = {name: place for place, name in enumerate(names)}
    known = [sources.evidence[vulnerability].kev for vulnerability, _ in keys]
    flat = [(event, *entry) for event, key in enumerate(keys) for entry in entries[key]]
    return Events(
        names=names,
        vulnerability=np.array([place_of[vulnerability] for vulnerability, _ in keys], dtype=np.int64),
        zone=np.array([zones.index(zone) for _, zone in keys], dtype=np.int64),
        probability=np.array([unfloored[vulnerability] for vulnerability, _ in keys]),
        is_kev=np.array([entry is not None for entry in known], dtype=np.bool_),
        is_ransomware=np.array([bool(entry and entry.ransomware) for entry in known], dtype=np.bool_),
        entry_event=np.array([event for event, _, _ in flat], dtype=np.int64),
        entry_change=np.array([change for _, change, _ in flat], dtype=np.int64),
        entry_share=np.array([share for _, _, share in flat], dtype=np.float64),
    )


def _work(case: PatchCase) -> Work:
    """Return the changes as operations sees them, and the teams' own records."""
    services = {name: place for place, name in enumerate(case.estate.services)}
    group = case.problem.change_group
    loss_of_group = np.array([services[loss.service] for loss in case.losses], dtype=np.int64)
    teams = [case.teams[place] for place in case.problem.group_team]
    default = case.parameters.recovery_hours
    hours = np.array(
        [
            (default if team.recovery_hours is None else team.recovery_hours) * own.capacity_loss_fraction
            for team, own in zip(teams, case.groups, strict=True)
        ]
    )
    record = [(team.changes_failed, team.changes_done) for team in case.teams]
    known = [
        (failed, done) if failed is not None and done is not None else (-1, -1) for failed, done in record
    ]
    return Work(
        service=loss_of_group[group],
        team=case.problem.group_team[group],
        available_days=case.problem.available_days,
        recovery_hours=hours[group],
        recovery_cost=np.array([change.recovery_cost for change in case.changes]),
        deferral_per_day=case.problem.deferral_cost_per_day,
        failed=np.array([failed for failed, _ in known], dtype=np.float64),
        done=np.array([done for _, done in known], dtype=np.float64),
    )
