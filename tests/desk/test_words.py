"""What pages write for people: roles, names, days and amounts, never keys or broken lines."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from html import unescape
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from django.template import Context, Template
from django.test import Client

from desk.test_negotiation import Two, post, seal_both, text, two
from poise.desk import naming, telling
from poise.desk.actions import Actor, people
from poise.desk.charts.frontier import Point, frontier
from poise.desk.ledger import DeskLedger
from poise.desk.models import User
from poise.desk.pages.table_figure import hull_of
from poise.desk.telling import Need
from table.cases import small_ground

__all__ = ["two"]

SignIn = Callable[[User], Client]
SIGNED = "We make 9 of 12 changes by 2026-03-08: expected loss EUR 58,427 & more until 2026-07-06."


def shown(pattern: str, **values: object) -> str:
    return Template("{% load desk %}" + pattern).render(Context(values))


def test_records_say_roles_and_people_in_words(administrator: User) -> None:
    """Who was let in, as what: no key of a role, and the name that pages use."""
    olaf = people.admit(Actor.desk(), "olaf", "fifteen letters are enough", "operations-staff", "Olaf Berg")
    record = next(iter(DeskLedger().records(-1)))
    assert telling.sentence(record) == "let Olaf Berg in as Operations staff"
    assert telling.person(record.statement.author) == "The desk"
    people.give_role(Actor.desk(), olaf, "security-staff")
    record = next(iter(DeskLedger().records(-1)))
    assert telling.sentence(record) == "changed the role of Olaf Berg from Operations staff to Security staff"
    assert telling.person("somebody-of-old") == "somebody-of-old"


def test_signed_sentences_keep_every_character_and_break_in_no_day() -> None:
    """What was signed is shown byte for byte; days and amounts stand on one line."""
    html = shown("{{ text|unbroken }}", text=SIGNED)
    assert unescape(re.sub(r"<[^>]+>", "", html)) == SIGNED
    assert re.findall(r'<span class="whole">([^<]*)</span>', html) == [
        "2026-03-08",
        "EUR 58,427",
        "2026-07-06",
    ]
    assert "<b>" not in shown("{{ text|unbroken }}", text="<b>2026-03-08")


def test_days_are_written_as_pages_write_them() -> None:
    """Of what nobody signs, days read as everywhere else; what is no day stays."""
    words = shown("{{ text|plain_dates }}", text="from 2026-01-10 00:00 to 2026-01-12, not 2026-13-40")
    text = re.sub(r"<[^>]+>", "", words)
    assert text == "from 10 Jan 2026, 00:00 to 12 Jan 2026, not 2026-13-40"


@pytest.mark.parametrize(
    ("start", "end", "words"),
    [
        ((2026, 1, 8, 20), (2026, 1, 8, 23), "8 Jan 2026, 20:00 to 23:00 UTC"),
        ((2026, 1, 8, 22), (2026, 1, 9, 3), "8 Jan 2026, 22:00 to 9 Jan 2026, 03:00 UTC"),
    ],
)
def test_a_span_says_day_and_zone_once(start: tuple[int, ...], end: tuple[int, ...], words: str) -> None:
    """A window of one evening needs its day once, and its zone once."""
    moments = [datetime(*one, tzinfo=UTC) for one in (start, end)]  # type: ignore[misc]
    html = shown("{% span start end %}", start=moments[0], end=moments[1])
    assert re.sub(r"<[^>]+>", "", html) == words


def test_what_can_wait_comes_last(monkeypatch: pytest.MonkeyPatch) -> None:
    """Home names first what somebody waits for, whatever the order of the features."""
    found = [Need("map assets", "/a", can_wait=True), Need("sign", "/b")]
    modules = (SimpleNamespace(needs=lambda _: iter(found)), SimpleNamespace())
    monkeypatch.setattr(telling, "features", lambda: modules)
    by: Any = None
    assert [one.text for one in telling.needs(by)] == ["sign", "map assets"]


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("/account/password/change/", "Change the password"),
        ("/account/2fa/", "No app is set up yet"),
        ("/account/signup/", "An administrator lets you in"),
        ("/account/3rdparty/login/error/", "The sign-in failed"),
    ],
)
def test_sign_in_pages_speak_as_the_desk(cio: User, sign_in: SignIn, address: str, says: str) -> None:
    """The pages around signing in use the desk's own words, not those of the library that does it."""
    client = Client() if "signup" in address or "error" in address else sign_in(cio)
    assert says in client.get(address).content.decode()


