"""The frontier as SVG: a pure function from numbers to a picture.

No colour is written here: marks carry classes, ``charts.css`` gives them the page's colours.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from poise.report.glyphs import Shape, axis_break, glyph, points_of
from poise.report.labels import Box, place
from poise.report.markup import Markup, element, number
from poise.report.scales import Scale, clipped, level_at, padded, ticks

#: Marks farther from the frontier than this share of its width or height are drawn at the edge.
_REACH = 0.9
_GUTTER = 30.0
#: Half the size of a mark [px].
_MARK = 7.0
#: Room that the words in the default plan's corner need [px].
_CORNER_WORDS = 230.0


@dataclass(frozen=True)
class Dot:
    """A plan of the frontier; ``bound`` is the proven least ``y`` at this ``x``, None if there is none."""

    x: float
    y: float
    bound: float | None
    is_exact: bool
    title: str
    #: Where it leads; without one it is drawn only.
    href: str = ""


@dataclass(frozen=True)
class Mark:
    """A named plan. ``letter`` stands for the label where there is no room for names."""

    x: float
    y: float
    label: str
    letter: str
    shape: Shape
    is_core: bool
    is_default: bool
    is_shown: bool
    title: str
    #: Where it leads; without one it is drawn only.
    href: str = ""


@dataclass(frozen=True)
class FrontierData:
    """What the frontier chart draws."""

    dots: tuple[Dot, ...]
    hull: tuple[tuple[float, float], ...]
    marks: tuple[Mark, ...]
    x_title: str
    y_title: str
    #: Writes a value of either axis, with its unit.
    write: Callable[[float], str]
    #: What the picture shows, for readers who do not see it.
    summary: str


@dataclass(frozen=True)
class _Frame:
    x: Scale
    y: Scale
    box: Box
    #: Where marks beyond the right end and the upper end stand [px]; None when there are none.
    right_gutter: float | None
    top_gutter: float | None
    is_narrow: bool

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Return the pixel of a point, in the gutter if it is beyond the scale."""
        px = self.right_gutter if self.right_gutter and x > self.x.high else self.x(self.x.clip(x))
        py = self.top_gutter if self.top_gutter and y > self.y.high else self.y(self.y.clip(y))
        return px, py

    @property
    def name(self) -> str:
        """Return what tells the chart from its other size on one page."""
        return "narrow" if self.is_narrow else "wide"

    def is_beyond(self, mark: Mark) -> bool:
        """Tell whether a mark lies beyond the scale."""
        return not (self.x.holds(mark.x) and self.y.holds(mark.y))


def frontier_chart(data: FrontierData, width: float = 920.0, height: float = 560.0) -> Markup:
    """Return the frontier: disruption to the right, expected loss upwards, better is down and left.

    Below 500 px of width the marks carry letters instead of names; the caller prints the key.
    """
    frame = _frame(data, width, height)
    name = frame.name
    return element(
        "svg",
        _hatch(f"no-plan-{name}"),
        _axes(data, frame),
        _default_corner(data, frame),
        _bound(data, frame, f"no-plan-{name}"),
        [_dot(dot, frame) for dot in data.dots],
        _marks(data, frame),
        viewBox=f"0 0 {number(width)} {number(height)}",
        class_=f"chart frontier {name}",
        # What can be followed inside a picture is hidden from who reads by ear; a group keeps it.
        role="group" if any([one.href for one in data.dots] + [one.href for one in data.marks]) else "img",
        aria_label=data.summary,
    )


def _frame(data: FrontierData, width: float, height: float) -> _Frame:
    core = [(dot.x, dot.y) for dot in data.dots] + [(mark.x, mark.y) for mark in data.marks if mark.is_core]
    core = core or [(mark.x, mark.y) for mark in data.marks] or [(0.0, 0.0)]
    bounds = [dot.bound for dot in data.dots if dot.bound is not None]
    rest = [(mark.x, mark.y) for mark in data.marks if not mark.is_core]
    x_low, x_high = _reach([x for x, _ in core], [x for x, _ in rest])
    y_low, y_high = _reach([y for _, y in core] + bounds, [y for _, y in rest])
    narrow = width < 500
    left, bottom, top, right = (46.0, 44.0, 26.0, 8.0) if narrow else (74.0, 56.0, 30.0, 18.0)
    beyond_right = any(mark.x > x_high for mark in data.marks)
    beyond_top = any(mark.y > y_high for mark in data.marks)
    box = Box(
        left,
        top + (_GUTTER if beyond_top else 0),
        width - right - (_GUTTER if beyond_right else 0),
        height - bottom,
    )
    return _Frame(
        x=Scale(x_low, x_high, box.left, box.right),
        y=Scale(y_low, y_high, box.bottom, box.top),
        box=box,
        right_gutter=box.right + _GUTTER * 0.62 if beyond_right else None,
        top_gutter=box.top - _GUTTER * 0.62 if beyond_top else None,
        is_narrow=narrow,
    )


