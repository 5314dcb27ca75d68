"""The arrays that kernels read, and what their columns mean.

One row per change fills a little more than a cache line; a kernel computes the cost of a change in
a slot from it on the fly, so that no matrix of changes by windows is ever held.
"""

from __future__ import annotations

from typing import NamedTuple

from poise.planning.problem import Floats, Ints

# Columns of ``Arrays.change``.
EARLIEST = 0  #: the window may not start before [d]; release and links
LATEST = 1  #: the window may not end after [d]; hard deadlines and links
SLOPE = 2  #: exposure and weighted deferral [money/d]
CONST = 3  #: cost that does not depend on the window, at day 0 [money]
EARLY = 4  #: weighted ``early_cost``, aged to the first window's end [money]
DUE = 5  #: soft deadline [d]
LATE = 6  #: cost of missing it [money]
LABOUR = 7  #: [min]
NEVER = 8  #: cost of not doing it within the horizon [money]
NUM_CHANGE_COLUMNS = 9

# Columns of ``Arrays.window``.
START = 0  #: [d]
END = 1  #: [d]
AGE = 2  #: exp(-(end - first end) / settle)

# Columns of ``Arrays.slot``.
OPEN_COST = 0  #: weighted ``slot_cost`` [money]
OPEN_LABOUR = 1  #: [min]

# Columns of ``Arrays.link``.
BEFORE = 0
AFTER = 1
SOAK = 2  #: row of ``Arrays.ready``

#: Stands for "not allowed" in a cost that must stay finite [money].
FORBIDDEN = 1e15


class Arrays(NamedTuple):
    """A problem under one weight, laid out for the kernels.

    ``start_rank[w]`` is the place of window w when all are sorted by start (ties share the lowest);
    ``ready[c, w]`` is the lowest such place that a change may take whose forerunner, with soak time class c,
    was done in window w; W when there is none. ``links_in`` and ``links_out`` list the links by
    their after and their before change. ``kin`` lists for each group those tied to it by links or
    exclusions, ``rival`` by exclusions alone. ``depth[g]`` grows along links.
    """

    slot_ptr: Ints
    slot_window: Ints
    slot: Floats
    change_ptr: Ints
    change: Floats
    window: Floats
    team: Ints
    capacity: Floats
    link: Ints
    in_ptr: Ints
    links_in: Ints
    out_ptr: Ints
    links_out: Ints
    start_rank: Ints
    ready: Ints
    kin_ptr: Ints
    kin: Ints
    rival_ptr: Ints
    rival: Ints
    overlap: Ints
    depth: Ints
    urgency: Ints
    change_group: Ints
