"""Briefs on their way to people: queued, attempted, delivered or given up, each an act on the ledger.

The outbox is a fold like everything else, so a failure is seen by all, and nothing is lost when the process
that sends dies: an attempt that was not recorded is made again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated, Final, Literal

from msgspec import Meta

from poise.incident.base import Act, Id, Line, Moment, Reference, Text
from poise.incident.profile import Audience
from poise.incident.tlp import Mark, Watcher

#: Waits before the second, third ... attempt [min]; after the last one it is given up, visibly.
RETRY_MINUTES: Final = (1, 2, 5, 10, 20, 30, 60, 120)


class Queued(Act, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A brief that was reviewed and is to be sent.

    Parameters
    ----------
    audience, channel
        For whom, and by which channel of the workspace.
    subject, text
        What is sent, word for word.
    mark
        Its strictest mark.
    not_before
        When its reader's quiet hours end; None for at once.
    """

    audience: Audience
    channel: Id
    subject: Line
    text: Annotated[str, Meta(min_length=1, max_length=4_000_000)]
    mark: Mark
    not_before: Moment | None = None


class Attempted(Act, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One attempt to send it. A drill's briefs are kept back and count as delivered."""

    brief: Reference
    is_delivered: bool
    reason: Text = ""


@dataclass(slots=True)
class Message:
    """A brief with its attempts: the time and the reason of each that failed."""

    record: str
    queued: datetime
    author: str
    act: Queued
    failures: list[tuple[datetime, str]] = field(default_factory=list)
    delivered: datetime | None = None

    @property
    def state(self) -> Literal["waiting", "failing", "delivered", "given up"]:
        """How it stands."""
        return self.state_at(None)

    def state_at(self, at: datetime | None) -> Literal["waiting", "failing", "delivered", "given up"]:
        """Return how it stood at a time; None for now."""
        if self.delivered is not None and (at is None or self.delivered <= at):
            return "delivered"
        num_failed = sum(at is None or time <= at for time, _ in self.failures)
        if num_failed > len(RETRY_MINUTES):
            return "given up"
        return "failing" if num_failed else "waiting"

    def is_for(self, watcher: Watcher) -> bool:
        """Return whether this watcher may know of it: by its mark; who sent it always may."""
        return watcher.name == self.author or watcher.may_see(self.act.mark)

    def due(self) -> datetime | None:
        """Return when the next attempt is due; None when there is none."""
        if self.state in ("delivered", "given up"):
            return None
        if not self.failures:
            return max(self.queued, self.act.not_before or self.queued)
        return self.failures[-1][0] + timedelta(minutes=RETRY_MINUTES[len(self.failures) - 1])
