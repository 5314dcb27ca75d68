"""The rules that people patch by today, played on the same windows and the same teams.

Each rule is only an order of work and the windows it allows; one list scheduler fills the calendar.
They are the honest baseline: what each costs more than the frontier is printed, whatever it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from poise.patching.case import PatchCase
from poise.planning.problem import Floats, Plan
from poise.planning.schedule import schedule_by_priority
from poise.risk.change import Change

#: Days to fix by severity, the most common service level (15/30/90/180).
SLA_DAYS: Mapping[str, float] = {"critical": 15, "high": 30, "medium": 90, "low": 180, "info": 365}
#: A severity that no report states is worked like a medium one, and the report says so.
UNKNOWN_SEVERITY_SLA_DAYS = 90.0


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule people use.

    Parameters
    ----------
    key, label, sentence
        For plan.json and the report.
    urgency
        The larger, the earlier the change is scheduled; any order of numbers.
    is_monthly
        Only the first window of each calendar month is used.
    """

    key: str
    label: str
    sentence: str
    urgency: Callable[[Change, float], tuple[float, ...]]
    is_monthly: bool = False


def _cvss(change: Change, _: float) -> tuple[float, ...]:
    return (change.cvss_max if change.cvss_max is not None else 5.0,)


def _kev_then_epss(change: Change, _: float) -> tuple[float, ...]:
    return (float(change.is_kev), change.epss_max if change.epss_max is not None else 0.0)


def _severity_sla(change: Change, age_days: float) -> tuple[float, ...]:
    return (age_days - SLA_DAYS.get(change.severity, UNKNOWN_SEVERITY_SLA_DAYS),)


def _bod_26_04(change: Change, age_days: float) -> tuple[float, ...]:
    allowed = change.bod_days if change.bod_days is not None else 365.0
    return (age_days - allowed,)


def _density(change: Change, _: float) -> tuple[float, ...]:
    return (change.exposure_per_day / max(change.labour_minutes, 1e-9),)


RULES: tuple[Rule, ...] = (
    Rule("cvss-first", "CVSS first", "Highest CVSS score first, as early as capacity allows.", _cvss),
    Rule("kev-then-epss", "KEV, then EPSS", "Known-exploited first, then by EPSS.", _kev_then_epss),
    Rule(
        "severity-sla",
        "Severity deadlines",
        "Earliest deadline first: critical 15, high 30, medium 90, low 180 days.",
        _severity_sla,
    ),
    Rule("bod-26-04", "BOD 26-04", "Earliest CISA BOD 26-04 deadline first.", _bod_26_04),
    Rule(
        "hazard-per-minute",
        "Exposure per labour minute",
        "Most exposure removed per minute of labour first.",
        _density,
    ),
    Rule(
        "monthly-only",
        "Monthly only",
        "The first window of each month and no other, highest CVSS score first.",
        _cvss,
        is_monthly=True,
    ),
)


def play(case: PatchCase, rule: Rule) -> Plan:
    """Return the plan that a rule makes on this case; never breaks a hard rule of the calendar."""
    today = case.now.astimezone(ZoneInfo(case.estate.timezone)).date()
    keys = [
        rule.urgency(change, float((today - change.first_seen).days) if change.first_seen else 0.0)
        for change in case.changes
    ]
    allowed = _monthly(case) if rule.is_monthly else None
    return schedule_by_priority(case.problem, ranks(keys), allowed_windows=allowed)


def ranks(keys: list[tuple[float, ...]]) -> Floats:
    """Return one number per key that keeps their order; ties stay ties."""
    number = {key: float(index) for index, key in enumerate(sorted(set(keys)))}
    return np.array([number[key] for key in keys], dtype=np.float64)


def _monthly(case: PatchCase) -> npt.NDArray[np.bool_]:
    """Return which windows are the first of their calendar's month, shape ``(W,)``."""
    zone = ZoneInfo(case.estate.timezone)
    allowed = np.zeros(len(case.windows), dtype=np.bool_)
    seen = set()
    for index in np.argsort(case.problem.window_start_days, kind="stable"):
        window = case.windows[index]
        local = window.start.astimezone(zone)
        month = (window.calendar, local.year, local.month)
        allowed[index] = month not in seen
        seen.add(month)
    return allowed
