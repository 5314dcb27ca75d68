"""Ways of deciding: Poise's landmarks and weights, and the rules people use, on the same week."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from poise.bargain.landmarks import Stakes, bargain
from poise.evidence.week import Week
from poise.patching.rules import RULES, Rule, ranks
from poise.planning.decomposition.lagrangian import PricedSolution, solve
from poise.planning.evaluate import evaluate
from poise.planning.problem import Plan, Solution
from poise.planning.schedule import schedule_by_priority

#: Returns a plan for a week, from the week alone.
Decide = Callable[[Week], Plan]

#: What disruption weighs against exposure, from "patch all" to "leave us alone".
LADDER = (0.00001, 0.0001, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
#: Weights of the plans that the two sides bargain over.
_BARGAINED = LADDER[2:]
#: Solver seconds that are never reached: its amount of work ends it, so that a run can be repeated.
_SECONDS = 600.0
#: Price steps: on these sizes more of them gain less than a thousandth (measured: 20 to 120 steps).
_STEPS = 30
RULE_KEYS = tuple(rule.key for rule in RULES)
LADDER_KEYS = tuple(f"poise-w{weight:.5f}".rstrip("0").rstrip(".") for weight in LADDER)
LANDMARK_KEYS = ("poise-fair", "poise-nash")


def deciders() -> Mapping[str, Decide]:
    """Return every way of deciding by its key, Poise's landmarks first."""
    found: dict[str, Decide] = {"poise-fair": _fair, "poise-nash": _nash}
    for key, weight in zip(LADDER_KEYS, LADDER, strict=True):
        found[key] = _by_weight(weight)
    for rule in RULES:
        found[rule.key] = _by_rule(rule)
    return found


def _by_rule(rule: Rule) -> Decide:
    def decide(week: Week) -> Plan:
        keys = [
            rule.urgency(change, float(age)) for change, age in zip(week.changes, week.age_days, strict=True)
        ]
        allowed = week.is_first_of_month if rule.is_monthly else None
        return schedule_by_priority(week.problem, ranks(keys), allowed_windows=allowed)

    return decide


def _by_weight(weight: float) -> Decide:
    return lambda week: _solve(week, weight, None).plan


def _solve(week: Week, weight: float, near: Solution | None) -> Solution:
    prices = near.prices if isinstance(near, PricedSolution) else ()
    return solve(week.problem, weight, seconds=_SECONDS, steps=_STEPS, seed=0, warm=None, prices=prices)


def _candidates(week: Week) -> tuple[list[Plan], int]:
    """Return plans along the frontier with the default among them, and its place."""
    plans: list[Plan] = []
    near: Solution | None = None
    for weight in _BARGAINED:
        near = _solve(week, weight, near)
        plans.append(near.plan)
    rule = next(rule for rule in RULES if rule.key == week.company.shape.standing_rule)
    default = _by_rule(rule)(week)
    density = _by_rule(next(rule for rule in RULES if rule.key == "hazard-per-minute"))(week)
    return [*plans, density, default], len(plans) + 1


def _bargained(week: Week) -> tuple[Sequence[Plan], tuple[int, ...], tuple[int, ...]]:
    plans, default = _candidates(week)
    found = [evaluate(week.problem, plan) for plan in plans]
    stakes = [Stakes(one.exposure + one.late_cost, one.disruption) for one in found]
    agreed = bargain(stakes, stakes[default])
    return plans, agreed.kalai_smorodinsky, agreed.nash


def _fair(week: Week) -> Plan:
    plans, fair, _ = _bargained(week)
    return plans[fair[0]]


def _nash(week: Week) -> Plan:
    plans, _, nash = _bargained(week)
    return plans[nash[0]]


def nothing(week: Week) -> Plan:
    """Return the plan that does nothing."""
    return Plan(np.full(week.problem.num_changes, -1, dtype=np.int64))
