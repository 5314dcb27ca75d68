"""Exposure a day over the weeks: the signed plan and what would happen without it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from poise.dialogue.outlook import Week
from poise.report.figures import Money
from poise.report.markup import Markup, element, number
from poise.report.scales import Scale, ticks

_HEIGHT, _TOP, _BOTTOM = 260.0, 24.0, 34.0


def weeks_chart(
    agreed: Sequence[Week], default: Sequence[Week], currency: str, rules: Sequence[Sequence[Week]] = ()
) -> Markup:
    """Return the chart twice, for wide and for narrow pages; the style sheet shows one of them.

    Parameters
    ----------
    agreed
        The signed plan week by week; empty where none is signed.
    default
        What happens if nobody signs.
    rules
        Rules in use elsewhere: thin lines, told apart in the table beside.
    """
    return element(
        "div",
        [_chart(agreed, default, currency, rules, width) for width in (920.0, 400.0)],
        class_="chart-pair",
    )


def _chart(
    agreed: Sequence[Week],
    default: Sequence[Week],
    currency: str,
    rules: Sequence[Sequence[Week]],
    width: float,
) -> Markup:
    money = Money(currency)
    most = (
        max(
            (week.exposure_per_day for week in (*agreed, *default, *(week for one in rules for week in one))),
            default=0.0,
        )
        or 1.0
    )
    left, right = 76.0, 12.0
    x = Scale(0, max(len(default) - 1, 1), left, width - right)
    y = Scale(0, most * 1.08, _HEIGHT - _BOTTOM, _TOP)
    lines = [("default", "without a signature", default)] + (
        [("agreed", "signed plan", agreed)] if agreed else []
    )
    told = "; ".join(
        f"{label}: {money(weeks[0].exposure_per_day)} to {money(weeks[-1].exposure_per_day)} a day"
        for _, label, weeks in lines
    )
    return element(
        "svg",
        _axes(default, x, y, money),
        [_line("rule", weeks, x, y) for weeks in rules],
        [_line(kind, weeks, x, y) for kind, _, weeks in lines],
        _labels([*([("rule", "rules elsewhere", default)] if rules else []), *lines], width, right),
        viewBox=f"0 0 {number(width)} {number(_HEIGHT)}",
        class_=f"chart weeks {'narrow' if width < 500 else 'wide'}",
        role="img",
        aria_label=f"Expected loss a day of what is open, week by week. {told}",
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


def _line(kind: str, weeks: Sequence[Week], x: Scale, y: Scale) -> Markup:
    """Return a staircase: exposure falls when a window ends, not between."""
    path = ""
    for index, week in enumerate(weeks):
        px, py = number(x(index)), number(y(week.exposure_per_day))
        path += f"M{px} {py}" if not index else f"H{px}V{py}"
    return element("path", d=path, class_=f"line {kind}", fill="none")


def _labels(lines: Sequence[tuple[str, str, Sequence[Week]]], width: float, right: float) -> Markup:
    """Return the key, above the lines: a dash as each line is drawn, and its name."""
    parts: list[Markup] = []
    at = width - right
    for kind, label, _ in reversed(lines):
        at -= 7.2 * len(label)
        parts.append(element("text", label, x=at, y=14, class_="tick"))
        parts.append(
            element("path", d=f"M{number(at - 34)} 10H{number(at - 8)}", class_=f"line {kind}", fill="none")
        )
        at -= 58
    return element("g", parts)
