"""Each kind of record of an estate file, read from its block of keys."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt

from poise.estate import vocabulary as words
from poise.estate.model import Match, PatchGroup, Service, Team, Zone
from poise.estate.section import Section
from poise.estate.values import Problem, read_capacity, read_hours, read_number
from poise.strictyaml.faults import Faults
from poise.strictyaml.tree import Block, Items, Scalar

Costs = npt.NDArray[np.float64]
#: Most that any sum of money may be [money]; beyond it, it is a slip of the keyboard.
MAX_MONEY = 1e15
#: Longest pattern; package URLs and paths of some scanners run to a few hundred letters.
MAX_PATTERN_LENGTH = 2_000
#: A set of letters in a glob; ``[[]`` is the letter ``[`` itself.
_SET = re.compile(r"\[!?\]?[^\]]+\]")


@dataclass(frozen=True, slots=True)
class Tier:
    """What stands in for a service's own figures."""

    downtime_cost_per_hour: Costs
    loss_low: float
    loss_high: float


def read_assumed(section: Section, fields: Mapping[str, tuple[str, ...]]) -> set[str]:
    """Return the model's names of the keys that the file itself marks as assumed."""
    found: set[str] = set()
    for item in section.list("assumed"):
        if item.text in fields and item.text != "assumed":
            found.update(fields[item.text])
        else:
            section.faults.add(
                "E109",
                item.where,
                f"{section.subject}: assumed names {item.text!r}, which is no key here.",
                f"use {', '.join(key for key in fields if key != 'assumed')}.",
            )
    return found


def read_costs(section: Section, key: str) -> Costs | None:
    """Return downtime cost by weekday and local hour, shape (7, 24) [money/h]; None when not given.

    One number holds for the whole week. Blocks of hours may not overlap, and ``default`` gives
    the rest of the week.
    """
    node = section.node(key)
    if node is None:
        return None
    if not isinstance(node, Block):
        number = section.number(key, 0.0, MAX_MONEY)
        return None if number is None else np.full((7, 24), number)
    costs = np.full((7, 24), np.nan)
    taken: dict[str, npt.NDArray[np.bool_]] = {}
    faults, subject = section.faults, f"{section.subject}: {key}"
    for hours in node.entries:
        value = _cost(node, hours, subject, faults)
        if hours.strip().lower() == "default":
            continue
        block = read_hours(hours)
        if isinstance(block, Problem):
            faults.add(block.id, node.keys[hours], f"{subject}: {block.message}", block.hint)
            continue
        clash = next((other for other, earlier in taken.items() if (earlier & block).any()), "")
        if clash:
            faults.add(
                "E113", node.keys[hours], f"{subject}: {hours!r} overlaps {clash!r}.", "part the blocks."
            )
        taken[hours] = block
        costs[block] = value
    rest = next((hours for hours in node.entries if hours.strip().lower() == "default"), None)
    if rest is not None:
        costs[np.isnan(costs)] = _cost(node, rest, subject, Faults())
    elif np.isnan(costs).any():
        missing = int(np.isnan(costs).sum())
        hint = "add 'default: ' with the cost of all other hours, 0 if there is none."
        faults.add("E113", node.where, f"{subject}: {missing} of 168 hours have no cost.", hint)
    costs[np.isnan(costs)] = 0.0
    return costs


def _cost(block: Block, key: str, subject: str, faults: Faults) -> float:
    node = block.entries[key]
    if not isinstance(node, Scalar):
        faults.add("E107", node.where, f"{subject}: {key!r} is a list or block; expected a number.")
        return 0.0
    number = read_number(node.text, 0.0, MAX_MONEY)
    if isinstance(number, Problem):
        faults.add(number.id, node.where, f"{subject}: {key!r}: {number.message}", number.hint)
        return 0.0
    return number


