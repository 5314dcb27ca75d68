"""How a side wants to be written to: when, in which order, how much before the fold. Never what."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from poise.bargain.rounds import Party
from poise.dialogue.pair import ProfileStated
from poise.dialogue.state import Dialogue


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
    zone = ZoneInfo(profile.timezone)
    local = now.astimezone(zone)
    clock = _clock(profile.time)
    for days in range(8):
        day = local.date() + timedelta(days=days)
        at = datetime.combine(day, clock, zone)
        if at >= local and (profile.cadence == "daily" or day.weekday() == profile.day):
            return next_open(profile, at.astimezone(now.tzinfo))
    raise AssertionError("every weekday comes within eight days")


def _clock(text: str) -> time:
    return time.fromisoformat(text)
