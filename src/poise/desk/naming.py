"""Names for the changes that sentences name by their keys, and facts about many changes told once."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from poise.patching.document import ChangeEntry
from poise.table.ground import Ground

_KEY: Final = re.compile(r"\bCH-[\w-]+")
#: A fact about one change, as triggers write it.
_ABOUT_ONE: Final = re.compile(r"(?P<fact>.+): (?P<change>CH-[\w-]+)")


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that happened, and the changes that it is about.

    Parameters
    ----------
    text
        What happened.
    changes
        Their names; empty where the fact is about none.
    """

    text: str
    changes: tuple[str, ...] = ()


def name_of(change: ChangeEntry) -> str:
    """Return what people call a change."""
    return f"{change.remedy or change.id} on {change.group}"


def names_of(*grounds: Ground | None) -> dict[str, str]:
    """Return what people call the changes of grounds, by key; the first ground that has one names it."""
    found: dict[str, str] = {}
    for ground in grounds:
        for one in ground.changes if ground else ():
            found.setdefault(one.id, name_of(one))
    return found


def teams_of(ground: Ground | None) -> dict[str, str]:
    """Return what people call a ground's teams, by key."""
    return {one.id: one.name or one.id for one in ground.teams} if ground else {}


def named(text: str, names: dict[str, str]) -> str:
    """Return a sentence with the names of changes in place of their keys; an unknown key stays."""
    return _KEY.sub(lambda found: names.get(found.group(), found.group()), text)


def told(facts: Iterable[str], names: dict[str, str]) -> list[Fact]:
    """Return facts in their order, each once, with the names of all changes that it is about."""
    found: dict[str, list[str]] = {}
    for fact in facts:
        match = _ABOUT_ONE.fullmatch(fact)
        changes = found.setdefault(match["fact"] if match else fact, [])
        if match:
            changes.append(names.get(match["change"], match["change"]))
    return [Fact(text, tuple(changes)) for text, changes in found.items()]
