"""What the gate must do, each promise as one test."""

from __future__ import annotations

import gzip
import json
import subprocess
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from gate.build import COMMIT, DEPUTY, KEY, NOW, POLICY, STRANGER, TRUST, Desk, envelope, result, sarif
from poise.errors import EvidenceError, SignatureError
from poise.gate.budget import Point, append_point, point_of
from poise.gate.delivery import RUN_SUFFIX, RunNote
from poise.gate.documents import (
    BREAK_GLASS_TYPE,
    EXCEPTION_TYPE,
    SKIP_TYPE,
    BrokenGlass,
    Exemption,
    Skip,
    verify_policy,
)
from poise.gate.facts import SCHEMA, Threats
from poise.gate.outputs import FILES, write_outputs
from poise.gate.verdict import Verdict, encode

_LONG = POLICY.replace("2026-01-01", "2025-01-01")
GRYPE = POLICY.replace("max_age: 7d", "max_age: 7d\n    commit: if_stated")


@pytest.mark.parametrize("count", [1, 255, 256, 257, 512])
def test_the_exit_code_is_no_count(desk: Desk, count: int) -> None:
    """sarif-tools exits with the number of findings, so 256 of them are a pass; see docs/gate.md."""
    verdict = desk.judge(sarif([result(line=line) for line in range(1, count + 1)]))
    assert (verdict.decision, verdict.exit_code) == ("block", 1)
    assert verdict.counts["block"] == count


def test_more_findings_of_a_known_rule_block(desk: Desk) -> None:
    """sarif-tools compares counts per rule only for rules that were not there: 10 to 40 pass it."""
    ten = [result(snippet=f"call {n}", line=n + 1) for n in range(10)]
    forty = ten + [result(snippet=f"other {n}", line=n + 50) for n in range(30)]
    baseline = desk.baseline(sarif(ten))
    assert desk.judge(sarif(ten), baseline=baseline).decision == "pass"
    verdict = desk.judge(sarif(forty), baseline=baseline)
    assert (verdict.decision, verdict.new) == ("block", 30)


def test_findings_of_another_file_are_new(desk: Desk) -> None:
    """The same number in another file is another risk; by counts nothing has changed."""
    baseline = desk.baseline(sarif([result(snippet="call", path="a.py")]))
    assert desk.judge(sarif([result(snippet="call", path="b.py")]), baseline=baseline).decision == "block"


def test_a_suppression_in_the_report_counts(desk: Desk) -> None:
    """sarif-tools fails for what people have accepted; what is under review is not accepted (§3.27.23)."""
    accepted = [{"kind": "inSource", "status": "accepted", "justification": "reviewed"}]
    verdict = desk.judge(sarif([result(suppressions=accepted)]))
    assert (verdict.decision, verdict.counts) == ("pass", {"set_aside": 1})
    review = [*accepted, {"kind": "external", "status": "underReview"}]
    assert desk.judge(sarif([result(suppressions=review)])).decision == "block"


def test_a_moved_line_is_not_new(desk: Desk) -> None:
    """Somebody edited the file above."""
    baseline = desk.baseline(sarif([result(line=3, snippet="run(cmd)")]))
    assert desk.judge(sarif([result(line=90, snippet="  run( cmd )")]), baseline=baseline).decision == "pass"


def test_the_four_matchers_are_asked_in_order(desk: Desk) -> None:
    """A verdict says by what it knows a finding, so that people can check it."""
    mark = {"fingerprints": {"v1": "abc"}}
    line = {"partialFingerprints": {"primaryLocationLineHash": "39fa2ee980eb94b0:1"}}
    baseline = desk.baseline(
        sarif([result(snippet="a", **mark), result(snippet="b", **line), result(snippet="c")])
    )
    now = [result(snippet="x", **mark), result(snippet="y", **line), result(snippet="c")]
    verdict, judged = desk.judge_whole(
        sarif(now), baseline=baseline, text=POLICY.replace("new: yes, severity", "new: no, severity")
    )
    assert {one.newness for one in judged.findings} == {"tool fingerprint", "line hash", "content"}
    assert verdict.new == 0


