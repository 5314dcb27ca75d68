"""The incident desk's pages: what is said, seen, promised, decided, sent, and what leaves no trace."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test import Client

from poise.desk import clock, convert
from poise.desk.actions import Actor, dialogue, estate, incidents
from poise.desk.ledger import DeskLedger
from poise.desk.models import Job, LedgerRecord, User
from poise.errors import IncidentError, NotAllowedError
from poise.sample import write_sample

SignIn = Callable[[Any], Client]


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
def channel_file() -> Iterator[Path]:
    """Return where the workspace lists its ways to people; it is taken away after the test."""
    path = convert.folder() / "channels.toml"
    yield path
    path.unlink(missing_ok=True)


def opened(ciso: User, **more: Any) -> str:
    """Open an incident and return its id."""
    by = Actor.of(ciso)
    fields = {
        "incident": "payroll",
        "title": "Payroll host encrypts files",
        "lead": ciso.username,
        "detected": by.now.isoformat(),
        **more,
    }
    incidents.act(by, "opened", fields)
    return "payroll"


def said(user: User, text: str = "Files on pay-3 end in .lock", **more: Any) -> str:
    """State a fact and return its record."""
    by = Actor.of(user)
    fields = {
        "incident": "payroll",
        "kind": "fact",
        "text": text,
        "source": "EDR",
        "known_from": by.now.isoformat(),
        "next_update": {"due": (by.now + timedelta(minutes=30)).isoformat()},
        **more,
    }
    return incidents.act(by, "stated", fields).hash


def form(**fields: Any) -> dict[str, Any]:
    """Return a statement's form as a browser sends it, with the fields of all kinds."""
    empty = {"unless": "", "owner": "", "by": "", "matters": "", "low": "", "high": "", "confidence": ""}
    standard = {"kind": "fact", "text": "The host is off the network", "source": "J. of the night shift"}
    times = {"known_from": f"{clock.now():%Y-%m-%dT%H:%M}", "next_minutes": "30", "token": "one"}
    return {**empty, **standard, **times, "tlp": "AMBER", "topic": "containment", **fields}


def test_a_statement_from_a_form_stands_on_the_other_s_page(cio: User, ciso: User, sign_in: SignIn) -> None:
    """What one side says must reach the other with its words, its number and its promise."""
    key = opened(ciso)
    fields = form(
        kind="judgement", text="Payroll data left", low="55", high="80", confidence="low",
        confidence_because="one log source",
    )  # fmt: skip
    answer = sign_in(ciso).post(f"/incidents/{key}/state", fields)
    assert answer.status_code == 302
    page = sign_in(cio).get(f"/incidents/{key}").content.decode()
    assert "It is likely (55-80 %) that" in page
    assert "Since you last looked: 1 new" in page
    assert "by <b><time" in page


def test_a_repeated_submit_is_one_statement(ciso: User, sign_in: SignIn) -> None:
    """On a poor line the same form arrives twice."""
    key, client = opened(ciso), sign_in(ciso)
    for _ in range(2):
        assert client.post(f"/incidents/{key}/state", form()).status_code == 302
    assert LedgerRecord.objects.filter(kind="incident.stated").count() == 1
    assert 'data-tokens="one"' in client.get(f"/incidents/{key}").content.decode()


def test_read_is_a_press_and_shows_to_the_writer(cio: User, ciso: User, sign_in: SignIn) -> None:
    """Opening a page is not reading; the press is, and twice is once."""
    key, record = opened(ciso), said(ciso)
    client = sign_in(cio)
    client.get(f"/incidents/{key}")
    assert "operations has not read it" in sign_in(ciso).get(f"/incidents/{key}").content.decode()
    for _ in range(2):
        client.post(f"/incidents/{key}/press/read", {"value": record})
    assert LedgerRecord.objects.filter(kind="incident.read").count() == 1
    assert "Since you last looked: nothing new" in client.get(f"/incidents/{key}").content.decode()
    assert "operations read it" in sign_in(ciso).get(f"/incidents/{key}").content.decode()


