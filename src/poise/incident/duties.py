"""Acts about regulators' clocks: does a regime apply, when did its anchors happen, what was sent."""

from __future__ import annotations

from typing import Any

import msgspec

from poise.incident.base import Act, Id, Line, Moment, Text


class Assessed(Act, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Somebody determined whether a regime applies.

    Parameters
    ----------
    regime
        Its id.
    applies, reason
        The determination and why.
    rule
        The whole rule as it was then: the incident runs under this version, whatever is published later.
    """

    regime: Id
    applies: bool
    reason: Line
    rule: dict[str, Any] = msgspec.field(default_factory=dict)


class Anchored(Act, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Somebody determined when an anchor happened; a later determination corrects an earlier one.

    Parameters
    ----------
    at
        The moment; None takes the determination back.
    """

    regime: Id
    anchor: Id
    at: Moment | None
    reason: Line


class Sent(Act, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A stage was filed.

    Parameters
    ----------
    reference, receipt
        What the recipient gave back.
    late_because
        Needed when it was late.
    """

    regime: Id
    stage: Id
    at: Moment
    reference: Line
    receipt: Text = ""
    late_because: Text = ""


class Suspended(Act, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The law lets a stage rest until a moment, as where an attorney general asked for delay."""

    regime: Id
    stage: Id
    until: Moment
    authority: Line
    reference: Line


class Receipt(Act, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The recipient of a filing said that it has it."""

    regime: Id
    stage: Id
    at: Moment
    receipt: Line


class StageAssessed(Act, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Somebody determined whether one stage of a regime that applies is due here; a later word counts."""

    regime: Id
    stage: Id
    applies: bool
    reason: Line
