"""From changes, windows and teams to a planning problem, and back from arrays to names."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from poise.estate.model import Estate, PatchGroup, Team, Window
from poise.estate.window_slots import group_windows
from poise.patching.prices import PriceList
from poise.planning.problem import Floats, Ints, Problem
from poise.risk.change import Change
from poise.risk.failure import FailureRate, failure_rate
from poise.risk.parameters import RiskParameters
from poise.risk.rate import GroupLoss, group_loss


@dataclass(frozen=True)
class PatchCase:
    """A planning problem with the names behind its indices.

    ``changes[j]``, ``groups[g]``, ``teams[p]`` and ``windows[w]`` are what the indices of ``problem``
    mean. Windows of several calendars that begin and end at the same instants are one window, so
    that a team's capacity in it is spent once.
    """

    estate: Estate
    now: datetime
    horizon_end: datetime
    parameters: RiskParameters
    problem: Problem
    changes: tuple[Change, ...]
    groups: tuple[PatchGroup, ...]
    teams: tuple[Team, ...]
    windows: tuple[Window, ...]
    losses: tuple[GroupLoss, ...]
    failure: Mapping[str, FailureRate]

    @cached_property
    def slot_group(self) -> Ints:
        """Group of each slot, shape ``(S,)``."""
        return np.repeat(np.arange(len(self.groups)), np.diff(self.problem.slot_ptr))

    @cached_property
    def is_overdue(self) -> npt.NDArray[np.bool_]:
        """Whether each change missed its deadline before the plan began, shape ``(J,)``."""
        today = self.now.astimezone(ZoneInfo(self.estate.timezone)).date()
        return np.array([c.deadline is not None and c.deadline < today for c in self.changes], dtype=np.bool_)

    def days(self, moment: datetime) -> float:
        """Return days from ``now`` to a moment [d]."""
        return (moment - self.now).total_seconds() / 86_400


def build_case(
    estate: Estate,
    changes: Sequence[Change],
    *,
    now: datetime,
    horizon_end: datetime,
    parameters: RiskParameters,
    hard_deadlines: bool = False,
) -> PatchCase:
    """Return the planning problem of these changes.

    Parameters
    ----------
    changes
        Each of a group of the estate.
    now, horizon_end
        With time zones. Exposure is counted from ``now``: what happened before is spent, and
        no plan can change it.
    hard_deadlines
        Whether a plan must meet every deadline, instead of paying for those it misses.
    """
    ordered = sorted(changes, key=lambda change: (change.group, change.id))
    groups = tuple(estate.groups[name] for name in dict.fromkeys(change.group for change in ordered))
    teams = tuple(estate.teams[name] for name in sorted({group.team for group in groups}))
    found = group_windows(estate, now, horizon_end)
    own_windows = {group.id: found[group.id].windows for group in groups}
    windows, number = _merge(itertools.chain.from_iterable(own_windows.values()))
    failure = {team.id: failure_rate(team, parameters) for team in teams}
    prices = PriceList(estate, now, parameters, failure)
    slots = [prices.slots(group, own_windows[group.id], number) for group in groups]
    counts = [
        len(list(members)) for _, members in itertools.groupby(ordered, key=lambda change: change.group)
    ]
    team_number = {team.id: index for index, team in enumerate(teams)}
    span = (horizon_end - now).total_seconds() / 86_400
    capacity = np.array([[team.capacity_minutes] * len(windows) for team in teams])
    problem = Problem(
        horizon_days=span,
        settle_days=parameters.settle_days,
        window_start_days=_floats((window.start - now).total_seconds() / 86_400 for window in windows),
        window_end_days=_floats((window.end - now).total_seconds() / 86_400 for window in windows),
        group_team=_ints(team_number[group.team] for group in groups),
        capacity_minutes=capacity.reshape(len(teams), len(windows)),
        slot_ptr=_pointers([len(own) for own in slots]),
        slot_window=_ints(slot[0] for own in slots for slot in own),
        slot_cost=_floats(slot[1] for own in slots for slot in own),
        slot_labour_minutes=_floats(slot[2] for own in slots for slot in own),
        change_ptr=_pointers(counts),
        **_change_arrays(prices, ordered, own_windows, hard_deadlines),
        **_link_arrays(groups, ordered),
    )
    losses = tuple(group_loss(estate, group) for group in groups)
    return PatchCase(
        estate, now, horizon_end, parameters, problem, tuple(ordered), groups, teams, windows, losses, failure
    )


def _change_arrays(
    prices: PriceList, changes: Sequence[Change], own_windows: Mapping[str, Sequence[Window]], hard: bool
) -> dict[str, Any]:
    """Return the arrays of shape ``(J,)`` of a problem, by the names of its fields."""
    groups = prices.estate.groups
    costs = [prices.change_costs(groups[c.group], c, own_windows[c.group]) for c in changes]
    late_cost = prices.parameters.late_cost
    return {
        "release_days": np.zeros(len(changes)),
        "available_days": _floats(prices.available_days(change) for change in changes),
        "exposure_per_day": _floats(change.exposure_per_day for change in changes),
        "deferral_cost_per_day": _floats(cost.deferral_per_day for cost in costs),
        "change_cost": _floats(cost.settled for cost in costs),
        "early_cost": _floats(cost.early for cost in costs),
        "labour_minutes": _floats(change.labour_minutes for change in changes),
        "due_days": _floats(prices.due_days(change) for change in changes),
        "late_cost": _floats(late_cost if change.deadline else 0.0 for change in changes),
        "hard_due": np.array([hard and change.deadline is not None for change in changes], dtype=np.bool_),
    }


def _link_arrays(groups: Sequence[PatchGroup], changes: Sequence[Change]) -> dict[str, Any]:
    """Return rings and redundancy as the arrays of a problem, by the names of its fields."""
    links, exclusions = _links(groups, changes), _exclusions(groups)
    return {
        "link_before": _ints(link[0] for link in links),
        "link_after": _ints(link[1] for link in links),
        "link_soak_days": _floats(link[2] for link in links),
        "exclusion_a": _ints(pair[0] for pair in exclusions),
        "exclusion_b": _ints(pair[1] for pair in exclusions),
    }


def _merge(
    windows: itertools.chain[Window],
) -> tuple[tuple[Window, ...], dict[tuple[datetime, datetime], int]]:
    """Return the distinct windows by their end, and the number of each (start, end)."""
    together: dict[tuple[datetime, datetime], dict[str, Window]] = defaultdict(dict)
    for window in windows:
        together[window.start, window.end].setdefault(window.calendar, window)
    ordered = sorted(together, key=lambda span: (span[1], span[0]))
    merged = []
    for span in ordered:
        members = together[span]
        first = members[min(members)]
        merged.append(Window(" + ".join(sorted(members)), first.start, first.end, first.summary))
    return tuple(merged), {span: index for index, span in enumerate(ordered)}


def _links(groups: Sequence[PatchGroup], changes: Sequence[Change]) -> list[tuple[int, int, float]]:
    """Return (earlier stage's change, later stage's change, soak) of every remedy in every ring."""
    by_id = {group.id: group for group in groups}
    members: dict[tuple[str, str, int], list[int]] = defaultdict(list)
    for index, change in enumerate(changes):
        group = by_id[change.group]
        if group.ring:
            members[group.ring, change.remedy_key, group.ring_stage].append(index)
    links = []
    for (ring, key, stage), later in sorted(members.items()):
        # A stage where nothing needs the remedy cannot hold the next one up.
        earlier_stages = [s for s in range(stage) if (ring, key, s) in members]
        for earlier in members[ring, key, earlier_stages[-1]] if earlier_stages else ():
            links += [(earlier, index, by_id[changes[index].group].soak_days) for index in later]
    return links


def _exclusions(groups: Sequence[PatchGroup]) -> list[tuple[int, int]]:
    number = {group.id: index for index, group in enumerate(groups)}
    pairs = {
        (min(index, number[other]), max(index, number[other]))
        for index, group in enumerate(groups)
        for other in group.redundant_with
        if other in number
    }
    return sorted(pairs)


def _floats(values: Iterable[float]) -> Floats:
    return np.array(list(values), dtype=np.float64)


def _ints(values: Iterable[int]) -> Ints:
    return np.array(list(values), dtype=np.int64)


def _pointers(counts: Sequence[int]) -> Ints:
    return np.concatenate([[0], np.cumsum(counts, dtype=np.int64)]).astype(np.int64)
