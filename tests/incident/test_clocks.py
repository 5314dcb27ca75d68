"""Regulators' clocks: each shipped regime's worked examples, and laws of the engine."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from incident.cases import Desk, at
from poise.errors import IncidentError
from poise.incident.clocks.calendars import business_days_after, is_business_day
from poise.incident.clocks.due import add_months, due_of, wall_time
from poise.incident.clocks.regime import SENT, Example, Rule, Stage, Term, parse_rule, read_rule, shipped
from poise.incident.clocks.standing import clocks_of, duties_of
from poise.incident.clocks.words import due_sentence
from poise.incident.duties import Sent, Suspended
from poise.incident.review import timeline
from poise.incident.tlp import EVERYTHING

ZONES = ("America/New_York", "Europe/Brussels", "Australia/Lord_Howe", "Asia/Kolkata", "Pacific/Apia")
MOMENTS = st.integers(1_577_836_800, 1_988_150_400).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
EXAMPLES = [(rule, example) for rule in shipped().values() for example in rule.examples]


def rule(*terms: Term, zone: str = "UTC", calendar: str = "US", **more: object) -> Rule:
    made = Stage(id="report", title="t", recipient="r", due=terms, **more)  # type: ignore[arg-type]
    return Rule(
        id="test", title="t", version="1", status="in-force", citation="c", url="u", basis="primary",
        review_by=date(2027, 1, 1), timezone=zone, calendar=calendar, stages=(made,),
        anchors={"aware": "?", "classified": "?"},
    )  # fmt: skip


def due(of: Rule, **anchors: datetime) -> datetime | None:
    return due_of(of, of.stages[0], anchors).at


@pytest.mark.parametrize(("of", "example"), EXAMPLES, ids=lambda one: getattr(one, "id", ""))
def test_each_regime_gives_its_worked_example(of: Rule, example: Example) -> None:
    """A hand-made calculation with its source, not the engine's own answer."""
    moments = {**example.anchors, **{f"{SENT}{stage}": sent for stage, sent in example.sent.items()}}
    stages = {stage.id: stage for stage in of.stages}
    assert {name: due_of(of, stages[name], moments).at for name in example.expect} == example.expect


def test_every_regime_has_an_example_a_citation_and_its_doubts() -> None:
    """Nothing is shipped as certain that nobody confirmed; what is no law yet is no law here."""
    assert len(shipped()) >= 20
    for one in shipped().values():
        shown = {stage for example in one.examples for stage in example.expect}
        assert shown == {stage.id for stage in one.stages if stage.due}, one.id
        assert one.citation
        assert one.url.startswith("https://")
        assert one.reviewed_by == ""
        assert one.warnings(date(2026, 11, 25))[0].startswith("No counsel")
        assert any("review was due" in text for text in one.warnings(one.review_by + timedelta(days=1)))
    pending = {one.id for one in shipped().values() if one.status == "pending"}
    assert pending == {"eu-gdpr-33-omnibus", "uk-csr-bill", "us-circia"}


@settings(deadline=None)
@given(MOMENTS, st.integers(1, 3000), st.sampled_from(ZONES))
def test_hours_are_elapsed_time_wherever_clocks_change(start: datetime, hours: int, zone: str) -> None:
    """72 hours are 72 hours, over summer time, leap days and ends of months."""
    end = due(rule(Term(after="aware", hours=hours), zone=zone), aware=start)
    assert end == start + timedelta(hours=hours)


@settings(deadline=None)
@given(MOMENTS, st.integers(1, 400), st.sampled_from(ZONES))
def test_days_end_with_the_local_day(start: datetime, days: int, zone: str) -> None:
    """A period of days ends in the last second of its last day, as the place's clocks show it."""
    end = due(rule(Term(after="aware", days=days), zone=zone), aware=start)
    assert end is not None
    place = ZoneInfo(zone)
    assert end.astimezone(place).date() == start.astimezone(place).date() + timedelta(days=days)
    assert (end + timedelta(seconds=1)).astimezone(place).date() > end.astimezone(place).date()


@settings(deadline=None)
@given(st.dates(date(2019, 1, 1), date(2033, 1, 1)), st.integers(1, 48))
def test_months_keep_the_day_or_take_the_last(day: date, months: int) -> None:
    """31 January and a month is the last of February, of 28 days or 29."""
    later = add_months(day, months)
    assert (later.year * 12 + later.month) - (day.year * 12 + day.month) == months
    next_day = later + timedelta(days=1)
    assert later.day == day.day or (later.day < day.day and next_day.day == 1)


@settings(deadline=None)
@given(
    st.dates(date(2024, 1, 1), date(2030, 1, 1)),
    st.integers(1, 15),
    st.sampled_from(["US", "AU-NSW", "financial:ECB"]),
)
def test_business_days_are_counted_one_by_one(day: date, count: int, calendar: str) -> None:
    """Exactly that many business days lie after the anchor's day, the limit being the last of them."""
    end = business_days_after(day, count, calendar)
    between = [day + timedelta(days=number) for number in range(1, (end - day).days + 1)]
    assert sum(is_business_day(one, calendar) for one in between) == count
    assert is_business_day(end, calendar)


