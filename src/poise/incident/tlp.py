"""Traffic Light Protocol 2.0 (FIRST, 2022): how far a statement may travel, and who may see it here.

It is neither legal privilege nor a secret's lock: privilege is a mark of its own, and the desk's permissions
still decide who comes in at all. A watcher without the mark learns nothing of a statement, not even that
there is one: ids are hashes and not numbers, and every count is taken after this filter.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from poise.incident.base import Party

Mark = Literal["CLEAR", "GREEN", "AMBER", "AMBER+STRICT", "RED"]
#: From the freest to the strictest.
MARKS: Final[tuple[Mark, ...]] = ("CLEAR", "GREEN", "AMBER", "AMBER+STRICT", "RED")

#: The mark of what has none of its own: promises, requests, determinations, what stays open. Their words and
#: their number tell of statements.
UNMARKED: Final[Mark] = "AMBER+STRICT"


@dataclass(frozen=True, slots=True)
class Watcher:
    """Somebody who looks.

    Parameters
    ----------
    name
        The person; RED statements go to people by name.
    party
        The side; None for others, such as an auditor.
    clearance
        The strictest mark up to which this person sees everything; RED only as the incident's lead.
    base
        What they had before the incident's lead gave them another clearance.
    """

    name: str
    party: Party | None = None
    clearance: Mark = "AMBER+STRICT"
    base: Mark = "AMBER+STRICT"

    @property
    def knows_the_course(self) -> bool:
        """Whether what carries no mark of its own is for this watcher."""
        return self.may_see(UNMARKED)

    def may_see(self, mark: Mark, named: Iterable[str] = ()) -> bool:
        """Return whether a statement with this mark, for these people by name, is for this watcher."""
        return rank(mark) <= rank(self.clearance) or self.name in named


#: Sees all: for replays, exports under two signatures, tests.
EVERYTHING: Final = Watcher("", None, "RED")


def rank(mark: Mark) -> int:
    """Return how strict a mark is, from 0."""
    return MARKS.index(mark)


def strictest(marks: Iterable[Mark]) -> Mark:
    """Return the mark of a text made of several: its strictest part's; CLEAR of nothing."""
    return max(marks, key=rank, default="CLEAR")


def label(mark: Mark) -> str:
    """Return the mark as the standard writes it."""
    return f"TLP:{mark}"
