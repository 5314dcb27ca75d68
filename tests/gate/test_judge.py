"""What is counted at once equals what is judged one by one, and what blocks is always shown."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gate.build import POLICY, Desk, Json, result, sarif

#: A rule that fits nothing and makes the judge look at every finding.
CLOSER = POLICY.replace(
    "rules:\n", "rules:\n  - {id: none, when: {path: [no/where]}, then: later, because: no}\n", 1
)
RULES = [
    {"id": f"r{number}", "properties": {"security-severity": str(score), "tags": tags}}
    for number, (score, tags) in enumerate(
        [(9.8, []), (7.5, ["secret"]), (5, []), (0.5, []), (9.1, ["secret"])]
    )
]

one_result = st.builds(
    lambda rule, level, status, kind: result(
        f"r{rule}",
        level=level,
        kind=kind,
        **({"suppressions": [{"kind": "external", "status": status}]} if status else {}),
    ),
    st.integers(0, 5),
    st.sampled_from(["error", "warning", "note"]),
    st.sampled_from(["", "", "accepted", "rejected"]),
    st.sampled_from(["fail", "fail", "informational"]),
)


def driver(results: Sequence[Json]) -> Json:
    """Return a report whose rules have scores and kinds."""
    return sarif(results, tool={"driver": {"name": "Analyzer", "version": "1", "rules": RULES}})


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(one_result, max_size=30), st.integers(0, 3))
def test_counting_alike_equals_judging_each(desk: Desk, results: list[Json], room: int) -> None:
    """The fast way may never answer otherwise than the careful one, room on the page or not."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("poise.gate.showing.SHOWN", room)
        quick, counted = desk.judge_whole(driver(results))
        careful, judged = desk.judge_whole(driver(results), text=CLOSER)
    assert counted.codes == judged.codes
    assert counted.counts == judged.counts
    assert quick.severities == careful.severities
    assert (quick.decision, quick.new, quick.not_shown) == (careful.decision, careful.new, careful.not_shown)
    assert [one.id for one in quick.findings] == [one.id for one in careful.findings]


def test_what_is_set_aside_hides_nothing_that_blocks(desk: Desk) -> None:
    """Two thousand suppressed findings in front fill no room of one that blocks."""
    aside = {"suppressions": [{"kind": "external", "status": "accepted"}]}
    results = [result(line=number, **aside) for number in range(1, 2_001)]
    draw = random.Random(1)
    results.insert(draw.randrange(1_500, 2_000), result("loud", path="src/last.py"))
    verdict = desk.judge(sarif(results))
    assert verdict.findings[0].outcome == "block"
    assert len(verdict.findings) == 1_000
    assert verdict.not_shown == 0
