"""Changes that fail and are rolled back in a replay: the same failures for every way of deciding."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np

from poise.evidence.companies import KINDS, Company
from poise.planning.problem import Floats, Ints
from poise.risk.parameters import RiskParameters
from poise.risk.simulation.outcomes import REPAIR_SIGMA

_PARAMETERS = RiskParameters()
#: Chance that a settled change fails: the prior of a team without a record (docs/model.md, section 4).
SETTLED = _PARAMETERS.failure_prior_failed / _PARAMETERS.failure_prior_done
#: Separates these draws from those that make the company.
_PURPOSE = 7


@dataclass(frozen=True)
class Luck:
    """What would happen to each pair of a company if it were changed in a week; shapes ``(Q,)``.

    ``level`` is uniform in (0, 1): a change fails whose chance is above it. ``repair_hours`` is how long
    mending it
    would take [h].
    """

    level: Floats
    repair_hours: Floats

    @classmethod
    def of(cls, company: Company, day: date) -> Luck:
        """Return the luck of a week; it hangs on the company's kind and seed, the pair and the day alone."""
        words = [company.seed, KINDS.index(company.kind), day.toordinal(), _PURPOSE]
        rng = np.random.default_rng(np.random.SeedSequence(words))
        level = rng.random(company.num_pairs)
        spread = np.exp(REPAIR_SIGMA * rng.standard_normal(company.num_pairs) - REPAIR_SIGMA**2 / 2)
        return cls(level, _PARAMETERS.recovery_hours * spread)

    def failed(self, pairs: Ints, age_days: Floats) -> Ints:
        """Return those of some pairs whose change fails.

        Parameters
        ----------
        pairs, age_days
            What is changed, and for how long its newest fix has been out [d]; shapes ``(K,)``.
        """
        early = _PARAMETERS.early_failure_factor * np.exp(
            -np.maximum(age_days, 0.0) / _PARAMETERS.settle_days
        )
        return pairs[self.level[pairs] < np.minimum(SETTLED * (1.0 + early), 1.0)]

    def mending(self, company: Company, failed: Ints) -> tuple[float, float]:
        """Return hours (downtime times the capacity lost, plus labour) and money of mending failures."""
        group, hours = company.pair_group[failed], self.repair_hours[failed]
        down = hours * company.capacity_loss[group]
        money = float(company.downtime_per_hour[group] @ down) + float(hours.sum()) * company.hourly_rate
        return float(down.sum() + hours.sum()), money
