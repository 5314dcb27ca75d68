"""The dialogue at the desk: forms to acts, one page for both, nothing about a person."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from desk.incident_cases import asked, opened
from desk.test_api import issued
from poise.desk import clock
from poise.desk.actions import Actor, dialogue, incidents
from poise.desk.ledger import DeskLedger
from poise.desk.pages.dialogue_home import SENTENCES
from poise.desk.sample_year import fill_year
from poise.dialogue.acts import ACTS
from poise.dialogue.year import END, WARNED
from poise.ledger import keyfile

if TYPE_CHECKING:
    from django.test import Client

    from poise.desk.models import User

SignIn = Callable[[Any], "Client"]


@pytest.fixture(autouse=True)
def _quick_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lock keys with few rounds: how slow a guess is made is tested with the ledger."""
    monkeypatch.setattr(keyfile, "KDF_ROUNDS", 2)


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """Return a function that sets the desk's clock."""

    def set_clock(moment: datetime) -> None:
        monkeypatch.setattr(clock, "now", lambda: moment)

    return set_clock


def person(username: str) -> User:
    from poise.desk.models import User

    return User.objects.get(username=username)


def say(client: Client, kind: str, **fields: Any) -> Any:
    return client.post(f"/dialogue/say/{kind}", fields)


def bodies(kind: str) -> list[dict[str, Any]]:
    return [record.body or {} for record in DeskLedger().records(kind=kind)]


def test_forms_become_acts_of_the_readers_own_side(cio: User, ciso: User, sign_in: SignIn) -> None:
    """The party is who signed in, whatever the form says; lists come by line, times in the reader's zone."""
    operations, security = sign_in(cio), sign_in(ciso)
    cio.timezone = "Europe/Berlin"
    cio.save()
    assert say(operations, "goal.proposed", title="Grow", party="security").status_code == 302
    (goal,) = bodies("goal.proposed")
    assert (goal["party"], goal["id"].startswith("grow-")) == ("operations", True)
    say(security, "goal.endorsed", goal=goal["id"])
    say(
        security,
        "disagreement.raised",
        title="Freeze",
        type="interests",
        goal=goal["id"],
        cost_per_day="12.5",
    )
    (raised,) = bodies("disagreement.raised")
    for client, words in ((operations, "mine"), (security, "ours")):
        say(
            client,
            "disagreement.position",
            disagreement=raised["id"],
            position=words,
            interest="why",
            options="one\n two \n\n",
            importance="7",
        )
    assert [body["options"] for body in bodies("disagreement.position")] == [["one", "two"]] * 2
    say(operations, "promise.made", what="Windows", due="2026-01-09T16:00")
    assert bodies("promise.made")[0]["due"] == "2026-01-09T16:00:00+01:00"
    page = operations.get("/dialogue").content.decode()
    for text in ("Freeze", "mine", "ours", "Windows", "12.5"):
        assert text in page


def test_home_tells_what_the_other_side_waits_for(
    cio: User, ciso: User, auditor: User, sign_in: SignIn
) -> None:
    """Questions, offers, goals and promises stand there until dealt with; every act is a sentence."""
    operations, security = sign_in(cio), sign_in(ciso)
    say(security, "goal.proposed", title="Trade through an attack")
    say(
        security, "decision.asked", question="Patch the shop?", needed_by="2030-01-01T12:00",
        option_text_1="Yes", option_text_2="No",
    )  # fmt: skip
    say(security, "disagreement.raised", title="Freeze", type="interests")
    id = bodies("disagreement.raised")[0]["id"]
    offer = {"disagreement": id, "how": "trade", "gives_operations": "a", "gives_security": "b"}
    say(security, "settlement.proposed", outcome="Half", **offer)
    say(security, "promise.made", what="The figures", due="2030-01-09T16:00")
    waiting = ("Decide: Patch the shop?", "Answer the offer: Freeze", "Trade through an attack</a>")
    page = operations.get("/").content.decode()
    assert all(text in page for text in (*waiting, "The figures, by security", "asked: Patch the shop?"))
    assert not any(text in security.get("/").content.decode() for text in waiting)
    assert "The figures, by security" not in sign_in(auditor).get("/").content.decode()
    say(operations, "goal.endorsed", goal=bodies("goal.proposed")[0]["id"])
    asked = bodies("decision.asked")[0]["id"]
    say(operations, "decision.made", decision=asked, option="option-1")
    operations.post(f"/dialogue/disagreements/{id}/accept", {"seen": "Half"})
    page = operations.get("/").content.decode()
    assert not any(text in page for text in waiting)
    assert set(SENTENCES) >= set(ACTS)


