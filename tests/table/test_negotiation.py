"""Steps of a negotiation: possible in one order only, the same state for the same records."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poise.errors import TableError
from poise.ledger.canonical import canonical
from poise.ledger.keys import SigningKey
from poise.ledger.store import Ledger
from poise.planning.problem import Plan
from poise.table.agreement import USUAL_TRIGGERS, AcceptedRisk, Terms, agreed_plan, agreement_body
from poise.table.files import read_document
from poise.table.ground import Ground, as_plan
from poise.table.limits import Limit, check_limits
from poise.table.negotiation import PARTIES, Position, seal
from poise.table.session import Session
from poise.table.triggers import fired, gravest
from table.cases import NOW, AllKept, small_ground

OPERATIONS = Position(party="operations", importance={"shop": 2.0})
SECURITY = Position(
    party="security",
    limits=(Limit(id="kev", party="security", rule="deadline", amount=20.0, affected="kev"),),
)


@pytest.fixture
def table(tmp_path: Path):
    """Return an open table of a small company."""
    with Ledger.open(tmp_path / "ledger.sqlite") as ledger:
        session = Session(tmp_path / "table", ledger, NOW)
        session.open(small_ground(8))
        yield session


def refused(ids: str, run: object, *arguments: object) -> None:
    with pytest.raises(TableError) as caught:
        run(*arguments)  # type: ignore[operator]
    assert caught.value.faults[0].id == ids


def test_neither_side_sees_the_other_before_both_have_sealed(table: Session) -> None:
    """A position opens only when both are sealed, unchanged, and once."""
    first = json.loads(table.seal(OPERATIONS))
    assert "shop" not in "".join(str(record.body) for record in table.ledger.records(start=1))
    refused("E557", table.reveal, first)
    refused("E557", table.seal, OPERATIONS)
    second = json.loads(table.seal(SECURITY))
    refused("E558", table.reveal, {**first, "salt": second["salt"]})
    changed = {**second, "position": {**second["position"], "limits": []}}
    refused("E558", table.reveal, changed)
    table.reveal(first)
    table.reveal(second)
    refused("E557", table.reveal, second)
    assert [limit.id for limit in table.limits] == ["kev"]
    assert table.negotiation.importance.operations == {"shop": 2.0}


@given(st.text(max_size=20), st.text(max_size=20))
@settings(max_examples=100, deadline=None)
def test_a_seal_binds(first: str, second: str) -> None:
    """Two different positions or salts never have the same seal."""
    one = Position(party="operations", importance={first: 1.0})
    other = Position(party="operations", importance={second: 1.0})
    assert (seal(one, "s") == seal(other, "s")) == (first == second)
    assert seal(one, "s") != seal(one, "t")


def test_a_share_is_of_the_most_that_any_known_plan_gives(tmp_path: Path) -> None:
    """A plan between two points of a coarse frontier gives a side more than both: that is its whole."""
    whole = small_ground(22)
    coarse = msgspec.structs.replace(whole, plans=(whole.plans[0], whole.plans[-1]))
    every = AllKept(coarse, [])
    with Ledger.open(tmp_path / "ledger.sqlite") as ledger:
        at = Session(tmp_path / "table", ledger, NOW)
        at.open(coarse)
        default = at.before.default
        fair = (every.security <= default.security) & (every.operations <= default.operations)
        place = int(np.argmin(np.where(fair, every.security, np.inf)))
        plan = Plan(every.window[place])
        assert max(at.shares(at.costs(plan))) == pytest.approx(2.0)
        at.propose("security", "between", plan)
        told = at.negotiation.proposals[0]
        assert max(told.share_security, told.share_operations) == pytest.approx(1.0)
        assert at.shares(at.costs(plan)) == (told.share_security, told.share_operations)


def test_only_a_match_is_told_and_only_a_match_is_signed(table: Session) -> None:
    """Hidden answers leave no trace on the ledger until both accept; then the same bytes come again."""
    plan = as_plan(table.ground.plans[-1].windows)
    table.propose("security", "mine", plan)
    refused("E557", table.compose, 1, Terms())
    before = table.ledger.head.size
    assert not table.answer("operations", 1, "accept")
    assert not table.answer("security", 1, "accept-if")
    assert table.ledger.head.size == before
    assert table.answer("security", 1, "accept")
    assert table.negotiation.matched == (1,)
    refused("E554", table.answer, "security", 7, "no")
    keys = enrolled(table)
    draft = table.draft_agreement(1, Terms(), "anna")
    for key in keys:
        draft = draft.signed(key)
    record = table.ledger.add(draft, now=NOW + timedelta(minutes=9))
    later = Session(table.folder, table.ledger, NOW + timedelta(days=3))
    later.add_limit(Limit(id="later", party="operations", rule="weekends", amount=0.0))
    recorded, again = later.recompose(record.hash)
    assert recorded == again == canonical(record.body)
    assert record.body is not None
    first, security, operations, *_ = record.body["summary"]
    assert first.startswith(f"We make {int((plan.window >= 0).sum())} of {len(plan.window)} changes")
    # Nobody signing means doing nothing here: security gets.
    assert security.startswith("Security gets")
    assert operations.startswith(("Operations gives", "Operations gets"))
    assert later.negotiation.in_force is not None
    later.reopen(record.hash, ["a fact"], "reopen")
    assert later.negotiation.in_force is None


@pytest.mark.parametrize("action", ["reopen", "default"])
def test_no_older_agreement_returns_when_the_last_one_reopens(table: Session, action: str) -> None:
    """A signature ends the agreement before it; what goes on is the last plan, or the policy as agreed."""
    keys, hashes = enrolled(table), []
    for number, stored in enumerate((table.ground.plans[0], table.ground.plans[-1]), 1):
        table.propose(None, "ours", as_plan(stored.windows))
        for party in ("operations", "security"):
            table.answer(party, number, "accept")  # type: ignore[arg-type]
        draft = table.draft_agreement(number, Terms(), "anna")
        for key in keys:
            draft = draft.signed(key)
        hashes.append(table.ledger.add(draft, now=NOW).hash)
        table.__dict__.pop("negotiation", None)
    state = table.negotiation
    assert state.in_force is not None
    assert state.in_force[0] == hashes[1]
    table.reopen(hashes[1], ["a fact"], action)
    state = table.negotiation
    assert state.in_force is None
    assert state.last is not None
    assert state.last[0] == hashes[1]
    if action == "default":
        np.testing.assert_array_equal(table.default[1].window, table.ground.default_plan.window)
    else:
        np.testing.assert_array_equal(table.default[1].window, table.ground.plans[-1].windows)


def enrolled(table: Session) -> list[SigningKey]:
    """Enrol one person for each side."""
    keys = [SigningKey.generate(), SigningKey.generate()]
    for number, (person, role) in enumerate((("anna", "operations"), ("bert", "security"))):
        body = {"person": person, "name": person, "key": keys[number].id, "roles": [role]}
        draft = table.ledger.draft("key.enrol", person, body, now=NOW)
        for key in keys[: number + 1]:
            draft = draft.signed(key)
        table.ledger.add(draft, now=NOW)
    return keys


def test_a_proposal_keeps_the_limits(table: Session) -> None:
    """Nobody can sign what the other's limit forbids; dropping a law is refused."""
    table.add_limit(Limit(id="none", party="operations", rule="hours", amount=0.0, class_="law", owner="x"))
    table.add_limit(Limit(id="rest", party="operations", rule="services", amount=0.0))
    refused("E552", table.add_limit, Limit(id="rest", party="security", rule="weekends", amount=1.0))
    refused("E557", table.drop_limit, "none", "")
    refused("E554", table.drop_limit, "nothing", "")
    for stored in table.ground.plans:
        plan = as_plan(stored.windows)
        if table.breaks(plan):
            refused("E557", table.propose, "security", "x", plan)
    table.drop_limit("rest", "given")
    assert [limit.id for limit in table.limits] == ["none"]