def _reach(core: list[float], rest: list[float]) -> tuple[float, float]:
    """Return an axis around the core that also holds the rest as far as it is not far off."""
    spread = (max(core) - min(core)) or abs(max(core)) or 1.0
    near = [value for value in rest if value <= max(core) + _REACH * spread]
    return padded(core + near)


def _hatch(name: str) -> Markup:
    line = element("line", x1=0, y1=0, x2=0, y2=8, class_="hatch-line")
    pattern = element(
        "pattern",
        line,
        id=name,
        width=8,
        height=8,
        patternUnits="userSpaceOnUse",
        patternTransform="rotate(45)",
    )
    return element("defs", pattern)


def _axes(data: FrontierData, frame: _Frame) -> Markup:
    box = frame.box
    parts: list[Markup] = []
    for value in ticks(frame.x.low, frame.x.high, 3 if frame.is_narrow else 7):
        x = frame.x(value)
        parts.append(element("line", x1=x, x2=x, y1=box.top, y2=box.bottom, class_="grid"))
        parts.append(_words(_short(value), x, box.bottom + 17, "tick", "middle"))
    for value in ticks(frame.y.low, frame.y.high, 6):
        y = frame.y(value)
        parts.append(element("line", x1=box.left, x2=box.right, y1=y, y2=y, class_="grid"))
        parts.append(_words(_short(value), box.left - 8, y + 4, "tick", "end"))
    right = frame.right_gutter or box.right
    top = frame.top_gutter or box.top
    parts.append(element("line", x1=box.left, x2=right, y1=box.bottom, y2=box.bottom, class_="axis"))
    parts.append(element("line", x1=box.left, x2=box.left, y1=top, y2=box.bottom, class_="axis"))
    if frame.right_gutter:
        parts.append(axis_break(box.right + 5, box.bottom, is_upright=False))
    if frame.top_gutter:
        parts.append(axis_break(box.left, box.top - 5, is_upright=True))
    title_y = box.bottom + (36 if frame.is_narrow else 42)
    parts.append(_words(f"{data.x_title} →", box.right, title_y, "axis-title", "end"))
    parts.append(_words(f"↑ {data.y_title}", 2, 14, "axis-title", "start"))
    return element("g", parts)


def _bound(data: FrontierData, frame: _Frame, hatch: str) -> Markup | None:
    line = clipped(sorted(data.hull), frame.x, frame.y)
    if len(line) < 2:
        return None
    points = [(frame.x(x), frame.y(y)) for x, y in line]
    # Left of where the line leaves the picture upwards, the whole height lies below it.
    rises_out = math.isclose(line[0][1], frame.y.high) and min(data.hull)[0] <= frame.x.low
    roof = [(frame.box.left, frame.box.top)] if rises_out else []
    start = frame.box.left if rises_out else points[0][0]
    floor = [(points[-1][0], frame.box.bottom), (start, frame.box.bottom)]
    end_of_words = frame.x.low + (start + 125 - frame.box.left) / (frame.box.right - frame.box.left) * (
        frame.x.high - frame.x.low
    )
    room = frame.box.bottom - frame.y(min((y for x, y in line if x <= end_of_words), default=frame.y.high))
    label = _words("no plan can be here", start + 8, frame.box.bottom - 12, "region", "start")
    return element(
        "g",
        element("title", "Proven: no plan lies below this line"),
        element(
            "polygon", points=points_of([*roof, *points, *floor]), fill=f"url(#{hatch})", class_="no-plan"
        ),
        element("polyline", points=points_of(points), class_="bound"),
        label if room > 30 else None,
    )


