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
from poise.planning.decomposition.climbing import fill_slopes, link_slopes, step_fill, step_links
from poise.planning.decomposition.columns import Floats32
from poise.planning.decomposition.layout import CAPACITY_SLACK_MINUTES, Layout
from poise.planning.decomposition.oracle import answer_prices
from poise.planning.decomposition.workers import Workers
from poise.planning.problem import Floats, Ints

#: Answers are computed in this many pieces whatever the number of threads, so that sums do not depend on it.
_PIECES = 16
#: Groups that are worth a piece of their own.
_PIECE_GROUPS = 200
#: Links that are worth a piece of their own.
_PIECE_LINKS = 2_000
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
    link: Floats32
    exclusion: Floats
    fill: Floats32


class Dual:
    """The climb of the prices and the best bound found.

    ``value`` and ``low`` hold, per group, the cost of its answer and a bound on any answer's at the
    last prices [money]; ``now`` is what the last prices prove, estimated where no proof was asked for.
    """

    def __init__(self, layout: Layout, workers: Workers, prices: Prices | None = None) -> None:
        groups, links = layout.groups, layout.links
        self.layout, self.workers = layout, workers
        self.team = np.zeros_like(groups.capacity)
        self.link = np.zeros((len(links.link), len(groups.window)), dtype=np.float32)
        self.exclusion = np.zeros(len(layout.pair_slot_a))
        self.fill = np.zeros(len(groups.slot_window), dtype=np.float32)
        self.load = np.zeros(len(groups.slot_window), dtype=np.float32)
        self.choice = np.full(len(groups.change), -1, dtype=np.int16)
        self.is_open = np.zeros(len(groups.slot_window), dtype=np.uint8)
        self.value, self.low = np.zeros(len(groups.team)), np.zeros(len(groups.team))
        self.usage = np.zeros_like(groups.capacity)
        self.bound, self.now = -np.inf, -np.inf
        self._unproven = 0.0
        self._pieces = _cut((np.diff(groups.slot_ptr) + 1) * (np.diff(groups.change_ptr) + 1), _PIECE_GROUPS)
        self._link_pieces = _cut(np.ones(len(links.link), dtype=np.int64), _PIECE_LINKS)
        self._typical = self._typical_price()
        self._link_scale = self._typical_link()
        self._gamma, self._stuck, self._peak = _FIRST_LENGTH, 0, -np.inf
        self._slopes, self._has_climbed = _Slopes(self), False
        self._link_price = np.zeros((len(self.link), len(groups.window) + 1), dtype=np.float32)
        self.steps = 0
        self.is_warm = prices is not None and self._accept(prices)
        if not self.is_warm:
            self.team[:] = 0.3 * self._typical[:, None]
        self.best = self.prices()

    def _accept(self, prices: Prices) -> bool:
        """Take those prices over that fit the problem; return whether the teams' did, on which all rest."""
        given, own = vars(prices), vars(self)
        if given["team"].shape != self.team.shape:
            return False
        for name in given:
            if given[name].shape == own[name].shape:
                np.maximum(given[name], 0.0, out=own[name], casting="same_kind")
        self._step_links(0.0)
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
        slots = len(groups.slot_window)
        slot_price: Floats = np.zeros(slots)
        if len(layout.pair_slot_a):
            slot_price += np.bincount(layout.pair_slot_a, self.exclusion, slots)
            slot_price += np.bincount(layout.pair_slot_b, self.exclusion, slots)
        usage = np.zeros((len(self._pieces), *groups.capacity.shape))

        def task(piece: int) -> Callable[[], None]:
            first, last = self._pieces[piece]
            return lambda: answer_prices(
                groups, links, first, last, self.team, self._link_price, slot_price, self.fill, with_bound,
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

    def _turn(self, share: float) -> float:
        """Turn the slopes towards those of the last answer; return their squared length in steps' scales.

        The slopes become ``share`` of the answer's and the rest of their own. Prices of nothing that would
        fall do not count.
        """
        groups, links, layout, slopes = self.layout.groups, self.layout.links, self.layout, self._slopes
        opened = self.is_open[layout.pair_slot_a].astype(np.float64) + self.is_open[layout.pair_slot_b] - 1.0
        slopes.team = share * (self.usage - groups.capacity) + (1.0 - share) * slopes.team
        slopes.exclusion = share * opened + (1.0 - share) * slopes.exclusion
        norms = np.zeros((2, max(len(self._pieces), len(self._link_pieces))))

        def of_links(piece: int) -> Callable[[], None]:
            return lambda: link_slopes(
                groups, links, *self._link_pieces[piece], self.choice, self.link, share, self._link_scale,
                slopes.link, norms[0], piece,
            )  # fmt: skip

        def of_fill(piece: int) -> Callable[[], None]:
            return lambda: fill_slopes(
                groups, *self._pieces[piece], self.load, self.is_open, self.fill, share, slopes.fill,
                norms[1], piece,
            )  # fmt: skip

        tasks = [of_links(piece) for piece in range(len(self._link_pieces))]
        self.workers.run(tasks + [of_fill(piece) for piece in range(len(self._pieces))])
        team = np.where((self.team <= 0.0) & (slopes.team < 0.0), 0.0, slopes.team)
        exclusion = np.where((self.exclusion <= 0.0) & (slopes.exclusion < 0.0), 0.0, slopes.exclusion)
        norm = float((self._team_scale() * team**2).sum() + (self._pair_scale() * exclusion**2).sum())
        return norm + float(norms.sum())

    def multiply(self, step: int) -> None:
        """Raise prices where the answer overdraws and lower them where it leaves time, by factors."""
        groups = self.layout.groups
        eta = 1.0 / (1.0 + 0.12 * step)
        self._turn(1.0)
        ratio = np.clip(eta * self._slopes.team / np.maximum(groups.capacity, 1e-3), -1.0, 1.0)
        floor = 1e-3 * self._typical[:, None]
        self.team = np.maximum(self.team, floor) * np.exp(ratio)
        self.exclusion = np.maximum(
            0.0, self.exclusion + 0.3 * eta * self._pair_scale() * self._slopes.exclusion
        )
        self._step_links(eta)
        self._step_fill(0.3 * eta, most_rooms=1.0)
        self.steps += 1

    def _step_links(self, length: float) -> None:
        """Step the links' multipliers along their slopes, and set what they charge."""

        def task(first: int, last: int) -> Callable[[], None]:
            return lambda: step_links(
                first, last, length, self._link_scale, self._slopes.link, self.link, self._link_price
            )

        self.workers.run([task(*piece) for piece in self._link_pieces])

    def _step_fill(self, length: float, most_rooms: float) -> None:
        """Step the fill prices along their slopes."""

        def task(first: int, last: int) -> Callable[[], None]:
            return lambda: step_fill(
                self.layout.groups, first, last, length, most_rooms, self._slopes.fill, self.fill
            )

        self.workers.run([task(*piece) for piece in self._pieces])

    def settle(self) -> None:
        """Set prices that only the floor of the steps by factors holds up to nothing."""
        self.team[self.team <= 1.01e-3 * self._typical[:, None]] = 0.0

    def _pair_scale(self) -> Floats:
        groups, layout = self.layout.groups, self.layout
        cost = groups.slot[:, col.OPEN_COST]
        return np.asarray(np.minimum(cost[layout.pair_slot_a], cost[layout.pair_slot_b]) + 1e-6)

    def _team_scale(self) -> Floats:
        level = np.maximum(self.best.team, 0.02 * self._typical[:, None])
        return np.asarray(level / np.maximum(self.layout.groups.capacity, 1.0))

    def climb(self, target: float) -> None:
        """Take one deflected subgradient step towards a target value."""
        self._adapt()
        norm = self._turn(0.7 if self._has_climbed else 1.0)
        self._has_climbed = True
        length = self._gamma * max(target - self.now, 1e-3 * abs(self.now)) / max(norm, 1e-12)
        slopes = self._slopes
        self.team = np.maximum(0.0, self.team + length * self._team_scale() * slopes.team)
        self.exclusion = np.maximum(0.0, self.exclusion + length * self._pair_scale() * slopes.exclusion)
        self._step_links(length)
        self._step_fill(length, most_rooms=np.inf)
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


class _Slopes:
    """Of the bound in all prices, mixed of the last answers."""

    def __init__(self, dual: Dual) -> None:
        self.team, self.exclusion = np.zeros_like(dual.team), np.zeros_like(dual.exclusion)
        self.link, self.fill = np.zeros_like(dual.link), np.zeros_like(dual.fill)


def _cut(effort: Ints, least: int) -> list[tuple[int, int]]:
    """Cut items into at most :data:`_PIECES` of like effort, and fewer where they would be small."""
    total = np.cumsum(effort)
    if not len(total):
        return []
    pieces = min(_PIECES, 1 + len(total) // least)
    marks = np.searchsorted(total, np.arange(1, pieces) * (total[-1] / pieces))
    cuts = np.unique(np.concatenate([[0], marks, [len(total)]]))
    return [(int(first), int(last)) for first, last in pairwise(cuts)]
