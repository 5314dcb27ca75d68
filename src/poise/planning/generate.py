"""Made-up planning problems of any size, for tests and benchmarks.

The shape follows what fleets look like and nothing in particular: few changes carry most of the
exposure, a large backlog waits at the start, new fixes arrive monthly and in between, teams have
less time than all the work needs, and calendars differ between groups.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from poise.planning.decomposition.jit import kernel
from poise.planning.problem import Floats, Ints, Problem

Size = Literal["tiny", "S", "M", "L", "XL"]

#: Late cost of a change that is known to be exploited [money].
KNOWN_EXPLOITED_LATE_COST = 20_000.0
#: Deferral cost of a day, as a share of its exposure.
DEFERRAL_SHARE = 0.02
#: Every calendar class: use every n-th window, starting at which, and whether year-end is closed.
_CALENDARS = [
    (step, first, freeze) for step in (1, 2, 4) for first in range(step) for freeze in (False, True)
]


@dataclass(frozen=True)
class _Scale:
    groups: int
    windows: int
    teams: int
    step_days: float


_SCALES: dict[str, _Scale] = {
    "tiny": _Scale(4, 4, 2, 7.0),
    "S": _Scale(300, 26, 4, 7.0),
    "M": _Scale(5_000, 52, 10, 7.0),
    "L": _Scale(30_000, 52, 30, 7.0),
    "XL": _Scale(100_000, 104, 50, 3.5),
}


def generate(size: Size, seed: int, links: float = 0.0, exclusions: float = 0.0) -> Problem:
    """Make up a problem.

    Parameters
    ----------
    size
        Groups, windows, teams: ``"tiny"`` 4, 4, 2; ``"S"`` 300, 26, 4; ``"M"`` 5,000, 52, 10; ``"L"``
        30,000, 52, 30; ``"XL"`` 100,000, 104, 50. About 10 changes per group, half that in tiny.
    seed
        The same size, seed and shares give the same problem.
    links
        Share of groups in [0, 1] that are a stage of a ring: one in ten of these rings has three
        stages, the others two. A ring's stages have the same changes, each linked to the one before;
        early stages are worth little and may use every window, so that they do not hold up the last.
    exclusions
        Share of groups in [0, 1] that are half of a cluster: the halves share a calendar and a team.

    Returns
    -------
    Problem
        Feasible by doing nothing: there are no hard due dates.
    """
    scale = _SCALES[size]
    rng = np.random.default_rng(np.random.SeedSequence([seed, scale.groups]))
    ring_before, stage = _rings(rng, scale.groups, links)
    team, calendar = _teams_and_calendars(rng, scale, ring_before, stage)
    half_a, half_b = _halves(rng, np.flatnonzero(stage == 0), int(scale.groups * exclusions / 2))
    calendar[half_b], team[half_b] = calendar[half_a], team[half_a]
    times = _times(scale)
    slots = _slots(rng, scale, calendar, stage)
    changes = _changes(rng, size, ring_before, stage, float(times.end_days[-1]))
    link_before, link_after = _ring_links(ring_before, changes)
    return Problem(
        horizon_days=times.horizon_days,
        settle_days=14.0,
        window_start_days=times.start_days,
        window_end_days=times.end_days,
        group_team=team,
        capacity_minutes=_capacity(rng, scale, team, slots, changes, times),
        slot_ptr=slots.ptr,
        slot_window=slots.window,
        slot_cost=slots.cost,
        slot_labour_minutes=slots.labour_minutes,
        change_ptr=changes.ptr,
        release_days=changes.release_days,
        available_days=changes.available_days,
        exposure_per_day=changes.exposure_per_day,
        deferral_cost_per_day=changes.exposure_per_day * DEFERRAL_SHARE,
        change_cost=changes.change_cost,
        early_cost=changes.early_cost,
        labour_minutes=changes.labour_minutes,
        due_days=changes.due_days,
        late_cost=np.where(np.isfinite(changes.due_days), KNOWN_EXPLOITED_LATE_COST, 0.0),
        hard_due=np.zeros(len(changes.group), dtype=bool),
        link_before=link_before,
        link_after=link_after,
        link_soak_days=rng.choice([2.0, 5.0, 7.0], scale.groups)[changes.group[link_after]],
        exclusion_a=half_a,
        exclusion_b=half_b,
    )


@dataclass(frozen=True)
class _Times:
    start_days: Floats
    end_days: Floats
    horizon_days: float


def _times(scale: _Scale) -> _Times:
    """Return windows of six hours, evenly spaced, and a horizon four weeks after the last."""
    start: Floats = scale.step_days * np.arange(scale.windows, dtype=np.float64) + 5.0
    return _Times(start, start + 0.25, float(start[-1]) + 28.25)


@dataclass(frozen=True)
class _Slots:
    ptr: Ints
    window: Ints
    cost: Floats
    labour_minutes: Floats


@dataclass(frozen=True)
class _Changes:
    ptr: Ints
    group: Ints
    release_days: Floats
    available_days: Floats
    exposure_per_day: Floats
    change_cost: Floats
    early_cost: Floats
    labour_minutes: Floats
    due_days: Floats


def _rings(rng: np.random.Generator, groups: int, share: float) -> tuple[Ints, Ints]:
    """Return, per group, the group of the stage before it (-1: none) and how many stages follow it."""
    before = np.full(groups, -1, dtype=np.int64)
    following = np.zeros(groups, dtype=np.int64)
    threes = int(groups * share / 2.1 * 0.1)
    twos = max(0, int((groups * share - 3 * threes) / 2))
    chosen = rng.permutation(groups)[: 3 * threes + 2 * twos]
    first, second, third = np.sort(chosen[: 3 * threes].reshape(-1, 3), axis=1).T
    before[second], before[third] = first, second
    following[first], following[second] = 2, 1
    stage, last = np.sort(chosen[3 * threes :].reshape(-1, 2), axis=1).T
    before[last] = stage
    following[stage] = 1
    return before, following


def _halves(rng: np.random.Generator, candidates: Ints, count: int) -> tuple[Ints, Ints]:
    """Return the two groups of each cluster; only last stages are clusters, so no ring holds both halves."""
    count = min(count, len(candidates) // 2)
    pairs = rng.permutation(candidates)[: 2 * count].reshape(-1, 2)
    pairs = np.sort(pairs, axis=1).astype(np.int64)
    return pairs[:, 0].copy(), pairs[:, 1].copy()


def _teams_and_calendars(
    rng: np.random.Generator, scale: _Scale, ring_before: Ints, following: Ints
) -> tuple[Ints, Ints]:
    """Return a team and a calendar class per group; four stages of five are worked by their ring's team."""
    team = rng.integers(0, scale.teams, scale.groups)
    calendar = rng.integers(0, len(_CALENDARS), scale.groups)
    calendar[following > 0] = 0
    same = rng.random(scale.groups) < 0.8
    for stages_left in (1, 0):
        later = np.flatnonzero((ring_before >= 0) & (following == stages_left) & same)
        team[later] = team[ring_before[later]]
    return team, calendar


