"""The course of an incident: opened, read, promised, asked, decided, followed up, held, closed."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from poise.incident.base import Act, Amount, Id, Line, Moment, Reference, Text
from poise.incident.statements import Next
from poise.incident.tlp import Mark


class Opened(Act, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """An incident begins.

    Parameters
    ----------
    title
        A line that names it.
    lead
        The person who leads; sees every mark.
    detected
        When it was noticed first.
    services
        Ids of the estate's services that it touches as far as known.
    timezone
        In which its local times are given.
    drill
        Id of the scenario of a drill, whose records are of kinds of their own; empty for an incident.
    scenario
        The scenario itself, as it was then.
    """

    title: Line
    lead: Line
    detected: Moment
    services: tuple[Id, ...] = ()
    timezone: str = "UTC"
    drill: str = ""
    scenario: dict[str, Any] = msgspec.field(default_factory=dict)


class Admitted(Act, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A person's clearance in this incident, from here on."""

    person: Line
    clearance: Mark


class Read(Act, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A deliberate press: its author has read all that was visible to them up to this statement."""

    upto: Reference


class Checked(Act, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Looked again, nothing has changed: keeps the promise, and makes the next."""

    next_update: Next


class Moved(Act, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The next update will come at another time; said before the old time it is no miss."""

    due: Moment
    reason: Line


class Asked(Act, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One side asks the other for an update."""

    what: Line
    wanted_by: Moment


class Answered(Act, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The answer to such a request: a statement, or words."""

    request: Reference
    statement: Reference | None = None
    text: Text = ""


class Option(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One way to decide, and what follows from it."""

    id: Id
    text: Line
    consequence: Text = ""


class DecisionAsked(Act, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A question that the other side must decide.

    Parameters
    ----------
    options
        Two or more; "wait" is one if it is meant.
    recommendation, because
        The asker's own option, and why.
    cost_low_per_hour, cost_high_per_hour
        What waiting costs [money/h]; None is not known, which is not zero.
    basis
        What the cost rests on, in sentences.
    is_reversible
        Whether it can be undone.
    default
        The option that comes into force on silence; counts only once the other side agreed to that.
    tlp, named
        How far it may travel; the people by name whom a RED one asks.
    """

    question: Line
    options: Annotated[tuple[Option, ...], Meta(min_length=2, max_length=8)]
    recommendation: Id
    because: Text = ""
    cost_low_per_hour: Amount | None = None
    cost_high_per_hour: Amount | None = None
    basis: Text = ""
    is_reversible: bool
    needed_by: Moment
    default: str = ""
    tlp: Mark = "AMBER"
    named: tuple[Line, ...] = ()

    def words_of(self, option: str) -> str:
        """Return what an option says; its id where there is none of that name."""
        return next((one.text for one in self.options if one.id == option), option)


class DefaultAgreed(Act, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The deciding side agrees that silence means the proposed default."""

    request: Reference


class Decided(Act, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The decision, with what its author could know then.

    Parameters
    ----------
    known
        The statements that stood then and were visible to the author.
    """

    request: Reference
    option: Id
    reason: Text = ""
    known: tuple[Reference, ...] = ()


class Followed(Act, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Something stays open after the incident and goes to the table, the gate or the goals."""

    text: Line
    becomes: Literal["limit", "exception", "goal"]
    owner: Line
    due: date


class FollowUpDone(Act, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What became of it: the limit's, exception's or goal's id, or the reason why nothing did.

    Parameters
    ----------
    object
        The id of the limit, exception or goal; empty where nothing was made.
    """

    follow_up: Reference
    result: Line
    object: str = ""


class Held(Act, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A legal hold begins or ends: while one lasts nothing of the incident may be erased."""

    is_on: bool
    reason: Line


class Closed(Act, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The incident is over; open promises and requests end with it."""

    summary: Text = ""
