"""Letters of the dialogue: in time, in form, over a real SMTP server, retried, shown, and never twice."""

from __future__ import annotations

import email
import email.policy
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from django.test import Client
from icalendar import Calendar

from poise.desk import clock, convert
from poise.desk.actions import letters
from poise.desk.ledger import DeskLedger
from poise.desk.models import Job, Letter

#: A Monday before anybody is at work.
MONDAY = datetime(2026, 1, 5, 5, 0, tzinfo=UTC)


class Mailbox:
    """What an SMTP server took, by recipient; refuses everybody in ``refuses``."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, email.message.EmailMessage]] = []
        self.refuses: set[str] = set()

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        """Take or refuse a message."""
        if self.refuses & set(envelope.rcpt_tos):
            return "450 busy"
        found = email.message_from_bytes(envelope.content, policy=email.policy.default)
        self.taken.append((envelope.rcpt_tos[0], found))  # type: ignore[arg-type]
        return "250 OK"


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    """Give a real SMTP server, and the channels that lead to it."""
    found = Mailbox()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    controller = Controller(found, hostname="127.0.0.1", port=port)
    controller.start()
    path = convert.folder() / "channels.toml"
    lines = [
        f'[mail-{who}]\nurl = "mailto://127.0.0.1:{port}?from=desk@poise.example&to={who}@poise.example'
        '&mode=insecure"\n'
        for who in ("cio", "ciso")
    ]
    path.write_text("".join(lines), encoding="utf-8")
    yield found
    path.unlink()
    controller.stop()


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """Return a function that sets the desk's clock."""

    def set_clock(moment: datetime) -> None:
        monkeypatch.setattr(clock, "now", lambda: moment)

    set_clock(MONDAY)
    return set_clock


def say(client: Client, kind: str, **fields: Any) -> None:
    assert client.post(f"/dialogue/say/{kind}", fields).status_code == 302


@pytest.fixture
def sides(cio: Any, ciso: Any, at: Any, sign_in: Callable[[Any], Client]) -> tuple[Client, Client]:
    """Both sides with their own ways: daily in Berlin, weekly on Wednesday at six within quiet hours."""
    operations, security = sign_in(cio), sign_in(ciso)
    quiet = {"quiet_start": "19:00", "quiet_end": "07:00", "quiet_weekends": "on"}
    say(
        operations, "profile.stated", cadence="daily", time="08:00", timezone="Europe/Berlin",
        channels="mail-cio", style="numbers first", detail="headline", **quiet,
    )  # fmt: skip
    say(
        security, "profile.stated", cadence="weekly", day="2", time="06:00", timezone="UTC",
        channels="mail-ciso", style="options first", detail="full", notices="at once", **quiet,
    )  # fmt: skip
    say(operations, "goal.proposed", title="Grow online sales")
    say(
        operations, "decision.asked", question="Patch the shop in January?", needed_by="2026-01-30T12:00",
        option_text_1="Yes", option_price_1="900", option_text_2="No", cost_per_day="75", basis="stated",
    )  # fmt: skip
    return operations, security


def work(now: datetime) -> tuple[int, int]:
    """Do what the worker does at a moment: write what is due, and send it."""
    letters.start(now)
    return letters.send_due(now)


