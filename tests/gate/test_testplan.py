"""The plan of tests, against trying every set."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poise.gate.testplan import SCHEMA, Ran, RunHistory, SecurityTest, best_set, plan_tests

MINUTES = st.integers(0, 20).map(lambda quarters: quarters / 4)
TESTS = st.lists(st.tuples(MINUTES, st.frozensets(st.integers(0, 7), max_size=5)), max_size=9)


@settings(max_examples=400, deadline=None)
@given(TESTS, st.lists(st.integers(0, 9), min_size=8, max_size=8), MINUTES)
def test_the_search_finds_the_best_of_all_sets(
    drawn: list[tuple[float, frozenset[int]]], weights: list[int], minutes: float
) -> None:
    """An order by yield per minute alone is no optimum; the search must be one."""
    tests = [SecurityTest(f"t{n}", cost, grounds) for n, (cost, grounds) in enumerate(drawn)]
    best = 0
    for size in range(len(tests) + 1):
        for chosen in combinations(tests, size):
            if sum(one.minutes for one in chosen) <= minutes:
                covered = frozenset().union(*(one.grounds for one in chosen))
                best = max(best, sum(weights[ground] for ground in covered))
    found = best_set(tests, [float(weight) for weight in weights], minutes)
    covered = frozenset().union(*(tests[n].grounds for n in found))
    assert sum(tests[n].minutes for n in found) <= minutes
    assert sum(weights[ground] for ground in covered) == best


def test_what_others_find_already_is_worth_nothing() -> None:
    """After FindSecBugs, Semgrep adds nothing on the OWASP Benchmark for Java, whatever it finds alone."""
    plan = plan_tests(RunHistory(SCHEMA, start="java"), 60)
    assert [(one.test, one.inline) for one in plan.choices if one.inline] == [("findsecbugs", True)]
    assert plan.yield_inline == plan.yield_of_all == 1_370
    late = {one.test: one for one in plan.choices if not one.inline}
    assert late["semgrep"].marginal == 0
    python = plan_tests(RunHistory(SCHEMA, start="python"), 2)
    assert [(one.test, one.marginal) for one in python.choices] == [("bandit", 112), ("semgrep", 93)]


def test_few_minutes_take_the_cheapest_and_say_what_waits() -> None:
    """What is not tested until when is a part of the plan."""
    plan = plan_tests(RunHistory(SCHEMA, start="python", later={"semgrep": "tonight"}), 0.1)
    assert [(one.test, one.inline) for one in plan.choices] == [("bandit", True), ("semgrep", False)]
    assert "tonight" in plan.choices[1].why


def test_a_test_that_waits_longest_gets_its_turn() -> None:
    """What never runs has no data, and without data it never runs."""
    now = datetime(2026, 3, 2, tzinfo=UTC)
    runs = [
        Ran("often", now, 8.0, ("a", "b")),
        Ran("second", now, 2.0, ("c",)),
        Ran("rare", now - timedelta(days=90), 0.5, ()),
    ]
    plan = plan_tests(RunHistory(SCHEMA, tuple(runs)), 10.5)
    assert {one.test for one in plan.choices if one.inline} == {"often", "second", "rare"}
    without = plan_tests(RunHistory(SCHEMA, tuple(runs)), 2.0)
    assert [one.test for one in without.choices if one.inline] == ["second"]


@pytest.mark.parametrize("minutes", [0.0, 1e-9])
def test_no_minutes_run_nothing(minutes: float) -> None:
    """An empty pipeline is a plan, too, and says what it leaves out."""
    plan = plan_tests(RunHistory(SCHEMA, start="java"), minutes)
    assert not any(one.inline for one in plan.choices)
    assert plan.used_minutes == 0
