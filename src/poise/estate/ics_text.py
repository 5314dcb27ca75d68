"""The physical text of an iCalendar file: what stands on which line.

The icalendar library reads values but keeps no line numbers, and it accepts files that were cut
off. This pass finds both before the library sees the file (RFC 5545, section 3.1 and 3.4).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from poise.strictyaml.faults import Faults

#: Components nest two deep in practice (VCALENDAR, VEVENT, VALARM).
MAX_DEPTH = 8

#: Name, parameters, value. Possessive, so that a hostile line is read in one pass.
_CONTENT_LINE = re.compile(r"([A-Za-z0-9-]++)((?:;(?:\"[^\"]*+\"|[^\":;]++)*+)*+):(.*)", re.S)
_TZID = re.compile(r";TZID=(\"[^\"]*\"|[^;:]*)", re.I)


@dataclass(frozen=True, slots=True)
class Line:
    """One unfolded content line."""

    number: int
    name: str
    tzid: str
    value: str


@dataclass(slots=True)
class EventLines:
    """Where one VEVENT stands; ``lines`` holds its own properties, not its alarms'."""

    number: int
    lines: list[Line] = field(default_factory=list)

    def first(self, name: str) -> Line | None:
        """Return the first property of that name."""
        return next((line for line in self.lines if line.name == name), None)

    def all(self, name: str) -> list[Line]:
        """Return every property of that name."""
        return [line for line in self.lines if line.name == name]

    def line_of(self, name: str) -> int:
        """Return the line of a property, or that of the event without it."""
        line = self.first(name)
        return line.number if line else self.number


@dataclass(slots=True)
class IcsText:
    """What the text of an iCalendar file says about itself."""

    events: list[EventLines] = field(default_factory=list)
    #: TZIDs of the VTIMEZONE components that the file defines.
    timezones: set[str] = field(default_factory=set)
    #: ``X-WR-TIMEZONE``: the zone in which the exporting program shows the calendar.
    display_timezone: str = ""
    #: First line that is no content line, 0 when there is none.
    first_bad_line: int = 0


def unfold(text: str) -> list[tuple[int, str]]:
    """Return content lines with the number of their first physical line."""
    lines: list[tuple[int, list[str]]] = []
    for number, raw in enumerate(text.split("\n"), start=1):
        if raw[:1] in (" ", "\t") and lines:
            lines[-1][1].append(raw[1:])
        elif raw.strip():
            lines.append((number, [raw]))
    return [(number, "".join(parts)) for number, parts in lines]


def _parse(number: int, raw: str) -> Line | None:
    match = _CONTENT_LINE.fullmatch(raw)
    if match is None:
        return None
    tzid = _TZID.search(match[2])
    return Line(number, match[1].upper(), tzid[1].strip('"') if tzid else "", match[3].strip())


def scan_text(text: str, name: str, faults: Faults) -> IcsText:
    """Find events, zones and line numbers; note structural faults (E106, E130, E131)."""
    found = IcsText()
    stack: list[tuple[str, int, EventLines | None]] = []
    for number, raw in unfold(text):
        line = _parse(number, raw)
        if line is None:
            if not stack and not found.events:
                faults.add(
                    "E131",
                    f"{name}:{number}",
                    f"this is no iCalendar file: it opens with {raw[:40]!r}; expected 'BEGIN:VCALENDAR'.",
                )
                return found
            found.first_bad_line = found.first_bad_line or number
        elif line.name == "BEGIN":
            kind = line.value.upper()
            event = EventLines(number) if kind == "VEVENT" else None
            if event is not None:
                found.events.append(event)
            stack.append((kind, number, event))
            if len(stack) > MAX_DEPTH:
                faults.add(
                    "E106", f"{name}:{number}", f"components nest more than {MAX_DEPTH} deep; expected 3."
                )
                return found
        elif line.name == "END":
            if not stack or stack[-1][0] != line.value.upper():
                opened = (
                    f"BEGIN:{stack[-1][0]} of line {stack[-1][1]} is open" if stack else "nothing is open"
                )
                faults.add("E130", f"{name}:{number}", f"END:{line.value} closes nothing; {opened}.")
                return found
            stack.pop()
        else:
            _keep(line, stack, found)
    _check_ends(name, stack, found, faults)
    return found


def _keep(line: Line, stack: list[tuple[str, int, EventLines | None]], found: IcsText) -> None:
    if not stack:
        return
    kind, _, event = stack[-1]
    if event is not None:
        event.lines.append(line)
    elif kind == "VTIMEZONE" and line.name == "TZID":
        found.timezones.add(line.value)
    elif kind == "VCALENDAR" and line.name == "X-WR-TIMEZONE":
        found.display_timezone = line.value


def _check_ends(
    name: str, stack: list[tuple[str, int, EventLines | None]], found: IcsText, faults: Faults
) -> None:
    if stack:
        kind, number, _ = stack[-1]
        faults.add(
            "E130",
            f"{name}:{number}",
            f"BEGIN:{kind} is never closed; expected END:{kind} before the file ends.",
            "the file was probably cut off: export it again.",
        )
    elif not found.events:
        faults.add("E131", name, "the file holds no VEVENT; expected at least one event.")
