"""A whole negotiation at the desk, as the two sides press it: sealed, priced, proposed, signed, re-opened."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from django.conf import settings
from django.test import Client

from poise.desk import convert, worker, workspace
from poise.desk.actions import Actor, key_ends, keys, people
from poise.desk.ledger import DeskLedger
from poise.desk.models import AgreementDraft, Job, OpeningPosition, User
from poise.desk.pages.outcomes import windows_over
from poise.ledger.verify import verify_lines
from poise.table.ground import Ground, as_plan
from poise.table.past import past
from poise.table.settling import better_for_both
from poise.table.trading import Trade
from table.cases import small_ground

pytestmark = pytest.mark.usefixtures("committed")
PASSPHRASES = {"cio": "keep it running, always", "ciso": "keep it secure, always"}
FREEZE = {
    "id": "quarter-end",
    "rule": "freeze",
    "class": "preference",
    "owner": "Head of Finance",
    "reason": "books are closed",
    "start": "2026-01-03T00:00",
    "end": "2026-01-05T00:00",
    "scope": ["erp"],
}


@dataclass(frozen=True)
class Two:
    """The two sides at one table, each with a signing key and a browser."""

    cio: Client
    ciso: Client
    ground: Ground
    people: tuple[User, User]


@pytest.fixture
def two(cio: User, ciso: User, sign_in: Callable[[Any], Client]) -> Two:
    return seated(cio, ciso, sign_in, small_ground(33))


def seated(cio: User, ciso: User, sign_in: Callable[[Any], Client], ground: Ground) -> Two:
    """Open a table between two who can sign."""
    keys.enrol(Actor.of(cio), PASSPHRASES["cio"])
    keys.enrol(Actor.of(ciso), PASSPHRASES["ciso"])
    keys.vouch(Actor.of(cio), "ciso", PASSPHRASES["cio"])
    convert.session(Actor.of(cio).now).open(ground, author="cio")
    return Two(sign_in(cio), sign_in(ciso), ground, (cio, ciso))


def text(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, answer.content.decode()[:2000]
    return answer.content.decode()


def post(client: Client, path: str, values: dict[str, Any] | None = None) -> None:
    answer = client.post(path, values or {})
    assert answer.status_code == 302, re.sub(r"<[^>]+>", " ", answer.content.decode())[-800:]


def seal_both(two: Two) -> None:
    post(two.cio, "/table/limits", FREEZE)
    post(two.cio, "/table/importance", {"weight-shop": "3"})
    post(two.cio, "/table/seal")
    post(two.ciso, "/table/seal")
    worker.run(until_empty=True)


def compose(two: Two, plan: str = "") -> AgreementDraft:
    """Propose, accept and compose."""
    plan = plan or next(
        name for name in ("kalai-smorodinsky", "nash", "F01", "default") if _is_offered(two, name)
    )
    post(two.ciso, "/table/propose", {"plan": plan})
    number = len(convert.session(Actor.desk().now).negotiation.proposals)
    for client in (two.cio, two.ciso):
        post(client, f"/table/proposals/{number}", {"answer": "accept"})
    post(two.ciso, f"/agreements/compose/{number}")
    return AgreementDraft.objects.get(proposal=number)


def agree(two: Two, plan: str = "") -> str:
    """Propose, accept, compose and sign; return the agreement's hash."""
    draft = compose(two, plan)
    post(two.cio, f"/agreements/drafts/{draft.pk}/sign", {"passphrase": PASSPHRASES["cio"]})
    post(two.ciso, f"/agreements/drafts/{draft.pk}/sign", {"passphrase": PASSPHRASES["ciso"]})
    in_force = convert.session(Actor.desk().now).negotiation.in_force
    assert in_force is not None
    return in_force[0]


def _is_offered(two: Two, name: str) -> bool:
    at = convert.session(Actor.desk().now)
    known = at.known_plans()
    return name in known and not at.breaks(as_plan(known[name][1]))


