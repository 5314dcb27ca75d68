"""The frontier of a plan document: its picture, its key, its table and what it proves."""

from __future__ import annotations

from itertools import pairwise

from poise.patching.document import FrontierDot, NamedPlan, PlanDocument
from poise.report.charts import Dot, FrontierData, Mark, frontier_chart
from poise.report.figures import Money, count, hours, percent
from poise.report.glyphs import Shape, glyph
from poise.report.markup import Markup, element
from poise.report.tables import Column, disclosure, scrolling, table

_SHAPES: dict[str, Shape] = {
    "least-exposure": "down",
    "least-disruption": "left",
    "nash": "diamond",
    "kalai-smorodinsky": "square",
}
_SHAPES_OF_KIND: dict[str, Shape] = {
    "ideal": "down",
    "default": "crossed",
    "landmark": "hexagon",
    "total": "pentagon",
    "rule": "plus",
}
_ORDER = {"default": 0, "landmark": 1, "total": 2, "ideal": 3, "rule": 4}


def has_late_cost(document: PlanDocument) -> bool:
    """Tell whether lateness carries a cost in this document; then the chart's upward axis holds it too.

    The proven bound is one on expected loss plus late cost, so a picture of expected loss alone
    could show a plan below a line that no plan can be below.
    """
    return any(plan.late_cost for plan in document.plans) or any(dot.late_cost for dot in document.frontier)


def bound_at(document: PlanDocument, disruption: float) -> float | None:
    """Return the proven least expected loss plus late cost of plans with at most this disruption [money].

    The larger of the hull at that place and the bounds of frontier plans with at least as much
    disruption; None where neither says anything.
    """
    bounds = [dot.exposure_bound for dot in document.frontier if dot.disruption >= disruption]
    corners = sorted((point.disruption, point.exposure) for point in document.hull)
    for (x1, y1), (x2, y2) in pairwise(corners):
        if x1 <= disruption <= x2 and x2 > x1:
            bounds.append(y1 + (y2 - y1) * (disruption - x1) / (x2 - x1))
    return max(bounds, default=None)


def gap_of(document: PlanDocument, plan: NamedPlan) -> float | None:
    """Return how much better a plan of equal disruption could be at most [1]; None if nothing is proven."""
    bound = bound_at(document, plan.disruption)
    cost = plan.expected_loss + plan.late_cost
    if bound is None or cost <= 0:
        return None
    return max(0.0, (cost - bound) / cost)


def frontier_data(document: PlanDocument) -> FrontierData:
    """Return the numbers of the frontier chart."""
    money = Money(document.currency)
    late = has_late_cost(document)
    return FrontierData(
        dots=tuple(_dot(dot, money) for dot in document.frontier),
        hull=tuple((point.disruption, point.exposure) for point in document.hull),
        marks=tuple(
            _mark(plan, letter, document, money)
            for letter, plan in zip(_letters(), ordered(document), strict=False)
        ),
        x_title=f"Disruption, {document.currency}",
        y_title=f"Expected loss{' and cost of lateness' if late else ''}, {document.currency}",
        write=lambda value: money(value),
        summary=summary_of(document),
    )


def ordered(document: PlanDocument) -> list[NamedPlan]:
    """Return the named plans, the default first and the rules last; else as the document has them."""
    return sorted(document.plans, key=lambda plan: _ORDER[plan.kind])


def summary_of(document: PlanDocument) -> str:
    """Return in one sentence what the picture shows."""
    if not document.frontier:
        return f"{len(document.plans)} named plans by disruption and expected loss; no frontier was computed."
    money = Money(document.currency)
    dots = sorted(document.frontier, key=lambda dot: dot.disruption)
    return (
        f"Frontier of {len(dots)} plans: from {money(dots[0].exposure)} of expected loss at "
        f"{money(dots[0].disruption)} of disruption to {money(dots[-1].exposure)} at "
        f"{money(dots[-1].disruption)}, with {len(document.plans)} named plans around it. The table "
        "below the picture has every number."
    )


def frontier_figure(document: PlanDocument) -> Markup:
    """Return the picture at two widths with its key, its caption and the table behind it."""
    data = frontier_data(document)
    late = (
        " Upwards the picture counts what late deadlines cost as well, because the proof does."
        if has_late_cost(document)
        else ""
    )
    caption = (
        "Down and to the left is better for both. Each dot is a plan; a hollow dot is one that the solver "
        "did not prove best, and the line below it reaches down to what is proven. No plan can be in the "
        "hatched area: that is proven too. The axes need not start at zero; a plan beyond them stands at "
        f"the edge with an arrow and its number.{late}"
    )
    return element(
        "figure",
        frontier_chart(data),
        frontier_chart(data, width=360, height=400),
        _key(data),
        element("figcaption", caption),
        disclosure(
            "The numbers of the picture",
            scrolling(_dots_table(document), "Plans of the frontier"),
            scrolling(_plans_table(document), "Named plans"),
        ),
    )


