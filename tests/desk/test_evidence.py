"""Trust and track record at the desk: played by the worker, read by everybody, reported by both sides."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from estate.samples import ESTATE, WEEKLY
from poise.desk import convert
from poise.desk.actions import Actor, estate, keys
from poise.desk.actions.evidence import SIMULATE_JOB, ranges_of, reported
from poise.desk.jobs import run_job
from poise.desk.ledger import DeskLedger
from poise.desk.models import Job
from poise.desk.trusted import trusted
from poise.dialogue.commitments import JudgementResolved, JudgementStated
from poise.dialogue.state import Dialogue, Judgement
from poise.planning.problem import Plan
from poise.table.agreement import Terms, agreed_plan
from poise.table.ground import Ground, as_plan
from poise.table.trust import cost_ranges, differences, simulate_table
from table.cases import small_ground, with_risk

PASSPHRASE = "a passphrase for tests"


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Send no heartbeat: it would wait for the lock of the transaction that the test stands in."""
    monkeypatch.setattr("poise.desk.jobs.HEARTBEAT_SECONDS", 600.0)


@pytest.fixture
def ground(ciso: Any) -> Ground:
    """Open a table that can be simulated."""
    found = with_risk(small_ground(8))
    convert.session(Actor.of(ciso).now).open(found, author="ciso")
    return found


def sign(cio: Any, ciso: Any) -> str:
    """Sign the busiest plan by both; return the agreement's hash."""
    keys.enrol(Actor.of(cio), PASSPHRASE)
    keys.enrol(Actor.of(ciso), PASSPHRASE)
    keys.vouch(Actor.of(cio), "ciso", PASSPHRASE)
    now = Actor.of(cio).now
    at = convert.session(now)
    at.propose("security", "mine", as_plan(at.ground.plans[-1].windows), author="ciso")
    for party in ("operations", "security"):
        at.answer(party, 1, "accept")
    draft = at.draft_agreement(1, Terms(), "cio")
    for one in (cio, ciso):
        draft = draft.signed(keys.unlock(Actor.of(one), PASSPHRASE))
    return DeskLedger().add(draft, now=now).hash


def work() -> None:
    """Do what waits, in this transaction."""
    while (job := Job.objects.filter(state="waiting").order_by("pk").first()) is not None:
        run_job.call(job.pk)


def test_plans_are_played_by_the_worker_and_shown(
    ground: Ground, ciso: Any, auditor: Any, sign_in: Callable[[Any], Client]
) -> None:
    """A side starts it, everybody reads ranges, paired differences, dots, and what they rest on."""
    client = sign_in(ciso)
    assert "have not been simulated" in client.get("/trust").content.decode()
    seen = {"ground": convert.session(Actor.of(ciso).now).negotiation.ground}
    assert client.post("/trust/simulate", {"ground": "another"}).status_code == 409
    assert client.post("/trust/simulate", seen).status_code == 302
    assert client.post("/trust/simulate", seen).status_code == 409
    work()
    job = Job.objects.get(kind=SIMULATE_JOB)
    assert job.state == "done", job.fault
    page = sign_in(auditor).get("/trust").content.decode()
    assert "If nobody signs" in page
    assert "What these figures rest on" in page
    assert "costs less in" in page
    assert page.count("<circle") == 2 * 400, "for wide pages and for narrow ones"
    assert "Play the plans" not in page
    first, second = min(job.result["pairs"]).split("|")
    page = sign_in(auditor).get(f"/trust?a={first}&b={second}").content.decode()
    assert "Draw by draw" in page
    one = job.result["pairs"][f"{first}|{second}"][2]
    other = sign_in(auditor).get(f"/trust?a={second}&b={first}").content.decode()
    assert f"{100 * one[3]:.0f}\N{NO-BREAK SPACE}%" in page
    assert f"{100 * one[4]:.0f}\N{NO-BREAK SPACE}%" in other
    for nonsense in ("/trust?a=nothing&b=default", f"/trust?a={first}&b={first}"):
        answer = sign_in(auditor).get(nonsense)
        assert answer.status_code == 200
        assert "Draw by draw" not in answer.content.decode()