def test_what_is_not_for_a_watcher_leaves_no_trace(
    ciso: User, staff: User, auditor: User, sign_in: SignIn
) -> None:
    """Neither text nor count nor version nor a line on the home page tells of a RED statement."""
    key = opened(ciso)
    said(ciso, "Files are encrypted", tlp="GREEN")
    pages = {}
    for user in (staff, auditor):
        client = sign_in(user)
        pages[user.username] = [_plain(client.get(path)) for path in _paths(key)]
    # A promise is everybody's to see; these make none.
    secret = said(ciso, "The source is in the board room", tlp="RED", next_update=None)
    said(ciso, "Since May", tlp="RED", corrects=secret, fault="no date", next_update=None)
    for user in (staff, auditor):
        client = sign_in(user)
        assert [_plain(client.get(path)) for path in _paths(key)] == pages[user.username]
        assert client.get(f"/incidents/{key}/statements/{secret}").status_code == 404
    assert "board room" in sign_in(ciso).get(f"/incidents/{key}").content.decode()


def test_an_auditor_sees_no_course_of_an_incident(
    ciso: User, cio: User, auditor: User, sign_in: SignIn
) -> None:
    """Promises, requests, determinations and messages have no mark of their own and tell of what has one."""
    key = opened(ciso)
    said(ciso, "Mail is slow", tlp="GREEN")
    said(ciso)
    client = sign_in(auditor)
    paths = [*_paths(key), f"/incidents/{key}/clocks", f"/incidents/{key}?before=5"]
    before = [_plain(client.get(path)) for path in paths]
    incidents.assess(Actor.of(ciso), key, "eu-gdpr-33", "it holds salaries", applies=True)
    wanted = (clock.now() + timedelta(hours=1)).isoformat()
    by = Actor.of(cio)
    incidents.act(by, "asked", {"incident": key, "what": "Is payroll lost?", "wanted_by": wanted})
    sent = {"audience": "operations", "channel": "chat", "subject": "[TLP:AMBER] x", "text": "t"}
    incidents.act(by, "brief.queued", {"incident": key, "mark": "AMBER", **sent})
    for number in range(20):
        said(ciso, f"Host {number} is touched")
    assert [_plain(client.get(path)) for path in paths] == before
    assert "Is payroll lost?" in sign_in(ciso).get(f"/incidents/{key}").content.decode()


def test_leafing_back_counts_nothing_that_is_hidden(ciso: User, auditor: User, sign_in: SignIn) -> None:
    """The address of older statements names one, and no place among all."""
    key = opened(ciso)
    records = [said(ciso, f"Open {number}", tlp="GREEN") for number in range(45)]
    said(ciso, "Hidden")
    page = sign_in(auditor).get(f"/incidents/{key}").content.decode()
    assert f"?before={records[5]}" in page
    older = sign_in(auditor).get(f"/incidents/{key}", {"before": records[5]}).content.decode()
    assert "Open 4." in older
    assert "Open 5." not in older
    assert "Older statements</a>" not in older


def test_a_withdrawal_can_be_read(cio: User, ciso: User, sign_in: SignIn) -> None:
    """News of which nothing is unread goes away by a press as well, each time anew."""
    key = opened(ciso)
    records = [said(ciso, f"Fact {number}") for number in range(3)]
    client = sign_in(cio)

    def press() -> None:
        page = client.get(f"/incidents/{key}").content.decode()
        found = re.search(r'name="value" value="([^"]+)">I have read all this', page)
        assert found is not None
        client.post(f"/incidents/{key}/press/read", {"value": found[1]})
        assert "Since you last looked: nothing new" in client.get(f"/incidents/{key}").content.decode()

    press()
    for record in records[:2]:
        fields = {"incident": key, "statement": record, "reason": "wrong host"}
        incidents.act(Actor.of(ciso), "withdrawn", fields)
        assert "Since you last looked: 1 withdrawn" in client.get(f"/incidents/{key}").content.decode()
        press()


