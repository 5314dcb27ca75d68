"""Updates: what is stored, what is refused, and what a killed update leaves."""

from __future__ import annotations

import gzip
import os
import random
import signal
import subprocess
import sys
import time
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from poise.errors import ThreatFeedError
from poise.threats.download import Limits
from poise.threats.store import ThreatStore
from poise.threats.update import Rules, locked, update_from_file, update_from_url
from threats.loopback import Page, epss_csv, kev_json, record

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
RULES = Rules(limits=Limits(idle_seconds=2.0, total_seconds=20.0, tries=1, pause_seconds=0.01))


@pytest.fixture
def store(tmp_path: Path) -> ThreatStore:
    return ThreatStore(tmp_path / "threats")


def state(store: ThreatStore) -> dict[str, bytes]:
    """Return every file that look-ups rest on."""
    files = [store.directory / "manifest.json", *store.directory.rglob("*.parquet")]
    return {path.name: path.read_bytes() for path in files if path.exists()}


def test_a_feed_is_fetched_checked_and_stored(server, store):
    """The whole way, as a user meets it, with what the manifest must tell an auditor."""
    body = kev_json(100)
    server.pages["/kev"] = Page(body, etag='"one"')
    outcome = update_from_url(store, "kev", server.url("/kev"), NOW, RULES)
    assert (outcome.changed, outcome.snapshot.rows, outcome.snapshot.stored) == (True, 100, NOW)
    assert outcome.snapshot.source == server.url("/kev")
    assert len(outcome.snapshot.source_sha256) == 64
    assert not list(store.directory.glob("cache/*.download"))
    again = update_from_url(store, "kev", server.url("/kev"), NOW, RULES)
    assert (again.changed, again.snapshot.date) == (False, date(2025, 12, 29))


def test_packed_scores_are_read_whatever_the_header_says(server, store):
    """FIRST serves .csv.gz as a file; some mirrors call it an encoding."""
    body = gzip.compress(epss_csv({"CVE-2024-1000": "0.25"}))
    server.pages["/epss"] = Page(body, headers={"Content-Encoding": "gzip"})
    update_from_url(store, "epss", server.url("/epss"), NOW, RULES)
    assert store.evidence(["CVE-2024-1000"], NOW.date())["CVE-2024-1000"].epss == 0.25


@pytest.mark.parametrize(
    ("page", "fault"),
    [
        (Page(kev_json(100)[:-20]), "E202"),
        (Page(b"<html>Sign in to the proxy</html>"), "E201"),
        (Page(b""), "E201"),
        (Page(kev_json(90, "2025-12-30")), "E226"),
        (Page(kev_json(100), cut_after=500), "E224"),
        (Page(kev_json(100), announced=10_000_000), "E224"),
        (Page(b"no", status=404), "E222"),
        (Page(b"no", status=500), "E222"),
    ],
)
def test_a_bad_or_half_feed_never_replaces_a_good_one(server, store, page, fault):
    """Whatever goes wrong, the last good catalogue stays, byte for byte."""
    server.pages["/kev"] = Page(kev_json(100))
    update_from_url(store, "kev", server.url("/kev"), NOW, RULES)
    before = state(store)
    server.pages["/kev"] = page
    with pytest.raises(ThreatFeedError) as caught:
        update_from_url(store, "kev", server.url("/kev"), NOW, RULES)
    assert caught.value.faults[0].id == fault
    assert state(store) == before
    server.pages["/kev"] = Page(kev_json(101, "2025-12-31"))
    assert update_from_url(store, "kev", server.url("/kev"), NOW, RULES).snapshot.rows == 101


def test_a_refused_feed_is_fetched_again(server, store):
    """An ETag remembered for a refused file would make the refusal permanent."""
    server.pages["/kev"] = Page(kev_json(100), etag='"one"')
    update_from_url(store, "kev", server.url("/kev"), NOW, RULES)
    server.pages["/kev"] = Page(b"{", etag='"two"')
    with pytest.raises(ThreatFeedError):
        update_from_url(store, "kev", server.url("/kev"), NOW, RULES)
    server.pages["/kev"] = Page(kev_json(102), etag='"two"')
    assert update_from_url(store, "kev", server.url("/kev"), NOW, RULES).snapshot.rows == 102


