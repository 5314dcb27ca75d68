"""From posted forms to the fields of an incident's acts: times in the reader's zone, percent to shares."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Any, Final

from django.http import QueryDict
from django.utils import timezone

from poise.desk import clock
from poise.desk.pages import given as written
from poise.errors import DeskError, Fault
from poise.incident.acts import ACTS, INCIDENT

#: What a form may say of each act by itself; the others have views of their own.
PLAIN: Final = (
    "withdrawn", "resolved", "read", "checked", "moved", "asked", "answered", "decision.default",
    "decision.made", "clock.anchored", "clock.sent", "clock.suspended", "clock.receipt",
    "clock.stage", "followed", "followed.done", "held",
    "closed", "admitted",
)  # fmt: skip
_TIMES: Final = frozenset(
    {"true_from", "known_from", "by", "due", "wanted_by", "needed_by", "detected", "at", "until"}
)
_LISTS: Final = frozenset({"services", "named"})
_FLAGS: Final = frozenset({"is_privileged", "was_true", "is_reversible", "is_on", "applies"})
#: Not from a form: who writes, and what the desk adds.
_NOT_HERE: Final = frozenset({
    "party", "known", "rule", "scenario", "drill", "options", "next_update",
    "cost_low_per_hour", "cost_high_per_hour", "basis",
})  # fmt: skip
#: Rows that a form has of options.
ROWS: Final = (1, 2, 3)


def fields_of(name: str, posted: QueryDict) -> dict[str, Any]:
    """Return the fields of an act as a form sent them; what was left empty is left out.

    Raises
    ------
    DeskError
        E878 for a time or a number that cannot be read.
    """
    fields: dict[str, Any] = {}
    days = {"due"} if name == "followed" else set()
    for field in ACTS[f"{INCIDENT}.{name}"].__struct_fields__:
        given = [value.strip() for value in posted.getlist(field) if value.strip()]
        if field in _FLAGS:
            fields[field] = given[:1] == ["yes"]
        elif field in _NOT_HERE or not given:
            continue
        elif field in _LISTS:
            fields[field] = [one.strip() for value in given for one in value.split(",") if one.strip()]
        elif field in ("low", "high"):
            fields[field] = number(given[0], field) / 100
        else:
            fields[field] = moment(given[0], field) if field in _TIMES - days else given[0]
    if "next_update" in ACTS[f"{INCIDENT}.{name}"].__struct_fields__:
        following = _next(posted)
        if following:
            fields["next_update"] = following
    return fields


def statement_fields(posted: QueryDict) -> dict[str, Any]:
    """Return the fields of a statement: only those that its kind has."""
    fields = fields_of("stated", posted)
    kind = fields.get("kind")
    own = {
        "judgement": {"low", "high", "confidence", "confidence_because"},
        "assumption": {"unless", "owner", "by"},
        "unknown": {"owner", "by", "matters", "waits"},
    }
    for name in frozenset().union(*own.values()) - own.get(str(kind), set()):
        fields.pop(name, None)
    if fields.get("tlp") == "RED":
        fields.pop("next_update", None)  # all see promises, and would see that something was stated
    else:
        fields.pop("named", None)
    return fields


def decision_fields(posted: QueryDict) -> dict[str, Any]:
    """Return the fields of a decision request with its rows of options."""
    fields = fields_of("decision.asked", posted)
    fields["options"] = [
        {"id": f"option-{row}", "text": text, "consequence": posted.get(f"consequence_{row}", "").strip()}
        for row in ROWS
        if (text := posted.get(f"option_{row}", "").strip())
    ]
    return fields


def moment(text: str, name: str) -> str:
    """Return a time of a form as text with its zone: the reader's, where it has none; E878 for no time."""
    return written.moment(text, name).isoformat()


def aware(found: datetime) -> datetime:
    """Return a time with a zone: the reader's, where it has none."""
    return found if found.tzinfo else timezone.make_aware(found)


def _next(posted: QueryDict) -> dict[str, Any]:
    due, none_because = posted.get("next_due", "").strip(), posted.get("next_none", "").strip()
    minutes = posted.get("next_minutes", "").strip()
    if due:
        return {"due": moment(due, "next update")}
    if none_because:
        return {"none_because": none_because}
    if minutes:
        wait = timedelta(minutes=min(max(number(minutes, "next update"), 1), 10_080))
        return {"due": (clock.now() + wait).isoformat()}
    return {}


def number(text: str, name: str) -> float:
    """Return a number of a form; E878 for none."""
    try:
        found = float(text)
    except ValueError as error:
        raise DeskError(Fault("E878", name, f"{text[:40]!r} is no number.")) from error
    if not math.isfinite(found):
        raise DeskError(Fault("E878", name, f"{text[:40]!r} is no finite number."))
    return found
