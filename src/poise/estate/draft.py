"""A first estate, drafted from what the reports name; every guess in it is marked as one."""

from __future__ import annotations

import glob
import ipaddress
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta

from poise.errors import EstateError, Fault
from poise.estate.assets import Asset, Reconciliation
from poise.estate.mapping import map_assets, pattern_names
from poise.estate.model import Estate, Match, PatchGroup
from poise.estate.names import addresses, host_names, image_name, is_host
from poise.scans.finding import AssetIdentity

#: A name such as ``web-prod-03b.example.com``: its stem, its number with a letter, its domain.
_NUMBERED = re.compile(r"([a-z][a-z0-9_-]*?)(\d+[a-z]?)(\..+)?")
_OPERATING_SYSTEMS = (
    ("windows", ("windows", "microsoft")),
    ("linux", ("linux", "ubuntu", "debian", "red hat", "rhel", "centos", "suse", "fedora", "rocky")),
    ("unix", ("aix", "solaris", "bsd", "macos", "mac os", "darwin", "hp-ux")),
    ("network", ("cisco", "juniper", "fortinet", "fortios", "palo alto", "arista", "f5")),
    ("hypervisor", ("esxi", "vmware", "proxmox", "xen")),
)  # fmt: skip


@dataclass(slots=True)
class DraftGroup:
    """One patch group of the draft."""

    id: str
    why: str
    zone: str = "internal"
    patterns: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    assets: list[str] = field(default_factory=list)
    _seen: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set), repr=False)

    def claim(self, patterns: Iterable[tuple[str, str]]) -> int:
        """Add patterns, each with its kind; return how many were new."""
        new = [(kind, pattern) for kind, pattern in patterns if pattern not in self._seen[kind]]
        for kind, pattern in new:
            self.patterns[kind].append(pattern)
            self._seen[kind].add(pattern)
        return len(new)


@dataclass(frozen=True, slots=True)
class Draft:
    """A drafted estate: the text of ``estate.yaml``, that of its calendar, and its groups."""

    text: str
    calendar_name: str
    calendar_text: str
    groups: tuple[DraftGroup, ...]


def draft_estate(
    reconciliation: Reconciliation,
    *,
    file: str,
    company: str,
    currency: str,
    timezone: str,
    today: date,
) -> Draft:
    """Draft an estate in which every asset has a group.

    Parameters
    ----------
    reconciliation
        The assets of the reports.
    file
        Name of the drafted file, for its comments; the calendar is called after it.
    today
        The calendar starts in this month.

    Raises
    ------
    EstateError
        E140 when there is no asset.
    """
    if not reconciliation.assets:
        raise EstateError(Fault("E140", file, "the reports name no asset.", "give reports with findings."))
    groups = draft_groups(reconciliation)
    _settle(groups, reconciliation)
    calendar = f"{file.rpartition('.')[0] or file}-monthly.ics"
    text = render(groups, file=file, calendar=calendar, company=company, currency=currency, timezone=timezone)
    return Draft(text, calendar, monthly_calendar(today, timezone), tuple(groups))


def _sketch(groups: Iterable[DraftGroup]) -> Estate:
    """Return an estate of nothing but the groups' patterns."""
    sketched = {
        group.id: PatchGroup(
            id=group.id,
            services=(),
            team="",
            calendar="",
            match=Match(**{kind: tuple(patterns) for kind, patterns in group.patterns.items()}),
            zone="internal",
            reboot_minutes=0.0,
            fixed_labour_minutes=0.0,
            change_labour_minutes=0.0,
        )
        for group in groups
    }
    return Estate("", "", "UTC", {}, sketched, {}, {})


