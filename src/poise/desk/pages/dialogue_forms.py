"""From posted forms to the fields of an act: times in the reader's zone, lists by line, rows of a table."""

from __future__ import annotations

from typing import Any, Final

from django.http import QueryDict

from poise.desk.pages.given import moment
from poise.dialogue.acts import ACTS

#: Fields that are several: ticked, or one on a line.
LISTS: Final = frozenset({"services", "options", "priorities", "channels", "items"})
TIMES: Final = frozenset({"due", "needed_by"})
#: Rows that a form has of pressures and options.
ROWS: Final = range(1, 4)


def fields_of(kind: str, posted: QueryDict) -> dict[str, Any]:
    """Return the fields of an act as a form sent them; what was left empty is left out.

    Raises
    ------
    DeskError
        E878 for a time that cannot be read.
    """
    fields: dict[str, Any] = {}
    for name in ACTS[kind].__struct_fields__:
        given = [value.strip() for value in posted.getlist(name) if value.strip()]
        if name in LISTS:
            values = [line.strip() for value in given for line in value.splitlines() if line.strip()]
            if values:
                fields[name] = values
        elif given:
            fields[name] = (
                moment(given[0], name).isoformat() if name in TIMES and "T" in given[0] else given[0]
            )
    if kind in _SPECIAL:
        _SPECIAL[kind](fields, posted)
    return fields


def _profile(fields: dict[str, Any], posted: QueryDict) -> None:
    fields["pressures"] = [
        {
            "what": what,
            "kind": posted.get(f"pressure_kind_{row}", "other"),
            "start": posted.get(f"pressure_start_{row}", ""),
            "end": posted.get(f"pressure_end_{row}", ""),
        }
        for row in ROWS
        if (what := posted.get(f"pressure_what_{row}", "").strip())
    ]
    fields["quiet"] = {
        "start": posted.get("quiet_start") or "19:00",
        "end": posted.get("quiet_end") or "07:00",
        "weekends": "quiet_weekends" in posted,
    }
    fields["urgent_in_quiet"] = "urgent_in_quiet" in posted


def _decision(fields: dict[str, Any], posted: QueryDict) -> None:
    fields["options"] = [
        {"id": f"option-{row}", "text": text, "price": posted.get(f"option_price_{row}") or None}
        for row in ROWS
        if (text := posted.get(f"option_text_{row}", "").strip())
    ]


def _raised(fields: dict[str, Any], posted: QueryDict) -> None:
    links = [link.partition(":") for link in posted.getlist("link") if ":" in link]
    fields["links"] = [{"kind": kind, "ref": ref} for kind, _, ref in links]


def _settlement(fields: dict[str, Any], posted: QueryDict) -> None:
    fields["gives"] = [
        {"party": party, "what": what}
        for party in ("operations", "security")
        if (what := posted.get(f"gives_{party}", "").strip())
    ]


_SPECIAL: Final = {
    "profile.stated": _profile,
    "decision.asked": _decision,
    "disagreement.raised": _raised,
    "settlement.proposed": _settlement,
}