def read_loss(section: Section) -> tuple[float, float] | None:
    """Return the range ``[low, high]`` of a loss [money]; None when not given."""
    node = section.node("loss")
    if node is None:
        return None
    if not isinstance(node, Items) or len(node.items) != 2:
        section.faults.add(
            "E107",
            node.where,
            f"{section.subject}: loss is no range.",
            "give the 90 % range of one serious incident, such as loss: [50000, 1000000].",
        )
        return None
    ends: list[float] = []
    for item in node.items:
        number = read_number(item.text if isinstance(item, Scalar) else "", 0.01, MAX_MONEY)
        if isinstance(number, Problem):
            section.faults.add(
                number.id, item.where, f"{section.subject}: loss: {number.message}", number.hint
            )
            return None
        ends.append(number)
    if ends[0] > ends[1]:
        section.faults.add(
            "E117",
            node.where,
            f"{section.subject}: loss runs from {ends[0]:,.0f} down to {ends[1]:,.0f}.",
            "put the low end first.",
        )
        return None
    return ends[0], ends[1]


def read_tier(id: str, section: Section, built_in: Tier | None) -> Tier | None:
    """Return a tier's stand-ins, what the file leaves out from Poise's own tier of that number."""
    costs = read_costs(section, "downtime_cost")
    loss = read_loss(section)
    if built_in is None:
        for key, value, example in (("downtime_cost", costs, "2000"), ("loss", loss, "[10000, 200000]")):
            if value is None and not section.has(key):
                section.missing(key, example)
        if costs is None or loss is None:
            return None
        return Tier(costs, *loss)
    return Tier(
        built_in.downtime_cost_per_hour if costs is None else costs,
        *(loss or (built_in.loss_low, built_in.loss_high)),
    )


def read_team(id: str, section: Section, timezone: str) -> Team:
    """Return a team."""
    assumed = read_assumed(section, words.TEAM)
    capacity = section.read("capacity", read_capacity)
    rate = section.number("hourly_rate", 0.0, MAX_MONEY)
    overtime = section.number("overtime_factor", 1.0, 10.0)
    for field, value in (
        ("capacity_minutes", capacity),
        ("hourly_rate", rate),
        ("overtime_factor", overtime),
    ):
        if value is None:
            assumed.add(field)
    done, failed = section.count("changes_done"), section.count("changes_failed")
    if (done is None) != (failed is None):
        one, other = (
            ("changes_failed", "changes_done") if done is None else ("changes_done", "changes_failed")
        )
        section.missing(other, f"{0 if other == 'changes_failed' else 120}' beside '{one}")
    elif done is not None and failed is not None and failed > done:
        section.faults.add(
            "E117", section.where("changes_failed"), f"{section.subject}: {failed} of {done} changes failed."
        )
    recovery = section.minutes("recovery")
    return Team(
        id=id,
        name=section.text("name") or id,
        capacity_minutes=words.ASSUMED_CAPACITY_MINUTES if capacity is None else capacity,
        hourly_rate=words.ASSUMED_HOURLY_RATE if rate is None else rate,
        overtime_factor=words.ASSUMED_OVERTIME_FACTOR if overtime is None else overtime,
        changes_done=done,
        changes_failed=failed,
        recovery_hours=None if recovery is None else recovery / 60.0,
        timezone=section.timezone("timezone", timezone),
        assumed=frozenset(assumed),
    )


def read_service(id: str, section: Section, tiers: Mapping[int, Tier], timezone: str) -> Service | None:
    """Return a service; its tier's figures stand in for those it does not give."""
    assumed = read_assumed(section, words.SERVICE)
    owner = section.required("owner", "J. Meyer")
    if not section.has("tier"):
        section.missing("tier", "2")
    number = section.count("tier", 1, 9)
    costs, loss = read_costs(section, "downtime_cost"), read_loss(section)
    zone = section.timezone("timezone", timezone)
    if number is None:
        return None
    tier = tiers.get(number)
    if tier is None:
        section.faults.add(
            "E118",
            section.where("tier"),
            f"{section.subject}: tier {number} is not defined.",
            f"use one of {', '.join(map(str, sorted(tiers)))}, or define it under 'tiers:'.",
        )
        return None
    if not section.has("downtime_cost"):
        assumed.add("downtime_cost_per_hour")
    if not section.has("loss"):
        assumed.update(("loss_low", "loss_high"))
    matrix = (tier.downtime_cost_per_hour if costs is None else costs).copy()
    matrix.flags.writeable = False
    low, high = loss or (tier.loss_low, tier.loss_high)
    return Service(
        id=id,
        name=section.text("name") or id,
        owner=owner,
        tier=number,
        downtime_cost_per_hour=matrix,
        loss_low=low,
        loss_high=high,
        timezone=zone,
        goals=section.words("goals"),
        assumed=frozenset(assumed),
    )


