"""Random numbers inside kernels."""

from __future__ import annotations

import numpy as np

from poise.planning.decomposition.jit import kernel
from poise.planning.problem import Ints


@kernel
def draw(state: Ints) -> float:
    """Return the next number in [0, 1) of an xorshift generator (G. Marsaglia, 2003); its seed is not 0."""
    x = np.uint64(state[0])
    x ^= x << np.uint64(13)
    x ^= x >> np.uint64(7)
    x ^= x << np.uint64(17)
    state[0] = np.int64(x)
    return float(x >> np.uint64(11)) / 9007199254740992.0
