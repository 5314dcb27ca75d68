"""A plan under work, and the rounds that improve it block by block."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from poise.planning.decomposition.blocks import deal
from poise.planning.decomposition.columns import Groups, Ints32
from poise.planning.decomposition.insertion import book, group_cost
from poise.planning.decomposition.jit import kernel
from poise.planning.decomposition.layout import Layout
from poise.planning.decomposition.menu import Clusters
from poise.planning.decomposition.relief import relieve
from poise.planning.decomposition.search import search
from poise.planning.decomposition.workers import Workers
from poise.planning.problem import Floats, Ints

#: Every so many rounds all teams form one block, so that ties across blocks are worked on as well.
_JOINT_EVERY = 4
#: One in so many groups, the furthest above their own best, starts ruins this many times as often again.
_WORST_SHARE, _WORST_TIMES = 16, 8
#: Overdrawing that is none [min].
_SLACK_MINUTES = 1e-7


@kernel
def book_plan(groups: Groups, slot_of: Ints, count: Ints32, usage: Floats, cost: Floats) -> None:
    """Recompute changes per slot, use of the teams and the cost of each group from the plan alone."""
    count[:] = 0
    usage[:] = 0.0
    for g in range(len(cost)):
        book(groups, g, slot_of, 1.0, count, usage)
        cost[g] = group_cost(groups, g, slot_of, count)


class WorkingPlan:
    """A feasible plan that is improved in place, with the best seen."""

    def __init__(self, layout: Layout, clusters: Clusters, workers: Workers, seed: int) -> None:
        groups, links = layout.groups, layout.links
        self.layout, self.clusters, self.workers, self.seed = layout, clusters, workers, seed
        self.slot_of = np.full(len(groups.change), -1, dtype=np.int64)
        self.count = np.zeros(len(groups.slot_window), dtype=np.int32)
        self.usage = np.zeros_like(groups.capacity)
        self.group_cost = np.zeros(len(groups.team))
        self._saved = np.zeros(len(groups.change), dtype=np.int64)
        self._row_of_link = np.full(len(links.link), -1, dtype=np.int64)
        self._is_chosen = np.zeros(len(groups.team), dtype=np.uint8)
        self._was_open = np.zeros(len(groups.slot_window), dtype=np.uint8)
        self._is_crossing = self._crossing()
        self.rounds = 0
        self.book()
        self.best_slot_of = self.slot_of.copy()
        self.best_cost = self.cost

    def _crossing(self) -> npt.NDArray[np.bool_]:
        """Return for each group whether its ties reach another team."""
        team, of_group = self.layout.groups.team, self.clusters.of_group
        first = team[self.clusters.groups[self.clusters.ptr[:-1]]]
        crossing = np.zeros(len(first), dtype=np.bool_)
        crossing[of_group[team != first[of_group]]] = True
        return np.asarray(crossing[of_group])

    def book(self) -> None:
        """Recompute all that follows from the slots of the changes."""
        book_plan(self.layout.groups, self.slot_of, self.count, self.usage, self.group_cost)
        self.cost = float(self.group_cost.sum())

    def load_overdrawn(self, window: Ints, slack_minutes: float = _SLACK_MINUTES) -> Ints:
        """Go on from a plan less what does not fit the teams' time; return the groups that lost changes."""
        self._put(window)
        self.book()
        is_hurt = np.zeros(len(self.group_cost), dtype=np.uint8)
        relieve(
            self.layout.groups,
            self.layout.links,
            slack_minutes,
            self.slot_of,
            self.count,
            self.usage,
            is_hurt,
        )
        self.book()
        self.keep_best()
        return np.flatnonzero(is_hurt)

    def _put(self, window: Ints) -> None:
        groups, links = self.layout.groups, self.layout.links
        pairs = np.repeat(np.arange(len(groups.team)), np.diff(groups.slot_ptr)) * len(groups.window)
        pairs += groups.slot_window
        place = np.searchsorted(pairs, links.change_group * len(groups.window) + window)
        self.slot_of[:] = np.where(window >= 0, place, -1)

    def keep_best(self) -> None:
        """Remember the plan if it is better than ever."""
        if self.cost < self.best_cost:
            self.best_slot_of[:] = self.slot_of
            self.best_cost = self.cost

    def return_to_best(self) -> None:
        """Go on from the best plan."""
        self.slot_of[:] = self.best_slot_of
        self.book()

    def best_window(self) -> Ints:
        """Return the best plan as a window per change, -1 for never."""
        return self._windows(self.best_slot_of)

    def window(self) -> Ints:
        """Return the plan at hand as a window per change, -1 for never."""
        return self._windows(self.slot_of)

    def _windows(self, slot_of: Ints) -> Ints:
        window = np.full(len(slot_of), -1, dtype=np.int64)
        done = slot_of >= 0
        window[done] = self.layout.groups.slot_window[slot_of[done]]
        return window

    def fill(self, price: Floats, order: Ints) -> None:
        """Put these groups into what room there is, each with its kin, in this order."""
        self._search(price, 0.0, lambda members, joint: order[np.isin(order, members)], in_order=True)

    def improve(self, price: Floats, temperature: float, *, effort: float, low: Floats) -> None:
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
        """

        def starters(members: Ints, joint: bool) -> Ints:
            if joint and self._is_crossing[members].any():
                members = members[self._is_crossing[members]]
            worst = np.argsort(low[members] - self.group_cost[members], kind="stable")
            worst = worst[: 1 + len(members) // _WORST_SHARE]
            return np.concatenate([members, np.repeat(members[worst], _WORST_TIMES)])

        self._search(price, temperature, starters, in_order=False, effort=effort)

    def _search(
        self, price: Floats, temperature: float, starters: Callable[[Ints, bool], Ints], *, in_order: bool,
        effort: float = 1.0,
    ) -> None:  # fmt: skip
        layout, team = self.layout, self.layout.groups.team
        random = np.random.default_rng([self.seed, self.rounds])
        joint = in_order or (self.rounds % _JOINT_EVERY == 0 and bool(self._is_crossing.any()))
        blocks = [
            _members(self.clusters, block)
            for block in deal(layout.groups, self.clusters, random, joint=joint)
        ]
        seeds = random.integers(1, 2**62, len(blocks))

        def task(members: Ints, seed: int) -> Callable[[], None]:
            by_team = members[np.argsort(team[members], kind="stable")]
            team_ptr = np.searchsorted(team[by_team], np.arange(len(layout.groups.capacity) + 1))
            is_free = np.zeros(len(team), dtype=np.uint8)
            is_free[members] = 1
            order = starters(members, joint)
            ruins = len(order) if in_order else max(1, int(effort * len(members)))
            return lambda: search(
                layout.groups, layout.links, layout.ties, order, team_ptr.astype(np.int64), by_team, is_free,
                ruins if len(order) else 0, in_order, seed, temperature, price, 20.0 * layout.hard_cost,
                self.slot_of, self._saved, self.count, self.usage, self._row_of_link, self._is_chosen,
                self._was_open,
            )  # fmt: skip

        self.workers.run([task(members, int(seed)) for members, seed in zip(blocks, seeds, strict=True)])
        self.rounds += 1
        self.book()
        self.keep_best()


def _members(clusters: Clusters, block: Ints) -> Ints:
    """Return the groups of these clusters in growing order."""
    is_in = np.zeros(len(clusters.ptr) - 1, dtype=np.bool_)
    is_in[block] = True
    return np.flatnonzero(is_in[clusters.of_group])
