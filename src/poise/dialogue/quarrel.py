"""Disagreements: their type first, positions in own words, tests, settlements, escalations."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from poise.bargain.rounds import Party
from poise.dialogue.base import Act, Amount, Id, Line, Share, Text

#: Interests are traded, facts are tested, values are stated and escalated together [Harinck et al. 2000].
Type = Literal["interests", "facts", "values"]
#: How a disagreement ended, in words that each side chooses for itself; no word is about a person.
Ending = Literal["both gained", "met halfway", "one way", "put off", "left it"]


class Link(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a disagreement is about, where Poise knows it."""

    kind: Literal["limit", "request", "exception", "verdict", "agreement", "change", "decision"]
    ref: Line


class DisagreementRaised(Act, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A disagreement, its type first: it says how it can end."""

    id: Id
    title: Line
    type: Type
    goal: str = ""
    services: tuple[Id, ...] = ()
    links: tuple[Link, ...] = ()
    cost_per_day: Amount = None
    basis: Text = ""


class DisagreementRetyped(Act, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """It turned out to be of another type."""

    disagreement: Id
    type: Type
    reason: Line


class GoalNamed(Act, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which goal it serves, said after it was raised; either side may."""

    disagreement: Id
    goal: Id


class PositionTaken(Act, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A side's own words [Fisher & Ury]; the last position stands, the first importance counts."""

    disagreement: Id
    position: Text
    interest: Text
    options: tuple[Line, ...] = ()
    measure: Text = ""
    without_agreement: Text = ""
    change_my_mind: Text = ""
    importance: Annotated[float, Meta(ge=0, le=10)] | None = None


class TestSet(Act, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How facts will be tested, by whom and by when."""

    __test__ = False  # no test of pytest's

    disagreement: Id
    test: Line
    owner: Line
    due: date


class TestDone(Act, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the test showed."""

    __test__ = False

    disagreement: Id
    result: Line


class Give(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one side gives in a trade."""

    party: Party
    what: Line


class SettlementProposed(Act, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A way to end a disagreement. ``got`` is how much of its own position the side sees in it."""

    disagreement: Id
    how: Literal["trade", "test", "consent"]
    outcome: Text
    gives: tuple[Give, ...] = ()
    got: Share | None = None
    ending: Ending | None = None
    review_on: date | None = None


class SettlementAccepted(Act, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The other side's yes; with it the disagreement is settled."""

    disagreement: Id
    got: Share | None = None
    ending: Ending | None = None


class DisagreementReopened(Act, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A settled one is contested again, and why."""

    disagreement: Id
    reason: Line


class EscalationNoticed(Act, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A side's word that it will escalate: after it, nobody is surprised."""

    disagreement: Id
    reason: Line


class EscalationPage(Act, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The page that goes up: both positions in their own words, and prices. ``page`` is composed here."""

    disagreement: Id
    page: dict[str, object]


class EscalationDecided(Act, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was decided above, and for whose position."""

    disagreement: Id
    by: Line
    decision: Text
    reason: Text = ""
    favours: Literal["operations", "security", "between"] = "between"
