"""Where an act stands, for what is said when it is refused."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TypeVar

from poise.errors import DialogueError, Fault

_T = TypeVar("_T")


class Place:
    """Where an act stands, for what it is told as when it is refused."""

    def __init__(self, kind: str, record: str, time: datetime) -> None:
        self.kind, self.record, self.time = kind, record, time

    def refuse(self, reason: str, id: str = "E853", hint: str = "") -> DialogueError:
        """Return the error of an act that is not possible."""
        return DialogueError(Fault(id, self.kind, reason, hint))

    def known(self, table: Mapping[str, _T], id: str, what: str) -> _T:
        """Return an entry of a table; E852 when there is none."""
        if id not in table:
            hint = f"There are: {', '.join(sorted(table)) or 'none'}."
            raise self.refuse(f"There is no {what} {id!r}.", "E852", hint)
        return table[id]

    def new(self, table: Mapping[str, object], id: str, what: str) -> None:
        """Raise E851 when an id is taken."""
        if id in table:
            raise self.refuse(f"There is a {what} {id!r} already.", "E851", "Give it another id.")
