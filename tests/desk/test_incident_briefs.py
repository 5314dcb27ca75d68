"""Briefs at the desk: reviewed, in their reader's form, sent to a chat, and never lost in silence."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from desk.incident_cases import SignIn, only_key, opened, said
from poise.desk import clock, convert
from poise.desk.actions import Actor, dialogue, incidents
from poise.desk.models import Job, User
from poise.errors import IncidentError


class Webhook(ThreadingHTTPServer):
    """A chat's webhook: keeps what it takes, and answers as it is told."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Hook)
        self.status = 200
        self.taken: list[dict[str, Any]] = []


class _Hook(BaseHTTPRequestHandler):
    server: Webhook

    def do_POST(self) -> None:
        """Take a message, or refuse it."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.server.status == 200:
            self.server.taken.append(json.loads(body))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    """Run a real HTTP server on loopback that can be told to refuse."""
    server = Webhook()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def channel_file() -> Iterator[Path]:
    """Return where the workspace lists its ways to people; it is taken away after the test."""
    path = convert.folder() / "channels.toml"
    yield path
    path.unlink(missing_ok=True)


def test_a_brief_without_a_channel_is_told_so(ciso: User) -> None:
    """Nothing is sent silently nowhere."""
    opened(ciso)
    fields = {
        "incident": "payroll",
        "audience": "board",
        "channel": "mail",
        "subject": "s",
        "text": "t",
        "mark": "GREEN",
    }
    with pytest.raises(IncidentError, match="no channel"):
        incidents.queue(Actor.of(ciso), fields)


def test_a_brief_goes_out_word_for_word_and_a_failure_is_shown_and_tried_again(
    ciso: User, sign_in: SignIn, webhook: Webhook, channel_file: Path
) -> None:
    """A delivery that fails is never silent: it stands on the page, and the next attempt delivers it."""
    address = f"mmost://127.0.0.1:{webhook.server_port}/mattermost-token"
    channel_file.write_text(f'[chat]\nurl = "{address}"\nclearance = "AMBER"\n')
    key, client = opened(ciso), sign_in(ciso)
    said(ciso)
    said(ciso, "The source is in the board room", tlp="RED", next_update=None)
    page = client.get(f"/incidents/{key}/briefs/operations").content.decode()
    at, upto = (re.search(rf'name="{name}" value="([^"]+)"', page) for name in ("at", "upto"))
    assert at is not None
    assert upto is not None
    assert "1 statement that you see is not in it" in page
    webhook.status = 503
    fields = {"at": at[1], "upto": upto[1], "channel": "chat", "token": "send"}
    for _ in range(2):
        assert client.post(f"/incidents/{key}/briefs/operations/send", fields).status_code == 302
    assert Job.objects.filter(kind=incidents.DELIVERY).exists()
    assert incidents.deliver_due(clock.now()) == 1
    shown = client.get(f"/incidents/{key}").content.decode()
    assert "Not delivered" in shown
    assert "The message was not taken: the server answered 503." in shown
    assert "mattermost-token" not in shown
    webhook.status = 200
    assert incidents.deliver_due(clock.now()) == 0, "the next attempt comes after a wait"
    assert incidents.deliver_due(clock.now() + timedelta(minutes=2)) == 1
    assert len(webhook.taken) == 1
    assert "Files on pay-3 end in .lock" in webhook.taken[0]["text"]
    assert "board room" not in webhook.taken[0]["text"]
    assert webhook.taken[0]["text"].startswith("[TLP:AMBER] ")
    assert "; taken " in client.get(f"/incidents/{key}/briefs/operations").content.decode()


def test_a_drill_sends_nothing(ciso: User, sign_in: SignIn, webhook: Webhook, channel_file: Path) -> None:
    """Its brief is queued, kept back and shown as such; no server hears of it."""
    channel_file.write_text(f'[drill]\nurl = "json://127.0.0.1:{webhook.server_port}/"\nclearance = "RED"\n')
    client = sign_in(ciso)
    client.post("/incidents/begin", {"drill": "leaked-credentials", "token": "d"})
    fields = {"at": clock.now().isoformat(), "channel": "drill", "token": "send"}
    assert client.post(f"/incidents/{only_key()}/briefs/board/send", fields).status_code == 302
    assert incidents.deliver_due(clock.now()) == 1
    assert webhook.taken == []


def test_a_reader_s_profile_shapes_a_brief_and_never_its_facts(
    cio: User, ciso: User, sign_in: SignIn, channel_file: Path
) -> None:
    """Order, detail, channel and time of day are the reader's; the sentences are the same in every form."""
    channel_file.write_text(
        '[mail]\nurl = "json://127.0.0.1:9/"\n[chat]\nurl = "json://127.0.0.1:9/"\nclearance = "AMBER"\n'
    )
    key = opened(ciso)
    for text in ("Files are encrypted", "Backups are clean", "Payroll waits"):
        said(ciso, text)
    by = Actor.of(ciso)
    incidents.act(by, "checked", {"incident": key, "next_update": {"none_because": "it is stable"}})
    client = sign_in(ciso)

    def shown() -> tuple[str, list[str], set[str]]:
        page = client.get(f"/incidents/{key}/briefs/operations").content.decode()
        letter = page[page.index('<pre class="letter"') : page.index("</pre>")]
        said = re.findall(r"- (.+?) \[[0-9a-f]{8}\]", letter)
        return page, said, set(said)

    _, usual, facts = shown()
    quiet = {"start": "00:00", "end": "23:59", "weekends": False}
    profile = {"style": "options first", "detail": "headline", "channels": ["chat"], "timezone": "Asia/Tokyo"}
    body = {**profile, "quiet": quiet, "urgent_in_quiet": False, "incident_minutes": 45}
    dialogue.say(Actor.of(cio), "profile.stated", body)
    page, own, same = shown()
    assert same == facts
    assert own == usual[::-1]
    assert "<option selected>chat</option>" in page
    assert "It waits for the end of their quiet hours" in page
    assert "every 45 min" in page
    assert 'value="45"' in client.get(f"/incidents/{key}").content.decode()
    assert "Source: EDR" not in page
    at = re.search(r'name="at" value="([^"]+)"', page)
    assert at is not None
    fields = {"at": at[1], "channel": "chat", "token": "s"}
    assert client.post(f"/incidents/{key}/briefs/operations/send", fields).status_code == 302
    assert incidents.deliver_due(clock.now()) == 0
    page = client.get(f"/incidents/{key}/briefs/operations").content.decode()
    assert "waits for quiet hours to end" in page
    assert "They want the next one by" in page
