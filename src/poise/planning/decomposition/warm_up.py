"""Compiling all kernels ahead of their first use."""

from __future__ import annotations

import numpy as np

from poise.planning.decomposition.part_run import PartRun
from poise.planning.decomposition.workers import Workers
from poise.planning.problem import Problem

#: Steps after which a run has done one of each kind, and composed from a plan.
_STEPS = 50


def warm_up() -> None:
    """Compile every kernel on a tiny problem and keep the machine code for later runs.

    Does nothing worth noticing when the kernels are compiled already.
    """
    run = PartRun(_two_groups(), 1.0, Workers(1), 0, None, None)
    for _ in range(_STEPS):
        run.step()


def _two_groups() -> Problem:
    """Return a problem of two linked and excluding groups with one change each."""
    day = np.array([1.0, 8.0])
    pair = np.ones(2)
    first, second = np.array([0]), np.array([1])
    return Problem(
        horizon_days=20.0,
        settle_days=10.0,
        window_start_days=day,
        window_end_days=day + 0.25,
        group_team=np.array([0, 0]),
        capacity_minutes=np.full((1, 2), 10.0),
        slot_ptr=np.array([0, 2, 4]),
        slot_window=np.array([0, 1, 0, 1]),
        slot_cost=np.ones(4),
        slot_labour_minutes=np.ones(4),
        change_ptr=np.array([0, 1, 2]),
        release_days=0.0 * pair,
        available_days=0.0 * pair,
        exposure_per_day=pair,
        deferral_cost_per_day=pair,
        change_cost=pair,
        early_cost=pair,
        labour_minutes=pair,
        due_days=np.array([np.inf, 9.0]),
        late_cost=pair,
        hard_due=np.zeros(2, dtype=bool),
        link_before=first,
        link_after=second,
        link_soak_days=np.ones(1),
        exclusion_a=first,
        exclusion_b=second,
    )