def test_each_gets_the_digest_at_its_own_time_with_the_meeting(
    sides: tuple[Client, Client], mailbox: Mailbox, at: Any
) -> None:
    """Daily at eight in Berlin; on Wednesday when quiet hours end, at seven; one meeting for both."""
    assert work(MONDAY + timedelta(hours=1, minutes=59)) == (0, 0)
    assert work(MONDAY + timedelta(hours=2)) == (1, 0)
    assert [who for who, _ in mailbox.taken] == ["cio@poise.example"]
    assert work(datetime(2026, 1, 6, 7, 0, tzinfo=UTC)) == (1, 0)
    mailbox.taken.clear()
    assert work(datetime(2026, 1, 7, 6, 59, tzinfo=UTC)) == (0, 0)
    assert work(datetime(2026, 1, 7, 7, 0, tzinfo=UTC)) == (2, 0)
    (_, daily), (who, weekly) = mailbox.taken
    assert who == "ciso@poise.example"
    meetings = [_meeting(one) for one in (daily, weekly)]
    assert meetings[0]["uid"] == meetings[1]["uid"] == "poise-agenda-2026-01-12@poise"
    assert meetings[0].start == meetings[1].start == datetime(2026, 1, 12, 9, tzinfo=UTC)
    said = [one.get_body(("plain",)).get_content() for one in (daily, weekly)]
    for fact in ("Patch the shop in January?", "a day of waiting costs 75", "option: Yes (900)"):
        assert all(fact in text for text in said)
    assert said[0].index("In full") < said[0].index("a day of waiting")
    assert "In full" not in said[1]


def _meeting(message: Any) -> Any:
    (attached,) = list(message.iter_attachments())
    assert (attached.get_filename(), attached.get_content_type()) == ("agenda.ics", "text/calendar")
    (event,) = Calendar.from_ical(attached.get_payload(decode=True)).events
    return event


def test_nothing_is_written_or_sent_twice(sides: tuple[Client, Client], mailbox: Mailbox) -> None:
    """However often the worker looks, and however late; a slot that was missed is told of once."""
    moment = MONDAY + timedelta(hours=2)
    for minutes in range(5):
        work(moment + timedelta(minutes=minutes))
    assert len(mailbox.taken) == 1
    late = moment + timedelta(days=3)
    for _ in range(3):
        work(late)
    assert len(mailbox.taken) == 3
    assert Job.objects.filter(kind=letters.SENDING).count() == 1  # one waits; none is queued beside it


def test_a_failure_is_shown_and_tried_again_outside_quiet_hours(
    sides: tuple[Client, Client], mailbox: Mailbox, at: Any
) -> None:
    """Its own side alone reads why; the other's letter goes; in the end it is given up until asked for."""
    mailbox.refuses = {"cio@poise.example"}
    moment = MONDAY + timedelta(hours=2)
    assert work(moment) == (0, 1)
    at(moment)
    operations, security = sides
    assert "the server refused it" in operations.get("/dialogue/digest").content.decode()
    assert operations.get("/").content.decode().count("Not delivered") == 1
    assert "refused" not in security.get("/dialogue/digest").content.decode()
    assert "Not delivered" not in security.get("/").content.decode()
    row = Letter.objects.get(party="operations")
    while row.state == Letter.State.WAITING:
        assert row.next_attempt is not None
        assert 6 <= row.next_attempt.hour < 18
        at(row.next_attempt)
        letters.send_due(row.next_attempt)
        row.refresh_from_db()
    assert (row.state, row.attempts) == ("given up", 1 + len(letters.RETRY_MINUTES))
    assert security.post(f"/dialogue/letters/{row.pk}/again").status_code == 409
    mailbox.refuses.clear()
    assert operations.post(f"/dialogue/letters/{row.pk}/again").status_code == 302
    assert letters.send_due(clock.now()) == (1, 0)
    assert operations.post(f"/dialogue/letters/{row.pk}/again").status_code == 409
    assert [who for who, _ in mailbox.taken].count("cio@poise.example") == 1


