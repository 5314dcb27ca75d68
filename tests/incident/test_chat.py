"""Briefs to chats that people host themselves, over their real incoming webhooks on loopback."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incident.cases import Desk, at
from poise.errors import IncidentError
from poise.incident.brief import brief
from poise.incident.delivery import Channel, deliver, parts, send
from poise.incident.tlp import Watcher

TOKEN = "h3ksyjq9kbd6jqhx8ttp14hzma"
#: Characters of one Mattermost message that apprise counts on.
MATTERMOST_CHARACTERS = 4000


class _Server(HTTPServer):
    """A chat: what was posted there, and whether it is down."""

    posts: list[dict[str, Any]]
    is_down = False
    #: How many more posts it takes before it is down.
    takes = 1000


class _Webhooks(BaseHTTPRequestHandler):
    """Answers as Mattermost, Rocket.Chat and ntfy do."""

    server: _Server

    def do_POST(self) -> None:
        """Take a post at a webhook that there is; refuse another token as the chat does."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        is_hook = self.path in (f"/hooks/{TOKEN}", f"/hooks/id/{TOKEN}", "/")
        if self.server.is_down or not self.server.takes:
            self._answer(503, {"message": "down"})
        elif not is_hook:
            self._answer(400, {"id": "web.incoming_webhook.invalid.app_error", "status_code": 400})
        else:
            self.server.takes -= 1
            self.server.posts.append(body)
            self._answer(200, {"success": True, "id": "x"})

    def _answer(self, status: int, value: dict[str, Any]) -> None:
        content = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def chat() -> Iterator[_Server]:
    """Run a chat server on loopback."""
    server = _Server(("127.0.0.1", 0), _Webhooks)
    server.posts = []
    Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def mattermost(chat: _Server, token: str = TOKEN) -> Channel:
    return Channel(f"mmost://127.0.0.1:{chat.server_port}/{token}", "AMBER")


def queue(desk: Desk, minutes: float) -> str:
    found = brief(desk.case, "operations", at(minutes), Watcher("", None, "AMBER"))
    return desk.do(
        "brief.queued", minutes, audience="operations", channel="chat", subject=found.subject,
        text=found.text(), mark=found.mark,
    ).hash  # fmt: skip


def test_a_brief_reaches_a_mattermost_channel(desk: Desk, chat: _Server) -> None:
    """Word for word under its mark, and nothing in it that the chat would fetch elsewhere."""
    desk.state(1, 30)
    record = queue(desk, 2)
    deliver(desk.room, desk.case, {"chat": mattermost(chat)}, at(3))
    assert desk.case.messages[record].state == "delivered"
    (post,) = chat.posts
    assert "[TLP:AMBER] Orders stop" in post["text"]
    assert desk.case.messages[record].act.text.strip() in post["text"]
    assert post["username"] == "Poise"
    assert "http" not in json.dumps(post)


def test_a_chat_that_fails_is_shown_and_tried_again(desk: Desk, chat: _Server) -> None:
    """Down, then a webhook that was taken away: each attempt is told with its answer, never its token."""
    desk.state(1, 30)
    record = queue(desk, 2)
    chat.is_down = True
    deliver(desk.room, desk.case, {"chat": mattermost(chat)}, at(3))
    chat.is_down = False
    deliver(desk.room, desk.case, {"chat": mattermost(chat, "revoked-token")}, at(5))
    message = desk.case.messages[record]
    said = [reason for _, reason in message.failures]
    assert ["503" in said[0], "400" in said[1]] == [True, True]
    assert "token" not in "".join(said)
    assert (message.state, chat.posts) == ("failing", [])
    deliver(desk.room, desk.case, {"chat": mattermost(chat)}, at(8))
    assert (desk.case.messages[record].state, len(chat.posts)) == ("delivered", 1)


@pytest.mark.parametrize(
    ("path", "text"),
    [(f"rocket://id/{TOKEN}@127.0.0.1:{{}}", "text"), ("ntfy://127.0.0.1:{}/soc", "message")],
)
def test_other_chats_of_one_s_own(chat: _Server, path: str, text: str) -> None:
    """Rocket.Chat by its webhook, ntfy by its topic."""
    send(
        Channel(path.format(chat.server_port), "AMBER"),
        "[TLP:GREEN] Mail is slow",
        "Mail is slow since nine.",
    )
    (post,) = chat.posts
    assert "Mail is slow since nine." in post[text]
    assert "[TLP:GREEN]" in post[text] + post.get("title", "")


def test_a_long_brief_comes_in_parts_each_with_its_mark(desk: Desk, chat: _Server) -> None:
    """A chat cuts long messages off; no statement may be lost that way, nor a part go unmarked."""
    for number in range(60):
        desk.state(number + 1, 900, text=f"Host {number} was touched")
    record = queue(desk, 70)
    chat.takes = 1
    deliver(desk.room, desk.case, {"chat": mattermost(chat)}, at(71))
    assert desk.case.messages[record].failures[0][1].startswith("Part 2 of ")
    chat.takes = 1000
    deliver(desk.room, desk.case, {"chat": mattermost(chat)}, at(73))
    posts = [post["text"] for post in chat.posts[1:]]
    assert desk.case.messages[record].state == "delivered"
    assert len(posts) > 1
    assert all("[TLP:AMBER] Orders stop" in one and len(one) <= MATTERMOST_CHARACTERS for one in posts)
    assert [f"({number}/{len(posts)})" in one for number, one in enumerate(posts, 1)] == [True] * len(posts)
    assert all(any(f"Host {number} was touched" in one for one in posts) for number in range(60))


@given(st.text(alphabet="ab\n", max_size=400), st.integers(1, 60))
def test_parts_are_the_text(text: str, limit: int) -> None:
    """Nothing is lost, nothing is longer than it may be, and no part is empty unless all is."""
    found = parts(text, limit)
    assert "".join(found) == text
    assert all(len(one) <= limit for one in found)
    assert found == [""] or all(found)


def test_a_webhook_of_nobody_is_told(chat: _Server) -> None:
    """A chat's address without a token is no address."""
    with pytest.raises(IncidentError, match="E836"):
        send(Channel(f"mmost://127.0.0.1:{chat.server_port}/", "AMBER"), "s", "t")
