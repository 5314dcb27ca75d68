"""Collecting every fault of a file before it is refused."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from poise.errors import EstateError, Fault, InputError


@dataclass(slots=True)
class Faults:
    """The faults found so far; a file is refused once, with all of them."""

    found: list[Fault] = field(default_factory=list)
    #: What the file is refused with.
    error: type[InputError] = EstateError

    def add(self, id: str, where: str, message: str, hint: str = "", web: str = "") -> None:
        """Note one fault; see :class:`~poise.errors.Fault`."""
        self.found.append(Fault(id, where, message, hint, web))

    def extend(self, faults: Iterable[Fault]) -> None:
        """Note faults that another reader found."""
        self.found.extend(faults)

    def raise_if_any(self) -> None:
        """Refuse the input when there is any fault.

        Raises
        ------
        InputError
            Of the kind `error`, with every fault, in the order of discovery, each said once.
        """
        if self.found:
            raise self.error(dict.fromkeys(self.found))


def did_you_mean(word: str, words: Iterable[str]) -> str:
    """Return a hint that names the closest known word, or all of them when none is close."""
    from difflib import get_close_matches  # asked for a fault alone; the gate waits for every import

    known = sorted(words)
    close = get_close_matches(word.lower(), known, n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]!r}?"
    if not known:
        return ""
    shown = ", ".join(known[:12])
    return f"known here: {shown}{', ...' if len(known) > 12 else ''}."
