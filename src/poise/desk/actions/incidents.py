"""What people do in incidents at the desk. What may be done stands in :mod:`poise.incident`.

Each server process keeps the incidents folded and reads only what was added since, so that a page of a long
incident costs what is on it. A reader holds the lock while it looks; a writer takes it after the
end of the ledger and gives it back before the commit, so nobody waits for anybody in a circle.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final, cast

import msgspec

from poise.desk import convert, jobs
from poise.desk.actions.base import Actor, action, writing
from poise.desk.ledger import DeskLedger
from poise.desk.models import Job, LedgerHead
from poise.dialogue.conversation import entries as said_entries
from poise.dialogue.conversation import known_at
from poise.dialogue.fold import replay as replay_said
from poise.dialogue.state import Dialogue
from poise.errors import Fault, IncidentError
from poise.incident.acts import ACTS, read_act
from poise.incident.base import Party
from poise.incident.clocks.regime import shipped
from poise.incident.delivery import Channel, check_mark, deliver, read_channels
from poise.incident.drill import shipped as shipped_drills
from poise.incident.fold import Incidents, entries, replay
from poise.incident.room import Room
from poise.incident.state import Incident
from poise.incident.tlp import Mark, Watcher
from poise.ledger.record import Record

#: What somebody may see whom the incident's lead gave no mark. RED is the lead's, and theirs whom it names.
_CLEARANCES: Final[Mapping[str, Mark]] = {
    "operations-lead": "AMBER+STRICT",
    "security-lead": "AMBER+STRICT",
    "chair": "AMBER+STRICT",
    "operations-staff": "AMBER+STRICT",
    "security-staff": "AMBER+STRICT",
}
_KINDS: Final = tuple(ACTS)
#: Kind of the job that sends what is due.
DELIVERY: Final = "incident.deliver"
#: As of letters: the list of jobs is everybody's, and tells nobody that there is an incident.
SENDING_TITLE: Final = "Sending letters"


class DeskRoom(Room):
    """The incidents of the desk's ledger; only their own records are read."""

    def state(self) -> Incidents:
        """Return all incidents as the ledger tells them now."""
        ledger = self.ledger
        assert isinstance(ledger, DeskLedger)
        if self._next and ledger.hash_at(self._next - 1) != self._last:
            # A transaction was rolled back, or this one does not see another's yet.
            self._state, self._next = Incidents(), 0
        size = LedgerHead.objects.filter(id=1).values_list("size", flat=True).first() or 0
        if size > self._next:
            try:
                replay(entries(ledger.records_of(_KINDS, self._next)), into=self._state)
            except BaseException:
                self._state, self._next = Incidents(), 0  # half of it was read
                raise
            self._next, self._last = size, ledger.hash_at(size - 1) or ""
        return self._state


_ROOM: Final = DeskRoom(DeskLedger())
_LOCK: Final = threading.RLock()


@contextmanager
def looking() -> Iterator[DeskRoom]:
    """Hold the incidents still while somebody reads or writes."""
    with _LOCK:
        # A ledger of this request's own: another's may know keys of a transaction that was rolled back.
        _ROOM.ledger = DeskLedger()
        yield _ROOM


def watcher(by: Actor, incident: Incident) -> Watcher:
    """Return what somebody at the desk may see of an incident."""
    party = cast(Party, by.party) if by.party else None
    return incident.watcher(by.person, party, _CLEARANCES.get(by.role, "GREEN"))


def leads_all(by: Actor) -> bool:
    """Return whether every incident's marks are for somebody: who leads one sees all of it."""
    with looking() as room:
        return all(one.head.lead == by.person for one in room.state().by_id.values())


