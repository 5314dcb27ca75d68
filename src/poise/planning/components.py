"""What pairs connect, directly or through others."""

from __future__ import annotations

import numpy as np

from poise.planning.problem import Ints


def lowest_connected(count: int, a: Ints, b: Ints) -> Ints:
    """Return for each of ``count`` items the lowest one that the pairs ``(a[i], b[i])`` connect it to."""
    label = np.arange(count, dtype=np.int64)
    while True:
        least = label.copy()
        np.minimum.at(least, a, label[b])
        np.minimum.at(least, b, label[a])
        least = least[least]
        if np.array_equal(least, label):
            return label
        label = least