def test_an_edited_neighbour_is_not_new(desk: Desk) -> None:
    """GitHub's hash changes with the line below; the content matcher then still knows the finding."""
    old = {"partialFingerprints": {"primaryLocationLineHash": "39fa2ee980eb94b0:1"}}
    edited = {"partialFingerprints": {"primaryLocationLineHash": "aaaaaaaaaaaaaaaa:1"}}
    baseline = desk.baseline(sarif([result(snippet="run(cmd)", **old)]))
    assert (
        desk.judge(sarif([result(snippet="run(cmd)", line=4, **edited)]), baseline=baseline).decision
        == "pass"
    )


def _git(folder: Path, *words: str) -> str:
    command = ["git", "-C", str(folder), "-c", "user.name=t", "-c", "user.email=t@example", *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_a_renamed_file_is_not_new(desk: Desk) -> None:
    """What git calls a rename is one, and nothing else is."""
    tree = desk.folder / "tree"
    tree.mkdir()
    _git(tree, "init", "-q")
    (tree / "old.py").write_text("one\ntwo\nrun(cmd)\nthree\n")
    _git(tree, "add", ".")
    _git(tree, "commit", "-qm", "a")
    base = _git(tree, "rev-parse", "HEAD")
    _git(tree, "mv", "old.py", "new.py")
    _git(tree, "commit", "-qm", "b")
    head = _git(tree, "rev-parse", "HEAD")
    report = sarif([result(path="old.py", snippet="run(cmd)")], commit=base)
    baseline = desk.baseline(report, commit=base, source=tree)
    moved = sarif([result(path="new.py", snippet="run(cmd)")], commit=head)
    assert desk.judge(moved, baseline=baseline, commit=head, source=tree).decision == "pass"
    assert desk.judge(moved, baseline=baseline, commit=head).decision == "block"


def test_another_secret_on_the_same_line_is_new(desk: Desk) -> None:
    """A position says nothing about which secret stands there; and the baseline must not help to guess it."""
    first = sarif([result("key", snippet="example-not-a-key-0001")], tool="Gitleaks")
    second = sarif([result("key", snippet="example-not-a-key-0002")], tool="Gitleaks")
    baseline = desk.baseline(first)
    assert desk.judge(first, baseline=baseline).decision == "pass"
    assert desk.judge(second, baseline=baseline).decision == "block"
    assert b"example-not-a-key" not in baseline.read_bytes()
    assert b"example-not-a-key" not in encode(desk.judge(second, baseline=baseline))
    # Without the key nobody can tell, and nobody guesses.
    assert desk.judge(first, baseline=baseline, secret_key=b"").decision == "block"


def test_a_swapped_secret_is_not_covered_by_the_exception(desk: Desk) -> None:
    """An exception is for one secret, not for a line."""
    first = sarif([result("key", snippet="example-not-a-key-0001")], tool="Gitleaks")
    path = _exception(desk, desk.judge(first))
    assert desk.judge(first, exceptions=[path]).decision == "pass"
    second = sarif([result("key", snippet="example-not-a-key-0002")], tool="Gitleaks")
    assert desk.judge(second, exceptions=[path]).decision == "block"


@pytest.mark.parametrize(
    ("content", "id"),
    [
        (None, "E600"),
        (b"", "E601"),
        (b"[]", "E603"),
        (b'{"version": "2.1.0", "runs": [', "E601"),
        (b"\x1f\x8b\x08", "E601"),
        (b'{"version": "2.1.0", "runs": []}', "E602"),
        (b'{"version": "2.1.0", "runs": null}', "E602"),
    ],
)
def test_no_evidence_is_never_a_pass(desk: Desk, content: bytes | None, id: str) -> None:
    """A crashed scanner reads as "no vulnerabilities" wherever this is forgotten."""
    path = desk.folder / "missing.json" if content is None else desk.write("report.json", content)
    verdict = desk.judge(path)
    assert (verdict.decision, verdict.exit_code) == ("incomplete", 3)
    assert verdict.incomplete_ids[0] == id


def test_a_cut_report_leaves_nothing_behind(desk: Desk) -> None:
    """Findings before the cut are no part of the verdict: nobody knows what came after."""
    whole = json.dumps(sarif([result(line=n) for n in range(1, 2_000)])).encode()
    verdict, judged = desk.judge_whole(desk.write("report.json", whole[:-40]))
    assert verdict.exit_code == 3
    assert (verdict.counts, len(judged.codes), verdict.findings) == ({}, 0, ())


def test_a_failed_scan_is_never_a_pass(desk: Desk) -> None:
    """The tool itself says that it did not get through."""
    note = [{"level": "error", "message": {"text": "out of memory"}}]
    invocation = {"executionSuccessful": False, "toolExecutionNotifications": note}
    verdict = desk.judge(sarif([], invocations=[invocation]))
    assert verdict.exit_code == 3
    assert "out of memory" in verdict.incomplete[0]


def test_a_report_of_another_commit_or_of_last_week_is_none(desk: Desk) -> None:
    """A cached report is how last week's pass becomes today's."""
    other = desk.judge(sarif([], commit="a" * 40))
    assert (other.exit_code, other.incomplete_ids) == (3, ("E603",))
    late = desk.judge(sarif([]), now=NOW + timedelta(days=9))
    assert (late.exit_code, late.incomplete_ids) == (3, ("E604",))
    early = desk.judge(sarif([]), now=NOW - timedelta(days=2))
    assert early.incomplete_ids == ("E604",)


def test_a_scanner_that_ran_out_of_time_is_told(desk: Desk) -> None:
    """What it wrote before it was stopped may look whole."""
    path = desk.write("report.json", sarif([]))
    note = RunNote("poise-run/1", ("scan",), COMMIT, NOW, NOW, None, True, "")
    desk.write(path.name + RUN_SUFFIX, msgspec.json.encode(note))
    verdict = desk.judge(path)
    assert verdict.incomplete_ids == ("E602",)


def _exception(desk: Desk, verdict: Verdict, **more: object) -> Path:
    one = verdict.findings[0]
    given = {"starts": NOW - timedelta(days=1), "ends": NOW + timedelta(days=1), "rule": one.rule, **more}
    key = given.pop("key", DEPUTY)
    document = Exemption("x-1", "shop", finding=one.exemption_keys, title="t", owner="o", reason="r", **given)  # type: ignore[arg-type]
    return desk.document("exception.json", EXCEPTION_TYPE, document, key)  # type: ignore[arg-type]


def test_an_exception_lifts_its_finding_until_its_end(desk: Desk) -> None:
    """An exception without an end is a policy that nobody agreed."""
    report = sarif([result(snippet="run(cmd)"), result("other", snippet="x")])
    path = _exception(desk, desk.judge(report))
    verdict = desk.judge(report, exceptions=[path])
    assert (verdict.counts["block"], verdict.counts["set_aside"]) == (1, 1)
    for moment in (NOW + timedelta(days=1), NOW + timedelta(days=3)):
        late = desk.judge(report, exceptions=[path], now=moment)
        assert late.counts["block"] == 2
        assert "ended" in late.notices[0]


def test_an_exception_by_a_stranger_is_refused(desk: Desk) -> None:
    """Whoever could write one could open the gate."""
    report = sarif([result(snippet="run(cmd)")])
    path = _exception(desk, desk.judge(report), key=STRANGER)
    with pytest.raises(SignatureError, match="E780"):
        desk.judge(report, exceptions=[path])


def test_an_unused_exception_is_listed(desk: Desk) -> None:
    """People do clean up when they are told what for."""
    path = _exception(desk, desk.judge(sarif([result(snippet="gone")])))
    assert desk.judge(sarif([]), exceptions=[path]).unused_exceptions == ("x-1",)


def test_an_exception_for_one_version_says_nothing_of_another(desk: Desk) -> None:
    """An ignore by id alone comes back silently with a downgrade."""
    text = GRYPE.replace("known_exploited: yes, reachable: [yes, unknown]", "kind: vulnerability")
    path = _exception(desk, desk.judge(_grype("1.0.0"), text=text))
    assert desk.judge(_grype("1.0.0"), text=text, exceptions=[path]).decision == "pass"
    assert desk.judge(_grype("1.0.1"), text=text, exceptions=[path]).decision == "block"


def _grype(version: str, built: str = "2026-03-01T00:00:00Z") -> dict[str, object]:
    match = {
        "vulnerability": {
            "id": "CVE-2026-10001",
            "severity": "High",
            "fix": {"versions": ["2.0.0"], "state": "fixed"},
        },
        "artifact": {
            "name": "left-pad",
            "version": version,
            "type": "npm",
            "purl": f"pkg:npm/left-pad@{version}",
        },
    }
    descriptor = {
        "name": "grype",
        "version": "0.90.0",
        "timestamp": "2026-03-02T11:00:00Z",
        "db": {"built": built},
    }
    source = {"type": "directory", "target": "/src"}
    return {"matches": [match], "source": source, "distro": {}, "descriptor": descriptor}


def test_mixed_databases_are_refused(desk: Desk) -> None:
    """Old findings of a new database look new: both sides must be judged by one."""
    baseline = desk.baseline(_grype("1.0.0", "2026-02-01T00:00:00Z"), text=GRYPE)
    verdict = desk.judge(_grype("1.0.0"), text=GRYPE, baseline=baseline)
    assert (verdict.exit_code, verdict.incomplete_ids) == (3, ("E609", "E607"))


def test_a_vulnerability_that_was_published_since_is_not_ours(desk: Desk) -> None:
    """The baseline's list, judged by today's database, has the same finding."""
    threats = _threats(desk)
    empty = {**_grype("1.0.0"), "matches": []}
    baseline = desk.baseline(empty, text=GRYPE)
    bom = desk.write(
        "bom.json",
        {
            "bomFormat": "CycloneDX",
            "specVersion": "1.6",
            "components": [{"purl": "pkg:npm/left-pad@1.0.0", "name": "left-pad"}],
        },
    )
    more = {"text": GRYPE, "baseline": baseline, "threats": threats}
    assert desk.judge(_grype("1.0.0"), **more).decision == "block"
    assert desk.judge(_grype("1.0.0"), base_sbom=bom, **more).decision == "pass"
    assert desk.judge(_grype("0.9.0"), base_sbom=bom, **more).decision == "block"
    purl = {"referenceType": "purl", "referenceLocator": "pkg:npm/left-pad@1.0.0"}
    package = {"name": "npm:left-pad", "versionInfo": "1.0.0", "externalRefs": [purl]}
    spdx = {"spdxVersion": "SPDX-2.3", "packages": [package]}
    for value in (spdx, {"sbom": spdx}):
        listed = desk.write("spdx.json", value)
        assert desk.judge(_grype("1.0.0"), base_sbom=listed, **more).decision == "pass"
        assert desk.judge(_grype("0.9.0"), base_sbom=listed, **more).decision == "block"


def _threats(desk: Desk, *kev: str) -> Path:
    value = msgspec.to_builtins(Threats(SCHEMA, NOW.date(), frozenset(kev)))
    return desk.write("threats.json", {**value, "kev": sorted(kev)})


def test_missing_threat_evidence_is_no_pass(desk: Desk) -> None:
    """A rule about exploitation that nobody can answer is not answered with no."""
    assert desk.judge(_grype("1.0.0"), text=GRYPE).incomplete_ids == ("E609",)
    fresh, old = _threats(desk), NOW + timedelta(days=15)
    assert desk.judge(_grype("1.0.0"), text=GRYPE, threats=fresh).incomplete == ()
    late = desk.judge(
        _grype("1.0.0"), text=GRYPE.replace("max_age: 7d", "max_age: 90d"), threats=fresh, now=old
    )
    assert late.incomplete_ids == ("E609",)


def test_vex_applies_before_the_policy_and_what_matched_nothing_is_listed(desk: Desk) -> None:
    """Product matching is where VEX fails silently."""

    def statement(product: str) -> dict[str, object]:
        why = {"status": "not_affected", "justification": "vulnerable_code_not_present"}
        return {"vulnerability": {"name": "CVE-2026-10001"}, "products": [{"@id": product}], **why}

    products = ("pkg:npm/left-pad@1.0.0", "pkg:npm/right-pad@1.0.0")
    vex = desk.write(
        "vex.json",
        {"@context": "https://openvex.dev/ns/v0.2.0", "statements": [statement(p) for p in products]},
    )
    more = {"text": GRYPE, "threats": _threats(desk, "CVE-2026-10001")}
    assert desk.judge(_grype("1.0.0"), **more).decision == "block"
    verdict = desk.judge(_grype("1.0.0"), vex=[vex], **more)
    assert verdict.decision == "pass"
    assert verdict.unmatched_vex == ("CVE-2026-10001 on pkg:npm/right-pad@1.0.0",)
    assert desk.judge(_grype("1.0.1"), vex=[vex], **more).decision == "block"


def test_a_skipped_scan_yields_a_signed_not_applicable(desk: Desk) -> None:
    """A required scan that is skipped would block for ever, and people would turn the gate off."""
    from gate.build import signed
    from poise.gate.delivery import Request, judge_delivery

    skip = Skip("shop", COMMIT, "code", "the deputy", "only pages changed", NOW)
    path = desk.document("skip.json", SKIP_TYPE, skip)
    request = Request("shop", COMMIT, NOW, [], first_run=True, skips=[path])
    verdict, _ = judge_delivery(request, signed())
    assert verdict.decision == "pass"
    assert "only pages changed" in verdict.reports[0].skipped
    other = Request("shop", "a" * 40, NOW, [], first_run=True, skips=[path])
    with pytest.raises(EvidenceError, match="E782"):
        judge_delivery(other, signed())
    strange = desk.document("strange.json", SKIP_TYPE, skip, STRANGER)
    with pytest.raises(SignatureError, match="E780"):
        judge_delivery(Request("shop", COMMIT, NOW, [], first_run=True, skips=[strange]), signed())


def test_broken_glass_is_for_one_commit_by_a_named_deputy(desk: Desk) -> None:
    """An override that is easy to check is better than an administrator's that nobody sees."""
    report = sarif([result()])
    glass = BrokenGlass("shop", COMMIT, "the deputy", "shop is down", NOW - timedelta(hours=1))
    path = desk.document("glass.json", BREAK_GLASS_TYPE, glass)
    verdict = desk.judge(report, break_glass=path)
    assert (verdict.decision, verdict.exit_code) == ("lifted", 0)
    assert "shop is down" in verdict.broken_glass
    assert any(one.kind == "break_glass" for one in verdict.inputs)
    with pytest.raises(SignatureError, match="E781"):
        desk.judge(report, break_glass=path, now=NOW + timedelta(hours=24))
    with pytest.raises(EvidenceError, match="E782"):
        desk.judge(sarif([result()], commit="a" * 40), break_glass=path, commit="a" * 40)
    # It lifts rules; it is no evidence.
    assert desk.judge(sarif([], commit="b" * 40), break_glass=path).exit_code == 3


@pytest.mark.parametrize("place", range(0, 100, 3))
def test_one_changed_byte_breaks_the_signature(desk: Desk, place: int) -> None:
    """Who edits a signed policy edits both sides' word."""
    content = envelope()
    assert verify_policy(desk.write("policy.json", content), TRUST, NOW).policy.id == "shop-delivery"
    value = json.loads(content)
    payload = bytearray(value["payload"].encode())
    at = place * (len(payload) - 4) // 100
    payload[at] = ord("B") if payload[at] != ord("B") else ord("C")
    value["payload"] = payload.decode()
    with pytest.raises(SignatureError, match="E780"):
        verify_policy(desk.write("policy.json", value), TRUST, NOW)


def test_one_side_alone_signs_nothing(desk: Desk) -> None:
    """It is an agreement, so two must have made it."""
    from gate.build import OPERATIONS

    for keys in ((OPERATIONS,), (OPERATIONS, STRANGER)):
        with pytest.raises(SignatureError, match="by security"):
            verify_policy(desk.write("policy.json", envelope(POLICY, *keys)), TRUST, NOW)
    with pytest.raises(SignatureError, match="E781"):
        verify_policy(desk.write("policy.json", envelope()), TRUST, NOW + timedelta(days=400))


def test_a_spent_budget_stops_features_and_never_a_fix(desk: Desk) -> None:
    """The budget is a brake on new work, not a punishment."""
    old = NOW - timedelta(days=200)
    two = [result(snippet="a"), result(snippet="b")]
    baseline = desk.baseline(sarif(two), now=old, text=_LONG)
    history = desk.folder / "history.jsonl"
    first = desk.judge(sarif(two), baseline=baseline, history=history)
    assert first.budget is not None
    assert first.decision == "pass"
    assert first.budget.rate_by_us == 8.0
    point = point_of(first)
    append_point(history, Point(NOW - timedelta(days=20), "shop", COMMIT, "pass", point.by_us, 0.0))
    spent = desk.judge(sarif(two), baseline=baseline, history=history)
    assert spent.budget is not None
    assert (spent.budget.burned_by_us, spent.budget.spent, spent.decision) == (160.0, True, "block")
    fix = desk.judge(sarif(two[:1]), baseline=baseline, history=history)
    assert fix.budget is not None
    assert (fix.budget.is_fix, fix.decision) == (True, "pass")


def test_what_has_no_fix_burns_beside_the_budget(desk: Desk) -> None:
    """Nobody can mend what has no fix; it is shown, and it does not count against delivery."""
    report = _grype("1.0.0")
    report["matches"][0]["vulnerability"]["fix"] = {"versions": [], "state": "not-fixed"}  # type: ignore[index]
    text = GRYPE.replace("2026-01-01", "2025-01-01")
    baseline = desk.baseline(report, now=NOW - timedelta(days=200), text=text)
    verdict = desk.judge(report, text=GRYPE, baseline=baseline, threats=_threats(desk))
    assert verdict.budget is not None
    assert (verdict.budget.rate_by_us, verdict.budget.rate_without_fix) == (0.0, 4.0)


def test_same_inputs_and_clock_same_bytes(desk: Desk) -> None:
    """An auditor judges again, and gets what the pipeline got."""
    report = sarif([result(line=n, snippet=f"call {n}") for n in range(1, 60)])
    written = []
    for name in ("one", "two"):
        verdict, judged = desk.judge_whole(report)
        files = write_outputs(desk.folder / name, verdict, desk_policy(), judged, DEPUTY)
        written.append([path.read_bytes() for path in files])
        assert [path.name for path in files] == list(FILES)
    assert written[0] == written[1]


def desk_policy():  # type: ignore[no-untyped-def]
    """Return the policy of these tests."""
    from gate.build import signed

    return signed().policy


def test_github_gets_what_it_takes(desk: Desk) -> None:
    """Suppressed results are left out, known ones stay, and the limits are kept with a word about it."""
    results = [result(line=n + 1, snippet=f"call {n}") for n in range(25_300)]
    results.append(result("set-aside", suppressions=[{"kind": "inSource"}]))
    verdict, judged = desk.judge_whole(sarif(results))
    write_outputs(desk.folder / "out", verdict, desk_policy(), judged)
    (run,) = json.loads((desk.folder / "out/github.sarif").read_bytes())["runs"]
    assert len(run["results"]) == 25_000
    assert (
        "300 results are not shown"
        in run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"]
    )
    assert run["automationDetails"]["id"] == "shop/code/"
    assert not any("suppressions" in one or "baselineState" in one for one in run["results"])
    assert len(gzip.compress((desk.folder / "out/github.sarif").read_bytes())) < 10_000_000
    (whole,) = json.loads((desk.folder / "out/all.sarif").read_bytes())["runs"]
    assert len(whole["results"]) == 25_301
    assert whole["results"][-1]["suppressions"][0]["status"] == "accepted"
    assert whole["results"][0]["baselineState"] == "new"


def test_at_most_twenty_runs_go_to_github(desk: Desk) -> None:
    """A file of more is rejected whole."""
    from gate.build import signed
    from poise.gate.delivery import Request, judge_delivery

    path = desk.write("report.json", sarif([result()]))
    request = Request("shop", COMMIT, NOW, [("code", path)] * 23, first_run=True, secret_key=KEY)
    verdict, judged = judge_delivery(request, signed())
    write_outputs(desk.folder / "out", verdict, desk_policy(), judged)
    runs = json.loads((desk.folder / "out/github.sarif").read_bytes())["runs"]
    assert len(runs) == 20
    notes = runs[0]["invocations"][0]["toolExecutionNotifications"]
    assert "3 reports are not shown" in notes[0]["message"]["text"]
