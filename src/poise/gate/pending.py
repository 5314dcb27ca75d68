"""What the judging remembers while it reads: findings that wait, and where it stood before a report."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from poise.gate.baseline import Waiting
from poise.gate.facts import Facts
from poise.gate.showing import Room
from poise.scans.finding import Finding


class Later(NamedTuple):
    """A finding whose newness the weaker matchers decide after the last one was read."""

    waiting: Waiting
    code_at: int
    facts: Facts
    #: Rules that fit when it is new, known and in time, known and overdue.
    if_new: int
    if_known: int
    if_overdue: int
    published: bool
    kept: tuple[Finding, str] | None
    #: Its baseline entry, where entries are gathered.
    entry_at: int | None


class Mark(NamedTuple):
    """How far the judging was before a report."""

    codes: int
    findings: int
    entries: int
    later: int
    counters: tuple[Counter[str], Counter[str]]
    room: Room
    sums: tuple[int, int, float, float]
