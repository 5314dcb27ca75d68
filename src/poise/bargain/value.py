"""What is proven about a least cost, and a table of it over sets of limits."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

#: Limits by id; a set of them is what must hold.
Limits = frozenset[str]


@dataclass(frozen=True, slots=True)
class Value:
    """A least cost that lies between ``bound`` and ``best`` [money].

    Parameters
    ----------
    bound
        Proven: nothing costs less. ``inf`` when it is proven that nothing meets the limits.
    best
        Cost of the best that was found; ``inf`` when nothing was.
    witness
        What costs ``best``, for whoever asked.
    """

    bound: float
    best: float
    witness: Any = None

    @property
    def is_impossible(self) -> bool:
        """Return whether it is proven that nothing meets the limits."""
        return math.isinf(self.bound)

    @property
    def is_known(self) -> bool:
        """Return whether something that meets the limits was found."""
        return math.isfinite(self.best)


#: The least cost under these limits; the second argument is the best witness known, which meets them all.
Solve = Callable[[Limits, Any], Value]


@dataclass
class ValueTable:
    """Least costs over sets of limits, each solved once.

    Fewer limits never cost more. So whatever meets a set of limits meets every part of it, and no
    set costs less than a part of it: every value found narrows the others.

    Parameters
    ----------
    solve
        Must be safe to call from several threads.
    threads
        Solves at the same time, >= 1; does not change the values.
    """

    solve: Solve
    threads: int = 1
    _found: dict[Limits, Value] = field(default_factory=dict)

    def prepare(self, sets: Iterable[Limits]) -> None:
        """Solve these sets, those of most limits first, so that the others start from what is found."""
        todo = sorted(
            dict.fromkeys(s for s in sets if s not in self._found), key=lambda s: (-len(s), sorted(s))
        )
        while todo:
            size = len(todo[0])
            level = [limits for limits in todo if len(limits) == size]
            todo = todo[len(level) :]
            with ThreadPoolExecutor(max(1, self.threads)) as executor:
                starts = [self._best_within(limits) for limits in level]
                for limits, value in zip(level, executor.map(self.solve, level, starts), strict=True):
                    self._found[limits] = value

    def __getitem__(self, limits: Limits) -> Value:
        """Return the least cost under these limits, as narrow as all that was solved makes it."""
        self.prepare([limits])
        value = self._found[limits]
        best, witness, bound = value.best, value.witness, value.bound
        for other, known in self._found.items():
            if other >= limits and known.best < best:
                best, witness = known.best, known.witness
            if other <= limits and known.bound > bound:
                bound = known.bound
        return Value(bound if math.isinf(bound) else min(bound, best), best, witness)

    def _best_within(self, limits: Limits) -> Any:
        """Return the best witness that is known to meet these limits; None without one."""
        within = [known for other, known in self._found.items() if other >= limits and known.is_known]
        return min(within, key=lambda known: known.best).witness if within else None

    @property
    def found(self) -> Mapping[Limits, Value]:
        """Return every value solved so far."""
        return dict(self._found)