def test_ranges_and_dots_stand_wherever_a_loss_does(
    ground: Ground, cio: Any, ciso: Any, sign_in: Callable[[Any], Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cards of the table, proposals, plans, what is composed: a page only looks up."""
    client = sign_in(ciso)
    assert "Not played yet" in client.get("/table").content.decode()
    seen = {"ground": convert.session(Actor.of(ciso).now).negotiation.ground}
    client.post("/trust/simulate", seen)
    work()
    at = convert.session(Actor.of(ciso).now)
    at.propose("security", "mine", as_plan(ground.plans[-1].windows), author="ciso")
    for party in ("operations", "security"):
        at.answer(party, 1, "accept")

    def never(*_: object, **__: object) -> None:
        raise AssertionError("a page must not simulate")

    monkeypatch.setattr("poise.risk.simulation.simulate.run_piece", never)
    page = client.get("/table").content.decode()
    assert "Not played yet" not in page
    told = re.findall(
        r"\b1 of 100 equally likely ways holds a loss|of 100 equally likely ways hold a loss", page
    )
    assert len(told) == page.count('class="trusted"') >= 4
    assert page.count('id="rests-on"') == 1
    assert "Poise&#x27;s choice" in page
    for address in (f"/plan/{ground.plans[0].key}", "/plan/proposal-1", "/agreements/compose/1"):
        page = client.get(address).content.decode()
        assert "Of what we do not know" in page, address
        assert "What these figures rest on" in page, address
    page = client.get(f"/plan/{ground.plans[0].key}?against={ground.plans[-1].key}").content.decode()
    assert "Draw by draw" in page
    assert "Both together" in page


def test_a_signed_plan_stands_beside_what_it_replaced(
    ground: Ground, cio: Any, ciso: Any, sign_in: Callable[[Any], Client]
) -> None:
    """What was signed goes on, so it is compared with the policy of before, and by the same draws."""
    client = sign_in(ciso)
    sign(cio, ciso)
    client.post("/trust/simulate", {"ground": convert.session(Actor.of(ciso).now).negotiation.ground})
    work()
    for name in ("agreed", "default"):
        page = client.get(f"/plan/{name}").content.decode()
        assert "against “The standing policy, without any agreement”" in page, name


def test_the_page_says_what_the_simulation_says(
    ground: Ground, ciso: Any, sign_in: Callable[[Any], Client]
) -> None:
    """A range beside a plan's figure is that of the same draws, whatever the plan is called."""
    client = sign_in(ciso)
    client.post("/trust/simulate", {"ground": convert.session(Actor.of(ciso).now).negotiation.ground})
    work()
    at = convert.session(Actor.of(ciso).now)
    played = trusted(at.negotiation.ground)
    assert played is not None
    plan = as_plan(ground.plans[-1].windows)
    direct = simulate_table(ground, [("it", "it", plan)])
    told = played.figure(plan)
    assert told is not None
    low, mean, high = cost_ranges(direct)["it"]["security"]
    assert told["costs"]["security"] == pytest.approx([low, mean, high])
    (*_, both) = played.compared(plan, ground.default_plan) or ()
    (*_, wanted) = differences(direct, "it", "default")
    assert (both.low, both.mean, both.high) == pytest.approx((wanted.low, wanted.mean, wanted.high), rel=1e-4)
    assert both.chance == wanted.chance
    other = Plan(plan.window * 0 + 99)
    assert played.figure(other) is None
    assert played.compared(plan, other) is None


def test_an_agreement_keeps_what_repeats_its_ranges(ground: Ground, cio: Any, ciso: Any) -> None:
    """Seed and counts of draws are signed: whoever holds the ground finds the same ranges years later."""
    body = DeskLedger().find(sign(cio, ciso)).body
    assert body is not None
    told = body["basis"]["simulation"]
    plan = [("it", "it", agreed_plan(ground, dict(body)))]
    one, two = (
        simulate_table(ground, plan, knowledge_draws=told["knowledge_draws"], inner_draws=told["inner_draws"])
        for _ in range(2)
    )
    assert one.model.seed == told["seed"]
    assert np.array_equal(one.loss, two.loss)


def test_another_ground_needs_another_play(
    ground: Ground, ciso: Any, sign_in: Callable[[Any], Client]
) -> None:
    """Ranges of yesterday's ground never stand beside today's plans."""
    seen = {"ground": convert.session(Actor.of(ciso).now).negotiation.ground}
    sign_in(ciso).post("/trust/simulate", seen)
    work()
    convert.session(Actor.of(ciso).now).open(with_risk(small_ground(9)), author="ciso")
    assert "have not been simulated" in sign_in(ciso).get("/trust").content.decode()


def test_outcomes_go_on_the_ledger_and_into_the_record(
    ground: Ground, cio: Any, ciso: Any, sign_in: Callable[[Any], Client]
) -> None:
    """What became of changes, uploaded twice: the last word counts, both stay."""
    client = sign_in(cio)
    assert "Nothing is signed" in client.get("/record").content.decode()
    agreement = sign(cio, ciso)
    page = client.get("/record").content.decode()
    assert "nothing reported" in page
    plan = as_plan(ground.plans[-1].windows)
    done = next(c.id for c, window in zip(ground.changes, plan.window, strict=True) if window >= 0)
    for status, minutes in (("done", "45.5"), ("failed", "90")):
        file = SimpleUploadedFile(
            "o.csv", f"change,status,downtime_minutes\n{done},{status},{minutes}\n".encode()
        )
        assert client.post("/record/report", {"outcomes": file}).status_code == 302
    found = reported(agreement)
    assert (found[done].status, found[done].downtime_minutes) == ("failed", 90.0)
    assert len(list(DeskLedger().records_of(("outcomes",)))) == 2
    page = client.get("/record").content.decode()
    assert "1.5 h" in page
    assert f"1 of {len(ground.changes)}" in page


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"change,status\nCH-none,done\n", "E554"),
        (b"change,status\nCH-none,maybe\n", "E182"),
        (b"\xff\xfe", "E180"),
        (b"change\n1\n", "E181"),
    ],
)
def test_what_cannot_be_reported_is_told(
    ground: Ground, cio: Any, ciso: Any, sign_in: Callable[[Any], Client], content: bytes, fault: str
) -> None:
    """An unknown change or a broken file leaves nothing on the ledger."""
    sign(cio, ciso)
    answer = sign_in(cio).post("/record/report", {"outcomes": SimpleUploadedFile("o.csv", content)})
    assert answer.status_code == 400
    assert fault in answer.content.decode()
    assert not list(DeskLedger().records_of(("outcomes",)))


