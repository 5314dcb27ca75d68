"""Which records of several scanners are one asset, and the evidence for it.

Two reports rarely use the same name for a machine. Counting it twice would double its exposure;
taking two machines for one would hide one of them. So records are merged only by a key that they
share, strongest key first, and never when something else tells them apart:

====================  ==================================================================
key                   merges unless
====================  ==================================================================
agent id, cloud id    never refused: they are made to identify
image digest          the records are of different named hosts
full host name        agents of one scanner, or cloud ids, differ
short host name       as above, or two full names share it (then it could be either)
IP address            as above, or host names differ (shared, NAT or reused address)
image name and tag    digests differ
package URL, path     nothing else is known of either record
====================  ==================================================================

Loopback and link-local addresses and names such as ``localhost`` never merge. A refused key is
reported with the records that it would have merged. The result does not depend on the order of the
records, and takes time about linear in their number.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

import msgspec

from poise.estate.names import (
    addresses,
    cloud_key,
    host_names,
    identifies,
    image_digest,
    image_name,
    is_host,
)
from poise.scans.finding import AssetIdentity


@dataclass(frozen=True, slots=True)
class Evidence:
    """A key that several records share, and why it merged them or did not.

    ``refused`` is empty where they were merged.
    """

    key: str
    value: str
    records: tuple[str, ...]
    refused: str = ""

    def __str__(self) -> str:
        names = ", ".join(self.records[:4]) + (", ..." if len(self.records) > 4 else "")
        verdict = f"not merged: {self.refused}" if self.refused else "merged"
        return f"{self.key} {self.value}: {names} {verdict}"


@dataclass(frozen=True, slots=True)
class Asset:
    """One asset with every name that any report gives it."""

    id: str
    identity: AssetIdentity
    #: The records it was merged from, and by which keys.
    records: tuple[AssetIdentity, ...]
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """Assets by id (sorted), the asset of each record, and the keys that were refused."""

    assets: dict[str, Asset]
    asset_of: dict[AssetIdentity, str]
    refused: tuple[Evidence, ...] = ()

    @property
    def num_merged(self) -> int:
        """Return how many records fold into another one's asset."""
        return len(self.asset_of) - len(self.assets)


def reconcile(identities: Iterable[AssetIdentity]) -> Reconciliation:
    """Merge records of the same asset.

    Parameters
    ----------
    identities
        One per finding or per asset; repeats are fine.

    Returns
    -------
    Reconciliation
        ``asset_of[finding.asset]`` is the id of the finding's asset.
    """
    records = sorted(set(identities), key=_sort_key)
    merger = _Merger(records)
    for key, values, kinds in _PHASES:
        merger.merge(key, values, kinds)
    return merger.result()


def _sort_key(identity: AssetIdentity) -> tuple[str, str]:
    return identity.label.lower(), repr(msgspec.structs.astuple(identity))


# What tells two records apart, by kind; two groups of records conflict in a kind when both know it
# and share no value.
_KINDS: dict[str, Callable[[AssetIdentity], Iterable[str]]] = {
    "cloud ids": lambda record: filter(None, (cloud_key(record),)),
    "image digests": lambda record: filter(None, (image_digest(record) if not is_host(record) else "",)),
    "full host names": lambda record: (name for name in host_names(record) if "." in name),
    "host names": lambda record: (name.partition(".")[0] for name in host_names(record)),
}
_AGENT = "agent ids"


def _agents(record: AssetIdentity) -> tuple[str, ...]:
    return (record.agent_id.strip(),) if record.agent_id.strip() else ()


def _image_keys(value: Callable[[AssetIdentity], str]) -> Callable[[AssetIdentity], Iterable[str]]:
    return lambda record: () if is_host(record) or not value(record) else (value(record),)


def _alone(record: AssetIdentity) -> bool:
    return not (is_host(record) or cloud_key(record) or image_name(record) or image_digest(record))


