"""The pictures: nothing overlaps, nothing lies, everything has a name."""

from __future__ import annotations

import re
from itertools import combinations
from xml.etree import ElementTree

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poise.patching.document import PlanDocument
from poise.report.bar_chart import Step, steps_chart
from poise.report.charts import Dot, FrontierData, Mark, frontier_chart
from poise.report.frontier import bound_at, frontier_data, gap_of
from poise.report.labels import Box, place
from poise.report.picture import frontier_svg
from report.build import build_document


@pytest.fixture(scope="module")
def document() -> PlanDocument:
    return build_document()


def _boxes(chart: str) -> list[Box]:
    """Return the boxes of the labels, by a cautious width of a bold letter."""
    boxes = []
    for label in ElementTree.fromstring(chart).iter("text"):
        if label.get("class") != "label":
            continue
        x, y = float(label.get("x", "")), float(label.get("y", ""))
        width = len(label.text or "") * 12.5 * 0.56
        left = {"start": x, "middle": x - width / 2, "end": x - width}[label.get("text-anchor", "")]
        boxes.append(Box(left, y - 10, left + width, y + 2))
    return boxes


def test_labels_of_the_frontier_do_not_overlap(document: PlanDocument) -> None:
    """Two names on top of each other name nothing."""
    boxes = _boxes(frontier_chart(frontier_data(document)))
    assert len(boxes) == len(document.plans) - 1  # the default is one of the rules here: one label names both
    assert all(one.overlap(other) == 0 for one, other in combinations(boxes, 2))


@pytest.mark.parametrize("width", [360.0, 920.0])
def test_everything_lies_inside_the_picture(document: PlanDocument, width: float) -> None:
    """What is drawn outside the view box is not seen."""
    root = ElementTree.fromstring(frontier_chart(frontier_data(document), width=width, height=500))
    for shape in root.iter():
        for name, most in (
            ("x", width),
            ("cx", width),
            ("x1", width),
            ("x2", width),
            ("y", 500),
            ("cy", 500),
        ):
            if shape.get(name) is not None and shape.tag != "pattern":
                assert -1 <= float(shape.get(name, "")) <= most + 1, shape.attrib


@pytest.mark.parametrize(("default", "has_room"), [(60.0, True), (21.0, False)])
def test_words_about_plans_stand_where_plans_can_be(default: float, has_room: bool) -> None:
    """Of a default plan close above the bound, nothing is written into the part that no plan reaches."""
    hull = ((5.0, 100.0), (40.0, 20.0), (100.0, 18.0))
    dots = tuple(Dot(x, y, None, True, "plan") for x, y in hull)
    mark = Mark(70.0, default, "If nobody signs", "D", "square", True, True, True, "title")
    chart = frontier_chart(FrontierData(dots, hull, (mark,), "x", "y", str, "summary"))
    assert ("better for both than the default" in chart) == has_room


def test_every_plan_has_a_title(document: PlanDocument) -> None:
    """A mark without a name cannot be asked about."""
    root = ElementTree.fromstring(frontier_chart(frontier_data(document)))
    titles = [title.text or "" for title in root.iter("title")]
    for plan in document.plans:
        assert any(title.startswith(f"{plan.label}: expected loss EUR") for title in titles)
    for dot in document.frontier:
        assert any(title.startswith(f"Plan {dot.id}:") for title in titles)


def test_a_plan_far_off_stands_at_the_edge_with_its_number(document: PlanDocument) -> None:
    """A rule three times as disruptive must neither squeeze the picture nor be left out."""
    chart = frontier_chart(frontier_data(document))
    assert "Severity SLA  → EUR\xa0741,000" in chart
    assert "Severity SLA  →" not in frontier_chart(frontier_data(document), width=360)


def test_late_cost_moves_dots_up_with_the_bound(document: PlanDocument) -> None:
    """The proof is about expected loss plus late cost; a dot of loss alone could lie below the line."""
    late = msgspec.structs.replace(
        document, frontier=tuple(msgspec.structs.replace(dot, late_cost=5e4) for dot in document.frontier)
    )
    data = frontier_data(late)
    assert data.y_title.startswith("Expected loss and cost of lateness")
    assert data.dots[0].y == document.frontier[0].exposure + 5e4


def test_gap_is_what_the_bound_leaves(document: PlanDocument) -> None:
    """The gap told to the board must be the one that the document proves."""
    plan = document.plan("nash")
    bound = bound_at(document, plan.disruption)
    assert bound is not None
    assert bound <= plan.expected_loss
    assert gap_of(document, plan) == pytest.approx(1 - bound / plan.expected_loss)
    bare = msgspec.structs.replace(document, frontier=(), hull=())
    assert gap_of(bare, plan) is None


def test_nothing_to_draw_is_still_a_picture(document: PlanDocument) -> None:
    """A company without findings has no frontier; the report must still open."""
    empty = msgspec.structs.replace(document, frontier=(), hull=(), plans=())
    ElementTree.fromstring(frontier_chart(frontier_data(empty)))
    one = msgspec.structs.replace(document, frontier=(), hull=(), plans=document.plans[:1])
    ElementTree.fromstring(frontier_chart(frontier_data(one)))


AMOUNTS = st.floats(0, 1e10)


@given(
    dots=st.lists(st.tuples(AMOUNTS, AMOUNTS, AMOUNTS), max_size=6),
    marks=st.lists(st.tuples(AMOUNTS, AMOUNTS, st.sampled_from(["ideal", "default", "rule"])), max_size=6),
)
@settings(max_examples=15, deadline=None)
def test_any_numbers_make_a_picture(
    dots: list[tuple[float, float, float]], marks: list[tuple[float, float, str]]
) -> None:
    """Estates differ by orders of magnitude; no mark may leave the picture."""
    data = FrontierData(
        dots=tuple(Dot(x, y, bound, False, "dot") for x, y, bound in dots),
        hull=tuple((x, bound) for x, _, bound in dots),
        marks=tuple(
            Mark(x, y, "Name", "A", "plus", kind == "ideal", kind == "default", False, "title")
            for x, y, kind in marks
        ),
        x_title="x",
        y_title="y",
        write=str,
        summary="any",
    )
    root = ElementTree.fromstring(frontier_chart(data))
    for circle in root.iter("circle"):
        assert 0 <= float(circle.get("cx", "")) <= 920
        assert 0 <= float(circle.get("cy", "")) <= 560


def test_standalone_picture_has_its_colours_inside(document: PlanDocument) -> None:
    """A file on a code host gets no style sheet from us, and no variables in some viewers."""
    picture = frontier_svg(document)
    root = ElementTree.fromstring(picture)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert "var(" not in picture
    assert "light-dark(" not in picture
    assert "prefers-color-scheme: dark" in picture
    assert not re.search(r"(href|src|url)\s*[=(]\s*[\"']?https?:", picture)


def test_labels_avoid_obstacles_where_there_is_room() -> None:
    """A label over a dot hides the dot."""
    obstacle = Box(55, 40, 120, 60)
    (placement,) = place([(50, 50)], [(40, 12)], [obstacle], Box(0, 0, 200, 100))
    assert placement.box.overlap(obstacle) == 0


def test_steps_of_nothing_are_drawn() -> None:
    """Zero records must not divide by zero."""
    ElementTree.fromstring(steps_chart([Step("Records", 0, 0)], "nothing"))
    ElementTree.fromstring(steps_chart([], "nothing"))
