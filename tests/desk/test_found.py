"""What a job found: in words that people know, for every kind of job, and nothing that is for programs."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from importlib import import_module
from typing import Any

import pytest
from django.urls import reverse

from desk.test_hints import text_of
from desk.test_negotiation import Two, post, seal_both, two
from poise.desk import found, jobs, naming, worker
from poise.desk.actions import Actor
from poise.desk.models import Job
from poise.report.figures import Money

__all__ = ["two"]

pytestmark = pytest.mark.usefixtures("committed")

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
MARK = {"about": "0f0f", "ground": "a9a9"}
TRADE = {"moves": ["kernel on web: Mon 5 Jan 22:00"], "gain_security": 0.1, "windows": [1, 2]}
TOLD: list[tuple[str, dict[str, Any], dict[str, str]]] = [
    ("table.open", {"changes": 1234, "groups": 0}, {"Changes to plan": "1,234", "Patch groups": "0"}),
    ("table.landmarks", {**MARK, "impossible": ""}, {}),
    ("table.landmarks", {**MARK, "impossible": "It is late."}, {"No plan keeps all limits": "It is late."}),
    (
        "table.prices",
        {**MARK, "at": "Nash", "limits": {"a": {}}, "together": ["costs nothing here"] * 2},
        {"At": "Nash", "Limits priced": "1", "All of them together": "costs nothing here"},
    ),
    (
        "table.trades",
        {**MARK, "at": "Nash", "trades": []},
        {"At": "Nash", "Trades from which both gain": "none found"},
    ),
    (
        "table.settle",
        {"agreement": "ab12", "better": TRADE},
        {"A plan that both prefer": "found, with 1 move; it went on the table as a proposal of the desk"},
    ),
    ("table.settle", {"agreement": "ab12", "better": None}, {"A plan that both prefer": "none found"}),
    (
        "table.settle",
        {"better": None},
        {"A plan that both prefer": "not looked for: the agreement was in force no more"},
    ),
    (
        "table.replan",
        {
            "on": ["a9a9", "ab12"],
            "about": "0f0f",
            "kept": [1.0, 2.0],
            "is_possible": False,
            "least_moves": 3,
            "ways": [{}] * 2,
        },
        {"The agreed plan can still be kept": "no", "Ways on": "2"},
    ),
    (
        "table.replan",
        {"on": ["a9a9", None], "about": "0f0f", "ways": []},
        {"Ways on": "not looked for: no agreement was re-opened any more"},
    ),
    ("table.repairs", {**MARK, "is_needed": False}, {"All limits can hold together": "yes"}),
    (
        "table.repairs",
        {**MARK, "is_needed": True, "is_complete": True, "blocked_by": [], "repairs": [{}]},
        {"All limits can hold together": "no", "Smallest ways out": "1", "There are no others": "proven"},
    ),
    (
        "table.repairs",
        {**MARK, "is_needed": True, "is_complete": False, "blocked_by": ["a freeze"], "emergency": []},
        {
            "All limits can hold together": "no",
            "Without them": "even the law and the calendar leave no plan",
            "Ways to keep the law": "none found",
        },
    ),
    (
        "table.why",
        {"about": "0f0f", "change": "CH-1", "sentence": "Too late."},
        {"Change": "CH-1", "Answer": "Too late."},
    ),
    (
        "evidence.simulate",
        {**MARK, "currency": "EUR", "horizon_days": 182.0, "labels": {"default": "If nobody signs"}},
        {"Plans played": "1", "Over": "182 days"},
    ),
    (
        "findings.read",
        {"findings": 12, "assets": 3, "faults": 0},
        {"Findings": "12", "Assets": "3", "Faulty records": "0"},
    ),
    (
        "findings.read",
        {"refused": True},
        {"The report counts": "no: it was refused, and its page says why"},
    ),
    ("findings.read", {}, {"The report counts": "no: it was set aside before it was read"}),
    ("estate.map", {"assets": 3, "unmapped": 1}, {"Assets": "3", "Of no patch group": "1"}),
    ("incident.deliver", {"attempted": 2}, {"Messages tried": "2"}),
    ("dialogue.letters", {"sent": 2, "failed": 0}, {"Letters sent": "2", "Letters that did not go": "0"}),
]


@pytest.mark.parametrize(("kind", "result", "told"), TOLD)
def test_each_kind_tells_what_people_need(kind: str, result: dict[str, Any], told: dict[str, str]) -> None:
    """Counts, yes and no, and sentences; neither digests nor the names that programs give to values."""
    assert dict(found.facts(Job(kind=kind, state="done", result=result), NOW)) == told


def test_every_kind_of_job_has_its_words() -> None:
    """A new kind of job tells something only once somebody has chosen what."""
    for module in jobs.HANDLER_MODULES:
        import_module(module)
    kinds = {kind for kind in jobs._HANDLERS if not kind.startswith("test.")}
    assert kinds == set(found.TELLERS) == {kind for kind, _, _ in TOLD}


def test_what_is_not_said_is_left_out() -> None:
    """A result of an earlier version that lacks a count is not told as 0, nor one that is not there yet."""
    assert found.facts(Job(kind="estate.map", state="done", result={"assets": 3}), NOW) == [("Assets", "3")]
    assert found.facts(Job(kind="findings.read", state="failed", result={}), NOW) == []
    assert found.facts(Job(kind="of.old", state="done", result={"is_needed": True}), NOW) == []


def test_pages_of_jobs_hold_no_raw_values(two: Two) -> None:
    """Real results, as the worker left them: changes by name, and nothing of how they are stored."""
    seal_both(two)
    change = two.ground.changes[0]
    for what in ("prices", "trades", "repairs"):
        post(two.cio, f"/table/compute/{what}")
    post(two.cio, "/plan/ask", {"change": change.id, "before": "2026-02-01"})
    worker.run(until_empty=True)
    rows = Job.objects.filter(state="done")
    assert {"table.prices", "table.trades", "table.repairs", "table.why"} <= {job.kind for job in rows}
    for job in rows:
        said = text_of(two.cio.get(reverse("job", args=[job.pk])).content)
        assert not re.search(r"\b(True|False|None|Is needed|Is complete|Currency|CH-\w+)\b", said), said
        if job.kind == "table.why":
            assert f"Change {naming.name_of(change)} Answer" in said
        if job.kind == "table.repairs":
            assert re.search(r"All limits can hold together (yes|no)\b", said)


def test_what_keeping_the_agreed_plan_costs_is_money(two: Two) -> None:
    """Both sides' costs are told in the currency of the table."""
    result = {"kept": [12_000.0, 0.0], "is_possible": True, "ways": [{}]}
    told = dict(
        found.facts(Job(kind="table.replan", state="done", result=result), Actor.of(two.people[0]).now)
    )
    money = Money(two.ground.currency)
    costs = f"{money(12_000.0)} of expected loss with lateness, {money(0.0)} of disruption"
    assert told == {"The agreed plan can still be kept": "yes", "To keep it costs": costs, "Ways on": "1"}
