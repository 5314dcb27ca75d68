"""The table's frontier: every plan, the default, fair points and proposals, with a table behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from poise.report.charts import Dot, FrontierData, Mark, frontier_chart
from poise.report.figures import Money
from poise.report.glyphs import Shape
from poise.report.markup import Markup, element

_WIDE, _NARROW = (920.0, 520.0), (400.0, 420.0)


@dataclass(frozen=True)
class Point:
    """A plan as the frontier shows it.

    Parameters
    ----------
    label, letter
        Its name, and what stands for it where there is no room; both empty for a plain plan of the frontier.
    security, operations
        Expected loss with lateness, and disruption [money].
    bound
        Proven least loss of all plans of no more disruption [money]; None where nothing is proven.
    href
        Where it leads.
    kind
        ``plan``, ``default``, ``fair`` (a landmark), ``proposal`` or ``agreed``.
    """

    label: str
    letter: str
    security: float
    operations: float
    kind: str
    bound: float | None = None
    href: str = ""


_SHAPES: dict[str, Shape] = {
    "default": "square",
    "fair": "diamond",
    "proposal": "pentagon",
    "agreed": "hexagon",
}


def frontier(points: Sequence[Point], hull: Sequence[tuple[float, float]], currency: str) -> Markup:
    """Return the frontier twice, for wide and narrow pages; the style sheet shows one of them.

    Parameters
    ----------
    hull
        Corners of what is proven: (disruption, least expected loss with lateness) [money].
    """
    money = Money(currency)
    plans = [one for one in points if one.kind == "plan"]
    data = FrontierData(
        dots=tuple(_dot(one, money) for one in plans),
        hull=tuple(hull),
        marks=tuple(_mark(one, money) for one in points if one.kind != "plan"),
        x_title=f"Disruption, {currency}",
        y_title=f"Expected loss and cost of lateness, {currency}",
        write=lambda value: money(value),
        summary=_summary(points, money),
    )
    wide = element("div", frontier_chart(data, *_WIDE), class_="chart-wide")
    narrow = element("div", [frontier_chart(data, *_NARROW), _key(data.marks)], class_="chart-narrow")
    return element("div", [wide, narrow], class_="chart-pair")


def _key(marks: Sequence[Mark]) -> Markup:
    """Return what the letters of a narrow picture stand for."""
    rows = [element("li", [element("b", one.letter), f" {one.label}"]) for one in marks]
    return element("ul", rows, class_="chart-key")


def _dot(one: Point, money: Money) -> Dot:
    proof = "" if one.bound is None else f"; proven: not below {money(one.bound)}"
    title = f"{one.label}: expected loss {money(one.security)}, disruption {money(one.operations)}{proof}"
    return Dot(x=one.operations, y=one.security, bound=one.bound, is_exact=False, title=title, href=one.href)


def _mark(one: Point, money: Money) -> Mark:
    return Mark(
        x=one.operations,
        y=one.security,
        label=one.label,
        letter=one.letter,
        shape=_SHAPES[one.kind],
        is_core=one.kind in ("fair", "agreed"),
        is_default=one.kind == "default",
        is_shown=one.kind == "agreed",
        title=f"{one.label}: expected loss {money(one.security)}, disruption {money(one.operations)}",
        href=one.href,
    )


def _summary(points: Sequence[Point], money: Money) -> str:
    named = "; ".join(
        f"{one.label} {money(one.security)} of loss and {money(one.operations)} of disruption"
        for one in points
        if one.kind != "plan"
    )
    return f"Plans between little disruption and little expected loss. {named}. The table below has them all."
