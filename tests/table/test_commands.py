"""The commands of a table on a small company: prices, trades, triggers and re-plans as people call them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from itertools import product
from pathlib import Path
from typing import Any

import msgspec
import pytest

from poise.cli import main
from poise.ledger.store import Ledger
from poise.planning.evaluate import evaluate
from poise.table.agreement import AcceptedRisk, Action, Terms, Trigger
from poise.table.ground import Ground, as_plan
from poise.table.limits import Limit
from poise.table.session import Session
from table.cases import NOW, AllKept, random_limits, small_ground
from table.test_negotiation import enrolled

KINDS = ("kev", "exposure", "window", "team", "data", "exception")


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    """Return an open table in a workspace that commands find."""
    monkeypatch.setenv("POISE_HOME", str(tmp_path))
    with Ledger.open(tmp_path / "ledger.sqlite") as ledger:
        session = Session(tmp_path / "table", ledger, NOW)
        session.open(
            next(
                ground
                for ground in map(small_ground, range(40))
                if max(ground.plans[-1].windows) >= 1
                and not any(change.is_kev for change in ground.changes)
                and ground.problem.exposure_per_day.sum() > 0
            )
        )
        yield session


def said(capsys: pytest.CaptureFixture[str], *words: str, now: Any = NOW) -> tuple[int, dict[str, Any]]:
    """Run a command; return its exit code and what it printed."""
    capsys.readouterr()
    code = main([*words, "--now", now.isoformat(), "--json"])
    return code, json.loads(capsys.readouterr().out)


def signed(table: Session, terms: Terms, plan: int = -1) -> str:
    """Agree on a plan and sign it; return the record's hash."""
    table.propose("security", "mine", as_plan(table.ground.plans[plan].windows))
    number = len(table.negotiation.proposals)
    table.answer("operations", number, "accept")
    table.answer("security", number, "accept")
    draft = table.draft_agreement(number, terms, "anna")
    for key in enrolled(table):
        draft = draft.signed(key)
    record = table.ledger.add(draft, now=NOW)
    table.__dict__.pop("negotiation", None)
    return record.hash


def test_prices_shares_and_curves_are_said(table: Session, capsys: pytest.CaptureFixture[str]) -> None:
    """Shares of all limits add up to all together; a curve has a price at every disruption."""
    for limit in random_limits(table.ground, 2):
        table.add_limit(limit)
    code, value = said(capsys, "limit", "price", "--shares")
    sheet = value["sheet"]
    assert code == 0
    assert sheet["has_shares"]
    assert sheet["is_exact_share"]
    shares = [one["exposure"]["share"] for one in sheet["limits"]]
    if all(share["best"] is not None for share in shares):
        total = sum(share["best"] for share in shares)
        assert total == pytest.approx(sheet["together_exposure"]["best"], abs=1e-6)
    code, value = said(capsys, "limit", "price", "--curve", "l0")
    assert code == 0
    assert [point["disruption"] for point in value["curve"]] == sorted(
        point["disruption"] for point in value["curve"]
    )


