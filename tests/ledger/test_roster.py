"""Whose signature counts, where and when: enrolment, rotation, revocation, deputies, two parties."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.company import (
    ANNA,
    BERT,
    CLEO,
    DANA,
    DAY,
    EMIL,
    FAYE,
    PEOPLE,
    T0,
    agree,
    depute,
    enrol,
    founded,
    full,
    recall,
    revoke,
)
from poise.errors import ChainError, PoiseError, SignatureError
from poise.ledger.keyrecords import PARTIES
from poise.ledger.parties import Signer, distinct, two_party
from poise.ledger.store import Ledger


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """Return the founded ledger; whatever a test did to it, it still verifies."""
    with founded(tmp_path / "ledger.sqlite") as ledger:
        yield ledger
        assert ledger.verify().broken is None


def refused(id: str, act: Callable[[], object], error: type[PoiseError] = SignatureError) -> str:
    """Run something that must be refused with this fault, and return what was said."""
    with pytest.raises(error) as caught:
        act()
    assert {fault.id for fault in caught.value.faults} == {id}, str(caught.value)
    return str(caught.value)


# Enrolment -------------------------------------------------------------------------------------------


def test_nobody_lets_himself_in(ledger: Ledger) -> None:
    """After the founding two people of two different roles must vouch, and the key itself must sign."""
    refused("E747", lambda: enrol(ledger, "emil", ["owner"], [EMIL]))
    refused("E747", lambda: enrol(ledger, "emil", ["owner"], [EMIL, ANNA]))
    refused("E747", lambda: enrol(ledger, "emil", ["owner"], [EMIL, ANNA, DANA]))
    body = {"person": "emil", "name": "Emil", "roles": ["owner"], "key": EMIL.id}
    said = refused("E745", lambda: ledger.append("key.enrol", "anna", body, now=T0, keys=[ANNA, BERT]))
    assert "has not signed" in said
    enrol(ledger, "emil", ["owner"], [EMIL, CLEO, BERT])
    assert ledger.roster().keys[EMIL.id].roles == {"owner"}


def test_a_founder_is_vouched_for_by_one_before(tmp_path: Path) -> None:
    """Only the very first key stands alone."""
    with Ledger.open(tmp_path / "new.sqlite") as ledger:
        enrol(ledger, "anna", ["operations"], [ANNA])
        assert "vouches" in refused("E747", lambda: enrol(ledger, "bert", ["security"], [BERT]))
        enrol(ledger, "bert", ["security"], [BERT, ANNA])
        assert "two people" in refused("E747", lambda: enrol(ledger, "cleo", ["chair"], [CLEO, ANNA]))


def test_nobody_is_both_parties(ledger: Ledger, tmp_path: Path) -> None:
    """Neither at once nor one after the other, nor by a second key."""
    refused("E745", lambda: enrol(ledger, "emil", ["operations", "security"], [EMIL, ANNA, BERT]))
    refused("E745", lambda: enrol(ledger, "anna", ["security"], [ANNA, BERT, CLEO]))
    refused("E745", lambda: enrol(ledger, "anna", ["security"], [EMIL, BERT, CLEO]))


def test_a_key_belongs_to_one_person_for_ever(ledger: Ledger) -> None:
    """Neither another person nor a later enrolment takes it over."""
    refused("E745", lambda: enrol(ledger, "emil", ["owner"], [DANA, ANNA, BERT]))
    revoke(ledger, "dana", DANA, T0, keys=[DANA])
    refused("E742", lambda: enrol(ledger, "dana", ["deputy"], [DANA, ANNA, BERT]))


def test_a_person_gains_a_role_with_the_same_key(ledger: Ledger) -> None:
    """Others vouch for it; the person's own signature is none of the two."""
    refused("E747", lambda: enrol(ledger, "anna", ["owner"], [ANNA, BERT]))
    enrol(ledger, "anna", ["owner"], [ANNA, BERT, CLEO])
    assert ledger.roster().keys[ANNA.id].roles == {"operations", "owner"}


