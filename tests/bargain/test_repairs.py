"""Repairs against every set of limits there is."""

from __future__ import annotations

import math
from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from bargain.worlds import World, hash_of, random_world
from poise.bargain.repairs import find_repairs
from poise.bargain.value import Limits

seeds = st.integers(0, 10**6)


def all_repairs(world: World) -> set[Limits]:
    """Return every smallest set whose giving way makes the others possible, by trying all sets."""
    every = frozenset(world.limits)
    sets = [frozenset(s) for size in range(len(every) + 1) for s in combinations(world.limits, size)]
    works = [s for s in sets if math.isfinite(world.least(every - s))]
    return {s for s in works if not any(part < s for part in works)}


@given(seeds, st.booleans())
@settings(max_examples=400, deadline=None)
def test_all_smallest_repairs_are_found_and_no_others(seed: int, weighed: bool) -> None:
    """Each listed repair is feasible and minimal, none is missing, and the least give comes first."""
    world = random_world(seed)
    give = {limit: 1.0 + hash_of(limit) % 3 for limit in world.limits} if weighed else None
    found = find_repairs(world.limits, lambda kept: math.isfinite(world.least(kept)), give=give)
    if math.isinf(world.least(frozenset())):
        assert found.repairs == ()
        assert not found.is_complete
        return
    assert set(found.repairs) == all_repairs(world)
    assert len(found.repairs) == len(set(found.repairs))
    assert found.is_complete
    totals = [sum((give or {}).get(limit, 1.0) for limit in repair) for repair in found.repairs]
    assert totals == sorted(totals)
    for conflict in found.conflicts:
        assert math.isinf(world.least(conflict))
        assert all(math.isfinite(world.least(conflict - {limit})) for limit in conflict)


@given(seeds)
@settings(max_examples=200, deadline=None)
def test_what_cannot_be_decided_is_never_listed(seed: int) -> None:
    """A repair is a plan in hand; a conflict is a proof. Doubt makes the list incomplete, not wrong."""
    world = random_world(seed)

    def doubtful(kept: Limits) -> bool | None:
        if (seed + sum(3 ** hash_of(limit) for limit in kept)) % 4 == 0:
            return None
        return math.isfinite(world.least(kept))

    found = find_repairs(world.limits, doubtful)
    for repair in found.repairs:
        assert math.isfinite(world.least(frozenset(world.limits) - repair))
    for conflict in found.conflicts:
        assert math.isinf(world.least(conflict))
    if found.is_complete:
        assert set(found.repairs) == all_repairs(world)


@given(seeds)
@settings(max_examples=200, deadline=None)
def test_looking_less_hard_for_small_conflicts_loses_no_repair(seed: int) -> None:
    """Conflicts may then be larger than they need be, but every one is hit by the same repairs."""
    world = random_world(seed)
    asked: list[Limits] = []

    def is_feasible(kept: Limits) -> bool:
        asked.append(kept)
        return math.isfinite(world.least(kept))

    def is_proven(kept: Limits) -> bool | None:
        known = math.isfinite(world.least(kept))
        return None if (seed + sum(3 ** hash_of(limit) for limit in kept)) % 3 == 0 else known

    found = find_repairs(world.limits, is_feasible, is_proven=is_proven)
    if math.isfinite(world.least(frozenset())):
        assert set(found.repairs) == all_repairs(world)
        assert found.is_complete
    assert all(math.isinf(world.least(conflict)) for conflict in found.conflicts)
    assert len(asked) == len(set(asked))


def test_nothing_gives_way_where_all_holds() -> None:
    """Limits that hold together need the empty repair only."""
    assert find_repairs(("L0", "L1"), lambda _: True).repairs == (frozenset(),)
