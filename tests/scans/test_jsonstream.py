"""The JSON walk equals json.loads at any chunk size, and says where a fault stands."""

from __future__ import annotations

import io
import json
import resource
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from poise.errors import ScanFormatError
from poise.scans.jsonstream import JsonCursor

# A lone half of a surrogate pair is no character; the walk replaces it, json.loads keeps it.
_TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | _TEXTS,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(_TEXTS, inner, max_size=5),
    max_leaves=30,
)


def cursor_over(text: str, chunk: int = 1 << 19, limit: int = 8 << 20) -> JsonCursor:
    return JsonCursor(io.StringIO(text), "report.json", chunk_characters=chunk, element_characters=limit)


def walked(cursor: JsonCursor, depth: int) -> Any:
    """Build the value by walking its outer containers, `depth` deep."""
    kind = cursor.kind()
    if kind == "object" and depth:
        return {key: walked(cursor, depth - 1) for key in cursor.members()}
    if kind == "array" and depth:
        return [walked(cursor, depth - 1) for _ in cursor.elements()]
    return cursor.value()


def whole(text: str, chunk: int = 1 << 19, depth: int = 3, limit: int = 8 << 20) -> Any:
    cursor = cursor_over(text, chunk, limit)
    value = walked(cursor, depth)
    cursor.end()
    return value


def fault_of(text: str, **options: int) -> Any:
    with pytest.raises(ScanFormatError) as caught:
        whole(text, **options)
    assert len(caught.value.faults) == 1
    return caught.value.faults[0]


@given(_VALUES, st.integers(1, 40), st.booleans(), st.sampled_from([None, 1]), st.integers(0, 4))
@example([1.5e3, -0.25, "\U0001f600", '\\"\n', 12345678901234567890], 1, True, None, 2)
def test_walk_equals_json_loads(
    value: Any, chunk: int, ascii_only: bool, indent: int | None, depth: int
) -> None:
    """Numbers, escapes and literals may be cut at any character by the border of a chunk."""
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent)
    assert whole(text, chunk, depth) == json.loads(text)


@given(_VALUES, st.integers(1, 40))
def test_skipping_moves_to_the_next_member(value: Any, chunk: int) -> None:
    """A reader takes three members of thirty; the others must not shift it."""
    text = json.dumps({"before": value, "wanted": [1, 2], "after": value})
    cursor = cursor_over(text, chunk)
    assert [cursor.value() for key in cursor.members() if key == "wanted"] == [[1, 2]]
    cursor.end()


@given(_VALUES, st.data())
def test_cut_documents_are_refused(value: Any, data: st.DataObject) -> None:
    """A download that broke off must never pass as a smaller report."""
    text = json.dumps([value, {"end": value}])
    cut = data.draw(st.integers(0, len(text) - 1))
    assert fault_of(text[:cut], chunk=data.draw(st.integers(1, 40))).id == "E406"


@pytest.mark.parametrize("indent", [None, 1])
def test_a_list_of_records_is_refused_wherever_it_is_cut(indent: int | None) -> None:
    """Records are decoded together, so each place of a cut takes another way through the code."""
    text = json.dumps([{"id": 1, "in": [{"id": 2}]}, {"id": 3}, {"id": 4}, 5, {"id": 6}], indent=indent)
    for cut in range(len(text)):
        for chunk in (3, 1_000):
            cursor = cursor_over(text[:cut], chunk)
            with pytest.raises(ScanFormatError, match="E406"):
                list(cursor.values())


@given(_VALUES, st.text(max_size=3), st.data())
def test_a_changed_character_is_refused_as_json_refuses_it(
    value: Any, noise: str, data: st.DataObject
) -> None:
    """What json.loads refuses is refused here too, whatever the chunk; the rest is the same value."""
    text = json.dumps([value])
    at = data.draw(st.integers(0, len(text)))
    text = text[:at] + noise + text[at + data.draw(st.integers(0, 2)) :]
    chunk = data.draw(st.integers(1, 40))

    def refuse(name: str) -> None:
        raise ValueError(name)

    try:
        expected = json.loads(text, parse_constant=refuse)
    except ValueError:
        with pytest.raises(ScanFormatError):
            whole(text, chunk, depth=2)
    else:
        # A repeated key is refused on the walk although json.loads takes the last one.
        assert _is_same_or_refused(text, chunk, expected)