def test_a_settlement_is_accepted_as_it_was_read(cio: User, ciso: User, sign_in: SignIn) -> None:
    """Who read one offer does not accept another."""
    operations, security = sign_in(cio), sign_in(ciso)
    say(security, "disagreement.raised", title="Freeze", type="interests")
    id = bodies("disagreement.raised")[0]["id"]
    offer = {"disagreement": id, "how": "trade", "gives_operations": "a", "gives_security": "b"}
    say(operations, "settlement.proposed", outcome="first", **offer)
    say(operations, "settlement.proposed", outcome="second", **offer)
    late = security.post(f"/dialogue/disagreements/{id}/accept", {"seen": "first"})
    assert late.status_code == 409
    assert security.post(f"/dialogue/disagreements/{id}/accept", {"seen": "second"}).status_code == 302
    assert "settled by trade" in security.get(f"/dialogue/disagreements/{id}").content.decode()
    assert operations.post(f"/dialogue/disagreements/{id}/accept", {"seen": "second"}).status_code == 409


def test_what_is_refused_leaves_nothing(cio: User, sign_in: SignIn) -> None:
    """A faulty form is a page with its fault, and no record."""
    client = sign_in(cio)
    size = DeskLedger().head.size
    assert say(client, "goal.endorsed", goal="none").status_code == 400
    assert say(client, "promise.made", what="x", due="2026-99-09T16:00").status_code == 400
    assert say(client, "escalation.joint", disagreement="x").status_code == 404
    assert say(client, "nonsense").status_code == 404
    assert DeskLedger().head.size == size
    assert (
        client.post("/dialogue/say/goal.proposed", {"title": "x", "next": "https://elsewhere.example/"}).url
        == "/dialogue"
    )


def test_answers_are_the_pairs_and_open_together(
    cio: User, ciso: User, auditor: User, chair: User, sign_in: SignIn
) -> None:
    """One side's answers show to nobody; both sides' to the two alone; on the ledger stands a seal."""
    operations, security = sign_in(cio), sign_in(ciso)
    operations.post("/dialogue/survey/answers", {"often": "4", "fair": "1"})
    assert "sealed" in operations.get("/dialogue/survey").content.decode()
    assert "<td" not in security.get("/dialogue/survey").content.decode()
    security.post("/dialogue/survey/answers", {"often": "2"})
    for client in (operations, security):
        assert "far apart" in client.get("/dialogue/survey").content.decode()
    for other in (auditor, chair):
        assert sign_in(other).get("/dialogue/survey").status_code == 403
        assert sign_in(other).get("/dialogue/signals").status_code == 403
    assert "often" not in json.dumps([record.body for record in DeskLedger().records()])
    assert operations.post("/dialogue/survey/answers", {"often": "5"}).status_code == 400


def heard(cio: User, ciso: User, sign_in: SignIn, by: Any) -> tuple[Client, Client, str, dict[str, str]]:
    """Return both leads' clients, the address of a disagreement that both spoke to, and passphrases."""
    from poise.desk.actions import keys

    phrases = {user.username: f"{user.username} has a long passphrase" for user in (cio, ciso)}
    for user in (cio, ciso):
        keys.enrol(by(user), phrases[user.username])
    keys.vouch(by(cio), "ciso", phrases["cio"])
    operations, security = sign_in(cio), sign_in(ciso)
    say(security, "disagreement.raised", title="Logs", type="values")
    id = bodies("disagreement.raised")[0]["id"]
    path = f"/dialogue/disagreements/{id}"
    assert (
        operations.post(f"{path}/escalate", {"wanted": "which?"}).status_code == 400
    )  # nobody was heard yet
    for client in (operations, security):
        say(client, "disagreement.position", disagreement=id, position="mine", interest="why")
    operations.post(f"{path}/escalate", {"wanted": "which?"})
    return operations, security, path, phrases


