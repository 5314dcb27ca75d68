"""Ranges and dots on the page: what it says is what was simulated, for eyes and for ears."""

from __future__ import annotations

import re

import msgspec
import pytest

from poise.patching.document import PlanDocument, Simulated
from poise.patching.lookup import Lookup
from poise.report.dot_chart import DotRow, dot_chart
from poise.report.trust import trust
from report.build import build_document


@pytest.fixture(scope="module")
def document() -> PlanDocument:
    """Return a document with a simulation."""
    return build_document(num_changes=20, num_groups=6)


def test_two_kinds_of_not_knowing_stand_apart(document: PlanDocument) -> None:
    """The range of what nobody knows is in the table, chance is in the dots; none is called the other."""
    section = str(trust(Lookup(document)))
    table, _, dots = section.partition("What may happen")
    assert "5-95 % range" in table
    assert "27,000 to" in table
    assert "93\N{NO-BREAK SPACE}%" in table
    assert "<circle" not in table
    assert dots.count("<circle") == 400


def test_changed_places_are_told(document: PlanDocument) -> None:
    """Where simulation orders two plans otherwise than the solver's sum, the page says which."""
    assert "If nobody signs before" in str(trust(Lookup(document)))
    assert isinstance(document.simulated, Simulated)
    calm = msgspec.structs.replace(
        document, simulated=msgspec.structs.replace(document.simulated, rank_changes=())
    )
    assert "no two plans change places" in str(trust(Lookup(calm)))


def test_dots_are_told_in_words(document: PlanDocument) -> None:
    """Whoever does not see the picture hears how many of a hundred are without loss."""
    labels = re.findall(r'aria-label="([^"]+)"', str(trust(Lookup(document))))
    assert any("97 of 100 with no loss" in label for label in labels)


def test_a_document_without_a_simulation_has_no_such_section(document: PlanDocument) -> None:
    """plan.json of an earlier version still makes a page."""
    assert trust(Lookup(msgspec.structs.replace(document, simulated=None))) is None


@pytest.mark.parametrize("values", [(), (0.0,) * 100, (5.0,) * 100, tuple(float(n) for n in range(100))])
def test_every_dot_stays_in_its_row(values: tuple[float, ...]) -> None:
    """A hundred equal outcomes must not climb into the row above."""
    chart = str(dot_chart([DotRow("above", ()), DotRow("row", values)], lambda value: f"{value:g}", "dots"))
    heights = [float(y) for y in re.findall(r'cy="([\d.]+)"', chart)]
    assert len(heights) == len(values)
    assert all(28 + 96 < y < 28 + 192 for y in heights)


@pytest.mark.parametrize("values", [(0.0,) * 100, (5.0,) * 100, tuple(float(n) for n in range(100))])
def test_a_narrow_chart_keeps_dots_below_their_label_and_on_the_page(values: tuple[float, ...]) -> None:
    """On a phone labels stand above the row, and no dot runs off the right edge."""
    rows = [DotRow("above", ()), DotRow("row", values)]
    chart = str(dot_chart(rows, lambda value: f"{value:g}", "dots", is_narrow=True))
    label = float(re.findall(r'<text x="[\d.]+" y="([\d.]+)" class="row-label">row', chart)[0])
    places = [(float(x), float(y)) for x, y in re.findall(r'cx="([\d.]+)" cy="([\d.]+)"', chart)]
    assert len(places) == len(values)
    assert 'viewBox="0 0 400 ' in chart
    assert all(3 < x < 397 and label + 4 < y < 28 + 2 * 118 for x, y in places)
