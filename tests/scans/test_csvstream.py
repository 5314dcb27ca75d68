"""The walk over CSV text: headers, delimiters, limits and the physical lines of faults."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poise.errors import Fault, ScanFormatError
from poise.scans.csvstream import CsvTable, has_header


def _is_ab(names: frozenset[str]) -> bool:
    return {"a", "b"} <= names


def _rows(text: str, columns: tuple[str, ...] = ("a", "b"), **limits: int) -> list[tuple[int, object]]:
    table = CsvTable(io.StringIO(text, newline=""), "f.csv", _is_ab, **limits)
    return [(table.line, row) for row in table.rows(columns)]


class _Endless(io.StringIO):
    """A text that begins with a header and goes on without an end."""

    def __init__(self, start: str, filler: str) -> None:
        super().__init__()
        self._start, self._filler = start, filler

    def read(self, size: int | None = -1, /) -> str:
        assert size is not None
        begin, self._start = self._start, ""
        return begin or (self._filler * size)[:size]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiter_is_found_by_the_header(delimiter: str) -> None:
    """Exports of other countries use semicolons; nobody says so in the file."""
    text = "a,b,c\n1,2,3\n".replace(",", delimiter)
    assert _rows(text) == [(2, ("1", "2"))]


def test_report_lines_before_the_header_are_passed_over() -> None:
    """Qualys puts the company and the user first."""
    assert _rows('"Report","x"\n\n"Jo",1,2,3\na,b\n1,2\n') == [(5, ("1", "2"))]


def test_byte_order_mark_and_blanks_are_not_part_of_a_name() -> None:
    """With the mark in its name, the first column would be missing."""
    assert _rows("\ufeff A ,b\r\n1,2\r\n") == [(2, ("1", "2"))]


def test_lines_of_old_macs_are_lines() -> None:
    """Excel for Mac still offers carriage returns as line ends."""
    assert _rows("a,b\r1,2\r3,4\r") == [(2, ("1", "2")), (3, ("3", "4"))]


def test_lines_quoted_as_a_whole_are_unwrapped() -> None:
    """VMDR quotes every line once more; its fields may hold line breaks and quotation marks."""
    text = '"a,""b"",""c"""\n"1,""x\n""""y"""""",""3"""\n'
    assert _rows(text) == [(2, ("1", 'x\n"y"'))]


def test_columns_are_asked_by_name_and_missing_ones_are_empty() -> None:
    """Users choose the columns of an export."""
    assert _rows("c,b,a\n3,2,1\n", ("a", "x", ("y", "b"))) == [(2, ("1", "", "2"))]


def test_faults_name_the_physical_line() -> None:
    """Line breaks inside quoted fields count, or people look at the wrong line."""
    rows = _rows('a,b\n"1\n1",2\n7\n1,2,3\n1,2,\n,\na,b\n9,9')
    faults = [row for _, row in rows if isinstance(row, Fault)]
    assert [fault.where for fault in faults] == ["f.csv:line 4", "f.csv:line 5"]
    assert all(fault.id == "E407" for fault in faults)
    assert [row for _, row in rows if not isinstance(row, Fault)] == [("1\n1", "2"), ("1", "2"), ("9", "9")]


def test_nul_is_a_fault_of_its_row_alone() -> None:
    """A damaged row must not cost the report, nor its neighbours."""
    rows = _rows('a,b\n1,2\n"x\n\0",3\n4,5\n')
    assert rows[0] == (2, ("1", "2"))
    assert isinstance(rows[1][1], Fault)
    assert rows[1][1].where == "f.csv:line 3"
    assert rows[2] == (5, ("4", "5"))


def test_twin_columns_that_disagree_are_a_fault() -> None:
    """Nobody can say which of two columns of one name is meant."""
    rows = _rows("a,b,a\n1,2,1\n1,2,9\n")
    assert rows[0] == (2, ("1", "2"))
    assert isinstance(rows[1][1], Fault)


@pytest.mark.parametrize("cut", ['a,b\n1,"2', 'a,b\n1,2\n3,"4\n5,6\n', 'a,b\n"'])
def test_end_inside_a_quoted_field_refuses_the_file(cut: str) -> None:
    """A cut-off report must not pass for a short one."""
    with pytest.raises(ScanFormatError) as error:
        _rows(cut)
    assert error.value.faults[0].id == "E407"


def test_doubled_closing_quotation_mark_at_the_end_is_no_cut() -> None:
    """Scripts double the last quotation mark; the row is complete all the same."""
    assert _rows('a,b\n1,"2""\n') == [(2, ("1", "2"))]


@pytest.mark.parametrize(
    ("start", "filler"),
    [
        ("a,b\n1,2\n", "x"),
        ('a,b\n1,2\n"3', "x"),
        ('a,b\n1,2\n"3', "\n"),
        ('a,b\n1,2\n"3', "x\n"),
        ("a,b\n", ","),
    ],
)
def test_endless_line_or_field_is_refused(start: str, filler: str) -> None:
    """A hundred megabytes on one line must not be held in memory."""
    table = CsvTable(
        _Endless(start, filler), "f.csv", _is_ab, block_characters=4_096, record_characters=65_536
    )
    with pytest.raises(ScanFormatError) as error:
        list(table.rows(("a", "b")))
    assert error.value.faults[0].id == "E409"


def test_long_field_within_the_limit_is_read() -> None:
    """Plugin outputs are longer than the limit that the csv module starts with."""
    long = "x" * 300_000
    assert _rows(f"a,b\n{long},2\n") == [(2, (long, "2"))]


@pytest.mark.parametrize("text", ["", "\n\n", "c,d\n1,2\n", "{}", "a"])
def test_missing_header_is_refused(text: str) -> None:
    """Without names nobody knows what a column means."""
    with pytest.raises(ScanFormatError) as error:
        _rows(text)
    assert error.value.faults[0].id == "E412"


def test_json_and_xml_are_never_taken_for_csv() -> None:
    """A JSON text full of commas has rows, too."""
    assert not has_header('{"a": 1,\n a,b\n', _is_ab)
    assert not has_header("<x>\na,b\n", _is_ab)
    assert has_header("title\na,b\n1,2", _is_ab)


_CELL = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=12)


@given(st.lists(st.tuples(_CELL, _CELL), max_size=12), st.sampled_from([",", ";", "\t"]), st.integers(1, 64))
def test_rows_equal_the_csv_module_at_every_block_size(
    cells: list[tuple[str, str]], delimiter: str, block: int
) -> None:
    """Where the text is cut into blocks must not show."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerow(["a", "b"])
    writer.writerows(cells)
    rows = [row for _, row in _rows(text.getvalue(), block_characters=max(block, 8))]
    expected = [row for row in cells if any(row)]
    if ("a", "b") not in [tuple(" ".join(cell.lower().split()) for cell in row) for row in cells]:
        assert rows == expected