def _letters() -> list[str]:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    return [*alphabet, *(first + second for first in alphabet for second in alphabet)]


def _dot(dot: FrontierDot, money: Money) -> Dot:
    proof = "proven best" if dot.is_exact else f"proven: not below {money(dot.exposure_bound)}"
    return Dot(
        x=dot.disruption,
        y=dot.exposure + dot.late_cost,
        bound=dot.exposure_bound,
        is_exact=dot.is_exact,
        title=f"Plan {dot.id}: expected loss {money(dot.exposure)}, disruption {money(dot.disruption)}, "
        f"{hours(dot.downtime_hours)} of planned downtime, {dot.num_late} late; {proof}",
    )


def _mark(plan: NamedPlan, letter: str, document: PlanDocument, money: Money) -> Mark:
    is_shown = plan.key == document.shown
    return Mark(
        x=plan.disruption,
        y=plan.expected_loss + plan.late_cost,
        label=plan.label,
        letter=letter,
        shape=_SHAPES.get(plan.key, _SHAPES_OF_KIND[plan.kind]),
        is_core=plan.kind in ("ideal", "landmark", "total"),
        is_default=plan.kind == "default",
        is_shown=is_shown,
        title=f"{plan.label}: expected loss {money(plan.expected_loss)}, disruption "
        f"{money(plan.disruption)}, {hours(plan.downtime_hours)} of planned downtime, {plan.num_late} late"
        + ("; its calendar is shown below" if is_shown else ""),
    )


def _key(data: FrontierData) -> Markup:
    """Return the key: shapes for the wide picture, letters with names for the narrow one."""
    named = [
        element("li", element("b", mark.letter), _symbol(mark.shape), mark.label, class_="narrow-only")
        for mark in data.marks
    ]
    ring = element(
        "svg", element("circle", cx=9, cy=9, r=7, class_="ring"), viewBox="0 0 18 18", class_="chart"
    )
    dots = [element("circle", cx=9, cy=9, r=4.2, class_=kind) for kind in ("dot", "dot open")]
    drawn = [element("svg", dot, viewBox="0 0 18 18", class_="chart", aria_hidden="true") for dot in dots]
    general = [
        element("li", drawn[0], "a plan, proven best"),
        element("li", drawn[1], "a plan, not proven best"),
        element("li", _symbol("plus"), "a rule people use today"),
        element("li", ring, "the plan whose calendar is shown"),
    ]
    return element(
        "div",
        element("ul", general, class_="key"),
        element("ul", named, class_="key narrow"),
    )


def _symbol(shape: Shape) -> Markup:
    return element("svg", glyph(shape, 9, 9, 6.5), viewBox="0 0 18 18", class_="chart", aria_hidden="true")


def _dots_table(document: PlanDocument) -> Markup:
    money = Money(document.currency)
    columns = (
        Column("Plan"),
        Column("Disruption", is_number=True),
        Column("Expected loss", is_number=True),
        Column("90 % range", is_number=True),
        Column("Cost of lateness", is_number=True),
        Column("No plan below", is_number=True),
        Column("Planned downtime", is_number=True),
        Column("Late deadlines", is_number=True),
        Column("Weekends", is_number=True),
    )
    rows = [
        [
            dot.id,
            money(dot.disruption),
            money(dot.exposure),
            money.range(dot.exposure_low, dot.exposure_high),
            money(dot.late_cost),
            "proven best" if dot.is_exact else money(dot.exposure_bound),
            hours(dot.downtime_hours),
            count(dot.num_late),
            count(dot.weekends_worked),
        ]
        for dot in document.frontier
    ]
    return table("Plans of the frontier, over the whole horizon.", columns, rows)


def _plans_table(document: PlanDocument) -> Markup:
    money = Money(document.currency)
    columns = (
        Column("Named plan"),
        Column("Disruption", is_number=True),
        Column("of it opening", is_number=True),
        Column("failed changes", is_number=True),
        Column("deferral", is_number=True),
        Column("Expected loss", is_number=True),
        Column("Cost of lateness", is_number=True),
        Column("Could be better by at most", is_number=True),
    )
    rows = [
        [
            plan.label,
            money(plan.disruption),
            money(plan.opening_cost),
            money(plan.failure_cost),
            money(plan.deferral_cost),
            money(plan.expected_loss),
            money(plan.late_cost),
            percent(gap_of(document, plan), "not proven"),
        ]
        for plan in ordered(document)
    ]
    return table("Named plans, over the whole horizon.", columns, rows)
