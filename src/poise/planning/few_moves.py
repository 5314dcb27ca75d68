"""Bundles of one or two moves, by looking at all of them: what a move alone changes is exact and additive."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from poise.planning.choices import Choices, list_choices, slots_of
from poise.planning.evaluate import evaluate
from poise.planning.highs import CAP_TOLERANCE
from poise.planning.problem import Floats, Ints, Plan, Problem

#: Single moves and pairs confirmed by the evaluator at most: a second or two on the sample company.
_MOST_SINGLES, _MOST_PAIRS = 4_000, 300
#: Moves of each kind, best first, that pairs are made of.
_PAIRED = 3_000


@dataclass(frozen=True)
class Band:
    """Where a cost must lie [money]."""

    high: float
    low: float = -np.inf

    def holds(self, cost: float) -> bool:
        """Return whether a cost lies within, up to ``CAP_TOLERANCE``."""
        slack = CAP_TOLERANCE * max(1.0, abs(cost))
        return self.low - slack <= cost <= self.high + slack

    def holds_all(self, cost: Floats) -> npt.NDArray[np.bool_]:
        """Return which costs lie within."""
        slack = CAP_TOLERANCE * np.maximum(1.0, np.abs(cost))
        return (self.low - slack <= cost) & (cost <= self.high + slack)


@dataclass(frozen=True)
class FewMoves:
    """A plan of one or two moves that brings both costs into their bands, if one was found.

    ``least_moves`` is proven: 2 where no single move does it.
    """

    plan: Plan | None
    least_moves: int


def few_moves(
    problem: Problem, kept: Plan, bands: tuple[Band, Band], rate: float, held: npt.NDArray[np.bool_]
) -> FewMoves:
    """Look for the best single move, then for a good pair; arguments as in ``smallest_bundle``."""
    seen = evaluate(problem, kept)
    own = np.array([seen.exposure + seen.late_cost, seen.disruption])
    moves = _moves(problem, kept, held)
    costs = own[:, None] + moves.delta
    inside = np.flatnonzero(bands[0].holds_all(costs[0]) & bands[1].holds_all(costs[1]))
    inside = inside[np.argsort(costs[0][inside] + rate * costs[1][inside], kind="stable")]
    for place in inside[:_MOST_SINGLES]:
        plan = moves.applied(kept, [int(place)])
        if _holds(problem, plan, bands):
            return FewMoves(plan, 1)
    least = 2 if len(inside) <= _MOST_SINGLES else 1
    best, total = None, np.inf
    for pair in _pairs(moves, own, bands, rate):
        plan = moves.applied(kept, pair)
        if _holds(problem, plan, bands):
            seen = evaluate(problem, plan)
            cost = seen.exposure + seen.late_cost + rate * seen.disruption
            if cost < total:
                best, total = plan, cost
    return FewMoves(best, least)


@dataclass(frozen=True)
class _Moves:
    """Every single move: a change, its new window (-1: not done), and what that changes, shape ``(2, M)``."""

    change: Ints
    window: Ints
    delta: Floats

    def applied(self, kept: Plan, places: list[int]) -> Plan:
        window = kept.window.copy()
        window[self.change[places]] = self.window[places]
        return Plan(window)


def _moves(problem: Problem, kept: Plan, held: npt.NDArray[np.bool_]) -> _Moves:
    choices, slot = list_choices(problem), slots_of(problem, kept.window)
    users = np.bincount(slot[slot >= 0], minlength=problem.num_slots)
    closing = np.zeros(problem.num_changes)
    alone = np.flatnonzero(slot >= 0)
    alone = alone[users[slot[alone]] == 1]
    closing[alone] = problem.slot_cost[slot[alone]]
    opening = np.where(users[choices.slot] == 0, problem.slot_cost[choices.slot], 0.0)
    now = _costs_now(problem, choices, kept)
    may_go = ~held & (kept.window >= 0) & ~np.isfinite(problem.last_days) & np.isfinite(now[0])
    goes = np.flatnonzero(may_go)
    is_move = (choices.window != kept.window[choices.change]) & ~held[choices.change]
    is_move &= np.isfinite(now[0])[choices.change]
    change = np.concatenate((choices.change[is_move], goes))
    window = np.concatenate((choices.window[is_move], np.full(len(goes), -1)))
    exposure = np.concatenate((choices.exposure[is_move], choices.never_exposure[goes]))
    disruption = np.concatenate(((choices.disruption + opening)[is_move], choices.never_disruption[goes]))
    delta = np.stack((exposure - now[0][change], disruption - now[1][change] - closing[change]))
    return _Moves(change, window, delta)


def _costs_now(problem: Problem, choices: Choices, kept: Plan) -> tuple[Floats, Floats]:
    """Return what each change costs where it is, without its opening; ``nan`` where no choice is that."""
    exposure, disruption = (np.full(problem.num_changes, np.nan) for _ in range(2))
    stays = np.flatnonzero(choices.window == kept.window[choices.change])
    exposure[choices.change[stays]] = choices.exposure[stays]
    disruption[choices.change[stays]] = choices.disruption[stays]
    undone = kept.window < 0
    exposure[undone], disruption[undone] = choices.never_exposure[undone], choices.never_disruption[undone]
    return exposure, disruption


def _pairs(moves: _Moves, own: Floats, bands: tuple[Band, Band], rate: float) -> list[list[int]]:
    """Return pairs of moves of two changes that, added up, bring both costs into their bands; best first."""
    total = moves.delta[0] + rate * moves.delta[1]
    order = np.argsort(total, kind="stable")
    safer = order[moves.delta[0][order] < 0][:_PAIRED]
    calmer = order[moves.delta[1][order] < 0][:_PAIRED]
    found: list[tuple[float, int, int]] = []
    for first in safer:
        cost = own[:, None] + moves.delta[:, [first]] + moves.delta[:, calmer]
        fits = bands[0].holds_all(cost[0]) & bands[1].holds_all(cost[1])
        fits &= moves.change[calmer] != moves.change[first]
        second = calmer[np.flatnonzero(fits)[:3]]  # those of least total cost beside the first
        found += [(float(total[first] + total[one]), int(first), int(one)) for one in second]
    found.sort()
    return [[first, second] for _, first, second in found[:_MOST_PAIRS]]


def _holds(problem: Problem, plan: Plan, bands: tuple[Band, Band]) -> bool:
    seen = evaluate(problem, plan)
    costs = (seen.exposure + seen.late_cost, seen.disruption)
    return seen.is_feasible and all(band.holds(cost) for band, cost in zip(bands, costs, strict=True))