def test_neither_side_sees_the_other_s_position_before_both_have_sealed(two: Two) -> None:
    """Who sees the other's limits first would bargain against them."""
    post(two.cio, "/table/limits", FREEZE)
    assert "quarter-end" in text(two.cio, "/table")
    assert "quarter-end" not in text(two.ciso, "/table")
    post(two.cio, "/table/seal")
    assert "quarter-end" not in text(two.ciso, "/table")
    assert two.cio.post("/table/limits", {**FREEZE, "id": "another"}).status_code == 400
    post(two.ciso, "/table/seal")
    assert "quarter-end" in text(two.ciso, "/table")
    assert all(row.is_sealed for row in OpeningPosition.objects.all())


def test_shares_of_a_signed_proposal_count_from_what_holds_now(two: Two) -> None:
    """Its plan is what goes on if nobody signs now: 0 %, as everywhere else on the page and over the API."""
    seal_both(two)
    agree(two)
    at = convert.session(Actor.desk().now)
    one = at.negotiation.proposals[0]
    assert max(one.share_operations, one.share_security) > 0, "as it was recorded"
    page = text(two.cio, "/table")
    card = page[page.index('id="proposals"') : page.index('id="frontier"')]
    assert re.findall(r"(-?[\d.]+)\s%", re.sub(r"<[^>]+>", "", card))[:2] == ["0", "0"]


def test_a_draft_signed_with_a_key_that_was_exchanged_since_is_signed_again(two: Two) -> None:
    """The ledger would refuse the agreement once the other side has signed too."""
    seal_both(two)
    draft = compose(two)
    sign = f"/agreements/drafts/{draft.pk}/sign"
    post(two.cio, sign, {"passphrase": PASSPHRASES["cio"]})
    keys.exchange(Actor.of(two.people[0]), PASSPHRASES["cio"], "a new one for the same person")
    post(two.ciso, sign, {"passphrase": PASSPHRASES["ciso"]})
    assert convert.session(Actor.desk().now).negotiation.in_force is None
    post(two.cio, sign, {"passphrase": "a new one for the same person"})
    assert convert.session(Actor.desk().now).negotiation.in_force is not None


def test_what_somebody_composed_who_left_is_composed_anew(
    two: Two, chair: User, administrator: User, sign_in: Callable[[Any], Client]
) -> None:
    """Its author can sign it no more, and nobody else for them."""
    keys.enrol(Actor.of(chair), "for both of you, always")
    for user in two.people:
        keys.vouch(Actor.of(user), "chair", PASSPHRASES[user.username])
    seal_both(two)
    draft = compose(two)
    post(two.ciso, f"/agreements/drafts/{draft.pk}/sign", {"passphrase": PASSPHRASES["ciso"]})
    asked = key_ends.ask(Actor.of(chair), "ciso", "has left")
    key_ends.sign(Actor.of(two.people[0]), asked.pk, PASSPHRASES["cio"])
    key_ends.sign(Actor.of(chair), asked.pk, "for both of you, always")
    people.give_role(Actor.of(administrator), two.people[1], "")
    new = people.admit(Actor.of(administrator), "next", "a passphrase of some length", "security-lead")
    keys.enrol(Actor.of(new), PASSPHRASES["ciso"])
    keys.vouch(Actor.of(two.people[0]), "next", PASSPHRASES["cio"])
    keys.vouch(Actor.of(chair), "next", "for both of you, always")
    post(two.cio, f"/agreements/compose/{draft.proposal}")
    anew = AgreementDraft.objects.get()
    post(two.cio, f"/agreements/drafts/{anew.pk}/sign", {"passphrase": PASSPHRASES["cio"]})
    post(sign_in(new), f"/agreements/drafts/{anew.pk}/sign", {"passphrase": PASSPHRASES["ciso"]})
    assert convert.session(Actor.desk().now).negotiation.in_force is not None