def test_rows_may_go_within_reason_or_on_demand(store, write):
    """CISA removes an entry now and then; a tenth of the catalogue at once is an accident."""
    update_from_file(store, "kev", write("kev.json", kev_json(100)), NOW)
    update_from_file(store, "kev", write("kev.json", kev_json(96, "2025-12-30")), NOW)
    with pytest.raises(ThreatFeedError, match=r"E226 has 90 rows, 6\.2 % fewer than the 96"):
        update_from_file(store, "kev", write("kev.json", kev_json(90, "2025-12-31")), NOW)
    forced = Rules(accept_shrink=True)
    assert update_from_file(store, "kev", write("kev.json", kev_json(90, "2025-12-31")), NOW, forced).changed


def test_an_older_state_joins_without_replacing(store, write):
    """History is added for replay; the guard compares it with what came before it, not after."""
    update_from_file(store, "kev", write("kev.json", kev_json(100)), NOW)
    update_from_file(store, "kev", write("kev.json", kev_json(50, "2025-01-01")), NOW)
    assert store.latest("kev").rows == 100
    assert store.latest("kev", date(2025, 6, 1)).rows == 50


def test_a_folder_of_records_is_taken(store, write, tmp_path):
    """A checkout of Vulnrichment is a folder."""
    write("repo/2025/CVE-2025-1001.json", record("CVE-2025-1001", options=[{"Automatable": "yes"}]))
    outcome = update_from_file(store, "ssvc", tmp_path / "repo", NOW)
    assert (outcome.snapshot.rows, outcome.snapshot.source_sha256) == (1, "")
    assert store.evidence(["CVE-2025-1001"], NOW.date())["CVE-2025-1001"].automatable is True


def test_two_updates_at_once_are_refused(store):
    """Two writers of one manifest would lose one of two snapshots."""
    with locked(store), pytest.raises(ThreatFeedError, match="E232"), locked(ThreatStore(store.directory)):
        pass
    with locked(store):
        pass


def run(*words: str, **more: object) -> subprocess.Popen[bytes]:
    """Start ``poise threats`` in a process of its own."""
    environment = {**os.environ, "no_proxy": "*"}
    command = [sys.executable, "-m", "poise.cli", "threats", *words]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more)


def test_an_update_killed_during_the_download_goes_on_later(server, store, tmp_path):
    """Killed with -9 in the middle: the good feed stays, and what had come is not fetched twice."""
    body = kev_json(3000)
    server.pages["/kev"] = Page(kev_json(100), etag='"one"')
    words = ("update", "--feed", "kev", "--kev-url", server.url("/kev"), "--workspace", str(tmp_path))
    first = run(*words)
    assert first.wait(timeout=60) == 0, first.communicate()
    before = state(store)
    server.pages["/kev"] = Page(body, etag='"two"', piece_bytes=20_000, piece_delay=0.05)
    killed = run(*words)
    part = store.directory / "cache" / "kev.download.part"
    end = time.monotonic() + 30
    while not (part.exists() and part.stat().st_size >= 100_000):
        assert killed.poll() is None, killed.communicate()
        assert time.monotonic() < end
        time.sleep(0.01)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert state(store) == before
    assert ThreatStore(store.directory).latest("kev").rows == 100
    had = part.stat().st_size
    server.pages["/kev"] = Page(body, etag='"two"')
    last = run(*words, "--json")
    output, errors = last.communicate(timeout=60)
    assert last.returncode == 0, errors
    assert server.seen[-1][1]["Range"] == f"bytes={had}-"
    assert f'"resumed_at_byte": {had}'.encode() in output
    assert ThreatStore(store.directory).latest("kev").rows == 3000
    for process in (first, killed, last):
        process.stdout.close()
        process.stderr.close()


def test_an_update_killed_at_any_moment_leaves_a_store_that_reads(store, tmp_path, write):
    """Whenever kill -9 strikes, every snapshot that the manifest names is whole."""
    draw = random.Random(20260105)
    update_from_file(store, "kev", write("kev.json", kev_json(2000, "2025-01-01")), NOW)
    path = write("next.json", kev_json(2000))
    began = time.monotonic()
    whole = run("update", "--feed", "kev", "--from", str(path), "--workspace", str(tmp_path))
    whole.communicate()
    seconds = time.monotonic() - began
    for number in range(6):
        path.write_bytes(kev_json(2000 + number, f"2025-12-{10 + number}"))
        process = run("update", "--feed", "kev", "--from", str(path), "--workspace", str(tmp_path))
        time.sleep(seconds * draw.uniform(0.5, 1.0))
        process.kill()
        process.communicate()
        read = ThreatStore(store.directory)
        assert read.latest("kev").rows >= 2000
        assert all(read.table(snapshot).num_rows == snapshot.rows for snapshot in read.snapshots)
    with locked(store):
        assert not list(store.directory.rglob(".draft-*")), "what a kill left is swept"
