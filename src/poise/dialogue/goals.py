"""Goals: which ones are shared, what they cover, and what lies ahead for their services."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from poise.bargain.rounds import Party
from poise.dialogue.base import PARTIES
from poise.dialogue.outlook import Cost, Prospect
from poise.dialogue.state import Dialogue


@dataclass(frozen=True)
class GoalView:
    """A goal as both see it.

    Parameters
    ----------
    endorsed
        Which sides endorse it.
    plan, default
        What its services cost under the plan that holds, and if nobody had signed; None without a table.
    is_signed
        Whether the plan that holds was signed.
    contested, ended
        Ids of disagreements that name it.
    unknown
        Its services that the table does not know.
    """

    id: str
    title: str
    measure: str
    services: tuple[str, ...]
    endorsed: tuple[Party, ...]
    is_over: bool
    plan: Cost | None
    default: Cost | None
    is_signed: bool
    contested: tuple[str, ...]
    ended: tuple[str, ...]
    unknown: tuple[str, ...] = ()

    @property
    def is_shared(self) -> bool:
        """Whether both endorse it and it is not over."""
        return len(self.endorsed) == 2 and not self.is_over


@dataclass(frozen=True)
class Goals:
    """All goals, and how far they reach.

    Parameters
    ----------
    linked, contested
        Open disagreements that name a shared goal, of all open ones.
    unlinked
        Ids of the others.
    uncovered
        Services of the table that no shared goal names.
    """

    goals: tuple[GoalView, ...]
    linked: int
    contested: int
    unlinked: tuple[str, ...]
    uncovered: tuple[str, ...]


def view_goals(state: Dialogue, now: datetime, prospect: Prospect | None = None) -> Goals:
    """Return the goals at a moment, with costs where there is a table."""
    views = []
    known = {service.id for service in prospect.ground.services} if prospect else set()
    for id, goal in state.goals.items():
        services = goal.act.services
        about = [one for one in state.disagreements.values() if one.goal == id]
        views.append(
            GoalView(
                id=id,
                title=goal.act.title,
                measure=goal.act.measure,
                services=services,
                endorsed=tuple(party for party in PARTIES if party in goal.endorsed),
                is_over=goal.retired is not None,
                plan=prospect.plan.cost(services) if prospect else None,
                default=prospect.default.cost(services) if prospect else None,
                is_signed=prospect is not None and prospect.agreed is not None,
                contested=tuple(one.act.id for one in about if one.ended is None),
                ended=tuple(one.act.id for one in about if one.ended is not None),
                unknown=tuple(name for name in services if prospect and name not in known),
            )
        )
    shared = {view.id for view in views if view.is_shared}
    covered = {name for view in views if view.is_shared for name in view.services}
    contested = state.contested()
    unlinked = tuple(one.act.id for one in contested if one.goal not in shared)
    return Goals(
        tuple(views), len(contested) - len(unlinked), len(contested), unlinked, tuple(sorted(known - covered))
    )
