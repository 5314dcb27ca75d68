"""A verdict reaches the desk, its token reaches nobody else, and a desk that is down decides nothing."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from gate.build import COMMIT, POLICY, Json, sarif
from poise.cli import main

NOW = ("--now", "2026-03-02T12:00Z")


@contextmanager
def listening(status: int, answer: bytes = b"{}", location: str = "") -> Iterator[tuple[str, list[Json]]]:
    """Serve one answer at a free port; give its address and what was asked."""
    asked: list[Json] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            asked.append(
                {"path": self.path, "token": self.headers["Authorization"], "body": json.loads(body)}
            )
            self.send_response(status)
            if location:
                self.send_header("Location", location)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a run that passes."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("POISE_DESK_TOKEN", "a token")
    (tmp_path / "policy.yaml").write_text(POLICY)
    (tmp_path / "code.sarif").write_text(json.dumps(sarif([])))
    words = ["gate", "run", "code=code.sarif", "--policy", "policy.yaml", "--unsigned", "--first-run"]
    return [*words, "--commit", COMMIT, *NOW, "--out", "out"]


def test_a_verdict_is_handed_over(run: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """The same JSON that the pipeline wrote, with the token in its header."""
    with listening(201) as (address, asked):
        assert main([*run, "--report-to", f"{address}/desk/"]) == 0
        assert main(["gate", "report", "out/verdict.json", "--to", address]) == 0
    assert [one["path"] for one in asked] == ["/desk/api/gate/verdicts", "/api/gate/verdicts"]
    assert asked[0]["token"] == "Bearer a token"
    assert asked[0]["body"] == json.loads(Path("out/verdict.json").read_text())
    assert capsys.readouterr().err == ""


def test_a_desk_that_refuses_changes_no_verdict(run: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """The delivery passes or not by its policy; the trouble is told, without control characters."""
    with listening(503, b"down\x1b[2J") as (address, _):
        assert main([*run, "--report-to", address]) == 0
    told = capsys.readouterr().err
    assert "E612" in told
    assert "answered 503" in told
    assert "\x1b" not in told
    assert main([*run, "--report-to", address]) == 0
    assert main(["gate", "report", "out/verdict.json", "--to", address]) == 1


def test_a_token_goes_to_the_desk_alone(run: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Neither in the clear nor to where a redirection leads."""
    with (
        listening(200) as (other, asked),
        listening(307, location=other + "/api/gate/verdicts") as (address, _),
    ):
        assert main([*run, "--report-to", address]) == 0
    assert asked == []
    assert "answered 307" in capsys.readouterr().err
    for wrong in ("http://desk.example", "desk.example", "ftp://desk.example", "file:///etc/passwd", ""):
        assert main([*run, "--report-to", wrong]) == 2
        assert "E612" in capsys.readouterr().err


def test_without_a_token_nothing_is_judged(run: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A forgotten secret is found at once, not after the pipeline's last minute."""
    monkeypatch.delenv("POISE_DESK_TOKEN")
    assert main([*run, "--report-to", "https://desk.example"]) == 2
    assert not Path("out").exists()