def test_of_several_addresses_each_gets_it_once(
    sides: tuple[Client, Client], mailbox: Mailbox, at: Any
) -> None:
    """Two in one channel and one in another: who is refused is tried again, who got it is not written to."""
    path = convert.folder() / "channels.toml"
    text = path.read_text(encoding="utf-8")
    several = text.replace("to=cio@poise.example", "to=cio@poise.example,deputy@poise.example")
    path.write_text(several, encoding="utf-8")
    at(MONDAY + timedelta(minutes=1))
    say(
        sides[0], "profile.stated", cadence="daily", time="08:00", timezone="Europe/Berlin",
        channels="mail-cio\nmail-ciso\nmail-cio", quiet_start="19:00", quiet_end="07:00",
    )  # fmt: skip
    mailbox.refuses = {"deputy@poise.example"}
    moment = MONDAY + timedelta(hours=2)
    assert work(moment) == (2, 1)
    states = dict(Letter.objects.values_list("channel", "state"))
    assert states == {"mail-cio#1": "sent", "mail-cio#2": "waiting", "mail-ciso": "sent"}
    mailbox.refuses.clear()
    for minutes in (1, 6, 60):
        work(moment + timedelta(minutes=minutes))
    to = sorted(who for who, _ in mailbox.taken)
    assert to == ["cio@poise.example", "ciso@poise.example", "deputy@poise.example"]
    Letter.objects.filter(channel="mail-cio#2").update(state=Letter.State.WAITING, next_attempt=moment)
    path.write_text(text, encoding="utf-8")  # the deputy is taken off the channel meanwhile
    assert work(moment + timedelta(minutes=90)) == (0, 1)
    assert "no address 2" in Letter.objects.get(channel="mail-cio#2").fault


def test_what_may_have_gone_is_not_sent_again_by_itself(
    sides: tuple[Client, Client], mailbox: Mailbox, at: Any
) -> None:
    """A worker that died while it spoke to the server leaves a letter that only its reader sends again."""
    moment = MONDAY + timedelta(hours=2)
    letters.start(moment)
    taken = letters._take(moment)  # and here the worker is killed
    assert taken is not None
    assert letters.send_due(moment) == (0, 0)
    taken.refresh_from_db()
    assert taken.state == Letter.State.UNSURE
    at(moment)
    assert "may have gone" in sides[0].get("/dialogue/digest").content.decode()
    assert not mailbox.taken
    assert sides[0].post(f"/dialogue/letters/{taken.pk}/again").status_code == 302
    assert letters.send_due(moment) == (1, 0)


def test_a_notice_comes_at_once_only_to_whom_wants_it(
    sides: tuple[Client, Client], mailbox: Mailbox, at: Any
) -> None:
    """Security wants offers by themselves, operations with the digest; what was dealt with is not told of."""
    operations, security = sides
    noon = MONDAY + timedelta(hours=7)
    work(noon)
    mailbox.taken.clear()
    at(noon)
    say(security, "disagreement.raised", title="Freeze", type="interests")
    id = next(iter(DeskLedger().records(kind="disagreement.raised"))).body["id"]  # type: ignore[index]
    offer = {"how": "trade", "gives_operations": "Two weeks", "gives_security": "The limit"}
    say(operations, "settlement.proposed", disagreement=id, outcome="Half of it", **offer)
    assert work(noon) == (1, 0)
    ((who, message),) = mailbox.taken
    assert who == "ciso@poise.example"
    text = message.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert text.index("Operations gives: Two weeks") < text.index("outcome: Half of it")
    assert not list(message.iter_attachments())
    say(operations, "settlement.proposed", disagreement=id, outcome="A third", **offer)
    say(operations, "settlement.proposed", disagreement=id, outcome="A quarter", **offer)
    assert work(noon + timedelta(minutes=1)) == (1, 0)  # what was offered in between stands no more


def test_nobody_is_written_to_who_did_not_say_how(cio: Any, ciso: Any, mailbox: Mailbox) -> None:
    """Without a profile there is no letter, no job, and no reading of the record."""
    assert not letters.start(MONDAY + timedelta(days=30))
    assert not Letter.objects.exists()


def test_a_channel_that_is_not_there_is_a_failure_that_is_shown(
    cio: Any, at: Any, sign_in: Callable[[Any], Client]
) -> None:
    """The administrator's file lacks it; the reader sees that, and no address is told."""
    client = sign_in(cio)
    say(client, "profile.stated", channels="mail", timezone="UTC", time="08:00")
    moment = MONDAY + timedelta(hours=3)
    assert work(moment) == (0, 1)
    at(moment)
    assert "There is no channel &#x27;mail&#x27;" in client.get("/dialogue/digest").content.decode()
