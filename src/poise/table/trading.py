"""Trades: smallest bundles in which both sides gain by what they declared important.

From a plan on the frontier nobody can gain on one axis without the other's loss. But a side rarely cares
about every service alike: where it said so before talking, small bundles of moves, or one limit of each
side, may please both. What pleases both may worsen the company: its own totals stand beside every trade.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from poise.errors import NoFeasiblePlanError
from poise.planning.capped import solve_within
from poise.planning.problem import Ints, Plan, Problem
from poise.table.binding import bind, touched
from poise.table.ground import Ground
from poise.table.landmarks import with_moves
from poise.table.limits import Limit
from poise.table.solving import Costs, Effort, costs_of, moves_between, split

Progress = Callable[[int, int, str], None]

#: Sizes of bundles tried, smallest first.
SIZES = (1, 2, 3, 4, 6, 8, 12, 16, 24)
#: A side gains when its own cost falls by this part of what the draft costs it [1].
LEAST_GAIN = 1e-3
#: Alternatives shown, of equal worth to the proposer [G. Leonardelli et al., J. Pers. Soc. Psych. 2019].
ALTERNATIVES = 3
#: A company total that grows by less than this, relative, has not worsened.
SAME_TOTAL = 1e-6


@dataclass(frozen=True)
class Importance:
    """How much each side cares about each service, 1 for a service that is not named; from 0.

    Declared with the sealed position, before anybody talks, and used for trades only.
    """

    operations: Mapping[str, float]
    security: Mapping[str, float]


@dataclass(frozen=True)
class Trade:
    """A bundle that both sides prefer to the draft by their own measure.

    Parameters
    ----------
    plan
        With the bundle done.
    moved
        Changes that move.
    relaxed
        Limits that are dropped for it, at most one of each side; none in a trade of moves alone.
    gain_security, gain_operations
        By how much of the draft's own-measure cost each side gains [1].
    before, after
        The company's totals in money, unweighted.
    """

    plan: Plan
    moved: Ints
    relaxed: tuple[str, ...]
    gain_security: float
    gain_operations: float
    before: Costs
    after: Costs

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
    effort: Effort | None = None,
    progress: Progress | None = None,
) -> tuple[Trade, ...]:
    """Find the smallest bundle of moves that both gain from, and others about as good that differ from it.

    The alternatives leave alone the services that those before them moved. In all of them security gains
    at least what it gains in the first, so that to the proposer they are worth alike.

    Parameters
    ----------
    draft
        Keeps the limits.

    Returns
    -------
    tuple of Trade
        At most ``ALTERNATIVES``; none where no plan was found that both prefer.
    """
    effort = effort or Effort()
    seeker = _Seeker(ground, bind(ground, limits).problem, draft, importance, effort)
    trades: list[Trade] = []
    held: set[int] = set()
    for number in range(ALTERNATIVES):
        if progress:
            progress(number, ALTERNATIVES, "smallest bundle" if not number else "another of equal worth")
        least = LEAST_GAIN if not trades else max(LEAST_GAIN, trades[0].gain_security * 0.99)
        trade = seeker.smallest(held, least)
        if trade is None:
            break
        trades.append(trade)
        services = {ground.group_service[ground.problem.change_group[j]] for j in trade.moved}
        held |= {
            j
            for j in range(ground.problem.num_changes)
            if ground.group_service[ground.problem.change_group[j]] in services
        }
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
        problem = bind(ground, rest).problem
        seeker = _Seeker(ground, problem, draft, importance, effort)
        trade = seeker.best(problem.num_changes, set(), LEAST_GAIN, touched(ground, [first, second]))
        if trade is not None:
            trades.append(replace(trade, relaxed=(first.id, second.id)))
    trades.sort(key=lambda trade: -min(trade.gain_security, trade.gain_operations))
    return tuple(trades)


def post_settlement(
    ground: Ground, limits: Sequence[Limit], signed: Plan, effort: Effort | None = None
) -> Trade | None:
    """Look for a plan that both prefer to the signed one, by the company's own totals [1]_.

    References
    ----------
    .. [1] H. Raiffa, Post-settlement settlements, Negotiation Journal 1(1), 1985, 9-12.
    """
    effort = effort or Effort(rounds=6)
    alike = Importance({}, {})
    problem = bind(ground, limits).problem
    seeker = _Seeker(ground, problem, signed, alike, effort)
    return seeker.best(problem.num_changes, set(), LEAST_GAIN, None)


@dataclass
class _Seeker:
    ground: Ground
    problem: Problem
    draft: Plan
    importance: Importance
    effort: Effort

    def __post_init__(self) -> None:
        self.valued = valued(self.ground, self.problem, self.importance)
        self.own = costs_of(self.valued, self.draft)

    def smallest(self, held: set[int], least_security: float) -> Trade | None:
        """Return a trade of the fewest moves; None where none was found.

        On a larger problem the bundles tried are parts of the best trade of any size.
        """
        whole = self.best(self.problem.num_changes, held, least_security, None)
        if whole is None:
            return None
        focus = np.unique(self.problem.change_group[whole.moved])
        for size in (size for size in SIZES if size < len(whole.moved)):
            trade = self.best(size, held, least_security, focus, is_local=True)
            if trade is not None:
                return trade
        return whole

    def best(
        self,
        size: int,
        held: set[int],
        least_security: float,
        focus: Ints | None,
        *,
        is_local: bool = False,
    ) -> Trade | None:
        """Return the trade of at most so many moves that gains most, both gains added up."""
        amount = np.ones(self.problem.num_changes, dtype=np.int64)
        amount[sorted(held)] = 10**6
        is_free = size >= self.problem.num_changes and not held
        problem = self.valued if is_free else with_moves(self.valued, self.draft, float(size), amount)
        self.effort.go_on()
        if self.own.security <= 0 or self.own.operations <= 0:
            return None  # a side whose cost is nothing cannot gain
        rate = self.own.security / self.own.operations
        try:
            found = solve_within(
                problem,
                rate,
                seconds=self.effort.seconds,
                exposure_cap=self.own.security * (1 - least_security),
                disruption_cap=self.own.operations * (1 - LEAST_GAIN),
                warm=self.draft,
                focus=focus,
                rounds=self.effort.rounds,
                seed=self.effort.seed,
                is_local=is_local,
            )
        except NoFeasiblePlanError:
            return None
        after = costs_of(self.valued, found.plan)
        return Trade(
            found.plan,
            moves_between(found.plan, self.draft),
            (),
            _gain(self.own.security, after.security),
            _gain(self.own.operations, after.operations),
            costs_of(self.ground.problem, self.draft),
            costs_of(self.ground.problem, found.plan),
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