@pytest.mark.parametrize(
    "change",
    [
        {"roles": []}, {"roles": ["boss"]}, {"key": "x"}, {"person": "Änna"}, {"person": ""}, {"more": 1},
        {"roles": "owner"}, {"name": None}, {"key": EMIL.id.upper()},
    ],
)  # fmt: skip
def test_a_malformed_enrolment_is_refused(ledger: Ledger, change: dict[str, object]) -> None:
    """Roles are words of a closed list: a typing mistake must not make a party."""
    body = {"person": "emil", "name": "Emil", "roles": ["owner"], "key": EMIL.id} | change
    refused("E745", lambda: ledger.append("key.enrol", "emil", body, now=T0, keys=[EMIL, ANNA, BERT]))


# Signatures ------------------------------------------------------------------------------------------


def test_a_key_that_is_not_enrolled_signs_nothing(ledger: Ledger) -> None:
    """Not before its enrolment, and what it signed before does not count after it either."""
    refused("E741", lambda: agree(ledger, keys=[ANNA, EMIL]))
    early = ledger.draft("note", "emil", {"x": 1}, now=T0).signed(EMIL)
    refused("E741", lambda: ledger.add(early, now=T0))
    enrol(ledger, "emil", ["owner"], [EMIL, ANNA, BERT])
    # At its place in the chain the key is enrolled by now; the signature is judged there.
    assert ledger.add(early, now=T0).sequence == 5


def test_a_false_signature_is_refused(ledger: Ledger) -> None:
    """A signature over something else, put under this."""
    one = ledger.draft("note", "anna", {"x": 1}, now=T0).signed(ANNA)
    two = ledger.draft("note", "anna", {"x": 2}, now=T0)
    forged = type(two)(two.statement, two.salt, two.body, type(two.envelope)(
        two.envelope.payload_type, two.envelope.payload, one.envelope.signatures))  # fmt: skip
    refused("E740", lambda: ledger.add(forged, now=T0))


def test_an_author_is_one_of_the_signers(ledger: Ledger) -> None:
    """Nobody signs in another's name."""
    refused("E743", lambda: ledger.append("note", "bert", {}, now=T0, keys=[ANNA]))


def test_a_signed_statement_counts_once(ledger: Ledger) -> None:
    """A signature must not be used again for what its signer said once."""
    draft = ledger.draft("note", "anna", {"x": 1}, now=T0).signed(ANNA)
    ledger.add(draft, now=T0)
    refused("E728", lambda: ledger.add(draft, now=T0), ChainError)


def test_a_statement_belongs_to_one_ledger(ledger: Ledger, tmp_path: Path) -> None:
    """What was signed on one history cannot be put on another, not even on one of the same people."""
    with founded(tmp_path / "other.sqlite") as other:
        draft = other.draft("agreement", "anna", {}, now=T0).signed(ANNA).signed(BERT)
        refused("E727", lambda: ledger.add(draft, now=T0), ChainError)
        other.add(draft, now=T0)


# Two parties -----------------------------------------------------------------------------------------


def test_an_agreement_needs_both_parties(ledger: Ledger) -> None:
    """Two different people of the two roles; a chair or a deputy without an absence is neither."""
    for keys in ([ANNA], [BERT], [ANNA, CLEO], [ANNA, DANA], [CLEO, BERT]):
        refused("E743", lambda keys=keys: agree(ledger, keys=keys))
    refused("E743", lambda: agree(ledger, keys=[]))
    record = agree(ledger)
    signers = ledger.roster().judge(record)
    operations, security = two_party(signers, "agreement")
    assert (operations.person, operations.deputy_of) == ("anna", None)
    assert (security.person, security.deputy_of) == ("bert", None)


def test_signers_are_those_of_the_records_place(ledger: Ledger) -> None:
    """Whatever became of their keys and roles later."""
    depute(ledger, "anna", "dana", "operations", [ANNA])
    record = agree(ledger, keys=[DANA, BERT])
    body = {"person": "dana", "old": DANA.id, "new": EMIL.id}
    ledger.append("key.rotate", "dana", body, now=T0, keys=[DANA, EMIL])
    revoke(ledger, "bert", BERT, T0, keys=[BERT])
    operations, security = two_party(ledger.signers(record), "agreement")
    assert (operations.person, operations.deputy_of, security.person) == ("dana", "anna", "bert")
    with pytest.raises(SignatureError):
        ledger.roster().judge(record)


