"""The meeting as a calendar file, and its agenda as text for a mail."""

from __future__ import annotations

from datetime import datetime, timedelta

from icalendar import Calendar, Event

from poise.dialogue.agenda import CARRIES, Agenda
from poise.dialogue.digest import facts_of


def agenda_text(agenda: Agenda) -> str:
    """Return the agenda as plain text: every item with its decision, both positions and prices."""
    number_of = f"{len(agenda.items)} item" + "s" * (len(agenda.items) != 1)
    lines = [f"{agenda.minutes} minutes, {number_of}, dearest to put off first"]
    for number, item in enumerate(agenda.items, 1):
        times = f"{item.carried} time" + "s" * (item.carried != 1)
        carried = f" (carried {times})" if item.carried else ""
        title, *facts = facts_of(item, agenda.currency)
        lines += ["", f"{number}. {title}{carried}"]
        if item.carried >= CARRIES:
            lines.append("   Write the joint page, or say that it is not yours to decide.")
        lines += [f"   {text}" for text in facts]
    if agenda.waiting:
        lines += ["", "Waiting for another time:", *(f"- {item.title}" for item in agenda.waiting)]
    lines += ["", "At the end: what did we agree, by when, who tells whom?"]
    return "\n".join(lines) + "\n"


def agenda_ics(agenda: Agenda, starts: datetime) -> bytes:
    """Return the meeting as an iCalendar file [RFC 5545].

    Parameters
    ----------
    starts
        When it begins; its day names it, so that a later agenda of that day replaces this one.
    """
    calendar = Calendar()
    calendar.add("prodid", "-//Poise//agenda//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    event = Event()
    event.add("uid", f"poise-agenda-{starts:%Y-%m-%d}@poise")
    event.add("dtstamp", agenda.at)
    event.add("sequence", int(agenda.at.timestamp()) % (1 << 31))
    event.add("dtstart", starts)
    event.add("dtend", starts + timedelta(minutes=agenda.minutes))
    event.add("summary", f"Operations and security: {len(agenda.items)} to talk about")
    event.add("description", agenda_text(agenda))
    calendar.add_component(event)
    return bytes(calendar.to_ical())
