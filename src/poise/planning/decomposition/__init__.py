"""Plans of any size by prices: a Lagrangian decomposition with a proven bound.

``solve`` in :mod:`.lagrangian` is the whole of it; ``warm_up`` compiles its kernels ahead of time.
"""

from __future__ import annotations

from poise.planning.decomposition.lagrangian import PricedSolution, solve
from poise.planning.decomposition.prices import Prices
from poise.planning.decomposition.rounds import PartResult, Progress
from poise.planning.decomposition.warm_up import warm_up

__all__ = ["PartResult", "PricedSolution", "Prices", "Progress", "solve", "warm_up"]
