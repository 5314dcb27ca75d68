"""Caps put together row by row: what callers write, and what a problem holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from poise.planning.problem import Caps, Floats, Ints


@dataclass(frozen=True)
class CapRow:
    """One row of :class:`~poise.planning.problem.Caps`, in its symbols.

    Parameters
    ----------
    limit
        In the row's own unit, >= 0.
    units
        Each a set of slots and what it adds, once, when any of them is open.
    shares
        Changes and the share of their exposure that counts.
    kept_window, move_amount
        Shape ``(J,)``: the plan to stay near, and what a move away from it adds; both or none.
    """

    limit: float
    units: tuple[tuple[Ints, float], ...] = ()
    shares: tuple[Ints, Floats] | None = None
    kept_window: Ints | None = None
    move_amount: Floats | None = None


def join_caps(rows: Sequence[CapRow], num_changes: int) -> Caps:
    """Return the rows as the arrays of a problem with so many changes."""
    units = [(number, slots, amount) for number, row in enumerate(rows) for slots, amount in row.units]
    nothing = (np.zeros(0, dtype=np.int64), np.zeros(0))
    shares = [row.shares if row.shares is not None else nothing for row in rows]
    moves = [
        (number, row.kept_window, row.move_amount)
        for number, row in enumerate(rows)
        if row.kept_window is not None and row.move_amount is not None
    ]
    return Caps(
        limit=np.array([row.limit for row in rows], dtype=np.float64),
        unit_ptr=_pointers([len(slots) for _, slots, _ in units]),
        unit_slot=_join([slots for _, slots, _ in units]),
        unit_row=np.array([number for number, _, _ in units], dtype=np.int64),
        unit_amount=np.array([amount for _, _, amount in units], dtype=np.float64),
        share_ptr=_pointers([len(changes) for changes, _ in shares]),
        share_change=_join([changes for changes, _ in shares]),
        share=np.concatenate([share for _, share in shares]) if shares else np.zeros(0),
        move_row=np.array([number for number, _, _ in moves], dtype=np.int64),
        kept_window=np.array([kept for _, kept, _ in moves], dtype=np.int64).reshape(len(moves), num_changes),
        move_amount=np.array([amount for _, _, amount in moves]).reshape(len(moves), num_changes),
    )


def _pointers(sizes: Sequence[int]) -> Ints:
    return np.concatenate(([0], np.cumsum(sizes, dtype=np.int64))).astype(np.int64)


def _join(parts: Sequence[Ints]) -> Ints:
    return np.concatenate(parts).astype(np.int64) if parts else np.zeros(0, dtype=np.int64)