def _is_same_or_refused(text: str, chunk: int, expected: Any) -> bool:
    try:
        found = whole(text, chunk, depth=2)
    except ScanFormatError as error:
        return "twice" in str(error)
    return bool(json.dumps(found) == json.dumps(expected)) or "\\ud" in json.dumps(expected)


@pytest.mark.parametrize("text", ["NaN", "[Infinity]", '{"a": -Infinity}', '[{"a": [NaN]}]'])
@pytest.mark.parametrize("chunk", [1, 3, 100])
def test_numbers_that_json_lacks_are_refused(text: str, chunk: int) -> None:
    """NaN as a score would pass every comparison."""
    assert fault_of(text, chunk=chunk).id == "E406"


@pytest.mark.parametrize("text", ["[] []", "{}x", "1 2", '[1]\n{"a": 1}'])
def test_anything_behind_the_document_is_refused(text: str) -> None:
    """Two reports in one file must not pass as the first."""
    assert "expected the end of the file" in fault_of(text).message


def test_a_key_that_stands_twice_is_refused_where_it_is_walked() -> None:
    """Two "Results" cannot both be meant."""
    assert "'a' stands twice" in fault_of('{"a": [1],\n "a": [2]}').message


def test_a_fault_says_line_and_column() -> None:
    """People mend a file by its line."""
    text = '{\n "a": [1,\n  2 3]\n}'
    for chunk in (1, 2, 5, 100):
        assert fault_of(text, chunk=chunk).where == "report.json:3:5"


def test_a_container_of_another_kind_says_what_was_expected() -> None:
    """Another tool's file often differs in one container only."""
    cursor = cursor_over('{"Results": "none"}')
    with pytest.raises(ScanFormatError, match=r"report.json:1:13: E412 .*a text, expected a list"):
        [list(cursor.values()) for _ in cursor.members()]


def test_null_is_an_empty_container() -> None:
    """Go programs write null for an empty list."""
    cursor = cursor_over('{"a": null, "b": 1}')
    found: dict[str, Any] = {}
    for key in cursor.members():
        found[key] = list(cursor.values()) if key == "a" else cursor.value()
    assert found == {"a": [], "b": 1}


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, "[" * 100_000 + "]" * 100_000])
@pytest.mark.parametrize("depth", [0, 2])
def test_deep_nesting_is_a_fault(text: str, depth: int) -> None:
    """A hostile file must not end in a traceback."""
    assert fault_of(text, depth=depth).id in ("E409", "E406")
    with pytest.raises(ScanFormatError):
        cursor_over(text).skip()


def test_a_value_beyond_the_limit_is_a_fault() -> None:
    """One giant record would fill the memory that the stream saves."""
    text = json.dumps(["a" * 500, "b" * 2_000])
    fault = fault_of(text, chunk=100, depth=1, limit=1_000)
    assert fault.id == "E409"
    assert fault.where == "report.json:1:506"
    assert fault_of(text, chunk=10_000, depth=1, limit=1_000) == fault


def test_a_text_that_never_ends_is_a_fault_at_its_begin() -> None:
    """A lost quotation mark swallows the rest of the file; its begin is what helps."""
    fault = fault_of('["' + "x" * 5_000, chunk=100, depth=1, limit=1_000)
    assert (fault.id, fault.where) == ("E409", "report.json:1:2")


def test_huge_integers_are_a_fault() -> None:
    """Python refuses to convert more than 4,300 digits, for good reason."""
    assert fault_of("[" + "1" * 5_000 + "]").id == "E406"


@pytest.mark.parametrize("chunk", [1, 7, 1000])
def test_halves_of_surrogate_pairs_become_a_sign_that_can_be_written(chunk: int) -> None:
    """Lone surrogates cannot be encoded, so they would fail later and far away."""
    text = '["\\ud83d\\ude00", "\\ud83dx", "\\uDE00", {"\\ud800": ["\\ud800"]}]'
    found = whole(text, chunk, depth=1)
    assert found == ["\U0001f600", "\ufffdx", "\ufffd", {"\ufffd": ["\ufffd"]}]


