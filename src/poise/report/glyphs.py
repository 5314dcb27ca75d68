"""Shapes that stand for plans, so that no meaning hangs on colour."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from poise.report.markup import Markup, element, number

Shape = Literal["diamond", "square", "crossed", "down", "left", "pentagon", "hexagon", "plus"]


def glyph(shape: Shape, x: float, y: float, size: float = 7.0) -> Markup:
    """Return the shape of a named plan around a point."""
    outlines: dict[str, list[tuple[float, float]]] = {
        "diamond": [(0, -1.1), (1.1, 0), (0, 1.1), (-1.1, 0)],
        "square": [(-0.85, -0.85), (0.85, -0.85), (0.85, 0.85), (-0.85, 0.85)],
        "crossed": [(-0.85, -0.85), (0.85, -0.85), (0.85, 0.85), (-0.85, 0.85)],
        "down": [(-1, -0.8), (1, -0.8), (0, 1)],
        "left": [(-1, 0), (0.8, -1), (0.8, 1)],
        "pentagon": [(0, -1.05), (1, -0.3), (0.62, 0.9), (-0.62, 0.9), (-1, -0.3)],
        "hexagon": [(-0.5, -0.9), (0.5, -0.9), (1, 0), (0.5, 0.9), (-0.5, 0.9), (-1, 0)],
    }
    if shape == "plus":
        return element("path", d=_cross(x, y, size * 0.72), class_="mark rule")
    outline = element(
        "polygon",
        points=points_of([(x + dx * size, y + dy * size) for dx, dy in outlines[shape]]),
        class_="mark default" if shape == "crossed" else "mark",
    )
    if shape != "crossed":
        return outline
    arm = size * 0.45
    diagonal = (
        f"M{number(x - arm)} {number(y - arm)}L{number(x + arm)} {number(y + arm)}"
        f"M{number(x - arm)} {number(y + arm)}L{number(x + arm)} {number(y - arm)}"
    )
    return element("g", outline, element("path", d=diagonal, class_="mark-cross"))


def _cross(x: float, y: float, arm: float) -> str:
    return f"M{number(x - arm)} {number(y)}h{number(2 * arm)}M{number(x)} {number(y - arm)}v{number(2 * arm)}"


def points_of(points: Sequence[tuple[float, float]]) -> str:
    """Return the points attribute of a polygon or polyline."""
    return " ".join(f"{number(x)},{number(y)}" for x, y in points)


def axis_break(x: float, y: float, *, is_upright: bool) -> Markup:
    """Return the two strokes that say: the axis is cut here."""
    dx, dy = (6.0, 2.5) if is_upright else (2.5, 6.0)
    step = (0.0, -5.0) if is_upright else (5.0, 0.0)
    return element(
        "g",
        [
            element(
                "line",
                x1=x - dx + step[0] * turn,
                x2=x + dx + step[0] * turn,
                y1=y + dy + step[1] * turn,
                y2=y - dy + step[1] * turn,
                class_="axis",
            )
            for turn in (0, 1)
        ],
    )
