"""Signing keys on the account's page: exchanged, and ended where one is lost or its holder left."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from poise.desk.actions import Actor, key_ends, keys, people
from poise.desk.ledger import DeskLedger
from poise.desk.models import KeyEnding, SigningKeyFile, User
from poise.desk.pages import signing_keys
from poise.errors import ConflictError, DeskError, LedgerError, NotAllowedError, SignatureError
from poise.ledger.keys import SigningKey

PHRASE = "a passphrase of some length"
OTHER = "another one, and longer still"


@pytest.fixture
def three(cio: User, ciso: User, chair: User) -> tuple[User, User, User]:
    """Both leads and the chair, each with a key on the ledger."""
    for user in (cio, ciso, chair):
        keys.enrol(Actor.of(user), PHRASE)
    keys.vouch(Actor.of(cio), "ciso", PHRASE)
    assert keys.vouch(Actor.of(cio), "chair", PHRASE) is None
    assert keys.vouch(Actor.of(ciso), "chair", PHRASE) is not None
    return cio, ciso, chair


def texts_of(user: User) -> str:
    return "\n".join(need.text for need in signing_keys.needs(Actor.of(user)))


def page_of(client: Client) -> str:
    return client.get("/me").content.decode()


def test_an_exchanged_key_signs_with_its_new_passphrase_only(
    three: tuple[User, User, User], sign_in: Callable[[Any], Client]
) -> None:
    """Both keys sign the rotation; the ledger refuses the old one from then on."""
    cio, client = three[0], sign_in(three[0])
    before = keys.unlock(Actor.of(cio), PHRASE)
    given = {"passphrase": PHRASE, "new": OTHER, "again": OTHER}
    assert client.post("/me/key/exchange", {**given, "again": PHRASE}).status_code == 400
    assert client.post("/me/key/exchange", {**given, "passphrase": OTHER}).status_code == 400
    assert client.post("/me/key/exchange", {**given, "new": "short", "again": "short"}).status_code == 400
    assert keys.unlock(Actor.of(cio), PHRASE).id == before.id, "nothing has changed yet"
    assert client.post("/me/key/exchange", given).status_code == 302
    after = keys.unlock(Actor.of(cio), OTHER)
    assert after.id != before.id
    assert keys.is_enrolled(Actor.of(cio))
    with pytest.raises(LedgerError, match="E706"):
        keys.unlock(Actor.of(cio), PHRASE)
    with pytest.raises(SignatureError, match="E742"):
        Actor.of(cio).record("test.act", {}, keys=[before])
    Actor.of(cio).record("test.act", {}, keys=[after])
    assert DeskLedger().verify().broken is None


def test_a_lost_passphrase_ends_the_key_and_a_new_one_takes_its_place(
    three: tuple[User, User, User], sign_in: Callable[[Any], Client]
) -> None:
    """The holder asks, two others sign, the holder makes a new key, the same two vouch for it."""
    cio, ciso, chair = three
    lost = keys.unlock(Actor.of(cio), PHRASE)
    client = sign_in(cio)
    wrong = client.post("/me/key/exchange", {"passphrase": OTHER, "new": OTHER, "again": OTHER})
    assert "say so under Account" in wrong.content.decode(), "whoever lost it is told where to go"
    assert client.post("/me/key/end", {"person": "cio", "reason": "  "}).status_code == 400
    assert client.post("/me/key/end", {"person": "cio", "reason": "forgotten"}).status_code == 302
    assert "Signed by</dt><dd>nobody yet" in page_of(client)
    asked = KeyEnding.objects.get()
    sign = f"/me/key/end/{asked.pk}/sign"
    assert client.post(sign, {"passphrase": PHRASE}).status_code == 400, "not the holder"
    assert "the signing key of cio ends" in texts_of(ciso)
    assert sign_in(ciso).post(sign, {"passphrase": PHRASE}).status_code == 302
    assert "signing key of cio" not in texts_of(ciso), "who has signed is not asked again"
    assert keys.is_enrolled(Actor.of(cio)), "one alone ends no key"
    assert "Signed by</dt><dd>ciso" in page_of(sign_in(chair))
    assert sign_in(chair).post(sign, {"passphrase": PHRASE}).status_code == 302
    assert not keys.is_enrolled(Actor.of(cio))
    assert not SigningKeyFile.objects.filter(user=cio).exists()
    assert "Make your signing key" in texts_of(cio)
    with pytest.raises(SignatureError, match="E742"):
        Actor.of(cio).record("test.act", {}, keys=[lost])
    assert client.post("/me/key", {"passphrase": OTHER, "again": OTHER}).status_code == 302
    for user in (ciso, chair):
        keys.vouch(Actor.of(user), "cio", PHRASE)
    assert keys.is_enrolled(Actor.of(cio))
    assert DeskLedger().verify().broken is None
    record = next(DeskLedger().records(kind="key.revoke"))
    assert record.statement.author == "ciso", "the first who signs states it"
    assert (record.body or {})["reason"] == "forgotten"


def test_a_key_of_somebody_who_left_ends_without_them(three: tuple[User, User, User]) -> None:
    """Somebody else asks; a key that the holder exchanged meanwhile ends with the one that was meant."""
    cio, ciso, chair = three
    asked = key_ends.ask(Actor.of(chair), "cio", "has left the company")
    assert "asks that your signing key ends: has left" in texts_of(cio)
    keys.exchange(Actor.of(cio), PHRASE, OTHER)
    assert key_ends.sign(Actor.of(ciso), asked.pk, PHRASE) is None
    assert key_ends.sign(Actor.of(ciso), asked.pk, PHRASE) is None, "once more is no second person"
    assert key_ends.sign(Actor.of(chair), asked.pk, PHRASE) is not None
    assert not keys.is_enrolled(Actor.of(cio))


def test_a_signature_of_an_exchanged_key_is_given_again(three: tuple[User, User, User]) -> None:
    """Whoever signed and then exchanged the key is asked once more, instead of holding the other up."""
    _, ciso, chair = three
    asked = key_ends.ask(Actor.of(chair), "cio", "has left the company")
    key_ends.sign(Actor.of(ciso), asked.pk, PHRASE)
    keys.exchange(Actor.of(ciso), PHRASE, OTHER)
    assert "the signing key of cio ends" in texts_of(ciso)
    assert key_ends.sign(Actor.of(chair), asked.pk, PHRASE) is None
    assert key_ends.sign(Actor.of(ciso), asked.pk, OTHER) is not None


def test_signatures_since_a_theft_are_doubtful(three: tuple[User, User, User]) -> None:
    """A time in the past reaches back; one ahead is refused."""
    cio, ciso, chair = three
    Actor.of(cio).record("test.act", {}, keys=[keys.unlock(Actor.of(cio), PHRASE)])
    by = Actor.of(cio)
    with pytest.raises(DeskError, match="E878"):
        key_ends.ask(by, "cio", "stolen", by.now + timedelta(days=1))
    assert DeskLedger().verify().contested == ()
    asked = key_ends.ask(by, "cio", "stolen", by.now - timedelta(days=1))
    for user in (ciso, chair):
        key_ends.sign(Actor.of(user), asked.pk, PHRASE)
    assert next(DeskLedger().records(-2, kind="test.act")).sequence in DeskLedger().verify().contested


def test_what_is_taken_back_or_asked_wrongly_ends_nothing(three: tuple[User, User, User]) -> None:
    """Only who asked takes it back; nobody signs what is gone, or ends what is not there."""
    cio, ciso, chair = three
    asked = key_ends.ask(Actor.of(chair), "cio", "a mistake")
    with pytest.raises(DeskError, match="E877"):
        key_ends.ask(Actor.of(ciso), "cio", "asked twice")
    with pytest.raises(DeskError, match="E877"):
        key_ends.take_back(Actor.of(ciso), asked.pk)
    with pytest.raises(DeskError, match="E877"):
        key_ends.take_back(Actor.of(cio), asked.pk, PHRASE)
    key_ends.take_back(Actor.of(chair), asked.pk)
    with pytest.raises(ConflictError, match="E871"):
        key_ends.sign(Actor.of(ciso), asked.pk, PHRASE)
    for person in ("nobody", "staff"):
        with pytest.raises(DeskError, match="E877"):
            key_ends.ask(Actor.of(cio), person, "has none")
    with pytest.raises(DeskError, match="E878"):
        key_ends.ask(Actor.of(cio), "ciso", "x" * 201)
    assert keys.is_enrolled(Actor.of(cio))


def test_a_key_made_but_not_vouched_for_yet_loses_the_vouching_of_an_exchanged_one(
    cio: User, ciso: User, chair: User
) -> None:
    """A signature that counts no more would have the ledger refuse what the second person signs."""
    for user in (cio, ciso, chair):
        keys.enrol(Actor.of(user), PHRASE)
    keys.vouch(Actor.of(cio), "ciso", PHRASE)
    keys.vouch(Actor.of(cio), "chair", PHRASE)
    keys.exchange(Actor.of(cio), PHRASE, OTHER)
    assert keys.vouch(Actor.of(ciso), "chair", PHRASE) is None
    assert keys.vouch(Actor.of(cio), "chair", OTHER) is not None


def test_a_page_says_when_nobody_could_help(
    cio: User, ciso: User, chair: User, sign_in: Callable[[Any], Client]
) -> None:
    """With two keys only, a lost one cannot be replaced: the page says it before it is too late."""
    for user in (cio, ciso):
        keys.enrol(Actor.of(user), PHRASE)
    keys.vouch(Actor.of(cio), "ciso", PHRASE)
    assert "No two others have a key yet" in page_of(sign_in(cio))
    keys.enrol(Actor.of(chair), PHRASE)
    for user in (cio, ciso):
        keys.vouch(Actor.of(user), "chair", PHRASE)
    assert "No two others have a key yet" not in page_of(sign_in(cio))


def test_a_page_counts_on_nobody_who_has_another_role_now(
    three: tuple[User, User, User], administrator: User, sign_in: Callable[[Any], Client]
) -> None:
    """A key of the roster whose holder signs nothing here any more helps nobody."""
    cio, _, chair = three
    people.give_role(Actor.of(administrator), chair, "auditor")
    assert "No two others have a key yet" in page_of(sign_in(cio))


def test_who_has_the_password_alone_keeps_no_stolen_key_alive(
    three: tuple[User, User, User], sign_in: Callable[[Any], Client]
) -> None:
    """What the holder asked, the holder takes back with the passphrase; what others asked, not at all."""
    cio, ciso, _ = three
    asked = key_ends.ask(Actor.of(cio), "cio", "stolen")
    key_ends.sign(Actor.of(ciso), asked.pk, PHRASE)
    client, back = sign_in(cio), f"/me/key/end/{asked.pk}/take-back"
    assert "if you know it again" in page_of(client)
    assert client.post(back).status_code == 400
    assert client.post(back, {"passphrase": OTHER}).status_code == 400
    assert KeyEnding.objects.get().draft is not None, "the signature is still there"
    assert client.post(back, {"passphrase": PHRASE}).status_code == 302
    assert not KeyEnding.objects.exists()


def test_somebody_else_takes_back_what_one_asked_who_is_gone(
    three: tuple[User, User, User], administrator: User
) -> None:
    """Else a wrong time could only be signed, and the right one never asked."""
    cio, ciso, chair = three
    asked = key_ends.ask(Actor.of(ciso), "cio", "stolen", Actor.of(ciso).now - timedelta(days=400))
    people.give_role(Actor.of(administrator), ciso, "")
    with pytest.raises(DeskError, match="E877"):
        key_ends.take_back(Actor.of(cio), asked.pk, PHRASE)
    key_ends.take_back(Actor.of(chair), asked.pk)
    key_ends.ask(Actor.of(chair), "cio", "stolen")


def test_two_of_one_role_end_no_key_and_vouch_for_none(
    three: tuple[User, User, User], administrator: User
) -> None:
    """A key speaks for the role in which it was made; its holder has another one now."""
    cio, ciso, chair = three
    people.give_role(Actor.of(administrator), ciso, "operations-lead")
    ciso.refresh_from_db()
    asked = key_ends.ask(Actor.of(cio), "chair", "not asked by two roles")
    keys.enrol(Actor.of(people.admit(Actor.of(administrator), "new", PHRASE, "security-lead")), PHRASE)
    refusal = r"E877 has a signing key of another role \(security\)"
    with pytest.raises(DeskError, match=refusal):
        key_ends.sign(Actor.of(ciso), asked.pk, PHRASE)
    with pytest.raises(DeskError, match=refusal):
        keys.vouch(Actor.of(ciso), "new", PHRASE)
    assert keys.is_enrolled(Actor.of(chair))


def test_a_thief_who_exchanges_while_the_end_is_asked_gains_nothing(three: tuple[User, User, User]) -> None:
    """The exchange looked at the clock first and reached the ledger second; the new key ends all the same."""
    cio, ciso, chair = three
    begun = Actor.of(cio)
    asked = key_ends.ask(Actor(chair, begun.now + timedelta(seconds=1)), "cio", "stolen")
    keys.exchange(begun, PHRASE, OTHER)
    later = begun.now + timedelta(seconds=2)
    for user in (ciso, chair):
        key_ends.sign(Actor(user, later), asked.pk, PHRASE)
    assert not keys.is_enrolled(Actor(cio, later))
    keys.enrol(Actor(cio, later), PHRASE)
    for user in (ciso, chair):
        keys.vouch(Actor(user, later), "cio", PHRASE)
    assert keys.is_enrolled(Actor(cio, later))
    assert DeskLedger().verify().broken is None


def test_a_time_before_the_exchange_reaches_the_key_of_then(three: tuple[User, User, User]) -> None:
    """The key was stolen, then exchanged: what the first one signed is doubtful too, and the second ends."""
    cio, ciso, chair = three
    start = Actor.of(cio).now
    hours = [start + timedelta(hours=hour) for hour in range(5)]
    Actor(cio, hours[1]).record("test.act", {}, keys=[keys.unlock(Actor(cio, hours[1]), PHRASE)])
    keys.exchange(Actor(cio, hours[2]), PHRASE, OTHER)
    Actor(cio, hours[3]).record("test.act", {}, keys=[keys.unlock(Actor(cio, hours[3]), OTHER)])
    asked = key_ends.ask(Actor(cio, hours[4]), "cio", "stolen", start + timedelta(minutes=30))
    for user in (ciso, chair):
        key_ends.sign(Actor(user, hours[4]), asked.pk, PHRASE)
    acts = {record.sequence for record in DeskLedger().records(kind="test.act")}
    assert len(acts) == 2
    assert acts <= set(DeskLedger().verify().contested)
    assert not keys.is_enrolled(Actor(cio, hours[4]))


def test_an_enrolment_that_can_never_count_says_why(three: tuple[User, User, User]) -> None:
    """That one more has to vouch is said of missing signatures, and of nothing else."""
    cio, ciso, _ = three
    body = {"person": "cio", "name": "Cio", "key": SigningKey.generate().id, "roles": ["operations"]}
    draft = DeskLedger().draft("key.enrol", "cio", body, now=Actor.of(cio).now)
    with pytest.raises(SignatureError, match="has another key that counts"):
        keys.placed(Actor.of(cio), draft.signed(keys.unlock(Actor.of(ciso), PHRASE)))


def test_a_role_that_was_taken_away_meanwhile_acts_no_more(
    three: tuple[User, User, User], administrator: User
) -> None:
    """Whoever waits for the ledger was loaded before: what counts is the role once it is their turn."""
    _, ciso, chair = three
    waiting = Actor.of(chair)
    people.give_role(Actor.of(administrator), User.objects.get(pk=chair.pk), "auditor")
    assert chair.role == "chair", "as the waiting request knows it"
    with pytest.raises(NotAllowedError, match="E870"):
        key_ends.ask(waiting, ciso.username, "has left")