def _paths(key: str) -> list[str]:
    return ["/", "/incidents", f"/incidents/{key}", f"/incidents/{key}/briefs/operations",
            f"/incidents/{key}/after", f"/incidents/{key}/after.json"]  # fmt: skip


def _plain(response: Any) -> str:
    """Return a page without what differs from one second, one form and one record to the next."""
    text = re.sub(
        r'name="(csrfmiddlewaretoken|token)" value="[^"]*"|"as_of":[^,]*,', "", response.content.decode()
    )
    text = re.sub(r'value="\d{4}-\d\d-\d\dT[^"]*"|as known [^<]* UTC|hx-get="/\?seen=[^"]*"', "", text)
    text = re.sub(r"<time[^>]*>[^<]*</time>", "", text)
    return re.sub(r"[0-9:]+ (ago|UTC)", "", text)


def test_as_of_shows_what_had_been_told_by_then(cio: User, ciso: User, sign_in: SignIn) -> None:
    """The question after an incident: what had been told at 14:05."""
    early = clock.now() - timedelta(hours=2)
    by = Actor(ciso, early)
    incidents.act(
        by, "opened", {"incident": "payroll", "title": "T", "lead": "ciso", "detected": early.isoformat()}
    )
    following = {"due": (early + timedelta(minutes=30)).isoformat()}
    fields = {"incident": "payroll", "kind": "fact", "text": "Early news", "source": "EDR",
              "known_from": early.isoformat(), "next_update": following}  # fmt: skip
    incidents.act(by, "stated", fields)
    said(ciso, "Late news")
    at = (early + timedelta(minutes=5)).isoformat()
    page = sign_in(cio).get("/incidents/payroll", {"at": at}).content.decode()
    assert "Early news" in page
    assert "Late news" not in page
    assert "As it was recorded by" in page


def test_the_lead_sees_what_the_other_side_had_been_told(cio: User, ciso: User, sign_in: SignIn) -> None:
    """Not what the lead knew: what had reached operations, and which of it they had read."""
    key = opened(ciso)
    record = said(ciso, "Mail is slow")
    incidents.act(Actor.of(cio), "read", {"incident": key, "upto": record})
    said(ciso, "Files are encrypted")
    said(ciso, "The source is in the board room", tlp="RED", next_update=None)
    at = {"at": (clock.now() + timedelta(seconds=2)).isoformat(), "to": "operations"}
    page = sign_in(ciso).get(f"/incidents/{key}", at).content.decode()
    assert "Told to operations by then: 2 that stood, 1 of them read" in page
    assert page.count("not read by operations") == 1
    assert "board room" not in page


def test_a_late_promise_shows_to_all_and_one_press_keeps_the_next(
    cio: User, ciso: User, sign_in: SignIn
) -> None:
    """Lateness is visible; 'checked, no change' makes the next promise by itself."""
    early = clock.now() - timedelta(hours=2)
    by = Actor(ciso, early)
    incidents.act(
        by, "opened", {"incident": "payroll", "title": "T", "lead": "ciso", "detected": early.isoformat()}
    )
    following = {"due": (early + timedelta(minutes=30)).isoformat()}
    fields = {"incident": "payroll", "kind": "fact", "text": "Early", "source": "EDR",
              "known_from": early.isoformat(), "next_update": following}  # fmt: skip
    record = incidents.act(by, "stated", fields).hash
    assert "was due" in sign_in(cio).get("/incidents/payroll").content.decode()
    assert "update by security is late" in sign_in(cio).get("/incidents").content.decode()
    client = sign_in(ciso)
    for _ in range(2):
        client.post("/incidents/payroll/press/checked", {"value": record})
    assert LedgerRecord.objects.filter(kind="incident.checked").count() == 1
    page = client.get("/incidents/payroll").content.decode()
    assert "0 kept, 1 late" in page
    assert "was due" not in page