def test_a_deputy_signs_for_the_absent_and_is_marked_so(ledger: Ledger) -> None:
    """Within the time, for that role, for that principal; not before, not after, not for the other side."""
    depute(ledger, "anna", "dana", "operations", [ANNA], start=T0 + 2 * DAY)
    refused("E743", lambda: agree(ledger, T0 + DAY, [DANA, BERT]))
    record = agree(ledger, T0 + 3 * DAY, [DANA, BERT])
    operations, security = two_party(ledger.roster().judge(record), "agreement")
    assert (operations.person, operations.role, operations.deputy_of) == ("dana", "operations", "anna")
    assert security.deputy_of is None
    refused("E743", lambda: agree(ledger, T0 + 4 * DAY, [ANNA, DANA]))
    refused("E743", lambda: agree(ledger, T0 + 9 * DAY, [DANA, BERT]))


def test_a_deputy_can_be_recalled_early(ledger: Ledger) -> None:
    """From then on the deputy signs no more; what was signed stands; the principal may name anew."""
    depute(ledger, "anna", "dana", "operations", [ANNA])
    before = agree(ledger, T0 + DAY, [DANA, BERT])
    recall(ledger, "anna", "dana", "operations", [ANNA], T0 + 2 * DAY)
    refused("E743", lambda: agree(ledger, T0 + 2 * DAY, [DANA, BERT]))
    assert ledger.record(before.hash) == before
    refused("E745", lambda: recall(ledger, "anna", "dana", "operations", [ANNA], T0 + 3 * DAY))
    depute(ledger, "anna", "dana", "operations", [ANNA], T0 + 3 * DAY)
    agree(ledger, T0 + 4 * DAY, [DANA, BERT])


def test_who_may_recall_a_deputy(ledger: Ledger) -> None:
    """The principal, or two who vouch and are neither of the two; nobody else, and no other deputyship."""
    depute(ledger, "anna", "dana", "operations", [ANNA])
    refused("E745", lambda: recall(ledger, "anna", "dana", "operations", [BERT], author="bert"))
    refused("E745", lambda: recall(ledger, "anna", "dana", "operations", [DANA], author="dana"))
    refused("E745", lambda: recall(ledger, "anna", "dana", "operations", [DANA, BERT], author="bert"))
    refused("E745", lambda: recall(ledger, "bert", "dana", "security", [BERT]))
    refused("E745", lambda: recall(ledger, "anna", "dana", "operations", [ANNA], T0 + 9 * DAY))
    recall(ledger, "anna", "dana", "operations", [BERT, CLEO], T0 + DAY, author="bert")
    refused("E743", lambda: agree(ledger, T0 + 2 * DAY, [DANA, BERT]))


def test_a_deputy_of_one_side_is_not_the_other(ledger: Ledger) -> None:
    """A deputy of both signs once; a principal does not sign against the own deputy."""
    depute(ledger, "anna", "dana", "operations", [ANNA])
    depute(ledger, "bert", "dana", "security", [BERT])
    refused("E744", lambda: agree(ledger, keys=[DANA]))
    refused("E745", lambda: depute(ledger, "anna", "bert", "operations", [ANNA]))


def test_a_deputy_is_named_before_and_by_the_principal(ledger: Ledger) -> None:
    """Nobody becomes a deputy for the past, by another's word, or of a role the principal lacks."""
    refused("E745", lambda: depute(ledger, "anna", "dana", "operations", [ANNA], start=T0 - DAY))
    refused("E745", lambda: depute(ledger, "anna", "dana", "operations", [ANNA], days=0))
    refused("E745", lambda: depute(ledger, "anna", "dana", "operations", [BERT]))
    refused("E745", lambda: depute(ledger, "anna", "dana", "chair", [ANNA]))
    refused("E745", lambda: depute(ledger, "anna", "anna", "operations", [ANNA]))
    refused("E745", lambda: depute(ledger, "anna", "emil", "operations", [ANNA]))
    depute(ledger, "anna", "dana", "operations", [ANNA])
    refused("E745", lambda: depute(ledger, "dana", "emil", "operations", [DANA]))


