"""Damaged feeds: whatever the bytes, a reader reads or refuses, and never fails otherwise."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from poise.errors import ThreatFeedError
from poise.threats.epss import read_epss
from poise.threats.kev import read_kev
from poise.threats.ssvc import read_ssvc
from poise.threats.table import FeedTable
from threats.loopback import epss_csv, kev_json, record

OPTIONS = [{"Exploitation": "none"}, {"Automatable": "no"}, {"Technical Impact": "total"}]
FEEDS: dict[str, tuple[Callable[[Path], FeedTable], bytes]] = {
    "kev": (read_kev, kev_json(3)),
    "epss": (read_epss, epss_csv({"CVE-2024-1000": "0.25", "CVE-2024-1001": "0.5"})),
    "ssvc": (read_ssvc, json.dumps([record("CVE-2025-1001", options=OPTIONS)]).encode()),
}
PIECES = st.sampled_from(
    [
        b"",
        b"\x00",
        b"\xff",
        b'"',
        b"{",
        b"[[[[",
        b"null",
        b"-1",
        b"1e999",
        b"\n",
        b",,,",
        b"\xed\xa0\x80",
        b"CVE-",
    ]
)


@pytest.mark.parametrize("feed", FEEDS)
@given(data=st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_damage_is_read_or_refused(tmp_path_factory, feed, data):
    """A traceback tells a user nothing; a fault tells what to do."""
    read, content = FEEDS[feed]
    start = data.draw(st.integers(0, len(content)))
    end = data.draw(st.integers(start, min(len(content), start + 40)))
    damaged = content[:start] + data.draw(PIECES) + content[end:]
    if data.draw(st.booleans()):
        packed = gzip.compress(damaged)
        damaged = packed[: data.draw(st.integers(2, len(packed)))]
    path = tmp_path_factory.mktemp("damage") / "feed"
    path.write_bytes(damaged)
    try:
        table = read(path)
    except ThreatFeedError:
        return
    assert table.table.num_rows > 0
    assert table.table["cve"].null_count == 0


@given(content=st.binary(max_size=200))
@settings(max_examples=60, deadline=None)
def test_no_bytes_at_all_break_a_reader(tmp_path_factory, content):
    """People pass the wrong file."""
    path = tmp_path_factory.mktemp("bytes") / "feed"
    path.write_bytes(content)
    for read, _ in FEEDS.values():
        with pytest.raises(ThreatFeedError):
            read(path)


@pytest.mark.parametrize("feed", FEEDS)
def test_a_byte_order_mark_is_no_damage(tmp_path, feed):
    """Windows editors write one; the feed behind it is whole."""
    read, content = FEEDS[feed]
    path = tmp_path / "feed"
    path.write_bytes(b"\xef\xbb\xbf" + content)
    assert read(path).table.num_rows > 0
