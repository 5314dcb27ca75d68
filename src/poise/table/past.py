"""What of a plan lies in the past already when people talk about signing it (ADR 0032)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from poise.planning.problem import Plan
from poise.table.ground import Ground


@dataclass(frozen=True, slots=True)
class PastVisit:
    """An opening of a group whose window has ended.

    Parameters
    ----------
    changes
        Ids of the changes that were planned for it and of which nobody has recorded anything.
    """

    group: str
    team: str
    start: datetime
    end: datetime
    changes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Past:
    """The visits of a plan that are over at some moment.

    Parameters
    ----------
    visits
        Those that are over, in order of time.
    num_visits
        All visits of the plan.
    """

    visits: tuple[PastVisit, ...]
    num_visits: int

    @property
    def num_changes(self) -> int:
        """Changes of visits that are over, of which nobody has recorded what became of them."""
        return sum(len(one.changes) for one in self.visits)

    @property
    def is_all(self) -> bool:
        """Whether nothing of the plan lies ahead."""
        return bool(self.visits) and len(self.visits) == self.num_visits

    @property
    def sentence(self) -> str:
        """What is over and what that means for who signs; empty when nothing is."""
        if not self.visits:
            return ""
        is_one = len(self.visits) == 1
        count = "All" if self.is_all and self.num_visits > 1 else f"{len(self.visits):,}"
        said = f"{count} of its {_counted(self.num_visits, 'visit')} {'is' if is_one else 'are'} over already"
        if not self.num_changes:
            return f"{said}; what became of every change of {'it' if is_one else 'them'} is recorded."
        was = "was" if self.num_changes == 1 else "were"
        return (
            f"{said}: {_counted(self.num_changes, 'change')} {was} planned then, and nobody has recorded "
            f"that {'it' if self.num_changes == 1 else 'any'} was done. The figures count all as done then."
        )


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what if number == 1 else what + 's'}"


def past(ground: Ground, plan: Plan, moment: datetime, recorded: Collection[str] = ()) -> Past:
    """Return which visits of a plan are over.

    Parameters
    ----------
    moment
        A window that ends then is over.
    recorded
        Ids of changes of which somebody has recorded what became of them.
    """
    changes: dict[tuple[int, int], list[str]] = {}
    for number in np.flatnonzero(plan.window >= 0).tolist():
        visit = int(plan.window[number]), int(ground.problem.change_group[number])
        changes.setdefault(visit, []).append(ground.changes[number].id)
    visits = [
        PastVisit(
            group=ground.groups[group].id,
            team=ground.groups[group].team,
            start=ground.windows[window].start,
            end=ground.windows[window].end,
            changes=tuple(one for one in found if one not in recorded),
        )
        for (window, group), found in changes.items()
        if ground.windows[window].end <= moment
    ]
    return Past(tuple(sorted(visits, key=lambda one: (one.start, one.group))), len(changes))


def num_over_when_signed(body: Mapping[str, Any], signed: datetime) -> int:
    """Return how many visits of a signed agreement were over at the moment at which it came into force."""
    return sum(datetime.fromisoformat(one["end"]) <= signed for one in body["windows"])