@settings(deadline=None)
@given(MOMENTS, st.sampled_from(["next-business-day", "noon-next-business-day"]))
def test_a_rolled_limit_is_on_a_business_day_and_never_earlier(start: datetime, roll: str) -> None:
    """Rolling gives time at weekends and holidays, and takes none."""
    plain = due(rule(Term(after="aware", hours=72)), aware=start)
    rolled = due(rule(Term(after="aware", hours=72), roll=roll), aware=start)
    assert plain is not None
    assert rolled is not None
    assert is_business_day(rolled.date(), "US")
    assert rolled == plain if is_business_day(plain.date(), "US") else rolled > plain


@settings(deadline=None)
@given(MOMENTS, MOMENTS, st.integers(1, 100))
def test_a_later_anchor_is_never_due_earlier(first: datetime, second: datetime, days: int) -> None:
    """Correcting an anchor moves its limits the same way."""
    for term in (Term(after="aware", days=days), Term(after="aware", business_days=min(days, 20))):
        one, two = sorted((first, second))
        early, late = (
            due(rule(term, zone="America/New_York"), aware=one),
            due(rule(term, zone="America/New_York"), aware=two),
        )
        assert early is not None
        assert late is not None
        assert early <= late


@pytest.mark.parametrize(
    ("clock", "expected"),
    [
        (
            time(2, 30),
            datetime(2026, 3, 29, 0, 30, tzinfo=UTC),
        ),  # skipped: 02:30 by the offset after the jump
        (time(1, 59), datetime(2026, 3, 29, 0, 59, tzinfo=UTC)),
    ],
)
def test_a_wall_time_that_is_skipped_is_read_early(clock: time, expected: datetime) -> None:
    """A limit must not slip behind the jump."""
    assert wall_time(date(2026, 3, 29), clock, ZoneInfo("Europe/Paris")) == expected


def test_a_wall_time_that_comes_twice_is_read_early() -> None:
    """On 25 October 02:30 comes twice in Paris; the first is the limit."""
    found = wall_time(date(2026, 10, 25), time(2, 30), ZoneInfo("Europe/Paris"))
    assert found == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


def test_a_known_limit_holds_while_another_anchor_is_missing() -> None:
    """Of several limits the earliest counts, so one that is known is told at once."""
    both = rule(Term(after="aware", hours=24), Term(after="classified", hours=4))
    found = due_of(both, both.stages[0], {"aware": at(0)})
    assert (found.at, found.bound, found.missing) == (None, at(24 * 60), ("classified",))
    assert due_of(both, both.stages[0], {}).bound is None


@pytest.mark.parametrize(
    ("change", "id"),
    [
        ('timezone = "UTC"', "E831"),
        ('calendar = "XX-NONE"', "E831"),
        ("stages = []", "E830"),
        ("version = 7", "E830"),
    ],
)
def test_a_rule_that_does_not_fit_together_is_refused(change: str, id: str) -> None:
    """Each reason is told; a clock on a broken rule would be believed."""
    text = """id = "x"\ntitle = "t"\nversion = "1"\nstatus = "in-force"\ncitation = "c"\nurl = "u"
basis = "primary"
review_by = 2027-01-01\ntimezone = "UTC"\ncalendar = "US"\nanchors = { aware = "?" }
stages = [{ id = "a", title = "t", recipient = "r", due = [{ after = "sent:b", hours = 1 }] },
{ id = "b", title = "t", recipient = "r", due = [{ after = "sent:a", hours = 1 }] }]"""
    key = change.split(" ")[0]
    head, _, _ = text.partition("stages")
    lines = [
        line
        for line in (text.split("\n") if key != "stages" else head.split("\n"))
        if not line.startswith(f"{key} =")
    ]
    with pytest.raises(IncidentError) as raised:
        parse_rule("\n".join([change, *lines]), "x.toml")
    assert id in {fault.id for fault in raised.value.faults}


def test_a_circle_of_stages_and_unknown_names_are_refused() -> None:
    """A stage that waits for itself would never start."""
    good = {"id": "x", "title": "t", "version": "1", "status": "in-force", "citation": "c", "url": "u",
            "basis": "primary", "review_by": "2027-01-01", "timezone": "UTC", "calendar": "US",
            "anchors": {"aware": "?"}}  # fmt: skip
    stage = {"id": "a", "title": "t", "recipient": "r"}
    for term, reason in (
        ({"after": "sent:a", "hours": 1}, "circle"),
        ({"after": "nothing", "hours": 1}, "is no anchor"),
        ({"after": "aware", "hours": 1, "days": 1}, "is needed"),
    ):
        with pytest.raises(IncidentError, match=reason):
            read_rule({**good, "stages": [{**stage, "due": [term]}]}, "x")
    with pytest.raises(IncidentError, match="neither due nor words"):
        read_rule({**good, "stages": [stage]}, "x")


