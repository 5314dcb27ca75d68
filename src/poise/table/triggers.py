"""Whether later facts touch an agreement: which of its triggers fire, and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, cast
from zoneinfo import ZoneInfo

from poise.patching.document import ChangeEntry
from poise.planning.evaluate import evaluate
from poise.table.agreement import Action, Trigger, agreed_plan, terms_of
from poise.table.ground import Ground
from poise.threats.table import FEED_NAMES, Feed

#: The gravest first: what happens is the gravest action of all triggers that fired.
GRAVITY: tuple[Action, ...] = ("default", "reopen", "notify")

#: Vulnerabilities that a fact names; it counts the others.
_NAMED = 3
_KINDS = {
    "kev": "a vulnerability in scope becomes known-exploited",
    "exposure": "the expected loss of the agreed plan grows by more than {threshold:.0%}",
    "window": "an agreed window is cancelled",
    "team": "a team with work in the plan is lost",
    "data": "a feed or report is older than {threshold:.0f} days",
    "exception": "an exception's end has come",
}
_ACTIONS = {
    "notify": "both sides are told",
    "reopen": "the agreement re-opens",
    "default": "the default plan takes over until there is a new one",
}


@dataclass(frozen=True)
class Fired:
    """A trigger that fired, and the fact that fired it."""

    trigger: Trigger
    fact: str


def fired(body: dict[str, Any], ground: Ground, then: Ground, now: datetime) -> tuple[Fired, ...]:
    """Return every trigger of an agreement that fires on later data.

    Parameters
    ----------
    body
        Of the agreement.
    ground
        Today's.
    then
        That which the agreement was made on.
    now
        The time that counts.
    """
    found = []
    for trigger in terms_of(body).triggers:
        for fact in _facts(trigger, body, ground, then, now):
            found.append(Fired(trigger, fact))
    return tuple(found)


def gravest(found: tuple[Fired, ...]) -> Action | None:
    """Return what has to happen: the gravest action; None when nothing fired."""
    actions = {one.trigger.action for one in found}
    return next((action for action in GRAVITY if action in actions), None)


def trigger_words(trigger: Trigger) -> str:
    """Return a trigger as a sentence."""
    fact = _KINDS[trigger.kind].format(threshold=trigger.threshold or 0.0)
    return f"When {fact}, {_ACTIONS[trigger.action]}."


def triggers_of(body: dict[str, Any]) -> tuple[str, ...]:
    """Return the triggers of an agreement's body as sentences."""
    return tuple(trigger_words(trigger) for trigger in terms_of(body).triggers)


def _facts(
    trigger: Trigger, body: dict[str, Any], ground: Ground, then: Ground, now: datetime
) -> Iterator[str]:
    today = now.astimezone(ZoneInfo(ground.timezone)).date()
    if trigger.kind == "kev":
        yield from _newly_exploited(ground, then)
    elif trigger.kind == "exposure":
        yield from _more_exposed(body, ground, then, trigger.threshold or 0.0)
    elif trigger.kind == "window":
        yield from _cancelled(body, ground, now)
    elif trigger.kind == "team":
        teams = {team.id for team in ground.teams}
        for team in sorted({one["team"] for one in body["windows"] if _is_ahead(one, now)} - teams):
            yield f"team {team} has work in the plan and is not there any more"
    elif trigger.kind == "data":
        yield from _stale(ground, today, trigger.threshold or 0.0)
    else:
        for one in terms_of(body).exceptions:
            if one.until <= today:
                yield f"the exception for {one.what} of {one.owner} ended on {one.until}"


def _newly_exploited(ground: Ground, then: Ground) -> Iterator[str]:
    """Yield what is exploited in a group and was not, or was not there: a newer patch for it is no news."""
    before = {(change.group, known) for change in then.changes for known in _exploited(change)}
    there = {(change.group, found) for change in then.changes for found in change.vulnerabilities}
    for change in ground.changes:
        new = [known for known in _exploited(change) if (change.group, known) not in before]
        listed = [known for known in new if (change.group, known) in there]
        found = [known for known in new if (change.group, known) not in there]
        if listed:
            yield f"{_names(listed)} now known to be exploited: {change.id}"
        if found:
            yield f"{_names(found)} now found, and known to be exploited: {change.id}"


def _names(vulnerabilities: Sequence[str]) -> str:
    """Return "CVE-2026-1 is", "CVE-2026-1, CVE-2026-2 are" or, of many, the first and how many more are."""
    more = len(vulnerabilities) - _NAMED
    names = ", ".join(vulnerabilities[:_NAMED]) + (f" and {more} more" if more > 0 else "")
    return f"{names} {'is' if len(vulnerabilities) == 1 else 'are'}"


def _exploited(change: ChangeEntry) -> tuple[str, ...]:
    """Return the known-exploited vulnerabilities of a change; all where only a flag says that some are."""
    return change.known_exploited or (change.vulnerabilities if change.is_kev else ())


def _more_exposed(body: dict[str, Any], ground: Ground, then: Ground, threshold: float) -> Iterator[str]:
    """Yield by how much a day of the open backlog costs more than it did: horizons of two days differ."""
    agreed = evaluate(then.problem, agreed_plan(then, body)).exposure / then.problem.horizon_days
    today = evaluate(ground.problem, agreed_plan(ground, body)).exposure / ground.problem.horizon_days
    if today > agreed * (1 + threshold):
        growth = f"{today / agreed - 1:.0%}" if agreed > 0 else "from nothing"
        yield f"expected loss under the agreed plan grew {growth}, to {today:,.0f} {ground.currency} a day"


def _is_ahead(opening: dict[str, Any], now: datetime) -> bool:
    return datetime.fromisoformat(opening["start"]) >= now


def _cancelled(body: dict[str, Any], ground: Ground, now: datetime) -> Iterator[str]:
    problem, known = ground.problem, {group.id: number for number, group in enumerate(ground.groups)}
    for opening in body["windows"]:
        group = known.get(opening["group"])
        start = datetime.fromisoformat(opening["start"])
        # A group without open changes has nothing to do then; a window past today's horizon is not seen.
        if group is None or start < max(now, ground.now) or start >= ground.horizon_end:
            continue
        windows = problem.slot_window[problem.slot_ptr[group] : problem.slot_ptr[group + 1]]
        if not any(ground.windows[window].start == start for window in windows):
            yield f"the window of {opening['group']} at {start:%Y-%m-%d %H:%M} is cancelled"


def _stale(ground: Ground, today: date, threshold_days: float) -> Iterator[str]:
    for one in ground.inputs:
        if one.as_of is not None and (today - one.as_of).days > threshold_days:
            name = FEED_NAMES.get(cast(Feed, one.name), one.name)
            yield f"the {name} data is {(today - one.as_of).days} days old"
    age = (today - ground.now.date()).days
    if age > threshold_days:
        yield f"the reports were read {age} days ago"