def _slots(rng: np.random.Generator, scale: _Scale, calendar: Ints, following: Ints) -> _Slots:
    week = np.arange(scale.windows)
    closed = week % 26 >= 24
    use = np.array(
        [(week % step == first % step) & ~(closed & freeze) for step, first, freeze in _CALENDARS], dtype=bool
    )
    open_ = use[calendar]
    group, window = np.nonzero(open_)
    reboot_cost = np.exp(rng.normal(np.log(250.0), 1.0, scale.groups)) * np.where(following > 0, 0.2, 1.0)
    hour_factor = rng.choice([0.6, 1.0, 1.6], (len(_CALENDARS), scale.windows), p=[0.3, 0.5, 0.2])
    setup_minutes = np.exp(rng.normal(np.log(30.0), 0.4, scale.groups))
    return _Slots(
        ptr=np.concatenate(([0], np.cumsum(open_.sum(axis=1)))),
        window=window,
        cost=reboot_cost[group] * hour_factor[calendar[group], window],
        labour_minutes=setup_minutes[group],
    )


def _changes(
    rng: np.random.Generator, size: Size, ring_before: Ints, following: Ints, last_day: float
) -> _Changes:
    groups = len(ring_before)
    median, most = (2.0, 4) if size == "tiny" else (5.0, 200)
    counts = np.clip(np.exp(rng.normal(np.log(median), 1.2, groups)).astype(np.int64), 1, most)
    for stages_left in (1, 0):
        later = np.flatnonzero((ring_before >= 0) & (following == stages_left))
        counts[later] = counts[ring_before[later]]
    ptr = np.concatenate(([0], np.cumsum(counts)))
    total = int(ptr[-1])
    kind = rng.random(total)
    months = max(1, int(last_day // 30))
    release = np.where(
        kind < 0.75, 30.0 * rng.integers(0, months, total) + 2.0, rng.uniform(0, last_day, total)
    )
    release[kind < 0.4] = 0.0
    available = release - np.where(release > 0, rng.uniform(0, 5, total), rng.uniform(0, 150, total))
    exploited = rng.random(total) < 0.015
    epss = np.minimum(np.exp(rng.normal(np.log(0.001), 1.8, total)), 0.95)
    epss[exploited] = rng.uniform(0.3, 0.95, int(exploited.sum()))
    labour = np.exp(rng.normal(np.log(12.0), 0.5, total))
    change_cost = np.exp(rng.normal(np.log(8.0), 0.8, total))
    early_cost = np.exp(rng.normal(np.log(20.0), 0.8, total))
    late_after_days = np.where(exploited, 21.0, np.inf)
    source = _same_change_of_first_stage(ring_before, ptr)
    release, available, epss, labour = release[source], available[source], epss[source], labour[source]
    value = np.exp(rng.normal(np.log(20_000.0), 1.3, groups)) * np.where(following > 0, 0.02, 1.0)
    is_last = np.repeat(following == 0, counts)
    return _Changes(
        ptr=ptr,
        group=np.repeat(np.arange(groups), counts),
        release_days=release,
        available_days=available,
        exposure_per_day=-np.log1p(-epss) / 30.0 * np.repeat(value, counts),
        change_cost=change_cost,
        early_cost=early_cost,
        labour_minutes=labour,
        due_days=np.where(is_last, release + late_after_days[source], np.inf),
    )


def _same_change_of_first_stage(ring_before: Ints, ptr: Ints) -> Ints:
    """Return, per change, the like change of the first stage of its group's ring: itself outside rings."""
    first = np.arange(len(ring_before))
    for _ in range(2):
        first = np.where(ring_before[first] >= 0, ring_before[first], first)
    counts = np.diff(ptr)
    return np.arange(int(ptr[-1])) + np.repeat(ptr[first] - ptr[:-1], counts)


def _ring_links(ring_before: Ints, changes: _Changes) -> tuple[Ints, Ints]:
    """Return, for every change of a later stage, the like change of the stage before it, and itself."""
    after = np.flatnonzero(ring_before[changes.group] >= 0)
    group = changes.group[after]
    before = after - changes.ptr[group] + changes.ptr[ring_before[group]]
    return before, after


def _capacity(
    rng: np.random.Generator, scale: _Scale, team: Ints, slots: _Slots, changes: _Changes, times: _Times
) -> Floats:
    """Return 70 % of what a sweep of every group at its own best dates uses, and less at half-year ends."""
    minutes = np.zeros(scale.teams)
    sweep_minutes(
        team, slots.ptr, slots.window, slots.cost, slots.labour_minutes, changes.ptr, changes.release_days,
        changes.exposure_per_day * (1.0 + DEFERRAL_SHARE), changes.labour_minutes,
        times.start_days, times.end_days, times.horizon_days, minutes,
    )  # fmt: skip
    share = np.where(np.arange(scale.windows) % 26 >= 24, 0.6, 1.0)
    wobble = rng.uniform(0.9, 1.1, (scale.teams, scale.windows))
    capacity: Floats = 0.7 * (minutes / scale.windows)[:, None] * share * wobble
    return capacity


@kernel
def sweep_minutes(
    team: Ints, slot_ptr: Ints, slot_window: Ints, slot_cost: Floats, slot_labour: Floats, change_ptr: Ints,
    release: Floats, slope: Floats, labour: Floats, start: Floats, end: Floats, horizon: float,
    minutes: Floats,
) -> None:  # fmt: skip
    """Add up, per team, the work of groups that do all that is due whenever they open, with no limit of time.

    Each group's openings are the cheapest by the recursion of H. M. Wagner and T. M. Whitin, "Dynamic
    version of the economic lot size model", Management Science 5 (1958), with time reversed: work
    waits for an opening where stock would be held.
    """
    for g in range(len(team)):
        first, m = slot_ptr[g], slot_ptr[g + 1] - slot_ptr[g]
        base, n = change_ptr[g], change_ptr[g + 1] - change_ptr[g]
        order = np.argsort(release[base : base + n])
        sum_slope, sum_due, sum_labour = np.zeros(n + 1), np.zeros(n + 1), np.zeros(n + 1)
        for i in range(n):
            j = base + order[i]
            sum_slope[i + 1] = sum_slope[i] + slope[j]
            sum_due[i + 1] = sum_due[i] + slope[j] * release[j]
            sum_labour[i + 1] = sum_labour[i] + labour[j]
        released, best, former = (
            np.zeros(m + 1, dtype=np.int64),
            np.zeros(m + 1),
            np.zeros(m + 1, dtype=np.int64),
        )
        last, last_cost = 0, sum_slope[n] * horizon - sum_due[n]
        for s in range(1, m + 1):
            w = slot_window[first + s - 1]
            released[s] = released[s - 1]
            while released[s] < n and release[base + order[released[s]]] <= start[w]:
                released[s] += 1
            best[s] = np.inf
            for v in range(s):
                waiting = sum_slope[released[s]] - sum_slope[released[v]]
                cost = best[v] + slot_cost[first + s - 1] + waiting * end[w]
                cost -= sum_due[released[s]] - sum_due[released[v]]
                if cost < best[s]:
                    best[s], former[s] = cost, v
            total = best[s] + (sum_slope[n] - sum_slope[released[s]]) * horizon
            total -= sum_due[n] - sum_due[released[s]]
            if total < last_cost:
                last, last_cost = s, total
        minutes[team[g]] += sum_labour[released[last]]
        while last > 0:
            minutes[team[g]] += slot_labour[first + last - 1]
            last = former[last]