def test_a_price_of_no_limit_is_refused_before_anything_is_solved(
    table: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slip of the pen is told at once, not after the fair points."""
    table.add_limit(Limit(id="rest", party="operations", rule="weekends", amount=0.0))
    monkeypatch.setattr(Session, "after", lambda *_: pytest.fail("solved before it was refused"))
    assert main(["limit", "price", "--curve", "nothing", "--now", NOW.isoformat()]) == 2


def test_changes_are_listed_with_their_windows(table: Session, capsys: pytest.CaptureFixture[str]) -> None:
    """Every change of the scope, under the plan under talk and under the default; ids that why takes."""
    table.propose("security", "mine", as_plan(table.ground.plans[-1].windows))
    code, value = said(capsys, "table", "changes")
    assert code == 0
    windows = table.ground.plans[-1].windows
    assert [one["id"] for one in value["changes"]] == [change.id for change in table.ground.changes]
    for one, window in zip(value["changes"], windows, strict=True):
        start = table.ground.windows[window].start.isoformat() if window >= 0 else None
        assert (one["window"], one["default"]) == (start, None)
    code, some = said(capsys, "table", "changes", "--scope", "g0")
    assert [one["group"] for one in some["changes"]] == ["g0"] * len(some["changes"])
    assert 0 < len(some["changes"]) <= len(value["changes"])
    assert main(["table", "changes", "--now", NOW.isoformat()]) == 0
    out = capsys.readouterr().out
    assert len(out.splitlines()) == 1 + len(value["changes"])
    assert main(["table", "changes", "--scope", "shpo", "--now", NOW.isoformat()]) == 2
    assert "Perhaps shop is meant." in capsys.readouterr().err


def test_both_names_of_why_ask_the_same(table: Session, capsys: pytest.CaptureFixture[str]) -> None:
    """A wish within a span of time: both costs as intervals, whichever name the question has."""
    first = table.ground.windows[0]
    span = ("c0", "--after", first.start.isoformat(), "--before", first.end.isoformat())
    code, value = said(capsys, "plan", "why", *span)
    assert (code, value) == said(capsys, "why", *span)
    for outcome in (value["at_equal_disruption"], value["at_equal_exposure"]):
        assert outcome is None or outcome["extra"]["low"] <= outcome["extra"]["high"]
    assert set(value["is_ruled_out"]) == {"at_equal_disruption", "at_equal_exposure"}
    assert main(["plan", "why", "nothing", *span[1:], "--now", NOW.isoformat()]) == 2


def test_limits_are_traded_one_of_each_side(table: Session, capsys: pytest.CaptureFixture[str]) -> None:
    """Dropping two limits that shut everything frees a plan that both prefer; totals stand beside it."""
    every = AllKept(table.ground, ())
    worst = float((every.security).max())
    table.add_limit(Limit(id="never", party="operations", rule="services", amount=0.0))
    table.add_limit(Limit(id="loss", party="security", rule="exposure", amount=2 * worst))
    code, value = said(capsys, "trade", "find", "--limits")
    assert code in (0, 1)
    for trade in value["trades"]:
        assert sorted(trade["relaxed"]) == ["loss", "never"]
        assert trade["gain_security"] > 0
        assert trade["gain_operations"] > 0
        assert bool(trade["warnings"]) == (
            trade["after"]["security"] > trade["before"]["security"] * (1 + 1e-6)
            or trade["after"]["operations"] > trade["before"]["operations"] * (1 + 1e-6)
        )


def facts(ground: Ground, kind: str) -> tuple[Ground, timedelta]:
    """Return today's ground, and how much later it is, on which one trigger fires."""
    arrays = ground.problem_arrays
    dearer = {**arrays.arrays, "exposure_per_day": (3.0 * ground.problem.exposure_per_day).tolist()}
    hour = timedelta(hours=1)
    moved = tuple(
        msgspec.structs.replace(one, start=one.start + hour, end=one.end + hour) for one in ground.windows
    )
    exploited = tuple(msgspec.structs.replace(change, is_kev=True) for change in ground.changes)
    of = {
        "kev": {"changes": exploited},
        "exposure": {"problem_arrays": msgspec.structs.replace(arrays, arrays=dearer)},
        "window": {"windows": moved},
        "team": {"teams": ()},
    }
    later = {"data": timedelta(days=15), "exception": timedelta(days=31)}
    return msgspec.structs.replace(ground, **of.get(kind, {})), later.get(kind, timedelta(0))


@pytest.mark.parametrize(("kind", "action"), [*product(KINDS, ("notify", "reopen", "default"))])
def test_each_trigger_does_what_was_agreed(
    table: Session, capsys: pytest.CaptureFixture[str], kind: str, action: Action
) -> None:
    """On a table opened anew: told only, open while its plan goes on, or back to the policy."""
    threshold = {"exposure": 0.2, "data": 14.0}.get(kind)
    trigger = Trigger(kind=kind, action=action, threshold=threshold)  # type: ignore[arg-type]
    until = NOW.date() + timedelta(days=30)
    terms = Terms(triggers=(trigger,), exceptions=(AcceptedRisk(what="tills", owner="x", until=until),))
    record_hash = signed(table, terms)
    assert said(capsys, "agree", "check")[0] == 0
    then = table.ground
    ground, later = facts(then, kind)
    table.open(ground)
    now = NOW + later
    code, value = said(capsys, "agree", "check", "--apply", now=now)
    assert code == 1
    assert value["action"] == action
    assert {one["trigger"]["kind"] for one in value["fired"]} == {kind}
    at = Session(table.folder, table.ledger, now)
    assert (at.negotiation.in_force is not None) == (action == "notify")
    beside = [one.statement.kind for one in table.ledger.beside(record_hash)]
    assert beside == ([] if action == "notify" else ["agreement.reopened"])
    assert [value["record"]] == ([one.hash for one in table.ledger.beside(record_hash)] or [None])
    if action == "default":
        assert at.default[0] == ground.default_sentence
        assert tuple(at.default[1].window) == ground.default.windows
    else:
        assert at.default[0].startswith("The last signed agreement goes on")


def test_a_replan_on_a_later_table_offers_few_moves_first(
    table: Session, capsys: pytest.CaptureFixture[str]
) -> None:
    """A cancelled window re-opens the agreement: few moves from it first, the whole re-plan last."""
    signed(table, Terms())
    agreed = {
        change.id
        for change, window in zip(table.ground.changes, table.ground.plans[-1].windows, strict=True)
        if window >= 0
    }
    ground, _ = facts(table.ground, "window")
    table.open(ground)
    assert said(capsys, "agree", "check", "--apply")[1]["action"] == "reopen"
    assert main(["agree", "check", "--now", NOW.isoformat()]) == 2
    assert "open again already" in capsys.readouterr().err
    code, value = said(capsys, "agree", "replan")
    assert code == 0
    assert set(value["lost"]) == agreed
    assert value["overdue"] == []
    assert main(["agree", "replan", "--now", NOW.isoformat()]) == 0
    text = capsys.readouterr().out
    assert text.startswith("What is left of the agreed plan can still be kept")
    assert all(name in text for name in sorted(agreed)[:1])
    budgets = [way["budget"] for way in value["ways"]]
    assert budgets[-1] is None
    assert all(budget is not None for budget in budgets[:-1])
    moves = [way["weighted_moves"] for way in value["ways"]]
    assert moves[:-1] == sorted(moves[:-1])
    assert value["least_moves"] <= min(moves)
    for way in value["ways"]:
        totals = way["costs"]["security"] + way["costs"]["operations"]
        assert way["least_total"] <= totals + 1e-6 * max(1.0, totals)


def test_a_signature_starts_the_search_for_a_plan_that_both_prefer(
    table: Session, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A signed plan that is bettered is offered again by the desk; the agreement stands until both sign."""
    every = AllKept(table.ground, ())
    place = next(
        place
        for place in range(len(every.window))
        if (
            (every.security < 0.9 * every.security[place])
            & (every.operations < 0.9 * every.operations[place])
        ).any()
    )
    table.propose("security", "poor", as_plan(every.window[place].tolist()))
    for party in ("operations", "security"):
        table.answer(party, 1, "accept")  # type: ignore[arg-type]
    draft = table.draft_agreement(1, Terms(), "anna")
    for key in enrolled(table):
        draft = draft.signed(key)
    (tmp_path / "agreement.json").write_bytes(draft.to_bytes())
    code, value = said(capsys, "ledger", "add", str(tmp_path / "agreement.json"))
    assert code == 0
    assert value["settlement"]["proposal"] == 2
    at = Session(table.folder, table.ledger, NOW)
    offered = at.negotiation.proposals[-1]
    assert offered.party is None
    better = evaluate(at.ground.problem, as_plan(offered.windows))
    poor = evaluate(at.ground.problem, as_plan(every.window[place].tolist()))
    assert better.exposure + better.late_cost < poor.exposure + poor.late_cost
    assert better.disruption < poor.disruption
    assert at.negotiation.in_force is not None
    assert at.negotiation.in_force[0] == value["hash"]
