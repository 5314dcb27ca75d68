"""Escaping and building of markup."""

from __future__ import annotations

from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from poise.report.markup import Markup, element, join, number, text


def test_text_is_escaped_but_markup_is_kept() -> None:
    """A host name must never become a tag, and built markup must not be escaped twice."""
    inner = element("b", "<script>")
    assert element("p", inner, "a & b") == "<p><b>&lt;script&gt;</b>a &amp; b</p>"


def test_attributes_are_escaped_and_named() -> None:
    """Quotes in a value must not end the attribute; None and False leave it out."""
    built = element("td", class_="x", data_label='a"b', hidden=None, open=False, aria_label="c")
    assert built == '<td class="x" data-label="a&quot;b" aria-label="c"></td>'


@given(st.text())
def test_any_text_stays_well_formed_xml(value: str) -> None:
    """The SVG is XML: whatever a scanner wrote, control characters included, must not break it."""
    root = ElementTree.fromstring(element("g", element("title", value), data_name=value))
    assert [child.tag for child in root] == ["title"]
    assert list(root.attrib) == ["data-name"]


def test_direction_overrides_are_replaced() -> None:
    """A right-to-left override could make a file name read as something else."""
    assert "\u202e" not in text("invoice\u202efdp.exe")


def test_children_nest_and_none_is_nothing() -> None:
    """Sections are lists of lists with gaps."""
    assert join(["a", None, [Markup("<b>"), ["c"]]]) == "a<b>c"


def test_numbers_have_no_negative_zero() -> None:
    """The same picture must give the same bytes."""
    assert [number(value) for value in (-0.001, 0.0, 12.5, 3.14159)] == ["0", "0", "12.5", "3.14"]
