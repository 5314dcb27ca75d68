"""Messages over real SMTP and HTTP servers on loopback: taken, refused, retried, never silent."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from incident.cases import Desk, at
from poise.errors import IncidentError
from poise.incident.brief import brief
from poise.incident.delivery import Channel, deliver, read_channels, send
from poise.incident.messages import RETRY_MINUTES
from poise.incident.tlp import Watcher


class Mailbox:
    """A mail server that keeps what it takes; `refuse` makes it refuse."""

    def __init__(self) -> None:
        self.taken: list[bytes] = []
        self.refuse = False

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        """Take or refuse a message."""
        if self.refuse:
            return "554 no"
        self.taken.append(envelope.content)
        return "250 OK"


@pytest.fixture
def mail() -> Iterator[tuple[Mailbox, Channel]]:
    """Give a real SMTP server and the channel that leads there."""
    mailbox = Mailbox()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    controller = Controller(mailbox, hostname="127.0.0.1", port=port)
    controller.start()
    url = f"mailto://127.0.0.1:{port}?from=desk@poise.example&to=cio@poise.example&mode=insecure"
    yield mailbox, Channel(url, "AMBER")
    controller.stop()


class Hook(BaseHTTPRequestHandler):
    """A web hook that answers with the server's status."""

    def do_POST(self) -> None:
        """Keep what was posted."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.taken.append(json.loads(body))  # type: ignore[attr-defined]
        self.send_response(self.server.status)  # type: ignore[attr-defined]
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def hook() -> Iterator[tuple[Any, Channel]]:
    """Give a real HTTP server and the channel that leads there."""
    server: Any = HTTPServer(("127.0.0.1", 0), Hook)
    server.taken, server.status = [], 200
    Thread(target=server.serve_forever, daemon=True).start()
    yield server, Channel(f"json://127.0.0.1:{server.server_port}/secret-path", "AMBER+STRICT")
    server.shutdown()
    server.server_close()


def queue(desk: Desk, minutes: float, channel: str) -> str:
    found = brief(desk.case, "operations", at(minutes), Watcher("", None, "AMBER"))
    return desk.do(
        "brief.queued", minutes, audience="operations", channel=channel, subject=found.subject,
        text=found.text(), mark=found.mark,
    ).hash  # fmt: skip


def test_a_brief_goes_by_mail_and_by_web_hook(desk: Desk, mail: Any, hook: Any) -> None:
    """The mark stands in the subject, the text is the reviewed one."""
    desk.state(1, 30)
    queue(desk, 2, "mail")
    queue(desk, 2, "hook")
    deliver(desk.room, desk.case, {"mail": mail[1], "hook": hook[1]}, at(3))
    assert [one.state for one in desk.case.messages.values()] == ["delivered", "delivered"]
    assert b"TLP:AMBER" in mail[0].taken[0]
    assert hook[0].taken[0]["title"] == "[TLP:AMBER] Orders stop"
    assert "Orders stopped." in hook[0].taken[0]["message"]
    assert deliver(desk.room, desk.case, {}, at(4)) == []


def test_a_failure_is_recorded_retried_and_shown(desk: Desk, mail: Any, hook: Any) -> None:
    """Each attempt is on the ledger; a server that comes back gets the message."""
    desk.state(1, 30)
    posted, mailed = queue(desk, 2, "hook"), queue(desk, 2, "mail")
    hook[0].status, mail[0].refuse = 503, True
    channels = {"mail": mail[1], "hook": hook[1]}
    deliver(desk.room, desk.case, channels, at(3))
    message = desk.case.messages[posted]
    assert (message.state, message.due()) == ("failing", at(3 + RETRY_MINUTES[0]))
    assert "503" in message.failures[0][1]
    assert "secret-path" not in message.failures[0][1]
    assert desk.case.messages[mailed].state == "failing"
    assert deliver(desk.room, desk.case, channels, at(3.5)) == []
    hook[0].status, mail[0].refuse = 200, False
    deliver(desk.room, desk.case, channels, at(5))
    assert {one.state for one in desk.case.messages.values()} == {"delivered"}


def test_it_is_given_up_in_sight_of_all(desk: Desk) -> None:
    """Nobody listens there; after the last wait it is said so and not tried for ever."""
    desk.state(1, 30)
    posted = queue(desk, 2, "hook")
    for attempt in range(20):
        deliver(
            desk.room, desk.case, {"hook": Channel("json://127.0.0.1:9/x", "RED")}, at(10 + 200 * attempt)
        )
    message = desk.case.messages[posted]
    assert (message.state, len(message.failures)) == ("given up", len(RETRY_MINUTES) + 1)


def test_a_drill_sends_nothing_outside(tmp_path: Path, hook: Any) -> None:
    """Its briefs are kept back, though everything else goes as in an incident."""
    desk = Desk(tmp_path, is_drill=True)
    desk.open(drill="x")
    desk.state(1, 30)
    posted = queue(desk, 2, "hook")
    deliver(desk.room, desk.case, {"hook": hook[1]}, at(3))
    assert desk.case.messages[posted].state == "delivered"
    assert hook[0].taken == []


def test_a_mark_does_not_go_by_a_channel_below_it(desk: Desk, hook: Any) -> None:
    """TLP:RED never leaves by a channel for AMBER."""
    desk.state(1, 30)
    posted = queue(desk, 2, "hook")
    deliver(desk.room, desk.case, {"hook": Channel(hook[1].url, "GREEN")}, at(3))
    assert "may not go there" in desk.case.messages[posted].failures[0][1]
    assert hook[0].taken == []


@pytest.mark.parametrize(
    "text", ["[a]\nurl = 'file:///etc'", "[a]\nurl = 'exec://x'", "a = 1", "[a", "[a]\nx = 1"]
)
def test_addresses_that_are_none_are_refused_without_showing_them(tmp_path: Path, text: str) -> None:
    """An address may hold a password, so no message quotes one."""
    path = tmp_path / "channels.toml"
    path.write_text(text)
    with pytest.raises(IncidentError, match="E836") as raised:
        read_channels(path)
    assert "/etc" not in str(raised.value)


def test_no_channels_and_an_address_that_nobody_reads(tmp_path: Path) -> None:
    """A workspace without channels sends nothing; a broken address is told."""
    assert read_channels(tmp_path / "none.toml") == {}
    with pytest.raises(IncidentError, match="E836"):
        send(Channel("mailto://", "RED"), "s", "t")