def asked(ciso: User) -> str:
    """Ask operations for a decision and return its record."""
    by = Actor.of(ciso)
    options = [{"id": "option-1", "text": "Cut it off"}, {"id": "option-2", "text": "Wait"}]
    fields = {
        "incident": "payroll", "question": "Cut it off?", "options": options, "recommendation": "option-1",
        "is_reversible": True, "needed_by": (by.now + timedelta(hours=1)).isoformat(), "default": "option-1",
    }  # fmt: skip
    return incidents.act(by, "decision.asked", fields).hash


def test_one_press_decides_and_keeps_what_was_known(cio: User, ciso: User, sign_in: SignIn) -> None:
    """The asker cannot decide; the other side does by one press, with what stood then."""
    key = opened(ciso)
    said(ciso)
    record = asked(ciso)
    refused = sign_in(ciso).post(f"/incidents/{key}/press/decide", {"value": f"{record}:option-1"})
    assert refused.status_code == 400
    client = sign_in(cio)
    assert "Decide: Cut it off?" in client.get("/").content.decode()
    for _ in range(2):
        answer = client.post(f"/incidents/{key}/press/decide", {"value": f"{record}:option-1"})
        assert answer.status_code == 302
    page = sign_in(ciso).get(f"/incidents/{key}").content.decode()
    assert "decided by cio" in page
    assert "1 statement stood then" in page


def test_who_is_no_side_reads_and_writes_nothing(ciso: User, auditor: User, sign_in: SignIn) -> None:
    """An auditor may read what goes round, and is no part of the incident."""
    key = opened(ciso)
    assert "Say what you know" not in sign_in(auditor).get(f"/incidents/{key}").content.decode()
    with pytest.raises(NotAllowedError):
        said(auditor)


def test_every_page_of_an_incident_opens(cio: User, ciso: User, sign_in: SignIn) -> None:
    """Each page with something on it, for both sides."""
    key = opened(ciso)
    record = said(ciso)
    asked(ciso)
    incidents.assess(Actor.of(ciso), key, "eu-gdpr-33", "personal data is on it", applies=True)
    paths = ["", "/clocks", "/briefs/operations", "/briefs/security", "/briefs/board", "/ask", "/after",
             "/after?hindsight=yes", f"/statements/{record}", "/after.json", "/after.stix.json"]  # fmt: skip
    for user in (cio, ciso):
        client = sign_in(user)
        for path in paths:
            assert client.get(f"/incidents/{key}{path}").status_code == 200, path
    stix = json.loads(client.get(f"/incidents/{key}/after.stix.json").content)
    assert {"incident", "note"} <= {one["type"] for one in stix["objects"]}


def test_clocks_run_from_determinations_of_people(ciso: User, sign_in: SignIn) -> None:
    """An anchor set on the page starts the clock, and a filing stops it."""
    key, client = opened(ciso), sign_in(ciso)
    client.post(
        f"/incidents/{key}/assess", {"regime": "eu-gdpr-33", "reason": "payroll data", "applies": "yes"}
    )
    page = client.get(f"/incidents/{key}/clocks").content.decode()
    assert "Not legal advice" in page
    assert "Waits for" in page
    at = f"{clock.now() - timedelta(hours=1, minutes=1):%Y-%m-%dT%H:%M}"
    fields = {
        "regime": "eu-gdpr-33",
        "anchor": "aware",
        "at": at,
        "reason": "the analyst said so",
        "token": "a",
    }
    assert client.post(f"/incidents/{key}/say/clock.anchored", fields).status_code == 302
    assert "in 2 d 22 h" in client.get(f"/incidents/{key}/clocks").content.decode()


def test_a_drill_is_marked_on_every_page(ciso: User, sign_in: SignIn) -> None:
    """Nobody may take a drill for the real thing, or the reverse."""
    client = sign_in(ciso)
    client.post("/incidents/begin", {"drill": "ransomware-core-service", "token": "d"})
    key = LedgerRecord.objects.get(kind="drill.opened") and _only_key()
    for path in ("", "/clocks", "/briefs/board", "/ask", "/after"):
        page = client.get(f"/incidents/{key}{path}").content.decode()
        assert "DRILL. Nothing here is real" in page
        assert "<title>DRILL: " in page
    assert not LedgerRecord.objects.filter(kind__startswith="incident.").exists()


