"""Exceptions, budgets and the page, wherever in the judging they are met; the table of proofs."""

from __future__ import annotations

import ast
import hashlib
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gate.build import COMMIT, DEPUTY, NOW, POLICY, Desk, Json, result, sarif, signed
from gate.test_judge import CLOSER
from poise.gate.budget import append_point, point_of
from poise.gate.delivery import RUN_SUFFIX, RunNote
from poise.gate.documents import EXCEPTION_TYPE, Exemption
from poise.gate.facts import SCHEMA, Threats
from poise.gate.page import MAX_LINES, page
from poise.gate.verdict import Untested

KNOWN = POLICY.replace("when: {new: yes, severity", "when: {severity")
ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("path", ["counted alike", "one by one", "known", "put off"])
def test_an_expired_exception_counts_on_no_path(path: str, desk: Desk) -> None:
    """Another tool honoured expired ones in its command line for years: one code path had been forgotten."""
    report = sarif([result(snippet="run(cmd)", partialFingerprints={"primaryLocationLineHash": "a:1"})])
    text, more = POLICY, {}
    if path == "one by one":
        text = CLOSER
    elif path != "counted alike":
        text = KNOWN
        marks = {"fingerprints": {"v1": "x"}} if path == "put off" else {}
        before = sarif(
            [result(snippet="run(cmd)", partialFingerprints={"primaryLocationLineHash": "a:1"}, **marks)]
        )
        more = {"baseline": desk.baseline(before, text=KNOWN)}
    one = desk.judge(report, text=text, **more).findings[0]
    document = Exemption(
        "x-1", "shop", rule=one.rule, finding=one.exemption_keys, title="t", owner="o", reason="r",
        starts=NOW - timedelta(days=3), ends=NOW + timedelta(days=1),
    )  # fmt: skip
    file = desk.document("exception.json", EXCEPTION_TYPE, document, DEPUTY)
    assert desk.judge(report, text=text, exceptions=[file], **more).decision == "pass"
    late = desk.judge(report, text=text, exceptions=[file], now=document.ends, **more)
    assert (late.decision, late.counts["block"]) == ("block", 1)
    assert "x-1 ended" in " ".join(late.notices)


def _dependency(count: int) -> Json:
    """Return a report that states reach: issues of Snyk's API."""
    issues = []
    for number in range(count):
        issues.append(
            {
                "id": f"i{number}",
                "type": "issue",
                "attributes": {
                    "key": f"SNYK-JS-A-{number}",
                    "title": "Injection",
                    "type": "package_vulnerability",
                    "effective_severity_level": "medium",
                    "problems": [{"id": f"CVE-2026-1000{number}", "source": "NVD", "type": "vulnerability"}],
                    "coordinates": [
                        {
                            "reachability": "function",
                            "is_fixable_snyk": True,
                            "representations": [
                                {"dependency": {"package_name": f"a{number}", "package_version": "1"}}
                            ],
                        }
                    ],
                    "status": "open",
                    "ignored": False,
                },
            }
        )
    return {"jsonapi": {"version": "1.0"}, "data": issues}


def test_a_reachable_exploited_vulnerability_ignores_the_budget(desk: Desk) -> None:
    """However much is left, it blocks, though no rule does; and the delivery that mends one of two passes."""
    text = POLICY.replace("    max_age: 7d\n", "    max_age: 3000d\n    commit: if_stated\n")
    text = text.replace(
        "known_exploited: yes, reachable: [yes, unknown]", "known_exploited: yes, path: [never]"
    )
    text = text.replace("2026-01-01", "2025-01-01")
    kev = {"CVE-2026-10000", "CVE-2026-10001"}
    value = msgspec.to_builtins(Threats(SCHEMA, NOW.date(), frozenset(kev)))
    threats = desk.write("threats.json", {**value, "kev": sorted(kev)})
    baseline = desk.baseline(_dependency(2), text=text, now=NOW - timedelta(days=90))
    report, mended = (desk.write(f"{count}.json", _dependency(count)) for count in (2, 1))
    for path in (report, mended):
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        note = RunNote("poise-run/1", ("snyk",), COMMIT, NOW, NOW, 1, False, digest)
        desk.write(path.name + RUN_SUFFIX, msgspec.json.encode(note))
    more: dict[str, Any] = {"text": text, "threats": threats, "baseline": baseline}
    verdict = desk.judge(report, **more)
    assert verdict.budget is not None
    assert verdict.incomplete == ()
    assert not verdict.budget.spent
    assert (verdict.decision, verdict.counts.get("block", 0)) == ("block", 0)
    assert "no budget covers that" in verdict.notices[0]
    history = desk.folder / "history.jsonl"
    append_point(history, msgspec.structs.replace(point_of(verdict), time=NOW - timedelta(days=1)))
    fix = desk.judge(mended, history=history, **more)
    assert fix.budget is not None
    assert (fix.budget.is_fix, fix.decision) == (True, "pass")


def test_the_page_keeps_its_length_with_everything_at_once(desk: Desk) -> None:
    """Missing evidence, blocks, warnings, budget, untested and notes together still fit sixty lines."""
    text = POLICY.replace("when: {overdue: yes}", "when: {severity: [medium]}")
    text = text.replace("  code:\n", "".join(f"  r{n}: {{max_age: 1d}}\n" for n in range(70)) + "  code:\n")
    many = [result(f"e{n}", line=n + 1, snippet=str(n)) for n in range(400)]
    many += [result(f"w{n}", level="warning", line=n + 1, snippet=str(n)) for n in range(400)]
    untested = tuple(Untested(f"t{n}", "too long " * 40, "tonight") for n in range(90))
    verdict = desk.judge(sarif(many), text=text, untested=untested)
    lines = page(verdict, signed(text).policy).splitlines()
    assert verdict.exit_code == 3
    assert len(lines) <= MAX_LINES == 60
    for part in ("What blocks:", "Warnings:", "Reports:", "Risk budget:", "Not tested:"):
        assert part in lines
    assert all(len(line) <= 300 for line in lines)


def test_every_proof_of_the_docs_is_a_test() -> None:
    """The table says what must hold and where it is proven; a renamed test must not leave it behind."""
    table = (ROOT / "docs" / "gate.md").read_text(encoding="utf-8").partition("## What must hold")[2]
    named = re.findall(r"`(test_\w+\.py)::(test_\w+)`", table.partition("\n## ")[0])
    assert len(named) > 25
    for file, name in named:
        tree = ast.parse((ROOT / "tests" / "gate" / file).read_text(encoding="utf-8"))
        assert any(isinstance(one, ast.FunctionDef) and one.name == name for one in tree.body), name
