"""The agenda: what comes up, in which order, and as a calendar file."""

from __future__ import annotations

from datetime import timedelta

from icalendar import Calendar

from dialogue.cases import Told, day, decision, disagreement, promise, told
from dialogue.test_rules import carried, noted
from poise.dialogue.agenda import SHOWN, make_agenda
from poise.dialogue.meeting import OVERRUN, ends, is_on, minutes
from poise.dialogue.meeting_ics import agenda_ics, agenda_text


def test_dearest_first_and_one_place_for_what_nobody_priced() -> None:
    """Unknown is not zero: six priced items do not crowd out the one without a price."""
    acts = [act for n in range(6) for act in disagreement(f"d{n}", 1, cost_per_day=float(10 + n))]
    agenda = make_agenda(told(*acts, *disagreement("open", 2)), day(10))
    assert [one.key for one in agenda.items] == [
        *(f"disagreement:d{n}" for n in (5, 4, 3, 2)),
        "disagreement:open",
    ]
    assert len(agenda.items) == SHOWN
    assert [one.key for one in agenda.waiting] == ["disagreement:d1", "disagreement:d0"]


def test_each_reason_to_talk_comes_up() -> None:
    """Asked, contested, ending, due for review, promised, changed, and a goal of one side."""
    goal: Told = (0, "goal.proposed", "operations", {"id": "grow", "title": "Grow"})
    signed: Told = (1, "agreement", "operations", {"currency": "EUR", "terms": {}})
    made = decision("old", 1)
    made.append(
        (2, "decision.made", "operations", {"decision": "old", "option": "yes", "review_on": "2026-01-10"})
    )
    acts = [goal, signed, *made, *decision("new", 3), *disagreement("a", 3), *noted(20), *promise("p", 1, 12)]
    state = told(*acts)
    reopened: Told = (
        5,
        "agreement.reopened",
        "operations",
        {"agreement": next(iter(state.agreements)), "reasons": ["x"]},
    )
    agenda = make_agenda(told(*acts, reopened), day(10))
    assert {one.why for one in agenda.all} == {
        "goal", "changed", "review", "asked", "contested", "expiring", "promised",
    }  # fmt: skip
    assert agenda.currency == "EUR", "of the last agreement, though it is open again"


def test_what_is_far_away_or_over_does_not_come_up() -> None:
    """A promise for next month, an exception for next year, what was decided, kept or reviewed."""
    acts = [*promise("p", 1, 60), *promise("q", 1, 5, 4), *noted(300), *decision("d", 1, made=2)]
    assert make_agenda(told(*acts, *disagreement("a", 1, 5)), day(10)).all == ()


def test_an_item_shows_both_sides_and_its_carries() -> None:
    """One screen is enough to decide: the decision, both positions, options and the price."""
    acts = [*disagreement("a", 1, cost_per_day=5.0, basis="stated"), *carried(2), *carried(3)]
    (item,) = make_agenda(told(*acts), day(10)).items
    assert item.carried == 2
    assert set(item.sides) == {"operations", "security"}
    text = agenda_text(make_agenda(told(*acts), day(10)))
    for words in (
        "carried 2 times",
        "Operations says: mine",
        "Security needs: why",
        "a day of waiting costs 5; stated",
    ):
        assert words in text


def test_the_calendar_file_is_read_by_others() -> None:
    """One event of twenty minutes, its agenda inside; the same day keeps its id."""
    agenda = make_agenda(told(*disagreement("a", 1)), day(10))
    starts = day(11)
    (event,) = Calendar.from_ical(agenda_ics(agenda, starts)).walk("VEVENT")
    assert event.decoded("dtend") - event.decoded("dtstart") == timedelta(minutes=20)
    assert "Operations says: mine" in str(event["description"])
    later = make_agenda(told(*disagreement("b", 1)), day(10.5))
    (again,) = Calendar.from_ical(agenda_ics(later, starts)).walk("VEVENT")
    assert (again["uid"], again["sequence"] > event["sequence"]) == (event["uid"], True)


def test_a_meeting_that_nobody_closed_ends_by_itself() -> None:
    """It is on for some hours; what is said half a year later was not said in it, and another may begin."""
    state = told(
        (1, "meeting.opened", "operations", {"id": "m"}),
        *promise("soon", 1.01, 3),
        *promise("late", 40, 50),
    )
    meeting = state.meetings["m"]
    assert is_on(meeting, ends(meeting) + OVERRUN)
    assert not is_on(meeting, day(2))
    said = " ".join(text for _, _, text in minutes(state, meeting, day(60)))
    assert "soon" in said
    assert "late" not in said
