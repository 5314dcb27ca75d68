"""How good a signed plan's figures were: downtime, failures and KEV hits, said before and counted after.

Every prediction comes from what the plan rested on, nothing from what is known since. An interval is the
middle 90 % of
the law that the prediction states; an actual figure outside it is a miss, and both sides' figures are
treated alike.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np

from poise.patching.outcomes import Outcome
from poise.planning.problem import Floats, Plan
from poise.risk.hazard import hazard_per_day, probability_within
from poise.risk.parameters import RiskParameters
from poise.table.ground import Ground


@dataclass(frozen=True)
class Predicted:
    """One figure that was said before, and what came.

    ``low`` and ``high`` are None where the plan stated no spread; ``actual`` is None while nothing is
    reported.
    ``basis`` tells what the two are sums over.
    """

    what: str
    unit: str
    predicted: float
    low: float | None
    high: float | None
    actual: float | None
    basis: str

    @property
    def is_inside(self) -> bool | None:
        """Return whether the actual figure lies in the interval, None where that cannot be said."""
        if self.low is None or self.high is None or self.actual is None:
            return None
        return self.low <= self.actual <= self.high


def record_of(
    ground: Ground,
    plan: Plan,
    outcomes: Mapping[str, Outcome],
    listed: Callable[[str], date | None],
    now: datetime,
) -> tuple[Predicted, ...]:
    """Return what a signed plan predicted until now, and what came.

    Parameters
    ----------
    ground, plan
        What was signed.
    outcomes
        The last word on each change, by its id.
    listed
        The day on which KEV lists a vulnerability, None for not yet.
    now
        Nothing later is predicted or counted.
    """
    return (
        _downtime(ground, plan, outcomes),
        _failures(ground, plan, outcomes),
        _kev_hits(ground, plan, outcomes, listed, now),
    )


def _downtime(ground: Ground, plan: Plan, outcomes: Mapping[str, Outcome]) -> Predicted:
    """Compare planned with noted minutes of the visits that somebody noted; changes of one visit share it."""
    planned = {group.id: group.reboot_minutes for group in ground.groups}
    noted: dict[tuple[str, int], float] = {}
    for number, change in enumerate(ground.changes):
        outcome = outcomes.get(change.id)
        window = int(plan.window[number])
        if outcome is not None and outcome.downtime_minutes is not None and window >= 0:
            visit = (change.group, window)
            noted[visit] = max(noted.get(visit, 0.0), outcome.downtime_minutes)
    return Predicted(
        what="Planned downtime",
        unit="h",
        predicted=sum(planned[group] for group, _ in noted) / 60,
        low=None,
        high=None,
        actual=sum(noted.values()) / 60 if noted else None,
        basis=f"{len(noted)} visits whose downtime was noted",
    )


def _failures(ground: Ground, plan: Plan, outcomes: Mapping[str, Outcome]) -> Predicted:
    """Compare expected with reported failures of the changes that were tried."""
    tried = [
        (change.failure_probability, outcomes[change.id].status in ("failed", "rolled_back"))
        for change in ground.changes
        if change.id in outcomes and outcomes[change.id].status != "not_done"
    ]
    law = count_law([chance for chance, _ in tried])
    low, high = _middle(law)
    return Predicted(
        what="Failed changes",
        unit="changes",
        predicted=sum(chance for chance, _ in tried),
        low=low,
        high=high,
        actual=float(sum(failed for _, failed in tried)) if tried else None,
        basis=f"{len(tried)} changes that were tried",
    )


def _kev_hits(
    ground: Ground,
    plan: Plan,
    outcomes: Mapping[str, Outcome],
    listed: Callable[[str], date | None],
    now: datetime,
) -> Predicted:
    """Compare expected with actual listings in KEV of changes that were still open when they came.

    Expected: hazard by the highest EPSS of a change, times the share of activity that KEV lists (the
    emergency
    share of docs/model.md, section 4), times the days that it was open.
    """
    share = RiskParameters().emergency_share
    chances, hits = [], 0
    for number, change in enumerate(ground.changes):
        if change.is_kev:
            continue
        closed = min(_closed(ground, plan, number, outcomes.get(change.id)), now)
        days = max(0.0, (closed - ground.now).total_seconds() / 86_400)
        chances.append(probability_within(share * hazard_per_day(change.epss_max or 0.0), days))
        found = [day for one in change.vulnerabilities if (day := listed(one)) is not None]
        first = min(found, default=None)
        hits += first is not None and ground.now.date() < first <= closed.date()
    low, high = _middle(count_law(chances))
    return Predicted(
        what="Open when KEV listed it",
        unit="changes",
        predicted=math.fsum(chances),
        low=low,
        high=high,
        actual=float(hits),
        basis=f"{len(chances)} changes that KEV did not list when the plan was made",
    )


def _closed(ground: Ground, plan: Plan, number: int, outcome: Outcome | None) -> datetime:
    """Return when a change was closed: as reported, else as planned; never means the horizon's end."""
    if outcome is not None:
        if outcome.status != "done":
            return ground.horizon_end
        if outcome.finished is not None:
            return outcome.finished
    window = int(plan.window[number])
    return ground.windows[window].end if window >= 0 else ground.horizon_end


def count_law(chances: Sequence[float]) -> Floats:
    """Return the law of how many of independent events happen (Poisson binomial), shape ``(n + 1,)``."""
    law: Floats = np.ones(1)
    for chance in chances:
        law = np.append(law, 0.0) * (1.0 - chance) + np.append(0.0, law) * chance
        # What can no longer matter is cut, so that thousands of changes take no time.
        keep = int(np.searchsorted(np.cumsum(law), 1.0 - 1e-12)) + 1
        law = law[:keep]
    return law


def _middle(law: Floats) -> tuple[float, float]:
    """Return the smallest counts at or below which 5 % and 95 % of a law lie."""
    below = np.cumsum(law)
    return float(np.searchsorted(below, 0.05)), float(np.searchsorted(below, 0.95 - 1e-12))


def latest(reported: Sequence[Outcome]) -> dict[str, Outcome]:
    """Return the last word on each change."""
    return {outcome.change: outcome for outcome in reported}
