"""Which patch group each asset belongs to, and why.

The most specific pattern decides: an exact host, address, image or path; then a glob, of which one
whose every match is also matched by another is the more specific; then a tag; then a network, longest
prefix first. Two groups that claim an asset equally specifically are reported, and the asset
stays unmapped until somebody says whose it is.
"""

from __future__ import annotations

import ipaddress
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fnmatch import translate

from poise.estate.assets import Asset, Reconciliation
from poise.estate.model import Estate
from poise.estate.names import addresses, all_names, canonical_ip, image_name

_WILDCARD = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True)
class AssetMapping:
    """The patch group of each asset.

    Parameters
    ----------
    group_of_asset
        Patch group id by asset id.
    unmapped
        Ids of the assets that no group claims, or that several claim; sorted. The caller adds what
        exposure they carry.
    why
        By asset id, in a few words: the pattern that decided, or why there is no group.
    conflicts
        By asset id, the groups that claim it equally specifically; all of them are in ``unmapped``.
    """

    group_of_asset: dict[str, str]
    unmapped: tuple[str, ...]
    why: dict[str, str]
    conflicts: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def assets_of(self, group: str) -> tuple[str, ...]:
        """Return the ids of a group's assets, sorted."""
        return tuple(sorted(asset for asset, owner in self.group_of_asset.items() if owner == group))

    def fewer_hosts(self, estate: Estate) -> dict[str, tuple[int, int]]:
        """Return the groups of which reports show fewer hosts than the estate says: shown and declared."""
        shown = Counter(self.group_of_asset.values())
        return {
            group.id: (shown[group.id], group.num_hosts_declared)
            for group in estate.groups.values()
            if group.num_hosts_declared is not None and shown[group.id] < group.num_hosts_declared
        }


def map_assets(estate: Estate, reconciliation: Reconciliation) -> AssetMapping:
    """Map every asset to the patch group whose pattern fits it most specifically."""
    matcher = _Matcher(estate)
    group_of_asset: dict[str, str] = {}
    unmapped: list[str] = []
    why: dict[str, str] = {}
    conflicts: dict[str, tuple[str, ...]] = {}
    for asset in reconciliation.assets.values():
        claims = matcher.claims(asset)
        groups = tuple(sorted({group for group, _ in claims}))
        if len(groups) == 1:
            group_of_asset[asset.id] = groups[0]
            why[asset.id] = min(pattern for _, pattern in claims)
            continue
        unmapped.append(asset.id)
        if groups:
            conflicts[asset.id] = groups
            told = ", ".join(f"{group} by {pattern}" for group, pattern in sorted(claims))
            why[asset.id] = f"claimed equally specifically: {told}"
        else:
            why[asset.id] = "no host, tag, network, image or path pattern fits it"
    return AssetMapping(group_of_asset, tuple(sorted(unmapped)), why, conflicts)


Claim = tuple[str, str]


def pattern_names(asset: Asset) -> dict[str, tuple[str, ...]]:
    """Return the names of an asset that patterns are tried on, the most telling first, by kind."""
    hosts = [name for record in asset.records for name in all_names(record)]
    images = [
        name
        for record in asset.records
        for name in (
            record.image,
            image_name(record),
            record.image_digest,
            image_name(record).rpartition(":")[0],
        )
    ]
    paths = [name for record in asset.records for name in (record.path, record.purl)]
    return {
        kind: tuple(dict.fromkeys(name.strip() for name in names if name.strip()))
        for kind, names in (("hosts", hosts), ("images", images), ("paths", paths))
    }


