"""Named plans side by side: ideals, the default, landmarks, and the rules people use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from poise.bargain import Bargain, Stakes, bargain, left_on_table
from poise.patching.case import PatchCase
from poise.patching.document import FrontierDot, HullPoint, NamedPlan
from poise.patching.figures import Figures, figures, loss_ranges
from poise.patching.rules import RULES, play
from poise.planning.evaluate import evaluate
from poise.planning.hull import hull_corners
from poise.planning.problem import Evaluation, Frontier, Plan

Kind = Literal["ideal", "default", "landmark", "total", "rule"]

#: Two sums of money closer than this, relative to the larger, are the same in a comparison.
SAME = 1e-9


@dataclass(frozen=True, slots=True)
class Candidate:
    """A confirmed plan with its name."""

    key: str
    label: str
    kind: Kind
    sentence: str
    plan: Plan
    evaluation: Evaluation

    @property
    def stakes(self) -> Stakes:
        """Return both sides' costs [money]."""
        return Stakes(self.evaluation.exposure + self.evaluation.late_cost, self.evaluation.disruption)


@dataclass(frozen=True)
class Comparison:
    """Everything that is compared, ready for the document.

    ``named`` and ``entries`` go together: a candidate and what is printed of it.
    """

    named: tuple[Candidate, ...]
    entries: tuple[NamedPlan, ...]
    dots: tuple[FrontierDot, ...]
    hull: tuple[HullPoint, ...]
    bargain: Bargain


def compare(case: PatchCase, frontier: Frontier, *, seed: int) -> Comparison:
    """Name the plans of a frontier, price the default and the rules, and put all side by side.

    Parameters
    ----------
    seed
        Of the draws behind the ranges of expected loss.
    """
    points = [
        Candidate(f"F{number:02d}", f"plan {number}", "landmark", "", point.plan, point.evaluation)
        for number, point in enumerate(frontier.points, start=1)
    ]
    rules = [
        _candidate(case, rule.key, rule.label, "rule", rule.sentence, play(case, rule)) for rule in RULES
    ]
    sentence, plan = default_plan(case)
    default = _candidate(case, "default", "If nobody signs", "default", sentence, plan)
    pool = [*points, default]
    found = bargain([candidate.stakes for candidate in pool], default.stakes)
    landmarks = _landmarks(pool, found)
    named = (*_ideals(points), default, *landmarks, *rules)
    entries = _entries(case, named, frontier, found, seed)
    return Comparison(named, entries, _dots(case, frontier, seed), _hull(frontier, default), found)


def _candidate(case: PatchCase, key: str, label: str, kind: Kind, sentence: str, plan: Plan) -> Candidate:
    return Candidate(key, label, kind, sentence, plan, evaluate(case.problem, plan))


def default_plan(case: PatchCase) -> tuple[str, Plan]:
    """Return what happens if nobody signs, in a sentence and as a plan: the standing policy goes on."""
    policy = case.estate.standing_policy
    assumed = " (assumed: the estate states none)" if policy.assumed else ""
    if policy.rule == "nothing":
        return f"Nothing is patched{assumed}.", Plan(np.full(case.problem.num_changes, -1, dtype=np.int64))
    rule = next(rule for rule in RULES if rule.key == policy.rule)
    sentence = f"The standing policy goes on: {rule.sentence[0].lower()}{rule.sentence[1:-1]}{assumed}."
    return sentence, play(case, rule)


def _ideals(points: Sequence[Candidate]) -> tuple[Candidate, ...]:
    security = min(points, key=lambda point: (point.stakes.security, point.stakes.operations))
    operations = min(points, key=lambda point: (point.stakes.operations, point.stakes.security))
    return (
        _renamed(
            security,
            "least-exposure",
            "Security's best",
            "ideal",
            "Least expected loss and lateness, whatever it disrupts.",
        ),
        _renamed(
            operations,
            "least-disruption",
            "Operations' best",
            "ideal",
            "Least disruption, whatever stays exposed.",
        ),
    )


def _landmarks(pool: Sequence[Candidate], found: Bargain) -> tuple[Candidate, ...]:
    nash, fair = pool[found.nash[0]], pool[found.kalai_smorodinsky[0]]
    return (
        _renamed(
            nash,
            "nash",
            "Largest product of gains",
            "landmark",
            "Nash: the product of both sides' gains over the default is largest.",
        ),
        _renamed(
            fair,
            "kalai-smorodinsky",
            "Equal share of the best",
            "landmark",
            "Kalai-Smorodinsky: both get the same share of what each could have got.",
        ),
        _renamed(
            pool[found.least_total],
            "least-total",
            "Least total cost",
            "total",
            "The sum of expected loss, late deadlines and disruption is least, whoever bears it.",
        ),
    )


