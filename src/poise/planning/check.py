"""Judging a problem's arrays before anything is computed from them."""

from __future__ import annotations

from collections.abc import Iterator
from operator import attrgetter

import numpy as np
import numpy.typing as npt

from poise.errors import Fault, ModelError
from poise.planning.problem import TIME_TOLERANCE_DAYS, Problem

#: Dimensions of every array, in the symbols of :mod:`poise.planning.problem`.
_SHAPES: dict[str, tuple[str, ...]] = {
    "window_start_days": ("W",),
    "window_end_days": ("W",),
    "group_team": ("G",),
    "capacity_minutes": ("P", "W"),
    "slot_ptr": ("G+1",),
    "slot_window": ("S",),
    "slot_cost": ("S",),
    "slot_labour_minutes": ("S",),
    "change_ptr": ("G+1",),
    "release_days": ("J",),
    "available_days": ("J",),
    "exposure_per_day": ("J",),
    "deferral_cost_per_day": ("J",),
    "change_cost": ("J",),
    "early_cost": ("J",),
    "labour_minutes": ("J",),
    "due_days": ("J",),
    "late_cost": ("J",),
    "hard_due": ("J",),
    "link_before": ("K",),
    "link_after": ("K",),
    "link_soak_days": ("K",),
    "exclusion_a": ("X",),
    "exclusion_b": ("X",),
    "caps.limit": ("R",),
    "caps.unit_ptr": ("U+1",),
    "caps.unit_slot": ("N",),
    "caps.unit_row": ("U",),
    "caps.unit_amount": ("U",),
    "caps.share_ptr": ("R+1",),
    "caps.share_change": ("A",),
    "caps.share": ("A",),
    "caps.move_row": ("M",),
    "caps.kept_window": ("M", "J"),
    "caps.move_amount": ("M", "J"),
}
_INDEX_ARRAYS = (
    "group_team",
    "slot_ptr",
    "slot_window",
    "change_ptr",
    "link_before",
    "link_after",
    "exclusion_a",
    "exclusion_b",
    "caps.unit_ptr",
    "caps.unit_slot",
    "caps.unit_row",
    "caps.share_ptr",
    "caps.share_change",
    "caps.move_row",
    "caps.kept_window",
)
_FLOAT_ARRAYS = tuple(name for name in _SHAPES if name not in (*_INDEX_ARRAYS, "hard_due"))
_NOT_NEGATIVE = (
    "capacity_minutes",
    "slot_cost",
    "slot_labour_minutes",
    "exposure_per_day",
    "deferral_cost_per_day",
    "change_cost",
    "early_cost",
    "labour_minutes",
    "late_cost",
    "link_soak_days",
    "caps.limit",
    "caps.unit_amount",
    "caps.share",
    "caps.move_amount",
)


def check(problem: Problem) -> None:
    """Raise when the arrays of a problem contradict each other or its documentation.

    Later checks read what earlier ones have vouched for, so they run in three rounds (types and
    shapes, then values, then how the values hang together); all faults of a round are told at once.

    Raises
    ------
    ModelError
        E300-E311, one fault per array and kind with the first place and how many there are.
    """
    for round_of_checks in (_forms, _values, _relations):
        faults = list(round_of_checks(problem))
        if faults:
            raise ModelError(faults)


def _forms(problem: Problem) -> Iterator[Fault]:
    sizes = {
        "W": np.size(problem.window_end_days),
        "G": np.size(problem.group_team),
        "G+1": np.size(problem.group_team) + 1,
        "P": np.shape(problem.capacity_minutes)[0] if np.ndim(problem.capacity_minutes) else 0,
        "S": np.size(problem.slot_window),
        "J": np.size(problem.release_days),
        "K": np.size(problem.link_before),
        "X": np.size(problem.exclusion_a),
        "R": np.size(problem.caps.limit),
        "R+1": np.size(problem.caps.limit) + 1,
        "U": np.size(problem.caps.unit_row),
        "U+1": np.size(problem.caps.unit_row) + 1,
        "N": np.size(problem.caps.unit_slot),
        "A": np.size(problem.caps.share_change),
        "M": np.size(problem.caps.move_row),
    }
    latest = problem.latest_days
    if latest is not None and np.shape(latest) != (sizes["J"],):
        text = f"has shape {np.shape(latest)}; expected {(sizes['J'],)}, that is (J)."
        yield Fault("E300", "problem.latest_days", text)
    for name, dims in _SHAPES.items():
        array = attrgetter(name)(problem)
        if "M" in dims and not sizes["M"]:
            continue
        expected = tuple(sizes[dim] for dim in dims)
        if np.shape(array) != expected:
            text = f"has shape {np.shape(array)}; expected {expected}, that is ({', '.join(dims)})."
            yield Fault("E300", f"problem.{name}", text)
        wanted = np.int64 if name in _INDEX_ARRAYS else np.bool_ if name == "hard_due" else np.float64
        dtype = np.asarray(array).dtype
        if dtype != wanted:
            yield Fault("E301", f"problem.{name}", f"holds {dtype}; expected {np.dtype(wanted)}.")