class _Matcher:
    """All patterns of an estate, indexed so that an asset looks at few of them."""

    def __init__(self, estate: Estate) -> None:
        self.hosts, self.images, self.paths = _Patterns("hosts"), _Patterns("images"), _Patterns("paths")
        self.tags: dict[str, list[Claim]] = defaultdict(list)
        self.networks: dict[tuple[int, int], dict[int, list[Claim]]] = defaultdict(lambda: defaultdict(list))
        for group in estate.groups.values():
            match = group.match
            for pattern in match.hosts:
                self.hosts.add(canonical_ip(pattern) or pattern.lower(), group.id)
            for pattern in match.images:
                self.images.add(pattern, group.id)
            for pattern in match.paths:
                self.paths.add(pattern, group.id)
            for tag in match.tags:
                self.tags[tag.lower()].append((group.id, f"tags {tag}"))
            for cidr in match.cidrs:
                network = ipaddress.ip_network(cidr)
                key = (network.version, network.prefixlen)
                self.networks[key][int(network.network_address)].append((group.id, f"cidrs {cidr}"))
        self.prefixes = sorted(self.networks, key=lambda key: -key[1])

    def claims(self, asset: Asset) -> list[Claim]:
        """Return the claims of the most specific kind that has any.

        A machine is known by its host names first and only then by an image that runs on it.
        """
        names = pattern_names(asset)
        for patterns in (self.hosts, self.images, self.paths):
            exact = list(patterns.exact(names[patterns.key]))
            if exact:
                return exact
        for patterns in (self.hosts, self.images, self.paths):
            globs = patterns.globs(names[patterns.key])
            if globs:
                return globs
        tags = [claim for tag in asset.identity.tags for claim in self.tags.get(tag.lower(), ())]
        return tags or self._network_claims(asset)

    def _network_claims(self, asset: Asset) -> list[Claim]:
        ips = [ipaddress.ip_address(ip) for ip in addresses(asset.identity)]
        for version, prefix in self.prefixes:
            networks = self.networks[version, prefix]
            claims = [
                claim
                for ip in ips
                if ip.version == version
                for claim in networks.get(_network(int(ip), ip.max_prefixlen, prefix), ())
            ]
            if claims:
                return claims
        return []


def _network(address: int, bits: int, prefix: int) -> int:
    return address >> (bits - prefix) << (bits - prefix)


class _Patterns:
    """Names and globs of one key; globs are found by the text before their first wildcard."""

    def __init__(self, key: str) -> None:
        self.key = key
        self._exact: dict[str, list[Claim]] = defaultdict(list)
        self._globs: dict[str, list[tuple[str, re.Pattern[str], str]]] = defaultdict(list)
        self._lengths: list[int] = []

    def add(self, pattern: str, group: str) -> None:
        """Add a pattern of a group."""
        wildcard = _WILDCARD.search(pattern)
        if wildcard is None:
            self._exact[pattern].append((group, f"{self.key} {pattern}"))
        else:
            self._globs[pattern[: wildcard.start()]].append((pattern, re.compile(translate(pattern)), group))
            self._lengths = sorted({len(prefix) for prefix in self._globs})

    def exact(self, names: Iterable[str]) -> Iterator[Claim]:
        """Yield the claims of patterns that are one of the names."""
        for name in names:
            yield from self._exact.get(name, ())

    def globs(self, names: Iterable[str]) -> list[Claim]:
        """Return the claims of the globs that fit, without those that a narrower glob overrules."""
        found = {
            (pattern, group)
            for name in names
            for length in self._lengths
            if length <= len(name)
            for pattern, compiled, group in self._globs.get(name[:length], ())
            if compiled.match(name)
        }
        patterns = {pattern for pattern, _ in found}
        narrowest = {
            one
            for one in patterns
            if not any(contains(one, other) and not contains(other, one) for other in patterns)
        }
        return [(group, f"{self.key} {pattern}") for pattern, group in found if pattern in narrowest]


def contains(wide: str, narrow: str) -> bool:
    """Return whether every name that the glob ``narrow`` fits is one that ``wide`` fits.

    Sound, not complete: the text of ``narrow`` is matched by ``wide``, where only ``*`` may cover a
    wildcard of ``narrow``; sets in brackets contain nothing but themselves.
    """
    if wide == narrow:
        return True
    if "[" in wide or "[" in narrow:
        prefix = wide.removesuffix("*")
        return wide.endswith("*") and not _WILDCARD.search(prefix) and narrow.startswith(prefix)
    first, *rest = (re.escape(part).replace(r"\?", "[^*]") for part in wide.split("*"))
    if not rest:
        return re.fullmatch(first, narrow, re.DOTALL) is not None
    # Atomic: the earliest place of a middle part is always good enough, so no place is tried twice.
    middle = "".join(f"(?>.*?{part})" for part in rest[:-1])
    return re.fullmatch(f"{first}{middle}.*{rest[-1]}", narrow, re.DOTALL) is not None