def draft_groups(reconciliation: Reconciliation) -> list[DraftGroup]:
    """Sort assets into patch groups that a person would recognise.

    Images by repository; hosts whose names differ by a number only; other hosts by operating
    system; bare addresses by subnet (/24, or /64 in IPv6); the rest by what was scanned. Assets of
    which every name is also another's share a group, for no pattern can tell them apart.
    """
    groups: dict[str, DraftGroup] = {}
    names = {id: _names(asset) for id, asset in reconciliation.assets.items()}
    holders = Counter(name for own in names.values() for name in own)
    shared = {name for own in names.values() if all(holders[one] > 1 for one in own) for name in own}
    numbered = Counter(stem for asset in reconciliation.assets.values() if (stem := _stem(asset)))
    for asset in reconciliation.assets.values():
        own = names[asset.id]
        unique = next((name for name in own if holders[name] == 1), None)
        if shared.isdisjoint(own):
            key, why, patterns = _place(asset, numbered)
            patterns = patterns or ([unique] if unique else own)
        else:
            key, why = (
                "shared names",
                "names that several assets share: tell them apart, or leave them together",
            )
            patterns = [name for name in own if name in shared or name == unique]
        group = groups.get(key)
        if group is None:
            group = groups[key] = DraftGroup(_free_id(key, {one.id for one in groups.values()}), why)
        group.assets.append(asset.id)
        group.claim(patterns)
        if any(ipaddress.ip_address(ip).is_global for ip in addresses(asset.identity)):
            group.zone = "internet"
    return list(groups.values())


def _settle(groups: list[DraftGroup], reconciliation: Reconciliation) -> None:
    """Name the assets that the patterns missed, until every asset is mapped.

    Exact names beat patterns. Groups that still claim one asset equally, such as two repositories
    of one image, become one group.
    """
    names = {id: _names(asset) for id, asset in reconciliation.assets.items()}
    holders = Counter(name for own in names.values() for name in own)
    while True:
        mapping = map_assets(_sketch(groups), reconciliation)
        num_new = 0
        for group in groups:
            for id in group.assets:
                if mapping.group_of_asset.get(id) != group.id:
                    unique = next((name for name in names[id] if holders[name] == 1), None)
                    num_new += group.claim([unique] if unique else names[id])
        if num_new:
            continue
        if not mapping.conflicts:
            return
        rivals = min(mapping.conflicts.values())
        kept = next(group for group in groups if group.id == rivals[0])
        for other in [group for group in groups if group.id in rivals[1:]]:
            kept.assets += other.assets
            kept.zone = "internet" if "internet" in (kept.zone, other.zone) else kept.zone
            kept.claim((kind, one) for kind, patterns in other.patterns.items() for one in patterns)
            groups.remove(other)


def _names(asset: Asset) -> list[tuple[str, str]]:
    """Return every (kind, exact pattern) that names an asset, the most telling first."""
    return [(kind, glob.escape(name)) for kind, names in pattern_names(asset).items() for name in names]


def _stem(asset: Asset) -> str:
    """Return ``web-prod-|.example.com`` for ``web-prod-03.example.com``, "" without a number."""
    names = sorted(host_names(asset.identity), key=lambda name: ("." not in name, name))
    match = _NUMBERED.fullmatch(names[0]) if names else None
    return f"{match[1]}|{match[3] or ''}" if match else ""


def _place(asset: Asset, numbered: Counter[str]) -> tuple[str, str, list[tuple[str, str]]]:
    """Return a group's key, why the asset is in it, and the patterns that say so (none: its name)."""
    identity = asset.identity
    repository = image_name(identity).rpartition(":")[0] or identity.image_digest.strip()
    if not is_host(identity) and repository:
        return f"image {repository}", "one image, whatever its tag", [("images", glob.escape(repository))]
    stem = _stem(asset)
    if stem and numbered[stem] > 1:
        name, _, domain = stem.partition("|")
        pattern = f"{glob.escape(name)}[0-9]*{glob.escape(domain)}"
        return f"{name.strip('-_')}{domain}", "names that differ by a number", [("hosts", pattern)]
    if not is_host(identity) and (identity.path.strip() or identity.purl.strip()):
        return "applications", "source trees, SBOMs and packages", []
    if host_names(identity) or not addresses(identity):
        system = _system(identity)
        return f"{system or 'other'} hosts", f"operating system: {system or 'not known'}", []
    ip = ipaddress.ip_address(addresses(identity)[0])
    network = ipaddress.ip_network(f"{ip}/{24 if ip.version == 4 else 64}", strict=False)
    return f"subnet {network}", "addresses without a name", [("cidrs", str(network))]


def _system(identity: AssetIdentity) -> str:
    text = identity.operating_system.lower()
    return next((name for name, words in _OPERATING_SYSTEMS if any(word in text for word in words)), "")


