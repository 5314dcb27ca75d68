"""Limits bound to problems, against a second program that reads the rules as words."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poise.planning.check import check
from poise.planning.problem import Plan
from poise.table.binding import amount_of, bind
from poise.table.ground import Ground, encode
from poise.table.limits import relaxed
from table.cases import AllKept, is_kept, random_limits, small_ground


@given(st.integers(0, 10**6))
@settings(max_examples=150, deadline=None)
def test_a_bound_problem_allows_exactly_what_the_words_say(seed: int) -> None:
    """Every plan of a small company: allowed under limits if and only if it keeps each of them."""
    ground = small_ground(seed, plans=False)
    limits = random_limits(ground, seed)
    problem = bind(ground, limits).problem
    check(problem)
    every = AllKept(ground, limits)
    allowed = every.meets({limit.id for limit in limits})
    for place in np.random.default_rng(seed).permutation(len(every.window))[:60]:
        assert is_kept(ground, problem, every.window[place]) == allowed[place]


@given(st.integers(0, 10**6))
@settings(max_examples=60, deadline=None)
def test_giving_way_only_ever_allows_more(seed: int) -> None:
    """A limit relaxed by more steps keeps every plan that it kept before."""
    ground = small_ground(seed, plans=False)
    (limit,) = random_limits(ground, seed, count=1)
    ladder = [limit, *(relaxed(limit, steps) for steps in (1, 2, 5))]
    every = AllKept(ground, (limit,))
    for place in np.random.default_rng(seed).permutation(len(every.window))[:20]:
        seen = [
            True if one is None else is_kept(ground, bind(ground, [one]).problem, every.window[place])
            for one in ladder
        ]
        assert seen == sorted(seen)


@given(st.integers(0, 10**6))
@settings(max_examples=60, deadline=None)
def test_what_a_plan_needs_is_what_would_do(seed: int) -> None:
    """A limit raised to the amount that a plan uses keeps the plan."""
    ground = small_ground(seed, plans=False)
    (limit,) = random_limits(ground, seed, count=1)
    every = AllKept(ground, (limit,))
    plan = Plan(every.window[np.random.default_rng(seed).integers(0, len(every.window))])
    amount = amount_of(ground, limit, plan)
    if limit.rule == "freeze":
        assert (amount == 0) == is_kept(ground, bind(ground, [limit]).problem, plan.window)
    elif amount is not None:
        raised = msgspec.structs.replace(limit, amount=amount)
        assert is_kept(ground, bind(ground, [raised]).problem, plan.window)


@pytest.mark.parametrize("seed", range(20))
def test_a_ground_comes_back_as_it_was(seed: int) -> None:
    """What is read is what was written, to the byte, and the problem is the same problem."""
    ground = small_ground(seed)
    again = msgspec.json.decode(encode(ground), type=Ground)
    assert encode(again) == encode(ground)
    for name, array in vars(ground.problem).items():
        if isinstance(array, np.ndarray):
            np.testing.assert_array_equal(array, getattr(again.problem, name))
