"""Decisions asked, promises, judgements, exceptions: what one side owes the other."""

from __future__ import annotations

from datetime import date
from typing import Literal

import msgspec

from poise.dialogue.base import Act, Amount, Id, Line, Moment, Share, Text


class Option(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One way to decide, with its price where there is one [money]."""

    id: Id
    text: Line
    price: Amount = None


class DecisionAsked(Act, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A question to the other side, with what waiting costs and on what that rests."""

    id: Id
    question: Line
    options: tuple[Option, ...] = ()
    recommendation: str = ""
    needed_by: Moment
    cost_per_day: Amount = None
    basis: Text = ""
    goal: str = ""
    services: tuple[Id, ...] = ()
    disagreement: str = ""


class DecisionMade(Act, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The other side's answer."""

    decision: Id
    option: str
    reason: Text = ""
    review_on: date | None = None


class DecisionWithdrawn(Act, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The question is off the table."""

    decision: Id
    reason: Line


class PromiseMade(Act, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a side will do for the other, by when."""

    id: Id
    what: Line
    due: Moment
    serves: str = ""


class PromiseMoved(Act, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new time; said before the old one it is no miss."""

    promise: Id
    due: Moment
    reason: Line


class PromiseKept(Act, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """It is done; either side may say so."""

    promise: Id


class PromiseDropped(Act, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """It will not be done, and why."""

    promise: Id
    reason: Line


class JudgementStated(Act, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a side holds likely, as a range of probability, and by when it will be known."""

    id: Id
    statement: Line
    low: Share
    high: Share
    resolves_by: date


class JudgementResolved(Act, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether it came true, and how one knows."""

    judgement: Id
    came_true: bool
    source: Line


class CorrectionMade(Act, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something said before was wrong; found by the side that said it, or by the other."""

    what: Line
    found_by: Literal["own side", "other side"]


class ExceptionNoted(Act, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A risk that somebody accepts until a day."""

    id: Id
    what: Line
    owner: Line
    until: date
    services: tuple[Id, ...] = ()
    exposure_per_day: Amount = None


class ExceptionRenewed(Act, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """It goes on, and why: this is its review."""

    exception: Id
    until: date
    reason: Line


class ExceptionClosed(Act, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """It is over."""

    exception: Id
    how: Line
