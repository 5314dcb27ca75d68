"""Prices on the teams' time, on links and on exclusions, and the bound that they prove.

For any prices >= 0 the groups' cheapest answers, less what the prices are worth at full capacity,
are a lower bound on every feasible plan. The prices climb by multiplicative steps, then by a deflected
subgradient whose length follows B. T. Polyak, "Minimization of unsmooth functionals", USSR
Computational Mathematics and Mathematical Physics 9 (1969), each part on its own.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from poise.planning.decomposition import columns as col
from poise.planning.decomposition.layout import CAPACITY_SLACK_MINUTES, Layout
from poise.planning.decomposition.oracle import answer_prices, link_slopes
from poise.planning.problem import Floats, Ints

#: Answers are computed in this many pieces whatever the number of threads, so that sums do not depend on it.
_PIECES = 16
#: First step of the climb, as a share of Polyak's; prices are near their best by then.
_FIRST_LENGTH = 0.05


@dataclass(frozen=True)
class Prices:
    """What the solver charges for what couples the groups; any values >= 0 give a valid bound.

    Parameters
    ----------
    team
        Of a team's minute in each window, shape ``(P, W)`` [money/min].
    link
        Multipliers of each link by place of a window in the order of starts, shape ``(K, W)`` [money].
    exclusion
        Of two overlapping slots of excluding groups, shape ``(Q,)`` [money].
    fill
        Of a minute of changes in each slot, given back for all of the team's time to its opening, shape
        ``(S,)`` [money/min].
    """

    team: Floats
    link: Floats
    exclusion: Floats
    fill: Floats


class Workers:
    """Runs kernels on a fixed number of threads; with one thread, in the caller's own."""

    def __init__(self, threads: int) -> None:
        self._pool = ThreadPoolExecutor(threads) if threads > 1 else None

    def run(self, tasks: list[Callable[[], None]]) -> None:
        """Run all tasks to their end, also when an interrupt comes in between."""
        if self._pool is None:
            for task in tasks:
                task()
            return
        futures = [self._pool.submit(task) for task in tasks]
        try:
            wait(futures)
        except KeyboardInterrupt:
            wait(futures)
            raise
        for future in futures:
            future.result()

    def close(self) -> None:
        """End the threads."""
        if self._pool is not None:
            self._pool.shutdown()


