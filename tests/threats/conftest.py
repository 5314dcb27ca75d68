"""A real HTTP server on loopback that serves feeds well or badly, and small feeds to serve."""

from __future__ import annotations

import gzip
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest


@dataclass
class Page:
    """What a path answers, and how badly."""

    content: bytes = b""
    etag: str = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    #: Close the connection after this many bytes of the body, this many times.
    cut_after: int | None = None
    cuts: int = 1
    #: Announce this length instead of the true one; -1: announce none.
    announced: int | None = None
    ranges: bool = True
    #: Pause [s] before the answer, and between pieces of the body.
    delay: float = 0.0
    piece_bytes: int = 1 << 16
    piece_delay: float = 0.0
    #: Answer with this status so many times first.
    failures: int = 0
    failure_status: int = 503


class Server(ThreadingHTTPServer):
    """Pages by path, and the requests that came: (path, headers)."""

    daemon_threads = True

    def __init__(self) -> None:
        self.pages: dict[str, Page] = {}
        self.seen: list[tuple[str, dict[str, str]]] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}{path}"

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        self.server.seen.append((self.path, dict(self.headers.items())))
        page = self.server.pages[self.path]
        time.sleep(page.delay)
        if page.failures > 0:
            page.failures -= 1
            self._answer(page.failure_status, {"Content-Length": "0"})
        elif page.etag and self.headers.get("If-None-Match") == page.etag:
            self._answer(304, {"ETag": page.etag})
        else:
            self._send(page)

    def _send(self, page: Page) -> None:
        body, status = page.content, page.status
        headers = dict(page.headers)
        if page.etag:
            headers["ETag"] = page.etag
        wanted = self.headers.get("Range")
        if wanted and page.ranges and self.headers.get("If-Range") == page.etag:
            start = int(wanted.removeprefix("bytes=").rstrip("-"))
            if start >= len(body):
                self._answer(416, {"Content-Length": "0"})
                return
            headers["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
            body, status = body[start:], 206
        announced = page.announced if page.announced is not None else len(body)
        if announced >= 0:
            headers["Content-Length"] = str(announced)
        self._answer(status, headers)
        if page.cut_after is not None and page.cuts > 0:
            page.cuts -= 1
            body = body[: page.cut_after]
            self.close_connection = True
        if announced != len(body):
            self.close_connection = True
        for start in range(0, len(body), page.piece_bytes):
            self.wfile.write(body[start : start + page.piece_bytes])
            self.wfile.flush()
            time.sleep(page.piece_delay)

    def _answer(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """The tests look at :attr:`Server.seen`."""


@pytest.fixture
def server() -> Iterator[Server]:
    """Yield a server that runs in a thread."""
    served = Server()
    thread = threading.Thread(target=served.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield served
    served.shutdown()
    thread.join()
    served.server_close()


def kev_json(count: int, released: str = "2025-12-29", first: int = 1000) -> bytes:
    """Return a catalogue of `count` entries."""
    entries = [
        {
            "cveID": f"CVE-2024-{first + number}",
            "vendorProject": "Vendor",
            "product": "Product",
            "vulnerabilityName": "Name",
            "dateAdded": "2024-05-06",
            "shortDescription": "Text",
            "requiredAction": "Mend it",
            "dueDate": "2024-05-27",
            "knownRansomwareCampaignUse": "Known" if number % 2 else "Unknown",
            "notes": "",
            "cwes": [],
        }
        for number in range(count)
    ]
    catalogue = {
        "title": "CISA Catalog of Known Exploited Vulnerabilities",
        "catalogVersion": released.replace("-", "."),
        "dateReleased": f"{released}T19:35:19.911Z",
        "count": count,
        "vulnerabilities": entries,
    }
    return json.dumps(catalogue).encode()


def epss_csv(scores: dict[str, str], day: str = "2025-12-28") -> bytes:
    """Return an EPSS file, unpacked."""
    head = f"#model_version:v2025.03.14,score_date:{day}T00:00:00+0000\ncve,epss,percentile\n"
    return (head + "".join(f"{cve},{score},0.5\n" for cve, score in scores.items())).encode()


def record(cve: str, *, options: list[dict[str, str]] | None = None, **more: object) -> dict[str, object]:
    """Return a CVE JSON 5 record, with CISA's container when `options` are given."""
    stamp = more.pop("timestamp", "2025-06-01T10:00:00Z")
    made: dict[str, object] = {
        "dataType": "CVE_RECORD",
        "cveMetadata": {"cveId": cve, "datePublished": more.pop("published", "2025-05-30T00:00:00Z")},
        "containers": {"cna": {"metrics": more.pop("metrics", [])}, "adp": []},
    }
    if options is not None:
        content = {"id": cve, "options": options, "timestamp": stamp}
        made["containers"]["adp"] = [
            {
                "providerMetadata": {"shortName": "CISA-ADP", "dateUpdated": "2025-06-02T00:00:00Z"},
                "metrics": [{"other": {"type": "ssvc", "content": content}}],
            }
        ]
    assert not more, f"unknown: {more}"
    return made


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a file, packed when its name ends in .gz."""

    def put(name: str, content: bytes | str | object) -> Path:
        data = content if isinstance(content, bytes) else None
        if data is None:
            data = content.encode() if isinstance(content, str) else json.dumps(content).encode()
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        return path

    return put


@pytest.fixture
def intel() -> Path:
    """Return the folder of real feeds beside the checkout, or skip."""
    folder = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "intel"
    if not folder.is_dir():
        pytest.skip("The real feeds are not beside this checkout.")
    return folder
