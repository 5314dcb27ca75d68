"""Incidents on a ledger: what they say now, and putting one more act there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec

from poise.errors import Fault, IncidentError
from poise.incident.acts import ACTS, kind_of, read_act
from poise.incident.base import Act
from poise.incident.course import Decided
from poise.incident.fold import Incidents, check, entries, replay
from poise.incident.newly import check_new
from poise.incident.place import Place
from poise.incident.state import Incident
from poise.ledger.book import Book
from poise.ledger.keys import SigningKey
from poise.ledger.record import Record

#: Stands in for the hash that a record will have, while an act is only tried.
UNPLACED = "0" * 64


class Room:
    """The incidents of a ledger, kept up to date by reading what was added since.

    Not for use by several threads at once.

    Parameters
    ----------
    ledger
        Where they stand.
    """

    def __init__(self, ledger: Book) -> None:
        self.ledger = ledger
        self._state = Incidents()
        self._next = 0
        self._last = ""

    def state(self) -> Incidents:
        """Return all incidents as the ledger tells them now."""
        if self._next and self.ledger.hash_at(self._next - 1) != self._last:
            # Another history than the one that was read, as after a transaction that was rolled back.
            self._state, self._next = Incidents(), 0
        new = list(self.ledger.records(self._next))
        if new:
            try:
                replay(entries(new), into=self._state)
            except BaseException:
                self._state, self._next = Incidents(), 0  # half of it was read
                raise
            self._next, self._last = new[-1].sequence + 1, new[-1].hash
        return self._state

    def incident(self, id: str) -> Incident:
        """Return one incident; E821 when there is none."""
        found = self.state().by_id
        if id not in found:
            hint = f"There are: {', '.join(sorted(found)) or 'none'}."
            raise IncidentError(Fault("E821", "incident", f"There is no incident {id!r}.", hint))
        return found[id]

    def _drafted(self, act: Act, author: str, now: datetime, *, is_drill: bool) -> tuple[str, dict[str, Any]]:
        """Return kind and body of the record that an act would be; a decision takes in what was known."""
        of = self.state().by_id.get(act.incident)
        kind = kind_of(act, is_drill=of.is_drill if of else is_drill)
        if isinstance(act, Decided) and of is not None and not act.known:
            watcher = of.watcher(author, act.party)
            act = msgspec.structs.replace(act, known=tuple(one.record for one in of.standing(now, watcher)))
        body: dict[str, Any] = msgspec.to_builtins(act)
        return kind, body

    def _check(self, kind: str, body: dict[str, Any], author: str, now: datetime) -> None:
        moment = max(now.replace(microsecond=0), self.ledger.head.time or now)
        act, place = read_act(kind, body, kind), Place(kind, UNPLACED, moment, author)
        check(self.state(), act, place)
        check_new(act, self.state().by_id.get(act.incident), place)

    def repeated(self, act: Act, author: str) -> str | None:
        """Return the record that this act is already, by its token; None when it is new."""
        of = self.state().by_id.get(act.incident)
        return of.tokens.get(f"{author}/{act.token}") if of and act.token else None

    def act(
        self, act: Act, author: str, now: datetime, keys: Sequence[SigningKey] = (), *, is_drill: bool = False
    ) -> Record:
        """Put an act on the ledger; the same act twice, by its token, is one record.

        Parameters
        ----------
        author
            Who does it.
        keys
            To sign with.

        Raises
        ------
        IncidentError
            As :func:`poise.incident.fold.check`.
        """
        kind, body = self._drafted(act, author, now, is_drill=is_drill)

        def unless() -> Record | None:
            already = self.repeated(act, author)
            if already is not None:
                return self.ledger.record(already)
            self._check(kind, body, author, now)
            return None

        return self.ledger.append(kind, author, body, now=now, keys=keys, unless=unless)


def check_holds(ledger: Book, records: Iterable[str]) -> None:
    """Raise E838 when one of these records belongs to an incident under legal hold."""
    held = {id for id, of in Room(ledger).state().by_id.items() if of.is_held()}
    faults = []
    for hash in records if held else ():
        record = ledger.record(hash)
        incident = (record.body or {}).get("incident")
        if record.statement.kind in ACTS and incident in held:
            text = f"belongs to {incident}, which is under legal hold."
            hint = "End the hold first: poise incident hold --no-on."
            faults.append(Fault("E838", f"record {hash[:8]}", text, hint))
    if faults:
        raise IncidentError(faults)
