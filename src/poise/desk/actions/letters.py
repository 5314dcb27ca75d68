"""Letters of the dialogue: digests at each side's own time, notices at once where a side wants them so.

A letter is written in one transaction and sent after it, by the worker. What is being sent is marked as such
before the server is spoken to: a worker that dies then leaves a letter of which nobody can know whether it
went. It is shown as that and never sent again by itself, so nothing comes twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction

from poise.bargain.rounds import Party
from poise.desk import convert, jobs
from poise.desk.actions import dialogue
from poise.desk.actions.base import Actor, action, writing
from poise.desk.ledger import DeskLedger
from poise.desk.models import Job, LedgerHead, LedgerRecord, Letter
from poise.dialogue.agenda import Agenda, make_agenda
from poise.dialogue.base import PARTIES
from poise.dialogue.digest import week, write
from poise.dialogue.fold import replay
from poise.dialogue.formulas import PERIOD, PERIODS
from poise.dialogue.meeting import next_meeting
from poise.dialogue.meeting_ics import agenda_ics
from poise.dialogue.notices import NOTICED, is_urgent, notice_of, reader_of
from poise.dialogue.pair import ProfileStated
from poise.dialogue.state import Dialogue
from poise.dialogue.wording import letter
from poise.dialogue.working import brief_at, last_slot, next_open, profile_of
from poise.errors import ConflictError, Fault, IncidentError
from poise.incident.delivery import check_mark, num_addresses, read_channels, send
from poise.incident.tlp import Mark

#: Kind of the job that sends what is due.
SENDING: Final = "dialogue.letters"
#: Waits before the second, third ... attempt [min]; after the last it is given up, visibly.
RETRY_MINUTES: Final = (1, 5, 15, 60, 240, 720)
#: For how long back a notice is still written: after it the digest has it.
NOTICE_AGE: Final = timedelta(days=2)
#: Under which mark letters travel: between the two, on a need to know.
MARK: Final[Mark] = "AMBER"

#: A channel's name with room for the number of an address.
_LONGEST: Final = 60

_Due = tuple[Party, str, ProfileStated, Any]


def start(now: datetime) -> bool:
    """Write what is due and queue its sending, where no such job is queued; return whether it did.

    Who stated no profile gets no letter: nobody is written to who did not say how.
    """
    state = replay(dialogue.entries_of(("profile.stated",), now))
    if not state.profiles:
        return False
    due = [one for one in _due(state, now) if not _is_written(one[0], one[1])]
    is_waiting = Letter.objects.filter(state=Letter.State.WAITING, next_attempt__lte=now).exists()
    if not due and not is_waiting:
        return False
    with writing():
        LedgerHead.objects.select_for_update().get(id=1)
        _write([one for one in due if not _is_written(one[0], one[1])], now)
        if Job.objects.filter(kind=SENDING, state__in=[Job.State.WAITING, Job.State.RUNNING]).exists():
            return False
        jobs.start(Actor.desk(), SENDING, "Sending letters")
    return True


def _is_written(party: Party, key: str) -> bool:
    return Letter.objects.filter(party=party, key=key).exists()


def _due(state: Dialogue, now: datetime) -> Iterator[_Due]:
    """Yield (side, key, profile, record or None) of everything for which the time has come."""
    for party in PARTIES:
        if party not in state.profiles:
            continue
        stated, profile = state.profiles[party]
        slot = last_slot(profile, now)
        if slot > stated:
            yield party, f"digest {slot:%Y-%m-%dT%H:%MZ}", profile, None
    for row in LedgerRecord.objects.filter(kind__in=NOTICED, time__gt=now - NOTICE_AGE, time__lte=now):
        record = DeskLedger().record(row.hash)
        reader = reader_of(row.kind, record.body or {})
        if reader is None or reader not in state.profiles or record.body is None:
            continue
        stated, profile = state.profiles[reader]
        urgent = is_urgent(row.kind, record.body, record.time)
        is_due = brief_at(state, reader, record.time, is_urgent=urgent) <= now
        if profile.notices == "at once" and stated < record.time and is_due:
            yield reader, f"notice {row.hash[:40]}", profile, record


def _write(due: list[_Due], now: datetime) -> None:
    """Write letters from one source, each in its reader's form; old ones are removed."""
    Letter.objects.filter(written__lt=now - PERIODS * PERIOD).delete()
    if not due:
        return
    by = Actor(None, now)
    state, ahead = dialogue.state_of(by), dialogue.ahead(by)
    agenda = make_agenda(state, now, ahead, convert.currency())
    for party, key, profile, record in due:
        calendar = ""
        if record is None:
            subject, text = write(week(state, now, agenda), state, party)
            calendar = _calendar(state, agenda, now)
        else:
            told = notice_of(record.statement.kind, record.body, state, agenda, ahead)
            if told is None:
                continue
            subject, text = told.headline, letter(told, profile)
        for channel in _each(profile.channels):
            Letter.objects.create(
                party=party,
                key=key,
                channel=channel,
                subject=subject[:200],
                text=text,
                calendar=calendar,
                written=now,
                next_attempt=now,
            )