def test_the_desk_claims_no_mail_that_it_never_sends(cio: User, sign_in: SignIn) -> None:
    """No page says that a mail is on its way."""
    assert sign_in(cio).get("/account/confirm-email/").status_code == 404


def test_facts_about_many_changes_are_told_once_and_by_name() -> None:
    """One listing that touches many groups is one fact, and its changes stand under what people call them."""
    small = small_ground(8)
    changes = tuple(
        msgspec.structs.replace(one, id=f"CH-{number}") for number, one in enumerate(small.changes[:2])
    )
    keys, names = ("CH-0", "CH-1"), naming.names_of(msgspec.structs.replace(small, changes=changes), None)
    facts = [f"CVE-2026-1 is now known to be exploited: {key}" for key in keys] + ["a team is lost"]
    listed, lost = naming.told(facts, names)
    assert listed.text == "CVE-2026-1 is now known to be exploited"
    assert listed.changes == tuple(f"{one.remedy or one.id} on {one.group}" for one in changes)
    assert lost == naming.Fact("a team is lost")
    assert naming.named(f"{keys[0]} by 2026-01-20", names) == f"{listed.changes[0]} by 2026-01-20"
    assert naming.named("CH-nowhere stays", names) == "CH-nowhere stays"


def test_a_phone_reads_what_the_letters_of_the_frontier_stand_for() -> None:
    """Where names have no room, letters stand in the picture and their names under it."""
    points = [Point("If nobody signs", "D", 9.0, 9.0, "default"), Point("plan 1", "", 1.0, 2.0, "plan")]
    html = str(frontier(points, [], "EUR"))
    key = html.split('class="chart-narrow"')[1].split('class="chart-key"')[1]
    assert "<b>D</b> If nobody signs" in key
    assert "plan 1" not in key


def test_the_frontier_hatches_no_more_than_is_proven() -> None:
    """Between two plans far apart the proven line sags: a straight one would claim too much."""
    ground = msgspec.structs.replace(small_ground(8), line_weight=(10.0, 1.0), line_bound=(1000.0, 280.0))
    hull = hull_of(ground, 200.0)
    assert hull == [(0.0, 1000.0), (80.0, 200.0), (200.0, 80.0)]
    ends = [Point("", "", 1000.0, 1.0, "plan", 990.0), Point("", "", 90.0, 200.0, "plan", 80.0)]
    html = str(frontier([*ends, Point("If nobody signs", "D", 210.0, 80.0, "default")], hull, "EUR"))
    (line,) = re.findall(r'<polyline points="([^"]+)" class="bound"', html.split('class="chart-narrow"')[0])
    assert len(line.split()) == 3


@pytest.mark.usefixtures("committed")
def test_home_asks_each_side_for_its_next_step_alone(two: Two) -> None:
    """An answer, then the agreement, then a signature: one at a time, and nothing that was done already."""
    seal_both(two)
    post(two.ciso, "/table/propose", {"plan": "default"})
    assert "Answer proposal 1 of security." in text(two.cio, "/")
    assert "Answer proposal" not in text(two.ciso, "/")
    post(two.cio, "/table/proposals/1", {"answer": "accept"})
    assert "Answer proposal" not in text(two.cio, "/")
    post(two.ciso, "/table/proposals/1", {"answer": "accept"})
    for client in (two.cio, two.ciso):
        assert "Both accept proposal 1: make it an agreement." in text(client, "/")
    post(two.ciso, "/agreements/compose/1")
    for client in (two.cio, two.ciso):
        assert "make it an agreement" not in text(client, "/")
        assert "An agreement waits for your signature." in text(client, "/")
