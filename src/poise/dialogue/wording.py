"""How something is worded for a reader: what comes first, and how much stands before the fold.

The form may never change what is said: every fact of a :class:`Telling` stands in every reader's text, and a
test counts them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from poise.bargain.rounds import Party
from poise.dialogue.pair import ProfileStated

Kind = Literal["decision", "price", "option", "reason", "words", "other"]
#: Which kinds of facts a style puts first.
_FIRST: Final[Mapping[str, tuple[Kind, ...]]] = {
    "numbers first": ("price", "option"),
    "options first": ("option", "decision"),
    "reasons first": ("words", "reason"),
}
#: Facts before the fold; None is all of them.
_BEFORE: Final[Mapping[str, int | None]] = {"headline": 0, "summary": 2, "full": None}


@dataclass(frozen=True)
class Fact:
    """One fact.

    Parameters
    ----------
    text
        As it is printed, for whomever.
    kind
        What it is, for its place.
    party
        Whose words these are; None where nobody's.
    """

    text: str
    kind: Kind = "other"
    party: Party | None = None


@dataclass(frozen=True)
class Telling:
    """One thing to tell, before anybody's form."""

    headline: str
    facts: tuple[Fact, ...]

    @property
    def texts(self) -> tuple[str, ...]:
        """Everything that has to stand in every reader's text."""
        return (self.headline, *(fact.text for fact in self.facts))


def arrange(telling: Telling, reader: ProfileStated) -> tuple[list[str], list[str]]:
    """Return the facts before the fold and those after it, in a reader's order."""
    first = _FIRST[reader.style]

    def rank(fact: Fact) -> tuple[int, bool]:
        place = first.index(fact.kind) if fact.kind in first else len(first)
        # The other side's words before one's own: those are what a reader does not know.
        return place, fact.party == reader.party

    texts = [fact.text for fact in sorted(telling.facts, key=rank)]
    kept = _BEFORE[reader.detail]
    return (texts, []) if kept is None else (texts[:kept], texts[kept:])


def letter(telling: Telling, reader: ProfileStated) -> str:
    """Return one thing as the text of a mail."""
    kept, rest = arrange(telling, reader)
    lines = [telling.headline, *(f"- {text}" for text in kept)]
    if rest:
        lines += ["", "In full", *(f"- {text}" for text in rest)]
    return "\n".join(lines) + "\n"
