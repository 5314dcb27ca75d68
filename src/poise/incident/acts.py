"""The acts of this room by kind, each body checked by its type.

A drill's acts have the same bodies under kinds of their own, so no report on incidents can count one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from poise.errors import Fault, IncidentError
from poise.incident import course, duties, messages, statements
from poise.incident.base import Act
from poise.ledger.bodies import misfit

_ACTS: Final[dict[str, type[Act]]] = {
    "opened": course.Opened,
    "admitted": course.Admitted,
    "stated": statements.Stated,
    "withdrawn": statements.Withdrawn,
    "resolved": statements.Resolved,
    "read": course.Read,
    "checked": course.Checked,
    "moved": course.Moved,
    "asked": course.Asked,
    "answered": course.Answered,
    "decision.asked": course.DecisionAsked,
    "decision.default": course.DefaultAgreed,
    "decision.made": course.Decided,
    "clock.assessed": duties.Assessed,
    "clock.anchored": duties.Anchored,
    "clock.sent": duties.Sent,
    "clock.suspended": duties.Suspended,
    "clock.receipt": duties.Receipt,
    "clock.stage": duties.StageAssessed,
    "brief.queued": messages.Queued,
    "brief.attempted": messages.Attempted,
    "followed": course.Followed,
    "followed.done": course.FollowUpDone,
    "held": course.Held,
    "closed": course.Closed,
}
INCIDENT, DRILL = "incident", "drill"
#: Every kind of record of this room, with the type of its body.
ACTS: Final = {f"{prefix}.{name}": act for prefix in (INCIDENT, DRILL) for name, act in _ACTS.items()}
_NAMES: Final = {act: name for name, act in _ACTS.items()}


def kind_of(act: Act, *, is_drill: bool = False) -> str:
    """Return the kind of the record that holds an act."""
    return f"{DRILL if is_drill else INCIDENT}.{_NAMES[type(act)]}"


def name_of(act: Act) -> str:
    """Return an act's kind without the prefix, as "decision.asked"."""
    return _NAMES[type(act)]


def read_act(kind: str, body: Mapping[str, Any], where: str) -> Act:
    """Return the act of a body.

    Raises
    ------
    IncidentError
        E820 for a kind that is none, or a body that does not fit it, with every reason.
    """
    if kind not in ACTS:
        raise IncidentError(Fault("E820", where, f"{kind!r} is no act of an incident."))
    try:
        act: Act = msgspec.convert(body, ACTS[kind], strict=False)
    except (msgspec.ValidationError, OverflowError) as error:
        hint = f"Fields: {', '.join(ACTS[kind].__struct_fields__)}. docs/incidents.md shows each."
        raise IncidentError(
            Fault("E820", where, f"is no {kind}: {misfit(ACTS[kind], error)}.", hint)
        ) from error
    faults = [Fault("E820", where, text) for text in _wrong(act)]
    if faults:
        raise IncidentError(faults)
    return act


def _wrong(act: Act) -> Iterable[str]:
    """Yield what no type can say about an act."""
    if isinstance(act, statements.Stated):
        yield from statements.missing(act)
    elif isinstance(act, course.Opened):
        try:
            ZoneInfo(act.timezone)
        except (ValueError, OSError, KeyError):
            yield f"timezone is {act.timezone!r}; expected a name such as Europe/Berlin."
    elif isinstance(act, course.DecisionAsked):
        names = [one.id for one in act.options]
        if len(set(names)) < len(names):
            yield f"an option is named twice: {', '.join(names)}."
        for field, value in (("recommendation", act.recommendation), ("default", act.default)):
            if value and value not in names:
                yield f"{field} is {value!r}; expected one of {', '.join(names)}."
        low, high = act.cost_low_per_hour, act.cost_high_per_hour
        if (low is None) != (high is None):
            yield "cost_low_per_hour and cost_high_per_hour go together."
        elif low is not None and high is not None and low > high:
            yield f"cost_low_per_hour is {low:g}, above cost_high_per_hour, {high:g}."
        if low is not None and not act.basis:
            yield "a cost of waiting needs its basis."
        if bool(act.named) != (act.tlp == "RED"):
            yield "a RED decision request names the people whom it asks, and only that one does."
    elif isinstance(act, course.Answered) and not (act.statement or act.text):
        yield "an answer needs a statement or a text."
