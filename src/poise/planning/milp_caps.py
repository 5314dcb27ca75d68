"""Caps on amounts of the whole plan, as rows of the program (:class:`~poise.planning.problem.Caps`).

Moves need no columns of their own: a change is moved unless it takes the choice that keeps its window.
So a row's amount is linear in the choices, the open slots and the units of several slots.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from poise.planning.choices import Choices
from poise.planning.problem import Caps, Floats, Ints, Problem
from poise.planning.program import Rows

#: A row in the program lies this much above its limit, of the limit or of one: sums may round.
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Units:
    """The units of caps that the program's slots can use.

    Units of one slot are that slot's column; the others get ``count`` columns of their own.

    Parameters
    ----------
    slot, unit
        Every (place among the program's slots, own column) pair; shape ``(N,)``.
    count
        Units with a column of their own.
    row, column, amount
        What uses what: column ``column`` adds ``amount`` to ``row``. A column is counted from the first
        slot, those of units following the slots.
    """

    slot: Ints
    unit: Ints
    count: int
    row: Ints
    column: Ints
    amount: Floats

    def used_by(self, opened: Ints) -> Ints:
        """Return the own columns, counted from 0, of the units that these open slots use."""
        return np.unique(self.unit[np.isin(self.slot, opened)])


def list_units(caps: Caps, open_slot: Ints) -> Units:
    """Return the units that can be used at all, given the slots of the program, sorted."""
    unit = caps.entry_unit
    place = np.searchsorted(open_slot, caps.unit_slot)
    known = np.flatnonzero(np.append(open_slot, -1)[place] == caps.unit_slot)
    pairs = np.unique(np.stack((unit[known], place[known]), axis=1), axis=0)
    unit, place = pairs[:, 0], pairs[:, 1]
    used, size = np.unique(unit, return_counts=True)
    single = np.isin(unit, used[size == 1])
    several = used[size > 1]
    own = np.searchsorted(several, unit[~single])
    counted = np.concatenate((unit[single], several))
    return Units(
        slot=place[~single],
        unit=own,
        count=len(several),
        row=caps.unit_row[counted],
        column=np.concatenate((place[single], len(open_slot) + np.arange(len(several)))),
        amount=caps.unit_amount[counted],
    )


def add_unit_minutes(rows: Rows, problem: Problem, choices: Choices, open_slot: Ints, units: Units) -> None:
    """Add each team's minutes of each window within a unit: what is done there is done in a unit that counts.

    Implied by ``y <= z`` for whole units, not for parts of them: half a weekend has half its minutes.
    """
    first, slots = len(choices.change), len(open_slot)
    place = np.concatenate((np.searchsorted(open_slot, choices.slot), np.arange(slots)))
    minutes = np.concatenate((problem.labour_minutes[choices.change], problem.slot_labour_minutes[open_slot]))
    by_place = np.argsort(place, kind="stable")
    begin = np.searchsorted(place[by_place], np.arange(slots + 1))
    size = np.diff(begin)[units.slot]
    pair = np.repeat(np.arange(len(units.slot)), size)
    offset = np.arange(len(pair)) - np.repeat(np.cumsum(size) - size, size)
    column = by_place[begin[units.slot[pair]] + offset]
    group, window = problem.slot_group[open_slot], problem.slot_window[open_slot]
    capacity = problem.capacity_minutes.ravel()
    cell = (problem.group_team[group] * problem.num_windows + window)[units.slot]
    key, part = np.unique(units.unit * len(capacity) + cell, return_inverse=True)
    most = capacity[key % len(capacity)]
    tight = np.bincount(part[pair], minutes[column], len(key)) > most
    number = np.cumsum(tight) - 1
    kept = np.flatnonzero(tight[part[pair]] & (minutes[column] > 0))
    row, scale = part[pair[kept]], np.maximum(most, 1.0)
    own = np.flatnonzero(tight)
    rows.add(
        np.concatenate((number[row], number[own])),
        np.concatenate((column[kept], first + slots + key[own] // len(capacity))),
        np.concatenate((minutes[column[kept]] / scale[row], -most[own] / scale[own])),
        np.full(len(own), -np.inf),
        np.zeros(len(own)),
    )


def add_caps(rows: Rows, problem: Problem, choices: Choices, units: Units, num_slots: int) -> None:
    """Add ``y <= z`` of every slot in a unit, and one row per cap, in units of its limit."""
    caps = problem.caps
    if not caps.num_rows:
        return
    first = len(choices.change)
    each = np.arange(len(units.slot))
    rows.add(
        np.repeat(each, 2),
        first + np.stack((units.slot, num_slots + units.unit), axis=1).ravel(),
        np.tile([1.0, -1.0], len(each)),
        np.full(len(each), -np.inf),
        np.zeros(len(each)),
    )
    row, column, value, constant = _amounts(problem, choices, units)
    unit = np.maximum(1.0, caps.limit)
    rows.add(
        row,
        column,
        value / unit[row],
        np.full(caps.num_rows, -np.inf),
        (caps.limit - constant) / unit + _ROUNDING,
    )


def _amounts(problem: Problem, choices: Choices, units: Units) -> tuple[Ints, Ints, Floats, Floats]:
    """Return (row, column, value) of all caps, each pair once, and each row's amount of doing nothing."""
    caps = problem.caps
    # An amount far above its limit rules its column out; more than that would only spoil the numbers.
    most = 2.0 * np.maximum(1.0, caps.limit)
    constant = np.zeros(caps.num_rows)
    parts = [(units.row, len(choices.change) + units.column, np.minimum(units.amount, most[units.row]))]
    share_row = caps.share_row
    per_day = caps.share * problem.exposure_per_day[caps.share_change]
    never = problem.horizon_days - problem.release_days[caps.share_change]
    np.add.at(constant, share_row, per_day * never)
    entry, choice = _choices_of(choices, caps.share_change)
    saved_days = problem.horizon_days - problem.window_end_days[choices.window[choice]]
    parts.append((share_row[entry], choice, -per_day[entry] * saved_days))
    for row, kept, amount in zip(caps.move_row, caps.kept_window, caps.move_amount, strict=True):
        amount = np.minimum(amount, most[row])
        was_done = kept >= 0
        constant[row] += amount[was_done].sum()
        keeps = choices.window == kept[choices.change]
        sign = np.where(keeps, -1.0, np.where(was_done[choices.change], 0.0, 1.0))
        counted = np.flatnonzero((sign != 0) & (amount[choices.change] > 0))
        parts.append((np.full(len(counted), row), counted, sign[counted] * amount[choices.change[counted]]))
    row, column, value = (np.concatenate(part) for part in zip(*parts, strict=True))
    width = int(column.max(initial=0)) + 1
    key, place = np.unique(row * width + column, return_inverse=True)
    return key // width, key % width, np.bincount(place, value, len(key)).astype(np.float64), constant


def _choices_of(choices: Choices, change: Ints) -> tuple[Ints, Ints]:
    """Return every (place in the list, choice) of these changes."""
    size = np.diff(choices.ptr)[change]
    entry = np.repeat(np.arange(len(change)), size)
    offset = np.arange(len(entry)) - np.repeat(np.cumsum(size) - size, size)
    return entry, choices.ptr[change[entry]] + offset
