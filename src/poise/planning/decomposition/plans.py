"""A plan under work, and the rounds that improve it block by block."""

from __future__ import annotations

import numpy as np

from poise.planning.decomposition.columns import Arrays
from poise.planning.decomposition.insertion import group_cost, put
from poise.planning.decomposition.jit import kernel
from poise.planning.decomposition.layout import Layout
from poise.planning.decomposition.prices import Workers
from poise.planning.decomposition.search import search
from poise.planning.problem import Floats, Ints

#: Teams are dealt into this many blocks per round, whatever the number of threads.
_BLOCKS = 4
#: Every so many rounds all teams form one block, so that ties across blocks are worked on as well.
_JOINT_EVERY = 4


@kernel
def book_plan(a: Arrays, slot_of: Ints, count: Ints, usage: Floats, cost: Floats) -> None:
    """Recompute changes per slot, use of the teams and the cost of each group from the plan alone."""
    count[:] = 0
    usage[:] = 0.0
    for j in range(len(slot_of)):
        if slot_of[j] >= 0:
            put(a, j, slot_of[j], 1, count, usage)
    for g in range(len(cost)):
        cost[g] = group_cost(a, g, slot_of, count)


class WorkingPlan:
    """A feasible plan that is improved in place, with the best seen of each part."""

    def __init__(self, layout: Layout, workers: Workers, seed: int) -> None:
        a = layout.arrays
        self.layout, self.workers, self.seed = layout, workers, seed
        self.slot_of = np.full(len(a.change), -1, dtype=np.int64)
        self.count = np.zeros(len(a.slot_window), dtype=np.int64)
        self.usage = np.zeros_like(a.capacity)
        self.group_cost = np.zeros(len(a.team))
        self._saved = np.zeros(len(a.change), dtype=np.int64)
        self._row_of_link = np.full(len(a.link), -1, dtype=np.int64)
        self._is_chosen = np.zeros(len(a.team), dtype=np.int64)
        self._was_open = np.zeros(len(a.slot_window), dtype=np.int64)
        self._kin_root = _kin_roots(a)
        self.rounds = 0
        self.book()
        self.best_slot_of = self.slot_of.copy()
        self.best_cost = self.part_cost()

    def book(self) -> None:
        """Recompute all that follows from the slots of the changes."""
        book_plan(self.layout.arrays, self.slot_of, self.count, self.usage, self.group_cost)

    def part_cost(self) -> Floats:
        """Return the cost of each part [money]."""
        return np.bincount(self.layout.group_part, self.group_cost, self.layout.num_parts)

    def load(self, window: Ints) -> None:
        """Start from a feasible plan."""
        a = self.layout.arrays
        pairs = np.repeat(np.arange(len(a.team)), np.diff(a.slot_ptr)) * len(a.window) + a.slot_window
        wanted = a.change_group * len(a.window) + window
        place = np.searchsorted(pairs, wanted)
        self.slot_of[:] = np.where(window >= 0, place, -1)
        self.book()
        self.keep_best()

    def keep_best(self) -> None:
        """Remember the parts that are better than ever."""
        cost = self.part_cost()
        better = cost < self.best_cost
        changes = better[self.layout.group_part][self.layout.arrays.change_group]
        self.best_slot_of[changes] = self.slot_of[changes]
        self.best_cost = np.where(better, cost, self.best_cost)

    def return_to_best(self) -> None:
        """Go on from the best plan of each part."""
        self.slot_of[:] = self.best_slot_of
        self.book()

    def best_window(self) -> Ints:
        """Return the best plan as a window per change, -1 for never."""
        slots = self.layout.arrays.slot_window
        window = np.full(len(self.best_slot_of), -1, dtype=np.int64)
        done = self.best_slot_of >= 0
        window[done] = slots[self.best_slot_of[done]]
        return window

    def _blocks(self, random: np.random.Generator, joint: bool) -> list[Ints]:
        """Deal the groups into blocks that share no team and cut no tie."""
        layout, a = self.layout, self.layout.arrays
        if joint or len(a.capacity) < 2:
            block_of_team = np.zeros(len(a.capacity), dtype=np.int64)
        else:
            block_of_team = np.empty(len(a.capacity), dtype=np.int64)
            block_of_team[random.permutation(len(a.capacity))] = np.arange(len(a.capacity)) % _BLOCKS
        if layout.num_parts >= _BLOCKS:
            known = np.maximum(layout.team_part, 0)
            block_of_team = known % _BLOCKS
        block = block_of_team[a.team]
        low = np.full(len(a.team), _BLOCKS)
        high = np.full(len(a.team), -1)
        np.minimum.at(low, self._kin_root, block)
        np.maximum.at(high, self._kin_root, block)
        whole = (low == high)[self._kin_root]
        return [np.flatnonzero(whole & (block == b)) for b in range(_BLOCKS) if (whole & (block == b)).any()]

    def _starters(self, groups: Ints, joint: bool) -> Ints:
        """Return the groups that ruins of a block start from: in a joint round those whose ties cross teams."""
        a = self.layout.arrays
        if not joint:
            return groups
        crossing = np.unique(self._kin_root[groups][a.team[self._kin_root[groups]] != a.team[groups]])
        chosen = groups[np.isin(self._kin_root[groups], crossing)]
        return chosen if len(chosen) else groups

    def improve(
        self, price: Floats, temperature: float, *, effort: float, first_order: Ints | None = None
    ) -> None:
        """Run one round of ruin and recreate in every block.

        Parameters
        ----------
        price
            Shape ``(P, W)`` [money/min].
        temperature
            Of accepting worse plans [money].
        effort
            Ruins per group.
        first_order
            All groups by the order in which to insert them once, for a plan that is still empty.
        """
        a = self.layout.arrays
        random = np.random.default_rng([self.seed, self.rounds])
        joint = first_order is not None or self.rounds % _JOINT_EVERY == 0
        blocks = self._blocks(random, joint)
        seeds = random.integers(1, 2**62, _BLOCKS)
        forbidden = 20.0 * self.layout.hard_cost

        def task(groups: Ints, seed: int) -> None:
            by_team = groups[np.argsort(a.team[groups], kind="stable")]
            team_ptr = np.searchsorted(a.team[by_team], np.arange(len(a.capacity) + 1)).astype(np.int64)
            is_free = np.zeros(len(a.team), dtype=np.int64)
            is_free[groups] = 1
            order = self._starters(groups, joint)
            if first_order is not None:
                order = first_order[is_free[first_order] > 0]
            ruins = max(1, int(effort * len(order)))
            search(
                a, order, team_ptr, by_team, is_free, ruins, first_order is not None, seed, temperature, price,
                forbidden, self.slot_of, self._saved, self.count, self.usage,
                self._row_of_link, self._is_chosen, self._was_open,
            )  # fmt: skip

        self.workers.run(
            [lambda g=g, s=s: task(g, int(s)) for g, s in zip(blocks, seeds, strict=False)]  # type: ignore[misc]
        )
        self.rounds += 1
        self.book()
        self.keep_best()


def _kin_roots(a: Arrays) -> Ints:
    """Return for each group the lowest group that it is tied to, directly or through others."""
    root = np.arange(len(a.team), dtype=np.int64)
    if not len(a.kin):
        return root
    source = np.repeat(root, np.diff(a.kin_ptr))
    while True:
        lower = root.copy()
        np.minimum.at(lower, source, root[a.kin])
        lower = lower[lower]
        if np.array_equal(lower, root):
            return root
        root = lower
