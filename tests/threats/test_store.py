"""The store: snapshots, look-up as of a day, staleness."""

from __future__ import annotations

import json
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from poise.errors import ThreatFeedError
from poise.threats.epss import read_epss
from poise.threats.kev import read_kev
from poise.threats.ssvc import read_ssvc
from poise.threats.store import ThreatStore
from poise.threats.table import FeedTable
from threats.loopback import epss_csv, kev_json, record

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
POC = [{"Exploitation": "poc"}, {"Automatable": "no"}, {"Technical Impact": "total"}]


def add(store: ThreatStore, feed: FeedTable) -> None:
    store.add(feed, source="test", source_sha256="", stored=NOW)


@pytest.fixture
def store(tmp_path: Path, write) -> ThreatStore:
    """Return a store with one snapshot of each feed."""
    made = ThreatStore(tmp_path / "threats")
    add(made, read_epss(write("epss.csv", epss_csv({"CVE-2024-1000": "0.25", "CVE-2025-1001": "0.01"}))))
    add(made, read_kev(write("kev.json", kev_json(2))))
    metrics = [{"cvssV3_1": {"vectorString": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N"}}]
    add(made, read_ssvc(write("ssvc.json", record("CVE-2025-1001", options=POC, metrics=metrics))))
    return made


def test_evidence_gathers_all_feeds_and_names_them(store):
    """Every figure must be able to say which feed, which day and which model it is from."""
    found = store.evidence(["CVE-2024-1000", "cve-2025-1001"], date(2026, 1, 5))
    listed, judged = found["CVE-2024-1000"], found["cve-2025-1001"]
    assert (listed.epss, listed.epss_percentile, listed.kev_known) == (0.25, 0.5, True)
    assert (listed.kev.added, listed.kev.due, listed.kev.ransomware) == (
        date(2024, 5, 6),
        date(2024, 5, 27),
        False,
    )
    assert (judged.exploitation, judged.automatable, judged.technical_impact) == ("poc", False, "total")
    assert (judged.cvss_score, judged.published, judged.kev) == (7.5, date(2025, 5, 30), None)
    assert judged.sources["epss"] == "FIRST EPSS 2025-12-28, v2025.03.14"
    assert judged.sources["kev"] == "CISA KEV 2025-12-29, 2025.12.29"
    assert judged.sources["technical_impact"] == "CISA Vulnrichment 2025-06-02"


def test_what_no_feed_knows_stays_unknown(store):
    """Not scored is not 0, not listed is not unknown, and an advisory is no CVE."""
    for name in ("CVE-2025-9999", "GHSA-abcd-1234", ""):
        unknown = store.evidence([name], date(2026, 1, 5))[name]
        assert (unknown.epss, unknown.cvss_score, unknown.published, unknown.automatable) == (None,) * 4
        assert (unknown.kev, unknown.kev_known) == (None, True)


def test_without_a_catalogue_a_listing_is_unknown(tmp_path):
    """An empty store knows nothing, and must not say "not exploited"."""
    found = ThreatStore(tmp_path / "none").evidence(["CVE-2024-1000"], date(2026, 1, 5))["CVE-2024-1000"]
    assert (found.kev, found.kev_known, found.sources) == (None, False, {})


def test_nothing_dated_later_is_used(store, write):
    """A replay that sees the future would praise plans that nobody could have made."""
    add(store, read_epss(write("later.csv", epss_csv({"CVE-2024-1000": "0.99"}, "2026-01-03"))))
    before, after = date(2026, 1, 2), date(2026, 1, 3)
    assert store.evidence(["CVE-2024-1000"], before)["CVE-2024-1000"].epss == 0.25
    assert store.evidence(["CVE-2024-1000"], after)["CVE-2024-1000"].epss == 0.99
    early = store.evidence(["CVE-2024-1000"], date(2025, 12, 27))["CVE-2024-1000"]
    assert (early.epss, early.kev_known) == (None, False)


def test_an_entry_added_later_is_not_listed_yet(tmp_path, write):
    """A catalogue may be dated by its release and hold entries that count from another day."""
    catalogue = json.loads(kev_json(2, "2024-05-01"))
    catalogue["vulnerabilities"][1]["dateAdded"] = "2024-04-30"
    store = ThreatStore(tmp_path / "threats")
    add(store, read_kev(write("kev.json", catalogue)))
    found = store.evidence(["CVE-2024-1000", "CVE-2024-1001"], date(2024, 5, 5))
    assert found["CVE-2024-1000"].kev is None, "added on 6 May"
    assert found["CVE-2024-1001"].kev is not None
    assert found["CVE-2024-1000"].kev_known


@given(
    days=st.lists(st.integers(0, 60), min_size=1, max_size=6, unique=True),
    asked=st.integers(-5, 65),
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_newest_snapshot_not_after_the_day_counts(tmp_path_factory, days, asked):
    """The law of look-up, in whatever order the snapshots came."""
    folder = tmp_path_factory.mktemp("law")
    store = ThreatStore(folder / "threats")
    first = date(2025, 1, 1)
    for day in days:
        path = folder / "epss.csv"
        path.write_bytes(epss_csv({"CVE-2024-1000": f"0.{day:03d}"}, str(first + timedelta(days=day))))
        add(store, read_epss(path))
    as_of = first + timedelta(days=asked)
    expected = max((day for day in days if day <= asked), default=None)
    found = store.evidence(["CVE-2024-1000"], as_of)["CVE-2024-1000"]
    assert found.epss == (None if expected is None else float(f"0.{expected:03d}"))


def test_of_one_day_the_snapshot_stored_last_counts(store, write):
    """Publishers mend a day's file; the mended one is the truth."""
    add(store, read_epss(write("mended.csv", epss_csv({"CVE-2024-1000": "0.5"}))))
    assert store.evidence(["CVE-2024-1000"], date(2026, 1, 5))["CVE-2024-1000"].epss == 0.5
    assert len([s for s in store.snapshots if s.feed == "epss"]) == 2


def test_storing_the_same_again_changes_nothing(store, write):
    """An update that brings nothing new must not fill the disk."""
    files = sorted(store.directory.rglob("*.parquet"))
    add(store, read_kev(write("kev.json", kev_json(2))))
    assert sorted(store.directory.rglob("*.parquet")) == files
    assert len(store.snapshots) == 3


def test_a_changed_or_missing_snapshot_is_noticed(store):
    """What a plan rested on must be what was stored, or nothing."""
    path = next(store.directory.glob("epss/*.parquet"))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(ThreatFeedError, match="E231"):
        ThreatStore(store.directory).evidence(["CVE-2024-1000"], date(2026, 1, 5))
    path.unlink()
    with pytest.raises(ThreatFeedError, match="E231"):
        ThreatStore(store.directory).evidence(["CVE-2024-1000"], date(2026, 1, 5))


@pytest.mark.parametrize("text", ["", "{", '{"version": 1}', '{"version": 2, "snapshots": []}'])
def test_a_damaged_manifest_is_a_fault(tmp_path, text):
    """A store that cannot be read must not look like an empty one."""
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(ThreatFeedError, match="E230"):
        ThreatStore(tmp_path).status(date(2026, 1, 5))


def test_status_says_how_old_each_feed_is(store):
    """Old scores read like fresh ones unless someone says so."""
    kev, epss, ssvc = store.status(date(2026, 1, 5))
    assert (kev.state, kev.age_days, kev.snapshot.rows) == ("fresh", 7, 2)
    assert (epss.state, epss.age_days) == ("fresh", 8)
    assert (ssvc.state, ssvc.age_days) == ("stale", 217)
    assert [feed.state for feed in store.status(date(2026, 2, 5))] == ["stale"] * 3
    assert [feed.state for feed in store.status(date(2020, 1, 1))] == ["missing"] * 3


def test_a_store_that_cannot_be_written_is_a_fault(tmp_path, write):
    """A full or read-only disk is said in words."""
    (tmp_path / "threats").mkdir()
    (tmp_path / "threats" / "kev").write_text("a file where the folder should be")
    with pytest.raises(ThreatFeedError, match="E233"):
        add(ThreatStore(tmp_path / "threats"), read_kev(write("kev.json", kev_json(2))))


def test_look_up_in_a_whole_day_is_quick(intel, tmp_path):
    """Evidence for a large estate's 5,000 distinct vulnerabilities is one short wait."""
    feed = read_epss(intel / "epss_scores-2025-12-28.csv.gz")
    add(ThreatStore(tmp_path), feed)
    cves = feed.table["cve"].to_pylist()[::60]
    began = time.perf_counter()
    found = ThreatStore(tmp_path).evidence(cves, date(2026, 1, 5))
    seconds = time.perf_counter() - began
    assert all(evidence.epss is not None for evidence in found.values())
    assert seconds < 3, f"took {seconds:.1f} s for {len(cves)}; 0.3 s on an idle core"
