"""What no single record can show: ids that point nowhere, redundancy, rings."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from poise.estate.model import Freeze, PatchGroup, Service
from poise.strictyaml.faults import Faults, did_you_mean
from poise.strictyaml.tree import Block, Items, Node


class Places:
    """Where each key of each record stands, for faults that are found late."""

    def __init__(self, root: Block) -> None:
        self.root = root

    def of(self, section: str, id: str, key: str = "", item: str = "") -> str:
        """Return the place of a list item, else of the key, else of the record, else of the section."""
        block = self.root.entries.get(section)
        if not isinstance(block, Block):
            return self.root.where
        record = block.entries.get(id)
        if not isinstance(record, Block):
            return block.keys.get(id, block.where)
        node: Node | None = record.entries.get(key)
        if isinstance(node, Items) and item:
            return next(
                (one.where for one in node.items if getattr(one, "text", "").strip() == item), node.where
            )
        return record.keys.get(key, record.where)


def check_references(
    services: Mapping[str, Service],
    groups: Mapping[str, PatchGroup],
    declared: Mapping[str, Iterable[str]],
    freezes: Iterable[tuple[str, Freeze]],
    places: Places,
    faults: Faults,
) -> None:
    """Note every id that points to nothing (E118).

    Parameters
    ----------
    declared
        Ids that the file declares, by section, faulty records included, so that one slip is not
        reported twice.
    freezes
        Each freeze with the id under which the file gives it.
    """

    def check(section: str, id: str, key: str, target: str, names: Iterable[str]) -> None:
        known = set(declared[target])
        for name in names:
            if name and name not in known:
                faults.add(
                    "E118",
                    places.of(section, id, key, name),
                    f"{section[:-1]} {id!r}: {key} {name!r} is not under '{target}:'.",
                    did_you_mean(name, known),
                )

    for service in services.values():
        check("services", service.id, "goals", "goals", service.goals)
    for group in groups.values():
        check("groups", group.id, "services", "services", group.services)
        check("groups", group.id, "team", "teams", (group.team,))
        check("groups", group.id, "calendar", "calendars", (group.calendar,))
        check("groups", group.id, "redundant_with", "groups", group.redundant_with)
        check("groups", group.id, "ring", "rings", (group.ring,))
    everything = {name for target in ("services", "groups", "teams") for name in declared[target]}
    seen: set[str] = set()
    for id, freeze in freezes:
        if id in seen:
            continue
        seen.add(id)
        for name in freeze.scope:
            if name not in everything:
                faults.add(
                    "E118",
                    places.of("freezes", id, "for", name),
                    f"freeze {id!r}: for {name!r} is no service, group or team.",
                    did_you_mean(name, everything),
                )


def check_redundancy(groups: Mapping[str, PatchGroup], places: Places, faults: Faults) -> None:
    """Note redundant groups that contradict each other (E119)."""
    for group in groups.values():
        for name in group.redundant_with:
            where = places.of("groups", group.id, "redundant_with", name)
            partner = groups.get(name)
            if name == group.id:
                faults.add(
                    "E119",
                    where,
                    f"group {name!r} is redundant with itself.",
                    "name the other half of the cluster.",
                )
            elif partner is None:
                continue
            elif group.id not in partner.redundant_with:
                faults.add(
                    "E119",
                    where,
                    f"group {group.id!r} is redundant with {name!r}, but not the other way round.",
                    f"add 'redundant_with: {group.id}' to {name!r}.",
                )
            elif group.id < name and not set(group.services) & set(partner.services):
                faults.add(
                    "E119",
                    where,
                    f"groups {group.id!r} and {name!r} are redundant but run no service together.",
                    "halves of a cluster carry the same services.",
                )


def check_rings(groups: Mapping[str, PatchGroup], places: Places, faults: Faults) -> None:
    """Note rings whose stages do not follow each other from 0 (E120)."""
    rings: dict[str, dict[int, PatchGroup]] = defaultdict(dict)
    for group in groups.values():
        if group.ring:
            rings[group.ring].setdefault(group.ring_stage, group)
    for ring, stages in rings.items():
        for expected, stage in enumerate(sorted(stages)):
            if stage != expected:
                faults.add(
                    "E120",
                    places.of("groups", stages[stage].id, "stage"),
                    f"ring {ring!r} has a stage {stage} but no stage {expected}.",
                    "number the stages 0, 1, 2 ...; stage 0 goes first.",
                )
                break
