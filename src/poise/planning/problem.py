"""The planning problem, as arrays.

Groups of like hosts are opened in maintenance windows; every change of a group goes into one
open window, or is not done within the horizon. Nothing here knows people, screens or money's
currency.

Symbols used in the docstrings of this room: ``G`` groups, ``J`` changes, ``W`` windows, ``P``
teams, ``S`` slots (a slot is one window that one group may use), ``K`` links, ``X`` exclusions, ``R``
rows of caps, ``U`` units and ``M`` counts of moves in them.
Times are days since the plan's ``now``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
#: What is minimised, where the other cost is held at most at a cap.
Goal = Literal["exposure", "disruption"]

#: Slack of every comparison of times (release, due, soak, overlap) [d], about 0.1 s: sums of days in
#: floating point must not turn "exactly seven days later" into a broken rule. A plan is judged by
#: these two numbers, so a solver must allow at least as much, or its bound is not a bound.
TIME_TOLERANCE_DAYS = 1e-6
#: Slack of a team's capacity in one window [min].
CAPACITY_TOLERANCE_MINUTES = 1e-6
#: Slack of a cap, of its limit or of one (hour, money, piece), whichever is more.
LIMIT_TOLERANCE = 1e-6


def _none() -> Floats:
    return np.zeros(0)


def _no_index() -> Ints:
    return np.zeros(0, dtype=np.int64)


@dataclass(frozen=True)
class Caps:
    """Upper limits on amounts that a whole plan adds up to, beside the rules of single changes.

    A row's amount is the sum of three parts, all at least zero, any of which may be empty; the row
    holds while the amount is at most ``limit`` (with a slack of ``LIMIT_TOLERANCE``).

    - **Units.** A unit is a set of slots. It adds ``unit_amount`` once when any of its slots is open.
      One slot with its hours: downtime. All slots of a service in a week: at most n services then.
      All slots of a team on one weekend: at most n weekends.
    - **Shares of exposure.** ``share * exposure_per_day * days waited`` of each change listed, never
      done meaning until the horizon: the exposure of a service, without late cost.
    - **Moves.** ``move_amount[m, j]`` for every change whose window is not ``kept_window[m, j]``
      (-1: it was not done): how far a plan is from another, dearer where a window was announced.

    Parameters
    ----------
    limit
        Shape ``(R,)``, finite, >= 0; each row in its own unit.
    unit_ptr, unit_slot
        Slots of unit u are ``unit_slot[unit_ptr[u]:unit_ptr[u+1]]``; shape of the first ``(U+1,)``.
    unit_row, unit_amount
        Shape ``(U,)``: the row a unit belongs to, and what it adds, >= 0.
    share_ptr, share_change, share
        Changes of row r are ``share_change[share_ptr[r]:share_ptr[r+1]]``, each with its share >= 0;
        shape of the first ``(R+1,)``.
    move_row, kept_window, move_amount
        Shapes ``(M,)``, ``(M, J)`` in [-1, W), ``(M, J)`` >= 0: counts of moves and the rows they add to.
    """

    limit: Floats = field(default_factory=_none)
    unit_ptr: Ints = field(default_factory=lambda: np.zeros(1, dtype=np.int64))
    unit_slot: Ints = field(default_factory=_no_index)
    unit_row: Ints = field(default_factory=_no_index)
    unit_amount: Floats = field(default_factory=_none)
    share_ptr: Ints = field(default_factory=lambda: np.zeros(1, dtype=np.int64))
    share_change: Ints = field(default_factory=_no_index)
    share: Floats = field(default_factory=_none)
    move_row: Ints = field(default_factory=_no_index)
    kept_window: Ints = field(default_factory=lambda: np.zeros((0, 0), dtype=np.int64))
    move_amount: Floats = field(default_factory=lambda: np.zeros((0, 0)))

    @property
    def num_rows(self) -> int:
        """Return R."""
        return len(self.limit)

    @property
    def entry_unit(self) -> Ints:
        """Return the unit of each entry of ``unit_slot``."""
        return np.repeat(np.arange(len(self.unit_row)), np.diff(self.unit_ptr))

    @property
    def share_row(self) -> Ints:
        """Return the row of each entry of ``share_change``."""
        return np.repeat(np.arange(self.num_rows), np.diff(self.share_ptr))

    @property
    def slack(self) -> Floats:
        """Return how far above each limit an amount still counts as within, shape ``(R,)``."""
        return LIMIT_TOLERANCE * np.maximum(1.0, self.limit)


@dataclass(frozen=True)
class Problem:
    """A patch-planning problem.

    A change ``j`` of group ``g`` done in slot ``s`` (window ``w``) costs

    - exposure ``exposure_per_day[j] * (window_end_days[w] - release_days[j])`` [money],
    - disruption ``change_cost[j] + early_cost[j] * exp(-(window_end_days[w] - available_days[j])
      / settle_days) + deferral_cost_per_day[j] * (window_end_days[w] - release_days[j])`` [money];

    never done, it costs ``exposure_per_day[j] * (horizon_days - release_days[j])`` of exposure and
    ``deferral_cost_per_day[j] * (horizon_days - release_days[j])`` of disruption. Opening group
    ``g`` in slot ``s`` once costs ``slot_cost[s]`` of disruption and ``slot_labour_minutes[s]`` of the
    team's capacity, however many changes go in. A change done after ``due_days[j]``, or never,
    costs ``late_cost[j]`` once; late cost is a component of its own, beside exposure and disruption.
    Without a deadline (``due_days`` is ``inf``) a change is never late, not even when never done.
    All times are compared with a slack of ``TIME_TOLERANCE_DAYS``.

    Parameters
    ----------
    horizon_days
        End of the horizon T [d]; exposure of a change never done runs until then.
    settle_days
        Time constant of ``early_cost`` [d], > 0.
    window_start_days, window_end_days
        Shape ``(W,)`` [d]; sorted by ``window_end_days``. A change takes effect at the end.
    group_team
        Shape ``(G,)``, values in [0, P).
    capacity_minutes
        Shape ``(P, W)`` [min], >= 0.
    slot_ptr, slot_window, slot_cost, slot_labour_minutes
        Slots of group g are ``slot_ptr[g]:slot_ptr[g+1]``, with strictly increasing ``slot_window``.
        Shapes ``(G+1,)``, ``(S,)``, ``(S,)`` [money], ``(S,)`` [min].
    change_ptr
        Changes of group g are ``change_ptr[g]:change_ptr[g+1]``; shape ``(G+1,)``.
    release_days, available_days
        Shape ``(J,)`` [d]. A change may go into a window that *starts* at or after its release.
        ``available_days`` is when the remedy was published (often negative); it only ages ``early_cost``.
    exposure_per_day, deferral_cost_per_day
        Shape ``(J,)`` [money/d], >= 0.
    change_cost, early_cost
        Shape ``(J,)`` [money], >= 0.
    labour_minutes
        Shape ``(J,)`` [min], >= 0.
    due_days, late_cost
        Shape ``(J,)``; ``inf`` where there is no deadline. [d], [money] >= 0.
    hard_due
        Shape ``(J,)`` bool; True where lateness makes a plan infeasible instead of dear.
    link_before, link_after, link_soak_days
        Shape ``(K,)``. Change ``link_after[k]`` may only go into a window that starts at least
        ``link_soak_days[k]`` after the end of the window of change ``link_before[k]``; never, if
        that is never done.
    exclusion_a, exclusion_b
        Shape ``(X,)``. Groups that may not be open in overlapping windows.
    caps
        Upper limits on amounts of the whole plan; none by default.
    latest_days
        Shape ``(J,)`` [d]: when a change must be done at the latest, ``inf`` where it need not; None for
        no such days. Beside ``due_days``, after which it is late but may still be done.
    """

    horizon_days: float
    settle_days: float
    window_start_days: Floats
    window_end_days: Floats
    group_team: Ints
    capacity_minutes: Floats
    slot_ptr: Ints
    slot_window: Ints
    slot_cost: Floats
    slot_labour_minutes: Floats
    change_ptr: Ints
    release_days: Floats
    available_days: Floats
    exposure_per_day: Floats
    deferral_cost_per_day: Floats
    change_cost: Floats
    early_cost: Floats
    labour_minutes: Floats
    due_days: Floats
    late_cost: Floats
    hard_due: npt.NDArray[np.bool_]
    link_before: Ints
    link_after: Ints
    link_soak_days: Floats
    exclusion_a: Ints
    exclusion_b: Ints
    caps: Caps = field(default_factory=Caps)
    latest_days: Floats | None = None

    @cached_property
    def last_days(self) -> Floats:
        """Day by which each change must be done, ``inf`` where it need not; shape ``(J,)``."""
        hard = np.where(self.hard_due, self.due_days, np.inf)
        return hard if self.latest_days is None else np.minimum(hard, self.latest_days)

    @property
    def num_groups(self) -> int:
        """Return G."""
        return len(self.group_team)

    @property
    def num_changes(self) -> int:
        """Return J."""
        return len(self.release_days)

    @property
    def num_windows(self) -> int:
        """Return W."""
        return len(self.window_end_days)

    @property
    def num_teams(self) -> int:
        """Return P."""
        return len(self.capacity_minutes)

    @property
    def num_slots(self) -> int:
        """Return S."""
        return len(self.slot_window)

    @property
    def slot_group(self) -> Ints:
        """Return the group of each slot, shape ``(S,)``; made anew, as there may be millions."""
        return np.repeat(np.arange(self.num_groups), np.diff(self.slot_ptr))

    @cached_property
    def change_group(self) -> Ints:
        """Group of each change, shape ``(J,)``."""
        return np.repeat(np.arange(self.num_groups), np.diff(self.change_ptr))


@dataclass(frozen=True)
class Plan:
    """When each change is done.

    ``window`` has shape ``(J,)``: the window of each change, -1 where it is not done within the
    horizon. A group is open in exactly the windows that its changes use.
    """

    window: Ints


@dataclass(frozen=True)
class Violation:
    """One hard rule that a plan breaks."""

    #: ``"window"``, ``"release"``, ``"capacity"``, ``"due"``, ``"link"``, ``"exclusion"``, ``"cap"``.
    rule: str
    #: Index of the change, link, exclusion or row of caps; team * W + window for capacity.
    index: int
    #: By how much (minutes, days, the row's own unit), for the reader.
    amount: float


@dataclass(frozen=True)
class Evaluation:
    """A plan's true costs, recomputed from raw arrays.

    Parameters
    ----------
    exposure
        Sum over changes [money].
    disruption
        Openings, change failures and deferral [money].
    opening_cost, failure_cost, deferral_cost
        The parts of ``disruption`` [money].
    late_cost, num_late
        Penalty of late changes [money] and their number.
    late
        Shape ``(J,)`` bool.
    usage_minutes
        Shape ``(P, W)`` [min].
    num_openings
        Number of (group, window) pairs that are open.
    cap_amounts
        Shape ``(R,)``: what each row of caps adds up to, in the row's own unit.
    violations
        Every hard rule broken; empty for a feasible plan.
    """

    exposure: float
    disruption: float
    opening_cost: float
    failure_cost: float
    deferral_cost: float
    late_cost: float
    num_late: int
    late: npt.NDArray[np.bool_]
    usage_minutes: Floats
    num_openings: int
    cap_amounts: Floats
    violations: tuple[Violation, ...]

    @property
    def is_feasible(self) -> bool:
        """Return whether no hard rule is broken."""
        return not self.violations


@dataclass(frozen=True)
class Solution:
    """A plan with its confirmed costs and what is proven about it.

    ``bound`` is a proven lower bound on ``exposure + weight * disruption + late_cost`` over every
    feasible plan (within the caps that the solver was given); ``gap`` is (value - bound) / value of
    the same sum. A ``weight`` of ``inf`` stands for disruption alone: ``value`` is then disruption.
    ``work`` counts the solver's own steps: the same problem, seed and amount of work give the same
    plan. ``stopped_by`` says whether the work was done or the clock cut it short.
    """

    plan: Plan
    evaluation: Evaluation
    weight: float
    value: float
    bound: float
    work: int = 0
    stopped_by: Literal["work", "time"] = "work"

    @property
    def gap(self) -> float:
        """Return (value - bound) / value, 0 for a value of 0."""
        return (self.value - self.bound) / self.value if self.value > 0 else 0.0


@dataclass(frozen=True)
class CappedSolution(Solution):
    """A solution within caps; ``line_weight`` prices the cap on disruption.

    Every plan within the caps but for that on disruption has ``value + line_weight * disruption`` of at
    least ``bound_of_relaxation + line_weight * cap``; a weight of 0 says no more than ``bound``.
    """

    line_weight: float = 0.0
    bound_of_relaxation: float = 0.0


@dataclass(frozen=True)
class FrontierPoint:
    """One plan of the frontier.

    ``exposure_bound`` is a proven lower bound on exposure plus late cost over all plans whose
    disruption is at most ``disruption_cap`` [money].
    """

    plan: Plan
    evaluation: Evaluation
    disruption_cap: float
    exposure_bound: float
    is_exact: bool = False


@dataclass(frozen=True)
class Frontier:
    """Non-dominated plans by growing disruption, with what is proven around them.

    Parameters
    ----------
    points
        By growing disruption; exposure plus late cost falls along it.
    hull_weight, hull_bound
        Supporting lines: every feasible plan has ``exposure + late_cost + hull_weight[i] *
        disruption >= hull_bound[i]``. Shapes ``(H,)``.
    work, stopped_by
        Steps of all solvers together, and whether the clock cut them short.
    """

    points: tuple[FrontierPoint, ...]
    hull_weight: Floats
    hull_bound: Floats
    work: int = 0
    stopped_by: Literal["work", "time", "interrupt"] = "work"

    def exposure_bound_at(self, disruption: float) -> float:
        """Return the largest proven lower bound on exposure + late cost at that disruption [money]."""
        lines = self.hull_bound - self.hull_weight * disruption
        return max(0.0, float(lines.max(initial=0.0)))
