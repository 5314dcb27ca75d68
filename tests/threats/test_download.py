"""Downloads from a real server that behaves well and badly."""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import ssl
import subprocess
import threading
import time

import pytest

from poise.errors import ThreatFeedError
from poise.threats.download import Limits, Validators, download
from threats.loopback import Page, Server

QUICK = Limits(idle_seconds=2.0, total_seconds=20.0, tries=3, pause_seconds=0.01)
ONCE = Limits(idle_seconds=2.0, total_seconds=20.0, tries=1, pause_seconds=0.01)
BODY = os.urandom(300_000)


@pytest.fixture
def target(tmp_path):
    return tmp_path / "cache" / "feed.download"


def fault_of(url, target, limits=ONCE, known=None):
    """Return the id of the one fault that the download ends with."""
    with pytest.raises(ThreatFeedError) as caught:
        download(url, target, known, limits)
    assert not target.exists(), "what was not whole must not look like a file"
    (fault,) = caught.value.faults
    return fault.id


def test_a_file_comes_whole_with_its_checksum(server, target):
    """What is stored later names the sha256 of what came."""
    server.pages["/feed"] = Page(
        BODY, etag='"one"', headers={"Last-Modified": "Mon, 29 Dec 2025 19:35:19 GMT"}
    )
    got = download(server.url("/feed"), target, limits=QUICK)
    assert target.read_bytes() == BODY
    assert (got.sha256, got.size_bytes, got.resumed_at) == (hashlib.sha256(BODY).hexdigest(), len(BODY), 0)
    assert got.validators == Validators(server.url("/feed"), '"one"', "Mon, 29 Dec 2025 19:35:19 GMT")
    assert server.seen[0][1]["Accept-Encoding"] == "identity"
    assert [path.name for path in target.parent.iterdir()] == [target.name]


def test_an_unchanged_file_is_not_sent_again(server, target):
    """Publishers ask for conditional requests, and KEV changes less often than people look."""
    server.pages["/feed"] = Page(BODY, etag='"one"')
    first = download(server.url("/feed"), target, limits=QUICK)
    second = download(server.url("/feed"), target, first.validators, QUICK)
    assert (second.path, second.validators) == (None, first.validators)
    assert server.seen[1][1]["If-None-Match"] == '"one"'


def test_validators_of_another_address_are_not_shown(server, target):
    """An ETag means something only where it came from."""
    server.pages["/feed"] = Page(BODY, etag='"one"')
    got = download(server.url("/feed"), target, Validators(server.url("/other"), '"one"'), QUICK)
    assert got.size_bytes == len(BODY)


def test_a_broken_download_goes_on_where_it_stopped(server, target):
    """Vulnrichment has hundreds of megabytes; starting again each time may never end."""
    server.pages["/feed"] = Page(BODY, etag='"one"', cut_after=200_000)
    got = download(server.url("/feed"), target, limits=QUICK)
    assert (target.read_bytes(), got.resumed_at) == (BODY, 200_000)
    assert server.seen[1][1]["Range"] == "bytes=200000-"
    assert server.seen[1][1]["If-Range"] == '"one"'


def test_a_later_run_goes_on_too(server, target):
    """The first run may have been ended by the user."""
    server.pages["/feed"] = Page(BODY, etag='"one"', cut_after=150_000, cuts=1)
    assert fault_of(server.url("/feed"), target) == "E224"
    got = download(server.url("/feed"), target, limits=ONCE)
    assert (target.read_bytes(), got.resumed_at) == (BODY, 150_000)


def test_a_file_that_changed_meanwhile_is_fetched_anew(server, target):
    """Half of yesterday's file and half of today's make a file that nobody published."""
    server.pages["/feed"] = Page(BODY, etag='"one"', cut_after=150_000)
    assert fault_of(server.url("/feed"), target) == "E224"
    server.pages["/feed"] = Page(BODY[::-1], etag='"two"')
    got = download(server.url("/feed"), target, limits=ONCE)
    assert (target.read_bytes(), got.resumed_at) == (BODY[::-1], 0)


def test_a_server_without_ranges_sends_all_again(server, target):
    """Not every mirror can resume."""
    server.pages["/feed"] = Page(BODY, etag='"one"', cut_after=150_000, ranges=False)
    got = download(server.url("/feed"), target, limits=QUICK)
    assert (target.read_bytes(), got.resumed_at) == (BODY, 0)


def test_without_a_strong_validator_nothing_is_resumed(server, target):
    """A weak ETag promises the same meaning, not the same bytes."""
    server.pages["/feed"] = Page(BODY, etag='W/"one"', cut_after=150_000)
    got = download(server.url("/feed"), target, limits=QUICK)
    assert (target.read_bytes(), got.resumed_at) == (BODY, 0)
    assert all("Range" not in headers for _, headers in server.seen)


def test_a_finished_part_is_not_asked_beyond_its_end(server, target):
    """A run that was killed between the last byte and the renaming leaves a whole part."""
    server.pages["/feed"] = Page(BODY, etag='"one"', announced=len(BODY) + 1)
    assert fault_of(server.url("/feed"), target) == "E224"
    server.pages["/feed"] = Page(BODY, etag='"one"')
    assert download(server.url("/feed"), target, limits=QUICK).size_bytes == len(BODY)
    assert target.read_bytes() == BODY


@pytest.mark.parametrize("announced", [len(BODY) + 1000, 10**9])
def test_a_length_that_does_not_come_is_a_fault(server, target, announced):
    """Half an answer has no other sign than its announced length."""
    server.pages["/feed"] = Page(BODY, announced=announced)
    assert fault_of(server.url("/feed"), target) == "E224"


