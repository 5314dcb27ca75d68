"""Services, assets, patch groups, teams and calendars, as plain facts.

Money is in the workspace's one currency. Every figure that nobody gave but a tier's
value stands in for is named in ``assumed`` of its owner, and shows as assumed wherever it
is printed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal

import numpy as np
import numpy.typing as npt

Zone = Literal["internet", "partner", "internal", "isolated"]


@dataclass(frozen=True, slots=True)
class Service:
    """Something the business uses and somebody answers for.

    Parameters
    ----------
    downtime_cost_per_hour
        Cost of one hour of downtime [money/h], shape ``(7, 24)``: weekday (Monday first) by
        local hour.
    loss_low, loss_high
        Owner's 90 % range of the loss in one serious security incident [money]; read as the 5th
        and 95th percentile of a lognormal.
    assumed
        Names of the fields above that are the tier's values and not the owner's.
    """

    id: str
    name: str
    owner: str
    tier: int
    downtime_cost_per_hour: npt.NDArray[np.float64]
    loss_low: float
    loss_high: float
    timezone: str
    goals: tuple[str, ...] = ()
    assumed: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Match:
    """Which assets belong to a patch group; an asset matches if any one pattern does.

    Patterns are tried most specific first: exact host or IP, then glob, then tag, then CIDR
    (longest prefix first), and the first group that claims an asset keeps it.
    """

    hosts: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    cidrs: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    #: Directory, repository or package URL of what was scanned as source or SBOM.
    paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PatchGroup:
    """Like hosts that are patched together, in one window of one calendar by one team.

    Parameters
    ----------
    services
        Ids of the services that run on it; all of them are down while it reboots, unless the
        group is one half of a redundant cluster.
    redundant_with
        Ids of the groups that carry the load meanwhile; never opened in overlapping windows.
    capacity_loss_fraction
        Share of the services' downtime cost that a reboot costs although a redundant half
        carries the load [0, 1]; 1 without redundancy.
    ring, ring_stage
        Rollout ring id and stage (0 first). A change reaches stage k only ``soak_days`` after
        stage k-1 has it.
    reboot_minutes
        Planned downtime of one opening of the group [min].
    fixed_labour_minutes, change_labour_minutes
        Labour to open the group once, and per change in it [min].
    """

    id: str
    services: tuple[str, ...]
    team: str
    calendar: str
    match: Match
    zone: Zone
    reboot_minutes: float
    fixed_labour_minutes: float
    change_labour_minutes: float
    redundant_with: tuple[str, ...] = ()
    capacity_loss_fraction: float = 1.0
    ring: str = ""
    ring_stage: int = 0
    soak_days: float = 0.0
    num_hosts_declared: int | None = None
    #: Share of attacks that existing controls stop [0, 1], as the owner states it.
    control_effectiveness: float = 0.0
    assumed: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Team:
    """People who patch.

    ``capacity_minutes`` is what the team can do in one window [min]. ``changes_done`` and
    ``changes_failed`` are the team's own history, None when there is none.
    """

    id: str
    name: str
    capacity_minutes: float
    hourly_rate: float
    overtime_factor: float = 1.0
    changes_done: int | None = None
    changes_failed: int | None = None
    recovery_hours: float | None = None
    timezone: str = "UTC"
    assumed: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Window:
    """One concrete maintenance window; both ends carry a time zone."""

    calendar: str
    start: datetime
    end: datetime
    summary: str = ""


@dataclass(frozen=True, slots=True)
class Freeze:
    """A span in which nothing in scope may be changed.

    ``scope`` holds service ids, patch group ids or team ids; empty means everything.
    """

    id: str
    start: datetime
    end: datetime
    scope: tuple[str, ...] = ()
    reason: str = ""
    kind: Literal["law", "policy", "preference"] = "policy"
    owner: str = ""


@dataclass(frozen=True, slots=True)
class Calendar:
    """A named maintenance calendar, read from an iCalendar file."""

    id: str
    path: str
    timezone: str


@dataclass(frozen=True, slots=True)
class StandingPolicy:
    """What happens if nobody signs: the disagreement point before any plan was signed."""

    rule: Literal["monthly-only", "severity-sla", "cvss-first", "kev-then-epss", "nothing"] = "monthly-only"
    assumed: bool = True


@dataclass(frozen=True, slots=True)
class Estate:
    """Everything the owner told us about the company."""

    name: str
    currency: str
    timezone: str
    services: dict[str, Service]
    groups: dict[str, PatchGroup]
    teams: dict[str, Team]
    calendars: dict[str, Calendar]
    freezes: tuple[Freeze, ...] = ()
    standing_policy: StandingPolicy = StandingPolicy()
    #: Company's own estimate of the yearly chance of a serious incident through an unpatched
    #: vulnerability [1/year], and the dated backlog it was calibrated on.
    base_rate_per_year: float | None = None
    reference_date: date | None = None
    goals: dict[str, str] = field(default_factory=dict)
    assumed: frozenset[str] = frozenset()
