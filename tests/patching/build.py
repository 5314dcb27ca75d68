"""A small company for the patching tests; a test names only what it is about."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np

from poise.estate.model import Calendar, Estate, Freeze, Match, PatchGroup, Service, StandingPolicy, Team
from poise.patching.case import PatchCase, build_case
from poise.risk.change import Change
from poise.risk.parameters import RiskParameters

NOW = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)

_ICS = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//test//EN
BEGIN:VEVENT
UID:weekly
DTSTAMP:20260101T000000Z
DTSTART:20260110T220000Z
DTEND:20260111T020000Z
RRULE:FREQ=WEEKLY
SUMMARY:Weekly
END:VEVENT
END:VCALENDAR
"""


def service(id: str = "shop", **changes: object) -> Service:
    """Return a service that loses 1,000 an hour around the clock."""
    defaults: dict[str, object] = {
        "name": id.title(),
        "owner": "Owner",
        "tier": 1,
        "downtime_cost_per_hour": np.full((7, 24), 1000.0),
        "loss_low": 1e5,
        "loss_high": 1e6,
        "timezone": "UTC",
    }
    return Service(id, **{**defaults, **changes})  # type: ignore[arg-type]


def group(id: str = "web", **changes: object) -> PatchGroup:
    """Return a patch group of the shop that reboots for half an hour."""
    defaults: dict[str, object] = {
        "services": ("shop",),
        "team": "ops",
        "calendar": "weekly",
        "match": Match(hosts=(f"{id}*",)),
        "zone": "internet",
        "reboot_minutes": 30.0,
        "fixed_labour_minutes": 30.0,
        "change_labour_minutes": 10.0,
    }
    return PatchGroup(id, **{**defaults, **changes})  # type: ignore[arg-type]


def estate(folder: Path, *groups: PatchGroup, freezes: tuple[Freeze, ...] = (), **team: object) -> Estate:
    """Return an estate of one service, one team and one weekly Saturday-night calendar."""
    path = folder / "weekly.ics"
    path.write_text(_ICS.replace("\n", "\r\n"), encoding="utf-8", newline="")
    members = groups or (group(),)
    return Estate(
        name="Example",
        currency="EUR",
        timezone="UTC",
        services={"shop": service()},
        groups={member.id: member for member in members},
        teams={"ops": Team("ops", "Operations", **{"capacity_minutes": 240.0, "hourly_rate": 60.0, **team})},  # type: ignore[arg-type]
        calendars={"weekly": Calendar("weekly", str(path), "UTC")},
        freezes=freezes,
        standing_policy=StandingPolicy("monthly-only", assumed=False),
    )


def change(id: str = "CH-1", group: str = "web", **changes: object) -> Change:
    """Return a change of 10 money of exposure a day that never fails."""
    defaults: dict[str, object] = {
        "remedy": "openssl to 3",
        "remedy_key": "software::openssl",
        "vulnerabilities": ("CVE-2025-0001",),
        "assets": ("web1",),
        "num_findings": 1,
        "available": date(2025, 12, 1),
        "needs_reboot": True,
        "hazard_per_day": 1e-5,
        "exposure_per_day": 10.0,
        "exposure_low_per_day": 5.0,
        "exposure_high_per_day": 50.0,
        "deferral_cost_per_day": 0.0,
        "labour_minutes": 10.0,
        "failure_probability": 0.0,
        "recovery_cost": 0.0,
        "deadline": None,
        "deadline_source": "",
        "first_seen": date(2025, 12, 20),
        "cvss_max": 7.5,
        "epss_max": 0.01,
        "is_kev": False,
        "is_ransomware": False,
        "bod_label": "",
        "bod_days": None,
        "severity": "high",
    }
    return Change(id=id, group=group, **{**defaults, **changes})  # type: ignore[arg-type]


def case(company: Estate, *changes: Change, days: float = 60.0, **parameters: float) -> PatchCase:
    """Return the planning problem of these changes over some weeks."""
    return build_case(
        company,
        changes or (change(),),
        now=NOW,
        horizon_end=NOW + timedelta(days=days),
        parameters=RiskParameters(**parameters),  # type: ignore[arg-type]
    )
