"""Signals against histories worked out by hand, their minima, and their bounds."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dialogue.cases import Told, day, decision, disagreement, escalation, promise, told
from poise.cli.at_table import plain
from poise.dialogue.formulas import PERIOD, SIGNALS
from poise.dialogue.signals import Figure, Reading, read_signals
from poise.dialogue.state import Dialogue

PAGE = (Path(__file__).resolve().parents[2] / "docs/signals.md").read_text(encoding="utf-8")


def reading(state: Dialogue, id: str, at: float = 90) -> Reading:
    """Return what a signal counts in the period that ends on a day."""
    (found,) = [one for one in read_signals(state, day(at)).signals if one.id == id]
    return found.now


def said(state: Dialogue, id: str, at: float = 90) -> list[str]:
    return [str(figure) for figure in reading(state, id, at).figures]


def test_promises_by_hand() -> None:
    """Five due in the period: two in time, one moved in time and kept, one late by a day, one open."""
    moved: Told = (
        19,
        "promise.moved",
        "operations",
        {"promise": "c", "due": day(30).isoformat(), "reason": "ill"},
    )
    acts = [*promise("a", 1, 10, 9), *promise("b", 1, 10, 10), *promise("c", 1, 20, 29), moved]
    acts += [*promise("d", 1, 40, 41), *promise("e", 1, 50), *promise("later", 1, 95, 2)]
    assert said(told(*acts), "promises") == ["kept in time: 3 of 5"]


def test_a_promise_moved_after_its_time_is_a_miss() -> None:
    """Otherwise every miss could be talked away."""
    late: Told = (
        11,
        "promise.moved",
        "operations",
        {"promise": "a", "due": day(30).isoformat(), "reason": "forgot"},
    )
    acts = [*promise("a", 1, 10, 20), late, *promise("b", 1, 12, 11), *promise("c", 1, 13, 12)]
    assert said(told(*acts), "promises") == ["kept in time: 2 of 3"]


def test_lateness_is_a_median_from_three_on() -> None:
    """Late by 24, 48 and 240 hours: 48; one number of three people remember, none of one."""
    acts = [*promise("a", 1, 10, 11), *promise("b", 1, 10, 12), *promise("c", 1, 10, 20)]
    assert said(told(*acts), "promises") == ["kept in time: 0 of 3", "median lateness: 48 h"]


def test_a_share_stands_beside_ten_and_not_beside_nine() -> None:
    """Below ten one case moves a share by more than ten points."""
    nine = [act for number in range(9) for act in promise(f"p{number}", 1, 10, 9)]
    assert said(told(*nine), "promises") == ["kept in time: 9 of 9"]
    assert said(told(*nine, *promise("last", 1, 10, 12)), "promises") == ["kept in time: 9 of 10 (90%)"]


def test_overrides_count_both_directions() -> None:
    """Three against security's recommendation of four, one against operations' of two; two say why."""
    acts = [*decision("a", 1, made=2, option="no", reason="cost"), *decision("b", 1, made=2, option="no")]
    acts += [*decision("c", 1, made=2, option="no", reason=" "), *decision("d", 1, made=2)]
    acts += decision("e", 1, "operations", made=2, option="no", reason="risk")
    acts += decision("f", 1, "operations", made=2)
    assert said(told(*acts), "overrides") == [
        "against the recommendation of operations: 1 of 2",
        "against the recommendation of security: 3 of 4",
        "of these with a reason: 2 of 4",
    ]


def test_unanswered_requests_by_age() -> None:
    """Asked 3, 20 and 60 days before the end; what was answered is not there."""
    acts = [*decision("a", 87), *decision("b", 70), *decision("c", 30), *decision("d", 30, made=31)]
    assert said(told(*acts), "unanswered") == ["open up to 7 days: 1", "8 to 30 days: 1", "over 30 days: 1"]


def test_time_to_agreement_counts_each_round() -> None:
    """Settled after 4 and 10 days; one of them came back on day 30 and was settled on day 36: median 6."""
    again: Told = (30, "disagreement.reopened", "operations", {"disagreement": "a", "reason": "new"})
    acts = [*disagreement("a", 1, 5), *disagreement("b", 1, 11), again]
    acts.append(
        (35.9, "settlement.proposed", "operations", {"disagreement": "a", "how": "consent", "outcome": "x"})
    )
    acts.append((36, "settlement.accepted", "security", {"disagreement": "a"}))
    state = told(*acts)
    assert said(state, "agreement-time") == ["median: 6 days"]
    assert said(state, "reopened") == ["re-opened: 1", "ended or signed: 3"]


def test_the_oldest_open_one_as_of_the_end() -> None:
    """What is settled later was open then."""
    state = told(*disagreement("a", 10, 95), *disagreement("b", 50))
    assert said(state, "oldest-open") == ["open: 2", "oldest: 80 days"]
    assert said(state, "oldest-open", 100) == ["open: 1", "oldest: 50 days"]


def test_exceptions_past_their_end_and_renewed() -> None:
    """One ran out on day 60; one was renewed twice; one is closed."""

    def noted(id: str, until: float) -> Told:
        fields = {"id": id, "what": id, "owner": "Owner", "until": day(until).date().isoformat()}
        return (1, "exception.noted", "operations", fields)

    def renewed(at: float, until: float) -> Told:
        fields = {"exception": "b", "until": day(until).date().isoformat(), "reason": "more time"}
        return (at, "exception.renewed", "operations", fields)

    closed: Told = (20, "exception.closed", "operations", {"exception": "c", "how": "done"})
    state = told(noted("a", 60), noted("b", 30), renewed(29, 60), renewed(59, 120), noted("c", 30), closed)
    assert said(state, "exceptions") == [
        "past their end, not reviewed: 1 of 2",
        "renewed twice or more: 1 of 2",
    ]
    # On day 50 the first had not run out, and the second was renewed once.
    assert said(state, "exceptions", 50) == [
        "past their end, not reviewed: 0 of 2",
        "renewed twice or more: 0 of 2",
    ]


def test_escalations_by_kind() -> None:
    """A notice makes a page no surprise, once."""
    notice: Told = (10, "escalation.noticed", "security", {"disagreement": "a", "reason": "stuck"})
    state = told(*disagreement("a", 1), notice, escalation("a", 11), escalation("a", 12))
    assert said(state, "escalations") == ["joint: 0", "one-sided: 1", "surprise: 1"]


def test_a_notice_of_the_other_side_is_none() -> None:
    """What one side announced does not excuse the other."""
    notice: Told = (10, "escalation.noticed", "operations", {"disagreement": "a", "reason": "stuck"})
    assert said(told(*disagreement("a", 1), notice, escalation("a", 11)), "escalations")[2] == "surprise: 1"


def test_concessions_by_hand() -> None:
    """Ten: operations gives half of 2 each, security a quarter of 4 in nine and all of 8 in one: 17 / 44."""
    acts = [
        act
        for number in range(9)
        for act in disagreement(f"d{number}", 1, 5, importance=(2, 4), got=(0.5, 0.75))
    ]
    nine = told(*acts)
    assert reading(nine, "concessions").figures == ()
    state = told(*acts, *disagreement("last", 1, 5, importance=(2, 8), got=(0.5, 0.0)))
    first, second = reading(state, "concessions").figures
    assert first.amount == pytest.approx(50)
    assert second.amount == pytest.approx(100 * 17 / 44)


def test_importance_given_later_does_not_count() -> None:
    """Who lost could say afterwards how dear it was."""
    late: list[Told] = []
    acts = [act for number in range(10) for act in disagreement(f"d{number}", 1, 5, got=(0.5, 0.5))]
    for number in range(10):
        words = {"disagreement": f"d{number}", "position": "mine", "interest": "why", "importance": 9}
        late += [(2, "disagreement.position", party, words) for party in ("operations", "security")]
    assert reading(told(*acts, *late), "concessions").cases == 0


def test_options_and_coverage() -> None:
    """A request with one way is no choice; a goal of one side is none of both."""
    single = {
        "id": "x",
        "question": "x?",
        "options": [{"id": "yes", "text": "Yes"}],
        "needed_by": day(9).isoformat(),
    }
    asked: Told = (3, "decision.asked", "security", single)
    assert said(told(asked, *decision("a", 1), *decision("b", 1)), "options") == [
        "with two options or more: 2 of 3"
    ]
    goals: list[Told] = [
        (0, "goal.proposed", "operations", {"id": "grow", "title": "Grow"}),
        (0.5, "goal.endorsed", "security", {"goal": "grow"}),
        (0, "goal.proposed", "operations", {"id": "own", "title": "Own"}),
    ]
    acts = [*disagreement("a", 1, goal="grow"), *disagreement("b", 1, goal="own"), *disagreement("c", 1)]
    state = told(*goals, *acts)
    assert said(state, "coverage") == ["named a goal of both: 1 of 3"]
    assert reading(state, "coverage").items == ("b", "c")


def test_calibration_by_band_and_only_from_twenty() -> None:
    """Twelve said at 80 to 95 %, eight at 20 to 45 %; nine and two came true."""

    def judged(number: int, low: float, high: float, came: bool) -> list[Told]:
        id = f"j{number}"
        fields = {
            "id": id,
            "statement": id,
            "low": low,
            "high": high,
            "resolves_by": day(9).date().isoformat(),
        }
        known = {"judgement": id, "came_true": came, "source": "seen"}
        return [(1, "judgement.stated", "security", fields), (8, "judgement.resolved", "security", known)]

    acts = [act for n in range(12) for act in judged(n, 0.8, 0.95, n < 9)]
    acts += [act for n in range(12, 19) for act in judged(n, 0.2, 0.45, n < 14)]
    assert reading(told(*acts), "calibration").figures == ()
    state = told(*acts, *judged(19, 0.2, 0.45, False))
    assert said(state, "calibration") == [
        "stated 20% to 45%, came true: 2 of 8",
        "stated 80% to 95%, came true: 9 of 12 (75%)",
    ]


def test_the_past_is_the_pairs_own_and_ages_out() -> None:
    """Four periods and no more: after a year a late promise is told to nobody."""
    acts = [act for number in range(3) for act in promise(f"p{number}", 1, 10, 12)]
    state = told(*acts)
    readings = {one.id: one for one in read_signals(state, day(90 + 91)).signals}["promises"].readings
    assert [one.cases for one in readings] == [0, 3, 0, 0]
    year_later = read_signals(state, day(10) + 4 * PERIOD + timedelta(days=1))
    assert all(not one.items for signal in year_later.signals for one in signal.readings)


KINDS = st.lists(
    st.tuples(
        st.sampled_from(["promise", "decision", "disagreement"]),
        st.integers(0, 80),
        st.integers(1, 9),
        st.booleans(),
    ),
    max_size=25,
)


@settings(max_examples=60, deadline=None)
@given(KINDS)
def test_no_figure_below_the_minimum(drawn: list[tuple[str, int, int, bool]]) -> None:
    """Whatever happened: a signal has figures exactly when it has its cases, and never a share under ten."""
    acts: list[Told] = []
    for number, (kind, at, length, is_done) in enumerate(drawn):
        id, end = f"x{number}", float(at + length)
        if kind == "promise":
            acts += promise(id, at, end, end - 0.5 if is_done else None)
        elif kind == "decision":
            acts += decision(id, at, made=end if is_done else None, option="no" if number % 2 else "yes")
        else:
            acts += disagreement(id, at, end if is_done else None)
    for signal in read_signals(told(*acts), day(90)).signals:
        for one in signal.readings:
            if one.cases < signal.formula.minimum:
                assert one.figures == ()
            for figure in one.figures:
                assert figure.share is None or (figure.of or 0) >= 10
        if not signal.now.figures:
            assert "Not enough to say" in signal.sentence
            assert str(signal.formula.minimum) in signal.sentence


def test_there_is_no_reader() -> None:
    """Both sides get the same bytes, as nothing about a reader goes in."""
    acts = [*promise("a", 1, 10, 9), *decision("b", 1, made=3, option="no"), *disagreement("c", 1, 5)]
    profile: Told = (2, "profile.stated", "operations", {"detail": "headline", "style": "numbers first"})
    first = json.dumps(plain(read_signals(told(*acts), day(90))))
    assert first == json.dumps(plain(read_signals(told(*acts, profile), day(90))))


def test_a_note_stands_beside_its_signal() -> None:
    """Either side can say what a count does not."""
    note: Told = (5, "signal.annotated", "security", {"signal": "promises", "text": "black week"})
    (found,) = [one for one in read_signals(told(note), day(90)).signals if one.id == "promises"]
    assert found.notes == (("security", "black week", day(5)),)


def test_figures_print_amounts_and_counts() -> None:
    """What has no denominator has no share."""
    assert str(Figure("open", 3)) == "open: 3"
    assert str(Figure("median", amount=2.25, unit="days")) == "median: 2.25 days"
    assert Figure("open", 30).share is None


@pytest.mark.parametrize("id", SIGNALS)
def test_every_formula_is_published(id: str) -> None:
    """docs/signals.md has each signal's name, formula and minimum as the program has them."""
    formula = SIGNALS[id]
    row: Any = re.search(rf"^\| `{id}` \| (.+?) \| (.+?) \| (\d+) (.+?) \|$", PAGE, re.MULTILINE)
    assert row, id
    assert row.groups() == (formula.name, formula.formula, str(formula.minimum), formula.cases)