def _default_corner(data: FrontierData, frame: _Frame) -> Markup | None:
    """Return the corner of the default plan: what lies below and left of it is better for both."""
    default = next((mark for mark in data.marks if mark.is_default and not frame.is_beyond(mark)), None)
    if default is None:
        return None
    x, y = frame.at(default.x, default.y)
    corner = points_of([(frame.box.left, y), (x, y), (x, frame.box.bottom)])
    words = _words("better for both than the default", x - 8, y + 15, "region", "end")
    bound = [(frame.x(one), frame.y(two)) for one, two in sorted(data.hull)]
    # Words about plans do not stand where no plan can be.
    has_room = not bound or level_at(bound, x - 0.6 * _CORNER_WORDS) > y + 20
    is_shown = has_room and not frame.is_narrow and x - frame.box.left >= _CORNER_WORDS
    drawn = element("polyline", points=corner, class_="corner")
    return element("g", drawn, words if is_shown else None)


def _dot(dot: Dot, frame: _Frame) -> Markup:
    x, y = frame.at(dot.x, dot.y)
    whisker = None
    if dot.bound is not None and dot.bound < dot.y:
        low = frame.y(frame.y.clip(dot.bound))
        whisker = element("line", x1=x, x2=x, y1=y, y2=low, class_="whisker")
    kind = "dot" if dot.is_exact else "dot open"
    circle = element("circle", cx=x, cy=y, r=3.2 if frame.is_narrow else 4.2, class_=kind)
    return _leading(dot, f"{frame.name}-dot-{number(x)}", [element("title", dot.title), whisker, circle])


def _leading(one: Dot | Mark, name: str, parts: list[Markup | None]) -> Markup:
    """Return a mark, as a link where it leads somewhere."""
    if not one.href:
        return element("g", parts)
    return element("a", parts, href=one.href, id=name, aria_label=one.title)


def _marks(data: FrontierData, frame: _Frame) -> Markup:
    twins = _twins(data.marks, frame)
    anchors = [frame.at(group[0].x, group[0].y) for group in twins]
    size = 11.0 if frame.is_narrow else 12.5
    most = int((frame.box.right - frame.box.left) * 0.5 / (size * 0.6))
    words = [_lines([_label(mark, frame, data.write) for mark in group], most) for group in twins]
    sizes = [(max(map(len, lines)) * size * 0.6 + 2, len(lines) * size * 1.25) for lines in words]
    room = Box(
        frame.box.left + 2,
        18 if frame.top_gutter else frame.box.top + 2,
        (frame.right_gutter + 10 if frame.right_gutter else frame.box.right) - 2,
        frame.box.bottom - 4,
    )
    placements = place(anchors, sizes, _obstacles(data, frame), room)
    parts: list[Markup] = []
    for group, anchor, word, placement in zip(twins, anchors, words, placements, strict=True):
        leader = _leader(anchor, placement.box) if placement.needs_leader else None
        for mark in reversed(group):  # the first of equals is drawn last, on top
            glyphs = [_glyph(mark, anchor), _arrows(mark, frame)]
            title = element("title", mark.title)
            parts.append(_leading(mark, f"{frame.name}-mark-{len(parts)}", [title, leader, *glyphs]))
            leader = None
        parts += _placed_label(word, anchor[0], placement.box, size)
    return element("g", parts)


def _twins(marks: Sequence[Mark], frame: _Frame) -> list[list[Mark]]:
    """Return the marks in groups that stand on the same spot, so that one label names them all."""
    groups: list[list[Mark]] = []
    for mark in marks:
        x, y = frame.at(mark.x, mark.y)
        for group in groups:
            other_x, other_y = frame.at(group[0].x, group[0].y)
            if abs(x - other_x) < 1.5 and abs(y - other_y) < 1.5 and not frame.is_beyond(mark):
                group.append(mark)
                break
        else:
            groups.append([mark])
    return groups