@action("incident.act")
def act(by: Actor, name: str, fields: Mapping[str, Any], *, is_drill: bool = False) -> Record:
    """Put an act of the actor's own side on the ledger; the same act twice, by its token, is one record.

    Parameters
    ----------
    name
        Its kind without the prefix, such as ``stated``.

    Raises
    ------
    IncidentError
        E820 to E827, as in :meth:`poise.incident.room.Room.act`.
    """
    kind = f"incident.{name}"
    made = read_act(kind, {**fields, "party": by.party}, "form")
    with looking() as room:
        return room.act(made, by.person, by.now, is_drill=is_drill)


@action("incident.act")
def open_drill(by: Actor, scenario: str, fields: Mapping[str, Any]) -> Record:
    """Begin a drill of a shipped scenario; E839 when there is none of that name."""
    found = shipped_drills().get(scenario)
    if found is None:
        raise IncidentError(Fault("E839", "drill", f"There is no drill {scenario!r}."))
    values = {"drill": found.id, "scenario": msgspec.to_builtins(found), "title": found.title}
    return act(by, "opened", {**fields, **values}, is_drill=True)


@action("incident.act")
def assess(by: Actor, incident: str, regime: str, reason: str, *, applies: bool) -> Record:
    """Say whether a regime applies; the incident keeps the rule as it is today."""
    rule = shipped().get(regime)
    if rule is None:
        raise IncidentError(Fault("E821", "regime", f"There is no regime {regime!r}."))
    values = {"regime": regime, "applies": applies, "reason": reason}
    values["rule"] = msgspec.to_builtins(rule) if applies else {}
    return act(by, "clock.assessed", {"incident": incident, **values})


def said_of_readers(by: Actor) -> Dialogue:
    """Return what both sides had said about how they want to be told, by an actor's time."""
    return replay_said(said_entries(known_at(DeskLedger().records_of(("profile.stated",)), by.now)))


def channels() -> dict[str, Channel]:
    """Return the workspace's ways to people, as ``channels.toml`` lists them."""
    return read_channels(convert.folder() / "channels.toml")


@action("incident.act")
def queue(by: Actor, fields: Mapping[str, Any]) -> Record:
    """Put a brief that was reviewed into the outbox; a drill's needs no channel, as nothing is sent.

    Raises
    ------
    IncidentError
        E836 when its mark may not go by that channel, or there is no such channel.
    """
    name = str(fields.get("channel", ""))
    with looking() as room:
        is_drill = room.incident(str(fields["incident"])).is_drill
    found = Channel("", "RED") if is_drill else channels().get(name)
    if found is None:
        hint = "The desk's administrator lists channels in channels.toml; docs/incidents.md shows one."
        raise IncidentError(Fault("E836", "channel", f"There is no channel {name!r}.", hint))
    check_mark(name, found, cast(Mark, fields["mark"]))
    record = act(by, "brief.queued", fields)
    jobs.start(by, DELIVERY, SENDING_TITLE)
    return record


def deliver_due(now: datetime) -> int:
    """Attempt every message that is due, from the worker; return how many were attempted.

    The lock is not held while a server is spoken to: this works on incidents of its own.
    """
    room = DeskRoom(DeskLedger())
    waiting = [one for one in room.state().by_id.values() if _is_due(one, now)]
    return sum(len(deliver(room, one, _channels_or_none(), now)) for one in waiting)


def _channels_or_none() -> Mapping[str, Channel]:
    """Return the channels; none where their file cannot be read: an attempt that is recorded waits longer."""
    try:
        return channels()
    except IncidentError:
        return {}


def start_delivery(now: datetime) -> bool:
    """Queue a job that delivers when something is due and none is queued; return whether it did."""
    with looking() as room:
        if not any(_is_due(one, now) for one in room.state().by_id.values()):
            return False
    with writing():
        if Job.objects.filter(kind=DELIVERY, state__in=[Job.State.WAITING, Job.State.RUNNING]).exists():
            return False
        jobs.start(Actor.desk(), DELIVERY, SENDING_TITLE)
        return True


def _is_due(incident: Incident, now: datetime) -> bool:
    due = (message.due() for message in incident.messages.values())
    return any(moment is not None and moment <= now for moment in due)
