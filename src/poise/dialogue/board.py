"""The board's page: one a quarter, of decisions and their results. No signal, no survey, nobody's score."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from poise.dialogue.goals import GoalView, view_goals
from poise.dialogue.outlook import Cost, Prospect, Week
from poise.dialogue.state import Dialogue
from poise.dialogue.survey import quarter_of
from poise.patching.document import PlanDocument

#: Residual risks on the page, the largest first; the rest is counted.
MOST_RISKS = 6


@dataclass(frozen=True)
class SignedPlan:
    """An agreement of the quarter, and whether it was kept."""

    record: str
    time: datetime
    expected_loss: float
    disruption: float
    default_loss: float
    default_disruption: float
    reopened: datetime | None
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Policy:
    """A rule in use elsewhere, played on the same backlog."""

    label: str
    expected_loss: float
    disruption: float
    weeks: tuple[Week, ...] = ()


@dataclass(frozen=True)
class Risk:
    """A residual risk with its owner: the owner's role answers for it, nobody is rated."""

    what: str
    owner: str
    until: date
    exposure_per_day: float | None


@dataclass(frozen=True)
class Board:
    """The page.

    Parameters
    ----------
    agreed, default
        The plan week by week, and what would have happened without it; empty without a table.
    risks, more_risks
        The largest residual risks, and how many there are beside them.
    wanted
        What was escalated jointly or alone and is not decided: (title, decision wanted, joint or one-sided).
    """

    quarter: str
    at: datetime
    currency: str
    goals: tuple[GoalView, ...]
    cost: Cost | None
    default_cost: Cost | None
    agreed: tuple[Week, ...]
    default: tuple[Week, ...]
    policies: tuple[Policy, ...]
    agreements: tuple[SignedPlan, ...]
    settled: tuple[tuple[str, str], ...]
    risks: tuple[Risk, ...]
    more_risks: int
    wanted: tuple[tuple[str, str, str], ...]


def make_board(
    state: Dialogue, now: datetime, prospect: Prospect | None = None, document: PlanDocument | None = None
) -> Board:
    """Return the page of the quarter that `now` lies in.

    Parameters
    ----------
    prospect
        Of the table.
    document
        A plan document, for the rules that others use on the same backlog; without one the table's.
    """
    quarter = quarter_of(now)
    risks = _risks(state, prospect)
    agreed = prospect.agreed if prospect else None
    return Board(
        quarter=quarter,
        at=now,
        currency=prospect.ground.currency if prospect else state.currency,
        goals=tuple(one for one in view_goals(state, now, prospect).goals if one.is_shared),
        cost=agreed.cost() if agreed else None,
        default_cost=prospect.default.cost() if prospect else None,
        agreed=agreed.weeks() if agreed else (),
        default=prospect.default.weeks() if prospect else (),
        policies=_policies(prospect, document),
        agreements=tuple(_signed(state, quarter)),
        settled=tuple(
            (one.act.title, end.proposed.outcome)
            for one in state.disagreements.values()
            for end in one.settled
            if quarter_of(end.time) == quarter and one.ended is not None
        ),
        risks=tuple(risks[:MOST_RISKS]),
        more_risks=max(0, len(risks) - MOST_RISKS),
        wanted=tuple(_wanted(state)),
    )


def _policies(prospect: Prospect | None, document: PlanDocument | None) -> tuple[Policy, ...]:
    if document is None:
        if prospect is None:
            return ()
        costs = {label: (outlook, outlook.cost()) for label, outlook in prospect.rules.items()}
        return tuple(
            Policy(label, cost.exposure, cost.disruption, outlook.weeks())
            for label, (outlook, cost) in costs.items()
        )
    return tuple(
        Policy(one.label, one.expected_loss, one.disruption) for one in document.plans if one.kind == "rule"
    )


def _signed(state: Dialogue, quarter: str) -> list[SignedPlan]:
    found = []
    for one in state.agreements.values():
        ended = quarter_of(one.reopened) if one.reopened else None
        if quarter not in (quarter_of(one.time), ended) and one is not state.in_force:
            continue
        body, otherwise = one.body, one.body.get("default") or {}
        found.append(
            SignedPlan(
                one.record,
                one.time,
                body.get("expected_loss", 0.0) + body.get("late_cost", 0.0),
                body.get("disruption", 0.0),
                otherwise.get("expected_loss", 0.0) + otherwise.get("late_cost", 0.0),
                otherwise.get("disruption", 0.0),
                one.reopened,
                one.reasons,
            )
        )
    return found


def _risks(state: Dialogue, prospect: Prospect | None) -> list[Risk]:
    risks = []
    known = (
        {change.id: f"{change.remedy} on {change.group}" for change in prospect.ground.changes}
        if prospect
        else {}
    )
    if state.in_force is not None:
        risks = [
            Risk(
                f"{known.get(one['change'], one['change'])} ({one['state']})",
                one["owner"],
                date.fromisoformat(one["until"]),
                one["exposure_per_day"],
            )
            for one in state.in_force.body.get("residual", ())
        ]
    risks += [
        Risk(one.act.what, one.act.owner, one.until, one.act.exposure_per_day)
        for one in state.exceptions.values()
        if one.closed is None
    ]
    # What nobody priced comes first: it is not known to be small.
    return sorted(
        risks, key=lambda one: (one.exposure_per_day is not None, -(one.exposure_per_day or 0), one.what)
    )


def _wanted(state: Dialogue) -> list[tuple[str, str, str]]:
    found = []
    for one in state.contested():
        for page in one.escalations[-1:]:
            if page.decided is None:
                kind = "joint" if page.kind == "joint" else "one-sided"
                found.append((one.act.title, str(page.page.get("wanted") or one.act.title), kind))
    return found
