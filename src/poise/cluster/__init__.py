"""The same plans, computed by several processes or machines on Ray (``pip install 'poise[cluster]'``).

::

    with poise.cluster.connect() as cluster:
        solution = cluster.solve(problem, 1.0, steps=40)

Nothing about a plan depends on where its parts are worked on: the same problem, seed and steps give
the same plan as :func:`poise.planning.decomposition.solve` does in one process. What a lost machine was
working on is computed again elsewhere.
"""

from __future__ import annotations

from poise.cluster.connection import ADDRESS_VARIABLE, Cluster, connect

__all__ = ["ADDRESS_VARIABLE", "Cluster", "connect"]
