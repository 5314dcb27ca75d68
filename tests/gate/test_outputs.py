"""Outputs are what their readers' schemas ask for, and say no more than the verdict."""

from __future__ import annotations

import gzip
import json
import random
from datetime import timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from gate.build import COMMIT, NOW, OPERATIONS, POLICY, Desk, Json, result, sarif, signed
from poise.gate.delivery import Request, judge_delivery
from poise.gate.documents import BREAK_GLASS_TYPE, BrokenGlass
from poise.gate.outputs import FILES, write_outputs
from poise.gate.outputs.annotations import ci_annotations
from poise.gate.outputs.attestation import properties, result_statement, summary_statement
from poise.gate.outputs.summary import summary
from poise.ledger.envelope import Envelope

SCHEMA = Path(__file__).resolve().parents[3] / "shared" / "data" / "sarif" / "sarif-schema-2.1.0.json"


def outputs(desk: Desk, report: Any, **more: Any) -> Path:
    """Judge a report and write the verdict in every form."""
    verdict, judged = desk.judge_whole(report, **more)
    write_outputs(desk.folder / "out", verdict, signed(more.get("text", POLICY)).policy, judged, OPERATIONS)
    return desk.folder / "out"


def varied(desk: Desk) -> Path:
    """Return outputs with findings that are new, known, gone, suppressed and of every level."""
    aside = {"suppressions": [{"kind": "external", "status": "accepted", "justification": "seen"}]}
    base = desk.baseline(
        sarif([result(snippet="old()"), result("gone", snippet="x")]), now=NOW - timedelta(minutes=30)
    )
    report = sarif(
        [
            result(snippet="old()", line=9),
            result(snippet="new()", path="src/a b.py"),
            result("low", level="note", line=4),
            result("aside", **aside),
            result("nowhere", locations=[]),
            result("marked", partialFingerprints={"primaryLocationLineHash": "39fa2ee980eb94b0:1"}),
        ]
    )
    return outputs(desk, report, baseline=base)


@pytest.mark.skipif(not SCHEMA.is_file(), reason="the shared corpus is not beside the checkout")
@pytest.mark.parametrize("name", ["all.sarif", "github.sarif"])
def test_sarif_is_valid_by_the_schema_of_oasis(desk: Desk, name: str) -> None:
    """What other tools refuse to read helps nobody."""
    import jsonschema

    schema = json.loads(SCHEMA.read_text())
    log = json.loads((varied(desk) / name).read_text())
    assert log["runs"][0]["results"]
    checker = jsonschema.validators.validator_for(schema)(schema)
    assert [error.message for error in checker.iter_errors(log)] == []


@pytest.mark.parametrize("name", ["all.sarif", "github.sarif"])
def test_sarif_has_what_its_readers_need(desk: Desk, name: str) -> None:
    """The required fields of the standard, and those by which GitHub knows an alert again."""
    log = json.loads((varied(desk) / name).read_text())
    assert (log["version"], "runs" in log) == ("2.1.0", True)
    for run in log["runs"]:
        assert run["tool"]["driver"]["name"]
        rules = {rule["id"] for rule in run["tool"]["driver"].get("rules", ())}
        for one in run["results"]:
            assert one["message"]["text"]
            assert one["ruleId"] in rules or not rules
            assert one["level"] in ("error", "warning", "note", "none")
            assert one.get("baselineState") in (None, "new", "unchanged", "updated", "absent")
            assert all(known["kind"] in ("inSource", "external") for known in one.get("suppressions", ()))


def test_other_files_have_the_fields_of_their_formats(desk: Desk) -> None:
    """JUnit counts its cases; GitLab's list has its five fields and distinct fingerprints."""
    out = varied(desk)
    assert {path.name for path in out.iterdir()} == set(FILES)
    suites = ElementTree.parse(out / "junit.xml").getroot()
    cases = suites.findall(".//testcase")
    assert cases
    for suite in suites.iter("testsuite"):
        assert int(suite.get("tests", "-1")) == len(suite.findall("testcase"))
        assert int(suite.get("failures", "-1")) == len(suite.findall("testcase/failure"))
    quality: list[Json] = json.loads((out / "gl-code-quality.json").read_text())
    assert quality
    for one in quality:
        assert one["severity"] in ("info", "minor", "major", "critical", "blocker")
        assert one["location"]["path"]
        assert one["location"]["lines"]["begin"] >= 1
    assert len({one["fingerprint"] for one in quality}) == len(quality)


