"""From findings to changes: the unit that a plan schedules."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Change:
    """One remedy on one patch group.

    Parameters
    ----------
    id
        Stable: the same input gives the same id, ``"CH-"`` and 10 hex digits of its content.
    group
        Patch group id.
    remedy
        What to do, in a few words: ``"openssl to 3.0.13-1"``, ``"KB5034441"``.
    remedy_key
        Equal for the same remedy on other groups, whatever version each needs; links rings.
    vulnerabilities
        Distinct vulnerability ids that it removes, sorted.
    assets
        Distinct asset ids of the group that need it, sorted.
    num_findings
        How many findings fold into it.
    available
        When the fix was published, None when unknown.
    needs_reboot
        Whether the services go down for it.
    hazard_per_day, exposure_per_day, deferral_cost_per_day
        [1/d], [money/d], [money/d].
    exposure_low_per_day, exposure_high_per_day
        90 % range of ``exposure_per_day`` from the owners' loss ranges [money/d].
    deadline, deadline_source
        Day by which law or policy wants it done, and which; None and "" where none does.
    cvss_max, epss_max, is_kev, is_ransomware, bod_label, bod_days, severity
        What people's rules sort by: the worst of its vulnerabilities; None and "" where unknown.
    known_exploited
        Those of ``vulnerabilities`` that CISA lists as exploited.
    assumed
        What had to be assumed: ``"epss of CVE-..."``, ``"downtime cost of tier 2"``.
    """

    id: str
    group: str
    remedy: str
    remedy_key: str
    vulnerabilities: tuple[str, ...]
    assets: tuple[str, ...]
    num_findings: int
    available: date | None
    needs_reboot: bool
    hazard_per_day: float
    exposure_per_day: float
    exposure_low_per_day: float
    exposure_high_per_day: float
    deferral_cost_per_day: float
    labour_minutes: float
    failure_probability: float
    recovery_cost: float
    deadline: date | None
    deadline_source: str
    first_seen: date | None
    cvss_max: float | None
    epss_max: float | None
    is_kev: bool
    is_ransomware: bool
    bod_label: str
    bod_days: float | None
    severity: str
    known_exploited: tuple[str, ...] = ()
    assumed: frozenset[str] = frozenset()
