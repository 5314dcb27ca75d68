"""Run rules: each fits its pattern, and not what only looks like it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dialogue.cases import Told, day, decision, disagreement, escalation, promise, told
from poise.dialogue.rules import RULES, warnings

PAGE = (
    (Path(__file__).resolve().parents[2] / "docs/signals.md")
    .read_text(encoding="utf-8")
    .partition("## Warnings")[2]
)


def found(acts: list[Told], at: float = 90) -> dict[str, tuple[str, ...]]:
    return {one.rule: one.items for one in warnings(told(*acts), day(at))}


def carried(at: float, outcome: str = "carried") -> list[Told]:
    id, item = f"m{at:g}", "disagreement:a"
    return [
        (at, "meeting.opened", "operations", {"id": id}),
        (at + 0.1, "meeting.item", "operations", {"meeting": id, "item": item, "outcome": outcome}),
        (at + 0.2, "meeting.closed", "operations", {"meeting": id}),
    ]


def reopened(at: float) -> Told:
    return (at, "disagreement.reopened", "operations", {"disagreement": "a", "reason": "new"})


def settled(at: float) -> list[Told]:
    offer = {"disagreement": "a", "how": "consent", "outcome": "x"}
    return [
        (at - 0.1, "settlement.proposed", "operations", offer),
        (at, "settlement.accepted", "security", {"disagreement": "a"}),
    ]


def noted(until: float, *renewed: tuple[float, float]) -> list[Told]:
    fields = {"id": "e", "what": "e", "owner": "Owner", "until": day(until).date().isoformat()}
    acts: list[Told] = [(1, "exception.noted", "operations", fields)]
    for at, end in renewed:
        more = {"exception": "e", "until": day(end).date().isoformat(), "reason": "more"}
        acts.append((at, "exception.renewed", "operations", more))
    return acts


FITS: list[tuple[str, list[Told]]] = [
    ("late-promises", [*promise("a", 1, 10, 11), *promise("b", 1, 20), *promise("c", 1, 30, 40)]),
    ("surprises", [*disagreement("a", 1), escalation("a", 20), escalation("a", 79)]),
    ("expired", noted(75)),
    ("stuck", disagreement("a", 1)),
    ("carried", [*disagreement("a", 80), *carried(81), *carried(82), *carried(83)]),
    ("returned", [*disagreement("a", 1, 5), reopened(10), *settled(20), reopened(80)]),
    ("unexplained", [act for n in "abc" for act in decision(n, 1, made=2, option="no")]),
    ("waiting", decision("a", 70)),
    ("renewals", noted(30, (29, 60), (59, 120))),
    (
        "silence",
        [act for n in range(6) for act in disagreement(f"d{n}", -90 - n, -80)] + noted(300),
    ),
]
NEARLY: list[tuple[str, list[Told]]] = [
    ("late-promises", [*promise("a", 1, 10, 11), *promise("b", 1, 20), *promise("c", 1, 30, 29)]),
    ("surprises", [*disagreement("a", 1), escalation("a", 20), escalation("a", 81)]),
    ("expired", noted(76)),
    (
        "stuck",
        [*disagreement("a", 1), (61, "escalation.noticed", "security", {"disagreement": "a", "reason": "x"})],
    ),
    ("carried", [*disagreement("a", 80), *carried(81), *carried(82, "decided"), *carried(83), *carried(84)]),
    ("carried", [*disagreement("a", 80, 88), *carried(81), *carried(82), *carried(83)]),
    ("returned", [*disagreement("a", 1, 5), reopened(10), *settled(20), reopened(70), *settled(80)]),
    (
        "unexplained",
        [act for n in "abc" for act in decision(n, 1, made=2, option="no", reason="why" * (n == "c"))],
    ),
    ("waiting", decision("a", 78)),
    ("renewals", noted(30, (29, 120))),
    ("silence", [act for n in range(6) for act in disagreement(f"d{n}", -90 - n, -80)]),
]


@pytest.mark.parametrize(("rule", "acts"), FITS, ids=[rule for rule, _ in FITS])
def test_a_rule_fits(rule: str, acts: list[Told]) -> None:
    """The pattern is there, and the rule names what it saw."""
    assert found(acts).get(rule)


@pytest.mark.parametrize(("rule", "acts"), NEARLY, ids=[f"{rule}-{n}" for n, (rule, _) in enumerate(NEARLY)])
def test_a_rule_does_not_fit(rule: str, acts: list[Told]) -> None:
    """One thing is missing, and nobody is warned."""
    assert rule not in found(acts)


def test_every_rule_has_its_history() -> None:
    """A rule without a test is a rumour."""
    assert {rule for rule, _ in FITS} == {rule for rule, _ in NEARLY} == set(RULES)


def test_old_surprises_warn_of_nothing_today() -> None:
    """A quarter later the pattern is history."""
    acts = [*disagreement("a", 1), escalation("a", 20), escalation("a", 79)]
    assert "surprises" not in found(acts, 79 + 92)


@pytest.mark.parametrize("id", RULES)
def test_every_rule_is_published(id: str) -> None:
    """docs/signals.md says each rule and its conversation in the program's words."""
    row = re.search(rf"^\| `{id}` \| (.+?) \| (.+?) \|$", PAGE, re.MULTILINE)
    assert row
    assert row.groups() == (RULES[id].text, RULES[id].talk)
