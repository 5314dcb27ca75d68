"""A whole plan composed of the clusters' options."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from poise.planning.decomposition.annealing import anneal, book_options
from poise.planning.decomposition.blocks import deal
from poise.planning.decomposition.columns import Flags, Windows
from poise.planning.decomposition.layout import Layout
from poise.planning.decomposition.menu import (
    Clusters,
    empty_menu,
    extend_menu,
    match_options,
    plan_windows,
    priced_costs,
    prune,
)
from poise.planning.decomposition.prices import Prices
from poise.planning.decomposition.search import plan_tied
from poise.planning.decomposition.workers import Workers
from poise.planning.problem import Floats, Ints

#: Most options that a cluster keeps from one cycle to the next.
_MOST_OPTIONS = 12
#: Most options that a cluster keeps while answers are gathered.
_MOST_BETWEEN = 16
#: Tied clusters answer in this many pieces, whatever the number of threads.
_PIECES = 16
#: Answers that wait to be put into the menu; more would only take room.
_MOST_ANSWERS = 10
#: Exchanges tried per cluster in one round.
_SWEEPS = 250
#: Temperatures of a cycle, as shares of what the options beside the cheapest cost more.
_HOT, _COLD = 0.5, 0.01
#: Fine for overdrawn time at the start and end of a cycle, as multiples of its price.
_FIRST_FINE, _LAST_FINE = 1.0, 6.0
#: Fine in the last round of a cycle, in which hardly anything may stay overdrawn.
_CLOSING_FINE = 200.0


class Composer:
    """Options of all clusters and one choice among them."""

    def __init__(self, layout: Layout, clusters: Clusters, workers: Workers, seed: int) -> None:
        groups = layout.groups
        self.layout, self.clusters, self.workers, self.seed = layout, clusters, workers, seed
        self.menu = empty_menu(len(clusters.ptr) - 1)
        self.chosen = np.full(len(clusters.ptr) - 1, -1, dtype=np.int64)
        self.usage = np.zeros(groups.capacity.size)
        self.rounds = 0
        self._fine: Floats = np.zeros(groups.capacity.size)
        self._spread = 1.0
        self._answers: list[Windows] = []
        self._price = np.zeros(groups.capacity.size)
        self._tied = _deal_evenly(np.flatnonzero(self._is_tied()))

    def _is_tied(self) -> npt.NDArray[np.bool_]:
        """Return which clusters hold more than one group or links inside one."""
        tied = np.diff(self.clusters.ptr) > 1
        links = self.layout.links
        tied[self.clusters.of_group[links.change_group[links.link[:, 1]]]] = True
        return tied

    def take(self, choice: Windows, price: Floats, is_open: Flags) -> None:
        """Remember the answer to prices ``(P, W)`` as options; tied clusters answer together."""
        answer = choice.copy()
        if self._tied:
            self._answer_tied(price, is_open, answer)
        self._price = price.reshape(-1).copy()
        self._keep(answer)

    def _answer_tied(self, price: Floats, is_open: Flags, answer: Windows) -> None:
        """Write the joint answers of tied clusters, piece by piece."""
        layout, groups, clusters = self.layout, self.layout.groups, self.clusters
        slot_of = np.full(len(answer), -1, dtype=np.int64)
        count = np.zeros(len(is_open), dtype=np.int32)
        row_of_link = np.full(len(layout.links.link), -1, dtype=np.int64)
        is_chosen = np.zeros(len(groups.team), dtype=np.uint8)

        def task(piece: Ints) -> Callable[[], None]:
            return lambda: plan_tied(
                groups, layout.links, layout.ties, clusters.ptr, clusters.groups, piece, price, is_open,
                20.0 * layout.hard_cost, slot_of, count, np.zeros_like(groups.capacity), row_of_link,
                is_chosen, answer,
            )  # fmt: skip

        self.workers.run([task(piece) for piece in self._tied])

    def take_plan(self, window: Ints) -> None:
        """Remember what each cluster does in a feasible plan as an option."""
        self._keep(window.astype(np.int16))

    def _keep(self, answer: Windows) -> None:
        self._answers.append(answer)
        if len(self._answers) >= _MOST_ANSWERS:
            self.gather()
            self.menu = prune(self.menu, self._price, _MOST_BETWEEN)

    def gather(self) -> None:
        """Put the answers taken since the last time into the menu; what was chosen is chosen no more."""
        if self._answers:
            self.menu = extend_menu(self.layout.groups, self.clusters, self.menu, np.stack(self._answers))
            self._answers.clear()
            self.chosen[:] = -1

    def start(self, prices: Prices, window: Ints | None) -> None:
        """Begin a cycle from a plan, or from each cluster's cheapest option at these prices."""
        self.gather()
        price = prices.team.reshape(-1)
        self.menu = prune(self.menu, price, _MOST_OPTIONS)
        self.chosen[:] = np.where(np.diff(self.menu.ptr) > 0, self.menu.ptr[:-1], -1)
        if window is not None:
            self.take_plan(window)
            self.gather()
            self.chosen = match_options(self.menu, self.clusters, self.layout.groups, window.astype(np.int16))
        priced = priced_costs(self.menu, price)
        owner = np.repeat(np.arange(len(self.chosen)), np.diff(self.menu.ptr))
        best = np.full(len(self.chosen), np.inf)
        np.minimum.at(best, owner, priced)
        dearer = priced - best[owner]
        dearer = dearer[dearer > 0]
        self._spread = float(np.median(dearer)) if len(dearer) else 1.0
        typical = float(price[price > 0].mean()) if (price > 0).any() else 1.0
        self._fine = price + 0.1 * typical
        book_options(self.menu, self.chosen, self.usage)

    def round(self, done: float, share: float, heat: float) -> None:
        """Anneal through a ``share`` of a cycle of which so much is ``done``; ``heat`` scales it."""
        random = np.random.default_rng([self.seed, self.rounds, 1])
        blocks = deal(self.layout.groups, self.clusters, random, joint=False)
        if not blocks:
            return
        seeds = random.integers(1, 2**62, len(blocks))
        hot, cold = (heat * self._spread * _HOT * (_COLD / _HOT) ** at for at in (done, done + share))
        is_last = done + share > 1.0 - 1e-9
        fine = self._fine * (_CLOSING_FINE if is_last else _FIRST_FINE * (_LAST_FINE / _FIRST_FINE) ** done)
        capacity = self.layout.groups.capacity.reshape(-1)

        def task(members: Ints, seed: int) -> Callable[[], None]:
            moves = _SWEEPS * len(members)
            members = members[self.chosen[members] >= 0]
            return lambda: anneal(
                self.menu, members, self.chosen, self.usage, capacity, fine, moves, hot, cold, seed
            )

        self.workers.run([task(members, int(seed)) for members, seed in zip(blocks, seeds, strict=True)])
        self.rounds += 1

    def windows(self) -> Ints:
        """Return the windows of the chosen options, -1 for never; teams may be overdrawn."""
        window = np.full(len(self.layout.groups.change), -1, dtype=np.int64)
        plan_windows(self.menu, self.clusters, self.layout.groups, self.chosen, window)
        return window


def _deal_evenly(clusters: Ints) -> list[Ints]:
    """Return clusters in pieces of like length, none of them empty."""
    return [piece for piece in np.array_split(clusters, _PIECES) if len(piece)]
