"""Parts of a problem that nothing couples: each is a problem of its own, solved and proven alone."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields, replace

import numpy as np

from poise.planning.components import lowest_connected
from poise.planning.problem import Ints, Problem


@dataclass(frozen=True)
class Part:
    """Teams, groups, changes and slots that share no team, link or exclusion with any other.

    All are indices into the whole problem, in growing order.
    """

    teams: Ints
    groups: Ints
    changes: Ints
    slots: Ints


def split(problem: Problem) -> list[Part]:
    """Split a problem into parts that nothing couples, ordered by their lowest team."""
    root = _team_roots(problem)
    group_root = root[problem.group_team]
    parts = []
    for lowest in np.unique(group_root):
        groups = np.flatnonzero(group_root == lowest)
        parts.append(
            Part(
                teams=np.flatnonzero(root == lowest),
                groups=groups,
                changes=_members(problem.change_ptr, groups),
                slots=_members(problem.slot_ptr, groups),
            )
        )
    return parts


def extract(problem: Problem, part: Part) -> Problem:
    """Return a part as a problem, its teams, groups, changes and slots renumbered in order."""
    if len(part.groups) == problem.num_groups and len(part.teams) == problem.num_teams:
        return problem
    team_at = np.full(problem.num_teams, -1)
    team_at[part.teams] = np.arange(len(part.teams))
    group_at = np.full(problem.num_groups, -1)
    group_at[part.groups] = np.arange(len(part.groups))
    change_at = np.full(problem.num_changes, -1)
    change_at[part.changes] = np.arange(len(part.changes))
    links = change_at[problem.link_after] >= 0
    exclusions = group_at[problem.exclusion_a] >= 0
    by_slot = ("slot_window", "slot_cost", "slot_labour_minutes")
    by_change = (
        "release_days", "available_days", "exposure_per_day", "deferral_cost_per_day", "change_cost",
        "early_cost", "labour_minutes", "due_days", "late_cost", "hard_due",
    )  # fmt: skip
    latest = problem.latest_days
    return replace(
        problem,
        latest_days=None if latest is None else latest[part.changes],
        group_team=team_at[problem.group_team[part.groups]],
        capacity_minutes=problem.capacity_minutes[part.teams],
        slot_ptr=_pointers(problem.slot_ptr, part.groups),
        change_ptr=_pointers(problem.change_ptr, part.groups),
        **{name: getattr(problem, name)[part.slots] for name in by_slot},
        **{name: getattr(problem, name)[part.changes] for name in by_change},
        link_before=change_at[problem.link_before[links]],
        link_after=change_at[problem.link_after[links]],
        link_soak_days=problem.link_soak_days[links],
        exclusion_a=group_at[problem.exclusion_a[exclusions]],
        exclusion_b=group_at[problem.exclusion_b[exclusions]],
    )


def fingerprint(problem: Problem, weight: float) -> str:
    """Return a digest of all facts of a problem without caps and of a weight."""
    digest = hashlib.blake2b(np.float64(weight).tobytes(), digest_size=20)
    for item in fields(problem):
        value = getattr(problem, item.name)
        if item.name == "caps" or value is None:
            continue
        array = np.ascontiguousarray(value)
        digest.update(f"{item.name} {array.dtype} {array.shape};".encode())
        digest.update(array.data)
    return digest.hexdigest()


def _team_roots(problem: Problem) -> Ints:
    """Return for each team the lowest one that links and exclusions tie it to."""
    links = problem.change_group[np.stack([problem.link_before, problem.link_after], axis=1)]
    exclusions = np.stack([problem.exclusion_a, problem.exclusion_b], axis=1)
    pairs = problem.group_team[np.concatenate([links, exclusions])].reshape(-1, 2)
    return lowest_connected(problem.num_teams, pairs[:, 0], pairs[:, 1])


def _members(ptr: Ints, groups: Ints) -> Ints:
    """Return the items of these groups in order."""
    counts = ptr[groups + 1] - ptr[groups]
    before = np.cumsum(counts) - counts
    return np.repeat(ptr[groups] - before, counts) + np.arange(int(counts.sum()))


def _pointers(ptr: Ints, groups: Ints) -> Ints:
    return np.concatenate(([0], np.cumsum(ptr[groups + 1] - ptr[groups])))
