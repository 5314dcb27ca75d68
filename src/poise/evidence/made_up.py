"""Made-up companies with dials: how much of what Poise saves hangs on CVSS, and on getting hazards right.

One decision of eight weeks on a made-up backlog. Plans are made on the hazards that are believed and judged
on the
true ones. Metrics and dials: docs/evidence-metrics.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np

from poise.evidence.companies import KINDS, Kind, make_company
from poise.evidence.deciding import LADDER_KEYS, RULE_KEYS, deciders
from poise.evidence.judgements import ToldJudgements, judge
from poise.evidence.replay import effort
from poise.evidence.scoring import saved
from poise.evidence.week import Holding, Week, calibration, hazards, hold, see_week
from poise.evidence.world import Knowledge, Snapshot, World
from poise.planning.evaluate import evaluate
from poise.planning.problem import Floats, Plan
from poise.threats.evidence import KevEntry
from poise.threats.kev_history import KevHistory, Span

#: Dials, each with its values; the middle case has a correlation of 0.3 and an error of 0.5.
CORRELATIONS = (0.0, 0.3, 0.6, 0.9)
ERRORS = (0.0, 0.5, 1.0, 2.0)
SEEDS = (1, 2, 3, 4, 5)
_MIDDLE = (0.3, 0.5)
_DAY = date(2026, 1, 5)
#: Vulnerabilities of the made-up world, the median and spread of their EPSS, and the share that KEV lists.
_VULNERABILITIES, _MEDIAN, _SIGMA, _KEV_SHARE = 3_000, 0.001, 1.8, 0.015


@dataclass(frozen=True)
class Trial:
    """One company at one setting of the dials: what the ladder saves against each rule.

    ``saved_exposure`` is at equal hours, ``saved_hours`` at equal true exposure, by rule; None where the
    two cannot be
    compared.
    """

    kind: Kind
    seed: int
    correlation: float
    error: float
    saved_exposure: dict[str, float | None]
    saved_hours: dict[str, float | None]


def settings() -> list[tuple[float, float]]:
    """Return the settings (correlation, error): one dial at a time around the middle."""
    found = [(correlation, _MIDDLE[1]) for correlation in CORRELATIONS]
    found += [(_MIDDLE[0], error) for error in ERRORS]
    return list(dict.fromkeys(found))


def trials(
    kinds: Sequence[Kind] = KINDS,
    seeds: Sequence[int] = SEEDS,
    *,
    progress: Callable[[int, int, str], None] | None = None,
) -> Iterator[Trial]:
    """Yield a trial per kind, seed and setting of the dials."""
    cases = [(kind, seed, *dials) for kind in kinds for seed in seeds for dials in settings()]
    for done, (kind, seed, correlation, error) in enumerate(cases):
        if progress is not None:
            progress(done, len(cases), f"{kind} {seed}, correlation {correlation:g}, error {error:g}")
        yield run_trial(kind, seed, correlation, error)


def run_trial(kind: Kind, seed: int, correlation: float, error: float) -> Trial:
    """Plan on believed hazards by every way of deciding, and judge the plans on the true ones."""
    world, holding = _world(kind, seed, correlation)
    never = np.full(holding.company.num_pairs, -1)
    truth = world.knowledge(_DAY)
    factor = calibration(holding, truth)
    believed = _mistaken(truth, error, seed)
    seen, true = see_week(holding, believed, never, factor), see_week(holding, truth, never, factor)
    assert seen is not None
    assert true is not None
    ways = deciders()
    points = {key: _judged(true, ways[key](seen)) for key in (*LADDER_KEYS, *RULE_KEYS)}
    ladder = np.array([points[key] for key in LADDER_KEYS])
    return Trial(
        kind,
        seed,
        correlation,
        error,
        {rule: saved(ladder, points[rule], along=0) for rule in RULE_KEYS},
        {rule: saved(ladder, points[rule], along=1) for rule in RULE_KEYS},
    )


def _world(kind: Kind, seed: int, correlation: float) -> tuple[World, Holding]:
    rng = np.random.default_rng(np.random.SeedSequence([seed, 20]))
    ids = tuple(f"CVE-2025-{number:05d}" for number in range(10_000, 10_000 + _VULNERABILITIES))
    scores = np.minimum(rng.lognormal(np.log(_MEDIAN), _SIGMA, len(ids)), 0.95)
    listed = rng.random(len(ids)) < _KEV_SHARE
    scores[listed] = rng.uniform(0.3, 0.95, int(listed.sum()))
    age = rng.integers(0, 60, len(ids))
    spans = {}
    for row in np.flatnonzero(listed):
        since = _DAY - timedelta(days=int(age[row]) % 21)
        entry = KevEntry(since, since + timedelta(days=21), bool(rng.random() < 0.2))
        spans[ids[row]] = (Span(since, None, entry),)
    appears = np.full(len(ids), (_DAY - timedelta(days=1)).toordinal())
    world = World(
        cves=ids,
        appears=appears,
        snapshots=(Snapshot(_DAY, np.arange(len(ids)), scores),),
        kev=KevHistory(_DAY, spans),
        judgements=judge(ids, scores, scores, ToldJudgements.none(), correlation),
        versions=((_DAY, "made up"),),
    )
    company = make_company(kind, seed)
    return world, hold(company, world, _DAY)


def _mistaken(truth: Knowledge, error: float, seed: int) -> Knowledge:
    """Return knowledge whose hazards are off by independent normal errors of their logarithm.

    Those of what KEV lists as well; the scores that rules sort by have the same errors in their odds.
    """
    rng = np.random.default_rng(np.random.SeedSequence([seed, 21]))
    off = error * rng.standard_normal(len(truth.epss))
    odds = np.log(truth.epss) - np.log1p(-truth.epss) + off
    return replace(truth, epss=1.0 / (1.0 + np.exp(-odds)), hazard=hazards(truth)[0] * np.exp(off))


def _judged(true: Week, plan: Plan) -> Floats:
    """Return hours and true exposure with late cost of a plan."""
    found = evaluate(true.problem, plan)
    hours = sum(
        effort(true.company, true.pair[plan.window == window])[0]
        for window in range(true.problem.num_windows)
    )
    return np.array([hours, found.exposure + found.late_cost])