@pytest.mark.parametrize("status", [403, 404, 410])
def test_a_final_error_is_not_tried_again(server, target, status):
    """An address that is wrong stays wrong."""
    server.pages["/feed"] = Page(b"no", status=status)
    assert fault_of(server.url("/feed"), target, QUICK) == "E222"
    assert len(server.seen) == 1


def test_a_busy_server_is_tried_again(server, target):
    """A 503 passes; so many tries as were allowed are made, and no more."""
    server.pages["/feed"] = Page(BODY, failures=2)
    assert download(server.url("/feed"), target, limits=QUICK).size_bytes == len(BODY)
    assert len(server.seen) == 3
    target.unlink()
    server.pages["/feed"] = Page(BODY, failures=3, failure_status=500)
    assert fault_of(server.url("/feed"), target, QUICK) == "E222"


def test_a_file_over_the_limit_is_refused(server, target):
    """Announced or not, a feed that fills the disk is refused, and nothing of it is kept."""
    server.pages["/feed"] = Page(BODY)
    small = Limits(idle_seconds=2.0, tries=1, max_bytes=100_000)
    assert fault_of(server.url("/feed"), target, small) == "E225"
    server.pages["/feed"] = Page(BODY, announced=-1)
    assert fault_of(server.url("/feed"), target, small) == "E225"
    assert sum(path.stat().st_size for path in target.parent.iterdir()) < 1000


def test_a_file_of_unannounced_length_is_taken(server, target):
    """Some mirrors pack on the fly; whether all came is then for the reader to see."""
    server.pages["/feed"] = Page(BODY, announced=-1)
    assert download(server.url("/feed"), target, limits=ONCE).size_bytes == len(BODY)


def test_a_silent_server_is_given_up(server, target):
    """A hung connection must not hang the night's job."""
    server.pages["/feed"] = Page(BODY, delay=1.0)
    impatient = Limits(idle_seconds=0.2, tries=1)
    began = time.perf_counter()
    assert fault_of(server.url("/feed"), target, impatient) == "E221"
    assert time.perf_counter() - began < 1.0


def test_a_dripping_server_is_given_up(server, target):
    """A byte now and then keeps every connection alive for ever."""
    server.pages["/feed"] = Page(BODY, piece_bytes=100, piece_delay=0.02)
    assert fault_of(server.url("/feed"), target, Limits(2.0, total_seconds=0.3, tries=1)) == "E221"


def test_nobody_listening_is_a_fault(target):
    """The usual cause is a proxy that was not set; the hint says so."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/feed"
    assert fault_of(url, target, QUICK) == "E221"


@pytest.mark.parametrize(
    "url",
    [
        "http://www.cisa.gov/feed.json",
        "http://127.0.0.1.example.org/feed",
        "ftp://www.cisa.gov/feed.json",
        "file:///etc/passwd",
        "www.cisa.gov/feed.json",
        "https://",
        "http://[::1",
        "",
    ],
)
def test_only_https_and_loopback_are_asked(target, url):
    """Over plain http anyone on the way could take entries out of a feed."""
    assert fault_of(url, target) == "E220"


@pytest.mark.parametrize(
    ("location", "fault"),
    [
        ("http://www.cisa.gov/feed", "E223"),
        ("ftp://127.0.0.1/feed", "E223"),
        ("file:///etc/passwd", "E222"),
        ("", "E222"),
    ],
)
def test_redirects_to_other_places_are_refused(server, target, location, fault):
    """A redirect must not lead where the configured address could not."""
    server.pages["/feed"] = Page(status=302, headers={"Location": location})
    with pytest.raises(ThreatFeedError) as caught:
        download(server.url("/feed"), target, limits=ONCE)
    assert caught.value.faults[0].id == fault
    assert not target.exists()


def test_redirects_on_loopback_are_followed(server, target):
    """Mirrors redirect too."""
    server.pages["/feed"] = Page(status=302, headers={"Location": server.url("/moved")})
    server.pages["/moved"] = Page(BODY)
    assert download(server.url("/feed"), target, limits=ONCE).size_bytes == len(BODY)


def test_https_to_loopback_http_is_refused():
    """The rule is about the configured address: https never falls back to http, not even locally."""
    from poise.threats.download import _require_allowed

    with pytest.raises(ThreatFeedError, match="E223"):
        _require_allowed("http://127.0.0.1:80/feed", "https://www.cisa.gov/feed", "E223")
    _require_allowed("https://mirror.example/feed", "https://www.cisa.gov/feed", "E223")


@pytest.mark.skipif(shutil.which("openssl") is None, reason="Makes its certificate with openssl.")
def test_a_wrong_certificate_is_not_accepted(target, tmp_path):
    """A name means nothing when any certificate will do; and trying again will not mend it."""
    made = subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost", "-keyout", "key.pem", "-out", "cert.pem"],
        cwd=tmp_path, capture_output=True, check=False,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    server = Server()
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        assert fault_of(f"https://localhost:{server.server_address[1]}/feed", target, QUICK) == "E221"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_progress_is_told(server, target):
    """Vulnrichment takes minutes; a bar that stands still looks like a hang."""
    server.pages["/feed"] = Page(BODY)
    told: list[tuple[int, int, str]] = []
    download(server.url("/feed"), target, limits=ONCE, progress=lambda *piece: told.append(piece))
    assert told[-1] == (len(BODY), len(BODY), server.url("/feed"))
    assert [done for done, _, _ in told] == sorted(done for done, _, _ in told)


def test_the_proxy_of_the_environment_is_used(server, target, monkeypatch):
    """Closed networks reach the feeds through a proxy or not at all."""
    monkeypatch.setenv("http_proxy", server.url(""))
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    server.pages["http://127.0.0.1:9/feed"] = Page(BODY)
    assert download("http://127.0.0.1:9/feed", target, limits=ONCE).size_bytes == len(BODY)
