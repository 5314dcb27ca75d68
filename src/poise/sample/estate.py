"""The sample company's estate.yaml and its calendars, written as a change manager would."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from poise.sample.company import CALENDARS, DOMAIN, GOALS, SERVICES, STACKS, TEAMS, Company, Group, ServiceRow

#: First day of the sample's calendars, by weekday.
_FIRST = {"SA": "20260103", "SU": "20260104", "TU": "20260106", "WE": "20260107", "TH": "20260108"}

_HEAD = """\
# Meridian Retail: a fictional company with real vulnerabilities.
# What every word means: docs/estate.md. Check it with: poise estate check estate.yaml
"""


def write_estate(company: Company, folder: Path) -> Path:
    """Write estate.yaml and calendars/ into a folder and return the path of the former."""
    (folder / "calendars").mkdir(parents=True, exist_ok=True)
    for name, (_, start, hours, rule) in CALENDARS.items():
        text = _calendar(name, _FIRST[CALENDARS[name][0]], start, hours, rule)
        (folder / "calendars" / f"{name}.ics").write_text(text, encoding="utf-8", newline="")
    path = folder / "estate.yaml"
    parts = [_HEAD]
    for section, content in _sections(company).items():
        parts.append(yaml.safe_dump({section: content}, sort_keys=False, allow_unicode=True, width=110))
    path.write_text("\n".join(parts), encoding="utf-8")
    return path


def _sections(company: Company) -> dict[str, Any]:
    return {
        "company": "Meridian Retail",
        "currency": "EUR",
        "timezone": "Europe/Berlin",
        "base_rate_per_year": 0.09,
        "standing_policy": "monthly-only",
        "goals": {name: {"text": text} for name, text in GOALS.items()},
        "teams": {name: _team(name) for name in TEAMS},
        "calendars": {
            name: {"file": f"calendars/{name}.ics", "timezone": "Europe/Berlin"} for name in CALENDARS
        },
        "rings": {ring: {"soak": "7 days"} for ring in _rings(company.groups)},
        "services": {row.id: _service(row) for row in SERVICES},
        "groups": {group.id: _group(group) for group in company.groups},
        "freezes": _freezes(),
    }


def _team(name: str) -> dict[str, Any]:
    title, minutes, rate, overtime, history, _ = TEAMS[name]
    team: dict[str, Any] = {
        "name": title,
        "capacity": f"{minutes / 60:g} h per window",
        "hourly_rate": rate,
        "overtime_factor": overtime,
    }
    if history is not None:
        team["changes_done"], team["changes_failed"] = history
        # Who keeps a record also keeps snapshots, and is back soon.
        team["recovery"] = "30 min"
    return team


def _service(row: ServiceRow) -> dict[str, Any]:
    service: dict[str, Any] = {"name": row.name, "owner": row.owner, "tier": row.tier}
    if row.goal:
        service["goals"] = [row.goal]
    if row.cost is not None:
        busy, quiet = (round(1000 * value) for value in row.cost)
        hours = "mon-sat 08-22" if row.zone in ("internet", "partner") else "mon-fri 06-20"
        service["downtime_cost"] = {hours: busy, "default": quiet}
    if row.loss is not None:
        service["loss"] = [1000 * value for value in row.loss]
    return service


def _group(group: Group) -> dict[str, Any]:
    stack = STACKS[group.stack]
    entry: dict[str, Any] = {
        "services": [group.service],
        "team": stack.team,
        "calendar": TEAMS[stack.team][5],
        "zone": group.zone,
        "reboot": f"{stack.reboot_minutes} min",
        "labour": f"{30 + 5 * min(len(group.hosts), 10)} min",
        "labour_per_change": f"{8 + 2 * min(len(group.hosts), 10)} min",
    }
    if stack.platform == "image":
        entry["images"] = [f"registry.{DOMAIN}/{group.id}*"]
    else:
        entry["hosts"] = [f"{group.id}[0-9]*"]
    if group.partner:
        entry["redundant_with"] = [group.partner]
        entry["capacity_loss"] = 0.15
    if group.ring:
        entry["ring"], entry["stage"] = group.ring, group.stage
    return entry


def _rings(groups: Iterable[Group]) -> list[str]:
    return list(dict.fromkeys(group.ring for group in groups if group.ring))


def _freezes() -> dict[str, Any]:
    return {
        "winter-sale": {
            "from": "2026-01-01",
            "to": "2026-01-19",
            "for": ["shop", "checkout", "login", "app", "edge", "pos", "orders", "warehouse"],
            "reason": "Year-end trading and winter sale",
            "kind": "policy",
            "owner": "Head of E-commerce",
        },
        "year-end-close": {
            "from": "2026-01-01",
            "to": "2026-01-26",
            "for": ["erp", "invoice", "payroll", "bi"],
            "reason": "Annual accounts",
            "kind": "law",
            "owner": "Head of Finance",
        },
        "easter-trade": {
            "from": "2026-03-27",
            "to": "2026-04-07",
            "for": ["shop", "checkout", "pos", "warehouse"],
            "reason": "Easter trade",
            "kind": "preference",
            "owner": "Head of Stores",
        },
        "quarter-close": {
            "from": "2026-03-30",
            "to": "2026-04-08",
            "for": ["erp", "invoice"],
            "reason": "Quarterly accounts",
            "kind": "policy",
            "owner": "Head of Finance",
        },
    }


def _calendar(name: str, day: str, start: str, hours: int, rule: str) -> str:
    """Return an iCalendar file of one recurring window, in local time across clock changes."""
    end_hour = int(start[:2]) + hours
    end_day = str(int(day) + end_hour // 24)
    lines = (
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Meridian Retail//Maintenance//EN",
        "BEGIN:VEVENT",
        f"UID:{name}@{DOMAIN}",
        "DTSTAMP:20251201T080000Z",
        f"DTSTART;TZID=Europe/Berlin:{day}T{start}00",
        f"DTEND;TZID=Europe/Berlin:{end_day}T{end_hour % 24:02d}{start[2:]}00",
        f"RRULE:{rule};UNTIL=20270101T000000Z",
        f"SUMMARY:Maintenance {name}",
        "END:VEVENT",
        "END:VCALENDAR",
        "",
    )
    return "\r\n".join(lines)
