"""GitHub's line hash, against the published vectors of github/codeql-action (src/fingerprints.test.ts)."""

from __future__ import annotations

import random
import re

import pytest

from poise.gate.linehash import line_hashes

_GREETINGS = [
    *("e9496ae3ebfced30:1", "fb7c023a8b9ccb3f:1", "ce8ba1a563dcdaca:1"),
    *("e20e36e16fcb0cc8:1", "b3edc88f2938467e:1", "c8e28b0b4002a3a0:1", "c129715d7a2bc9a3:1"),
]
VECTORS = [
    ("", ["c129715d7a2bc9a3:1"]),
    (
        " a\nb\n  \t\tc\n d",
        ["271789c17abda88f:1", "54703d4cd895b18:1", "180aee12dab6264:1", "a23a3dc5e078b07b:1"],
    ),
    (
        " hello; \t\nworld!!!\n\n\n  \t\tGreetings\n End",
        [
            *("8b7cf3e952e7aeb2:1", "b1ae1287ec4718d9:1", "bff680108adb0fcc:1"),
            *("c6805c5e1288b612:1", "b86d3392aea1be30:1", "e6ceba753e1a442:1"),
        ],
    ),
    (" hello; \t\nworld!!!\n\n\n  \t\tGreetings\n End\n", _GREETINGS),
    (" hello; \t\nworld!!!\r\r\r  \t\tGreetings\r End\r", _GREETINGS),
    (" hello; \t\r\nworld!!!\r\n\r\n\r\n  \t\tGreetings\r\n End\r\n", _GREETINGS),
    (" hello; \t\nworld!!!\r\n\n\r  \t\tGreetings\r End\r\n", _GREETINGS),
    (
        "Lorem ipsum dolor sit amet.\n" * 10,
        [f"a7f2ff13bc495cf2:{count}" for count in range(1, 7)]
        + ["a7f2ff1481e87703:1", "a9cf91f7bbf1862b:1", "55ec222b86bcae53:1", "cc97dc7b1d7d8f7b:1"]
        + ["c129715d7a2bc9a3:1"],
    ),
]


@pytest.mark.parametrize(("text", "expected"), VECTORS)
def test_published_vectors(text: str, expected: list[str]) -> None:
    """A hash that is not GitHub's own would make every known finding new."""
    assert line_hashes(text) == expected


@pytest.mark.parametrize("seed", range(60))
def test_a_direct_computation_agrees(seed: int) -> None:
    """The rolling form must be what its definition says, for any mix of blanks and line ends."""
    draw = random.Random(seed)
    text = "".join(draw.choice("ab;é😀 \t\n\r") for _ in range(draw.randint(0, 400)))
    lines = re.split(r"\r\n|\r|\n", text)
    units = [re.sub(r"[ \t]", "", line).encode("utf-16-le") for line in lines]
    codes = [[int.from_bytes(one[i : i + 2], "little") for i in range(0, len(one), 2)] for one in units]
    seen: dict[int, int] = {}
    expected = []
    for number in range(len(lines)):
        rest = [code for line in codes[number:] for code in (*line, 10)][:-1] + [65535] + [0] * 100
        value = 0
        for code in rest[:100]:
            value = (value * 37 + code) % 2**64
        seen[value] = seen.get(value, 0) + 1
        expected.append(f"{value:x}:{seen[value]}")
    if "\r " not in text and "\r\t" not in text:  # there a blank between CR and LF parts the two
        assert line_hashes(text) == expected
