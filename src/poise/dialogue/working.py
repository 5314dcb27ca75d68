"""How a side wants to be written to: when, in which order, how much before the fold. Never what."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo

import msgspec

from poise.bargain.rounds import Party
from poise.dialogue.base import PARTIES
from poise.dialogue.pair import ProfileStated
from poise.dialogue.state import Dialogue
from poise.incident.profile import DEFAULTS, Audience, Profile

#: In which order a side reads an incident's statements, by what it wants to see first.
_ORDER: Final[Mapping[str, Literal["topic", "newest", "uncertain"]]] = {
    "numbers first": "topic",
    "reasons first": "uncertain",
    "options first": "newest",
}


def profile_of(state: Dialogue, party: Party) -> ProfileStated:
    """Return a side's profile; the defaults of :class:`ProfileStated` where it stated none."""
    return state.profiles[party][1] if party in state.profiles else ProfileStated(party=party)


def is_quiet(profile: ProfileStated, moment: datetime) -> bool:
    """Return whether a moment lies in a side's quiet hours."""
    local = moment.astimezone(ZoneInfo(profile.timezone))
    if profile.quiet.weekends and local.weekday() >= 5:
        return True
    start, end = _clock(profile.quiet.start), _clock(profile.quiet.end)
    clock = local.time()
    return start <= clock < end if start <= end else clock >= start or clock < end


def next_open(profile: ProfileStated, moment: datetime) -> datetime:
    """Return the first moment from one on that is not quiet; that moment itself where all hours are quiet."""
    zone = ZoneInfo(profile.timezone)
    end = _clock(profile.quiet.end)
    local = moment.astimezone(zone)
    candidates = [local]
    for days in range(9):
        day = local.date() + timedelta(days=days)
        # Quiet ends by the clock, or at midnight after a weekend.
        candidates += [datetime.combine(day, clock, zone) for clock in sorted({time(0), end})]
    found = (one for one in candidates if one >= local and not is_quiet(profile, one))
    return next(found, local).astimezone(moment.tzinfo)


def send_at(profile: ProfileStated, now: datetime, *, is_urgent: bool = False) -> datetime:
    """Return when something that came up now is sent.

    What is urgent goes at once, in quiet hours only where the side allowed it. All else waits for the next
    digest, daily or weekly, at the time that the side chose, moved out of its quiet hours.
    """
    if is_urgent:
        return now if profile.urgent_in_quiet else next_open(profile, now)
    return next(slot for slot in _slots(profile, now) if slot >= now)


def last_slot(profile: ProfileStated, now: datetime) -> datetime:
    """Return the last moment up to now at which a digest was wanted."""
    return max(slot for slot in _slots(profile, now) if slot <= now)


def _slots(profile: ProfileStated, around: datetime) -> list[datetime]:
    """Return when digests are wanted in the weeks around a moment: out of quiet hours, one a day at most."""
    zone = ZoneInfo(profile.timezone)
    today, clock = around.astimezone(zone).date(), _clock(profile.time)
    last_of: dict[date, datetime] = {}
    for ahead in range(-16, 17):
        day = today + timedelta(days=ahead)
        if profile.cadence == "daily" or day.weekday() == profile.day:
            slot = next_open(profile, datetime.combine(day, clock, zone)).astimezone(zone)
            # A weekend's digest that was moved to Monday is Monday's own.
            last_of[slot.date()] = max(slot, last_of.get(slot.date(), slot))
    # What was moved here from before the first day looked at is not known, so its first days do not count.
    begin = today - timedelta(days=9)
    return [slot.astimezone(around.tzinfo) for day, slot in sorted(last_of.items()) if day >= begin]


def _stated(state: Dialogue, reader: Audience) -> ProfileStated | None:
    return next((state.profiles[one][1] for one in PARTIES if one == reader and one in state.profiles), None)


def brief_form(state: Dialogue, reader: Audience, timezone: str = "UTC") -> Profile:
    """Return the form in which a reader wants an incident's briefs, for :func:`poise.incident.brief.brief`.

    Order, detail, cadence, channel and time zone are those of the side's working profile. Who stated none,
    and the board, read :data:`~poise.incident.profile.DEFAULTS`.

    Parameters
    ----------
    timezone
        The incident's, for whom no other is known.
    """
    form = msgspec.structs.replace(DEFAULTS[reader], timezone=timezone)
    stated = _stated(state, reader)
    if stated is None:
        return form
    return msgspec.structs.replace(
        form,
        detail="full" if stated.detail == "full" else "short",
        order=_ORDER[stated.style],
        cadence_minutes=stated.incident_minutes,
        channel=next(iter(stated.channels), form.channel),
        timezone=stated.timezone,
    )


def brief_at(state: Dialogue, reader: Audience, now: datetime, *, is_urgent: bool) -> datetime:
    """Return when a message that is ready now goes to a reader.

    Outside the reader's quiet hours; what has a clock running goes at once where the reader allowed it. Who
    stated no profile, and the board, have no quiet hours.
    """
    stated = _stated(state, reader)
    if stated is None or (is_urgent and stated.urgent_in_quiet):
        return now
    return next_open(stated, now)


def _clock(text: str) -> time:
    return time.fromisoformat(text)
