"""A clock in a sentence, for terminals, pages and briefs."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from poise.incident.clocks.due import anchor_words
from poise.incident.clocks.standing import Clock
from poise.incident.moments import at_place


def due_sentence(clock: Clock, zone: ZoneInfo, now: datetime) -> str:
    """Return when a stage is due, why, or what it waits for."""
    due = clock.due
    if clock.state == "does not apply":
        return f"Not due here: {clock.reason.rstrip('.')}."
    if clock.state in ("sent", "sent late") and clock.sent is not None:
        receipt = f" Receipt: {clock.receipt.rstrip('.')}." if clock.receipt else " No receipt yet."
        late = "late, " if clock.state == "sent late" else ""
        return f"Sent {late}{both(clock.sent.at, zone)}, reference {clock.sent.reference}.{receipt}"
    if due.at is not None:
        rests = f" It rests lawfully until {both(clock.rests_until, zone)}." if clock.rests_until else ""
        return f"Due {both(due.at, zone)}, {distance(due.at, now)}: {'; '.join(due.because)}.{rests}"
    if clock.state == "no number":
        return f"No number in the law: {clock.stage.words}."
    waits = ", ".join(anchor_words(name) for name in due.missing)
    text = f"Waits for {waits}."
    if due.bound is not None:
        text += f" In any event not after {both(due.bound, zone)}, {distance(due.bound, now)}."
    if clock.idle_hours is not None:
        text += f" The incident has been known for {span(clock.idle_hours)} without this determination."
    return text


def both(moment: datetime, zone: ZoneInfo) -> str:
    """Return a moment at a place and in UTC, with seconds that are not zero."""
    return at_place(moment, zone, is_exact=True)


def distance(moment: datetime, now: datetime) -> str:
    """Return how far a moment is from now."""
    hours = (moment - now).total_seconds() / 3600
    return f"in {span(hours)}" if hours >= 0 else f"{span(-hours)} ago"


def span(hours: float) -> str:
    """Return hours as people say them."""
    minutes = round(hours * 60)
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h {minutes % 60:02d} min" if minutes % 60 else f"{minutes // 60} h"
    return f"{minutes // 1440} d {minutes % 1440 // 60} h"
