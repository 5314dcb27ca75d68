"""Records as sentences, and what features tell the home page.

A feature module of :mod:`poise.desk.pages` may have ``SENTENCES`` (kind of record to a sentence, with fields
of its body in braces), ``needs(by)`` and ``due(by)``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Final

from poise.desk.actions.base import DESK, Actor
from poise.desk.models import User
from poise.desk.navigation import features
from poise.desk.permissions import ROLE_BY_KEY
from poise.ledger.keyrecords import PARTIES
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
    can_wait
        Whether nobody waits for it; what somebody waits for stands before it.
    """

    text: str
    address: str
    can_wait: bool = False


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
        return pattern.format_map(_in_words(record.body))
    except (KeyError, IndexError, TypeError, AttributeError):
        return record.statement.kind


#: Fields of bodies that hold the key of a role, and those that hold the ledger's name of a person.
_ROLES: Final = ("role", "before", "after")
_PEOPLE: Final = ("person", "deputy", "principal")


def _in_words(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return a body with roles and people as people call them; keys are for programs."""
    said = dict(body)
    for name in _ROLES:
        if said.get(name) in ROLE_BY_KEY:
            said[name] = ROLE_BY_KEY[said[name]].label
    for name in _PEOPLE:
        if isinstance(said.get(name), str):
            said[name] = person(said[name])
    return said


def person(name: str) -> str:
    """Return what pages call whoever the ledger calls so; of somebody the desk does not know, that name."""
    if name == DESK:
        return "The desk"
    if name in PARTIES:
        return name.capitalize()
    user = User.objects.filter(username=name).first()
    return user.shown if user else name


def may_know(by: Actor, record: Record) -> bool:
    """Return whether somebody may know that a record is there; any feature's ``may_know`` can refuse."""
    checks = (getattr(module, "may_know", None) for module in features())
    return all(check(by, record) for check in checks if check is not None)


def needs(by: Actor) -> list[Need]:
    """Return what waits for somebody, feature by feature; what can wait comes last."""
    found: list[Need] = []
    for module in features():
        found += getattr(module, "needs", _nothing)(by)
    return sorted(found, key=lambda one: one.can_wait)


def due(by: Actor) -> list[Due]:
    """Return what was promised to be done, the earliest first."""
    found: list[Due] = []
    for module in features():
        found += getattr(module, "due", _nothing)(by)
    return sorted(found, key=lambda one: one.time)


def _nothing(_: Any) -> tuple[()]:
    return ()