class Dual:
    """The climb of the prices and the best bound found, part by part."""

    def __init__(self, layout: Layout, workers: Workers, prices: Prices | None = None) -> None:
        groups, links = layout.groups, layout.links
        self.layout, self.workers = layout, workers
        self.team = np.zeros_like(groups.capacity)
        self.link = np.zeros((len(links.link), len(groups.window)))
        self.exclusion = np.zeros(len(layout.pair_slot_a))
        self.fill = np.zeros(len(groups.slot_window))
        self.load = np.zeros(len(groups.slot_window))
        self.choice = np.full(len(groups.change), -1, dtype=np.int64)
        self.is_open = np.zeros(len(groups.slot_window), dtype=np.int64)
        self.value, self.low = np.zeros(len(groups.team)), np.zeros(len(groups.team))
        self.usage = np.zeros_like(groups.capacity)
        self.bound = np.full(layout.num_parts, -np.inf)
        self.best_value: Floats = np.zeros(len(groups.team))
        self._pieces = _cut(groups.slot_ptr, groups.change_ptr)
        self._team_groups = np.bincount(groups.team, minlength=len(groups.capacity)) > 0
        self._link_part = layout.group_part[links.change_group[links.link[:, col.AFTER]]]
        slot_group = np.repeat(np.arange(len(groups.team)), np.diff(groups.slot_ptr))
        self._pair_part = layout.group_part[slot_group[layout.pair_slot_a]]
        self._slot_part = layout.group_part[slot_group]
        time = groups.capacity[groups.team[slot_group], groups.slot_window] - groups.slot[:, col.OPEN_LABOUR]
        self._room = np.maximum(time + CAPACITY_SLACK_MINUTES, 1e-3)
        self._fill_scale = groups.slot[:, col.OPEN_COST] / self._room**2
        self._typical = self._typical_price()
        self._link_scale = self._typical_link()
        self._gamma = np.full(layout.num_parts, _FIRST_LENGTH)
        self._stuck = np.zeros(layout.num_parts, dtype=np.int64)
        self._former: tuple[Floats, Floats, Floats, Floats] | None = None
        self.steps = 0
        self.is_warm = prices is not None and self._accept(prices)
        if not self.is_warm:
            self.team[:] = 0.3 * self._typical[:, None]
        self.best = self.prices()

    def _accept(self, prices: Prices) -> bool:
        """Take prices over when they fit the problem."""
        given, own = vars(prices), vars(self)
        if any(given[name].shape != own[name].shape for name in given):
            return False
        self.team[:] = np.maximum(prices.team, 0.0)
        self.link[:] = np.maximum(prices.link, 0.0)
        self.exclusion[:] = np.maximum(prices.exclusion, 0.0)
        self.fill[:] = np.maximum(prices.fill, 0.0)
        return True

    def prices(self) -> Prices:
        """Return a copy of the present prices."""
        return Prices(self.team.copy(), self.link.copy(), self.exclusion.copy(), self.fill.copy())

    def _typical_price(self) -> Floats:
        """Return for each team the median worth of a minute of work, to start from [money/min]."""
        groups, links = self.layout.groups, self.layout.links
        typical = np.zeros(len(groups.capacity))
        worth = np.minimum(groups.change[:, col.NEVER], self.layout.hard_cost) / np.maximum(
            groups.change[:, col.LABOUR], 1.0
        )
        team = groups.team[links.change_group]
        for p in np.flatnonzero(self._team_groups):
            of_team = worth[team == p]
            typical[p] = float(np.median(of_team)) if len(of_team) else 0.0
        return typical

    def _typical_link(self) -> Floats:
        """Return for each link what a week of its after change costs [money]."""
        groups, links = self.layout.groups, self.layout.links
        after = links.link[:, col.AFTER]
        span = groups.window[:, col.END].max(initial=1.0) / max(len(groups.window), 1)
        return np.asarray(
            groups.change[after, col.SLOPE] * span + 0.05 * groups.change[after, col.LATE] + 1e-6
        )

    def answer(self, *, with_bound: bool) -> None:
        """Let every group answer the present prices; with a bound, keep it where it is the best."""
        layout, groups, links = self.layout, self.layout.groups, self.layout.links
        link_price = np.zeros((len(self.link), len(groups.window) + 1))
        link_price[:, :-1] = np.cumsum(self.link[:, ::-1], axis=1)[:, ::-1]
        slots = len(groups.slot_window)
        slot_price: Floats = np.bincount(layout.pair_slot_a, self.exclusion, slots).astype(np.float64)
        slot_price += np.bincount(layout.pair_slot_b, self.exclusion, slots)
        usage = np.zeros((len(self._pieces), *groups.capacity.shape))

        def task(piece: int) -> None:
            first, last = self._pieces[piece]
            answer_prices(
                groups, links, first, last, self.team, link_price, slot_price, self.fill, with_bound,
                self.is_open, self.choice, self.value, self.low, usage[piece], self.load,
            )  # fmt: skip

        self.workers.run([lambda piece=piece: task(piece) for piece in range(len(self._pieces))])  # type: ignore[misc]
        self.usage = np.asarray(usage.sum(axis=0), dtype=np.float64)
        if with_bound:
            self._keep_best()

    def _keep_best(self) -> None:
        layout = self.layout
        bound = np.bincount(layout.group_part, self.low, layout.num_parts) - self._constant()
        better = bound > self.bound
        risen = np.where(np.isfinite(self.bound), bound - self.bound, np.inf)
        self._stuck = np.where(risen > 1e-4 * np.abs(bound), 0, self._stuck + 1)
        self.bound = np.where(better, bound, self.bound)
        self.now = bound
        teams = np.isin(layout.team_part, np.flatnonzero(better))
        self.best.team[teams] = self.team[teams]
        links, pairs = better[self._link_part], better[self._pair_part]
        self.best.link[links] = self.link[links]
        self.best.exclusion[pairs] = self.exclusion[pairs]
        slots = better[self._slot_part]
        self.best.fill[slots] = self.fill[slots]

    def _constant(self) -> Floats:
        """Return what the prices are worth at full capacity, by part [money]."""
        layout = self.layout
        worth = (self.team * (layout.groups.capacity + CAPACITY_SLACK_MINUTES)).sum(axis=1)
        known = layout.team_part >= 0
        constant = np.bincount(layout.team_part[known], worth[known], layout.num_parts)
        return np.asarray(constant + np.bincount(self._pair_part, self.exclusion, layout.num_parts))

    def _slopes(self) -> tuple[Floats, Floats, Floats, Floats]:
        """Return the slopes of the bound in all prices at the last answer."""
        groups, links, layout = self.layout.groups, self.layout.links, self.layout
        link = np.zeros_like(self.link)
        if len(link):
            link_slopes(groups, links, self.choice, self.link, link)
        exclusion = self.is_open[layout.pair_slot_a] + self.is_open[layout.pair_slot_b] - 1.0
        return (
            self.usage - groups.capacity,
            link,
            np.asarray(exclusion, dtype=np.float64),
            self.load - self.is_open * self._room,
        )

    def multiply(self, step: int) -> None:
        """Raise prices where the answer overdraws and lower them where it leaves time, by factors."""
        groups = self.layout.groups
        eta = 1.0 / (1.0 + 0.12 * step)
        team, link, exclusion, fill = self._slopes()
        ratio = np.clip(eta * team / np.maximum(groups.capacity, 1e-3), -1.0, 1.0)
        floor = 1e-3 * self._typical[:, None]
        self.team = np.maximum(self.team, floor) * np.exp(ratio)
        self.link = np.maximum(0.0, self.link + eta * self._link_scale[:, None] * link)
        scale = self._pair_scale()
        self.exclusion = np.maximum(0.0, self.exclusion + 0.3 * eta * scale * exclusion)
        self._raise_fill(0.3 * eta * np.clip(fill, -self._room, self._room))
        self.steps += 1

    def _raise_fill(self, by: Floats) -> None:
        """Change the fill prices, up to where an opening is given back whole."""
        most = self._fill_scale * self._room
        self.fill = np.clip(self.fill + self._fill_scale * by, 0.0, most)

    def settle(self) -> None:
        """Set prices that only the floor of the steps by factors holds up to nothing."""
        self.team[self.team <= 1.01e-3 * self._typical[:, None]] = 0.0

    def _pair_scale(self) -> Floats:
        groups, layout = self.layout.groups, self.layout
        cost = groups.slot[:, col.OPEN_COST]
        return np.asarray(np.minimum(cost[layout.pair_slot_a], cost[layout.pair_slot_b]) + 1e-6)

    def climb(self, target: Floats) -> None:
        """Take one deflected subgradient step towards each part's target value."""
        groups, layout = self.layout.groups, self.layout
        slopes = self._slopes()
        if self._former is not None:
            slopes = tuple(0.7 * new + 0.3 * old for new, old in zip(slopes, self._former, strict=True))  # type: ignore[assignment]
        self._former = slopes
        team, link, exclusion, fill = slopes
        level = np.maximum(self.best.team, 0.02 * self._typical[:, None])
        scales = (
            level / np.maximum(groups.capacity, 1.0),
            self._link_scale[:, None] * np.ones((1, 1)),
            self._pair_scale(),
        )
        free_team = np.where((self.team <= 0.0) & (team < 0.0), 0.0, team)
        free_link = np.where((self.link <= 0.0) & (link < 0.0), 0.0, link)
        free_pair = np.where((self.exclusion <= 0.0) & (exclusion < 0.0), 0.0, exclusion)
        known = layout.team_part >= 0
        norm = np.bincount(
            layout.team_part[known], (scales[0] * free_team**2).sum(axis=1)[known], layout.num_parts
        )
        norm += np.bincount(self._link_part, (scales[1] * free_link**2).sum(axis=1), layout.num_parts)
        norm += np.bincount(self._pair_part, scales[2] * free_pair**2, layout.num_parts)
        slow = self._stuck >= 3
        free_fill = np.where((self.fill <= 0.0) & (fill < 0.0), 0.0, fill)
        norm += np.bincount(self._slot_part, self._fill_scale * free_fill**2, layout.num_parts)
        self._gamma = np.where(slow, 0.6 * self._gamma, self._gamma)
        self._gamma = np.where(self._stuck == 0, np.minimum(1.1 * self._gamma, 0.2), self._gamma)
        self._stuck = np.where(slow, 0, self._stuck)
        length = (
            self._gamma * np.maximum(target - self.now, 1e-3 * np.abs(self.now)) / np.maximum(norm, 1e-12)
        )
        by_team = np.where(known, length[layout.team_part], 0.0)[:, None]
        self.team = np.maximum(0.0, self.team + by_team * scales[0] * free_team)
        self.link = np.maximum(0.0, self.link + length[self._link_part][:, None] * scales[1] * free_link)
        self.exclusion = np.maximum(0.0, self.exclusion + length[self._pair_part] * scales[2] * free_pair)
        self._raise_fill(length[self._slot_part] * free_fill)
        self.steps += 1


def _cut(slot_ptr: Ints, change_ptr: Ints) -> list[tuple[int, int]]:
    """Cut the groups into pieces of like effort."""
    effort = np.cumsum((np.diff(slot_ptr) + 1) * (np.diff(change_ptr) + 1))
    if not len(effort):
        return []
    marks = np.searchsorted(effort, np.arange(1, _PIECES) * (effort[-1] / _PIECES))
    cuts = np.unique(np.concatenate([[0], marks, [len(effort)]]))
    return [(int(first), int(last)) for first, last in pairwise(cuts)]
