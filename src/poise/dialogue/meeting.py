"""When the two meet each week: one time for both, so that both calendars show the same meeting."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from poise.dialogue.digest import news
from poise.dialogue.pair import MeetingPlanned
from poise.dialogue.state import Dialogue, Meeting

#: Monday at nine, twenty minutes, until somebody says otherwise.
_USUAL = MeetingPlanned(party="operations")

#: How long after its end a meeting that nobody closed may still go on.
OVERRUN: Final = timedelta(hours=4)


def planned(state: Dialogue, timezone: str = "UTC") -> MeetingPlanned:
    """Return when the two meet.

    Parameters
    ----------
    timezone
        Of the company, for as long as nobody named a time.
    """
    return state.meeting_time or MeetingPlanned(party=_USUAL.party, timezone=timezone)


def next_meeting(state: Dialogue, now: datetime, timezone: str = "UTC") -> datetime:
    """Return when the next meeting begins: the first planned time after a moment."""
    plan = planned(state, timezone)
    zone = ZoneInfo(plan.timezone)
    today = now.astimezone(zone).date()
    clock = time.fromisoformat(plan.time)
    days = (today + timedelta(days=ahead) for ahead in range(8))
    times = (datetime.combine(day, clock, zone) for day in days if day.weekday() == plan.day)
    return next(one for one in times if one > now).astimezone(now.tzinfo)


def ends(meeting: Meeting) -> datetime:
    """Return when a meeting is planned to end."""
    return meeting.time + timedelta(minutes=meeting.act.minutes)


def over(meeting: Meeting) -> datetime:
    """Return when a meeting that nobody closes is over by itself."""
    return ends(meeting) + OVERRUN


def is_on(meeting: Meeting, now: datetime) -> bool:
    """Return whether two still sit together: nobody closed it, and its time was not over hours ago."""
    return meeting.closed is None and now <= over(meeting)


def minutes(state: Dialogue, meeting: Meeting, now: datetime) -> list[tuple[datetime, str, str]]:
    """Return what the two put down while a meeting lasted: when, by which side, what.

    What they said long after the end of a meeting that nobody closed in time was not said in it.
    """
    until = min(meeting.closed_at or now, over(meeting))
    return sorted(one for one in news(state) if meeting.time <= one[0] <= until)
