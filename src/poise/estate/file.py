"""Reading an estate: ``estate.yaml``, or a folder of CSV tables with the same words.

Every fault of the file and of the calendars that it names is collected and reported at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Literal, cast

from poise.errors import EstateError
from poise.estate import vocabulary as words
from poise.estate.calendars import read_calendar
from poise.estate.checks import Places, check_redundancy, check_references, check_rings
from poise.estate.freezes import read_freezes
from poise.estate.model import Calendar, Estate, StandingPolicy
from poise.estate.records import (
    Tier,
    read_assumed,
    read_group,
    read_service,
    read_team,
    read_tier,
)
from poise.estate.section import Section
from poise.estate.tables import read_tables
from poise.estate.text import Folder, read_text
from poise.strictyaml.faults import Faults
from poise.strictyaml.tree import Block, Scalar, parse_yaml

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
Rule = Literal["monthly-only", "severity-sla", "cvss-first", "kev-then-epss", "nothing"]


def load_estate(path: str | Path, *, is_enclosed: bool = False) -> Estate:
    """Read an estate.

    Parameters
    ----------
    path
        ``estate.yaml``, or a folder that holds it, or a folder of CSV tables. Calendar files are
        found beside it. docs/estate.md has the whole vocabulary.
    is_enclosed
        Whether a file that it names outside of its folder is refused: as for one that somebody uploaded.

    Raises
    ------
    EstateError
        With every fault of the estate and of its calendars (E100 to E136), each with its line.
    """
    path = Path(path)
    faults = Faults()
    if path.is_dir() and not (path / "estate.yaml").exists():
        if not any(path.glob("*.csv")):
            faults.add("E100", str(path), "the folder holds neither estate.yaml nor a CSV table.")
            faults.raise_if_any()
        folder, root = path, read_tables(path, faults)
    else:
        file = path / "estate.yaml" if path.is_dir() else path
        folder = file.parent
        parsed = parse_yaml(read_text(file, file.name), file.name, faults)
        if parsed is None:
            raise EstateError(faults.found)
        root = parsed
    estate = _Reader(root, Folder(folder, is_enclosed), faults).estate()
    faults.raise_if_any()
    return estate


class _Reader:
    """Reads the sections one after the other; each needs those before it."""

    def __init__(self, root: Block, folder: Folder, faults: Faults) -> None:
        self.root = root
        self.folder = folder
        self.faults = faults
        self.company = Section(root, "the estate", words.TOP_LEVEL, faults)
        self.timezone = self.company.timezone("timezone", "UTC")

    def estate(self) -> Estate:
        """Return the estate; only good when no fault was noted."""
        company, faults = self.company, self.faults
        for key, example in (("company", "Northwind"), ("currency", "EUR"), ("timezone", "Europe/Berlin")):
            company.required(key, example)
        self._check_sections()
        assumed = read_assumed(company, words.COMPANY)
        goals = self._goals()
        tiers = self._tiers()
        teams = {id: read_team(id, section, self.timezone) for id, section in self._records("teams")}
        calendars = dict(self._calendars())
        soak = dict(self._rings())
        services = {
            id: service
            for id, section in self._records("services")
            if (service := read_service(id, section, tiers, self.timezone)) is not None
        }
        fallback = self._defaults()
        groups = {id: read_group(id, section, soak) for id, section in self._records("groups", fallback)}
        freezes = [
            (id, freeze)
            for id, section in self._records("freezes")
            for freeze in read_freezes(id, section, self.folder, self.timezone)
        ]
        declared = {name: self._section(name).entries for name in words.SECTIONS}
        places = Places(self.root)
        check_references(services, groups, declared, freezes, places, faults)
        check_redundancy(groups, places, faults)
        check_rings(groups, places, faults)
        policy = company.choice("standing_policy", words.POLICIES)
        if not policy:
            assumed.add("standing_policy")
        return Estate(
            name=company.text("company"),
            currency=company.text("currency"),
            timezone=self.timezone,
            services=services,
            groups=groups,
            teams=teams,
            calendars=calendars,
            freezes=tuple(freeze for _, freeze in freezes),
            standing_policy=_policy(policy, "standing_policy" in assumed),
            base_rate_per_year=company.number("base_rate_per_year", 1e-6, 100.0),
            reference_date=self._reference_date(),
            goals=goals,
            assumed=frozenset(assumed),
        )

    def _check_sections(self) -> None:
        for name in ("teams", "calendars", "services", "groups"):
            if name not in self.root.entries:
                self.faults.add(
                    "E125",
                    self.root.where,
                    f"the section '{name}:' is missing.",
                    "docs/estate.md has an example.",
                )
            elif not self._section(name).entries and isinstance(self.root.entries[name], Block):
                self.faults.add("E125", self.root.keys[name], f"the section '{name}:' is empty.")

    def _section(self, name: str) -> Block:
        node = self.root.entries.get(name)
        return node if isinstance(node, Block) else Block(self.root.where)

    def _records(self, name: str, fallback: Block | None = None) -> Iterator[tuple[str, Section]]:
        """Yield each record of a section that is a block of keys."""
        node = self.root.entries.get(name)
        if node is None or (isinstance(node, Scalar) and node.is_absent):
            return
        if not isinstance(node, Block):
            hint = f"write '{name}:' and below it, indented, 'id:' with its keys."
            self.faults.add("E107", node.where, f"'{name}:' is no block of records by id.", hint)
            return
        for id, record in node.entries.items():
            self._check_id(name, id, node.keys[id])
            if isinstance(record, Scalar):
                record = _from_short(name, record) or record
            if not isinstance(record, Block):
                self.faults.add("E107", record.where, f"{name}: {id!r} is no block of keys.")
                continue
            yield id, Section(record, f"{name[:-1]} {id!r}", words.SECTIONS[name], self.faults, fallback)

    def _check_id(self, name: str, id: str, where: str) -> None:
        if not _ID.fullmatch(id):
            self.faults.add(
                "E123",
                where,
                f"{name}: the id {id[:80]!r} is not allowed.",
                "use 1 to 80 letters, digits, '-', '_' and '.', opening with a letter or digit.",
            )

    def _goals(self) -> dict[str, str]:
        return {id: section.text("text") for id, section in self._records("goals")}

    def _tiers(self) -> dict[int, Tier]:
        tiers = {number: Tier(*values) for number, values in words.built_in_tiers().items()}
        for id, section in self._records("tiers"):
            if not re.fullmatch(r"[1-9]", id):
                self.faults.add("E111", section.where(), f"tier {id!r} is not a number from 1 to 9.")
                continue
            tier = read_tier(id, section, tiers.get(int(id)))
            if tier is not None:
                tiers[int(id)] = tier
        return tiers

    def _calendars(self) -> Iterator[tuple[str, Calendar]]:
        for id, section in self._records("calendars"):
            timezone = section.timezone("timezone", self.timezone)
            file = section.required("file", f"{id}.ics")
            if file:
                self._try_calendar(file)
                yield id, Calendar(id, str(self.folder.path / file), timezone)

    def _try_calendar(self, file: str) -> None:
        try:
            read_calendar(self.folder.file(file), file)
        except EstateError as error:
            self.faults.extend(error.faults)

    def _rings(self) -> Iterator[tuple[str, float]]:
        for id, section in self._records("rings"):
            minutes = section.minutes("soak")
            if minutes is None and not section.has("soak"):
                section.missing("soak", "3 d")
            yield id, (minutes or 0.0) / 1440.0

    def _defaults(self) -> Block | None:
        node = self.root.entries.get("defaults")
        if node is None or (isinstance(node, Scalar) and node.is_absent):
            return None
        if not isinstance(node, Block):
            self.faults.add("E107", node.where, "'defaults:' is no block of keys.")
            return None
        Section(node, "defaults", words.DEFAULTS, self.faults)
        return node

    def _reference_date(self) -> date | None:
        moment = self.company.moment("reference_date")
        return moment.date() if isinstance(moment, datetime) else moment


#: Sections whose records may be written as one value: ``weekly: weekly.ics``.
_SHORT = {"goals": "text", "calendars": "file", "rings": "soak"}


def _from_short(name: str, value: Scalar) -> Block | None:
    if name not in _SHORT or value.is_absent:
        return None
    key = _SHORT[name]
    return Block(value.where, {key: value}, {key: value.where})


def _policy(word: str, is_assumed: bool) -> StandingPolicy:
    rule = cast(Rule, word or "monthly-only")
    return StandingPolicy(rule, is_assumed)
