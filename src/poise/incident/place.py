"""Where an act stands, for what is said when it is refused."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TypeVar

from poise.errors import Fault, IncidentError
from poise.incident.base import Act
from poise.incident.state import Done

_T = TypeVar("_T")


class Place:
    """An act's record: its kind, its hash, its time, its author."""

    def __init__(self, kind: str, record: str, time: datetime, author: str) -> None:
        self.kind, self.record, self.time, self.author = kind, record, time, author

    def done(self, act: Act) -> Done:
        """Return the act at this place."""
        return Done(self.record, self.time, self.author, act)

    def refuse(self, reason: str, id: str = "E822", hint: str = "") -> IncidentError:
        """Return the error of an act that is not possible."""
        return IncidentError(Fault(id, self.kind, reason, hint))

    def known(self, table: Mapping[str, _T], record: str, what: str) -> _T:
        """Return what stands under a hash; E821 when nothing does."""
        if record not in table:
            raise self.refuse(f"There is no {what} {record[:16]!r} in this incident.", "E821")
        return table[record]
