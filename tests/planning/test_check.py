"""Arrays that contradict each other are told apart, all at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from poise.errors import ModelError
from poise.planning.caps import CapRow, join_caps
from poise.planning.check import check
from poise.planning.generate import generate
from poise.planning.problem import Problem

GOOD = generate("S", 1, links=0.3, exclusions=0.1)
CAPS = join_caps(
    [
        CapRow(2.0, units=((np.array([0, 1]), 1.0),)),
        CapRow(3.0, shares=(np.array([1]), np.array([0.5]))),
        CapRow(
            1.0,
            kept_window=np.full(GOOD.num_changes, -1, dtype=np.int64),
            move_amount=np.ones(GOOD.num_changes),
        ),
    ],
    GOOD.num_changes,
)


def capped(**changes: np.ndarray) -> Problem:
    return replace(GOOD, caps=replace(CAPS, **changes))


def changed(array: np.ndarray, place: object, value: object) -> np.ndarray:
    copy = array.copy()
    copy[place] = value
    return copy


def ids(problem: Problem) -> list[str]:
    with pytest.raises(ModelError) as caught:
        check(problem)
    return [fault.id for fault in caught.value.faults]


FAULTS: dict[str, tuple[str, Callable[[], Problem]]] = {
    "short array": ("E300", lambda: replace(GOOD, due_days=GOOD.due_days[:-1])),
    "flat capacity": ("E300", lambda: replace(GOOD, capacity_minutes=GOOD.capacity_minutes.ravel())),
    "integers as floats": ("E301", lambda: replace(GOOD, slot_window=GOOD.slot_window.astype(float))),
    "small integers": ("E301", lambda: replace(GOOD, group_team=GOOD.group_team.astype(np.int32))),
    "NaN": ("E302", lambda: replace(GOOD, release_days=changed(GOOD.release_days, 5, np.nan))),
    "infinite": ("E302", lambda: replace(GOOD, slot_cost=changed(GOOD.slot_cost, 5, np.inf))),
    "NaN due date": ("E302", lambda: replace(GOOD, due_days=changed(GOOD.due_days, 5, np.nan))),
    "no time constant": ("E302", lambda: replace(GOOD, settle_days=0.0)),
    "negative": ("E303", lambda: replace(GOOD, labour_minutes=changed(GOOD.labour_minutes, 5, -1.0))),
    "falling pointer": ("E304", lambda: replace(GOOD, slot_ptr=changed(GOOD.slot_ptr, 5, 0))),
    "pointer past the end": ("E304", lambda: replace(GOOD, change_ptr=GOOD.change_ptr + 1)),
    "unsorted windows": (
        "E305",
        lambda: replace(
            GOOD,
            window_start_days=GOOD.window_start_days[::-1].copy(),
            window_end_days=GOOD.window_end_days[::-1].copy(),
        ),
    ),
    "window ends before it starts": (
        "E305",
        lambda: replace(GOOD, window_start_days=changed(GOOD.window_start_days, 5, 400.0)),
    ),
    "slots out of order": ("E306", lambda: replace(GOOD, slot_window=changed(GOOD.slot_window, 1, 0))),
    "team out of range": ("E307", lambda: replace(GOOD, group_team=changed(GOOD.group_team, 5, 4))),
    "link out of range": ("E307", lambda: replace(GOOD, link_after=changed(GOOD.link_after, 5, -1))),
    "circle": (
        "E308",
        lambda: replace(
            GOOD,
            link_before=np.append(GOOD.link_before, GOOD.link_after[0]),
            link_after=np.append(GOOD.link_after, GOOD.link_before[0]),
            link_soak_days=np.append(GOOD.link_soak_days, 1.0),
        ),
    ),
    "waits for itself": ("E308", lambda: replace(GOOD, link_after=GOOD.link_before.copy())),
    "excludes itself": ("E309", lambda: replace(GOOD, exclusion_a=GOOD.exclusion_b.copy())),
    "horizon before the last window": ("E310", lambda: replace(GOOD, horizon_days=10.0)),
    "fix older than its release": (
        "E310",
        lambda: replace(GOOD, available_days=changed(GOOD.available_days, 5, 300.0)),
    ),
    "cap without a limit": ("E300", lambda: capped(limit=CAPS.limit[:-1])),
    "moves of other changes": ("E300", lambda: capped(move_amount=CAPS.move_amount[:, :-1])),
    "cap's slots as floats": ("E301", lambda: capped(unit_slot=CAPS.unit_slot.astype(float))),
    "endless cap": ("E302", lambda: capped(limit=changed(CAPS.limit, 0, np.inf))),
    "negative share": ("E303", lambda: capped(share=-CAPS.share)),
    "units cut wrongly": ("E304", lambda: capped(unit_ptr=np.array([0, 3]))),
    "unit of no row": ("E307", lambda: capped(unit_row=np.array([3]))),
    "share of no change": ("E307", lambda: capped(share_change=np.array([GOOD.num_changes]))),
    "kept window of no window": ("E307", lambda: capped(kept_window=CAPS.kept_window - 1)),
    "hard without a date": (
        "E311",
        lambda: replace(GOOD, hard_due=changed(GOOD.hard_due, int(np.argmax(np.isinf(GOOD.due_days))), True)),
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_each_contradiction_has_its_id(name: str) -> None:
    """Whoever builds a problem must be told which array is wrong, not see a wrong plan."""
    expected, build = FAULTS[name]
    assert expected in ids(build())


def test_a_good_problem_passes() -> None:
    """The checks must not refuse what is right."""
    for size in ("tiny", "S", "M"):
        for seed in range(3):
            check(generate(size, seed, links=0.5, exclusions=0.2))


def test_all_faults_are_told_together() -> None:
    """Mending one fault per run would take as many runs as there are faults."""
    bad = replace(
        GOOD,
        slot_cost=changed(GOOD.slot_cost, slice(3, 6), -1.0),
        labour_minutes=changed(GOOD.labour_minutes, 7, np.nan),
    )
    with pytest.raises(ModelError, match=r"slot_cost\[3\].*\(2 more like it\)") as caught:
        check(bad)
    assert [fault.id for fault in caught.value.faults] == ["E303", "E302"]


def test_a_long_circle_is_found_and_a_long_chain_is_not_one() -> None:
    """Chains of any length are fine; only a way back is not."""
    num = 50
    before, after = np.arange(num), np.arange(1, num + 1)
    chain = replace(GOOD, link_before=before, link_after=after, link_soak_days=np.zeros(num))
    check(chain)
    circle = replace(chain, link_after=changed(after, num - 1, 0))
    assert ids(circle) == ["E308"]