def test_the_two_attestations_say_what_the_verdict_says(desk: Desk) -> None:
    """FAILED stands in the summary; the simple result lists what holds, a pass only if there is one."""
    out = outputs(desk, sarif([result()]))
    for name, kind in (
        ("attestation.json", "https://slsa.dev/verification_summary/v1"),
        ("attestation-svr.json", "https://in-toto.io/attestation/svr/v0.2"),
    ):
        envelope = Envelope.from_bytes((out / name).read_bytes(), name)
        assert envelope.signers("application/vnd.in-toto+json", [OPERATIONS.id]) == (OPERATIONS.id,)
        statement = json.loads(envelope.payload)
        assert (statement["_type"], statement["predicateType"]) == ("https://in-toto.io/Statement/v1", kind)
        assert statement["subject"][0]["digest"].keys() == {"gitCommit"}
    blocked, passed = desk.judge(sarif([result()])), desk.judge(sarif([]))
    assert summary_statement(blocked)["predicate"]["verificationResult"] == "FAILED"
    assert properties(blocked) == (
        "POISE_POLICY_SIGNED_BY_BOTH",
        "POISE_EVIDENCE_COMPLETE",
        "POISE_TESTED_CODE",
    )
    assert properties(passed) == ("POISE_GATE_PASSED", *properties(blocked))
    assert properties(desk.judge(b"")) == ("POISE_POLICY_SIGNED_BY_BOTH",)
    policies = result_statement(passed)["predicate"]["verifier"]["policies"]
    assert policies == [
        {"uri": "urn:poise:policy:shop-delivery:1", "digest": {"sha256": passed.policy_digest}}
    ]


def test_broken_glass_is_no_passed_gate(desk: Desk) -> None:
    """Who admits by POISE_GATE_PASSED alone does not admit what a deputy let through."""
    glass = desk.document("glass.json", BREAK_GLASS_TYPE, BrokenGlass("shop", COMMIT, "Lee", "fire", NOW))
    lifted = desk.judge(sarif([result()]), break_glass=glass)
    assert lifted.exit_code == 0
    assert "POISE_GATE_PASSED" not in properties(lifted)


def test_the_size_that_github_takes_is_kept(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is larger as gzip is refused whole; the worst stay, and it says how many do not. Here 1 MB."""
    monkeypatch.setattr("poise.gate.outputs.sarif.MAX_PACKED_BYTES", 1_000_000)
    draw = random.Random(1)
    results = [
        result(
            f"r{n}",
            level="note" if n % 2 else "error",
            line=n + 1,
            message={"text": draw.randbytes(450).hex()},
        )
        for n in range(3_000)
    ]
    path = outputs(desk, sarif(results)) / "github.sarif"
    assert len(gzip.compress((path.parent / "all.sarif").read_bytes(), 6)) > 1_000_000
    assert len(gzip.compress(path.read_bytes(), 6)) <= 1_000_000
    (run,) = json.loads(path.read_bytes())["runs"]
    assert {one["level"] for one in run["results"]} == {"error"}
    left_out = run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"]
    assert left_out.startswith(f"{3_000 - len(run['results']):,} results are not shown")
    assert all(len(one["properties"]["tags"]) <= 20 for one in run["tool"]["driver"]["rules"])


def test_runs_of_one_tool_have_categories_of_their_own(desk: Desk) -> None:
    """GitHub refuses a file in which a tool has a category twice, whatever the upload step names."""
    path = desk.write("report.json", sarif([result()]))
    request = Request("shop", COMMIT, NOW, [("code", path)] * 3, first_run=True)
    verdict, judged = judge_delivery(request, signed())
    write_outputs(desk.folder / "out", verdict, signed().policy, judged)
    runs = json.loads((desk.folder / "out/github.sarif").read_bytes())["runs"]
    assert [run["automationDetails"]["id"] for run in runs] == ["shop/code/", "shop/code-2/", "shop/code-3/"]


def test_annotations_and_summary_keep_to_what_is_shown(desk: Desk) -> None:
    """Ten errors and ten warnings of a step are shown, and a summary of 1 MiB; the worst stand first."""
    text = POLICY.replace("when: {overdue: yes}", "when: {severity: [medium]}")
    many = [result(f"r{n}", level="warning", line=n + 1, snippet=str(n)) for n in range(50)]
    many += [result(f"e{n}", line=n + 1, snippet=str(n), message={"text": "x" * 5_000}) for n in range(50)]
    verdict = desk.judge(sarif(many), text=text)
    for system in ("github", "azure"):
        lines = ci_annotations(verdict, system).splitlines()
        errors = [("::error" in line or "type=error" in line) for line in lines]
        assert errors == [True] * 10 + [False] * 10
    assert len(summary(verdict, signed(text).policy)) < 20_000


def test_equal_findings_stay_apart_in_gitlab(desk: Desk) -> None:
    """GitLab shows one of those that share a fingerprint."""
    out = outputs(desk, sarif([result(line=n + 1) for n in range(3)]))
    rows = json.loads((out / "gl-code-quality.json").read_text())
    assert len({one["fingerprint"] for one in rows}) == len(rows) == 3