def test_json_lines_are_documents_one_behind_another() -> None:
    """Some scanners write a record a line."""
    cursor = cursor_over('{"a": 1}\n\n{"a":\n 2}\r\n[3]', chunk=2)
    assert [cursor.value() for _ in cursor.documents()] == [{"a": 1}, {"a": 2}, [3]]
    broken = cursor_over('{"a": 1}\nx')
    with pytest.raises(ScanFormatError, match=r"report.json:2:1: E406"):
        [broken.value() for _ in broken.documents()]


class _Endless(io.TextIOBase):
    """A report on one line, made while it is read."""

    def __init__(self, characters: int) -> None:
        self.parts = self._made(characters)
        self.rest = ""

    def _made(self, characters: int) -> Iterator[str]:
        yield '{"Results": ['
        record = json.dumps({"id": "CVE-2021-44228", "text": "x" * 900, "n": [1, 2.5, None]})
        yield from (record + "," for _ in range(characters // len(record)))
        yield record + "]}"

    def read(self, size: int | None = -1, /) -> str:
        assert size is not None
        while len(self.rest) < size:
            part = next(self.parts, "")
            if not part:
                break
            self.rest += part
        found, self.rest = self.rest[:size], self.rest[size:]
        return found


def test_a_hundred_megabytes_on_one_line_stay_flat() -> None:
    """Reports come without a single line break; a reader by lines would hold them whole."""
    cursor = JsonCursor(_Endless(100_000_000), "report.json")  # type: ignore[arg-type]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    count = sum(1 for _ in cursor.members() for _ in cursor.values())
    cursor.end()
    assert count > 100_000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 40_000  # KiB


def test_memory_does_not_grow_with_the_file() -> None:
    """Twice the file, the same peak."""

    def peak(characters: int) -> int:
        cursor = JsonCursor(_Endless(characters), "report.json", chunk_characters=1 << 14)  # type: ignore[arg-type]
        tracemalloc.start()
        for _ in cursor.members():
            for _ in cursor.values():
                pass
        _, found = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return found

    assert peak(4_000_000) < 1.3 * peak(1_000_000) < 2_000_000


_RECORDS = st.lists(
    st.fixed_dictionaries({"id": _VALUES}, optional={"a": _VALUES, "id2": _VALUES, "more": _VALUES}),
    max_size=12,
)


@given(_RECORDS, st.integers(1, 3_000), st.booleans(), st.sampled_from([None, 2]))
@example(
    [{"id": [{"id": 1}, {"id": 2}]}, {"id": [{"id": 3}, {"id": 4}]}, {"id": [{"id": 5}]}], 9_999, True, None
)
@example([{"id": '},{"id":'}, {"id": 1}, {"id": -0.0}, {"id": '},{"id":'}], 9_999, True, None)
@example([{"id": 2**70}, {"id": -(2**70)}, {"id": 2**64}, {"id": 1e308}, {"id": 5e-324}], 9_999, True, None)
def test_many_records_at_once_equal_json_loads(
    records: list[Any], chunk: int, ascii_only: bool, indent: int | None
) -> None:
    """Alike records are decoded together, cut at a guess; a wrong guess must not shift or lose any."""
    text = json.dumps({"before": 1, "records": records, "after": 2}, ensure_ascii=ascii_only, indent=indent)
    cursor = cursor_over(text, chunk)
    found = {key: list(cursor.values()) if key == "records" else cursor.value() for key in cursor.members()}
    cursor.end()
    assert json.dumps(found) == json.dumps(json.loads(text))


@given(st.integers(2, 40), st.integers(0, 10_000), st.text('{}[]",:0a\\ ', min_size=1, max_size=4))
def test_a_fault_between_many_records_is_the_same_at_every_chunk(count: int, at: int, noise: str) -> None:
    """The faster way never decides on a fault, so place and message do not depend on it."""
    text = json.dumps([{"id": number, "list": [{"id": 0}, {"id": 1}]} for number in range(count)])
    at %= len(text)
    text = text[:at] + noise + text[at:]
    outcomes = set()
    for chunk in (1, 50, 100_000):
        cursor = cursor_over(text, chunk)
        try:
            found = list(cursor.values())
            cursor.end()
            outcomes.add(json.dumps(found))
        except ScanFormatError as error:
            outcomes.add(str(error))
    assert len(outcomes) == 1
