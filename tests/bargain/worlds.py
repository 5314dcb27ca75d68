"""Small worlds that list every plan, its costs and the limits it meets: what bargaining is judged by."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from poise.bargain.value import Limits, Value


@dataclass(frozen=True)
class World:
    """Plans by cost and by the limits that each of them breaks."""

    limits: tuple[str, ...]
    cost: tuple[float, ...]
    broken: tuple[Limits, ...]
    seed: int

    def least(self, kept: Limits) -> float:
        """Return the least cost under these limits; ``inf`` when no plan meets them."""
        return min(
            (cost for cost, broken in zip(self.cost, self.broken, strict=True) if not broken & kept),
            default=math.inf,
        )

    def exact(self, kept: Limits, _: object) -> Value:
        """Solve to proof."""
        return Value(self.least(kept), self.least(kept))

    def sloppy(self, kept: Limits, _: object) -> Value:
        """Solve with a bound too low and a plan too dear, as solvers out of time do."""
        random = np.random.default_rng([self.seed, *sorted(hash_of(limit) for limit in kept)])
        true = self.least(kept)
        if math.isinf(true):
            return Value(math.inf if random.random() < 0.7 else 0.0, math.inf)
        better = [cost for cost in self.cost if cost >= true]
        best = float(random.choice(better)) if random.random() < 0.9 else math.inf
        return Value(true * random.uniform(0.5, 1.0), best)


def hash_of(limit: str) -> int:
    """Return a number for a limit's name that is the same in every process."""
    return int(limit[1:])


def random_world(seed: int, *, most_limits: int = 5) -> World:
    """Make a world of a few limits and up to twelve plans; in some no plan meets all limits."""
    random = np.random.default_rng([seed, 3])
    limits = tuple(f"L{number}" for number in range(int(random.integers(1, most_limits + 1))))
    plans = int(random.integers(1, 13))
    broken = tuple(
        frozenset(limit for limit in limits if random.random() < random.choice([0.2, 0.5]))
        for _ in range(plans)
    )
    return World(limits, tuple(np.round(random.uniform(0, 100, plans), 1).tolist()), broken, seed)
