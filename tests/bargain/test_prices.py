"""Prices of limits against worlds in which every plan is listed."""

from __future__ import annotations

import math
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bargain.worlds import World, random_world
from poise.bargain.prices import EXACT_LIMITS, Price, difference, price_limits
from poise.bargain.value import Value, ValueTable
from poise.table.pricing import sentence

seeds = st.integers(0, 10**6)


def shapley_by_definition(world: World, limit: str) -> float:
    """Average, over every order, what the limit adds to those before it."""
    total, orders = 0.0, list(permutations(world.limits))
    for order in orders:
        before = frozenset(order[: order.index(limit)])
        total += world.least(before | {limit}) - world.least(before)
    return total / len(orders)


@given(seeds)
@settings(max_examples=200, deadline=None)
def test_exact_solves_give_exact_prices(seed: int) -> None:
    """Alone, last, together and Shapley are their definitions when every solve is proven."""
    world = random_world(seed)
    every = frozenset(world.limits)
    prices = price_limits(world.limits, ValueTable(world.exact))
    for price in prices.limits:
        without = world.least(every - {price.limit})
        if math.isinf(world.least(every)):
            assert price.alone.is_impossible == math.isfinite(without)
            continue
        assert price.alone.low == price.alone.high == pytest.approx(world.least(every) - without)
        last = world.least(frozenset({price.limit})) - world.least(frozenset())
        assert price.last.best == pytest.approx(last)
        assert price.share.best == pytest.approx(shapley_by_definition(world, price.limit))
    if math.isfinite(world.least(every)):
        total = sum(price.share.best for price in prices.limits)
        assert total == pytest.approx(prices.together.best)


@given(seeds)
@settings(max_examples=400, deadline=None)
def test_an_interval_always_contains_the_exact_price(seed: int) -> None:
    """Whatever a solver leaves unproven, the price that exact solves would give lies within."""
    world = random_world(seed)
    every = frozenset(world.limits)
    prices = price_limits(world.limits, ValueTable(world.sloppy))
    exact = price_limits(world.limits, ValueTable(world.exact))
    for price, true in zip(prices.limits, exact.limits, strict=True):
        for seen, real in ((price.alone, true.alone), (price.last, true.last), (price.share, true.share)):
            if seen.is_impossible:
                assert real.is_impossible
            elif not (real.is_impossible or real.is_unknown):
                assert seen.low <= real.best + 1e-9
                assert real.best <= seen.high + 1e-9
                assert not seen.is_proven or real.best > 0
    assert prices.together.is_impossible <= math.isinf(world.least(every))


@given(seeds)
@settings(max_examples=50, deadline=None)
def test_sampled_shares_add_up(seed: int) -> None:
    """Shares of any order add up to the price of all together, so sampled ones do too."""
    world = random_world(seed, most_limits=9)
    prices = price_limits(world.limits, ValueTable(world.exact), orders=3, seed=seed)
    assert prices.is_exact_share == (len(world.limits) <= EXACT_LIMITS)
    if not prices.together.is_impossible and not prices.together.is_unknown:
        shares = [price.share for price in prices.limits]
        if not any(share.is_unknown or share.is_impossible for share in shares):
            assert sum(share.best for share in shares) == pytest.approx(prices.together.best)


def test_sampling_comes_near_the_exact_share() -> None:
    """Many orders of a world of eight limits must come within a few standard errors of the truth."""
    world = random_world(4_000, most_limits=9)
    seed = 4_000
    while len(world.limits) != 8 or math.isinf(world.least(frozenset(world.limits))):
        seed += 1
        world = random_world(seed, most_limits=9)
    prices = price_limits(world.limits, ValueTable(world.exact), orders=300)
    for price in prices.limits:
        assert (
            abs(price.share.best - shapley_by_definition(world, price.limit)) <= 5 * price.share_error + 1e-9
        )


def test_prices_do_not_add() -> None:
    """Two limits that each forbid the same cheap plan cost nothing alone, and everything together."""
    world = World(("L0", "L1"), (10.0, 50.0), (frozenset({"L0", "L1"}), frozenset()), 0)
    prices = price_limits(world.limits, ValueTable(world.exact))
    assert [price.alone.best for price in prices.limits] == [0.0, 0.0]
    assert [price.last.best for price in prices.limits] == [40.0, 40.0]
    assert [price.share.best for price in prices.limits] == [20.0, 20.0]
    assert prices.together.best == 40.0


def test_an_unproven_price_that_may_be_nothing_is_not_proven() -> None:
    """It reads "no proven cost", which is not "costs nothing"."""
    price = difference(Value(90.0, 100.0), Value(95.0, 98.0))
    assert price == Price(0.0, 5.0, 2.0)
    assert not price.is_proven


def test_what_the_plans_found_cost_is_told_beside_what_is_proven() -> None:
    """An estimate is never put as a bound, and next to nothing is not put as a cost."""
    told = sentence(difference(Value(90.0, 100.0), Value(95.0, 98.0)), "EUR", "exposure")
    assert told == "EUR 2 of expected loss by the plans found (proven: at most EUR 5)"
    assert sentence(Price(0.0, 500.0, 1.0), "EUR", "disruption") == (
        "no proven cost (at most EUR 500 of disruption)"
    )
    assert sentence(Price(0.0, 1.6e-4, 0.0), "EUR", "exposure") == "costs nothing here"
    assert sentence(Price(0.0, 0.02, 0.0), "EUR", "exposure") == (
        "no proven cost (at most EUR 0.02 of expected loss)"
    )


def test_the_number_of_threads_changes_nothing() -> None:
    """Two threads share the work, not the results."""
    for seed in range(20):
        world = random_world(seed)
        one = price_limits(world.limits, ValueTable(world.sloppy, threads=1))
        assert repr(price_limits(world.limits, ValueTable(world.sloppy, threads=3))) == repr(one)
