"""CVSS scores of published vectors."""

from __future__ import annotations

import re
from collections import Counter

import pyarrow.parquet as parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poise.threats.scores import best_score, metrics_of, score_of


@pytest.mark.parametrize(
    ("vector", "version", "score"),
    [
        # NVD: CVE-2014-0160 (Heartbleed), CVE-2014-6271 (Shellshock)
        ("AV:N/AC:L/Au:N/C:P/I:N/A:N", "2.0", 5.0),
        ("(AV:N/AC:L/Au:N/C:C/I:C/A:C)", "2.0", 10.0),
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N", "3.1", 7.5),
        # FIRST, CVSS v3.1 examples: CVE-2013-1937, CVE-2013-0375, CVE-2014-3566 (POODLE), CVE-2012-1516
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N", "3.1", 6.1),
        ("CVSS:3.0/AV:N/AC:L/PR:L/UI:N/S:C/C:L/I:L/A:N", "3.0", 6.4),
        ("CVSS:3.0/AV:N/AC:H/PR:N/UI:R/S:U/C:L/I:N/A:N", "3.0", 3.1),
        ("CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:C/C:H/I:H/A:H", "3.1", 9.9),
        # The same with temporal metrics, as Microsoft writes them: the base score stays
        ("CVSS:3.1/AV:N/AC:H/PR:N/UI:R/S:U/C:H/I:H/A:H/E:F/RL:O/RC:C", "3.1", 7.5),
        # FIRST, CVSS v4.0 examples: CVE-2022-41741, CVE-2021-44228, CVE-2014-0160
        ("CVSS:4.0/AV:L/AC:L/AT:P/PR:L/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", "4.0", 7.3),
        ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:H/SI:H/SA:H", "4.0", 10.0),
        ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:N/VA:N/SC:N/SI:N/SA:N", "4.0", 8.7),
        # Threat and supplemental metrics do not touch the base score
        ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:N/VA:N/SC:N/SI:N/SA:N/E:U/AU:Y/MAV:L", "4.0", 8.7),
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N", "3.1", 0.0),
    ],
)
def test_published_scores(vector, version, score):
    """The arithmetic is a library's; FIRST's examples and NVD say what must come out."""
    found = score_of(f"  {vector} ")
    assert (found.version, found.score, found.reason) == (version, score, "")


@pytest.mark.parametrize(
    ("vector", "reason"),
    [
        ("", "the vector is empty"),
        ("CRITICAL", "names no CVSS version"),
        ("AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", "names no CVSS version"),
        ("CVSS:5.0/AV:N", "version 5.0 is not known"),
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H", "Missing"),
        ("CVSS:3.1/AV:X/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", "Unknown"),
        ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:N/VA:N/SC:N/SI:N", "Missing"),
        ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:N/VA:N/SC:N/SI:N/SA:N/ZZ:Q", "Invalid"),
        ("CVSS:3.1/" + "AV:N/" * 200, "more than 400"),
    ],
)
def test_a_malformed_vector_is_unknown_with_a_reason(vector, reason):
    """A score of 0 would hide a vulnerability; no score shows it."""
    found = score_of(vector)
    assert found.score is None
    assert reason in found.reason


@given(st.text(alphabet="CVSS:3.1/AVNLHPRUIAE(0.24) \n", max_size=80))
def test_no_text_raises(text):
    """Vectors come from scanners, and scanners write anything."""
    found = score_of(text)
    assert (found.score is None) == bool(found.reason)


def test_the_newest_version_wins():
    """Of what a record states, version 4 is the maker's last word, and what is broken does not count."""
    v3, v4 = (
        "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N",
        "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:N/VA:N/SC:N/SI:N/SA:N",
    )
    assert best_score(["AV:N/AC:L/Au:N/C:P/I:N/A:N", v4, v3]).version == "4.0"
    assert best_score([v4.replace("AV:N", "AV:Q"), v3]).score == 7.5
    assert best_score(["", "none"]) is None


def test_metrics_of_half_a_vector_are_none():
    """What has no score has no metrics either: half a vector must not be taken for a whole."""
    assert metrics_of("CVSS:3.1/AV:N/AC:L") == {}
    assert metrics_of("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N")["AV"] == "N"


def test_scores_agree_with_those_of_real_records(intel):
    """CNAs state vector and score side by side; ours must be theirs."""
    names = ["cna_v31_vector", "cna_v31_score"]
    table = parquet.read_table(intel / "vulnrichment_cve_asof_2024-10-24.parquet", columns=names).drop_null()
    pairs = Counter(zip(*(table[name].to_pylist() for name in names), strict=True))
    # A score beside temporal metrics may be the temporal one; base vectors leave no such doubt.
    base = {pair: n for pair, n in pairs.items() if not re.search("/(E|RL|RC|CR|IR|AR|M[A-Z]+):", pair[0])}
    wrong = {pair: n for pair, n in base.items() if score_of(pair[0]).score != pair[1]}
    assert sum(base.values()) > 20_000
    # Of 21,709 records 119 state another score than their vector has, such as 10.0 for 9.9.
    assert sum(wrong.values()) <= 0.006 * sum(base.values()), wrong
