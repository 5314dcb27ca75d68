"""A small estate that the tests of this room bend and break."""

from __future__ import annotations

from pathlib import Path

WEEKLY = """BEGIN:VCALENDAR
VERSION:2.0
BEGIN:VEVENT
UID:weekly@example.com
DTSTART:20260106T220000
DURATION:PT4H
RRULE:FREQ=WEEKLY
SUMMARY:Weekly window
END:VEVENT
END:VCALENDAR
"""

ESTATE = """\
company: Northwind Bank
currency: EUR
timezone: Europe/Berlin
teams:
  linux: {capacity: 6 h per window, hourly_rate: 95, overtime_factor: 1.5}
calendars:
  weekly: weekly.ics
rings:
  web: 3 d
services:
  shop:
    owner: M. Keller
    tier: 1
    loss: [200000, 4000000]
    downtime_cost:
      mon-fri 08-18: 12000
      default: 2000
  wiki:
    owner: M. Keller
    tier: 3
groups:
  stage: {services: [shop], team: linux, calendar: weekly, hosts: ["stage-*"], ring: web, stage: 0}
  a:
    {services: [shop], team: linux, calendar: weekly, hosts: [web-a*], redundant_with: b, ring: web, stage: 1}
  b:
    {services: [shop], team: linux, calendar: weekly, hosts: [web-b*], redundant_with: a, ring: web, stage: 1}
  wiki: {services: [wiki], team: linux, calendar: weekly, cidrs: [10.0.0.0/8], zone: internal, reboot: 20 min}
"""


def write_estate(folder: Path, text: str | bytes = ESTATE, **calendars: str) -> Path:
    """Write an estate with its calendars and return its path."""
    for name, calendar in {"weekly": WEEKLY, **calendars}.items():
        (folder / f"{name}.ics").write_text(calendar, encoding="utf-8")
    path = folder / "estate.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def place_of(text: str, fragment: str) -> str:
    """Return ``estate.yaml:LINE`` of the first line that holds the fragment."""
    line = next(number for number, line in enumerate(text.split("\n"), start=1) if fragment in line)
    return f"estate.yaml:{line}"
