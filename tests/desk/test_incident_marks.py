"""Marks at the desk: what is not for somebody leaves no trace on any page of theirs."""

from __future__ import annotations

import re
from datetime import timedelta

from django.test import Client

from desk.incident_cases import SignIn, asked, opened, plain, said
from desk.test_api import issued
from poise.desk import clock
from poise.desk.actions import Actor, incidents
from poise.desk.ledger import DeskLedger
from poise.desk.models import User


def paths_of(key: str) -> list[str]:
    return ["/", "/incidents", f"/incidents/{key}", f"/incidents/{key}/briefs/operations",
            f"/incidents/{key}/after", f"/incidents/{key}/after.json"]  # fmt: skip


def test_what_is_not_for_a_watcher_leaves_no_trace(
    ciso: User, staff: User, auditor: User, sign_in: SignIn
) -> None:
    """Neither text nor count nor version nor a line on the home page tells of a RED statement."""
    key = opened(ciso)
    said(ciso, "Files are encrypted", tlp="GREEN")
    pages = {}
    for user in (staff, auditor):
        client = sign_in(user)
        pages[user.username] = [plain(client.get(path)) for path in paths_of(key)]
    # A promise is everybody's to see; these make none.
    secret = said(ciso, "The source is in the board room", tlp="RED", next_update=None)
    said(ciso, "Since May", tlp="RED", corrects=secret, fault="no date", next_update=None)
    for user in (staff, auditor):
        client = sign_in(user)
        assert [plain(client.get(path)) for path in paths_of(key)] == pages[user.username]
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
    paths = [*paths_of(key), f"/incidents/{key}/clocks", f"/incidents/{key}?before=5"]
    before = [plain(client.get(path)) for path in paths]
    incidents.assess(Actor.of(ciso), key, "eu-gdpr-33", "it holds salaries", applies=True)
    wanted = (clock.now() + timedelta(hours=1)).isoformat()
    by = Actor.of(cio)
    incidents.act(by, "asked", {"incident": key, "what": "Is payroll lost?", "wanted_by": wanted})
    sent = {"audience": "operations", "channel": "chat", "subject": "[TLP:AMBER] x", "text": "t"}
    incidents.act(by, "brief.queued", {"incident": key, "mark": "AMBER", **sent})
    for number in range(20):
        said(ciso, f"Host {number} is touched")
    assert [plain(client.get(path)) for path in paths] == before
    assert "Is payroll lost?" in sign_in(ciso).get(f"/incidents/{key}").content.decode()


def test_the_agenda_follows_incidents_and_keeps_their_marks(cio: User, ciso: User, sign_in: SignIn) -> None:
    """What an incident waits for comes to the other's open agenda; what is RED does not make it ask again."""
    opened(ciso)
    client = sign_in(cio)

    def follow(seen: str = "") -> tuple[int, str]:
        answer = client.get("/dialogue", {"seen": seen}, headers={"HX-Request": "true"})
        return answer.status_code, answer.content.decode()

    first = re.search(r"seen=(\w+)", follow()[1])
    assert first is not None
    said(ciso, "The source is in the board room", tlp="RED", next_update=None)
    assert follow(first[1]) == (204, "")
    asked(ciso)
    status, page = follow(first[1])
    assert status == 200
    assert "Cut it off" in page


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


def test_the_ledger_pages_keep_marks(ciso: User, cio: User, sign_in: SignIn) -> None:
    """Neither list nor record nor export shows a statement to whom its mark does not name."""
    key = opened(ciso)
    said(ciso, "Files are encrypted", tlp="GREEN")
    before = plain(sign_in(cio).get("/ledger"))
    secret = said(ciso, "The source is in the board room", tlp="RED", next_update=None)
    client = sign_in(cio)
    assert plain(client.get("/ledger")) == before
    assert client.get(f"/ledger/{secret}").status_code == 404
    assert client.get("/ledger/export").status_code == 403
    place = DeskLedger().record(secret).sequence
    assert client.get(f"/agreements/{place}/export").status_code == 400
    assert client.get(f"/agreements/{secret}/export").status_code == 400
    answered = Client().get("/api/ledger", **issued(cio, "ledger.read"))
    assert answered.status_code == 200
    assert not any(one["kind"].startswith("incident.") for one in answered.json()["records"])
    assert "/ledger/export" not in before, "what is refused is not offered"
    assert key
    exported = b"".join(sign_in(ciso).get("/ledger/export").streaming_content)
    assert b"board room" in exported
