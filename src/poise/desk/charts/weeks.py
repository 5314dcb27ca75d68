"""Exposure and disruption over the weeks: the signed plan, the default, and rules in use elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from poise.dialogue.outlook import Week
from poise.report.figures import Money
from poise.report.markup import Markup, element, number
from poise.report.scales import Scale, ticks

_WIDTH, _HEIGHT, _TOP, _BOTTOM = 460.0, 220.0, 24.0, 30.0
_LEFT, _RIGHT = 96.0, 10.0


def exposure_chart(
    agreed: Sequence[Week], default: Sequence[Week], currency: str, rules: Sequence[Sequence[Week]] = ()
) -> Markup:
    """Return the expected loss a day of what is open, week by week.

    Parameters
    ----------
    agreed
        The signed plan week by week; empty where none is signed.
    default
        What happens if nobody signs.
    rules
        Rules in use elsewhere: thin lines, told apart in the table beside.
    """
    told = "Expected loss a day of what is open"
    return _chart(agreed, default, rules, lambda week: week.exposure_per_day, Money(currency), told)


def disruption_chart(
    agreed: Sequence[Week], default: Sequence[Week], currency: str, rules: Sequence[Sequence[Week]] = ()
) -> Markup:
    """Return the disruption of all visits so far, week by week; parameters as for the exposure."""
    told = "Disruption so far"
    return _chart(agreed, default, rules, lambda week: week.disruption, Money(currency), told)


def _chart(
    agreed: Sequence[Week],
    default: Sequence[Week],
    rules: Sequence[Sequence[Week]],
    of: Callable[[Week], float],
    money: Money,
    told: str,
) -> Markup:
    most = max((of(week) for weeks in (agreed, default, *rules) for week in weeks), default=0.0) or 1.0
    x = Scale(0, max(len(default) - 1, 1), _LEFT, _WIDTH - _RIGHT)
    y = Scale(0, most * 1.08, _HEIGHT - _BOTTOM, _TOP)
    lines = [("default", "if not signed", default)] + ([("agreed", "signed plan", agreed)] if agreed else [])
    ends = "; ".join(f"{label}: {money(of(weeks[0]))} to {money(of(weeks[-1]))}" for _, label, weeks in lines)
    return element(
        "svg",
        _axes(default, x, y, money),
        [_line("rule", [of(week) for week in weeks], x, y) for weeks in rules],
        [_line(kind, [of(week) for week in weeks], x, y) for kind, _, weeks in lines],
        _labels([*([("rule", "rules elsewhere")] if rules else []), *(line[:2] for line in lines)]),
        viewBox=f"0 0 {number(_WIDTH)} {number(_HEIGHT)}",
        class_="chart weeks",
        role="img",
        aria_label=f"{told}, week by week. {ends}",
    )


def _axes(weeks: Sequence[Week], x: Scale, y: Scale, money: Money) -> Markup:
    parts: list[Markup] = []
    for value in ticks(0, y.high, 4):
        at = y(value)
        parts.append(element("line", x1=x.start, x2=x.end, y1=at, y2=at, class_="grid"))
        label = money(value, 2) if value else "0"
        parts.append(element("text", label, x=x.start - 8, y=at + 4, class_="tick", text_anchor="end"))
    previous: datetime | None = None
    for index, week in enumerate(weeks):
        is_new = previous is None or week.start.month != previous.month
        # A month that begins at the very end has no room for its name.
        if is_new and x(index) < x.end - 24:
            parts.append(element("text", f"{week.start:%b}", x=x(index), y=_HEIGHT - 12, class_="tick"))
        previous = week.start
    return element("g", parts)


def _line(kind: str, values: Sequence[float], x: Scale, y: Scale) -> Markup:
    """Return a staircase: both change when a window ends, not between."""
    path = ""
    for index, value in enumerate(values):
        px, py = number(x(index)), number(y(value))
        path += f"M{px} {py}" if not index else f"H{px}V{py}"
    return element("path", d=path, class_=f"line {kind}", fill="none")


def _labels(lines: Sequence[tuple[str, str]]) -> Markup:
    """Return the key, above the lines: a dash as each line is drawn, and its name."""
    parts: list[Markup] = []
    at = _WIDTH - _RIGHT
    for kind, label in reversed(lines):
        at -= 7.2 * len(label)
        parts.append(element("text", label, x=at, y=14, class_="tick"))
        parts.append(
            element("path", d=f"M{number(at - 34)} 10H{number(at - 8)}", class_=f"line {kind}", fill="none")
        )
        at -= 58
    return element("g", parts)
