"""Statements: one thing that somebody knows, assumes, judges or does not know, with its three times."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from poise.incident.base import Act, Id, Line, Moment, Reference, Text
from poise.incident.tlp import Mark
from poise.incident.words import Confidence, Credibility, Reliability, grade, likelihood

Kind = Literal["fact", "assumption", "unknown", "judgement"]
#: From the least known to the most: a correction that climbs is an upgrade.
KINDS: Final[tuple[Kind, ...]] = ("unknown", "assumption", "judgement", "fact")

#: What a statement is about; decides where each brief puts it, never whether.
Topic = Literal[
    "services", "customers", "workaround", "restore", "scope", "exposure", "containment", "evidence", "other"
]
Probability = Annotated[float, Meta(ge=0.01, le=0.99)]


class Next(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The next update: when it comes, or why none will."""

    due: Moment | None = None
    none_because: Text = ""


class Stated(Act, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A statement.

    Parameters
    ----------
    kind
        A *fact* has a source and no likelihood; an *assumption* says when it fails and who checks it; an
        *unknown* says who finds out; a *judgement* has a likelihood and a confidence.
    text
        A sentence (fact, assumption) or what follows "that" (judgement) or "whether" (unknown).
    topic, services
        What it is about.
    true_from
        From when it was so in the world; None when that is not known.
    known_from
        From when its author's side knew it.
    source, reliability, credibility
        Where it comes from, graded by the Admiralty code, the two independently.
    low, high
        Likelihood of a judgement, within [0.01, 0.99].
    confidence, confidence_because
        About sources and gaps of a judgement; never about its likelihood.
    unless, owner, by, matters
        When an assumption fails; who checks it or finds out, until when, and why it matters.
    waits
        A decision request that waits on an unknown.
    tlp, named, is_privileged
        How far it may travel; the people by name for whom a RED one is meant; whether counsel marked it.
    corrects, fault
        The statement in whose place this one stands, and what was wrong with that one.
    next_update
        Needed unless the side has promised one already.
    inject
        In a drill: the inject that this one answers.
    """

    kind: Kind
    text: Annotated[str, Meta(min_length=1, max_length=4000)]
    topic: Topic = "other"
    services: tuple[Id, ...] = ()
    true_from: Moment | None = None
    known_from: Moment
    source: Text = ""
    reliability: Reliability = "F"
    credibility: Credibility = "6"
    low: Probability | None = None
    high: Probability | None = None
    confidence: Confidence | None = None
    confidence_because: Text = ""
    unless: Text = ""
    owner: str = ""
    by: Moment | None = None
    matters: Text = ""
    waits: Reference | None = None
    tlp: Mark = "AMBER"
    named: tuple[Line, ...] = ()
    is_privileged: bool = False
    corrects: Reference | None = None
    fault: Text = ""
    next_update: Next | None = None
    inject: str = ""


class Withdrawn(Act, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A statement no longer stands, and nothing stands in its place."""

    statement: Reference
    reason: Line


class Resolved(Act, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """How a judgement turned out."""

    statement: Reference
    was_true: bool
    how: Line


def missing(act: Stated) -> Iterator[str]:
    """Yield what no type can say is wrong with a statement."""
    if act.kind == "judgement":
        if act.low is None or act.high is None:
            yield "a judgement needs low and high, its likelihood from 0.01 to 0.99."
        elif act.high < act.low:
            yield f"high is {act.high:g}, below low, {act.low:g}."
        if act.confidence is None or not act.confidence_because:
            yield "a judgement needs confidence (high, moderate or low) and confidence_because."
    elif act.low is not None or act.high is not None or act.confidence is not None:
        yield f"a {act.kind} carries no likelihood and no confidence; a judgement does."
    if act.kind == "fact" and not act.source:
        yield "a fact needs its source."
    if act.kind == "assumption" and not (act.unless and act.owner and act.by):
        yield "an assumption needs unless, owner (who checks it) and by (until when)."
    if act.kind == "unknown" and not (act.owner and act.by and act.matters):
        yield "an unknown needs owner (who finds out), by (until when) and matters (why)."
    if bool(act.corrects) != bool(act.fault):
        yield "corrects and fault go together: which statement, and what was wrong with it."
    if act.named and act.tlp != "RED":
        yield f"people are named, but the mark is {act.tlp}; only RED goes to people by name."


def sentence(act: Stated) -> str:
    """Return a statement as people read it, its numbers within."""
    body = act.text.strip().rstrip(".")
    if act.kind == "judgement":
        assert act.low is not None
        assert act.high is not None
        return (
            f"{likelihood(act.low, act.high)} {_inner(body)}. Our confidence in this judgement: "
            f"{act.confidence}, because {_inner(act.confidence_because.strip().rstrip('.'))}."
        )
    if act.kind == "assumption":
        return f"We assume that {_inner(body)}, unless {_inner(act.unless.strip().rstrip('.'))}."
    if act.kind == "unknown":
        return (
            f"We do not know {_whether(body)}. It matters because {_inner(act.matters.strip().rstrip('.'))}."
        )
    return f"{body}."


def source_words(act: Stated) -> str:
    """Return the source with its grade; empty when none is given."""
    return (
        f"{act.source.strip().rstrip('.')}: {grade(act.reliability, act.credibility)}" if act.source else ""
    )


def duty(act: Stated) -> tuple[str, str, datetime] | None:
    """Return who does what until when for an assumption or an unknown; None for others."""
    if act.kind in ("assumption", "unknown") and act.by is not None:
        return act.owner, "checks it" if act.kind == "assumption" else "finds out", act.by
    return None


def _inner(text: str) -> str:
    """Lower the first letter of what goes on in a sentence, unless it begins a name or an abbreviation."""
    first = text.split(" ", 1)[0]
    is_plain = first in ("The", "A", "An", "No", "All", "Some", "It", "We", "They", "There", "This", "That")
    return text[:1].lower() + text[1:] if is_plain else text


def _whether(text: str) -> str:
    first = text.split(" ", 1)[0].lower()
    asks = first in ("whether", "who", "what", "when", "where", "why", "how", "which", "if")
    return text[:1].lower() + text[1:] if asks else f"whether {_inner(text)}"
