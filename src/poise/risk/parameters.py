"""Every number of the risk model that nobody measured for this company, with its source.

They are inputs, not constants: each can be set, and the report lists those that were left at
the value below as assumed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType

from poise.estate.model import Zone


@dataclass(frozen=True, slots=True)
class Sourced:
    """A default value, and where it comes from."""

    value: float
    source: str


#: Yearly rate of a serious incident through an unpatched vulnerability, and its 90 % range.
#: IRIS 2025: 9.3 % of organisations have a significant incident in a year; DBIR 2026: exploited
#: vulnerabilities open 31 % of breaches; -ln(1 - 0.093) x 0.31 = 0.030 per year.
BASE_RATE_PER_YEAR = Sourced(
    0.030, "Cyentia IRIS 2025 (9.3 %/year) x Verizon DBIR 2026 (31 % by exploitation)"
)
BASE_RATE_RANGE_PER_YEAR = (0.010, 0.090)


@dataclass(frozen=True, slots=True)
class RiskParameters:
    """Inputs of the risk model.

    Parameters
    ----------
    kev_floor
        Least 30-day probability of exploitation of a vulnerability in CISA's KEV catalogue [1].
        A floor and not 1, because activity goes dormant for long spells.
    zone_factor
        How much of the hazard reaches an asset in each exposure zone [1]. No published multiplier
        is solid; these rank the zones and are the owner's to set.
    ransomware_loss_factor
        Raises the loss of an incident (not its chance) where ransomware crews use it [1].
    failure_prior_failed, failure_prior_done
        Beta prior of a change's failure, as pseudo-counts: 1.5 of 50 is 3 %.
    early_failure_factor, settle_days
        A fresh patch fails (1 + factor) times as often as an aged one; the surplus decays with
        this time constant [d].
    recovery_hours
        Time to roll a failed change back [h], for a team that gave none.
    emergency_share
        Share of vulnerabilities with new exploitation activity that force an unplanned visit [1].
    base_rate_per_year
        [1/year]; the estate's own figure goes before it.
    late_cost
        Price of one missed deadline [money].
    overdue_grace_days
        Second clock of a deadline missed before the plan began [d]: left open beyond it, it is late
        again.
    bod_binds
        Whether BOD 26-04 sets deadlines beside the KEV catalogue's due dates; it binds US federal
        agencies, and is shown as a label in any case.
    """

    kev_floor: float = 0.5
    zone_factor: MappingProxyType[Zone, float] = field(
        default_factory=lambda: MappingProxyType(
            {"internet": 1.0, "partner": 0.5, "internal": 0.2, "isolated": 0.02}
        )
    )
    ransomware_loss_factor: float = 1.5
    failure_prior_failed: float = 1.5
    failure_prior_done: float = 50.0
    early_failure_factor: float = 1.0
    settle_days: float = 14.0
    recovery_hours: float = 2.0
    emergency_share: float = 0.02
    base_rate_per_year: float = BASE_RATE_PER_YEAR.value
    late_cost: float = 1_000.0
    overdue_grace_days: float = 30.0
    bod_binds: bool = False

    def __post_init__(self) -> None:
        for name, low, high in (
            ("kev_floor", 0.0, 0.999),
            ("emergency_share", 0.0, 1.0),
        ):
            value = getattr(self, name)
            if not low <= value <= high:
                raise ValueError(f"Expected {name} in [{low:g}, {high:g}], got {value!r}.")
        for name in (
            "ransomware_loss_factor",
            "failure_prior_failed",
            "failure_prior_done",
            "early_failure_factor",
            "settle_days",
            "recovery_hours",
            "base_rate_per_year",
            "late_cost",
            "overdue_grace_days",
        ):
            if not getattr(self, name) >= 0:
                raise ValueError(f"Expected {name} >= 0, got {getattr(self, name)!r}.")


#: Where each default comes from, for the list of assumptions.
SOURCES: dict[str, str] = {
    "kev_floor": "Poise's choice: KEV is evidence of exploitation, yet a third of exploited CVEs go "
    "dormant at times (Cyentia/FIRST, July 2024)",
    "zone_factor": "Poise's choice: no published multiplier is solid; only the order of the zones is",
    "ransomware_loss_factor": "Poise's choice; set it from your own loss data",
    "failure_prior_failed": "Between Microsoft 2010 (2 of 45 updates re-released, 4.4 %) and vendors' '<2 %'",
    "early_failure_factor": "Poise's choice, after the cooldown studies of 2025 (most bad releases are "
    "found within 7 to 14 days)",
    "recovery_hours": "Poise's choice; give your team's own recovery_hours",
    "emergency_share": "About 245 KEV additions in 2025 against about 12,000 CVEs exploited in a month "
    "(EPSS v4)",
    "base_rate_per_year": BASE_RATE_PER_YEAR.source,
    "late_cost": "Poise's choice: agree on your own price of a missed deadline",
    "overdue_grace_days": "Poise's choice: agree on your own second clock for what is overdue",
}
