"""Trust and track record at the desk: played by the worker, read by everybody, reported by both sides."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from poise.desk import convert
from poise.desk.actions import Actor, keys
from poise.desk.actions.evidence import SIMULATE_JOB, reported
from poise.desk.jobs import run_job
from poise.desk.ledger import DeskLedger
from poise.desk.models import Job
from poise.table.agreement import Terms
from poise.table.ground import Ground, as_plan
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
    assert page.count("<circle") == 400
    assert "Play the plans" not in page


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
