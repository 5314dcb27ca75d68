"""Tiny problems of every kind, and every plan they have: what solvers are judged against."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np

from poise.planning.caps import CapRow, join_caps
from poise.planning.problem import Caps, Floats, Ints, Problem

#: Most plans that a random problem may have.
MOST_PLANS = 6_000


def random_problem(seed: int, *, hard: bool = True, most_plans: int = MOST_PLANS) -> Problem:
    """Make a tiny, messy problem: everything that the model allows turns up in some seed.

    Among them: chains of three links, exclusions, windows that overlap, touch or coincide, hard and soft
    due dates, cramped teams, zero costs, releases after the last window, groups without slots or changes.
    """
    rng = np.random.default_rng([seed, 7])
    num_windows = int(rng.integers(1, 5))
    start = np.round(rng.uniform(0, 12, num_windows) * 2) / 2
    end = start + rng.choice([0.5, 1.0, 3.0], num_windows)
    order = np.argsort(end, kind="stable")
    start, end = start[order], end[order]
    groups, teams = int(rng.integers(1, 5)), int(rng.integers(1, 3))
    use = rng.random((groups, num_windows)) < rng.choice([0.5, 0.8, 1.0])
    slot_window = np.nonzero(use)[1]
    counts = _change_counts(rng, use, most_plans)
    group = np.repeat(np.arange(groups), counts)
    num = len(group)
    labour = rng.choice([0.0, 5.0, 10.0, 15.0], num)
    release = np.where(rng.random(num) < 0.5, 0.0, np.round(rng.uniform(0, 14, num) * 2) / 2)
    due = np.where(rng.random(num) < 0.5, np.inf, np.round(rng.uniform(0, 18, num) * 2) / 2)
    before, after = _links(rng, num)
    pairs = [pair for pair in itertools.combinations(range(groups), 2) if rng.random() < 0.25]
    free = rng.random() < 0.15
    return Problem(
        horizon_days=float(end.max() + rng.choice([0.0, 7.0])),
        settle_days=float(rng.choice([1.0, 14.0])),
        window_start_days=start,
        window_end_days=end,
        group_team=rng.integers(0, teams, groups),
        capacity_minutes=rng.choice([0.0, 20.0, 30.0, 60.0, 500.0], (teams, num_windows)),
        slot_ptr=np.concatenate(([0], np.cumsum(use.sum(axis=1)))),
        slot_window=slot_window,
        slot_cost=rng.choice([0.0, 40.0, 300.0], len(slot_window)) * (not free),
        slot_labour_minutes=rng.choice([0.0, 10.0], len(slot_window)),
        change_ptr=np.concatenate(([0], np.cumsum(counts))),
        release_days=np.minimum(release, end.max()),
        available_days=np.minimum(release, end.max()) - rng.choice([0.0, 3.0, 60.0], num),
        exposure_per_day=rng.choice([0.0, 1.0, 12.5, 400.0], num),
        deferral_cost_per_day=rng.choice([0.0, 0.5, 3.0], num),
        change_cost=rng.choice([0.0, 5.0, 80.0], num),
        early_cost=rng.choice([0.0, 50.0], num),
        labour_minutes=labour,
        due_days=due,
        late_cost=np.where(np.isfinite(due), rng.choice([0.0, 100.0, 5_000.0], num), 0.0),
        hard_due=np.isfinite(due) & (due >= end.min()) & (rng.random(num) < 0.15) & hard,
        link_before=before,
        link_after=after,
        link_soak_days=rng.choice([0.0, 0.5, 2.0], len(before)),
        exclusion_a=np.array([a for a, _ in pairs], dtype=np.int64),
        exclusion_b=np.array([b for _, b in pairs], dtype=np.int64),
    )


def random_latest(problem: Problem, seed: int) -> Floats:
    """Make days by which some changes must be done, beside their soft due dates; some cannot be met."""
    rng = np.random.default_rng([seed, 13])
    days = rng.choice([4.0, 8.0, 12.0, 20.0], problem.num_changes)
    return np.where(rng.random(problem.num_changes) < 0.2, days, np.inf)


def random_caps(problem: Problem, seed: int) -> Caps:
    """Make one to three rows of caps, alone and mixed: units, shares of exposure, moves; some cannot hold."""
    rng = np.random.default_rng([seed, 11])
    rows = []
    for _ in range(int(rng.integers(1, 4))):
        parts = rng.random(3) < 0.5
        slots = np.arange(problem.num_slots)
        units = tuple(
            (rng.permutation(slots)[: int(rng.integers(0, 4))], float(rng.choice([0.0, 0.5, 1.0, 3.0, 1e9])))
            for _ in range(int(rng.integers(1, 5)))
        )
        picked = np.flatnonzero(rng.random(problem.num_changes) < 0.6)
        worst = float((problem.exposure_per_day[picked] * problem.horizon_days).sum())
        rows.append(
            CapRow(
                limit=worst * rng.uniform(0.2, 1.2)
                if parts[1]
                else float(rng.choice([0.0, 1.0, 2.0, 4.0, 9.0])),
                units=units if parts[0] else (),
                shares=(picked, rng.choice([0.5, 1.0], len(picked))) if parts[1] else None,
                kept_window=rng.integers(-1, problem.num_windows, problem.num_changes) if parts[2] else None,
                move_amount=rng.choice([0.0, 1.0, 3.0], problem.num_changes) if parts[2] else None,
            )
        )
    return join_caps(rows, problem.num_changes)


def _change_counts(rng: np.random.Generator, use: np.ndarray, most_plans: int) -> Ints:
    counts = np.zeros(len(use), dtype=np.int64)
    plans = 1
    for group in rng.integers(0, len(use), int(rng.integers(1, 9))):
        plans *= int(use[group].sum()) + 1
        if plans > most_plans:
            break
        counts[group] += 1
    return counts


def _links(rng: np.random.Generator, num: int) -> tuple[Ints, Ints]:
    chain = rng.permutation(num)[: int(rng.choice([0, 0, 2, 3]))]
    links = list(itertools.pairwise(chain))
    if num >= 4 and rng.random() < 0.2:
        links.append((min(chain, default=0), num - 1) if num - 1 not in chain else (0, 1))
    links = [(int(a), int(b)) for a, b in links if a != b]
    if len({frozenset(link) for link in links}) < len(links) or _has_circle(links):
        links = links[:1]
    array = np.array(links, dtype=np.int64).reshape(-1, 2)
    return array[:, 0].copy(), array[:, 1].copy()


def _has_circle(links: list[tuple[int, int]]) -> bool:
    reach = set(links)
    while True:
        more = {(a, d) for a, b in reach for c, d in reach if b == c} - reach
        if not more:
            return any(a == b for a, b in reach)
        reach |= more


@dataclass(frozen=True)
class AllPlans:
    """Every plan of a tiny problem: windows ``(N, J)``, exposure plus late cost, disruption, feasibility."""

    window: Ints
    exposure: Floats
    disruption: Floats
    is_feasible: np.ndarray

    def least(
        self, weight: float, disruption_cap: float = math.inf, exposure_cap: float = math.inf
    ) -> float | None:
        """Return the least weighted cost within caps, None when there is no plan."""
        within = self.is_feasible & (self.disruption <= disruption_cap) & (self.exposure <= exposure_cap)
        value = self.disruption if math.isinf(weight) else self.exposure + weight * self.disruption
        return float(value[within].min()) if within.any() else None


def all_plans(problem: Problem) -> AllPlans:
    """Enumerate every plan over the groups' own windows, and cost it in one pass over all of them."""
    options = []
    for change in range(problem.num_changes):
        group = problem.change_group[change]
        own = problem.slot_window[problem.slot_ptr[group] : problem.slot_ptr[group + 1]]
        options.append([-1, *own.tolist()])
    plans = np.array(list(itertools.product(*options)), dtype=np.int64)
    plans = plans.reshape(math.prod(len(option) for option in options), problem.num_changes)
    exposure, disruption = np.zeros(len(plans)), np.zeros(len(plans))
    ok = np.ones(len(plans), dtype=bool)
    start, end = problem.window_start_days, problem.window_end_days
    for j in range(problem.num_changes):
        done = plans[:, j] >= 0
        when = np.where(done, end[plans[:, j]], problem.horizon_days)
        waited = when - problem.release_days[j]
        late = (~done | (when > problem.due_days[j])) & (problem.due_days[j] < np.inf)
        exposure += problem.exposure_per_day[j] * waited + late * problem.late_cost[j]
        disruption += problem.deferral_cost_per_day[j] * waited
        fading = np.exp(-(when - problem.available_days[j]) / problem.settle_days)
        disruption += done * (problem.change_cost[j] + problem.early_cost[j] * fading)
        ok &= ~(done & (start[plans[:, j]] < problem.release_days[j]))
        ok &= ~(late & problem.hard_due[j])
        if problem.latest_days is not None:
            ok &= (done & (when <= problem.latest_days[j])) | (problem.latest_days[j] == np.inf)
    for before, after, soak in zip(
        problem.link_before, problem.link_after, problem.link_soak_days, strict=True
    ):
        early, later = plans[:, before], plans[:, after]
        ok &= (later < 0) | ((early >= 0) & (end[early] + soak <= start[later]))
    opened = np.zeros((problem.num_groups, problem.num_windows, len(plans)), dtype=bool)
    usage = np.zeros((problem.num_teams, problem.num_windows, len(plans)))
    for group in range(problem.num_groups):
        team = problem.group_team[group]
        for slot in range(problem.slot_ptr[group], problem.slot_ptr[group + 1]):
            window = problem.slot_window[slot]
            for j in range(problem.change_ptr[group], problem.change_ptr[group + 1]):
                here = plans[:, j] == window
                opened[group, window] |= here
                usage[team, window] += here * problem.labour_minutes[j]
            disruption += opened[group, window] * problem.slot_cost[slot]
            usage[team, window] += opened[group, window] * problem.slot_labour_minutes[slot]
    ok &= (usage <= problem.capacity_minutes[:, :, None]).all(axis=(0, 1))
    for a, b in zip(problem.exclusion_a, problem.exclusion_b, strict=True):
        for u, v in itertools.product(range(problem.num_windows), repeat=2):
            if start[u] < end[v] and start[v] < end[u]:
                ok &= ~(opened[a, u] & opened[b, v])
    for row in range(problem.caps.num_rows):
        limit = problem.caps.limit[row]
        ok &= _amounts(problem, plans, opened, row) <= limit + 1e-9 * max(1.0, limit)
    return AllPlans(plans, exposure, disruption, ok)


def _amounts(problem: Problem, plans: Ints, opened: np.ndarray, row: int) -> Floats:
    """Return what one row of caps adds up to under every plan."""
    caps = problem.caps
    amount = np.zeros(len(plans))
    slot_group = np.repeat(np.arange(problem.num_groups), np.diff(problem.slot_ptr))
    for unit in np.flatnonzero(caps.unit_row == row):
        used = np.zeros(len(plans), dtype=bool)
        for slot in caps.unit_slot[caps.unit_ptr[unit] : caps.unit_ptr[unit + 1]]:
            used |= opened[slot_group[slot], problem.slot_window[slot]]
        amount += used * caps.unit_amount[unit]
    for place in range(caps.share_ptr[row], caps.share_ptr[row + 1]):
        j = caps.share_change[place]
        when = np.where(plans[:, j] >= 0, problem.window_end_days[plans[:, j]], problem.horizon_days)
        amount += caps.share[place] * problem.exposure_per_day[j] * (when - problem.release_days[j])
    for count in np.flatnonzero(caps.move_row == row):
        for j in range(problem.num_changes):
            amount += (plans[:, j] != caps.kept_window[count, j]) * caps.move_amount[count, j]
    return amount