#: Key, its values in a record, and the kinds that refuse the merge; strongest key first.
_PHASES: tuple[tuple[str, Callable[[AssetIdentity], Iterable[str]], tuple[str, ...]], ...] = (
    ("agent id", _agents, ()),
    ("cloud id", _KINDS["cloud ids"], ()),
    ("image digest", _image_keys(image_digest), ()),
    ("full host name", _KINDS["full host names"], (_AGENT, "cloud ids")),
    ("short host name", _KINDS["host names"], (_AGENT, "cloud ids", "full host names")),
    (
        "IP address",
        lambda record: (ip for ip in addresses(record) if identifies(ip)),
        (_AGENT, "cloud ids", "full host names", "host names"),
    ),
    ("image", _image_keys(image_name), ("image digests", "cloud ids")),
    (
        "package URL",
        lambda record: (record.purl.strip(),) if record.purl.strip() and _alone(record) else (),
        (),
    ),
    (
        "path",
        lambda record: (
            (record.path.strip(),)
            if record.path.strip() and _alone(record) and not record.purl.strip()
            else ()
        ),
        (),
    ),
)


class _Merger:
    """Union-find over records, one phase per key."""

    def __init__(self, records: list[AssetIdentity]) -> None:
        self.records = records
        self.parent = list(range(len(records)))
        self.members: dict[int, list[int]] = {index: [index] for index in range(len(records))}
        self.merged: list[tuple[int, Evidence]] = []
        self.refused: list[Evidence] = []

    def find(self, index: int) -> int:
        """Return the root of a record, halving the path to it."""
        while self.parent[index] != index:
            self.parent[index] = self.parent[self.parent[index]]
            index = self.parent[index]
        return index

    def union(self, one: int, other: int) -> None:
        """Join two groups of records; the larger one's root stands."""
        one, other = self.find(one), self.find(other)
        if one != other:
            if len(self.members[one]) < len(self.members[other]):
                one, other = other, one
            self.parent[other] = one
            self.members[one] += self.members.pop(other)

    def merge(
        self, key: str, values: Callable[[AssetIdentity], Iterable[str]], kinds: tuple[str, ...]
    ) -> None:
        """Merge by one key.

        Keys that conflict by themselves are refused first; of the others, all keys that together
        would join conflicting records are refused, whichever came first.
        """
        holders: dict[str, set[int]] = defaultdict(set)
        for index, record in enumerate(self.records):
            for value in values(record):
                holders[value].add(self.find(index))
        accepted: dict[str, set[int]] = {}
        for value in sorted(holders):
            roots = holders[value]
            if len(roots) > 1:
                reason = self.conflict(roots, kinds)
                if not reason:
                    accepted[value] = roots
                elif key != "short host name" or not all(map(self.has_full_name, roots)):
                    # www.a.example and www.b.example share a first label and nothing to report.
                    self.refuse(key, value, roots, reason)
        for keys, roots in _components(accepted):
            reason = self.conflict(roots, kinds) if len(keys) > 1 else ""
            for value in keys:
                if reason:
                    self.refuse(key, value, accepted[value], f"with {len(keys) - 1} other keys, {reason}")
                else:
                    self.merged.append((min(roots), Evidence(key, value, self.labels(accepted[value]))))
            if not reason:
                first = min(roots)
                for root in roots:
                    self.union(first, root)

    def has_full_name(self, root: int) -> bool:
        """Return whether a group of records has a full host name."""
        return any("." in name for i in self.members[root] for name in host_names(self.records[i]))

    def conflict(self, roots: set[int], kinds: tuple[str, ...]) -> str:
        """Return what tells groups of records apart, "" when nothing does."""
        for kind in kinds:
            if kind == _AGENT:
                reason = self._agents_conflict(roots)
                if reason:
                    return reason
                continue
            shared: set[str] | None = None
            seen: set[str] = set()
            for root in sorted(roots):
                known = set(chain.from_iterable(_KINDS[kind](self.records[i]) for i in self.members[root]))
                if known:
                    shared = known if shared is None else shared & known
                    seen |= known
            if shared is not None and not shared:
                return f"{kind} differ ({_few(seen)})"
        return ""

    def _agents_conflict(self, roots: set[int]) -> str:
        """Two agents of one scanner are two machines; agents of two scanners may share one."""
        by_scanner: dict[str, list[set[str]]] = defaultdict(list)
        for root in sorted(roots):
            known: dict[str, set[str]] = defaultdict(set)
            for index in self.members[root]:
                for agent in _agents(self.records[index]):
                    known[agent.partition(":")[0]].add(agent)
            for scanner, agents in known.items():
                by_scanner[scanner].append(agents)
        for groups in by_scanner.values():
            if not set.intersection(*groups):
                return f"agent ids differ ({_few(set.union(*groups))})"
        return ""

    def refuse(self, key: str, value: str, roots: set[int], reason: str) -> None:
        """Note a key that does not merge its holders."""
        self.refused.append(Evidence(key, value, self.labels(roots), reason))

    def labels(self, roots: set[int]) -> tuple[str, ...]:
        """Return the most telling name of each group of records."""
        return tuple(sorted(self.records[min(self.members[root])].label for root in roots))

    def result(self) -> Reconciliation:
        """Name the assets and hand everything back."""
        evidence: dict[int, list[Evidence]] = defaultdict(list)
        for index, one in self.merged:
            evidence[self.find(index)].append(one)
        groups = [
            (tuple(self.records[i] for i in sorted(members)), root) for root, members in self.members.items()
        ]
        named = [(_name(records), records, root) for records, root in groups]
        count: dict[str, int] = defaultdict(int)
        for name, _, _ in named:
            count[name] += 1
        assets: dict[str, Asset] = {}
        for name, records, root in sorted(named, key=lambda one: (one[0], _sort_key(one[1][0]))):
            id = name if count[name] == 1 else f"{name}#{_digest(records)}"
            assets[id] = Asset(id, _union(records), records, tuple(evidence[root]))
        asset_of = {record: asset.id for asset in assets.values() for record in asset.records}
        return Reconciliation(assets, asset_of, tuple(self.refused))


