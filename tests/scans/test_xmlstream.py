"""Streaming elements of an XML report in flat memory."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest

from poise.errors import ScanFormatError
from poise.scans import Limits, open_source
from poise.scans.xmlstream import elements, root_name

TIGHT = Limits(depth=20, text_bytes=200_000, record_bytes=400_000)


def _elements(folder: Path, text: str | bytes, *tags: str, limits: Limits = TIGHT) -> list[tuple[str, str]]:
    path = folder / "report.xml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    source = open_source(path, limits=limits)
    return [
        (element.tag, "/".join(one.tag + one.get("n", "") for one in ancestors))
        for element, ancestors in elements(source, tags)
    ]


def _refusal(folder: Path, text: str | bytes, *tags: str) -> str:
    with pytest.raises(ScanFormatError) as caught:
        _elements(folder, text, *tags)
    return str(caught.value.faults[0])


def test_wanted_elements_come_whole_with_their_ancestors(tmp_path: Path) -> None:
    """A finding takes its host from the element around it."""
    text = "<r><h n='1'><i/><x><i/></x></h><h n='2'><i><i/></i></h></r>"
    assert _elements(tmp_path, text, "i") == [("i", "r/h1"), ("i", "r/h1/x"), ("i", "r/h2")]


def test_namespaces_are_taken_off(tmp_path: Path) -> None:
    """Writers choose prefixes freely; names are what a format means."""
    text = "<r xmlns='urn:a' xmlns:v='urn:b'><v:i/><i/></r>"
    assert _elements(tmp_path, text, "i") == [("i", "r"), ("i", "r")]


def test_an_external_dtd_is_neither_fetched_nor_refused(tmp_path: Path) -> None:
    """Qualys names one in every report."""
    text = "<!DOCTYPE r SYSTEM 'https://nowhere.invalid/r.dtd'><r><i/></r>"
    assert _elements(tmp_path, text, "i") == [("i", "r")]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("<r><i></r>", "line 1, column 9: E405 The XML is malformed: mismatched tag"),
        ("<r>\n<i/>\n", "line 3, column 1: E405 The XML is malformed: no element found"),
        ("<r><i>\x01</i></r>", "E405 The XML is malformed: not well-formed (invalid token)"),
        ("<r>&nbsp;</r>", "E405 The XML is malformed: undefined entity"),
        (b"<r><i>\xe9</i></r>", "byte 6: E403 Byte 6 (0xe9) is not UTF-8"),
        (b"<?xml version='1.0' encoding='klingon'?><r/>", "E40"),
        ("<!DOCTYPE r [<!ENTITY a 'b'>]><r/>", "E410 The XML declares the entity 'a'"),
        ("<r>" + "<a>" * 30 + "</a>" * 30 + "</r>", "E409 Elements are nested deeper than 20"),
        ("<r><i>" + "<a>" * 30 + "</a>" * 30 + "</i></r>", "E409 Elements are nested deeper than 20"),
        (f"<r><i>{'x' * 400_000}</i></r>", "E409 A text or attribute is longer than 200,000 bytes"),
        (f"<r><i a='{'x' * 400_000}'/></r>", "E409 A text or attribute is longer than 200,000 bytes"),
        (f"<r><i>{'<a/>' * 200_000}</i></r>", "E409 One <i> is larger than 400,000 bytes"),
    ],
)
def test_a_fault_says_what_and_where(text: str | bytes, told: str, tmp_path: Path) -> None:
    """The person who exported the report has to find the place."""
    assert told in _refusal(tmp_path, text, "i")


def test_declared_encodings_are_the_parser_s_business(tmp_path: Path) -> None:
    """Old consoles still write Latin-1 and Windows-1252."""
    for encoding in ("iso-8859-1", "windows-1252", "utf-16"):
        text = f"<?xml version='1.0' encoding='{encoding}'?><r><i n='é'/></r>"
        assert _elements(tmp_path, text.encode(encoding), "i") == [("i", "r")]


def test_memory_stays_flat_as_the_file_grows(tmp_path: Path) -> None:
    """A report of a million findings must not need a thousand times the memory of one of a thousand."""
    path = tmp_path / "report.xml"
    item = "<x>" + "<skipped a='1'>text</skipped>" * 5 + "<i><t>text</t></i></x>\n"
    peaks = []
    for count in (2_000, 20_000):
        path.write_text("<r>" + item * count + "</r>", encoding="utf-8")
        tracemalloc.start()
        assert sum(1 for _ in elements(open_source(path), ("i",))) == count
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.3 * peaks[0]


def test_the_root_of_a_cut_opening_is_known() -> None:
    """Formats are told from an opening that ends anywhere."""
    assert root_name("<?xml version='1.0' encoding='utf-16'?><!-- c --><a:b xmlns:a='urn:x'><c") == (
        "b",
        "urn:x",
    )
    assert root_name("<r") == ("", "")
    assert root_name("{}") == ("", "")
    assert root_name("<r>\ud800") == ("r", "")