def _only_key() -> str:
    with incidents.looking() as room:
        return next(iter(room.state().by_id))


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


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    """Run a real HTTP server on loopback that can be told to refuse."""
    server = Webhook()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


def test_a_brief_goes_out_word_for_word_and_a_failure_is_shown_and_tried_again(
    ciso: User, sign_in: SignIn, webhook: Webhook, channel_file: Path
) -> None:
    """A delivery that fails is never silent: it stands on the page, and the next attempt delivers it."""
    channel_file.write_text(f'[chat]\nurl = "json://127.0.0.1:{webhook.server_port}/"\nclearance = "AMBER"\n')
    key, client = opened(ciso), sign_in(ciso)
    said(ciso)
    page = client.get(f"/incidents/{key}/briefs/operations").content.decode()
    at = re.search(r'name="at" value="([^"]+)"', page)
    assert at is not None
    webhook.status = 503
    fields = {"at": at[1], "channel": "chat", "token": "send"}
    for _ in range(2):
        assert client.post(f"/incidents/{key}/briefs/operations/send", fields).status_code == 302
    assert Job.objects.filter(kind=incidents.DELIVERY).exists()
    assert incidents.deliver_due(clock.now()) == 1
    shown = client.get(f"/incidents/{key}").content.decode()
    assert "Not delivered" in shown
    assert "The message was not taken" in shown
    webhook.status = 200
    assert incidents.deliver_due(clock.now()) == 0, "the next attempt comes after a wait"
    assert incidents.deliver_due(clock.now() + timedelta(minutes=2)) == 1
    assert len(webhook.taken) == 1
    assert "Files on pay-3 end in .lock" in webhook.taken[0]["message"]
    assert webhook.taken[0]["title"].startswith("[TLP:AMBER] ")
    later = {"at": (clock.now() + timedelta(minutes=3)).isoformat()}
    assert "Not delivered" not in client.get(f"/incidents/{key}", later).content.decode()


def test_a_drill_sends_nothing(ciso: User, sign_in: SignIn, webhook: Webhook, channel_file: Path) -> None:
    """Its brief is queued, kept back and shown as such; no server hears of it."""
    channel_file.write_text(f'[drill]\nurl = "json://127.0.0.1:{webhook.server_port}/"\nclearance = "RED"\n')
    client = sign_in(ciso)
    client.post("/incidents/begin", {"drill": "leaked-credentials", "token": "d"})
    fields = {"at": clock.now().isoformat(), "channel": "drill", "token": "send"}
    assert client.post(f"/incidents/{_only_key()}/briefs/board/send", fields).status_code == 302
    assert incidents.deliver_due(clock.now()) == 1
    assert webhook.taken == []


def test_the_ledger_pages_keep_marks(ciso: User, cio: User, sign_in: SignIn) -> None:
    """Neither list nor record nor export shows a statement to whom its mark does not name."""
    key = opened(ciso)
    said(ciso, "Files are encrypted", tlp="GREEN")
    before = _plain(sign_in(cio).get("/ledger"))
    secret = said(ciso, "The source is in the board room", tlp="RED", next_update=None)
    client = sign_in(cio)
    assert _plain(client.get("/ledger")) == before
    assert client.get(f"/ledger/{secret}").status_code == 404
    assert client.get("/ledger/export").status_code == 403
    assert key
    exported = b"".join(sign_in(ciso).get("/ledger/export").streaming_content)
    assert b"board room" in exported


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
    body = {**profile, "quiet": quiet, "urgent_in_quiet": False}
    dialogue.say(Actor.of(cio), "profile.stated", body)
    page, own, same = shown()
    assert same == facts
    assert own == usual[::-1]
    assert "<option selected>chat</option>" in page
    assert "It waits for the end of their quiet hours" in page
    assert "Source: EDR" not in page
    at = re.search(r'name="at" value="([^"]+)"', page)
    assert at is not None
    fields = {"at": at[1], "channel": "chat", "token": "s"}
    assert client.post(f"/incidents/{key}/briefs/operations/send", fields).status_code == 302
    assert incidents.deliver_due(clock.now()) == 0
    assert (
        "waits for quiet hours to end" in client.get(f"/incidents/{key}/briefs/operations").content.decode()
    )