def test_a_changed_file_of_the_table_is_found(table: Session) -> None:
    """The ledger holds the digest of the ground, so nobody swaps it."""
    (path,) = table.folder.glob("ground-*.json")
    whole = path.read_bytes()
    fresh = Session(table.folder, table.ledger, NOW)
    path.write_bytes(whole.replace(b'"Test"', b'"Tess"', 1))
    refused("E556", lambda: fresh.ground)
    path.unlink()
    refused("E556", lambda: fresh.ground)


def test_faults_of_limits_are_told_together() -> None:
    """One round of mending: every fault of every limit at once."""
    limits = (
        Limit(id="Bad Id", party="security", rule="hours"),
        Limit(id="x", party="security", rule="freeze", amount=1.0, scope=("nowhere",)),
        Limit(id="x", party="security", rule="weekends", amount=float("nan"), class_="policy"),
    )
    with pytest.raises(TableError) as caught:
        check_limits(limits, {"shop"}, "file")
    assert sorted({fault.id for fault in caught.value.faults}) == ["E551", "E552", "E553"]
    assert len(caught.value.faults) >= 7


@given(st.one_of(st.binary(max_size=300), st.text(max_size=300).map(str.encode)))
@settings(max_examples=400, deadline=None)
def test_no_file_crashes_the_reader(content: bytes) -> None:
    """Whatever stands in it, the answer is a position or a fault; a bomb is refused before it goes off."""
    try:
        position = read_document(content, Position, "file")
    except TableError:
        return
    assert position.party in ("operations", "security")


def test_a_bomb_of_anchors_is_refused() -> None:
    """Ten lines of YAML must not eat the memory."""
    bomb = b"a: &a [x,x,x,x,x,x,x,x,x]\n" + b"b: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: [*b,*b,*b,*b]\n"
    refused("E550", read_document, bomb, dict, "file")
    refused("E550", read_document, b"[" * 100_000, list, "file")
    refused("E550", read_document, b"x" * 1_000_001, str, "file")


def agreement(ground: Ground) -> dict[str, object]:
    terms = Terms(exceptions=(AcceptedRisk(what="tills", owner="x", until=NOW.date() + timedelta(days=30)),))
    plan = as_plan(ground.plans[-1].windows)
    return agreement_body(ground, (), plan, terms, default=ground.default_plan, bound={"gap": 0.0})