def test_a_joint_page_goes_up_when_both_have_signed(cio: User, ciso: User, sign_in: SignIn, by: Any) -> None:
    """Composed by one, signed by each with an own key; it is on the ledger only then."""
    operations, security, path, phrases = heard(cio, ciso, sign_in, by)
    assert operations.post(f"{path}/sign", {"passphrase": "wrong"}).status_code == 400
    operations.post(f"{path}/sign", {"passphrase": phrases["cio"]})
    assert operations.post(f"{path}/sign", {"passphrase": phrases["cio"]}).status_code == 400
    assert security.post(f"{path}/escalate", {"wanted": "other?"}).status_code == 409
    assert not bodies("escalation.joint")
    security.post(f"{path}/sign", {"passphrase": phrases["ciso"]})
    (body,) = bodies("escalation.joint")
    assert body["page"]["wanted"] == "which?"
    assert "signed by both" in security.get(f"{path}/page").content.decode()


def test_nobody_signs_a_joint_page_that_they_have_not_read(
    cio: User, ciso: User, sign_in: SignIn, by: Any
) -> None:
    """The other side may compose it anew while nobody has signed; an open form is of the older one."""
    operations, security, path, phrases = heard(cio, ciso, sign_in, by)
    seen = re.search(r'name="seen" value="(\w+)"', operations.get(f"{path}/page").content.decode())
    assert seen is not None
    assert security.post(f"{path}/escalate", {"wanted": "all of your budget"}).status_code == 302
    given = {"passphrase": phrases["cio"], "seen": seen[1]}
    assert operations.post(f"{path}/sign", given).status_code == 409
    security.post(f"{path}/escalate", {"wanted": "which?"})


def test_no_page_goes_up_of_what_is_settled(cio: User, ciso: User, sign_in: SignIn, by: Any) -> None:
    """It would stand on the ledger, signed by both, and nobody would ever hear of it."""
    operations, security, path, phrases = heard(cio, ciso, sign_in, by)
    assert operations.post(f"{path}/sign", {"passphrase": phrases["cio"]}).status_code == 302
    fields = {
        "outcome": "done with it",
        "how": "trade",
        "gives_operations": "money",
        "gives_security": "time",
    }
    id = path.rsplit("/", 1)[1]
    say(operations, "settlement.proposed", disagreement=id, review_on="2030-01-10", **fields)
    seen = re.search(r'name="seen" value="([^"]*)"', security.get(path).content.decode())
    assert seen is not None
    assert security.post(f"{path}/accept", {"seen": seen[1]}).status_code == 302
    assert security.post(f"{path}/sign", {"passphrase": phrases["ciso"]}).status_code == 400
    assert not bodies("escalation.joint")


def test_how_each_works_is_the_two_leads_alone(cio: User, ciso: User, auditor: User, sign_in: SignIn) -> None:
    """On the ledger's pages and over the API too."""
    say(sign_in(ciso), "profile.stated", priorities="Win the budget round", cadence="daily")
    place = next(DeskLedger().records(kind="profile.stated")).sequence
    for user, status in ((cio, 200), (auditor, 404)):
        client = sign_in(user)
        assert client.get(f"/ledger/{place}").status_code == status
        listed = client.get("/ledger?kind=profile").content.decode()
        assert (f"/ledger/{place}" in listed) == (status == 200)
        kinds = [
            one["kind"] for one in client.get("/api/ledger", **issued(user, "ledger.read")).json()["records"]
        ]
        assert ("profile.stated" in kinds) == (status == 200)


def test_a_joint_page_signed_with_a_key_that_was_exchanged_since_is_signed_again(
    cio: User, ciso: User, sign_in: SignIn, by: Any
) -> None:
    """The ledger would refuse the whole once the other side has signed too."""
    from poise.desk.actions import keys

    operations, security, path, phrases = heard(cio, ciso, sign_in, by)
    operations.post(f"{path}/sign", {"passphrase": phrases["cio"]})
    keys.exchange(by(cio), phrases["cio"], "a new one for the same person")
    assert security.post(f"{path}/sign", {"passphrase": phrases["ciso"]}).status_code == 302
    assert not bodies("escalation.joint")
    operations.post(f"{path}/sign", {"passphrase": "a new one for the same person"})
    assert len(bodies("escalation.joint")) == 1


def article(text: str) -> str:
    found = re.search(r'<article id="signals">.*?</article>', text, re.DOTALL)
    assert found
    return found.group(0)