def test_what_waiting_costs_is_computed_by_the_desk(ciso: User, sign_in: SignIn, tmp_path: Path) -> None:
    """A form can be forged; the price comes from the estate's services and the judgement alone."""
    company = write_sample(tmp_path / "company")
    files = [company.estate, *(company.estate.parent / "calendars").glob("*.ics")]
    estate.adopt(Actor.of(ciso), {path.name: path.read_bytes() for path in files})
    service = next(iter(convert.estate_of(convert.latest_estate()).services.values()))
    key, client = opened(ciso), sign_in(ciso)
    needed = f"{clock.now() + timedelta(hours=1):%Y-%m-%dT%H:%M}"
    fields = {
        "question": "Cut it off?", "option_1": "Cut", "option_2": "Wait", "recommendation": "option-1",
        "is_reversible": "yes", "needed_by": needed, "tlp": "AMBER", "token": "q",
        "down": service.id, "cost_low_per_hour": "1", "cost_high_per_hour": "1", "basis": "forged",
    }  # fmt: skip
    assert client.post(f"/incidents/{key}/ask/now", fields).status_code == 302
    bare = {**{name: value for name, value in fields.items() if name != "down"}, "token": "r"}
    assert client.post(f"/incidents/{key}/ask/now", bare).status_code == 302
    with incidents.looking() as room:
        priced, unpriced = room.incident(key).decisions.values()
    there = priced.asked.time.astimezone(ZoneInfo(service.timezone))
    expected = float(service.downtime_cost_per_hour[there.weekday(), there.hour])
    assert expected > 1
    assert (priced.act.cost_low_per_hour, priced.act.cost_high_per_hour) == (expected, expected)
    assert "forged" not in priced.act.basis
    assert unpriced.act.cost_low_per_hour is None
    wrong = {**fields, "down": "", "reachable": service.id, "low": "x", "high": "3", "token": "w"}
    assert client.post(f"/incidents/{key}/ask/now", wrong).status_code == 400


def test_a_stage_rests_is_received_and_need_not_be_due(ciso: User, sign_in: SignIn) -> None:
    """Each by a form on the clocks' page, and only where the rule knows of it."""
    key, client = opened(ciso), sign_in(ciso)
    regime = "us-sec-8k-105"
    client.post(f"/incidents/{key}/assess", {"regime": regime, "reason": "listed", "applies": "yes"})
    at = f"{clock.now() - timedelta(hours=1):%Y-%m-%dT%H:%M}"

    def say(name: str, **fields: str) -> None:
        posted = {"regime": regime, "token": name, **fields}
        assert client.post(f"/incidents/{key}/say/{name}", posted).status_code == 302

    page = client.get(f"/incidents/{key}/clocks").content.decode()
    assert "Let a stage rest lawfully" in page
    assert "Record a receipt" not in page
    say("clock.anchored", anchor="determined-material", at=at, reason="the board said so")
    until = f"{clock.now() + timedelta(days=30):%Y-%m-%dT%H:%M}"
    stage = re.findall(r'<option value="([^"]+)">Form 8-K', page)[0]
    say("clock.suspended", stage=stage, until=until, authority="Attorney General", reference="AG 1")
    assert "rests lawfully until" in client.get(f"/incidents/{key}/clocks").content.decode()
    say("clock.sent", stage=stage, at=at, reference="0001")
    assert "No receipt yet" in client.get(f"/incidents/{key}/clocks").content.decode()
    say("clock.receipt", stage=stage, at=at, receipt="accepted 0001")
    other = next(
        one for one in re.findall(r'<option value="([^"]+)">', page) if one != stage and "amend" in one
    )
    say("clock.stage", stage=other, applies="no", reason="nothing was missing")
    page = client.get(f"/incidents/{key}/clocks").content.decode()
    assert "Receipt: accepted 0001" in page
    assert "Not due here: nothing was missing." in page


