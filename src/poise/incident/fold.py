"""From records to incidents: each act is possible at its point, or it is told why not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from poise.errors import IncidentError
from poise.incident.acts import ACTS, DRILL, read_act
from poise.incident.base import Act
from poise.incident.course import Opened
from poise.incident.moments import in_utc
from poise.incident.place import Place
from poise.incident.state import Entry, Incident
from poise.incident.steps import AFTER_CLOSE, STEPS, Effect
from poise.ledger.record import Record


@dataclass
class Incidents:
    """All incidents that records tell, and how many bodies of them were erased.

    ``void`` are records that were no possible step at their place: written past the room, they change
    nothing, and no record can be taken back.
    """

    by_id: dict[str, Incident] = field(default_factory=dict)
    num_erased: int = 0
    void: list[str] = field(default_factory=list)


def entries(records: Iterable[Record]) -> Iterator[Entry]:
    """Yield what this room reads of records; other kinds are passed over."""
    for record in records:
        statement = record.statement
        if statement.kind in ACTS:
            yield Entry(statement.kind, record.hash, record.time, statement.author, record.body)


def replay(found: Iterable[Entry], into: Incidents | None = None) -> Incidents:
    """Return the incidents that entries tell, in the ledger's order.

    Parameters
    ----------
    into
        What earlier entries told; it grows in place.
    """
    state = Incidents() if into is None else into
    for entry in found:
        if entry.body is None:
            state.num_erased += 1
            continue
        try:
            act = read_act(entry.kind, entry.body, f"{entry.kind} {entry.hash[:16]}")
            advance(state, act, Place(entry.kind, entry.hash, entry.time, entry.author))
        except IncidentError:
            # What rested on an erased record went with it.
            if not state.num_erased:
                state.void.append(entry.hash)
    return state


def check(state: Incidents, act: Act, place: Place) -> Effect:
    """Return what an act changes, without changing it.

    Raises
    ------
    IncidentError
        E821 for what names nothing, E822 for a step that is not possible now, E823 for one that is another's,
        E824 for a correction that its readers would not see, E825 and E826 about promises, E827 for a
        statement that stands no more.
    """
    of = state.by_id.get(act.incident)
    if isinstance(act, Opened):
        if of is not None:
            raise place.refuse(f"There is an incident {act.incident!r} already.", hint="Give it another id.")
        is_drill = place.kind.startswith(DRILL)

        def opened() -> None:
            state.by_id[act.incident] = Incident(place.done(act), is_drill)
            _note(state.by_id[act.incident], act, place)

        return opened
    if of is None or of.is_drill != place.kind.startswith(DRILL):
        hint = f"There are: {', '.join(sorted(state.by_id)) or 'none'}."
        raise place.refuse(f"There is no incident {act.incident!r}.", "E821", hint)
    if of.closed is not None and not isinstance(act, AFTER_CLOSE):
        raise place.refuse(f"The incident was closed at {in_utc(of.closed.time)}.")
    step = STEPS[type(act)](of, act, place)
    incident = of

    def effect() -> None:
        step()
        _note(incident, act, place)

    return effect


def advance(state: Incidents, act: Act, place: Place) -> None:
    """Take one more act into the state; raises as :func:`check` does, and then nothing has changed."""
    check(state, act, place)()


def as_of(found: Iterable[Entry], moment: datetime) -> Incidents:
    """Return the incidents as they were recorded by a moment."""
    return replay(entry for entry in found if entry.time <= moment)


def _note(of: Incident, act: Act, place: Place) -> None:
    of.places[place.record] = len(of.log)
    of.log.append(place.done(act))
    if act.token:
        of.tokens[f"{place.author}/{act.token}"] = place.record
