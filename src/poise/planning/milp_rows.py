"""Rows of a linear program under construction."""

from __future__ import annotations

from dataclasses import dataclass, field

from poise.planning.problem import Floats, Ints


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