def test_what_stays_open_becomes_a_goal_and_an_exception(
    ciso: User, security_staff: User, sign_in: SignIn
) -> None:
    """One press makes the real thing in the dialogue, linked both ways; once, and only by who may say it."""
    key = opened(ciso)
    records = {}
    for becomes in ("goal", "exception"):
        fields = {"incident": key, "text": f"Logs of {becomes}", "becomes": becomes, "owner": "SOC"}
        records[becomes] = incidents.act(Actor.of(ciso), "followed", {**fields, "due": "2030-01-31"}).hash
    paths = {name: f"/incidents/{key}/after/{record}" for name, record in records.items()}
    assert sign_in(security_staff).post(paths["goal"]).status_code == 403
    client = sign_in(ciso)
    for path in paths.values():
        assert client.post(path).status_code == 302
        assert client.post(path).status_code == 400
    state = dialogue.state_of(Actor.of(ciso))
    goal, risk = (
        state.goals[f"after-{records['goal'][:10]}"],
        state.exceptions[f"after-{records['exception'][:10]}"],
    )
    assert (goal.act.title, risk.act.owner) == ("Logs of goal", "SOC")
    assert key in goal.act.measure
    assert key in risk.act.what
    page = client.get(f"/incidents/{key}/after").content.decode()
    assert f'href="/dialogue/goals#after-{records["goal"][:10]}"' in page
    assert "Make it" not in page


def test_what_stays_open_becomes_a_limit_on_the_table(ciso: User, sign_in: SignIn) -> None:
    """The limit goes the way of every limit; when the table refuses it, the follow-up stays open."""
    key = opened(ciso)
    fields = {"incident": key, "text": "Web hosts get fixes in a week", "becomes": "limit", "owner": "SOC"}
    record = incidents.act(Actor.of(ciso), "followed", {**fields, "due": "2030-01-31"}).hash
    path, client = f"/incidents/{key}/after/{record}", sign_in(ciso)
    assert client.post(path, {"rule": "deadline", "amount": "7"}).status_code == 400, "no table is open"
    with incidents.looking() as room:
        assert room.incident(key).follow_ups[record].done is None


def test_several_writers_lose_nothing_and_double_nothing(committed: None, cio: User, ciso: User) -> None:
    """Two people at once, one statement corrected twice, a double submit: on every database."""
    key = opened(ciso)
    first = said(ciso)
    said(cio, "Orders go by phone")
    texts = [f"{user.username} {number}" for number in range(12) for user in (cio, ciso)]
    done, refused = [], []

    def write(user: User, text: str, **more: Any) -> None:
        try:
            done.append(said(user, text, **more))
        except IncidentError as error:
            refused.append(error.faults[0].id)
        finally:
            connection.close()

    jobs = [(cio if text.startswith("cio") else ciso, text, {"token": text}) for text in texts]
    jobs += jobs[:6]  # submitted twice
    correction = {"corrects": first, "fault": "another host"}
    jobs += [(user, "It is pay-4", correction) for user in (cio, ciso)]
    threads = [threading.Thread(target=write, args=job[:2], kwargs=job[2]) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    with incidents.looking() as room:
        told = room.incident(key).order
        corrected = room.incident(key).statements[first].corrected_by
    assert sorted(one.act.text for one in told[2:]) == sorted([*texts, "It is pay-4"])
    assert refused == ["E827"]
    assert corrected == next(one.record for one in told if one.act.corrects)
    assert DeskLedger().verify().broken is None
