"""A real HTTP server on loopback that serves well or badly, and small feeds for it to serve."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


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
        """Say nothing: a client that hangs up is part of the tests."""


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
        """Say nothing: the tests look at :attr:`Server.seen`."""


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