def test_triggers_fire_on_their_fact_and_on_no_other() -> None:
    """Each of the six, from a ground where only that fact changed; none on the same ground."""
    ground = next(
        g
        for g in map(small_ground, range(40))
        if max(g.plans[-1].windows) >= 1 and g.problem.exposure_per_day.sum() > 0
    )
    body = agreement(ground)
    assert fired(body, ground, ground, NOW) == ()
    exploited = [msgspec.structs.replace(change, is_kev=True) for change in ground.changes]
    dearer = msgspec.structs.replace(
        ground.problem_arrays,
        arrays={
            **ground.problem_arrays.arrays,
            "exposure_per_day": (3.0 * ground.problem.exposure_per_day).tolist(),
        },
    )
    shifted = [
        msgspec.structs.replace(w, start=w.start + timedelta(hours=1), end=w.end + timedelta(hours=1))
        for w in ground.windows
    ]
    cases = {
        "kev": (msgspec.structs.replace(ground, changes=tuple(exploited)), NOW),
        "exposure": (msgspec.structs.replace(ground, problem_arrays=dearer), NOW),
        "window": (msgspec.structs.replace(ground, windows=tuple(shifted)), NOW),
        "team": (msgspec.structs.replace(ground, teams=()), NOW),
        "data": (ground, NOW + timedelta(days=15)),
        "exception": (ground, NOW + timedelta(days=31)),
    }
    for kind, (today, now) in cases.items():
        seen = {one.trigger.kind for one in fired(body, today, ground, now)}
        if kind == "kev" and all(change.is_kev for change in ground.changes):
            continue
        assert kind in seen
        # A window that moved leaves its changes undone, so exposure may follow; time makes data stale.
        assert seen <= {kind, "exposure" if kind == "window" else "data"}
    assert gravest(fired(body, *cases["data"][:1], ground, cases["data"][1])) == "notify"
    assert {trigger.kind for trigger in USUAL_TRIGGERS} == set(cases)


def test_a_listing_beside_one_that_was_there_is_news_and_a_newer_patch_is_not() -> None:
    """Facts are of vulnerabilities in a group, not of changes: each new one fires, none fires twice."""
    ground, replace = small_ground(8), msgspec.structs.replace
    first, second = ground.changes[0].vulnerabilities
    quiet = [replace(change, is_kev=False) for change in ground.changes]

    def with_first(**new: object) -> Ground:
        return replace(ground, changes=(replace(quiet[0], **new), *quiet[1:]))

    def facts(today: Ground) -> list[str]:
        then = with_first(is_kev=True, known_exploited=(first,))
        body = agreement(then)
        return [one.fact for one in fired(body, today, then, NOW) if one.trigger.kind == "kev"]

    assert facts(with_first(is_kev=True, known_exploited=(first,))) == []
    both = with_first(is_kev=True, known_exploited=(first, second))
    assert facts(both) == [f"{second} is now known to be exploited: {quiet[0].id}"]
    assert facts(with_first(id="newer", is_kev=True, known_exploited=(first,))) == []
    new = tuple(f"CVE-2026-{number}" for number in range(9001, 9006))
    found = with_first(is_kev=True, vulnerabilities=(first, *new), known_exploited=(first, *new))
    names = "CVE-2026-9001, CVE-2026-9002, CVE-2026-9003 and 2 more are"
    assert facts(found) == [f"{names} now found, and known to be exploited: {quiet[0].id}"]


def test_a_ground_that_told_only_a_flag_still_fires_once() -> None:
    """Agreements of a former Poise rest on grounds that do not say which vulnerability is listed."""
    ground, replace = small_ground(8), msgspec.structs.replace
    then = replace(ground, changes=tuple(replace(one, is_kev=True) for one in ground.changes))
    listed = tuple(replace(one, known_exploited=one.vulnerabilities[:1]) for one in then.changes)
    today = replace(then, changes=listed)
    kinds = {one.trigger.kind for one in fired(agreement(then), today, then, NOW)}
    assert "kev" not in kinds


def test_an_agreed_plan_is_found_again_in_a_later_ground() -> None:
    """Changes and windows by name: what is gone is not done, the rest stands where it was agreed."""
    ground = small_ground(8)
    body = agreement(ground)
    plan = as_plan(ground.plans[-1].windows)
    np.testing.assert_array_equal(agreed_plan(ground, body).window, plan.window)


def test_a_match_stands_and_a_review_lies_ahead(table: Session) -> None:
    """An old form takes no match back; nobody signs to look again on a day that is over."""
    table.propose("security", "mine", as_plan(table.ground.plans[-1].windows))
    for party in PARTIES:
        table.answer(party, 1, "accept")
    size = table.ledger.head.size
    assert table.answer("operations", 1, "accept")
    refused("E557", table.answer, "operations", 1, "no")
    assert table.ledger.head.size == size
    refused("E557", table.draft_agreement, 1, Terms(review=table.today - timedelta(days=1)), "anna")
    assert table.draft_agreement(1, Terms(review=table.today), "anna")
