"""A plan under work, and the rounds that improve it block by block."""

from __future__ import annotations

import numpy as np

from poise.planning.decomposition.columns import Groups, Ties
from poise.planning.decomposition.insertion import book, group_cost
from poise.planning.decomposition.jit import kernel
from poise.planning.decomposition.layout import Layout
from poise.planning.decomposition.prices import Workers
from poise.planning.decomposition.search import search
from poise.planning.problem import Floats, Ints

#: Teams are dealt into this many blocks per round, whatever the number of threads.
_BLOCKS = 4
#: Every so many rounds all teams form one block, so that ties across blocks are worked on as well.
_JOINT_EVERY = 4
#: One in so many groups, the furthest above their own best, starts ruins this many times as often again.
_WORST_SHARE, _WORST_TIMES = 16, 8


@kernel
def book_plan(groups: Groups, slot_of: Ints, count: Ints, usage: Floats, cost: Floats) -> None:
    """Recompute changes per slot, use of the teams and the cost of each group from the plan alone."""
    count[:] = 0
    usage[:] = 0.0
    for g in range(len(cost)):
        book(groups, g, slot_of, 1.0, count, usage)
        cost[g] = group_cost(groups, g, slot_of, count)


class WorkingPlan:
    """A feasible plan that is improved in place, with the best seen of each part."""

    def __init__(self, layout: Layout, workers: Workers, seed: int) -> None:
        groups, links = layout.groups, layout.links
        self.layout, self.workers, self.seed = layout, workers, seed
        self.slot_of = np.full(len(groups.change), -1, dtype=np.int64)
        self.count = np.zeros(len(groups.slot_window), dtype=np.int64)
        self.usage = np.zeros_like(groups.capacity)
        self.group_cost = np.zeros(len(groups.team))
        self._saved = np.zeros(len(groups.change), dtype=np.int64)
        self._row_of_link = np.full(len(links.link), -1, dtype=np.int64)
        self._is_chosen = np.zeros(len(groups.team), dtype=np.int64)
        self._was_open = np.zeros(len(groups.slot_window), dtype=np.int64)
        self._kin_root = _kin_roots(groups, layout.ties)
        self.rounds = 0
        self.book()
        self.best_slot_of = self.slot_of.copy()
        self.best_cost = self.part_cost()

    def book(self) -> None:
        """Recompute all that follows from the slots of the changes."""
        book_plan(self.layout.groups, self.slot_of, self.count, self.usage, self.group_cost)

    def part_cost(self) -> Floats:
        """Return the cost of each part [money]."""
        cost: Floats = np.zeros(self.layout.num_parts)
        np.add.at(cost, self.layout.group_part, self.group_cost)
        return cost

    def load(self, window: Ints) -> None:
        """Start from a feasible plan."""
        groups, links = self.layout.groups, self.layout.links
        pairs = (
            np.repeat(np.arange(len(groups.team)), np.diff(groups.slot_ptr)) * len(groups.window)
            + groups.slot_window
        )
        wanted = links.change_group * len(groups.window) + window
        place = np.searchsorted(pairs, wanted)
        self.slot_of[:] = np.where(window >= 0, place, -1)
        self.book()
        self.keep_best()

    def keep_best(self) -> None:
        """Remember the parts that are better than ever."""
        cost = self.part_cost()
        better = cost < self.best_cost
        changes = better[self.layout.group_part][self.layout.links.change_group]
        self.best_slot_of[changes] = self.slot_of[changes]
        self.best_cost = np.where(better, cost, self.best_cost)

    def return_to_best(self) -> None:
        """Go on from the best plan of each part."""
        self.slot_of[:] = self.best_slot_of
        self.book()

    def best_window(self) -> Ints:
        """Return the best plan as a window per change, -1 for never."""
        slots = self.layout.groups.slot_window
        window = np.full(len(self.best_slot_of), -1, dtype=np.int64)
        done = self.best_slot_of >= 0
        window[done] = slots[self.best_slot_of[done]]
        return window

    def _blocks(self, random: np.random.Generator, joint: bool) -> list[Ints]:
        """Deal the groups into blocks that share no team and cut no tie."""
        layout, groups = self.layout, self.layout.groups
        if joint or len(groups.capacity) < 2:
            block_of_team = np.zeros(len(groups.capacity), dtype=np.int64)
        else:
            block_of_team = np.empty(len(groups.capacity), dtype=np.int64)
            block_of_team[random.permutation(len(groups.capacity))] = (
                np.arange(len(groups.capacity)) % _BLOCKS
            )
        if layout.num_parts >= _BLOCKS:
            known = np.maximum(layout.team_part, 0)
            block_of_team = known % _BLOCKS
        block = block_of_team[groups.team]
        low = np.full(len(groups.team), _BLOCKS)
        high = np.full(len(groups.team), -1)
        np.minimum.at(low, self._kin_root, block)
        np.maximum.at(high, self._kin_root, block)
        whole = (low == high)[self._kin_root]
        return [np.flatnonzero(whole & (block == b)) for b in range(_BLOCKS) if (whole & (block == b)).any()]

    def _starters(self, members: Ints, joint: bool) -> Ints:
        """Return the groups that ruins start from: in a joint round those whose ties cross teams."""
        team = self.layout.groups.team
        if not joint:
            return members
        crossing = np.unique(self._kin_root[members][team[self._kin_root[members]] != team[members]])
        chosen = members[np.isin(self._kin_root[members], crossing)]
        return chosen if len(chosen) else members

    def improve(
        self,
        price: Floats,
        temperature: float,
        *,
        effort: float,
        low: Floats,
        first_order: Ints | None = None,
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
        low
            Shape ``(G,)``: what each group would cost on its own at the prices [money]; those furthest above
            it are ruined more often.
        first_order
            All groups by the order in which to insert them once, for a plan that is still empty.
        """
        layout, team = self.layout, self.layout.groups.team
        random = np.random.default_rng([self.seed, self.rounds])
        joint = first_order is not None or self.rounds % _JOINT_EVERY == 0
        blocks = self._blocks(random, joint)
        seeds = random.integers(1, 2**62, _BLOCKS)
        forbidden = 20.0 * self.layout.hard_cost

        def task(members: Ints, seed: int) -> None:
            by_team = members[np.argsort(team[members], kind="stable")]
            team_ptr = np.searchsorted(team[by_team], np.arange(len(layout.groups.capacity) + 1)).astype(
                np.int64
            )
            is_free = np.zeros(len(team), dtype=np.int64)
            is_free[members] = 1
            order = self._starters(members, joint)
            if first_order is not None:
                order = first_order[is_free[first_order] > 0]
            ruins = max(1, int(effort * len(order)))
            if first_order is None:
                regret = self.group_cost[order] - low[order]
                worst = np.argsort(-regret, kind="stable")[: 1 + len(order) // _WORST_SHARE]
                order = np.concatenate([order, np.repeat(order[worst], _WORST_TIMES)])
            search(
                layout.groups, layout.links, layout.ties, order, team_ptr, by_team, is_free, ruins,
                first_order is not None, seed, temperature, price,
                forbidden, self.slot_of, self._saved, self.count, self.usage,
                self._row_of_link, self._is_chosen, self._was_open,
            )  # fmt: skip

        self.workers.run(
            [lambda g=g, s=s: task(g, int(s)) for g, s in zip(blocks, seeds, strict=False)]  # type: ignore[misc]
        )
        self.rounds += 1
        self.book()
        self.keep_best()


def _kin_roots(groups: Groups, ties: Ties) -> Ints:
    """Return for each group the lowest group that it is tied to, directly or through others."""
    root = np.arange(len(groups.team), dtype=np.int64)
    if not len(ties.kin):
        return root
    source = np.repeat(root, np.diff(ties.kin_ptr))
    while True:
        lower = root.copy()
        np.minimum.at(lower, source, root[ties.kin])
        lower = lower[lower]
        if np.array_equal(lower, root):
            return root
        root = lower
