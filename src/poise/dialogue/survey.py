"""The survey's results: both sides' answers side by side, once both have answered, and not before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from poise.bargain.rounds import Party
from poise.dialogue.base import PARTIES
from poise.dialogue.sealing import Kept, open_both, sealed_by
from poise.dialogue.state import Dialogue
from poise.dialogue.survey_items import ITEMS, Item


@dataclass(frozen=True)
class Answered:
    """One item with both answers; None is skipped."""

    item: Item
    answers: dict[Party, int | None]


@dataclass(frozen=True)
class Survey:
    """A quarter's survey.

    Parameters
    ----------
    sealed
        Which sides have answered; who has not is not told to anybody but by this.
    items
        Empty until both are open. Nothing is added up: ten answers are ten conversations.
    apart
        Items on which the answers lie two steps or more apart, the widest first.
    low
        Items to which somebody answered 1 or 2 and nobody skipped.
    """

    quarter: str
    sealed: tuple[Party, ...]
    items: tuple[Answered, ...]
    apart: tuple[str, ...]
    low: tuple[str, ...]


@dataclass(frozen=True)
class Guess:
    """The exercise of a quarter: what each guessed, and what the other had stated."""

    quarter: str
    sealed: tuple[Party, ...]
    guesses: dict[Party, tuple[str, ...]]
    stated: dict[Party, tuple[str, ...]]


def quarter_of(moment: datetime) -> str:
    """Return the calendar quarter of a moment, such as 2026Q1."""
    return f"{moment.year}Q{(moment.month + 2) // 3}"


def view_survey(state: Dialogue, quarter: str, files: Sequence[Kept] = ()) -> Survey:
    """Return the survey of a quarter; answers stand in it where both sides' are here.

    Raises
    ------
    DialogueError
        As in :func:`~poise.dialogue.sealing.open_both`.
    """
    sealed = sealed_by(state, "survey", quarter)
    opened = open_both(state, "survey", quarter, files)
    if opened is None:
        return Survey(quarter, sealed, (), (), ())
    items = tuple(
        Answered(item, {party: opened[party].survey.get(item.id) for party in PARTIES}) for item in ITEMS
    )
    spread: dict[str, int] = {}
    low = []
    for one in items:
        given = [answer for answer in one.answers.values() if answer is not None]
        if len(given) == 2:
            spread[one.item.id] = abs(given[0] - given[1])
            low += [one.item.id] if min(given) <= 2 else []
    apart = sorted((id for id, steps in spread.items() if steps >= 2), key=lambda id: -spread[id])
    return Survey(quarter, sealed, items, tuple(apart), tuple(low))


def view_guess(state: Dialogue, quarter: str, files: Sequence[Kept] = ()) -> Guess:
    """Return the exercise of a quarter; guesses stand in it where both sides' are here."""
    sealed = sealed_by(state, "guess", quarter)
    opened = open_both(state, "guess", quarter, files)
    if opened is None:
        return Guess(quarter, sealed, {}, {})
    stated = {
        party: state.profiles[party][1].priorities[:3] if party in state.profiles else () for party in PARTIES
    }
    return Guess(quarter, sealed, {party: opened[party].guess for party in PARTIES}, stated)
