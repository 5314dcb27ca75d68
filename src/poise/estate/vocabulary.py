"""The words of an estate file, and the values that stand in for what nobody gave.

Each section maps its keys to the fields of the model that they fill, so that ``assumed: [reboot]``
in a file marks ``reboot_minutes`` of the record.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

#: Keys of the top level; in a folder of tables, the columns of ``company.csv``.
COMPANY: dict[str, tuple[str, ...]] = {
    "company": ("name",),
    "currency": ("currency",),
    "timezone": ("timezone",),
    "base_rate_per_year": ("base_rate_per_year",),
    "reference_date": ("reference_date",),
    "standing_policy": ("standing_policy",),
    "assumed": (),
}
TIER: dict[str, tuple[str, ...]] = {"downtime_cost": (), "loss": ()}
TEAM: dict[str, tuple[str, ...]] = {
    "name": ("name",),
    "capacity": ("capacity_minutes",),
    "hourly_rate": ("hourly_rate",),
    "overtime_factor": ("overtime_factor",),
    "changes_done": ("changes_done",),
    "changes_failed": ("changes_failed",),
    "recovery": ("recovery_hours",),
    "timezone": ("timezone",),
    "assumed": (),
}
CALENDAR: dict[str, tuple[str, ...]] = {"file": (), "timezone": ()}
RING: dict[str, tuple[str, ...]] = {"soak": ()}
SERVICE: dict[str, tuple[str, ...]] = {
    "name": ("name",),
    "owner": ("owner",),
    "tier": ("tier",),
    "downtime_cost": ("downtime_cost_per_hour",),
    "loss": ("loss_low", "loss_high"),
    "goals": ("goals",),
    "timezone": ("timezone",),
    "assumed": (),
}
GROUP: dict[str, tuple[str, ...]] = {
    "services": ("services",),
    "team": ("team",),
    "calendar": ("calendar",),
    "hosts": ("match",),
    "tags": ("match",),
    "cidrs": ("match",),
    "images": ("match",),
    "paths": ("match",),
    "zone": ("zone",),
    "reboot": ("reboot_minutes",),
    "labour": ("fixed_labour_minutes",),
    "labour_per_change": ("change_labour_minutes",),
    "redundant_with": ("redundant_with",),
    "capacity_loss": ("capacity_loss_fraction",),
    "ring": ("ring",),
    "stage": ("ring_stage",),
    "num_hosts": ("num_hosts_declared",),
    "controls": ("control_effectiveness",),
    "assumed": (),
}
#: What ``defaults:`` may give for every group that does not say it itself.
DEFAULTS = ("team", "calendar", "zone", "reboot", "labour", "labour_per_change", "capacity_loss", "controls")
FREEZE: dict[str, tuple[str, ...]] = {
    "from": (),
    "to": (),
    "file": (),
    "timezone": (),
    "for": (),
    "reason": (),
    "kind": (),
    "owner": (),
}
GOAL: dict[str, tuple[str, ...]] = {"text": ()}

#: Sections that hold records by id, in the order in which they are read.
SECTIONS: dict[str, dict[str, tuple[str, ...]]] = {
    "goals": GOAL,
    "tiers": TIER,
    "teams": TEAM,
    "calendars": CALENDAR,
    "rings": RING,
    "services": SERVICE,
    "groups": GROUP,
    "freezes": FREEZE,
}
TOP_LEVEL = (*COMPANY, "defaults", *SECTIONS)
#: Keys whose value is a list; in a CSV cell its items are parted by ``;`` or ``|``.
LIST_KEYS = frozenset(
    {
        "services",
        "goals",
        "hosts",
        "tags",
        "cidrs",
        "images",
        "paths",
        "redundant_with",
        "for",
        "loss",
        "assumed",
    }
)

ZONES = ("internet", "partner", "internal", "isolated")
POLICIES = ("monthly-only", "severity-sla", "cvss-first", "kev-then-epss", "nothing")
FREEZE_KINDS = ("law", "policy", "preference")

#: Stand-ins of Poise's own choice, no survey: round figures that a reader will want to replace.
#: Whatever rests on one is marked assumed.
ASSUMED_ZONE = "internal"
ASSUMED_REBOOT_MINUTES = 15.0
ASSUMED_LABOUR_MINUTES = 30.0
ASSUMED_LABOUR_PER_CHANGE_MINUTES = 10.0
ASSUMED_CAPACITY_LOSS = 0.2
ASSUMED_CAPACITY_MINUTES = 240.0
ASSUMED_HOURLY_RATE = 80.0
ASSUMED_OVERTIME_FACTOR = 1.5

#: Per tier: downtime cost in working hours (Monday to Friday, 08 to 18) and else [money/h], then the
#: loss range [money].
_BUILT_IN_TIERS = {
    1: (10_000.0, 4_000.0, 200_000.0, 5_000_000.0),
    2: (4_000.0, 800.0, 50_000.0, 1_000_000.0),
    3: (1_000.0, 100.0, 10_000.0, 200_000.0),
    4: (200.0, 0.0, 2_000.0, 50_000.0),
}


def built_in_tiers() -> dict[int, tuple[npt.NDArray[np.float64], float, float]]:
    """Return each tier's stand-ins: downtime cost ``(7, 24)`` [money/h], loss low and high [money]."""
    working = np.zeros((7, 24), dtype=np.bool_)
    working[:5, 8:18] = True
    return {
        tier: (np.where(working, busy, quiet), low, high)
        for tier, (busy, quiet, low, high) in _BUILT_IN_TIERS.items()
    }
