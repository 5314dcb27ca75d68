"""What can be said at which point, and what is said when it cannot."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dialogue.cases import Told, day, decision, disagreement, entries_of, escalation, promise, told
from poise.dialogue.acts import ACTS
from poise.dialogue.fold import advance, read_act, replay
from poise.errors import DialogueError

DECIDED = {"disagreement": "a", "by": "Board", "decision": "so"}
AGAIN = {"disagreement": "a", "reason": "x"}
GOAL: Told = (0, "goal.proposed", "operations", {"id": "grow", "title": "Grow"})


def refused(*acts: Told) -> str:
    """Return the fault id of the last act, all before it being possible; it is void where it is recorded."""
    *before, last = entries_of(acts)
    state = replay(before)
    assert state.void == []
    assert replay([*before, last]) == replace(state, void=[last.hash])
    with pytest.raises(DialogueError) as caught:
        advance(state, last.kind, last.hash, last.time, last.body or {})
    return caught.value.faults[0].id


REFUSED: list[tuple[str, list[Told]]] = [
    ("E851", [GOAL, (1, "goal.proposed", "security", {"id": "grow", "title": "Again"})]),
    ("E852", [(1, "goal.endorsed", "security", {"goal": "grow"})]),
    ("E850", [GOAL, (1, "agreement", "operations", {"terms": {"exceptions": [{"until": "some day"}]}})]),
    ("E850", [GOAL, (1, "agreement", "operations", {"terms": {"exceptions": 3}})]),
    ("E850", [GOAL, (1, "agreement", "operations", {"terms": []})]),
    ("E853", [GOAL, (1, "goal.endorsed", "operations", {"goal": "grow"})]),
    ("E854", [*decision("a", 1), (2, "decision.made", "security", {"decision": "a", "option": "yes"})]),
    ("E852", [*decision("a", 1), (2, "decision.made", "operations", {"decision": "a", "option": "maybe"})]),
    (
        "E853",
        [*decision("a", 1, made=2), (3, "decision.made", "operations", {"decision": "a", "option": "no"})],
    ),
    ("E854", [*decision("a", 1), (2, "decision.withdrawn", "operations", {"decision": "a", "reason": "x"})]),
    ("E854", [*promise("a", 1, 5), (2, "promise.dropped", "security", {"promise": "a", "reason": "x"})]),
    ("E853", [*promise("a", 1, 5, 4), (6, "promise.kept", "security", {"promise": "a"})]),
    (
        "E852",
        [(1, "disagreement.raised", "security", {"id": "a", "title": "a", "type": "facts", "goal": "none"})],
    ),
    ("E853", [*disagreement("a", 1), (2, "settlement.accepted", "security", {"disagreement": "a"})]),
    (
        "E854",
        [
            *disagreement("a", 1),
            (2, "settlement.proposed", "security", {"disagreement": "a", "how": "consent", "outcome": "x"}),
            (3, "settlement.accepted", "security", {"disagreement": "a"}),
        ],
    ),
    (
        "E853",
        [
            *disagreement("a", 1),
            (
                2,
                "settlement.proposed",
                "security",
                {
                    "disagreement": "a",
                    "how": "trade",
                    "outcome": "x",
                    "gives": [{"party": "operations", "what": "all"}],
                },
            ),
        ],
    ),
    (
        "E853",
        [
            *disagreement("a", 1),
            (2, "settlement.proposed", "security", {"disagreement": "a", "how": "test", "outcome": "x"}),
        ],
    ),
    ("E853", [*disagreement("a", 1), (2, "test.done", "security", {"disagreement": "a", "result": "x"})]),
    (
        "E853",
        [
            *disagreement("a", 1),
            (2, "disagreement.reopened", "security", {"disagreement": "a", "reason": "x"}),
        ],
    ),
    ("E853", [*disagreement("a", 1, 3), escalation("a", 4)]),
    (
        "E853",
        [
            *disagreement("a", 1),
            escalation("a", 2),
            (3, "escalation.decided", "security", DECIDED),
            (4, "disagreement.reopened", "security", AGAIN),
            (5, "escalation.decided", "security", DECIDED),
        ],
    ),
    (
        "E853",
        [
            *disagreement("a", 1),
            escalation("a", 2),
            (2.5, "settlement.proposed", "security", {"disagreement": "a", "how": "consent", "outcome": "x"}),
            (3, "escalation.decided", "security", DECIDED),
            (4, "disagreement.reopened", "security", AGAIN),
            (5, "settlement.accepted", "operations", {"disagreement": "a"}),
        ],
    ),
    (
        "E853",
        [
            (1, "disagreement.raised", "security", {"id": "a", "title": "a", "type": "facts"}),
            (2, "escalation.joint", "security", {"disagreement": "a", "page": {}}),
        ],
    ),
    ("E850", [(1, "survey.sealed", "security", {"quarter": "2026Q5", "digest": "0" * 64})]),
    ("E850", [(1, "profile.stated", "security", {"timezone": "Mars/Olympus"})]),
    ("E850", [(1, "promise.made", "security", {"id": "a", "what": "x", "due": "2026-01-01"})]),
    ("E850", [(1, "signal.annotated", "security", {"signal": "mood", "text": "x"})]),
]


@pytest.mark.parametrize(
    ("id", "acts"), REFUSED, ids=[f"{acts[-1][1]}-{n}" for n, (_, acts) in enumerate(REFUSED)]
)
def test_what_is_not_possible_is_refused(id: str, acts: list[Told]) -> None:
    """Every step has its conditions; breaking one says which."""
    assert refused(*acts) == id


def test_the_other_sides_profile_is_not_mine() -> None:
    """A profile is stated by its own side: the body's party is the speaker."""
    state = told((1, "profile.stated", "security", {"detail": "full"}))
    assert set(state.profiles) == {"security"}