def test_a_file_must_be_chosen(ground: Ground, cio: Any, sign_in: Callable[[Any], Client]) -> None:
    """An empty form is told, not thrown."""
    answer = sign_in(cio).post("/record/report", {})
    assert answer.status_code == 400
    assert "E873" in answer.content.decode()


def test_the_pair_sees_what_its_own_words_were_worth(
    cio: Any, ciso: Any, auditor: Any, sign_in: Callable[[Any], Client]
) -> None:
    """Ranges are stated and resolved by both; few say nothing, twenty do; nobody is named or split off."""
    one, two = sign_in(cio), sign_in(ciso)
    assert sign_in(auditor).get("/record/calibration").status_code == 403
    assert "0 of 20 ranges resolved" in one.get("/record/calibration").content.decode()
    form = {"what": "minutes down", "unit": "min", "low": "10", "high": "40", "resolves_by": "2026-12-01"}
    assert one.post("/record/ranges", form | {"low": "50"}).status_code == 400
    for number in range(20):
        client = (one, two)[number % 2]
        assert client.post("/record/ranges", form).status_code == 302
        name = list(ranges_of())[-1]
        came = {"outcome": "30" if number % 4 else "90", "source": "monitoring"}
        assert two.post(f"/record/ranges/{name}", came).status_code == 302
    assert two.post("/record/ranges/none", came).status_code == 400
    for client in (one, two):
        client.get("/record/calibration")  # what was just done is told once, to whoever did it
    pages = [client.get("/record/calibration").content.decode() for client in (one, two)]
    for page in pages:
        assert "15 of 20 outcomes fell into the 90 % ranges. Widen them." in page
        assert "0 of 20 judgements resolved" in page
        for person in (cio, ciso):
            assert person.username not in page.split("<main")[1]
    bodies = [page.split("<main")[1].split("csrfmiddlewaretoken")[0] for page in pages]
    assert bodies[0] == bodies[1]


def test_what_an_incident_cost_stands_beside_its_owner_s_range(
    cio: Any, ciso: Any, auditor: Any, sign_in: Callable[[Any], Client]
) -> None:
    """Only against a range that was given before it, by an owner; counted for all owners together."""
    files = {"estate.yaml": ESTATE.encode(), "weekly.ics": WEEKLY.encode()}
    estate.adopt(Actor(cio, datetime(2026, 1, 5, 9, tzinfo=UTC)), files)
    one, two = sign_in(cio), sign_in(ciso)
    said = {"service": "shop", "day": "2026-02-10", "outcome": "90000", "source": "Finance, March"}
    assert sign_in(auditor).post("/record/losses", said).status_code == 403
    for wrong in (
        {"service": "wiki"}, {"service": "none"}, {"day": "2026-01-05"}, {"day": "2999-01-01"},
        {"day": "soon"}, {"outcome": "-1"}, {"outcome": "much"}, {"source": ""},
    ):  # fmt: skip
        assert one.post("/record/losses", said | wrong).status_code == 400, wrong
    assert not ranges_of()
    for number in range(20):
        came = said | {"outcome": "90000" if number < 2 else "900000"}
        assert (one, two)[number % 2].post("/record/losses", came).status_code == 302
    page = two.get("/record/calibration").content.decode()
    assert "18 of 20 outcomes fell into the 90 % ranges." in page
    assert "0 of 20 ranges resolved" in page  # the sides' own are counted apart
    assert "Below their range lay 2, above it 0" in page
    assert "Keller" not in page.split("<main")[1]


def test_judgements_are_drawn_once_there_are_enough(
    ciso: Any, sign_in: Callable[[Any], Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The diagram's title says what the label is."""
    monkeypatch.setattr("poise.desk.pages.evidence.dialogue.state_of", lambda _: spoken(24))
    page = sign_in(ciso).get("/record/calibration").content.decode()
    assert "came true, as the two sides resolved it (24)" in page
    assert "Brier score" in page


def spoken(count: int) -> Dialogue:
    """Return a dialogue in which so many judgements are resolved."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    judgements = {}
    for number in range(count):
        name = f"j{number}"
        chance = (number % 8 + 1) / 10
        said = JudgementStated(
            party="security", id=name, statement="it spreads", low=chance, high=chance + 0.1,
            resolves_by=date(2026, 1, 1),
        )  # fmt: skip
        came = JudgementResolved(party="security", judgement=name, came_true=number % 3 == 0, source="us")
        judgements[name] = Judgement(said, now, came, now)
    return Dialogue(judgements=judgements)
