"""An explanation tells what the judging did, not something that sounds like it."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gate.build import COMMIT, NOW, POLICY, Desk, Json, result, sarif, signed
from gate.test_judge import driver, one_result
from poise.gate.baseline import read_baseline
from poise.gate.explain import Explanation, explain
from poise.gate.policy import ANSWERS, KINDS, SEVERITIES
from poise.gate.policyfile import parse_policy

#: Catches what the rules before left over, so that every finding is shown.
REST = "  - {id: rest, when: {}, then: warn, because: all is shown}\nroles:"

condition = st.fixed_dictionaries(
    {},
    optional={
        "new": st.sampled_from(["yes", "no"]),
        "kind": st.lists(st.sampled_from(KINDS), min_size=1, max_size=2),
        "severity": st.lists(st.sampled_from(SEVERITIES), min_size=1, max_size=3),
        "known_exploited": st.lists(st.sampled_from(ANSWERS), min_size=1, max_size=2),
        "reachable": st.lists(st.sampled_from(ANSWERS), min_size=1, max_size=2),
        "fixable": st.sampled_from(["yes", "no"]),
        "overdue": st.sampled_from(["yes", "no"]),
        "path": st.sampled_from([["src/*"], ["lib/*"]]),
        "rule": st.sampled_from([["*:r1", "*:r2"], ["*:r?"]]),
        "report": st.just(["code"]),
        "cwe": st.just(["CWE-79"]),
        "epss_from": st.just("0.1"),
    },
)


def written(when: Json) -> str:
    """Return a condition as YAML."""
    parts = [
        f"{key}: [{', '.join(repr(one) for one in value)}]" if isinstance(value, list) else f"{key}: {value}"
        for key, value in when.items()
    ]
    return f"{{{', '.join(parts)}}}"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150)
@given(
    st.lists(condition, min_size=1, max_size=4),
    st.lists(one_result, min_size=1, max_size=6),
    st.integers(0, 6),
)
def test_the_rule_that_decided_is_the_first_without_a_misfit(
    desk: Desk, conditions: list[Json], results: list[Json], known: int
) -> None:
    """Every rule that an explanation passes over has a condition that fails, and the last has none."""
    rules = [
        f"  - {{id: q{number}, when: {written(when)}, then: warn, because: asked}}"
        for number, when in enumerate(conditions)
    ]
    text = POLICY[: POLICY.index("  - id: no-secrets")] + "\n".join(rules) + "\n" + REST
    text += POLICY[POLICY.index("roles:") + 6 :]
    base = desk.baseline(driver(results[:known]), now=NOW - timedelta(minutes=30))
    verdict = desk.judge(driver(results), text=text, baseline=base, now=NOW + timedelta(days=5))
    policy = parse_policy(text, "policy.yaml")
    for one in verdict.findings:
        told = explain(one, verdict, policy, read_baseline(base)[0])
        if one.set_aside:
            continue
        assert [rule.decides for rule in told.rules] == [False] * (len(told.rules) - 1) + [True]
        assert told.rules[-1].rule == one.rule
        assert not any("condition ``" in rule.why for rule in told.rules), told.rules


def _only(desk: Desk, report: Json, **more: object) -> Explanation:
    verdict = desk.judge(report, **more)
    assert len(verdict.findings) == 1
    base = more.get("baseline")
    return explain(verdict.findings[0], verdict, signed().policy, read_baseline(base)[0] if base else None)  # type: ignore[arg-type]


def test_it_names_the_matcher_that_knew_the_finding(desk: Desk) -> None:
    """Old by its content, new by every matcher, or new because nothing was noted yet."""
    base = desk.baseline(sarif([result(snippet="run(cmd)")]), now=NOW - timedelta(minutes=30))
    fast = POLICY.replace("services: [shop]", "services: [shop]\nfix_time: {high: 1d}")
    known = _only(
        desk,
        sarif([result(line=9, snippet="run( cmd )")]),
        baseline=base,
        now=NOW + timedelta(days=5),
        text=fast,
    )
    assert known.newness[-1].matcher == "content"
    assert known.newness[-1].answer.startswith("known since 2026-03-02")
    assert known.outcome == "warn"
    new = _only(desk, sarif([result(snippet="other()")]), baseline=base)
    assert [one.matcher for one in new.newness] == ["tool fingerprint", "line hash", "content", "git rename"]
    assert "not in the baseline of 1f2e3d4c5b6a" in new.newness[2].answer
    first = _only(desk, sarif([result(snippet="run(cmd)")]))
    assert "no baseline" in first.newness[0].answer


def test_a_second_of_a_kind_is_told_from_the_first(desk: Desk) -> None:
    """Each known finding answers once, and the explanation says that it did."""
    base = desk.baseline(sarif([result(snippet="run(cmd)")]), now=NOW - timedelta(minutes=30))
    verdict = desk.judge(
        sarif([result(snippet="run(cmd)"), result(line=7, snippet="run(cmd)")]), baseline=base
    )
    [new] = verdict.findings
    told = explain(new, verdict, signed().policy, read_baseline(base)[0])
    assert told.newness[2].answer.startswith("1 known finding had it, and answered for others")


def test_it_names_everybody_who_can_lift_it(desk: Desk) -> None:
    """The deputy by an exception or by broken glass; anybody by mending it."""
    told = _only(desk, sarif([result(snippet="run(cmd)")]))
    assert [one.who for one in told.lifts] == ["anybody", "the deputy (deputy)", "the deputy (deputy)"]
    assert f"--commit {COMMIT}" in told.lifts[2].how