def _each(names: tuple[str, ...]) -> Iterator[str]:
    """Yield channels by name, and each address of one that has several: ``mail-cio#2`` is its second.

    Each address gets a letter of its own, so that trying one again does not write to the others twice.
    """
    try:
        channels = read_channels(convert.folder() / "channels.toml")
    except IncidentError:
        channels = {}  # the attempt will say so
    for name in dict.fromkeys(names):
        try:
            count = num_addresses(channels[name]) if name in channels and len(name) <= _LONGEST else 1
        except IncidentError:
            count = 1
        yield from (name,) if count == 1 else (f"{name}#{number}" for number in range(1, count + 1))


def _calendar(state: Dialogue, agenda: Agenda, now: datetime) -> str:
    return agenda_ics(agenda, next_meeting(state, now, convert.company_zone())).decode()


def send_due(now: datetime) -> tuple[int, int]:
    """Attempt every letter that is due, from the worker; return how many went and how many did not."""
    # One such job runs at a time: what is still being sent was somebody's who died.
    Letter.objects.filter(state=Letter.State.SENDING).update(
        state=Letter.State.UNSURE,
        fault="The worker ended while it was being sent. It may have gone, so it waits for you.",
    )
    state = replay(dialogue.entries_of(("profile.stated",), now))
    went = failed = 0
    while (taken := _take(now)) is not None:
        reason = _attempt(taken)
        _settle(taken, reason, profile_of(state, _party(taken)), now)
        went, failed = went + (not reason), failed + bool(reason)
    return went, failed


def _party(row: Letter) -> Party:
    return next(one for one in PARTIES if one == row.party)


def _take(now: datetime) -> Letter | None:
    """Mark the next letter as being sent, before anything leaves the house."""
    with transaction.atomic():
        rows = Letter.objects.select_for_update().filter(state=Letter.State.WAITING, next_attempt__lte=now)
        row = rows.order_by("id").first()
        if row is not None:
            row.state, row.attempts = Letter.State.SENDING, row.attempts + 1
            row.save(update_fields=["state", "attempts"])
        return row


def _attempt(row: Letter) -> str:
    """Return why a letter did not go; empty when it did."""
    try:
        name, _, number = row.channel.partition("#")
        channel = read_channels(convert.folder() / "channels.toml").get(name)
        if channel is None:
            return f"There is no channel {name!r} in this workspace."
        check_mark(name, channel, MARK)
        files = {"agenda.ics": row.calendar.encode()} if row.calendar else None
        send(channel, row.subject, row.text, files, only=int(number) - 1 if number else None)
    except IncidentError as error:
        return error.faults[0].message
    return ""


def _settle(row: Letter, reason: str, profile: ProfileStated, now: datetime) -> None:
    """Write down how an attempt ended; the next one waits for the end of quiet hours."""
    row.fault = reason
    if not reason:
        row.state, row.sent, row.next_attempt = Letter.State.SENT, now, None
    elif row.attempts > len(RETRY_MINUTES):
        row.state, row.next_attempt = Letter.State.GIVEN_UP, None
    else:
        wait = timedelta(minutes=RETRY_MINUTES[row.attempts - 1])
        row.state, row.next_attempt = Letter.State.WAITING, next_open(profile, now + wait)
    row.save(update_fields=["state", "sent", "next_attempt", "fault"])


@action("dialogue.pair")
def send_again(by: Actor, number: int) -> None:
    """Send a letter of the actor's own side once more, by the actor's own wish.

    Raises
    ------
    ConflictError
        E871 when it is on its way, or has been sent.
    """
    rows = Letter.objects.select_for_update().filter(pk=number, party=by.party)
    if not rows.filter(state__in=[Letter.State.GIVEN_UP, Letter.State.UNSURE]).update(
        state=Letter.State.WAITING, next_attempt=by.now, attempts=0
    ):
        raise ConflictError(Fault("E871", "letter", "It is on its way, or it was sent."))


def undelivered(party: str) -> list[Letter]:
    """Return a side's letters that did not go, or of which nobody knows."""
    failing = Letter.objects.filter(party=party).exclude(state=Letter.State.SENT).exclude(fault="")
    return list(failing.order_by("-id"))


def letters_of(party: str) -> list[Letter]:
    """Return a side's letters, newest first."""
    return list(Letter.objects.filter(party=party).order_by("-id")[:20])