def _values(problem: Problem) -> Iterator[Fault]:
    for name in ("horizon_days", "settle_days"):
        number = float(getattr(problem, name))
        if not (np.isfinite(number) and number > 0):
            yield Fault("E302", f"problem.{name}", f"is {number}; expected a finite number above 0.")
    for name in _FLOAT_ARRAYS:
        array = attrgetter(name)(problem)
        bad = np.isnan(array) if name == "due_days" else ~np.isfinite(array)
        yield from _first(bad, "E302", name, array, "expected a finite number")
        if name in _NOT_NEGATIVE:
            yield from _first(array < 0, "E303", name, array, "expected at least 0")
    yield from _pointers("slot_ptr", problem.slot_ptr, problem.num_slots)
    yield from _pointers("change_ptr", problem.change_ptr, problem.num_changes)
    caps = problem.caps
    yield from _pointers("caps.unit_ptr", caps.unit_ptr, len(caps.unit_slot))
    yield from _pointers("caps.share_ptr", caps.share_ptr, len(caps.share_change))
    yield from _indices(problem)


def _indices(problem: Problem) -> Iterator[Fault]:
    for name, limit in (
        ("group_team", problem.num_teams),
        ("slot_window", problem.num_windows),
        ("link_before", problem.num_changes),
        ("link_after", problem.num_changes),
        ("exclusion_a", problem.num_groups),
        ("exclusion_b", problem.num_groups),
        ("caps.unit_slot", problem.num_slots),
        ("caps.unit_row", problem.caps.num_rows),
        ("caps.share_change", problem.num_changes),
        ("caps.move_row", problem.caps.num_rows),
    ):
        array = attrgetter(name)(problem)
        yield from _first((array < 0) | (array >= limit), "E307", name, array, f"expected 0 to {limit - 1}")
    kept = problem.caps.kept_window
    outside = (kept < -1) | (kept >= problem.num_windows)
    expected = f"expected -1 for never, or 0 to {problem.num_windows - 1}"
    yield from _first(outside, "E307", "caps.kept_window", kept, expected)


def _relations(problem: Problem) -> Iterator[Fault]:
    start, end = problem.window_start_days, problem.window_end_days
    yield from _first(end <= start, "E305", "window_end_days", end, "expected an end after the start")
    back = np.concatenate(([False], np.diff(end) < 0))[: len(end)]
    yield from _first(back, "E305", "window_end_days", end, "expected windows sorted by their end")
    past = end > problem.horizon_days + TIME_TOLERANCE_DAYS
    horizon = f"expected at most horizon_days, {problem.horizon_days:g}"
    yield from _first(past, "E310", "window_end_days", end, horizon)
    release, available = problem.release_days, problem.available_days
    past = release > problem.horizon_days + TIME_TOLERANCE_DAYS
    yield from _first(past, "E310", "release_days", release, horizon)
    soon = available > release + TIME_TOLERANCE_DAYS
    yield from _first(soon, "E310", "available_days", available, "expected at most release_days")
    if problem.latest_days is not None:
        never = np.isnan(problem.latest_days)
        yield from _first(
            never, "E302", "latest_days", problem.latest_days, "expected a day, or inf for none"
        )
    yield from _slot_order(problem)
    endless = problem.hard_due & ~np.isfinite(problem.due_days)
    yield from _first(endless, "E311", "hard_due", problem.due_days, "expected a due date")
    same = problem.exclusion_a == problem.exclusion_b
    yield from _first(same, "E309", "exclusion_a", problem.exclusion_a, "expected two different groups")
    circle = _in_a_circle(problem)
    hint = "a ring of stages must end somewhere: remove one of these links."
    yield from _first(
        circle, "E308", "link_after", problem.link_after, "this change waits for itself", hint=hint
    )


def _pointers(name: str, ptr: npt.NDArray[np.int64], total: int) -> Iterator[Fault]:
    if ptr[0] != 0 or ptr[-1] != total:
        text = f"runs from {ptr[0]} to {ptr[-1]}; expected 0 to {total}."
        yield Fault("E304", f"problem.{name}", text)
    falls = np.concatenate(([False], np.diff(ptr) < 0))
    yield from _first(falls, "E304", name, ptr, "expected numbers that never fall")


def _slot_order(problem: Problem) -> Iterator[Fault]:
    stuck = np.zeros(problem.num_slots, dtype=bool)
    stuck[1:] = np.diff(problem.slot_window) <= 0
    firsts = problem.slot_ptr[:-1]
    stuck[firsts[firsts < problem.num_slots]] = False
    expected = "expected a later window than the group's slot before it"
    yield from _first(stuck, "E306", "slot_window", problem.slot_window, expected)


def _in_a_circle(problem: Problem) -> npt.NDArray[np.bool_]:
    """Return, per link, whether it lies on a circle or between two: what peeling off free ends leaves."""
    left = np.ones(len(problem.link_before), dtype=bool)
    while left.any():
        waits = np.zeros(problem.num_changes, dtype=bool)
        waits[problem.link_after[left]] = True
        precedes = np.zeros(problem.num_changes, dtype=bool)
        precedes[problem.link_before[left]] = True
        kept = left & waits[problem.link_before] & precedes[problem.link_after]
        if kept.sum() == left.sum():
            break
        left = kept
    return left


def _first(
    bad: npt.NDArray[np.bool_],
    id_: str,
    name: str,
    array: npt.NDArray[np.generic],
    expected: str,
    *,
    hint: str = "",
) -> Iterator[Fault]:
    """Yield one fault for the first marked entry, saying how many more there are."""
    count = int(bad.sum())
    if not count:
        return
    place = np.unravel_index(int(np.argmax(bad)), bad.shape)
    where = f"problem.{name}[{', '.join(str(int(i)) for i in place)}]"
    more = "" if count == 1 else f" ({count - 1} more like it)"
    yield Fault(id_, where, f"is {array[place]}; {expected}{more}.", hint)