def _renamed(candidate: Candidate, key: str, label: str, kind: Kind, sentence: str) -> Candidate:
    return Candidate(key, label, kind, sentence, candidate.plan, candidate.evaluation)


def _entries(
    case: PatchCase,
    named: Sequence[Candidate],
    frontier: Frontier,
    found: Bargain,
    seed: int,
) -> tuple[NamedPlan, ...]:
    read = [figures(case, candidate.plan) for candidate in named]
    low, high = loss_ranges(case, read, seed)
    return tuple(
        _entry(candidate, read[place], (float(low[place]), float(high[place])), frontier, found)
        for place, candidate in enumerate(named)
    )


def _entry(
    candidate: Candidate,
    read: Figures,
    loss_range: tuple[float, float],
    frontier: Frontier,
    found: Bargain,
) -> NamedPlan:
    evaluation, stakes = candidate.evaluation, candidate.stakes
    share_security, share_operations = found.shares(stakes)
    more_exposure, more_disruption = excess(stakes, frontier)
    return NamedPlan(
        key=candidate.key,
        label=candidate.label,
        kind=candidate.kind,
        sentence=candidate.sentence,
        expected_loss=evaluation.exposure,
        expected_loss_low=loss_range[0],
        expected_loss_high=loss_range[1],
        disruption=evaluation.disruption,
        opening_cost=evaluation.opening_cost,
        failure_cost=evaluation.failure_cost,
        deferral_cost=evaluation.deferral_cost,
        late_cost=evaluation.late_cost,
        total_cost=stakes.security + stakes.operations,
        downtime_hours=read.downtime_hours,
        labour_hours=read.labour_hours,
        weekends_worked=read.weekends_worked,
        num_openings=evaluation.num_openings,
        num_done=read.num_done,
        num_not_done=len(candidate.plan.window) - read.num_done,
        num_late=read.num_late,
        longest_kev_days=read.longest_kev_days,
        incident_probability=read.incident_probability,
        share_security=_number(share_security),
        share_operations=_number(share_operations),
        excess_exposure=more_exposure,
        excess_disruption=more_disruption,
        left_on_table=left_on_table(found, stakes, frontier.exposure_bound_at),
    )


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def excess(stakes: Stakes, frontier: Frontier) -> tuple[float | None, float | None]:
    """Return how much more a plan costs than the frontier, as fractions of the frontier's cost.

    Returns
    -------
    tuple
        Excess security cost at no more disruption, and excess disruption at no more security cost; None
        where no plan of the frontier compares or its cost is zero.
    """
    costs = [
        (point.evaluation.exposure + point.evaluation.late_cost, point.evaluation.disruption)
        for point in frontier.points
    ]
    at_disruption = [s for s, d in costs if d <= stakes.operations * (1 + SAME)]
    at_exposure = [d for s, d in costs if s <= stakes.security * (1 + SAME)]
    return _excess(stakes.security, at_disruption), _excess(stakes.operations, at_exposure)


def _excess(own: float, best: Sequence[float]) -> float | None:
    least = min(best, default=0.0)
    return own / least - 1 if least > 0 else None


def _dots(case: PatchCase, frontier: Frontier, seed: int) -> tuple[FrontierDot, ...]:
    read = [figures(case, point.plan) for point in frontier.points]
    low, high = loss_ranges(case, read, seed)
    return tuple(
        FrontierDot(
            id=f"F{number:02d}",
            exposure=point.evaluation.exposure,
            exposure_low=float(low[number - 1]),
            exposure_high=float(high[number - 1]),
            disruption=point.evaluation.disruption,
            late_cost=point.evaluation.late_cost,
            exposure_bound=point.exposure_bound,
            downtime_hours=read[number - 1].downtime_hours,
            num_late=read[number - 1].num_late,
            weekends_worked=read[number - 1].weekends_worked,
            is_exact=point.is_exact,
        )
        for number, point in enumerate(frontier.points, start=1)
    )


def _hull(frontier: Frontier, default: Candidate) -> tuple[HullPoint, ...]:
    """Return the corners of the proven lower bound between zero disruption and the last plan."""
    span = max([point.evaluation.disruption for point in frontier.points] + [default.evaluation.disruption])
    return tuple(HullPoint(disruption=x, exposure=y) for x, y in hull_corners(frontier, span))
