"""Trades: smallest bundles in which both sides gain by what they declared important.

From a plan on the frontier nobody can gain on one axis without the other's loss. But a side rarely cares
about every service alike: where it said so before talking, small bundles of moves, or one limit of each
side, may please both. What pleases both may worsen the company: its own totals stand beside every trade.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from poise.errors import NoFeasiblePlanError
from poise.planning.bundles import Bundle, smallest_bundle
from poise.planning.capped import EXACT_CHOICES, MANY_CHOICES, solve_within
from poise.planning.choices import list_choices
from poise.planning.few_moves import Band
from poise.planning.highs import Limits
from poise.planning.problem import Ints, Plan, Problem
from poise.planning.tracing import trace
from poise.table.binding import bind, touched
from poise.table.ground import Ground
from poise.table.limits import Limit, Party
from poise.table.solving import Costs, Effort, Progress, costs_of, moves_between, split

#: A side gains when its own cost falls by this part of what the draft costs it [1].
LEAST_GAIN = 1e-3
#: Alternatives shown, of equal worth to the proposer [G. Leonardelli et al., J. Pers. Soc. Psych. 2019].
ALTERNATIVES = 3
#: Two gains of the proposer that differ by less than this part of them are of equal worth [1]; also where
#: they differ by less than what counts as a gain at all.
SAME_WORTH = 0.1
#: No change moves.
NOTHING_MOVED: Ints = np.zeros(0, dtype=np.int64)
#: Nodes of the search tree after which the search for a smaller bundle ends: on the sample company a few do.
NODES = 200
#: A company total that grows by less than this, relative, has not worsened.
SAME_TOTAL = 1e-6


@dataclass(frozen=True)
class Importance:
    """How much each side cares about each service, 1 for a service that is not named; from 0.

    Declared with the sealed position, before anybody talks, and used for trades only.
    """

    operations: Mapping[str, float]
    security: Mapping[str, float]


#: Every service matters the same to both: the company's own totals.
ALIKE = Importance({}, {})


@dataclass(frozen=True)
class Trade:
    """A bundle that both sides prefer to the draft by their own measure.

    Parameters
    ----------
    bundle
        The plan with it done, the changes that move, and how many at least must: no bundle from which both
        gain, and that is worth as much to the proposer as it has to be, has fewer moves; 1 says nothing.
    relaxed
        Limits that are dropped for it, at most one of each side; none in a trade of moves alone.
    gain_security, gain_operations
        By how much of the draft's own-measure cost each side gains [1].
    before, after
        The company's totals in money, unweighted.
    """

    bundle: Bundle
    relaxed: tuple[str, ...]
    gain_security: float
    gain_operations: float
    before: Costs
    after: Costs

    @property
    def plan(self) -> Plan:
        """Return the plan with the bundle done."""
        return self.bundle.plan

    @property
    def moved(self) -> Ints:
        """Return the changes that move."""
        return self.bundle.moved

    @property
    def least_moves(self) -> int:
        """Return how many moves such a bundle has at least; proven."""
        return self.bundle.least_moves

    @property
    def is_smallest(self) -> bool:
        """Return whether it is proven that no such bundle has fewer moves."""
        return self.bundle.is_smallest

    @property
    def warnings(self) -> tuple[str, ...]:
        """Return the company totals that worsen; a trade is never shown without them."""
        found = []
        if self.after.security > self.before.security * (1 + SAME_TOTAL):
            found.append(
                f"the company's expected loss grows by {self.after.security - self.before.security:,.0f}"
            )
        if self.after.operations > self.before.operations * (1 + SAME_TOTAL):
            found.append(
                f"the company's disruption grows by {self.after.operations - self.before.operations:,.0f}"
            )
        return tuple(found)


def find_trades(
    ground: Ground,
    limits: Sequence[Limit],
    draft: Plan,
    importance: Importance,
    *,
    proposer: Party = "security",
    effort: Effort | None = None,
    progress: Progress | None = None,
) -> tuple[Trade, ...]:
    """Find the smallest bundle of moves that both gain from, and others worth the same to the proposer.

    The alternatives leave alone the services that those before them moved, or where nothing else is found at
    least the changes, and are the smallest that do.

    Parameters
    ----------
    draft
        Keeps the limits.
    proposer
        The side that offers them: to it all are worth alike, up to ``SAME_WORTH`` of its gain or what counts
        as a gain at all, so that it can offer them together and let the other side choose.

    Returns
    -------
    tuple of Trade
        At most ``ALTERNATIVES``; none where no plan was found that both prefer.
    """
    effort = effort or Effort()
    seeker = _Seeker(ground, bind(ground, limits).problem, draft, importance, effort)
    if not seeker.can_gain:
        return ()
    if progress:
        progress(0, ALTERNATIVES, "any bundle")
    known = seeker.best(None)
    plans = [] if known is None else [known]
    services = np.array(ground.group_service)[ground.problem.change_group]
    held, bands = seeker.out_of_reach(plans), seeker.bands()
    trades: list[Trade] = []
    for number in range(ALTERNATIVES):
        effort.go_on()
        if progress:
            progress(number, ALTERNATIVES, "smallest bundle" if not number else "another of equal worth")
        moved = np.unique(np.concatenate([trade.moved for trade in trades])) if trades else NOTHING_MOVED
        others = held | np.isin(services, services[moved])
        same = held | np.isin(np.arange(len(held)), moved)
        seconds = effort.seconds / (6 if trades else 2)
        trade = seeker.smallest(bands, others, plans, seconds)
        if trade is None and trades:
            trade = seeker.smallest(bands, same, plans, seconds)
        if trade is None:
            break
        trades.append(trade)
        bands = seeker.bands(proposer, trades[0])
    return tuple(trades)


def find_limit_trades(
    ground: Ground,
    limits: Sequence[Limit],
    draft: Plan,
    importance: Importance,
    *,
    effort: Effort | None = None,
    progress: Progress | None = None,
) -> tuple[Trade, ...]:
    """Find pairs of limits, one of each side, without which both gain; best for the worse-served first."""
    effort = effort or Effort()
    _, negotiable = split(limits)
    own: dict[str, list[Limit]] = {"operations": [], "security": []}
    for limit in negotiable.values():
        own[limit.party].append(limit)
    pairs = [(a, b) for a in own["operations"] for b in own["security"]]
    trades = []
    for done, (first, second) in enumerate(pairs):
        if progress:
            progress(done, len(pairs), f"{first.id} for {second.id}")
        rest = [limit for limit in limits if limit not in (first, second)]
        seeker = _Seeker(ground, bind(ground, rest).problem, draft, importance, effort)
        plan = seeker.best(touched(ground, [first, second]))
        if plan is not None:
            trades.append(replace(seeker.trade(seeker.bundle(plan)), relaxed=(first.id, second.id)))
    trades.sort(key=lambda trade: -min(trade.gain_security, trade.gain_operations))
    return tuple(trades)


def post_settlement(
    ground: Ground,
    limits: Sequence[Limit],
    signed: Plan,
    importance: Importance = ALIKE,
    effort: Effort | None = None,
) -> Trade | None:
    """Look for a plan that both prefer to the signed one [1]_.

    By the company's own totals first; where nothing better is found, by what both declared important.

    References
    ----------
    .. [1] H. Raiffa, Post-settlement settlements, Negotiation Journal 1(1), 1985, 9-12.
    """
    effort = effort or Effort(rounds=6)
    problem = bind(ground, limits).problem
    for measure in (ALIKE, importance):
        seeker = _Seeker(ground, problem, signed, measure, effort)
        plan = seeker.best(None)
        if plan is not None:
            return seeker.trade(seeker.bundle(plan))
        if measure == importance:
            break
    return None


@dataclass
class _Seeker:
    """Looks for plans that both sides prefer to a draft by their own measure."""

    ground: Ground
    problem: Problem
    draft: Plan
    importance: Importance
    effort: Effort

    def __post_init__(self) -> None:
        self.valued = valued(self.ground, self.problem, self.importance)
        self.own = costs_of(self.valued, self.draft)
        self.size = len(list_choices(self.problem).change)

    @property
    def can_gain(self) -> bool:
        """Return whether both sides have a cost at all."""
        return self.own.security > 0 and self.own.operations > 0

    @property
    def rate(self) -> float:
        """Return what makes the same part of either side's cost weigh the same."""
        return self.own.security / self.own.operations

    def bands(self, proposer: Party | None = None, first: Trade | None = None) -> tuple[Band, Band]:
        """Return where both own-measure costs must lie: below the draft's; the proposer's as in the first."""
        most = {"security": self.own.security, "operations": self.own.operations}
        bands = {side: Band(cost * (1 - LEAST_GAIN)) for side, cost in most.items()}
        if proposer is not None and first is not None:
            gain = first.gain_security if proposer == "security" else first.gain_operations
            apart = max(SAME_WORTH * gain, LEAST_GAIN)
            bands[proposer] = Band(
                most[proposer] * (1 - max(LEAST_GAIN, gain - apart)), most[proposer] * (1 - gain - apart)
            )
        return bands["security"], bands["operations"]

    def out_of_reach(self, plans: Sequence[Plan]) -> npt.NDArray[np.bool_]:
        """Return changes that stay: none, or on a company of any size those that no plan found moves."""
        if self.size <= MANY_CHOICES:
            return np.zeros(self.problem.num_changes, dtype=np.bool_)
        moves = np.zeros(self.problem.num_changes, dtype=np.bool_)
        for plan in plans:
            moves[moves_between(plan, self.draft)] = True
        return ~moves

    def smallest(
        self, bands: tuple[Band, Band], held: npt.NDArray[np.bool_], plans: Sequence[Plan], seconds: float
    ) -> Trade | None:
        """Return the trade of fewest moves with both costs in their bands; None where none was found.

        Each of two solves takes at most so many seconds.
        """
        if held.all():
            return None
        found = smallest_bundle(
            self.valued, self.draft, bands, self.rate, held, plans, Limits(seconds, NODES)
        )
        if found is None:
            return None
        # Beyond that size most changes are held, so nothing is proven about all bundles.
        return self.trade(found if self.size <= MANY_CHOICES else replace(found, least_moves=1))

    def best(self, focus: Ints | None) -> Plan | None:
        """Return the plan found that both gain most from, both gains added up; None without one."""
        if not self.can_gain:
            return None
        self.effort.go_on()
        caps = tuple(band.high for band in self.bands())
        warm = self._nearby(caps) if self.size > EXACT_CHOICES else None
        try:
            return solve_within(
                self.valued,
                self.rate,
                seconds=self.effort.seconds,
                exposure_cap=caps[0],
                disruption_cap=caps[1],
                warm=warm or self.draft,
                focus=focus,
                rounds=self.effort.rounds,
                seed=self.effort.seed,
                is_local=True,
            ).plan
        except NoFeasiblePlanError:
            return None

    def _nearby(self, caps: tuple[float, ...]) -> Plan | None:
        """Return the best plan within the caps of a trace around the draft; None without one."""
        seen = trace(
            self.valued,
            caps[1],
            self.rate,
            plans=[self.draft],
            seed=self.effort.seed,
            threads=self.effort.threads,
            stop=self.effort.stop,
        )
        within = [spot for spot in seen.spots if spot.exposure <= caps[0] and spot.disruption <= caps[1]]
        best = min(within, key=lambda spot: spot.exposure + self.rate * spot.disruption, default=None)
        return None if best is None else best.plan

    def bundle(self, plan: Plan) -> Bundle:
        """Return a plan as a bundle of moves from the draft, of whose size nothing is proven."""
        return Bundle(plan, moves_between(plan, self.draft), 1)

    def trade(self, bundle: Bundle) -> Trade:
        """Return a bundle as a trade from the draft."""
        after = costs_of(self.valued, bundle.plan)
        return Trade(
            bundle,
            (),
            _gain(self.own.security, after.security),
            _gain(self.own.operations, after.operations),
            costs_of(self.ground.problem, self.draft),
            costs_of(self.ground.problem, bundle.plan),
        )