@pytest.mark.parametrize("moment", [WARNED, END], ids=["warned", "end"])
def test_both_roles_get_the_same_signals_byte_for_byte(
    moment: datetime, sign_in: SignIn, at: Callable[[datetime], None]
) -> None:
    """One page for both: its content and its export, with warnings and without."""
    at(moment)
    fill_year(moment)
    clients = [sign_in(person(name)) for name in ("anna", "bert")]
    pages = [article(client.get("/dialogue/signals").content.decode()) for client in clients]
    assert pages[0] == pages[1]
    files = [client.get("/dialogue/signals.json").content for client in clients]
    assert files[0] == files[1]
    assert (b"Two escalations" in files[0]) == (moment == WARNED)


def test_everybody_gets_their_own_words_and_nobody_elses(cio: User, ciso: User, sign_in: SignIn) -> None:
    """Subject access: what I put down, my sealed answers too; nothing of the other."""
    operations, security = sign_in(cio), sign_in(ciso)
    say(operations, "goal.proposed", title="Mine alone")
    say(security, "goal.proposed", title="Theirs alone")
    operations.post("/dialogue/survey/answers", {"often": "4"})
    text = operations.get("/dialogue/mine.json").content.decode()
    assert "Mine alone" in text
    assert '"often":4' in text
    assert "Theirs" not in text


def test_a_meeting_takes_its_items_one_by_one(sign_in: SignIn, at: Callable[[datetime], None]) -> None:
    """The item that is on, then the next; what was decided stays beside it; the clock needs no script."""
    moment = datetime(2025, 12, 15, 8, 5, tzinfo=UTC)
    at(moment)
    fill_year(WARNED)
    client = sign_in(person("bert"))
    path = client.post("/dialogue/meetings").url
    page = client.get(path).content.decode()
    assert 'aria-current="step">No patches on the shop' in page
    assert "20 min left" in page
    key = path.rsplit("/", 1)[1]
    fields = {
        "meeting": key,
        "item": "disagreement:winter-freeze",
        "outcome": "promised",
        "note": "to the table",
    }
    say(client, "meeting.item", **fields, next=path)
    page = client.get(path).content.decode()
    assert 'aria-current="step">Old catalogue archive' in page
    assert "to the table" in page
    assert client.post("/dialogue/say/meeting.closed", {"meeting": key, "summary": "Fine"}).status_code == 302
    assert "Closed" in client.get(path).content.decode()
    assert say(client, "meeting.item", **fields).status_code == 400


def test_the_agenda_follows_what_the_other_does(cio: User, ciso: User, sign_in: SignIn) -> None:
    """Nothing new is 204; after a record the fragment comes anew."""
    operations = sign_in(cio)
    version = re.search(r"seen=(\w+)", operations.get("/dialogue").content.decode())
    assert version
    path = f"/dialogue?seen={version.group(1)}"
    assert operations.get(path, headers={"HX-Request": "true"}).status_code == 204
    say(sign_in(ciso), "goal.proposed", title="Trade through an attack")
    fragment = operations.get(path, headers={"HX-Request": "true"}).content.decode()
    assert "Trade through an attack" in fragment
    assert "<form" not in fragment


def test_the_agenda_shows_an_incident_s_question_to_whom_it_is_for(
    cio: User, ciso: User, staff: User, sign_in: SignIn, at: Callable[[datetime], None]
) -> None:
    """In the words of its options, and decided in the incident; what travels keeps them out."""
    opened(ciso)
    asked(ciso)
    incidents.act(
        Actor.of(ciso), "admitted", {"incident": "payroll", "person": staff.username, "clearance": "GREEN"}
    )
    page = sign_in(cio).get("/dialogue").content.decode()
    for told in ("Cut it off? (incident “Payroll host encrypts files”)", "Cut it off, as its recommendation"):
        assert told in page
    assert 'href="/incidents/payroll#decisions"' in page
    (key,) = dialogue.state_of(Actor.of(cio)).decisions
    page = sign_in(cio).get(f"/dialogue/decisions/{key}").content.decode()
    assert "To the incident, where it is decided" in page
    assert "dialogue/say/decision.made" not in page
    for client, path in ((sign_in(staff), "/dialogue"), (sign_in(cio), "/dialogue/digest")):
        page = client.get(path).content.decode()
        assert "Decision on incident “Payroll host encrypts files”" in page, path
        assert "Cut it off" not in page, path
    file = sign_in(cio).get("/dialogue/agenda.ics").content.decode()
    assert "Cut it off" not in file
