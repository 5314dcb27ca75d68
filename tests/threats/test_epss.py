"""The EPSS reader."""

from __future__ import annotations

import gzip
import math
import time
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poise.errors import ThreatFeedError
from poise.threats.epss import read_epss
from poise.threats.opening import read_bytes
from threats.loopback import epss_csv


def test_reads_the_published_layout(write):
    """A figure that names its source needs the date and the model of the scores."""
    path = write("epss_scores-current.csv.gz", epss_csv({"CVE-2024-0002": "0.5", "CVE-2024-0001": "0.00043"}))
    feed = read_epss(path)
    assert (feed.date, feed.version, feed.faults) == (date(2025, 12, 28), "v2025.03.14", ())
    assert feed.table.to_pylist() == [
        {"cve": "CVE-2024-0001", "epss": 0.00043, "percentile": 0.5},
        {"cve": "CVE-2024-0002", "epss": 0.5, "percentile": 0.5},
    ]
    assert feed.label == "FIRST EPSS 2025-12-28, v2025.03.14"


def test_faulty_rows_are_listed_with_their_lines_and_left_out(write):
    """A reader that drops rows in silence hides risk; each fault says where it is."""
    good = "".join(f"CVE-2024-{number},0.1,0.2\n" for number in range(1000, 2000))
    bad = "CVE-2024-1,0.1,0.2\nCVE-2024-7001,1.5,0.2\nCVE-2024-7002,nan,0.2\nCVE-2024-7003,0.1,-1\n"
    bad += "CVE-2024-1000,0.3,0.2\nCVE-2024-7004,0.1\nCVE-2024-7005,,0.2\n"
    path = write("epss_scores-2025-12-28.csv", "cve,epss,percentile\n" + good + bad)
    feed = read_epss(path)
    assert feed.table.num_rows == 1000
    assert [(fault.id, fault.where.rsplit(":", 1)[1]) for fault in feed.faults] == [
        ("E205", "1002"),
        ("E206", "1003"),
        ("E206", "1004"),
        ("E206", "1005"),
        ("E207", "1006"),
        ("E211", "1007"),
        ("E206", "1008"),
    ]
    assert feed.table.to_pylist()[0] == {"cve": "CVE-2024-1000", "epss": 0.1, "percentile": 0.2}


def test_too_many_faulty_rows_condemn_the_file(write):
    """One per cent of damaged rows is no typing error: the whole cannot be trusted."""
    scores = {f"CVE-2024-{number}": "0.1" for number in range(1000, 1100)}
    scores |= {f"CVE-2024-{number}": "2" for number in range(2000, 2010)}
    with pytest.raises(ThreatFeedError) as caught:
        read_epss(write("epss.csv", epss_csv(scores)))
    assert caught.value.faults[0].id == "E209"
    assert len(caught.value.faults) == 11


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "E201"),
        (b"#model_version:v1,score_date:2025-12-28T00:00:00+0000\n", "E201"),
        (b"#model_version:v1,score_date:2025-12-28T00:00:00+0000\ncve,epss,percentile\n", "E212"),
        (b"#model_version:v1,score_date:2025-12-28T00:00:00+0000\n<html>Not here</html>\n", "E201"),
        (b"cve,epss,percentile\nCVE-2024-0001,0.1,0.2\n", "E203"),
        (gzip.compress(epss_csv({"CVE-2024-0001": "0.1"}), mtime=0)[:-9], "E202"),
        (gzip.compress(epss_csv({"CVE-2024-0001": "0.1"}), mtime=0)[:20] + b"\0" * 30, "E202"),
        (b"\x1f\x8b", "E202"),
    ],
)
def test_structural_faults_refuse_the_file(write, content, fault):
    """Half a download, a page of a proxy or an undated file must never replace good scores."""
    path = write("epss.csv", content)
    with pytest.raises(ThreatFeedError) as caught:
        read_epss(path)
    assert [found.id for found in caught.value.faults] == [fault]


def test_the_date_may_come_from_the_name_or_the_caller(write):
    """Mirrors keep the table without the first line."""
    rows = b"cve,epss,percentile\nCVE-2024-0001,0.1,0.2\n"
    assert read_epss(write("epss_scores-2024-02-29.csv", rows)).date == date(2024, 2, 29)
    assert read_epss(write("scores.csv", rows), date(2024, 3, 1)).date == date(2024, 3, 1)


def test_a_file_without_percentiles_has_none(write):
    """The first year of EPSS had no percentile; unknown is not zero."""
    feed = read_epss(write("epss_scores-2021-04-14.csv", b"cve,epss\nCVE-2020-5902,0.65117\n"))
    assert feed.table["percentile"].to_pylist() == [None]


def test_a_missing_file_is_a_fault(tmp_path):
    """A wrong path is the user's slip, not ours."""
    with pytest.raises(ThreatFeedError) as caught:
        read_epss(tmp_path / "nothing.csv")
    assert caught.value.faults[0].id == "E200"


def test_a_gzip_bomb_stops_at_the_limit(write):
    """A megabyte that unpacks to a gigabyte must not take the machine down."""
    path = write("bomb.csv.gz", b"0" * (1 << 24))
    with pytest.raises(ThreatFeedError) as caught:
        read_bytes(path, 1 << 20)
    assert caught.value.faults[0].id == "E204"


def test_gzip_members_one_after_another_are_all_read(write):
    """`cat a.gz b.gz` is a valid gzip file."""
    path = write("two.bin", gzip.compress(b"one,") + gzip.compress(b"two"))
    assert read_bytes(path) == b"one,two"


@given(st.dictionaries(st.integers(1000, 10**9), st.floats(0, 1), min_size=1, max_size=30))
def test_every_score_comes_back(scores):
    """Scores are copied, not rounded: what is written as text reads as the same number."""
    import tempfile
    from pathlib import Path

    text = {f"CVE-2020-{number}": repr(score) for number, score in scores.items()}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "epss.csv")
        path.write_bytes(epss_csv(text))
        rows = read_epss(path).table.to_pylist()
    assert {row["cve"]: row["epss"] for row in rows} == {
        f"CVE-2020-{number}": score for number, score in scores.items()
    }
    assert all(math.isfinite(row["epss"]) for row in rows)


def test_a_real_day_loads_in_well_under_a_second(intel):
    """A planner asks for scores at every run; 308,014 rows must not be what it waits for."""
    path = intel / "epss_scores-2025-12-28.csv.gz"
    began = time.perf_counter()
    feed = read_epss(path)
    seconds = time.perf_counter() - began
    assert (feed.table.num_rows, feed.faults) == (308_014, ())
    assert seconds < 3, f"took {seconds:.1f} s; 0.4 s on an idle core"
