"""Sealed answers: a digest first, the answers once both are there, so that nobody answers second."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Mapping, Sequence

from poise.errors import DialogueError, Fault
from poise.ledger.canonical import canonical

Answers = Mapping[str, int | None] | Sequence[str]


def seal(answers: Answers, salt: str) -> str:
    """Return the digest that binds a side to its answers; the salt keeps few answers from being guessed."""
    plain = dict(answers) if isinstance(answers, Mapping) else list(answers)
    return hashlib.sha256(canonical({"answers": plain, "salt": salt})).hexdigest()


def new_salt(random: Callable[[int], str] = secrets.token_hex) -> str:
    """Return 32 random bytes in hexadecimal."""
    return random(32)


def check_seal(answers: Answers, salt: str, digest: str, where: str) -> None:
    """Check that answers are those that were sealed.

    Raises
    ------
    DialogueError
        E855 when they are not.
    """
    if seal(answers, salt) != digest:
        text = "These are not the answers that were sealed."
        raise DialogueError(Fault("E855", where, text, "Open the file that was sealed, unchanged."))
