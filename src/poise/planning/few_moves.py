"""Bundles of one to three moves, by looking at them: what moves change adds up exactly over groups.

Within a group two moves may leave or share a visit, which is counted too.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import islice, pairwise

import numpy as np
import numpy.typing as npt

from poise.planning.choices import Choices, list_choices, slots_of
from poise.planning.evaluate import evaluate
from poise.planning.highs import CAP_TOLERANCE
from poise.planning.problem import Floats, Ints, Plan, Problem

#: Single moves, and sets of moves of one kind, confirmed by the evaluator at most.
_MOST_SINGLES, _MOST_CONFIRMED = 4_000, 300
#: Moves of each kind, best first, that pairs are made of.
_PAIRED = 20_000
#: Pairs in two groups kept for a look, and moves looked at alone: each a second or less.
_MOST_PAIRS, _MOST_ALONE = 200_000, 6_000
#: Of moves that keep all rules alone, best first, those of each kind that sets of three are made of.
_IN_THREES = 300
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
    """A plan of one to three moves that brings both costs into their bands, if one was found.

    ``least_moves`` is proven: 2 where no single move does it.
    """

    plan: Plan | None
    least_moves: int


def few_moves(
    problem: Problem, kept: Plan, bands: tuple[Band, Band], rate: float, held: npt.NDArray[np.bool_]
) -> FewMoves:
    """Look for the best single move, then for a good pair, then for three in three groups.

    Arguments as in :func:`poise.planning.bundles.smallest_bundle`.
    """
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
    look = _Look(problem, kept, bands, rate, moves, own)
    return FewMoves(look.pair() or look.three(), least)


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


#: A total cost, and the moves that make it.
_Candidate = tuple[float, list[int]]


@dataclass(frozen=True)
class _Look:
    """Looks for moves that together bring both costs, ``own`` now, into their bands."""

    problem: Problem
    kept: Plan
    bands: tuple[Band, Band]
    rate: float
    moves: _Moves
    own: Floats

    @cached_property
    def total(self) -> Floats:
        """What each move changes of both costs together, shape ``(M,)`` [money of exposure]."""
        total: Floats = self.moves.delta[0] + self.rate * self.moves.delta[1]
        return total

    @cached_property
    def kinds(self) -> tuple[Ints, Ints]:
        """Moves that lower the exposure, and the disruption, by growing total cost."""
        order, delta = np.argsort(self.total, kind="stable"), self.moves.delta
        return order[delta[0][order] < 0][:_PAIRED], order[delta[1][order] < 0][:_PAIRED]

    @cached_property
    def _alone(self) -> dict[int, bool]:
        """Of moves looked at, whether each keeps all rules alone."""
        return {}

    def _keeps(self, place: int) -> bool:
        """Return whether a move keeps all rules alone: most do not, and a pair with one rarely does.

        Of moves beyond the first so many looked at nothing is known: False.
        """
        if place not in self._alone:
            if len(self._alone) >= _MOST_ALONE:
                return False
            plan = self.moves.applied(self.kept, [place])
            self._alone[place] = evaluate(self.problem, plan).is_feasible
        return self._alone[place]

    def pair(self) -> Plan | None:
        """Return the plan of a good pair: of moves that keep all rules alone, or of any."""
        pairs = sorted([*self.apart(*self.kinds), *self.together()])
        likely = (places for _, places in pairs if all(map(self._keeps, places)))
        return self._first(likely) or self._first(places for _, places in pairs)

    def three(self) -> Plan | None:
        """Return the plan of three moves in three groups, each of which keeps all rules alone."""
        return self._first(places for _, places in sorted(self._threes()))

    def _first(self, candidates: Iterable[list[int]]) -> Plan | None:
        """Return the plan of the first of some sets of moves that does it; of so many at most."""
        for places in islice(candidates, _MOST_CONFIRMED):
            plan = self.moves.applied(self.kept, places)
            if _holds(self.problem, plan, self.bands):
                return plan
        return None

    def _fits(self, cost: Floats) -> npt.NDArray[np.bool_]:
        """Return which costs of both sides, along the first axis, lie in their bands."""
        return self.bands[0].holds_all(cost[0]) & self.bands[1].holds_all(cost[1])

    def apart(self, safer: Ints, calmer: Ints) -> list[_Candidate]:
        """Return pairs of moves in two groups, one of each kind, with the partners that cost least."""
        moves, total, found = self.moves, self.total, []
        few, many = sorted((safer, calmer), key=len)
        partners = max(3, _MOST_PAIRS // max(1, len(few)))
        for first in few:
            fits = self._fits(self.own[:, None] + moves.delta[:, [first]] + moves.delta[:, many])
            fits &= moves.group[many] != moves.group[first]
            second = many[np.flatnonzero(fits)[:partners]]
            found += [(float(total[first] + total[one]), [int(first), int(one)]) for one in second]
        return found

    def together(self) -> list[_Candidate]:
        """Return pairs of moves of two changes of one group.

        Two changes of a group may save what neither does alone: a visit that they leave both, or share.
        """
        moves = self.moves
        order = np.argsort(moves.group, kind="stable")
        bounds = np.flatnonzero(np.diff(moves.group[order], prepend=-1, append=-1))
        found: list[_Candidate] = []
        left = _MOST_TOGETHER
        for begin, end in pairwise(bounds):
            members = order[begin:end]
            left -= len(members) ** 2
            if left < 0:
                break
            delta = moves.delta[:, members]
            both = delta[:, :, None] + delta[:, None, :]
            both[1] += _shared(self.problem, moves, members)
            fits = self._fits(self.own[:, None, None] + both)
            fits &= moves.change[members][:, None] < moves.change[members][None, :]
            first, second = np.nonzero(fits)
            total = both[0][first, second] + self.rate * both[1][first, second]
            for place in np.argsort(total, kind="stable")[:_MOST_CONFIRMED]:
                pair = [int(members[first[place]]), int(members[second[place]])]
                found.append((float(total[place]), pair))
        return found

    def _threes(self) -> list[_Candidate]:
        """Return sets of three moves in three groups, of the cheapest of both kinds."""
        moves = self.moves
        cheap = [islice(filter(self._keeps, kind.tolist()), _IN_THREES) for kind in self.kinds]
        some = np.array(sorted(set().union(*cheap)), dtype=np.int64)
        group, delta, total = moves.group[some], moves.delta[:, some], self.total[some]
        first, second = np.triu_indices(len(some), 1)
        is_apart = group[first] != group[second]
        first, second = first[is_apart], second[is_apart]
        pair, pair_total = delta[:, first] + delta[:, second], total[first] + total[second]
        found: list[_Candidate] = []
        for third in range(2, len(some)):
            # Pairs of moves before it: each set of three is looked at once.
            before = np.flatnonzero(second < third)
            fits = self._fits(self.own[:, None] + pair[:, before] + delta[:, [third]])
            fits &= (group[first[before]] != group[third]) & (group[second[before]] != group[third])
            inside = before[fits]
            for one in inside[np.argsort(pair_total[inside], kind="stable")[:3]]:
                places = [int(some[first[one]]), int(some[second[one]]), int(some[third])]
                found.append((float(pair_total[one] + total[third]), places))
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
