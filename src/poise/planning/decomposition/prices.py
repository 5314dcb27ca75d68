"""Prices on the teams' time, on links and on exclusions, and the bound that they prove.

For any prices >= 0 the groups' cheapest answers, less what the prices are worth at full capacity,
are a lower bound on every feasible plan. The prices climb by multiplicative steps, then by a deflected
subgradient whose length follows B. T. Polyak, "Minimization of unsmooth functionals", USSR
Computational Mathematics and Mathematical Physics 9 (1969).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from poise.planning.decomposition import columns as col
from poise.planning.decomposition.layout import CAPACITY_SLACK_MINUTES, Layout
from poise.planning.decomposition.oracle import answer_prices, link_slopes
from poise.planning.decomposition.workers import Workers
from poise.planning.problem import Floats, Ints

#: Answers are computed in this many pieces whatever the number of threads, so that sums do not depend on it.
_PIECES = 16
#: Groups that are worth a piece of their own.
_PIECE_GROUPS = 200
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


class Dual:
    """The climb of the prices and the best bound found.

    ``value`` and ``low`` hold, per group, the cost of its answer and a bound on any answer's at the
    last prices [money]; ``now`` is what the last prices prove, estimated where no proof was asked for.
    """

    def __init__(self, layout: Layout, workers: Workers, prices: Prices | None = None) -> None:
        groups, links = layout.groups, layout.links
        self.layout, self.workers = layout, workers
        self.team = np.zeros_like(groups.capacity)
        self.link = np.zeros((len(links.link), len(groups.window)))
        self.exclusion = np.zeros(len(layout.pair_slot_a))
        self.fill = np.zeros(len(groups.slot_window))
        self.load = np.zeros(len(groups.slot_window))
        self.choice = np.full(len(groups.change), -1, dtype=np.int32)
        self.is_open = np.zeros(len(groups.slot_window), dtype=np.uint8)
        self.value, self.low = np.zeros(len(groups.team)), np.zeros(len(groups.team))
        self.usage = np.zeros_like(groups.capacity)
        self.bound, self.now = -np.inf, -np.inf
        self._unproven = 0.0
        self._pieces = _cut(groups.slot_ptr, groups.change_ptr)
        self._typical = self._typical_price()
        self._link_scale = self._typical_link()
        self._gamma, self._stuck, self._peak = _FIRST_LENGTH, 0, -np.inf
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
        for name in given:
            own[name][:] = np.maximum(given[name], 0.0)
        return True

    def prices(self) -> Prices:
        """Return a copy of the present prices."""
        return Prices(self.team.copy(), self.link.copy(), self.exclusion.copy(), self.fill.copy())

    def take(self, prices: Prices) -> None:
        """Go on from these prices."""
        self._accept(prices)

    def _typical_price(self) -> Floats:
        """Return for each team the median worth of a minute of work, to start from [money/min]."""
        groups, links = self.layout.groups, self.layout.links
        typical = np.zeros(len(groups.capacity))
        worth = np.minimum(groups.change[:, col.NEVER], self.layout.hard_cost) / np.maximum(
            groups.change[:, col.LABOUR], 1.0
        )
        team = groups.team[links.change_group]
        for p in range(len(typical)):
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
        slot_price: Floats = np.zeros(slots)
        if len(layout.pair_slot_a):
            slot_price += np.bincount(layout.pair_slot_a, self.exclusion, slots)
            slot_price += np.bincount(layout.pair_slot_b, self.exclusion, slots)
        usage = np.zeros((len(self._pieces), *groups.capacity.shape))

        def task(piece: int) -> Callable[[], None]:
            first, last = self._pieces[piece]
            return lambda: answer_prices(
                groups, links, first, last, self.team, link_price, slot_price, self.fill, with_bound,
                self.is_open, self.choice, self.value, self.low, usage[piece], self.load,
            )  # fmt: skip

        self.workers.run([task(piece) for piece in range(len(self._pieces))])
        self.usage = np.asarray(usage.sum(axis=0), dtype=np.float64)
        answered = float(self.value.sum()) - self._constant()
        if with_bound:
            self.now = float(self.low.sum()) - self._constant()
            self._unproven = answered - self.now
            if self.now > self.bound:
                self.bound, self.best = self.now, self.prices()
        else:
            self.now = answered - self._unproven

    def _constant(self) -> float:
        """Return what the prices are worth at full capacity [money]."""
        worth = (self.team * (self.layout.groups.capacity + CAPACITY_SLACK_MINUTES)).sum()
        return float(worth + self.exclusion.sum())

    def _room(self) -> Floats:
        """Return the most that a team can do in each slot, beside opening it [min]."""
        groups = self.layout.groups
        team = np.repeat(groups.team, np.diff(groups.slot_ptr))
        time = groups.capacity[team, groups.slot_window] - groups.slot[:, col.OPEN_LABOUR]
        return np.maximum(time + CAPACITY_SLACK_MINUTES, 1e-3)

    def _slopes(self) -> tuple[Floats, Floats, Floats, Floats]:
        """Return the slopes of the bound in all prices at the last answer."""
        groups, links, layout = self.layout.groups, self.layout.links, self.layout
        link = np.zeros_like(self.link)
        if len(link):
            link_slopes(groups, links, self.choice, self.link, link)
        opened = self.is_open.astype(np.float64)
        exclusion = opened[layout.pair_slot_a] + opened[layout.pair_slot_b] - 1.0
        return self.usage - groups.capacity, link, exclusion, self.load - opened * self._room()

    def multiply(self, step: int) -> None:
        """Raise prices where the answer overdraws and lower them where it leaves time, by factors."""
        groups = self.layout.groups
        eta = 1.0 / (1.0 + 0.12 * step)
        team, link, exclusion, fill = self._slopes()
        ratio = np.clip(eta * team / np.maximum(groups.capacity, 1e-3), -1.0, 1.0)
        floor = 1e-3 * self._typical[:, None]
        self.team = np.maximum(self.team, floor) * np.exp(ratio)
        self.link = np.maximum(0.0, self.link + eta * self._link_scale[:, None] * link)
        self.exclusion = np.maximum(0.0, self.exclusion + 0.3 * eta * self._pair_scale() * exclusion)
        room = self._room()
        self._raise_fill(0.3 * eta * np.clip(fill, -room, room), room)
        self.steps += 1

    def _raise_fill(self, by: Floats, room: Floats) -> None:
        """Change the fill prices, up to where an opening is given back whole."""
        most = self.layout.groups.slot[:, col.OPEN_COST] / room
        self.fill = np.clip(self.fill + most / room * by, 0.0, most)

    def settle(self) -> None:
        """Set prices that only the floor of the steps by factors holds up to nothing."""
        self.team[self.team <= 1.01e-3 * self._typical[:, None]] = 0.0

    def _pair_scale(self) -> Floats:
        groups, layout = self.layout.groups, self.layout
        cost = groups.slot[:, col.OPEN_COST]
        return np.asarray(np.minimum(cost[layout.pair_slot_a], cost[layout.pair_slot_b]) + 1e-6)

    def climb(self, target: float) -> None:
        """Take one deflected subgradient step towards a target value."""
        groups = self.layout.groups
        self._adapt()
        slopes = self._slopes()
        if self._former is not None:
            slopes = tuple(0.7 * new + 0.3 * old for new, old in zip(slopes, self._former, strict=True))  # type: ignore[assignment]
        self._former = slopes
        team, link, exclusion, fill = slopes
        level = np.maximum(self.best.team, 0.02 * self._typical[:, None])
        team_scale = level / np.maximum(groups.capacity, 1.0)
        link_scale, pair_scale = self._link_scale[:, None], self._pair_scale()
        room = self._room()
        fill_scale = groups.slot[:, col.OPEN_COST] / room**2
        team = np.where((self.team <= 0.0) & (team < 0.0), 0.0, team)
        link = np.where((self.link <= 0.0) & (link < 0.0), 0.0, link)
        exclusion = np.where((self.exclusion <= 0.0) & (exclusion < 0.0), 0.0, exclusion)
        fill = np.where((self.fill <= 0.0) & (fill < 0.0), 0.0, fill)
        norm = float((team_scale * team**2).sum() + (link_scale * link**2).sum())
        norm += float((pair_scale * exclusion**2).sum() + (fill_scale * fill**2).sum())
        length = self._gamma * max(target - self.now, 1e-3 * abs(self.now)) / max(norm, 1e-12)
        self.team = np.maximum(0.0, self.team + length * team_scale * team)
        self.link = np.maximum(0.0, self.link + length * link_scale * link)
        self.exclusion = np.maximum(0.0, self.exclusion + length * pair_scale * exclusion)
        self._raise_fill(length * fill, room)
        self.steps += 1

    def _adapt(self) -> None:
        """Lengthen the steps while they gain, shorten them after three that did not."""
        if self.now > self._peak + 1e-4 * abs(self.now):
            self._stuck = 0
            self._gamma = min(1.1 * self._gamma, 0.2)
        else:
            self._stuck += 1
            if self._stuck == 3:
                self._gamma, self._stuck = 0.6 * self._gamma, 0
        self._peak = max(self._peak, self.now)


def _cut(slot_ptr: Ints, change_ptr: Ints) -> list[tuple[int, int]]:
    """Cut the groups into pieces of like effort."""
    effort = np.cumsum((np.diff(slot_ptr) + 1) * (np.diff(change_ptr) + 1))
    if not len(effort):
        return []
    pieces = min(_PIECES, 1 + len(effort) // _PIECE_GROUPS)
    marks = np.searchsorted(effort, np.arange(1, pieces) * (effort[-1] / pieces))
    cuts = np.unique(np.concatenate([[0], marks, [len(effort)]]))
    return [(int(first), int(last)) for first, last in pairwise(cuts)]
