"""Problems with less in them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from poise.planning.problem import Problem


def without_slots(problem: Problem, is_gone: npt.NDArray[np.bool_]) -> Problem:
    """Return a problem in which groups may not use some of their slots.

    Windows and changes keep their numbers, so a plan means the same in both.

    Parameters
    ----------
    is_gone
        Shape ``(S,)``.
    """
    kept = ~is_gone
    before = np.concatenate(([0], np.cumsum(kept)))
    caps = problem.caps
    stays = kept[caps.unit_slot]
    return replace(
        problem,
        slot_ptr=before[problem.slot_ptr],
        slot_window=problem.slot_window[kept],
        slot_cost=problem.slot_cost[kept],
        slot_labour_minutes=problem.slot_labour_minutes[kept],
        caps=replace(
            caps,
            unit_ptr=np.concatenate(([0], np.cumsum(stays)))[caps.unit_ptr],
            unit_slot=before[caps.unit_slot[stays]],
        ),
    )
