"""Bundles of one or two moves, by looking at them: what moves change adds up exactly over groups.

Within a group two moves may leave or share a visit, which is counted too.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

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
#: Pairs within one group looked at, of all groups together: a second.
_MOST_TOGETHER = 20_000_000


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
    candidates = [*_apart(moves, own, bands, rate), *_together(problem, moves, own, bands, rate)]
    for _, first, second in sorted(candidates)[:_MOST_PAIRS]:
        plan = moves.applied(kept, [first, second])
        if _holds(problem, plan, bands):
            return FewMoves(plan, least)
    return FewMoves(None, least)


@dataclass(frozen=True)
class _Moves:
    """Every single move.

    Parameters
    ----------
    change, group, window
        Which change, its group, and its new window (-1: not done); shape ``(M,)``.
    source, target
        Slots that it leaves and enters, -1 for none; shape ``(M,)``.
    delta
        What it changes alone of both costs [money]; shape ``(2, M)``.
    users
        Changes in each slot before any move; shape ``(S,)``.
    """

    change: Ints
    group: Ints
    window: Ints
    source: Ints
    target: Ints
    delta: Floats
    users: Ints

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
    target = np.concatenate((choices.slot[is_move], np.full(len(goes), -1)))
    return _Moves(change, problem.change_group[change], window, slot[change], target, delta, users)


def _costs_now(problem: Problem, choices: Choices, kept: Plan) -> tuple[Floats, Floats]:
    """Return what each change costs where it is, without its opening; ``nan`` where no choice is that."""
    exposure, disruption = (np.full(problem.num_changes, np.nan) for _ in range(2))
    stays = np.flatnonzero(choices.window == kept.window[choices.change])
    exposure[choices.change[stays]] = choices.exposure[stays]
    disruption[choices.change[stays]] = choices.disruption[stays]
    undone = kept.window < 0
    exposure[undone], disruption[undone] = choices.never_exposure[undone], choices.never_disruption[undone]
    return exposure, disruption


def _apart(moves: _Moves, own: Floats, bands: tuple[Band, Band], rate: float) -> list[tuple[float, int, int]]:
    """Return pairs of moves in two groups that bring both costs into their bands, with their total cost."""
    total = moves.delta[0] + rate * moves.delta[1]
    order = np.argsort(total, kind="stable")
    safer = order[moves.delta[0][order] < 0][:_PAIRED]
    calmer = order[moves.delta[1][order] < 0][:_PAIRED]
    found: list[tuple[float, int, int]] = []
    for first in safer:
        cost = own[:, None] + moves.delta[:, [first]] + moves.delta[:, calmer]
        fits = bands[0].holds_all(cost[0]) & bands[1].holds_all(cost[1])
        fits &= moves.group[calmer] != moves.group[first]
        second = calmer[np.flatnonzero(fits)[:3]]  # those of least total cost beside the first
        found += [(float(total[first] + total[one]), int(first), int(one)) for one in second]
    return found


def _together(
    problem: Problem, moves: _Moves, own: Floats, bands: tuple[Band, Band], rate: float
) -> list[tuple[float, int, int]]:
    """Return pairs of moves of two changes of one group that do so, with their total cost.

    Two changes of a group may save what neither does alone: a visit that they leave both, or share.
    """
    order = np.argsort(moves.group, kind="stable")
    bounds = np.flatnonzero(np.diff(moves.group[order], prepend=-1, append=-1))
    found: list[tuple[float, int, int]] = []
    left = _MOST_TOGETHER
    for begin, end in pairwise(bounds):
        members = order[begin:end]
        left -= len(members) ** 2
        if left < 0:
            break
        delta = moves.delta[:, members]
        both = delta[:, :, None] + delta[:, None, :]
        both[1] += _shared(problem, moves, members)
        fits = bands[0].holds_all(own[0] + both[0]) & bands[1].holds_all(own[1] + both[1])
        fits &= moves.change[members][:, None] < moves.change[members][None, :]
        first, second = np.nonzero(fits)
        total = both[0][first, second] + rate * both[1][first, second]
        best = np.argsort(total, kind="stable")[:_MOST_PAIRS]
        found += zip(
            total[best].tolist(), members[first[best]].tolist(), members[second[best]].tolist(), strict=True
        )
    return found


def _shared(problem: Problem, moves: _Moves, members: Ints) -> Floats:
    """Return what pairs of one group disrupt beyond what each move does alone, shape ``(M, M)`` [money]."""
    source, target = moves.source[members], moves.target[members]
    cost = np.append(problem.slot_cost, 0.0)
    users = np.append(moves.users, -1)
    leave_both = (source[:, None] == source[None, :]) & (users[source] == 2)[:, None]
    enter_both = (target[:, None] == target[None, :]) & (users[target] == 0)[:, None]
    # One enters the slot that the other leaves empty: it does not close.
    swaps = (source[:, None] == target[None, :]) & (users[source] == 1)[:, None]
    closing = cost[source][:, None]
    stays = swaps * closing
    less = leave_both * closing + enter_both * cost[target][:, None]
    beyond: Floats = stays + stays.T - less
    return beyond


def _holds(problem: Problem, plan: Plan, bands: tuple[Band, Band]) -> bool:
    seen = evaluate(problem, plan)
    costs = (seen.exposure + seen.late_cost, seen.disruption)
    return seen.is_feasible and all(band.holds(cost) for band, cost in zip(bands, costs, strict=True))
