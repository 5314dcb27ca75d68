"""Whatever is done to a report, reading it ends in a summary or in faults."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import convert, to_builtins

from poise.scans import read_scan, summarise
from poise.scans.finding import Finding
from scans.corpus import label, read_bytes, samples

#: What breaks parsers: marks, quotes, brackets, numbers and words of other types.
TOKENS = (
    b"\x00",
    b"\xff",
    b'"',
    b"'",
    b"<",
    b">",
    b"</",
    b"<![CDATA[",
    b"]]>",
    b"&amp;",
    b"&x;",
    b"{",
    b"}",
    b"[",
    b"]",
    b"null",
    b"true",
    b"-1",
    b"1e999",
    b"NaN",
    b"9" * 400,
    b"\r\n",
    b"\n",
    b",",
    b";",
    b"\\u0000",
    b"\\ud800",
    "é".encode(),
    b"",
)


@st.composite
def mutations(draw: st.DrawFn) -> tuple[Path, bytes]:
    """Draw a sample with some of its bytes replaced, repeated, moved or left out."""
    sample = draw(st.sampled_from(samples()))
    data = bytearray(sample.read_bytes())
    for _ in range(draw(st.integers(1, 6))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.sampled_from((0, 1, 2, 8, 60))))
        action = draw(st.sampled_from(("token", "repeat", "move", "drop")))
        if action == "token":
            data[start:end] = draw(st.sampled_from(TOKENS))
        elif action == "repeat":
            data[start:start] = data[start:end] * draw(st.sampled_from((2, 50)))
        elif action == "move":
            piece = data[start:end]
            del data[start:end]
            data[len(data) // 2 : len(data) // 2] = piece
        else:
            del data[start : end + 200]
    return sample, bytes(data)


@settings(max_examples=400, deadline=2_000, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(mutations())
def test_a_mutated_report_is_read_or_refused(tmp_path: Path, mutation: tuple[Path, bytes]) -> None:
    """Any other exception would be a traceback on somebody's screen."""
    _, data = mutation
    path = tmp_path / "report"
    path.write_bytes(data)
    for summary in summarise(path):
        assert summary.refused <= bool(summary.faults)
        if summary.refused:
            assert summary.findings == summary.records == 0


@settings(max_examples=200, deadline=2_000, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=400))
def test_random_bytes_are_refused_or_empty(tmp_path: Path, data: bytes) -> None:
    """Noise never becomes findings."""
    path = tmp_path / "report"
    path.write_bytes(data)
    assert all(summary.findings == 0 for summary in summarise(path))


@pytest.mark.long
@pytest.mark.parametrize("sample", samples(), ids=label)
def test_many_mutations_of_each_sample(sample: Path, tmp_path: Path) -> None:
    """The same with a thousand plain mutations of every sample, for the long run."""
    draw = random.Random(label(sample))
    original = sample.read_bytes()
    for _ in range(1_000):
        data = bytearray(original)
        for _ in range(draw.randint(1, 5)):
            start = draw.randrange(len(data) + 1)
            data[start : start + draw.choice((0, 1, 5, 80))] = draw.choice(TOKENS)
        read_bytes(bytes(data), tmp_path)


def test_a_text_field_is_never_another_type(tmp_path: Path) -> None:
    """Findings are made without checks for speed, so their types are checked here for every sample."""
    for sample in samples():
        for report in read_scan(sample):
            for finding in report:
                assert convert(to_builtins(finding), Finding) == finding
