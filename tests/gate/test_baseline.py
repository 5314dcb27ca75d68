"""The quick matcher answers as the plain reading of its rules does, and counting alike as judging each."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gate.build import NOW, POLICY, Desk, Json, result, sarif
from gate.test_judge import CLOSER
from poise.gate.baseline import MATCHERS, Entry, Matcher, Waiting
from poise.gate.identity import LINE_HASH, Identifier
from poise.scans.finding import AssetIdentity, Finding, Place

#: Few values, so that keys meet often; "" for a key that is not there.
KEYS = st.tuples(st.sampled_from(["", "t1", "t2"]), st.sampled_from(["", "l1", "l2"]), st.sampled_from("abc"))


def finding_of(keys: tuple[str, str, str]) -> Finding:
    """Return a finding whose three keys differ exactly as these do."""
    tool, line, content = keys
    marks = (*((("v1", tool),) if tool else ()), *(((LINE_HASH, line),) if line else ()))
    place = Place("a.py", 1, snippet=content)
    return Finding("", "", AssetIdentity(), "r", "t", kind="code", place=place, fingerprints=marks)


def plainly(known: list[tuple[str, str, str]], asked: list[tuple[str, str, str]]) -> dict[int, str]:
    """Ask all findings by one matcher before any is asked by the next, as docs/gate.md says."""
    left, answers = list(known), {}
    for level in range(3):
        for number, keys in enumerate(asked):
            if number in answers or not keys[level]:
                continue
            taken = next((one for one in left if one[level] == keys[level]), None)
            if taken is not None:
                left.remove(taken)
                answers[number] = MATCHERS[level]
    return answers


@given(st.lists(KEYS, max_size=12), st.lists(KEYS, max_size=12))
def test_the_matcher_answers_as_its_rules_say(
    known: list[tuple[str, str, str]], asked: list[tuple[str, str, str]]
) -> None:
    """Answering at once may never give away an entry that a stronger matcher had to give."""
    identifier = Identifier()
    entries = [Entry(*identifier.keys(finding_of(keys)), NOW) for keys in known]
    matcher = Matcher(entries, identifier)
    answers, waiting = {}, []
    for number, keys in enumerate(asked):
        answer = matcher.ask(number, finding_of(keys))
        if isinstance(answer, Waiting):
            waiting.append(answer)
        elif answer is not None:
            answers[number] = answer.matcher
    answers.update({number: answer.matcher for number, answer in matcher.rest(waiting).items()})
    expected = plainly(known, asked)
    by_fingerprint = MATCHERS[:2]
    assert {n: m for n, m in answers.items() if m in by_fingerprint} == {
        n: m for n, m in expected.items() if m in by_fingerprint
    }
    # Of equal texts any may be the known one; how many are is what counts.
    assert sorted(answers.values()) == sorted(expected.values())
    assert matcher.gone == len(known) - len(expected)


one_result = st.builds(
    lambda rule, text, line, mark, level: result(
        f"r{rule}",
        snippet=text,
        level=level,
        **({"partialFingerprints": {LINE_HASH: f"{line:016x}:1"}} if line else {}),
        **({"fingerprints": {"v1": f"m{mark}"}} if mark else {}),
    ),
    st.integers(0, 1),
    st.sampled_from("ab"),
    st.integers(0, 2),
    st.integers(0, 2),
    st.sampled_from(["error", "warning", "note"]),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(st.lists(one_result, max_size=12), st.lists(one_result, max_size=12), st.integers(0, 3))
def test_counting_the_known_equals_judging_each(
    desk: Desk, before: list[Json], now: list[Json], room: int
) -> None:
    """With a baseline too the fast way answers as the careful one does, to the last risk-day."""
    long = {"text": POLICY.replace("2026-01-01", "2025-01-01")}
    baseline = desk.baseline(sarif(before), now=NOW - timedelta(days=100), **long)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("poise.gate.showing.SHOWN", room)
        quick, counted = desk.judge_whole(sarif(now), baseline=baseline)
        careful, judged = desk.judge_whole(sarif(now), baseline=baseline, text=CLOSER)
    assert counted.codes == judged.codes
    assert counted.counts == judged.counts
    assert (quick.severities, quick.gone, quick.budget) == (careful.severities, careful.gone, careful.budget)
    assert (quick.decision, quick.new, quick.not_shown) == (careful.decision, careful.new, careful.not_shown)