def _components(buckets: dict[str, set[int]]) -> Iterator[tuple[list[str], set[int]]]:
    """Yield connected keys with everything that they would join."""
    keys_of: dict[int, list[str]] = defaultdict(list)
    for value, roots in buckets.items():
        for root in roots:
            keys_of[root].append(value)
    done: set[str] = set()
    for value in buckets:
        if value in done:
            continue
        done.add(value)
        keys, joined, queue = [value], set(buckets[value]), list(buckets[value])
        while queue:
            for other in keys_of[queue.pop()]:
                if other not in done:
                    done.add(other)
                    keys.append(other)
                    queue.extend(buckets[other] - joined)
                    joined |= buckets[other]
        yield sorted(keys), joined


def _few(values: set[str]) -> str:
    shown = sorted(values)
    return ", ".join(shown[:3]) + (", ..." if len(shown) > 3 else "")


def _name(records: tuple[AssetIdentity, ...]) -> str:
    """Return a stable id: the most telling name that any record has."""
    hosts = sorted({name for record in records for name in host_names(record)})
    full = [name for name in hosts if "." in name]
    clouds = sorted({record.cloud_id for record in records if record.cloud_id})
    images = sorted({image_name(record) for record in records if record.image and not is_host(record)})
    ips = sorted({ip for record in records for ip in addresses(record)})
    for names in (full, hosts, clouds, images, ips):
        if names:
            return names[0]
    return min(record.label for record in records)


def _digest(records: tuple[AssetIdentity, ...]) -> str:
    text = "\n".join(repr(msgspec.structs.astuple(record)) for record in records)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _union(records: tuple[AssetIdentity, ...]) -> AssetIdentity:
    """Return one identity with every name; where only one fits, the first by sort order."""

    def first(field: str) -> str:
        return min((value for record in records if (value := getattr(record, field))), default="")

    def every(field: str) -> tuple[str, ...]:
        return tuple(sorted({name for record in records for name in getattr(record, field)}))

    return AssetIdentity(
        hostnames=every("hostnames"),
        ips=every("ips"),
        agent_id=first("agent_id"),
        cloud_id=first("cloud_id"),
        image=first("image"),
        image_digest=first("image_digest"),
        purl=first("purl"),
        path=first("path"),
        operating_system=first("operating_system"),
        tags=every("tags"),
    )
