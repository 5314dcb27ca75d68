"""What a replay says, as one document."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import numpy as np

from poise.evidence.deciding import LADDER_KEYS, LANDMARK_KEYS, RULE_KEYS
from poise.evidence.judgements import NEVER
from poise.evidence.replay import METRICS, Replayed
from poise.evidence.scoring import Saving, interval, saving
from poise.evidence.world import World
from poise.planning.problem import Floats, Ints

#: Exposures that savings are told for; the first is the primary one.
EXPOSURES = ("kev_asset_days", "activity_asset_days")


def summarise(world: World, replayed: Mapping[str, Replayed], *, first: date, last: date) -> dict[str, Any]:
    """Return a replay as plain values: totals and savings, in all and per EPSS version, and each week."""
    versions = {day: world.version_on(day) for one in replayed.values() for day in _days(one)}
    return {
        "schema": "poise-replay/1",
        "from": first.isoformat(),
        "to": last.isoformat(),
        "weeks": len(versions),
        "vulnerabilities": len(world.cves),
        "kev_released": world.kev.released.isoformat(),
        "epss_versions": [{"from": day.isoformat(), "name": name} for day, name in world.versions],
        "drawn_cvss_share": _drawn_share(world),
        "notices": list(world.notices),
        "companies": {name: _company(one, versions) for name, one in replayed.items()},
    }


def _days(one: Replayed) -> list[date]:
    return [week.day for week in next(iter(one.weeks.values()), ())]


def _drawn_share(world: World) -> float:
    """Return the share of vulnerabilities whose CVSS score no table tells."""
    return float(np.mean(world.judgements.cvss_known_from >= NEVER)) if world.cves else 0.0


def _company(one: Replayed, versions: Mapping[date, str]) -> dict[str, Any]:
    days = _days(one)
    spans = {"all": np.arange(len(days))}
    for name in dict.fromkeys(versions[day] for day in days):
        spans[name] = np.flatnonzero([versions[day] == name for day in days])
    return {
        "label": one.company.shape.label,
        "groups": one.company.num_groups,
        "hosts": int(one.company.hosts.sum()),
        "entries": one.entries,
        "spans": {name: _span(one, weeks) for name, weeks in spans.items()},
        "weekly": {
            key: [
                {"day": week.day.isoformat(), "decision": week.decision}
                | {metric: getattr(week, metric) for metric in METRICS}
                for week in weeks
            ]
            for key, weeks in one.weeks.items()
        },
    }


def _span(one: Replayed, weeks: Ints) -> dict[str, Any]:
    ways = {}
    for key in one.weeks:
        totals: dict[str, Any] = {metric: float(one.series(key, metric)[weeks].sum()) for metric in METRICS}
        totals["kev_asset_days_interval"] = interval(one.series(key, "kev_asset_days")[weeks])
        ways[key] = totals
    ladder = [key for key in LADDER_KEYS if key in one.weeks]
    rules = [key for key in (*RULE_KEYS, *LANDMARK_KEYS) if key in one.weeks] if ladder else []
    savings = {rule: _savings(one, ladder, rule, weeks) for rule in rules}
    return {"weeks": len(weeks), "ways": ways, "savings": savings}


def _savings(one: Replayed, ladder: list[str], rule: str, weeks: Ints) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for exposure in EXPOSURES:

        def pairs(key: str, exposure: str = exposure) -> Floats:
            return np.column_stack([one.series(key, "hours")[weeks], one.series(key, exposure)[weeks]])

        steps, own = [pairs(key) for key in ladder], pairs(rule)
        found[exposure] = {
            "at_equal_hours": _told(saving(steps, own, along=0)),
            "hours_at_equal_exposure": _told(saving(steps, own, along=1)),
        }
    return found


def _told(one: Saving) -> dict[str, Any]:
    return {"value": one.value, "low": one.low, "high": one.high, "verdict": one.verdict}
