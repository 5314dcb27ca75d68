"""Records as sentences, and what features tell the home page.

A feature module of :mod:`poise.desk.pages` may have ``SENTENCES`` (kind of record to a sentence, with fields
of its body in braces), ``needs(by)`` and ``due(by)``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Final

from poise.desk.actions.base import Actor
from poise.desk.navigation import features
from poise.ledger.record import Record


@dataclass(frozen=True, slots=True)
class Need:
    """Something that waits for one person.

    Parameters
    ----------
    text
        A sentence that says what to do.
    address
        Where to do it.
    """

    text: str
    address: str


@dataclass(frozen=True, slots=True)
class Due:
    """Something that was promised for a time.

    Parameters
    ----------
    text
        What, and by whom.
    time
        Until when.
    address
        Where it stands.
    """

    text: str
    time: datetime
    address: str


#: Sentences for records that no page of a feature writes.
_OWN: Final[Mapping[str, str]] = {
    "key.enrol": "put the signing key of {person} on the ledger",
    "key.rotate": "replaced the signing key of {person}",
    "key.revoke": "revoked a signing key of {person}",
    "key.deputy": "named {deputy} as deputy of {principal}",
    "erasure": "erased the content of a record, signed by both sides",
    "table.opened": "opened a table on today's findings",
    "position.sealed": "sealed the opening position of {party}",
    "position.opened": "opened the position of {position[party]}",
    "limit.added": "posted the limit {limit[id]}: {limit[reason]}",
    "limit.dropped": "dropped the limit {id}: {reason}",
    "proposal.made": "proposed a plan: {label}",
    "proposal.matched": "found that both sides accept proposal {proposal}",
    "agreement": "put an agreement on the ledger, signed by both sides",
    "agreement.reopened": "re-opened an agreement",
}


@cache
def _sentences() -> dict[str, str]:
    found = dict(_OWN)
    for module in features():
        found.update(getattr(module, "SENTENCES", {}))
    return found


def sentence(record: Record) -> str:
    """Return what a record says, after its author's name."""
    pattern = _sentences().get(record.statement.kind)
    if pattern is None or record.body is None:
        return record.statement.kind.replace(".", " ").replace("-", " ")
    try:
        return pattern.format_map(record.body)
    except (KeyError, IndexError, TypeError, AttributeError):
        return record.statement.kind


def may_know(by: Actor, record: Record) -> bool:
    """Return whether somebody may know that a record is there; any feature's ``may_know`` can refuse."""
    checks = (getattr(module, "may_know", None) for module in features())
    return all(check(by, record) for check in checks if check is not None)


def needs(by: Actor) -> Iterator[Need]:
    """Yield what waits for somebody, feature by feature."""
    for module in features():
        yield from getattr(module, "needs", _nothing)(by)


def due(by: Actor) -> list[Due]:
    """Return what was promised to be done, the earliest first."""
    found: list[Due] = []
    for module in features():
        found += getattr(module, "due", _nothing)(by)
    return sorted(found, key=lambda one: one.time)


def _nothing(_: Any) -> tuple[()]:
    return ()