def test_a_colleague_may_sign_first(two: Two, sign_in: Callable[[Any], Client], chair: User) -> None:
    """The ledger takes an agreement from an author who has signed it: whoever signs first is that."""
    keys.enrol(Actor.of(chair), PASSPHRASES["cio"])
    for one in two.people:
        keys.vouch(Actor.of(one), "chair", PASSPHRASES[one.username])
    second = User.objects.create_user("ciso2", password="ciso2 has a long one", role="security-lead")
    keys.enrol(Actor.of(second), PASSPHRASES["cio"])
    seal_both(two)
    draft = compose(two)
    sign = f"/agreements/drafts/{draft.pk}/sign"
    answer = sign_in(second).post(sign, {"passphrase": PASSPHRASES["cio"]})
    assert (answer.status_code, "E877" in answer.content.decode()) == (400, True), "nobody vouched yet"
    keys.vouch(Actor.of(two.people[0]), "ciso2", PASSPHRASES["cio"])
    keys.vouch(Actor.of(chair), "ciso2", PASSPHRASES["cio"])
    post(sign_in(second), sign, {"passphrase": PASSPHRASES["cio"]})
    post(two.cio, sign, {"passphrase": PASSPHRASES["cio"]})
    in_force = convert.session(Actor.desk().now).negotiation.in_force
    assert in_force is not None
    assert DeskLedger().record(in_force[0]).statement.author == "ciso2"
    assert DeskLedger().verify().broken is None


def test_a_key_of_the_other_role_signs_no_draft(two: Two, administrator: User) -> None:
    """Else the side would count as signed, and the ledger refuse the whole at the second signature."""
    seal_both(two)
    draft = compose(two)
    people.give_role(Actor.of(administrator), two.people[1], "operations-lead")
    answer = two.ciso.post(f"/agreements/drafts/{draft.pk}/sign", {"passphrase": PASSPHRASES["ciso"]})
    assert (answer.status_code, "E743" in answer.content.decode()) == (400, True)
    assert not AgreementDraft.objects.get().signed


def test_a_draft_that_a_limit_has_overtaken_is_composed_anew_or_not_at_all(two: Two) -> None:
    """What it says of limits that are kept must be true on the day on which it is signed."""
    seal_both(two)
    draft = compose(two)
    sign = f"/agreements/drafts/{draft.pk}/sign"
    post(two.ciso, sign, {"passphrase": PASSPHRASES["ciso"]})
    post(
        two.cio,
        "/table/limits",
        {**FREEZE, "id": "harmless", "start": "2029-01-03T00:00", "end": "2029-01-05T00:00"},
    )
    answer = two.cio.post(sign, {"passphrase": PASSPHRASES["cio"]})
    assert (answer.status_code, "has changed since it was composed" in answer.content.decode()) == (400, True)
    page = text(two.cio, f"/agreements/drafts/{draft.pk}")
    assert "Compose it anew" in page
    assert "Sign for" not in page
    assert two.cio.get(f"/agreements/compose/{draft.proposal}").status_code == 200, "offers a new one"
    post(two.cio, f"/agreements/compose/{draft.proposal}")
    anew = AgreementDraft.objects.get()
    assert (anew.pk == draft.pk, anew.signed) == (False, "")
    assert two.ciso.post(sign, {"passphrase": PASSPHRASES["ciso"]}).status_code == 409, "the one that is gone"
    frozen = {**FREEZE, "id": "all", "scope": [], "start": "2026-01-01T00:00", "end": "2026-03-01T00:00"}
    post(two.cio, "/table/limits", frozen)
    answer = two.ciso.post(f"/agreements/drafts/{anew.pk}/sign", {"passphrase": PASSPHRASES["ciso"]})
    assert "Its plan breaks what was posted since: all" in html.unescape(answer.content.decode())
    assert two.ciso.post(f"/agreements/compose/{draft.proposal}").status_code == 400
    assert convert.session(Actor.desk().now).negotiation.in_force is None


