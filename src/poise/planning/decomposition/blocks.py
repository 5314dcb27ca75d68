"""Clusters dealt into blocks that share no team, to be worked on at the same time."""

from __future__ import annotations

import numpy as np

from poise.planning.decomposition.columns import Groups
from poise.planning.decomposition.menu import Clusters
from poise.planning.problem import Ints

#: Teams are dealt into this many blocks per round, whatever the number of threads.
BLOCKS = 4


def deal(groups: Groups, clusters: Clusters, random: np.random.Generator, *, joint: bool) -> list[Ints]:
    """Return the clusters of each block; those whose teams fall into two blocks are left out.

    Parameters
    ----------
    joint
        Whether all teams form one block, so that nothing is left out.
    """
    teams = len(groups.capacity)
    block_of_team = np.zeros(teams, dtype=np.int64)
    if not joint and teams > 1:
        block_of_team[random.permutation(teams)] = np.arange(teams) % BLOCKS
    block = block_of_team[groups.team]
    low = np.full(len(clusters.ptr) - 1, BLOCKS)
    high = np.full(len(clusters.ptr) - 1, -1)
    np.minimum.at(low, clusters.of_group, block)
    np.maximum.at(high, clusters.of_group, block)
    dealt = [np.flatnonzero((low == b) & (high == b)) for b in range(BLOCKS)]
    return [members for members in dealt if len(members)]
