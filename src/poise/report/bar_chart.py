"""Bars as SVG: the steps from records to changes, and the small bars that stand in table cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from poise.report.figures import count
from poise.report.markup import Markup, element, number

_ROW = 46.0


@dataclass(frozen=True)
class Step:
    """One step of a chain of counts: ``after`` of ``before`` are left."""

    name: str
    before: int
    after: int


def steps_chart(steps: Sequence[Step], summary: str, width: float = 920.0) -> Markup:
    """Return the chain as bars of what is left, with what each step took off in outline."""
    most = max((max(step.before, step.after) for step in steps), default=0) or 1
    room = width - 104.0
    name = "narrow" if width < 500 else "wide"
    return element(
        "svg",
        [_step(step, index, room / most) for index, step in enumerate(steps)],
        viewBox=f"0 0 {number(width)} {number(_ROW * len(steps) + 4)}",
        class_=f"chart steps {name}",
        role="img",
        aria_label=summary,
    )


def _step(step: Step, index: int, scale: float) -> Markup:
    y = _ROW * index
    left, taken = step.after * scale, max(step.before - step.after, 0) * scale
    fewer = f" (\N{MINUS SIGN}{count(step.before - step.after)})" if step.before > step.after else ""
    return element(
        "g",
        element("title", f"{step.name}: {count(step.before)} before, {count(step.after)} after"),
        element("text", step.name, x=0, y=y + 15, class_="row-label"),
        element("rect", x=left, y=y + 22, width=taken, height=14, class_="taken") if taken else None,
        element("rect", x=0, y=y + 22, width=max(left, 1.0), height=14, class_="left"),
        element("text", count(step.after) + fewer, x=left + taken + 6, y=y + 33, class_="tick"),
    )


def share_bar(share: float) -> Markup:
    """Return a small bar from 0 to 1; the number stands beside it, so readers aloud skip it."""
    width, filled = 56.0, min(max(share, 0.0), 1.0) * 56.0
    return element(
        "svg",
        element("rect", x=0.5, y=2.5, width=width - 1, height=5, class_="bar-room"),
        element("rect", x=0, y=2, width=filled, height=6, class_="bar") if filled else None,
        viewBox="0 0 56 10",
        class_="inline-bar",
        aria_hidden="true",
    )


def range_bar(low: float, value: float, high: float, most: float) -> Markup:
    """Return a range on a line from 0 to ``most`` with a mark at the value."""
    width = 150.0
    scale = width / most if most > 0 else 0.0
    return element(
        "svg",
        element("line", x1=0, x2=width, y1=5, y2=5, class_="range-room"),
        element("rect", x=low * scale, y=3.5, width=max((high - low) * scale, 1), height=3, class_="range"),
        element("rect", x=max(value * scale - 1, 0), y=0, width=2, height=10, class_="range-mark"),
        viewBox="0 0 150 10",
        class_="inline-range",
        aria_hidden="true",
    )