@given(
    st.lists(
        st.builds(
            Signer,
            st.sampled_from("abcd"),
            st.sampled_from("1234"),
            st.frozensets(st.sampled_from([*PARTIES, "chair"]), max_size=2),
            st.lists(st.tuples(st.sampled_from(PARTIES), st.sampled_from("abcd")), max_size=2).map(tuple),
        ),
        max_size=4,
    )
)
def test_the_two_sides_are_always_two_people(signers: list[Signer]) -> None:
    """Whatever roles and deputies there are: a pair is found if and only if one exists, and it is two."""
    found = distinct(signers, *PARTIES)
    ways = [
        (a, b)
        for one in signers
        for a in one.standings(PARTIES[0])
        for two in signers
        for b in two.standings(PARTIES[1])
        if len({a.person, a.deputy_of or a.person} & {b.person, b.deputy_of or b.person}) == 0
        and a.key != b.key
    ]
    assert (found is None) == (not ways)
    if found is None:
        with pytest.raises(SignatureError):
            two_party(signers, "x")
    else:
        assert found in ways
        assert two_party(signers, "x") == found


# Rotation and revocation -----------------------------------------------------------------------------


def test_a_rotated_key_is_followed_by_the_new_one(ledger: Ledger) -> None:
    """Both sign; the old one then counts no more, and what it signed stays as it was."""
    before = agree(ledger)
    body = {"person": "anna", "old": ANNA.id, "new": EMIL.id}
    for keys in ([ANNA], [EMIL]):
        refused("E745", lambda keys=keys: ledger.append("key.rotate", "anna", body, now=T0, keys=keys))
    ledger.append("key.rotate", "anna", body, now=T0, keys=[ANNA, EMIL])
    refused("E742", lambda: agree(ledger, keys=[ANNA, BERT]))
    agree_body = {"plan": 2}
    after = ledger.append("agreement", "anna", agree_body, now=T0, keys=[EMIL, BERT])
    assert after.sequence > before.sequence
    assert ledger.verify().contested == ()


def test_nobody_rotates_anothers_key(ledger: Ledger) -> None:
    """Nor brings in a key that was there before."""
    body = {"person": "anna", "old": BERT.id, "new": EMIL.id}
    refused("E745", lambda: ledger.append("key.rotate", "anna", body, now=T0, keys=[BERT, EMIL]))
    body = {"person": "anna", "old": ANNA.id, "new": BERT.id}
    refused("E745", lambda: ledger.append("key.rotate", "anna", body, now=T0, keys=[ANNA, BERT]))


def test_a_revoked_key_signs_nothing_more(ledger: Ledger) -> None:
    """From the time that was given; a planned end counts when it comes."""
    revoke(ledger, "anna", ANNA, T0, keys=[ANNA], since=T0 + 2 * DAY)
    agree(ledger, T0 + DAY)
    refused("E742", lambda: agree(ledger, T0 + 2 * DAY))


def test_nobody_takes_back_an_own_signature(ledger: Ledger) -> None:
    """The holder alone revokes from now on: an agreement is not undone by a key "lost" last week."""
    agree(ledger, T0 + DAY)
    revoke(ledger, "anna", ANNA, T0 + 2 * DAY, keys=[ANNA], since=T0)
    assert ledger.roster().keys[ANNA.id].revoked == T0 + 2 * DAY
    assert ledger.verify().contested == ()


def test_two_others_revoke_from_a_time_in_the_past(ledger: Ledger) -> None:
    """What was signed since then stands, but is listed as contested."""
    agree(ledger, T0)
    doubtful = agree(ledger, T0 + 2 * DAY, plan=2)
    refused("E747", lambda: revoke(ledger, "anna", ANNA, T0 + 3 * DAY, keys=[BERT], since=T0 + DAY))
    refused("E747", lambda: revoke(ledger, "anna", ANNA, T0 + 3 * DAY, keys=[BERT, DANA], since=T0 + DAY))
    revoke(ledger, "anna", ANNA, T0 + 3 * DAY, keys=[BERT, CLEO], since=T0 + DAY)
    assert ledger.verify().contested == (doubtful.sequence,)
    refused("E742", lambda: agree(ledger, T0 + 4 * DAY))


