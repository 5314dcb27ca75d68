"""Canonical JSON equals what RFC 8785 publishes, and refuses what it excludes."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poise.errors import LedgerError
from poise.ledger.canonical import MAX_DEPTH, canonical, digest, parse

#: RFC 8785, appendix B: bits of a double, and its text. None where there is none.
NUMBERS = {
    "0000000000000000": "0",
    "8000000000000000": "0",
    "0000000000000001": "5e-324",
    "8000000000000001": "-5e-324",
    "7fefffffffffffff": "1.7976931348623157e+308",
    "ffefffffffffffff": "-1.7976931348623157e+308",
    "4340000000000000": "9007199254740992",
    "c340000000000000": "-9007199254740992",
    "4430000000000000": "295147905179352830000",
    "7fffffffffffffff": None,
    "7ff0000000000000": None,
    "44b52d02c7e14af5": "9.999999999999997e+22",
    "44b52d02c7e14af6": "1e+23",
    "44b52d02c7e14af7": "1.0000000000000001e+23",
    "444b1ae4d6e2ef4e": "999999999999999700000",
    "444b1ae4d6e2ef4f": "999999999999999900000",
    "444b1ae4d6e2ef50": "1e+21",
    "3eb0c6f7a0b5ed8c": "9.999999999999997e-7",
    "3eb0c6f7a0b5ed8d": "0.000001",
    "41b3de4355555553": "333333333.3333332",
    "41b3de4355555554": "333333333.33333325",
    "41b3de4355555555": "333333333.3333333",
    "41b3de4355555556": "333333333.3333334",
    "41b3de4355555557": "333333333.33333343",
    "becbf647612f3696": "-0.0000033333333333333333",
    "43143ff3c1cb0959": "1424953923781206.2",
}
#: JSON texts and their canonical form, from the testdata of cyberphone/json-canonicalization.
TEXTS = {
    '[ 56, { "d": true, "10": null, "1": [ ] } ]': '[56,{"1":[],"10":null,"d":true}]',
    '{ "peach": "This sorting order", "péché": "is wrong according to French", '
    '"pêche": "but canonicalization MUST", "sin": "ingnore locale" }': '{"peach":"This sorting order",'
    '"péché":"is wrong according to French","pêche":"but canonicalization MUST","sin":"ingnore locale"}',
    '{"1": {"f": {"f": "hi","F": 5} ,"\\n": 56.0}, "10": { }, "": "empty", "a": { }, '
    '"111": [ { } ], "A": { }}': (
        '{"":"empty","1":{"\\n":56,"f":{"F":5,"f":"hi"}},"10":{},"111":[{}],"A":{},"a":{}}'
    ),
    '{"Unnormalized Unicode":"A\u030a"}': '{"Unnormalized Unicode":"A\u030a"}',
    '{"numbers": [1E30, 4.50, 333333333.33333329, 2e-3, 0.000000000000000000000000001], '
    '"escaping": "\\u20ac$\\u000F\\u000aA\'\\u0042\\u0022\\u005c\\\\\\"\\/", '
    '"literals": [null, true, false]}': (
        '{"escaping":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/","literals":[null,true,false],'
        '"numbers":[1e+30,4.5,333333333.3333333,0.002,1e-27]}'
    ),
    '{"\\u20ac": "Euro Sign", "1": "One", "\\u0080": "Control\\u007f", "\\ud83d\\ude02": "Smiley", '
    '"\\u00f6": "Latin Small Letter O With Diaeresis", "\\ufb33": "Hebrew Letter Dalet With Dagesh", '
    '"</script>": "Browser Challenge"}': '{"1":"One","</script>":"Browser Challenge","\x80":"Control\x7f",'
    '"ö":"Latin Small Letter O With Diaeresis","€":"Euro Sign","😂":"Smiley",'
    '"\ufb33":"Hebrew Letter Dalet With Dagesh"}',
}

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@pytest.mark.parametrize(("bits", "text"), NUMBERS.items())
def test_numbers_are_written_as_the_rfc_says(bits: str, text: str | None) -> None:
    """Appendix B of the RFC, row by row."""
    (number,) = struct.unpack(">d", bytes.fromhex(bits))
    if text is None:
        with pytest.raises(LedgerError, match="E701"):
            canonical(number)
    else:
        assert canonical(number).decode() == text


@pytest.mark.parametrize(("text", "expected"), TEXTS.items())
def test_texts_are_written_as_the_reference_does(text: str, expected: str) -> None:
    """Sorting by UTF-16 units, escapes, spaces, no Unicode normalisation."""
    assert canonical(parse(text.encode(), "sample")).decode() == expected


@given(VALUES)
def test_reading_and_writing_again_changes_no_byte(value: Any) -> None:
    """Whoever reads a record must arrive at the bytes that were hashed, for every number too."""
    content = canonical(value)
    assert canonical(parse(content, "sample")) == content
    assert parse(content, "sample") == value


@given(st.integers(2**53, 10**40) | st.integers(-(10**40), -(2**53)))
def test_whole_numbers_beyond_a_double_are_not_lost_silently(number: int) -> None:
    """Such a number is refused when written, and read as the double that every other reader sees."""
    with pytest.raises(LedgerError, match="E701"):
        canonical(number)
    assert parse(str(number).encode(), "sample") == float(number)


@pytest.mark.parametrize(
    "value", [float("nan"), float("-inf"), "\ud800", {"\ud800": 1}, {1: 2}, {1, 2}, b"bytes", object()]
)
def test_what_no_json_can_hold_is_refused(value: Any) -> None:
    """Nothing is guessed into a form that another reader would hash differently."""
    with pytest.raises(LedgerError, match="E701"):
        canonical({"a": [value]})


@pytest.mark.parametrize(
    "text",
    [
        b"", b"{", b"nul", b"NaN", b"[Infinity]", b'{"a":1,"a":1}', b'{"a":1,"\\u0061":2}', b"[1]]", b"\xff",
        b"\xef\xbb\xbf1", '"a"'.encode("utf-16"), b"[" * 100_000, b'{"a":' * 100_000, b"'a'", b"01", b"[1,]",
    ],
)  # fmt: skip
def test_what_is_no_json_is_refused(text: bytes) -> None:
    """Two readers must never see two values in one text: no duplicates, no extensions, no bombs."""
    with pytest.raises(LedgerError, match="sample: E702"):
        parse(text, "sample")


def test_nesting_is_bounded_alike_when_reading_and_writing() -> None:
    """A value that can be written can be read, whatever the stack."""
    value: Any = 1
    for _ in range(MAX_DEPTH):
        value = [value]
    assert parse(canonical(value), "sample") == value
    with pytest.raises(LedgerError, match="E701"):
        canonical([value])
    with pytest.raises(LedgerError, match="E702"):
        parse(b"[" + canonical(value) + b"]", "sample")


def test_a_long_number_is_no_bomb() -> None:
    """Python refuses to convert huge decimals, and says so by an exception that nobody expects."""
    assert parse(b"1" * 300, "sample") == float("1" * 300)
    with pytest.raises(LedgerError, match="E701"):
        canonical(parse(b"1" * 100_000, "sample"))


def test_the_digest_is_sha256() -> None:
    """FIPS 180-4: the example "abc"."""
    assert digest(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
