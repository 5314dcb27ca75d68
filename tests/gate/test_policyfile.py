"""The policy's words: closed, told with their lines, and the same for both readers."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.build import POLICY
from poise.errors import PolicyError
from poise.gate.policyfile import parse_policy
from poise.gate.sentences import sentence_diff, sentences


@pytest.mark.parametrize(
    ("old", "new", "id", "told"),
    [
        ("because: a secret", "becuase: a secret", "E801", "did you mean 'because'"),
        ("kind: secret", "kind: secrets", "E804", "did you mean 'secret'"),
        ("then: warn", "then: explode", "E804", "block, later, warn"),
        (
            "lifted_by: deputy\n    because: others",
            "lifted_by: deputi\n    because: others",
            "E805",
            "deputy",
        ),
        ("max_age: 7d", "max_age: soon", "E803", "no span"),
        ("risk_days: 40", "risk_days: many", "E803", "no number"),
        ("valid_until: 2026-12-31", "valid_until: 2025-12-31", "E803", "before valid_from"),
        ("id: overdue", "id: exploited", "E108", "twice"),
        ("services: [shop]", "services: []", "E802", "services is missing"),
        ("title: What", "title: &a What", "E105", "anchor"),
        ("{new: yes, kind: secret}", "{new: maybe}", "E804", "neither yes nor no"),
        ("    lifted_by: deputy\n    because: others", "    because: others", "E802", "nobody may lift it"),
        (", max_time: 24h", ", max_time: 90d", "E803", "no span"),
    ],
)
def test_a_wrong_word_is_told_with_its_place_and_a_suggestion(old: str, new: str, id: str, told: str) -> None:
    """A mistyped key that is passed over is a rule that nobody keeps."""
    assert old in POLICY
    with pytest.raises(PolicyError) as caught:
        parse_policy(POLICY.replace(old, new, 1), "policy.yaml")
    fault = next(one for one in caught.value.faults if one.id == id)
    assert told in str(fault)
    assert fault.where.startswith("policy.yaml")


def test_all_faults_are_told_together() -> None:
    """A policy is mended in one round."""
    text = POLICY.replace("then: warn", "then: hide").replace("risk_days: 40", "risk_days: -1")
    with pytest.raises(PolicyError) as caught:
        parse_policy(text, "policy.yaml")
    assert [one.id for one in caught.value.faults] == ["E804", "E803"]


def test_the_sentences_say_every_rule() -> None:
    """Both sides sign sentences; what they leave out was not agreed."""
    text = "\n".join(sentences(parse_policy(POLICY, "policy.yaml")))
    for words in (
        "Any new secret in the source stops the delivery",
        "Any finding known to be exploited, reachable or of which nobody knows whether it is reachable stops",
        "Any new critical or high finding stops",
        "past its fix time is shown as a warning",
        "Deputy may lift this",
        "at most 24 hours",
        "40 risk-days in 28 days",
    ):
        assert words in text


def test_a_diff_is_told_in_sentences() -> None:
    """People compare what they agree, not YAML."""
    old = parse_policy(POLICY, "a")
    changes = sentence_diff(
        old, parse_policy(POLICY.replace("severity: [critical, high]", "severity: critical"), "b")
    )
    assert [line[:2] for line in changes] == ["- ", "+ "]
    assert "critical or high" in changes[0]
    assert sentence_diff(old, old) == ()


PIECES = [
    "{",
    "}",
    "[",
    "]",
    ":",
    "- ",
    "\n",
    "  ",
    "&a ",
    "*a",
    "!!x ",
    "'",
    '"',
    "\t",
    "\0",
    "yes",
    "9" * 400,
]


@settings(max_examples=500, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 30), st.sampled_from(PIECES)), min_size=1, max_size=5)
)
def test_a_mutated_policy_is_read_or_refused(changes: list[tuple[float, int, str]]) -> None:
    """Whatever an editor leaves behind, the parser says what is wrong."""
    text = POLICY
    for place, removed, piece in changes:
        at = int(place * len(text))
        text = text[:at] + piece + text[at + removed :]
    with suppress(PolicyError):
        assert sentences(parse_policy(text, "policy.yaml"))