def test_a_thiefs_new_key_falls_with_the_stolen_one(ledger: Ledger) -> None:
    """Whoever steals a key rotates it first; the revocation reaches what it was exchanged for."""
    body = {"person": "anna", "old": ANNA.id, "new": EMIL.id}
    ledger.append("key.rotate", "anna", body, now=T0 + DAY, keys=[ANNA, EMIL])
    depute(ledger, "anna", "dana", "operations", [EMIL], now=T0 + DAY)
    revoke(ledger, "anna", ANNA, T0 + 2 * DAY, keys=[BERT, CLEO], since=T0 + timedelta(hours=1))
    refused("E742", lambda: ledger.append("note", "anna", {}, now=T0 + 2 * DAY, keys=[EMIL]))
    # The deputy that the thief named is none.
    refused("E743", lambda: agree(ledger, T0 + 2 * DAY, [DANA, BERT]))
    assert len(ledger.verify().contested) == 2


def test_a_lost_key_is_replaced_by_a_new_enrolment(ledger: Ledger) -> None:
    """The other party and the chair vouch; one lost key does not lock the ledger."""
    refused("E745", lambda: enrol(ledger, "anna", ["operations"], [EMIL, BERT, CLEO]))
    revoke(ledger, "anna", ANNA, T0, keys=[BERT, CLEO])
    enrol(ledger, "anna", ["operations"], [EMIL, BERT, CLEO], T0)
    ledger.append("agreement", "anna", {}, now=T0, keys=[EMIL, BERT])


def test_a_deputy_stays_when_the_principals_key_is_lost_later(ledger: Ledger) -> None:
    """A laptop stolen during the leave must not stop the deputy."""
    depute(ledger, "anna", "dana", "operations", [ANNA])
    revoke(ledger, "anna", ANNA, T0 + DAY, keys=[BERT, CLEO])
    agree(ledger, T0 + DAY, [DANA, BERT])


def test_a_revocation_is_never_moved_to_later(ledger: Ledger) -> None:
    """Nor is a key revoked that was never there."""
    revoke(ledger, "dana", DANA, T0, keys=[ANNA, BERT], since=T0)
    refused("E745", lambda: revoke(ledger, "dana", DANA, T0, keys=[ANNA, BERT], since=T0 + DAY))
    refused("E745", lambda: revoke(ledger, "dana", FAYE, T0, keys=[ANNA, BERT]))
    refused("E745", lambda: revoke(ledger, "anna", BERT, T0, keys=[ANNA, CLEO]))


# Erasure ---------------------------------------------------------------------------------------------


def test_a_body_is_erased_by_both_parties_only(ledger: Ledger) -> None:
    """It is gone from the store and from exports; the chain still holds and says so."""
    note = ledger.append("incident.note", "poise", {"who": "somebody"}, now=T0)
    erase = {"reason": "asked for"}
    for keys in ([ANNA], [ANNA, CLEO]):
        refused(
            "E743",
            lambda keys=keys: ledger.append("erasure", "anna", erase, now=T0, keys=keys, refers=(note.hash,)),
        )
    ledger.append("erasure", "anna", erase, now=T0, keys=[ANNA, BERT], refers=(note.hash,))
    bare = ledger.record(note.sequence)
    assert (bare.body, bare.salt, bare.hash) == (None, None, note.hash)
    assert ledger.verify().erased == (note.sequence,)
    assert b"somebody" not in b"".join(ledger.lines())
    for file in ledger.path.parent.iterdir():
        assert b"somebody" not in file.read_bytes(), file


def test_what_others_rest_on_is_never_erased(ledger: Ledger) -> None:
    """Keys, agreements and erasures stay: later records are judged by them."""
    agreed = agree(ledger)
    for record in (ledger.record(0), agreed):
        refused(
            "E729",
            lambda record=record: ledger.append(
                "erasure", "anna", {}, now=T0, keys=[ANNA, BERT], refers=(record.hash,)
            ),
            ChainError,
        )


def test_the_company_of_the_other_tests_holds(tmp_path: Path) -> None:
    """It has a bit of everything, so that what is done to it means something."""
    with full(tmp_path / "ledger.sqlite") as ledger:
        found = ledger.verify()
        kinds = {record.statement.kind for record in ledger.records()}
    assert (found.size, found.broken, found.erased, found.contested) == (10, None, (4,), ())
    assert kinds >= {"key.enrol", "key.rotate", "key.revoke", "agreement", "erasure"}
    assert len(PEOPLE) == 6