def _free_id(key: str, taken: set[str]) -> str:
    plain = re.sub(r"[^a-z0-9.]+", "-", key.lower()).strip("-.")[:60] or "group"
    id, number = plain, 2
    while id in taken:
        id, number = f"{plain}-{number}", number + 1
    return id


def monthly_calendar(today: date, timezone: str) -> str:
    """Return an iCalendar file with one window a month: the Saturday after the second Tuesday, 22 to 06.

    That is the first weekend after Microsoft's and many others' monthly updates.
    """
    day = today.replace(day=12)
    while day.weekday() != 5:
        day += timedelta(days=1)
    days = ",".join(map(str, range(12, 19)))
    lines = (
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Poise//estate init//EN",
        "BEGIN:VEVENT",
        "UID:monthly@poise.invalid",
        f"DTSTAMP:{today:%Y%m%d}T000000Z",
        f"DTSTART;TZID={timezone}:{day:%Y%m%d}T220000",
        "DURATION:PT8H",
        f"RRULE:FREQ=MONTHLY;BYDAY=SA;BYMONTHDAY={days}",
        "SUMMARY:Monthly maintenance window (assumed)",
        "END:VEVENT",
        "END:VCALENDAR",
    )
    return "\r\n".join(lines) + "\r\n"


_HEAD = """\
# A first draft of your estate, made from what the scanner reports name.
# docs/estate.md explains every word. Whatever stands under 'assumed:' is a guess: correct the value,
# then take its name off the list. Then run: poise estate check {file}

company: {company}
currency: {currency}
timezone: {timezone}
# What happens if nobody signs a plan: monthly-only, severity-sla, cvss-first, kev-then-epss, nothing.
standing_policy: monthly-only
# Your own estimate of serious incidents through unpatched software per year, such as 0.03.
# base_rate_per_year: 0.03
assumed: [company, currency, timezone, standing_policy]

teams:
  operations:
    name: Operations
    capacity: 40 h per window      # five people for a window of 8 hours
    hourly_rate: 80
    overtime_factor: 1.5
    # changes_done: 400            # your own history makes the failure figures yours
    # changes_failed: 12
    assumed: [capacity, hourly_rate, overtime_factor]

calendars:
  monthly:
    file: {calendar}               # export your own calendar over it
    timezone: {timezone}

services:
  # Say what your business would miss, and who answers for it; then name the service in each group.
  unsorted:
    name: Everything that no service was named for
    owner: nobody yet
    tier: 3                        # 1 is the dearest; downtime cost and loss come from the tier until given
    # downtime_cost: {{mon-fri 08-18: 1000, default: 100}}     # per hour
    # loss: [10000, 200000]        # 90 % range of one serious incident
    assumed: [owner, tier]

groups:
"""


def render(
    groups: Iterable[DraftGroup],
    *,
    file: str,
    calendar: str,
    company: str,
    currency: str,
    timezone: str,
) -> str:
    """Return the text of the drafted ``estate.yaml``."""
    head = _HEAD.format(
        file=file,
        calendar=json.dumps(calendar),
        company=json.dumps(company),
        currency=currency,
        timezone=timezone,
    )
    lines = [head.rstrip("\n")]
    for group in groups:
        lines += [
            f"  {group.id}:",
            f"    # {len(group.assets)} asset{'s' * (len(group.assets) != 1)}; {group.why}",
            "    services: [unsorted]",
            "    team: operations",
            "    calendar: monthly",
        ]
        for kind, patterns in group.patterns.items():
            lines += _list(kind, patterns)
        lines += [
            f"    zone: {group.zone}",
            "    reboot: 15 min",
            "    labour: 30 min",
            "    labour_per_change: 10 min",
            "    assumed: [services, team, calendar, zone, reboot, labour, labour_per_change]",
        ]
    return "\n".join(lines) + "\n"


def _list(kind: str, patterns: list[str]) -> list[str]:
    quoted = [json.dumps(pattern, ensure_ascii=False) for pattern in patterns]
    line = f"    {kind}: [{', '.join(quoted)}]"
    if len(line) <= 100:
        return [line]
    return [f"    {kind}:", *(f"      - {one}" for one in quoted)]