def read_group(id: str, section: Section, soak_days: Mapping[str, float]) -> PatchGroup:
    """Return a patch group; Poise's stand-ins for what neither it nor ``defaults`` gives."""
    assumed = read_assumed(section, words.GROUP)

    def minutes(key: str, stand_in: float) -> float:
        return _given_or(section, key, section.minutes(key), stand_in, assumed)

    services = section.words("services")
    if not services:
        section.missing("services", "[shop]")
    partners = section.words("redundant_with")
    loss = section.share("capacity_loss")
    if loss is not None and not partners and "capacity_loss" in section.block.entries:
        section.faults.add(
            "E119",
            section.where("capacity_loss"),
            f"{section.subject}: capacity_loss is given, but no redundant_with.",
            "name the groups that carry the load meanwhile.",
        )
    zone = section.choice("zone", words.ZONES)
    if not zone:
        assumed.add("zone")
    ring, stage = _read_ring(section)
    return PatchGroup(
        id=id,
        services=services,
        team=section.required("team", "linux"),
        calendar=section.required("calendar", "monthly"),
        match=read_match(section),
        zone=cast(Zone, zone or words.ASSUMED_ZONE),
        reboot_minutes=minutes("reboot", words.ASSUMED_REBOOT_MINUTES),
        fixed_labour_minutes=minutes("labour", words.ASSUMED_LABOUR_MINUTES),
        change_labour_minutes=minutes("labour_per_change", words.ASSUMED_LABOUR_PER_CHANGE_MINUTES),
        redundant_with=partners,
        capacity_loss_fraction=(
            _given_or(section, "capacity_loss", loss, words.ASSUMED_CAPACITY_LOSS, assumed)
            if partners
            else 1.0
        ),
        ring=ring,
        ring_stage=stage,
        soak_days=soak_days.get(ring, 0.0),
        num_hosts_declared=section.count("num_hosts", 0),
        control_effectiveness=section.share("controls") or 0.0,
        assumed=frozenset(assumed),
    )


def _given_or(section: Section, key: str, value: float | None, stand_in: float, assumed: set[str]) -> float:
    """Return what was given, else the stand-in, whose field is then assumed."""
    if value is not None:
        return value
    assumed.update(words.GROUP[key])
    return stand_in


def _read_ring(section: Section) -> tuple[str, int]:
    ring, stage = section.text("ring"), section.count("stage", 0, 99)
    if section.has("ring") != section.has("stage"):
        section.missing(*(("stage", "0") if section.has("ring") else ("ring", "web")))
    return ring, stage or 0


def read_match(section: Section) -> Match:
    """Return the patterns of a group; E121 when there is none, E122 when one cannot be read."""
    if not any(section.words(key) for key in ("hosts", "tags", "cidrs", "images", "paths")):
        section.faults.add(
            "E121",
            section.block.where,
            f"{section.subject}: no hosts, tags, cidrs, images or paths are given.",
            "say which assets belong to it, such as hosts: [web-*.example.com].",
        )
    cidrs: list[str] = []
    for item in section.list("cidrs"):
        try:
            cidrs.append(str(ipaddress.ip_network(item.text, strict=False)))
        except ValueError:
            section.faults.add(
                "E122",
                item.where,
                f"{section.subject}: {item.text!r} is no network.",
                "write such as 10.20.0.0/16 or 2001:db8::/32.",
            )
    for key in ("hosts", "images", "paths"):
        for item in section.list(key):
            if len(item.text) > MAX_PATTERN_LENGTH:
                problem = f"a pattern of {len(item.text):,} letters; expected at most {MAX_PATTERN_LENGTH:,}"
                section.faults.add("E122", item.where, f"{section.subject}: {problem}.")
            elif "[" in _SET.sub("", item.text):
                # It would be taken as a letter by the matcher and so match nothing.
                section.faults.add(
                    "E122", item.where, f"{section.subject}: {item.text!r} has an open bracket."
                )
    return Match(
        hosts=section.words("hosts"),
        tags=section.words("tags"),
        cidrs=tuple(dict.fromkeys(cidrs)),
        images=section.words("images"),
        paths=section.words("paths"),
    )
