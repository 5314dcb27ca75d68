"""Taking changes out of a plan that asks more of the teams than they have."""

from __future__ import annotations

import numpy as np

from poise.planning.decomposition import columns as col
from poise.planning.decomposition.columns import Flags, Groups, Ints32, Links
from poise.planning.decomposition.jit import kernel
from poise.planning.problem import Floats, Ints


@kernel
def _loss(groups: Groups, links: Links, j: int, slot_of: Ints) -> float:
    """Return what leaving out a change costs, with those that wait for it [money]."""
    w = groups.slot_window[slot_of[j]]
    end = groups.window[w, col.END]
    change = groups.change
    done = (
        change[j, col.CONST] + change[j, col.SLOPE] * end + change[j, col.EARLY] * groups.window[w, col.AGE]
    )
    if end > change[j, col.DUE]:
        done += change[j, col.LATE]
    total: float = change[j, col.NEVER] - done
    for q in range(links.out_ptr[j], links.out_ptr[j + 1]):
        after = links.link[links.links_out[q], col.AFTER]
        if slot_of[after] >= 0:
            total += change[after, col.NEVER]
    return total


@kernel
def _leave_out(
    groups: Groups, links: Links, j: int, slot_of: Ints, count: Ints32, usage: Floats, is_hurt: Flags,
    stack: Ints,
) -> None:  # fmt: skip
    """Leave out a change and all that wait for it."""
    stack[0] = j
    size = 1
    while size > 0:
        size -= 1
        i = stack[size]
        s = slot_of[i]
        if s < 0:
            continue
        g = links.change_group[i]
        row, w = groups.team[g], groups.slot_window[s]
        is_hurt[g] = 1
        slot_of[i] = -1
        count[s] -= 1
        usage[row, w] -= groups.change[i, col.LABOUR]
        if count[s] == 0:
            usage[row, w] -= groups.slot[s, col.OPEN_LABOUR]
        for q in range(links.out_ptr[i], links.out_ptr[i + 1]):
            stack[size] = links.link[links.links_out[q], col.AFTER]
            size += 1


@kernel
def relieve(
    groups: Groups, links: Links, slack: float, slot_of: Ints, count: Ints32, usage: Floats, is_hurt: Flags
) -> None:
    """Leave out changes until no team is overdrawn: those that lose least, the smallest that free enough.

    Parameters
    ----------
    slack
        Overdrawing that is none [min].
    slot_of, count, usage
        The plan: slot of each change, changes per slot, use ``(P, W)`` [min]; changed in place.
    is_hurt
        Shape ``(G,)``: 1 is written for groups that lost a change.
    """
    teams, windows = usage.shape
    best, least = np.empty((teams, windows), dtype=np.int64), np.empty((teams, windows))
    stack = np.empty(len(links.link) + 1, dtype=np.int64)
    while True:
        for p in range(teams):
            for w in range(windows):
                best[p, w], least[p, w] = -1, np.inf
        for j in range(len(slot_of)):
            if slot_of[j] < 0:
                continue
            p, w = groups.team[links.change_group[j]], groups.slot_window[slot_of[j]]
            excess = usage[p, w] - groups.capacity[p, w]
            if excess <= slack:
                continue
            freed = groups.change[j, col.LABOUR]
            if count[slot_of[j]] == 1:
                freed += groups.slot[slot_of[j], col.OPEN_LABOUR]
            per_minute = _loss(groups, links, j, slot_of) / max(min(freed, excess), 1e-9)
            if per_minute < least[p, w]:
                best[p, w], least[p, w] = j, per_minute
        is_done = True
        for p in range(teams):
            for w in range(windows):
                if best[p, w] >= 0:
                    _leave_out(groups, links, best[p, w], slot_of, count, usage, is_hurt, stack)
                    is_done = False
        if is_done:
            break