def test_a_goal_counts_as_shared_from_the_second_word_on() -> None:
    """Coverage of the past is not rewritten by what was endorsed later."""
    state = told(
        GOAL,
        (5, "goal.endorsed", "security", {"goal": "grow"}),
        (9, "goal.retired", "security", {"goal": "grow", "reason": "met"}),
    )
    goal = state.goals["grow"]
    assert [goal.is_shared(day(at)) for at in (4, 5, 8, 9)] == [False, True, True, False]


def test_what_was_erased_takes_along_what_rests_on_it() -> None:
    """A body can be erased lawfully; the rest of the dialogue stays readable."""
    entries = entries_of([GOAL, (1, "goal.endorsed", "security", {"goal": "grow"}), *promise("a", 2, 3)])
    erased = [replace(entries[0], body=None), *entries[1:]]
    state = replay(erased)
    assert not state.goals
    assert set(state.promises) == {"a"}
    assert not state.void
    assert replay(entries[1:]).void == [entries[1].hash]


def test_an_agreement_brings_its_accepted_risks() -> None:
    """They expire, are renewed and are counted like any other; the next agreement ends them."""
    risk = {"what": "tills", "owner": "Head of Stores", "until": "2026-02-01", "reason": ""}

    def signed(at: float) -> Told:
        return (at, "agreement", "operations", {"terms": {"exceptions": [risk]}, "currency": "EUR"})

    first, second = told(signed(1)), told(signed(1), signed(30))
    (one,) = first.exceptions.values()
    assert (one.act.owner, one.closed) == ("Head of Stores", None)
    assert [found.closed for found in second.exceptions.values()] == [day(30), None]


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**40), 2**40)
    | st.floats(allow_nan=False)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(ACTS)), st.data())
def test_no_body_gives_a_traceback(kind: str, data: st.DataObject) -> None:
    """Whatever stands in a file: an act, or a fault."""
    names = ACTS[kind].__struct_fields__
    body: dict[str, Any] = data.draw(
        st.dictionaries(st.sampled_from([*names, "strange"]), JSON, max_size=len(names))
    )
    with suppress(DialogueError):
        read_act(kind, body, "test")
