"""The sample company: a fictional retailer with real vulnerabilities.

Everything is derived from the tables below and a seed, so the same seed gives the same company. Some
data is missing, as in life: services without a downtime cost, a team without a history, machines
that nobody claims.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from importlib.resources import files
from random import Random
from typing import Literal, cast

Zone = Literal["internet", "partner", "internal", "isolated"]
Platform = Literal["linux", "windows", "image", "appliance", "client"]

#: The sample plan's own day; its threat evidence is of the week before.
NOW = datetime(2026, 1, 5, 7, 0, tzinfo=UTC)
DOMAIN = "meridian.example"


@dataclass(frozen=True, slots=True)
class Stack:
    """What runs on one kind of host: products of ``cves.csv`` by their component."""

    platform: Platform
    team: str
    components: tuple[str, ...]
    reboot_minutes: int
    #: Products that narrow a component, such as the Windows edition.
    products: tuple[str, ...] = ()


_LINUX_BASE = ("linux", "openssl", "glibc", "openssh", "curl", "sudo", "libexpat", "sqlite", "xz")


def _linux(team: str, *components: str, reboot: int = 12) -> Stack:
    return Stack("linux", team, (*_LINUX_BASE, *components), reboot)


def _windows(product: str, *components: str, reboot: int = 25) -> Stack:
    return Stack("windows", "windows", ("Windows cumulative update", *components), reboot, (product,))


STACKS: dict[str, Stack] = {
    "web": _linux("linux", "nginx"),
    "apache": _linux("linux", "httpd", "php"),
    "app": _linux("linux", "tomcat", "openjdk"),
    "node": _linux("linux", "node"),
    "search": _linux("linux", "elasticsearch", "kibana"),
    "queue": _linux("linux", "activemq", "openjdk"),
    "dns": _linux("linux", "bind", reboot=6),
    "cache": _linux("linux", "redis", reboot=6),
    "git": _linux("linux", "gitlab", "git"),
    "ci": _linux("linux", "jenkins", "openjdk", "git", "runc"),
    "build": _linux("linux", "teamcity", "openjdk", "containerd"),
    "wiki": _linux("linux", "confluence", "openjdk"),
    "vault": _linux("linux", "vault"),
    "monitor": _linux("linux", "grafana"),
    "pg": _linux("database", "postgresql", reboot=15),
    "mysql": _linux("database", "mysql-server", reboot=15),
    "mongo": _linux("database", "mongodb-server", reboot=15),
    "mssql": Stack(
        "windows",
        "database",
        ("Windows cumulative update", "SQL Server 2019 security update"),
        30,
        ("Windows Server 2019", "SQL Server 2019"),
    ),
    "win16": _windows("Windows Server 2016"),
    "win19": _windows("Windows Server 2019", "Windows Server Update Services"),
    "win22": _windows("Windows Server 2022", "Windows Server Update Services"),
    "mail": Stack(
        "windows",
        "windows",
        ("Windows cumulative update", "Exchange Server 2019 security update"),
        45,
        ("Windows Server 2019", "Exchange Server 2019"),
    ),
    "share": Stack(
        "windows",
        "windows",
        ("Windows cumulative update", "SharePoint Server 2019 security update"),
        40,
        ("Windows Server 2019", "SharePoint Server 2019"),
    ),
    "backup": Stack(
        "windows",
        "windows",
        ("Windows cumulative update", "veeam-backup"),
        30,
        ("Windows Server 2022", "Veeam Backup & Replication 12"),
    ),
    "py": Stack("image", "platform", ("django", "jinja2", "requests", "urllib3", "aiohttp"), 2),
    "js": Stack("image", "platform", ("next", "axios", "react-server-dom-webpack"), 2),
    "jvm": Stack("image", "platform", ("log4j-core", "spring-beans", "tomcat"), 3),
    "edge": Stack("image", "platform", ("ingress-nginx", "containerd", "runc"), 3),
    "fw": Stack("appliance", "network", ("fortios",), 20),
    "asa": Stack("appliance", "network", ("asa",), 20),
    "router": Stack("appliance", "network", ("ios-xe",), 15),
    "adc": Stack("appliance", "network", ("netscaler",), 10),
    "vpn": Stack("appliance", "network", ("connect-secure",), 15),
    "esx": Stack("appliance", "windows", ("esxi",), 35),
    "vc": Stack("appliance", "windows", ("vcenter",), 30),
    "pc": Stack(
        "client",
        "workplace",
        ("Windows cumulative update", "chrome", "firefox", "winrar", "notepad-plus-plus"),
        20,
        ("Windows 11 24H2",),
    ),
}

#: Team: name, minutes per window, hourly rate, overtime factor, changes done and failed (None: no history),
#: calendar.
TEAMS: dict[str, tuple[str, int, int, float, tuple[int, int] | None, str]] = {
    "windows": ("Windows platform", 300, 85, 1.5, (1412, 21), "windows-sunday"),
    "linux": ("Linux platform", 360, 90, 1.5, (3655, 22), "linux-saturday"),
    "database": ("Databases", 270, 110, 1.75, (618, 12), "database-sunday"),
    "network": ("Network and edge", 240, 105, 1.75, (296, 7), "network-tuesday"),
    "platform": ("Application platform", 180, 95, 1.25, (4904, 40), "platform-weekly"),
    "workplace": ("Workplace", 300, 70, 1.0, None, "workplace-wednesday"),
}

#: Calendar: weekday, local start, hours, recurrence. Every one is weekly or rarer.
CALENDARS: dict[str, tuple[str, str, int, str]] = {
    "windows-sunday": ("SU", "0200", 5, "FREQ=WEEKLY;BYDAY=SU"),
    "linux-saturday": ("SA", "2200", 5, "FREQ=WEEKLY;BYDAY=SA"),
    "database-sunday": ("SU", "0100", 5, "FREQ=WEEKLY;BYDAY=SU"),
    "network-tuesday": ("TU", "0100", 4, "FREQ=WEEKLY;BYDAY=TU"),
    "platform-weekly": ("TH", "2000", 3, "FREQ=WEEKLY;BYDAY=TH"),
    "workplace-wednesday": ("WE", "1200", 4, "FREQ=WEEKLY;BYDAY=WE"),
}


@dataclass(frozen=True, slots=True)
class ServiceRow:
    """One service: ``roles`` is "stack*hosts" parted by blanks, an ``h`` for redundant halves."""

    id: str
    name: str
    owner: str
    tier: int
    zone: Zone
    roles: str
    #: Thousand euros per hour in trading hours and else; None leaves the tier's value.
    cost: tuple[float, float] | None
    #: 90 % range of the loss in an incident, thousand euros; None leaves the tier's value.
    loss: tuple[int, int] | None
    goal: str = ""


def _services() -> tuple[ServiceRow, ...]:
    """Return the rows of services.csv; an empty cost or loss is one that the owner never gave."""
    text = files("poise.sample").joinpath("services.csv").read_text(encoding="utf-8")
    return tuple(
        ServiceRow(
            row["id"],
            row["name"],
            row["owner"],
            int(row["tier"]),
            cast("Zone", row["zone"]),
            row["roles"],
            (float(row["cost_busy"]), float(row["cost_quiet"])) if row["cost_busy"] else None,
            (int(row["loss_low"]), int(row["loss_high"])) if row["loss_low"] else None,
            row["goal"],
        )
        for row in csv.DictReader(text.splitlines())
    )


SERVICES = _services()

#: Service of the test stages of all others.
TEST_SERVICE = "test"

GOALS: dict[str, str] = {
    "grow-online": "Online revenue up 15 % this year",
    "same-day": "Same-day delivery in twelve cities",
    "stores-open": "No store closed by IT in trading hours",
    "close-books": "Books closed on the third working day",
    "ship-faster": "Twice as many releases, half as many rollbacks",
    "keep-running": "Platform available 99.9 % of the time",
}


@dataclass(slots=True)
class Host:
    """One machine, image or appliance of the sample company."""

    name: str
    address: str
    group: str
    stack: str
    #: When it was last patched; later fixes are findings.
    patched: date
    site: Literal["dc1", "dc2"]
    number: int


@dataclass(slots=True)
class Group:
    """One patch group of the sample company."""

    id: str
    service: str
    stack: str
    zone: Zone
    ring: str = ""
    stage: int = 0
    partner: str = ""
    hosts: list[Host] = field(default_factory=list)


class Company:
    """The groups and hosts of the sample company.

    Parameters
    ----------
    seed
        Of how long ago each group was last patched, and of what is missing.
    """

    def __init__(self, seed: int = 0) -> None:
        self._random = Random(seed)  # noqa: S311 - a fictional company needs no secrecy
        self._num_hosts = 0
        self.groups: list[Group] = []
        for row in SERVICES:
            for role in row.roles.split():
                self.groups.extend(self._role(row, *_parse_role(role)))
        self.unclaimed = [self._unclaimed(number) for number in range(7)]

    @property
    def hosts(self) -> Iterator[Host]:
        """Yield every host that a group claims."""
        for group in self.groups:
            yield from group.hosts

    def _role(self, row: ServiceRow, stack: str, count: int, has_halves: bool) -> Iterator[Group]:
        """Yield the groups of one role: its test stage, and production as halves or sites."""
        base = f"{row.id}-{stack}"
        if stack == "pc":
            yield from self._workplaces(row, base, count)
            return
        is_staged = row.tier <= 3 and STACKS[stack].platform in ("linux", "windows")
        ring = base if is_staged else ""
        first = 0
        if is_staged:
            yield self._filled(Group(f"{base}-test", TEST_SERVICE, stack, "internal", ring, 0), 1)
            first = 1
        parts = ("a", "b") if has_halves or count >= 4 else ("",)
        names = [f"{base}-{part}" if part else f"{base}-prod" for part in parts]
        for index, name in enumerate(names):
            partner = names[1 - index] if has_halves else ""
            share = count // len(parts) + (index < count % len(parts))
            yield self._filled(Group(name, row.id, stack, row.zone, ring, first, partner), share)

    def _workplaces(self, row: ServiceRow, base: str, count: int) -> Iterator[Group]:
        """Yield workplaces in three rings: pilot, early, then floor by floor."""
        ring = base
        yield self._filled(Group(f"{base}-pilot", row.id, "pc", row.zone, ring, 0), 8)
        yield self._filled(Group(f"{base}-early", row.id, "pc", row.zone, ring, 1), 22)
        floors = ("stores-north", "stores-south", "office-1", "office-2", "logistics")
        for index, floor in enumerate(floors):
            share = (count - 30) // len(floors) + (index < (count - 30) % len(floors))
            yield self._filled(Group(f"{base}-{floor}", row.id, "pc", row.zone, ring, 2), share)

    def _filled(self, group: Group, count: int) -> Group:
        lag_days = self._lag_days(group)
        for number in range(1, count + 1):
            self._num_hosts += 1
            site: Literal["dc1", "dc2"] = (
                "dc2" if group.id.endswith("-b") or self._random.random() < 0.2 else "dc1"
            )
            # A host or two of a group always missed the last round.
            lag = lag_days + (self._random.choice((30, 60, 90)) if self._random.random() < 0.12 else 0)
            patched = NOW.date() - timedelta(days=lag)
            group.hosts.append(
                Host(
                    f"{group.id}{number:02d}",
                    self._address(),
                    group.id,
                    group.stack,
                    patched,
                    site,
                    self._num_hosts,
                )
            )
        return group

    def _lag_days(self, group: Group) -> int:
        """Return how long ago a group was patched: test stages lately, old stacks long ago."""
        if group.stage == 0 and group.ring:
            return self._random.randint(25, 60)
        if group.service == "legacy" or group.stack in ("win16", "mssql"):
            return self._random.randint(420, 560)
        return int(min(540, self._random.lognormvariate(5.1, 0.6)))

    def _address(self) -> str:
        number = self._num_hosts
        return f"10.{20 + number // 250}.{number % 250 // 25}.{number % 25 + 10}"

    def _unclaimed(self, number: int) -> Host:
        """Return a machine that a scanner found and nobody claims."""
        self._num_hosts += 1
        stack = ("web", "apache", "win19", "app")[number % 4]
        patched = NOW.date() - timedelta(days=self._random.randint(300, 700))
        return Host(f"lab{number + 1:02d}", self._address(), "", stack, patched, "dc1", self._num_hosts)


def _parse_role(role: str) -> tuple[str, int, bool]:
    stack, _, count = role.partition("*")
    return stack, int(count.rstrip("h")), count.endswith("h")
