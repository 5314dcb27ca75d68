"""The arrays that kernels read, and what their columns mean.

One row per change fills a little more than a cache line; a kernel computes the cost of a change in
a slot from it on the fly, so that no matrix of changes by windows is ever held.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from poise.planning.problem import Floats, Ints

#: Half as wide as :data:`Ints`, for what there is one of per slot.
Ints32 = npt.NDArray[np.int32]
#: A window, or -1 for never, of which there is one per change in every option.
Windows = npt.NDArray[np.int16]
#: The most windows that such a number can tell apart.
MOST_WINDOWS = np.iinfo(np.int16).max
#: Half as wide as :data:`Floats`, for prices of which there are millions.
Floats32 = npt.NDArray[np.float32]
#: 0 or 1 per slot or group.
Flags = npt.NDArray[np.uint8]

# Columns of ``Groups.change``.
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

# Columns of ``Groups.window``.
START = 0  #: [d]
END = 1  #: [d]
AGE = 2  #: exp(-(end - first end) / settle)

# Columns of ``Groups.slot``.
OPEN_COST = 0  #: weighted ``slot_cost`` [money]
OPEN_LABOUR = 1  #: [min]

# Columns of ``Links.link``.
BEFORE = 0
AFTER = 1
SOAK = 2  #: row of ``Links.ready``

#: Stands for "not allowed" in a cost that must stay finite [money].
FORBIDDEN = 1e15


class Groups(NamedTuple):
    """Slots, changes and teams; pointers as in :class:`~poise.planning.problem.Problem`.

    Three small tuples and not one of all arrays, because compiling a kernel takes the longer the
    more arrays it is handed.
    """

    slot_ptr: Ints
    slot_window: Windows
    slot: Floats
    change_ptr: Ints
    change: Floats
    window: Floats
    team: Ints
    capacity: Floats


class Links(NamedTuple):
    """Links between changes.

    ``start_rank[w]`` is the place of window w when all are sorted by start (ties share the lowest);
    ``ready[c, w]`` is the lowest such place that a change may take whose forerunner, with soak time class c,
    was done in window w; W when there is none. ``links_in`` and ``links_out`` list the links by
    their after and their before change. ``change_group`` is the group of each change.
    """

    link: Ints
    in_ptr: Ints
    links_in: Ints
    out_ptr: Ints
    links_out: Ints
    start_rank: Ints
    ready: Ints
    change_group: Ints


class Ties(NamedTuple):
    """How groups hang together.

    ``kin`` lists for each group those tied to it by links or exclusions, ``rival`` by exclusions
    alone. ``overlap[v, w]`` is 1 where two windows share time. ``depth[g]`` grows along links.
    ``urgency`` lists each group's changes, the dearest to delay first.
    """

    kin_ptr: Ints
    kin: Ints
    rival_ptr: Ints
    rival: Ints
    overlap: Ints
    depth: Ints
    urgency: Ints