def _obstacles(data: FrontierData, frame: _Frame) -> list[Box]:
    boxes = []
    for mark in data.marks:
        x, y = frame.at(mark.x, mark.y)
        boxes.append(Box(x - _MARK, y - _MARK, x + _MARK, y + _MARK))
    for dot in data.dots:
        x, y = frame.at(dot.x, dot.y)
        low = frame.y(frame.y.clip(dot.bound)) if dot.bound is not None else y
        boxes.append(Box(x - 5, min(y, low) - 5, x + 5, max(y, low) + 5))
    default = next((mark for mark in data.marks if mark.is_default and not frame.is_beyond(mark)), None)
    if default is not None:
        x, y = frame.at(default.x, default.y)
        boxes += _along([(frame.box.left, y), (x, y)]) + _along([(x, y), (x, frame.box.bottom)])
        boxes.append(Box(x - 200, y + 3, x - 6, y + 19))  # the words inside the corner
    line = clipped(sorted(data.hull), frame.x, frame.y)
    return boxes + _along([(frame.x(x), frame.y(y)) for x, y in line])


def _lines(names: Sequence[str], most: int) -> list[str]:
    """Return names of one spot as lines of at most so many characters, longer only by a single name."""
    lines = [names[0]]
    for name in names[1:]:
        longer = f"{lines[-1]} = {name}"
        if len(longer) <= most:
            lines[-1] = longer
        else:
            lines.append(f"= {name}")
    return lines


def _placed_label(lines: Sequence[str], x: float, box: Box, size: float) -> list[Markup]:
    """Return a label whose text starts or ends at its mark, whatever the font's width is."""
    if box.left >= x:
        at, anchor = box.left + 1, "start"
    elif box.right <= x:
        at, anchor = box.right - 1, "end"
    else:
        at, anchor = (box.left + box.right) / 2, "middle"
    baselines = [box.bottom - size * (0.3 + 1.25 * (len(lines) - 1 - row)) for row in range(len(lines))]
    return [_words(line, at, base, "label", anchor) for line, base in zip(lines, baselines, strict=True)]


def _along(points: Sequence[tuple[float, float]]) -> list[Box]:
    """Return small boxes along a line, as obstacles for labels."""
    boxes = []
    for (x1, y1), (x2, y2) in pairwise(points):
        steps = max(1, round(max(abs(x2 - x1), abs(y2 - y1)) / 8))
        for turn in range(steps + 1):
            x, y = x1 + (x2 - x1) * turn / steps, y1 + (y2 - y1) * turn / steps
            boxes.append(Box(x - 2, y - 2, x + 2, y + 2))
    return boxes


def _label(mark: Mark, frame: _Frame, write: Callable[[float], str]) -> str:
    if frame.is_narrow:
        return mark.letter
    beyond = [
        f"{axis} {write(value)}"
        for axis, value, scale in (("→", mark.x, frame.x), ("↑", mark.y, frame.y))
        if value > scale.high
    ]
    return f"{mark.label}  {' '.join(beyond)}" if beyond else mark.label


def _leader(anchor: tuple[float, float], box: Box) -> Markup:
    x, y = anchor
    end_x = min(max(x, box.left), box.right)
    end_y = min(max(y, box.top), box.bottom)
    return element("line", x1=x, y1=y, x2=end_x, y2=end_y, class_="leader")


def _arrows(mark: Mark, frame: _Frame) -> Markup | None:
    """Return an arrow towards a place beyond the scale."""
    if not frame.is_beyond(mark):
        return None
    x, y = frame.at(mark.x, mark.y)
    right = [(x + 8, y - 4), (x + 13, y), (x + 8, y + 4)] if mark.x > frame.x.high else None
    up = [(x - 4, y - 8), (x, y - 13), (x + 4, y - 8)] if mark.y > frame.y.high else None
    return element(
        "g", [element("polyline", points=points_of(tip), class_="arrow") for tip in (right, up) if tip]
    )


def _glyph(mark: Mark, anchor: tuple[float, float]) -> Markup:
    x, y = anchor
    ring = element("circle", cx=x, cy=y, r=_MARK + 4.5, class_="ring") if mark.is_shown else None
    return element("g", ring, glyph(mark.shape, x, y))


def _words(words: str, x: float, y: float, kind: str, anchor: str) -> Markup:
    return element("text", words, x=x, y=y, class_=kind, text_anchor=anchor)


def _short(value: float) -> str:
    """Return a tick's number: thousands as k, millions as M; the axis title tells the unit."""
    if abs(value) >= 1e6:
        return f"{value / 1e6:g} M"
    return f"{value / 1e3:g} k" if abs(value) >= 1e4 else f"{value:,.6g}"
