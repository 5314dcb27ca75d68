"""The incident desk's pages: what is said, seen, promised and decided."""

from __future__ import annotations

import json
import re
import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from desk.incident_cases import SignIn, asked, form, only_key, opened, said
from poise.desk import clock
from poise.desk.actions import Actor, incidents
from poise.desk.ledger import DeskLedger
from poise.desk.models import LedgerRecord, User
from poise.errors import IncidentError, NotAllowedError


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
    incidents.assess(Actor.of(ciso), key, "pci-visa", "no card is on it", applies=False)
    at = f"?at={clock.now() + timedelta(minutes=1):%Y-%m-%dT%H:%M:%SZ}"
    briefs = [f"/briefs/{one}" for one in ("operations", "security", "board", "board?upto=GREEN")]
    paths = ["", at, f"{at}&to=operations", "/clocks", *briefs, "/ask", "/after", "/after?hindsight=yes"]
    paths += [f"/statements/{record}", "/after.json", "/after.stix.json"]
    for user in (cio, ciso):
        client = sign_in(user)
        for path in paths:
            assert client.get(f"/incidents/{key}{path}").status_code == 200, path
    stix = json.loads(client.get(f"/incidents/{key}/after.stix.json").content)
    assert {"incident", "note"} <= {one["type"] for one in stix["objects"]}


def test_a_drill_is_marked_on_every_page(ciso: User, sign_in: SignIn) -> None:
    """Nobody may take a drill for the real thing, or the reverse."""
    client = sign_in(ciso)
    client.post("/incidents/begin", {"drill": "ransomware-core-service", "token": "d"})
    key = LedgerRecord.objects.get(kind="drill.opened") and only_key()
    for path in ("", "/clocks", "/briefs/board", "/ask", "/after"):
        page = client.get(f"/incidents/{key}{path}").content.decode()
        assert "DRILL. Nothing here is real" in page
        assert "<title>DRILL: " in page
    page = client.get(f"/incidents/{key}").content.decode()
    assert "To be judged by both sides before the end" in page
    assert "the question whether " in page
    assert not LedgerRecord.objects.filter(kind__startswith="incident.").exists()


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


def test_what_is_real_stands_before_what_is_exercised(ciso: User, sign_in: SignIn) -> None:
    """Whoever looks for an incident must not read a drill first, however new it is."""
    opened(ciso)
    by = Actor.of(ciso)
    fields = {"incident": "drill-1", "lead": ciso.username, "detected": by.now.isoformat()}
    incidents.open_drill(by, "leaked-credentials", fields)
    page = sign_in(ciso).get("/incidents").content.decode()
    assert 0 < page.index('href="/incidents/payroll"') < page.index('href="/incidents/drill-1"')


def test_a_review_without_events_has_no_lane_for_them(ciso: User, sign_in: SignIn) -> None:
    """A column that nothing stands in takes the room of what was known."""
    opened(ciso)
    said(ciso)
    client = sign_in(ciso)
    assert "Events</th>" not in client.get("/incidents/payroll/after").content.decode()
    said(ciso, "The host was off", true_from=Actor.of(ciso).now.isoformat())
    assert "Events</th>" in client.get("/incidents/payroll/after").content.decode()


def test_people_are_called_by_their_names(ciso: User, cio: User, sign_in: SignIn) -> None:
    """In incidents and on the ledger; what the ledger calls them stays what one searches by."""
    User.objects.filter(pk=ciso.pk).update(first_name="Vera", last_name="Field")
    opened(ciso)
    said(ciso)
    client = sign_in(cio)
    for path in ("/incidents", "/incidents/payroll", "/incidents/payroll/after"):
        assert "Vera Field" in client.get(path).content.decode(), path
    post = sign_in(ciso).post("/dialogue/say/goal.proposed", {"title": "Keep the tills open"})
    assert post.status_code == 302
    page = client.get("/ledger", {"author": ciso.username, "kind": "goal.proposed"}).content.decode()
    assert ">Vera Field</td>" in page
    number = LedgerRecord.objects.get(kind="goal.proposed").sequence
    assert "Vera Field proposed the goal" in client.get(f"/ledger/{number}").content.decode()
