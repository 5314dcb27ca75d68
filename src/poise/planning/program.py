"""A linear program over binary columns, and its rows under construction."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np
import numpy.typing as npt

from poise.planning.problem import Floats, Ints


@dataclass(frozen=True)
class Program:
    """``min cost @ v`` with ``row_lower <= A v <= row_upper`` over binary ``v``, for two costs.

    Parameters
    ----------
    exposure, disruption
        Costs of each column [money]; exposure includes late cost, both are relative to doing nothing.
    exposure_of_nothing, disruption_of_nothing
        Costs of ``v = 0`` [money].
    start, column, value
        ``A`` by rows; shape of the first ``(rows + 1,)``.
    row_lower, row_upper
        Shape ``(rows,)``.
    """

    exposure: Floats
    disruption: Floats
    exposure_of_nothing: float
    disruption_of_nothing: float
    start: Ints
    column: Ints
    value: Floats
    row_lower: Floats
    row_upper: Floats

    @property
    def num_columns(self) -> int:
        """Return the number of columns."""
        return len(self.exposure)

    @property
    def entry_row(self) -> Ints:
        """Return the row of each entry of ``column`` and ``value``."""
        return np.repeat(np.arange(len(self.row_upper)), np.diff(self.start))

    def with_rows(self, row: Ints, column: Ints, value: Floats, lower: Floats, upper: Floats) -> Self:
        """Return the program with more rows: triples of them, numbered from 0, and their bounds."""
        order = np.lexsort((column, row))
        ends = np.searchsorted(row[order], np.arange(1, len(upper) + 1))
        return replace(
            self,
            start=np.concatenate((self.start, self.start[-1] + ends)),
            column=np.concatenate((self.column, column[order])),
            value=np.concatenate((self.value, value[order])),
            row_lower=np.concatenate((self.row_lower, lower)),
            row_upper=np.concatenate((self.row_upper, upper)),
        )

    def with_row(self, value: Floats, lower: float, upper: float) -> Self:
        """Return the program with one more row, of a value for each column."""
        column = np.flatnonzero(value)
        first = np.zeros(len(column), dtype=np.int64)
        return self.with_rows(first, column, value[column], np.array([lower]), np.array([upper]))

    def restricted(self, is_free: npt.NDArray[np.bool_], values: Floats) -> Program:
        """Return the program over the free columns, the others held at their values."""
        row = self.entry_row
        held = np.bincount(row, self.value * np.where(is_free, 0.0, values)[self.column], len(self.row_upper))
        kept = is_free[self.column]
        count = np.bincount(row[kept], minlength=len(self.row_upper))
        rows = np.flatnonzero(count)
        number = np.cumsum(is_free) - 1
        fixed = np.where(is_free, 0.0, values)
        return Program(
            exposure=self.exposure[is_free],
            disruption=self.disruption[is_free],
            exposure_of_nothing=self.exposure_of_nothing + float(self.exposure @ fixed),
            disruption_of_nothing=self.disruption_of_nothing + float(self.disruption @ fixed),
            start=np.concatenate(([0], np.cumsum(count[rows]))),
            column=number[self.column[kept]],
            value=self.value[kept],
            row_lower=(self.row_lower - held)[rows],
            row_upper=(self.row_upper - held)[rows],
        )


@dataclass
class Rows:
    """Blocks of (row, column, value) triples with the bounds of their rows."""

    count: int = 0
    triples: list[tuple[Ints, Ints, Floats]] = field(default_factory=list)
    lower: list[Floats] = field(default_factory=list)
    upper: list[Floats] = field(default_factory=list)

    def add(self, row: Ints, column: Ints, value: Floats, lower: Floats, upper: Floats) -> None:
        """Add a block whose rows are numbered from 0."""
        self.triples.append((row + self.count, column, value))
        self.lower.append(lower)
        self.upper.append(upper)
        self.count += len(upper)
