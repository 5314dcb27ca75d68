"""What burned of a risk budget, a bar for each day: our own delay below, what has no fix yet above."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from poise.report.markup import Markup, element

_HEIGHT, _LEFT, _BOTTOM, _TOP = 190.0, 44.0, 26.0, 12.0


def burn_chart(days: Sequence[tuple[date, float, float]], summary: str) -> Markup:
    """Return the burn of a window as SVG, for wide and for narrow pages; the style sheet shows one of them.

    Parameters
    ----------
    days
        Day, burn by our delay, burn without a fix [risk-days], oldest first.
    summary
        What it shows, for readers aloud; the table behind it has the numbers.
    """
    return element("div", [_chart(days, summary, width) for width in (920.0, 400.0)], class_="chart-pair")


def _chart(days: Sequence[tuple[date, float, float]], summary: str, full: float) -> Markup:
    most = max((us + none for _, us, none in days), default=0.0) or 1.0
    step = (full - _LEFT) / max(len(days), 1)
    floor, scale = _HEIGHT - _BOTTOM, (_HEIGHT - _BOTTOM - _TOP) / most
    marks = []
    for number, (_, us, none) in enumerate(days):
        x, width = _LEFT + number * step + step * 0.14, step * 0.72
        if us:
            marks.append(
                element("rect", x=x, y=floor - us * scale, width=width, height=us * scale, class_="own")
            )
        if none:
            top = floor - (us + none) * scale
            marks.append(element("rect", x=x, y=top, width=width, height=none * scale, class_="unfixed"))
    named = sorted({0, len(days) // 2, len(days) - 1}) if days else []
    labels = [_day(days[number][0], _LEFT + (number + 0.5) * step, number, len(days)) for number in named]
    lines = [_line(most * share, floor - most * share * scale, full) for share in (0.0, 0.5, 1.0)]
    return element(
        "svg",
        lines,
        marks,
        labels,
        viewBox=f"0 0 {full:g} {_HEIGHT:g}",
        class_=f"chart burn {'narrow' if full < 500 else 'wide'}",
        role="img",
        aria_label=summary,
    )


def _line(value: float, y: float, full: float) -> Markup:
    return element(
        "g",
        element("line", x1=_LEFT, x2=full, y1=y, y2=y, class_="grid"),
        element("text", f"{value:.3g}", x=_LEFT - 6, y=y + 4, class_="tick", text_anchor="end"),
    )


def _day(day: date, x: float, number: int, count: int) -> Markup:
    anchor = "start" if number == 0 else "end" if number == count - 1 else "middle"
    return element("text", f"{day.day} {day:%b}", x=x, y=_HEIGHT - 6, class_="tick", text_anchor=anchor)
