"""The survey: seven items on working together and three on safety, in words of our own.

The seven follow what relational coordination asks about [Gittell]: communication that is frequent, timely,
accurate and about solving; shared goals, shared knowledge, mutual respect. Each asks about the other side,
on a scale from 1 (not at all) to 5 (fully); every one can be skipped. Three more ask what a record of
decisions cannot tell: whether one can disagree, is treated fairly, and is helped by what one is told.
"""

from __future__ import annotations

from dataclasses import dataclass

#: What stands above every survey and its results.
NOTICE = (
    "There are two of you, so this is not anonymous: each will know the other's answers. They open when both "
    "have answered. Skip what you like; what is skipped is not counted."
)
SCALE = "1 = not at all, 5 = fully"


@dataclass(frozen=True)
class Item:
    """One statement to agree or disagree with."""

    id: str
    about: str
    text: str


ITEMS: tuple[Item, ...] = (
    Item("often", "frequency", "The other side talks to us often enough for the work we share."),
    Item("in-time", "timeliness", "What we need to know reaches us while we can still act on it."),
    Item("accurate", "accuracy", "What the other side tells us turns out to be so."),
    Item(
        "solving", "problem solving", "When something goes wrong, we look for the way out before the cause."
    ),
    Item("goals", "shared goals", "The other side works for the same goals of the company as we do."),
    Item("knowledge", "shared knowledge", "The other side understands what our work needs and costs."),
    Item("respect", "respect", "The other side values what we do."),
    Item("safe", "safety to disagree", "We can say no to the other side without paying for it later."),
    Item("fair", "fairness", "When we give way, it comes back to us in another matter."),
    Item("useful", "usefulness of updates", "The updates we get from the other side help us to decide."),
)