def _gain(before: float, after: float) -> float:
    return 1.0 - after / before if before > 0 else 0.0


def valued(ground: Ground, problem: Problem, importance: Importance) -> Problem:
    """Return a problem whose costs are weighed by what each side declared important.

    Security's weight of a group is that of the service whose loss stands for it; operations' is the mean
    over the services that the group stops. What a plan may do is the same in both.
    """
    security = np.array([importance.security.get(name, 1.0) for name in ground.group_service])
    operations = np.array(
        [
            math.fsum(importance.operations.get(name, 1.0) for name in group.services) / len(group.services)
            if group.services
            else 1.0
            for group in ground.groups
        ]
    )
    slot_group = problem.slot_group
    group = problem.change_group
    # Caps on exposure stay in the company's money: their shares are divided by what multiplies them.
    caps = problem.caps
    weight = security[group[caps.share_change]]
    shares = np.divide(caps.share, weight, out=np.zeros_like(caps.share), where=weight > 0)
    return replace(
        problem,
        exposure_per_day=problem.exposure_per_day * security[group],
        late_cost=problem.late_cost * security[group],
        slot_cost=problem.slot_cost * operations[slot_group],
        change_cost=problem.change_cost * operations[group],
        early_cost=problem.early_cost * operations[group],
        deferral_cost_per_day=problem.deferral_cost_per_day * operations[group],
        caps=replace(caps, share=shares),
    )