def test_states_from_waiting_to_sent() -> None:
    """Running, overdue, sent, sent late, resting: each at its time."""
    of = rule(Term(after="aware", hours=24), suspension="by order")
    sent = Sent(incident="x", party="security", regime="test", stage="report", at=at(60), reference="A-1")
    late = Sent(
        incident="x", party="security", regime="test", stage="report", at=at(25 * 60), reference="A-1"
    )
    rest = Suspended(
        incident="x",
        party="security",
        regime="test",
        stage="report",
        until=at(48 * 60),
        authority="AG",
        reference="1",
    )
    anchors = {"aware": at(0)}

    def state(now: datetime, filings: list[Sent], rests: list[Suspended] | None = None) -> str:
        return clocks_of(of, anchors, filings, now, rests or [])[0].state

    assert clocks_of(of, {}, [], at(0), detected=at(-90))[0].idle_hours == 1.5
    assert state(at(1), []) == "running"
    assert state(at(24 * 60), []) == "running"
    assert state(at(24 * 60) + timedelta(seconds=1), []) == "overdue"
    assert state(at(90), [sent]) == "sent"
    assert state(at(26 * 60), [late]) == "sent late"
    assert state(at(30 * 60), [], [rest]) == "suspended"
    assert state(at(49 * 60), [], [rest]) == "overdue"


def test_an_incident_runs_under_the_rule_of_its_day(desk: Desk) -> None:
    """A rule published later, or a corrected anchor, never rewrites what was recorded."""
    values = msgspec.to_builtins(shipped()["eu-gdpr-33"])
    desk.do("clock.assessed", 1, regime="eu-gdpr-33", applies=True, reason="names of customers", rule=values)
    desk.do("clock.anchored", 2, regime="eu-gdpr-33", anchor="aware", at=at(0).isoformat(), reason="log")
    desk.do(
        "clock.anchored", 10, regime="eu-gdpr-33", anchor="aware", at=at(-60).isoformat(), reason="older log"
    )
    first, second = duties_of(desk.case, at(5))[0], duties_of(desk.case, at(10))[0]
    assert first.clocks[0].due.at == at(0) + timedelta(hours=72)
    assert second.clocks[0].due.at == at(-60) + timedelta(hours=72)
    with pytest.raises(IncidentError, match="has no anchor"):
        desk.do("clock.anchored", 11, regime="eu-gdpr-33", anchor="guess", at=at(0).isoformat(), reason="x")
    with pytest.raises(IncidentError, match="in the future"):
        desk.do("clock.anchored", 11, regime="eu-gdpr-33", anchor="aware", at=at(12).isoformat(), reason="x")
    desk.do("clock.assessed", 12, regime="eu-gdpr-33", applies=False, reason="no personal data after all")
    assert duties_of(desk.case, at(12))[0].state == "does not apply"
    said = [one.text for one in timeline(desk.case, EVERYTHING, at(12)) if one.kind.startswith("clock")]
    law = shipped()["eu-gdpr-33"].title
    assert [text.startswith(law) for text in said] == [True] * 4
    assert "eu-gdpr-33" not in " ".join(said)


def test_one_stage_may_not_be_due_and_a_filing_gets_its_receipt(desk: Desk) -> None:
    """A regime applies by its stages; a filing is done once its recipient says so, at its own time."""
    rule = msgspec.to_builtins(shipped()["eu-gdpr-33"])
    regime = {"regime": "eu-gdpr-33"}
    desk.do("clock.assessed", 1, applies=True, reason="salaries", rule=rule, **regime)
    desk.do("clock.anchored", 2, anchor="aware", at=at(1).isoformat(), reason="sure", **regime)
    desk.do("clock.stage", 3, stage="processor", applies=False, reason="we are the controller", **regime)
    with pytest.raises(IncidentError, match="Nothing was filed"):
        desk.do("clock.receipt", 4, stage="authority", at=at(4).isoformat(), receipt="R", **regime)
    desk.do("clock.sent", 5, stage="authority", at=at(5).isoformat(), reference="A-1", **regime)
    desk.do("clock.receipt", 9, stage="authority", at=at(8).isoformat(), receipt="Eingang 77", **regime)

    def stages(minutes: float) -> dict[str, tuple[str, str]]:
        clocks = duties_of(desk.case, at(minutes))[0].clocks
        return {one.stage.id: (one.state, due_sentence(one, ZoneInfo("UTC"), at(minutes))) for one in clocks}

    assert stages(2.5)["processor"][0] == "no number"
    assert stages(9)["processor"] == ("does not apply", "Not due here: we are the controller.")
    assert "No receipt yet." in stages(8)["authority"][1]
    assert "Receipt: Eingang 77, 25 Nov 2026, 12:08 UTC." in stages(9)["authority"][1]
    desk.do("clock.stage", 10, stage="processor", applies=True, reason="for the subsidiary", **regime)
    assert stages(10)["processor"][0] == "no number"
