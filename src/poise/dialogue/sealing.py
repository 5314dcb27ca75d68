"""Sealed answers: a digest on the ledger first, the answers once both digests are there.

So nobody answers second. The answers themselves never come to the ledger, which others read too: each side
keeps its own, and both are shown side by side where both bring them.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from poise.bargain.rounds import Party
from poise.dialogue.base import PARTIES, Digest, Line, Quarter
from poise.dialogue.state import Dialogue
from poise.dialogue.survey_items import ITEMS
from poise.errors import DialogueError, Fault
from poise.ledger.canonical import canonical

What = Literal["survey", "guess"]
#: Largest file of answers [bytes].
MAX_BYTES: Final = 20_000

Answers = dict[str, Annotated[int, Meta(ge=1, le=5)] | None]
Guesses = Annotated[tuple[Line, ...], Meta(max_length=3)]


class Kept(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A side's answers as it keeps them.

    Parameters
    ----------
    survey
        1 to 5 by item; None is skipped.
    guess
        The other's first three priorities, as this side takes them.
    salt
        Keeps few answers from being found by trying.
    """

    form: Literal["poise-sealed/1"] = "poise-sealed/1"
    what: What
    party: Party
    quarter: Quarter
    survey: Answers = {}
    guess: Guesses = ()
    salt: Digest

    @property
    def digest(self) -> str:
        """What binds a side to its answers."""
        return hashlib.sha256(canonical(msgspec.to_builtins(self))).hexdigest()

    @property
    def sealed_body(self) -> dict[str, str]:
        """What stands on the ledger: nothing of the answers."""
        return {"party": self.party, "quarter": self.quarter, "digest": self.digest}

    def to_bytes(self) -> bytes:
        """Return the file for its owner to keep."""
        return json.dumps(msgspec.to_builtins(self), indent=1, ensure_ascii=False).encode() + b"\n"


def keep(what: What, party: Party, quarter: str, answers: Any) -> Kept:
    """Return a side's answers with a new salt.

    Parameters
    ----------
    answers
        By item for the survey, where an item that is missing is skipped; a list for a guess.

    Raises
    ------
    DialogueError
        E850 for an answer out of its range, or to what is not asked.
    """
    given = {**{item.id: None for item in ITEMS}, **answers} if what == "survey" else answers
    value = {"what": what, "party": party, "quarter": quarter, what: given, "salt": secrets.token_hex(32)}
    return _convert(value, what)


def read_kept(content: bytes, where: str) -> Kept:
    """Return the answers of a file.

    Raises
    ------
    DialogueError
        E850 when it is none.
    """
    if len(content) > MAX_BYTES:
        raise DialogueError(
            Fault("E850", where, f"has {len(content):,} bytes; expected {MAX_BYTES:,} at most.")
        )
    try:
        return _convert(json.loads(content), where)
    except (ValueError, RecursionError) as error:
        if isinstance(error, DialogueError):
            raise
        raise DialogueError(Fault("E850", where, "is no file of sealed answers.")) from error


def _convert(value: Any, where: str) -> Kept:
    try:
        kept = msgspec.convert(value, Kept, strict=False)
    except msgspec.ValidationError as error:
        raise DialogueError(Fault("E850", where, f"are no such answers: {error}.")) from error
    unknown = sorted(set(kept.survey) - {item.id for item in ITEMS})
    if unknown or (kept.what == "guess" and not kept.guess):
        text = f"answers {', '.join(unknown)}, which is not asked." if unknown else "guesses nothing."
        hint = f"Items: {', '.join(item.id for item in ITEMS)}."
        raise DialogueError(Fault("E850", where, text, hint))
    return kept


def sealed_by(state: Dialogue, what: What, quarter: str) -> tuple[Party, ...]:
    """Return which sides have answered."""
    found = (state.surveys if what == "survey" else state.guesses).get(quarter, {})
    return tuple(party for party in PARTIES if party in found)


def open_both(
    state: Dialogue, what: What, quarter: str, files: Sequence[Kept]
) -> Mapping[Party, Kept] | None:
    """Return both sides' answers, or None where not both are here.

    Raises
    ------
    DialogueError
        E853 before both have sealed theirs, E855 for answers that are not those that were sealed.
    """
    digests = (state.surveys if what == "survey" else state.guesses).get(quarter, {})
    mine = {one.party: one for one in files if (one.what, one.quarter) == (what, quarter)}
    for party, kept in mine.items():
        if party in digests and kept.digest != digests[party]:
            text = f"These are not the answers that {party} sealed."
            raise DialogueError(Fault("E855", what, text, "Bring the file that was sealed, unchanged."))
    missing = [party for party in PARTIES if party not in digests]
    if len(mine) == 2 and missing:
        reason = f"{' and '.join(missing)} has not answered for {quarter}; both open together."
        raise DialogueError(Fault("E853", what, reason))
    return mine if len(mine) == 2 else None