def test_a_plan_s_name_that_stands_for_another_plan_by_now_is_not_proposed(two: Two) -> None:
    """Fair points move with each limit; what was seen is what is proposed."""
    seal_both(two)
    page = text(two.ciso, "/table")
    seen = re.search(r'value="(default@[0-9a-f]+)"', page)
    assert seen is not None
    assert two.ciso.post("/table/propose", {"plan": "default@0123456789abcdef"}).status_code == 409
    post(two.ciso, "/table/propose", {"plan": seen[1]})


def test_a_search_after_a_signature_leaves_another_table_alone(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Numbers of windows mean others there."""
    seal_both(two)
    agree(two)
    searched = []

    def slow(at: convert.DeskSession) -> Trade | None:
        found = better_for_both(at)
        searched.append(found)
        convert.session(Actor.of(two.people[0]).now).open(small_ground(15), author="cio")
        return found

    monkeypatch.setattr("poise.desk.work.bargaining.better_for_both", slow)
    worker.run(until_empty=True)
    assert len(searched) == 1
    assert not convert.session(Actor.desk().now).negotiation.proposals
    assert not Job.objects.filter(state=Job.State.FAILED).exists()


def test_windows_of_a_re_opened_agreement_are_still_told_of(two: Two) -> None:
    """Its plan goes on until another is signed, on a table that finds the patched no more too."""
    seal_both(two)
    record = agree(two)
    before = windows_over(convert.session(Actor.desk().now))
    assert before, "the table's windows are long over"
    convert.session(Actor.desk().now).reopen(record, ["a fact"], "reopen")
    assert windows_over(convert.session(Actor.desk().now)) == before
    visit = before[0]
    post(
        two.cio,
        "/record/visit",
        {"group": visit.group, "start": visit.start.isoformat(), "downtime": "1234567.8"}
        | {f"status-{change.id}": "done" for change, _ in visit.changes},
    )
    told = windows_over(convert.session(Actor.desk().now))[0].changes
    assert [one.downtime_minutes for _, one in told if one is not None] == [1234567.8] * len(told)
    ground = convert.session(Actor.desk().now).ground
    gone = tuple(msgspec.structs.replace(one, id=f"new-{one.id}") for one in ground.changes)
    later = msgspec.structs.replace(ground, changes=gone, digest="e" * 64)
    convert.session(Actor.of(two.people[0]).now).open(later, author="cio")
    assert len(windows_over(convert.session(Actor.desk().now))) == len(before)


def test_a_deadline_is_a_day_that_calendars_have(two: Two) -> None:
    """One of eight thousand years kept the fair points of both sides from being computed."""
    terms = {**FREEZE, "rule": "deadline", "amount": "3000000", "start": "", "end": ""}
    answer = two.cio.post("/table/limits", terms)
    assert (answer.status_code, "E551" in answer.content.decode()) == (400, True)


def test_nobody_comments_on_a_plan_that_there_is_not(two: Two) -> None:
    """A record is for ever."""
    size = DeskLedger().head.size
    for key in ("no-such-plan", f"proposal-{'9' * 5000}"):
        assert two.cio.post(f"/plan/{key}/comment", {"words": "hm"}).status_code in (400, 404)
    assert DeskLedger().head.size == size


def test_a_limit_belongs_to_its_side_and_is_dropped_once(two: Two) -> None:
    """Two people edit one limit: the second is told so, and nobody drops the other side's."""
    seal_both(two)
    assert two.ciso.post("/table/limits/quarter-end/drop", {"reason": "in the way"}).status_code == 403
    post(two.cio, "/table/limits/quarter-end/drop", {"reason": "the books close later"})
    again = two.cio.post("/table/limits/quarter-end/drop", {"reason": "twice"})
    assert again.status_code == 409
    assert "quarter-end" in again.content.decode()


def test_of_two_edits_of_one_limit_the_second_sees_both(two: Two) -> None:
    """Nobody overwrites what they have not read: the second gets both versions, and may still choose."""
    seal_both(two)
    path = "/table/limits/quarter-end/change"
    seen = re.search(r'name="seen" value="(\w+)"', text(two.cio, path))
    assert seen
    terms = {key: value for key, value in FREEZE.items() if key != "id"}
    post(two.cio, path, {**terms, "end": "2026-01-06T00:00", "seen": seen[1]})
    late = two.cio.post(path, {**terms, "reason": "the audit", "seen": seen[1]})
    page = late.content.decode()
    assert late.status_code == 409
    assert "6 Jan 2026, 00:00</span> UTC" in page
    assert "the audit" in page
    assert "6 Jan 2026" in text(two.ciso, "/table/limits/quarter-end")
    anew = re.search(r'name="seen" value="(\w+)"', page)
    assert anew
    post(two.cio, path, {**terms, "reason": "the audit", "seen": anew[1]})
    assert "the audit" in text(two.ciso, "/table/limits/quarter-end")
    assert two.ciso.post(path, {**terms, "seen": anew[1]}).status_code == 403


def test_a_limit_that_makes_no_sense_comes_back_with_what_was_written(two: Two) -> None:
    """Whoever mistypes one field does not fill in ten again, and reads the library's own words."""
    answer = two.cio.post("/table/limits", {**FREEZE, "end": "", "reason": "books <are> closed"})
    page = answer.content.decode()
    assert answer.status_code == 400
    assert "A freeze needs a start and an end." in page
    assert "books &lt;are&gt; closed" in page
    for path in ("/ledger?until=soon", "/plan/why?change=none", "/record/visit?group=g0&start=soon"):
        assert two.cio.get(path).status_code == 400, path
    assert two.cio.post("/table/importance", {"weight-shop": "much"}).status_code == 400
    assert two.cio.post("/table/limits", {**FREEZE, "start": "soon"}).status_code == 400


def trades_on(client: Client) -> str:
    """Return what the table says of trades, without what differs each time."""
    section = text(client, "/table").partition('id="trades"')[2].partition('id="positions"')[0]
    return re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", section)


def test_a_trade_stays_hidden_until_both_accept_it(two: Two) -> None:
    """A yes to a bundle must not be a weapon either: only a match makes it a proposal."""
    seal_both(two)
    at = convert.session(Actor.of(two.people[0]).now)
    known = at.known_plans()
    plan = next(key for key in known if not at.breaks(as_plan(known[key][1])))
    bundle = {"windows": known[plan][1], "moves": ["c0: not done"], "before": [2.0, 1.0], "after": [1.0, 1.0]}
    bundle |= {"gain_security": 0.5, "gain_operations": 0.0}
    result = {**at.mark(), "at": "default", "trades": [bundle]}
    job = Job.objects.create(
        kind="table.trades", title="Trades", state=Job.State.DONE, result=result, created=Actor.desk().now
    )
    path = f"/table/trades/{job.pk}/0"
    before = trades_on(two.ciso)
    post(two.cio, path, {"answer": "accept"})
    assert "Your side answered: Accept" in trades_on(two.cio)
    assert trades_on(two.ciso) == before
    assert not convert.session(Actor.desk().now).negotiation.proposals
    post(two.ciso, path, {"answer": "accept"})
    state = convert.session(Actor.desk().now).negotiation
    assert [one.party for one in state.proposals] == [None]
    assert state.matched == (1,)
    assert two.cio.post(path, {"answer": "no"}).status_code == 409


def test_computations_are_told_and_grow_old(two: Two) -> None:
    """A price that was computed before a limit changed says so."""
    seal_both(two)
    for what in ("prices", "trades", "repairs"):
        post(two.cio, f"/table/compute/{what}")
    worker.run(until_empty=True)
    page = text(two.cio, "/table")
    assert "Prices do not add up" in page
    assert "before something" not in page
    assert "Yes: a plan keeps all of them" in page or "No. These are the smallest ways out" in page
    post(two.ciso, "/table/limits", {**FREEZE, "id": "patch-week"})
    worker.run(until_empty=True)
    assert "before something on the table changed" in text(two.cio, "/table")


def test_only_a_match_is_told_and_two_people_sign(two: Two) -> None:
    """A hidden yes must not be a weapon; and one side's signature is no agreement."""
    seal_both(two)
    post(two.cio, "/table/propose", {"plan": "default"})
    post(two.cio, "/table/proposals/1", {"answer": "accept"})
    assert "accepted by both" not in text(two.ciso, "/table")
    assert two.ciso.post("/agreements/compose/1").status_code == 400
    post(two.ciso, "/table/proposals/1", {"answer": "accept"})
    assert "accepted by both" in text(two.cio, "/table")
    assert "Both sides accept proposal 1." in text(two.cio, "/table")
    assert "is due" not in text(two.cio, "/table")
    post(two.cio, "/agreements/compose/1", {"review": "2030-02-01"})
    draft = AgreementDraft.objects.get()
    path = f"/agreements/drafts/{draft.pk}/sign"
    wrong = two.cio.post(path, {"passphrase": "not the one at all"})
    assert wrong.status_code == 400
    asked_again = wrong.content.decode()
    assert "<strong>your signing key</strong> does not open with this passphrase" in asked_again
    assert f'action="{path}"' in asked_again
    post(two.cio, path, {"passphrase": PASSPHRASES["cio"]})
    assert two.cio.post(path, {"passphrase": PASSPHRASES["cio"]}).status_code == 409
    assert convert.session(Actor.desk().now).negotiation.in_force is None
    post(two.ciso, path, {"passphrase": PASSPHRASES["ciso"]})
    record_hash, _ = convert.session(Actor.desk().now).negotiation.in_force or ("", {})
    page = text(two.ciso, f"/agreements/{record_hash}")
    assert "in force" in page
    assert "cio" in page
    assert "2030-02-01" in page
    exported = two.ciso.get(f"/agreements/{record_hash}/export").json()
    assert exported["record"] == record_hash
    assert "looking for a plan that both prefer" in page
    worker.run(until_empty=True)
    page = text(two.cio, f"/agreements/{record_hash}")
    offered = [one for one in convert.session(Actor.desk().now).negotiation.proposals if one.party is None]
    assert ("as a proposal of the desk" if offered else "No plan was found that both prefer") in page


def at_time(monkeypatch: pytest.MonkeyPatch, moment: datetime) -> None:
    """Let the desk's clock run on from a moment."""
    ahead = moment - datetime.now(UTC)
    monkeypatch.setattr(settings, "POISE_CLOCK_AHEAD", ahead)
    monkeypatch.setattr(workspace, "clock_ahead", lambda _: ahead)


def test_signing_tells_which_visits_are_over(
    cio: User, ciso: User, sign_in: Callable[[Any], Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who signs a plan whose first windows have passed reads which; the agreement says it ever after."""
    ground = small_ground(26)
    at_time(monkeypatch, ground.now)
    two = seated(cio, ciso, sign_in, ground)
    key, plan = max(
        ((stored.key, as_plan(stored.windows)) for stored in two.ground.plans),
        key=lambda one: len({*one[1].window.tolist()}),
    )
    ends = sorted({two.ground.windows[w].end for w in plan.window.tolist() if w >= 0})
    assert len(ends) > 1
    at_time(monkeypatch, ends[0] - timedelta(hours=1))
    post(two.ciso, "/table/propose", {"plan": key})
    for client in (two.cio, two.ciso):
        post(client, "/table/proposals/1", {"answer": "accept"})
    assert "over already" not in text(two.ciso, "/agreements/compose/1")
    post(two.ciso, "/agreements/compose/1")
    draft = AgreementDraft.objects.get()
    page = f"/agreements/drafts/{draft.pk}"
    assert "over already" not in text(two.cio, page)
    at_time(monkeypatch, ends[0])
    over = past(two.ground, plan, Actor.desk().now)
    assert 0 < len(over.visits) < over.num_visits
    for client in (two.cio, two.ciso):
        shown = html.unescape(text(client, page))
        assert over.sentence in shown
        assert all(one.group in shown for one in over.visits)
        assert "Open a new table on today's data" in shown
    for client, name in ((two.cio, "cio"), (two.ciso, "ciso")):
        post(client, f"{page}/sign", {"passphrase": PASSPHRASES[name]})
    in_force = convert.session(Actor.desk().now).negotiation.in_force
    assert in_force is not None
    said = f"{len(over.visits)} of its {over.num_visits} visits"
    assert said in text(two.cio, f"/agreements/{in_force[0]}")
    assert "what became of" in text(two.cio, "/"), "home asks for it, as for any visit that is over"


def test_a_new_fact_re_opens_the_agreement(two: Two) -> None:
    """A vulnerability in scope that becomes known-exploited is told on the home page, and re-opens."""
    seal_both(two)
    record_hash = agree(two)
    changes = tuple(msgspec.structs.replace(one, is_kev=True) for one in two.ground.changes)
    later = msgspec.structs.replace(two.ground, changes=changes, digest="f" * 64)
    convert.session(Actor.of(two.people[0]).now).open(later, author="cio")
    assert "Facts have changed" in text(two.cio, "/")
    assert "Re-open the agreement" in text(two.ciso, f"/agreements/{record_hash}")
    post(two.ciso, "/agreements/reopen")
    page = text(two.ciso, f"/agreements/{record_hash}")
    assert "not in force any more" in page
    assert "known-exploited" in page
    assert "re-opened" in text(two.cio, "/agreements")
    assert "/plan/agreed" in page
    beside = text(two.cio, "/plan/agreed")
    assert "The agreement that was re-opened" in beside
    assert "The standing policy" in beside
    worker.run(until_empty=True)
    ways = convert.session(Actor.desk().now).replans["ways"]
    assert [one["moves"] for one in ways[:-1]] == sorted(one["moves"] for one in ways[:-1])
    assert ways[-1]["key"] == "replan-whole"
    page = text(two.cio, "/table")
    assert page.index(ways[0]["label"]) < page.index("Whole re-plan")
    assert not convert.session(Actor.desk().now).negotiation.proposals, "taken silently"
    assert ways[0]["label"] in text(two.ciso, f"/plan/{ways[0]['key']}?against=agreed")
    assert two.cio.post("/table/compute/open").status_code == 400
    newer = agree(two, ways[0]["key"])
    assert "re-opened agreement" not in text(two.cio, "/table")
    assert "Beside the agreement that came after it" in text(two.cio, f"/agreements/{record_hash}")
    assert "Beside the agreement before it" in text(two.cio, f"/agreements/{newer}")


def test_what_became_of_a_window_is_asked_for_and_entered(two: Two) -> None:
    """After each window somebody says what came of it; what nobody says stays unknown."""
    # On the other ground the best plans do nothing.
    convert.session(Actor.of(two.people[0]).now).open(small_ground(15), author="cio")
    for client in (two.cio, two.ciso):
        post(client, "/table/seal")
    known = convert.session(Actor.desk().now).known_plans()
    agree(two, max(known, key=lambda name: sum(window >= 0 for window in known[name][1])))
    over = windows_over(convert.session(Actor.desk().now))
    assert over
    assert "Say what became of" in text(two.cio, "/")
    one = over[0]
    names = [change.id for change, _ in one.changes]
    assert all(name in text(two.cio, one.address) for name in names)
    said = {f"status-{name}": "done" for name in names} | {f"status-{names[0]}": "rolled_back"}
    asked = {"group": one.group, "start": one.start.isoformat(), "downtime": "12.5", "labour": "30"}
    assert two.cio.post("/record/visit", {**asked, **said, "downtime": "-1"}).status_code == 400
    post(two.cio, "/record/visit", {**asked, **said, "finished": "2026-01-03T02:00", "rebooted": "yes"})
    again = next(x for x in windows_over(convert.session(Actor.desk().now)) if x.address == one.address)
    outcomes = [outcome for _, outcome in again.changes]
    assert again.num_missing == 0
    assert outcomes[0] is not None
    assert outcomes[0].status == "rolled_back"
    assert outcomes[0].downtime_minutes == 12.5
    assert ">rolled back</td>" in two.cio.get(one.address).content.decode(), "in words, not by its key"
    assert sum(x.labour_minutes or 0 for x in outcomes if x) == pytest.approx(30, rel=1e-4)


def test_plans_are_shown_asked_about_and_commented(two: Two) -> None:
    """Whoever wonders about a date gets an answer computed, and a place to say so."""
    seal_both(two)
    change = two.ground.changes[0].id
    for key in ("default", "kalai-smorodinsky-before", two.ground.plans[0].key):
        assert "Services by week" in text(two.ciso, f"/plan/{key}")
    post(two.ciso, "/plan/ask", {"change": change, "before": "2026-01-12"})
    worker.run(until_empty=True)
    assert change in text(two.ciso, f"/plan/why?change={change}")
    post(two.cio, "/plan/default/comment", {"words": "Not in the week of the <audit>."})
    assert "&lt;audit&gt;" in text(two.ciso, "/plan/default")
    assert two.cio.get("/plan/nothing").status_code == 400
    post(two.cio, "/plan/default/comment", {"words": "It is needed then", "item": "service/erp"})
    page = text(two.cio, "/plan/default")
    form = re.search(r'href="(/table/new-limit\?[^"]*scope=erp[^"]*)"', page)
    assert form
    filled = text(two.cio, html.unescape(form[1]))
    assert 'value="It is needed then"' in filled
    assert re.search(r'<option value="erp" selected>', filled)
    asked = {"words": "Never at night", "item": f"change/{change}", "then": "limit"}
    assert "scope=g" in two.cio.post("/plan/default/comment", asked)["Location"]
    assert "Never at night" in text(two.ciso, f"/plan/why?change={change}")
    assert two.cio.post("/plan/default/comment", {"words": "x", "item": "host/1"}).status_code == 400


def test_the_ledger_is_searched_verified_and_exported(two: Two) -> None:
    """Anybody with a role can see what was recorded, and anybody at all can verify the export."""
    seal_both(two)
    agree(two)
    page = text(two.cio, "/ledger?kind=proposal.made")
    assert "proposal.made" in page
    before = text(two.cio, "/ledger?until=2001-01-01T00:00")
    assert "No record fits" in before
    assert "position of operations" in text(two.cio, "/ledger?q=BOOKS are closed")
    assert "No record fits" in text(two.cio, "/ledger?q=nobody said this")
    assert "Record 0" in text(two.cio, "/ledger/0")
    verified = two.cio.post("/ledger/verify").content.decode()
    assert "The chain holds" in verified
    content = b"".join(two.cio.get("/ledger/export"))  # type: ignore[arg-type]
    found = verify_lines(content.splitlines(keepends=True), "export")
    assert found.broken is None
    assert found.size == DeskLedger().head.size


def test_a_date_that_no_window_meets_is_told_by_name(two: Two) -> None:
    """Days from now and numbers of changes are for programs."""
    seal_both(two)
    asked = {"id": "at-once", "rule": "deadline", "amount": "0.1", "affected": "all", "class": "policy"}
    post(two.ciso, "/table/limits", {**asked, "owner": "CISO", "reason": "now"})
    worker.run(until_empty=True)
    page = html.unescape(text(two.cio, "/table"))
    told = page[page.index("No plan keeps all limits") :][:300]
    assert re.search(r"limits: .+ on g\d+ must be done by \d{4}-\d\d-\d\d \d\d:\d\d", told), told
