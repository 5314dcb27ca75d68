"""Briefs: one truth laid out for three readers; the cost of waiting; STIX."""

from __future__ import annotations

import math

import numpy as np
import pytest
import stix2
from hypothesis import given, settings
from hypothesis import strategies as st

from incident.cases import JUDGEMENT, OPTIONS, Desk, at
from poise.errors import IncidentError
from poise.estate.model import Service
from poise.incident.brief import LAYOUT, brief, differences, is_urgent, next_wanted
from poise.incident.profile import Profile, read_profile
from poise.incident.statements import Stated
from poise.incident.stix import bundle
from poise.incident.tlp import EVERYTHING, Watcher
from poise.incident.waiting import cost_of_waiting
from poise.risk.loss import Lognormal

AUDIENCES = ("operations", "security", "board")
PROFILES = st.builds(
    Profile,
    detail=st.sampled_from(["short", "full"]),
    order=st.sampled_from(["topic", "newest", "uncertain"]),
    cadence_minutes=st.integers(5, 10_080),
    channel=st.sampled_from(["mail", "chat"]),
    timezone=st.sampled_from(["UTC", "Europe/Paris"]),
)


def test_every_topic_has_one_place_in_every_brief() -> None:
    """What a statement is about decides where it stands, never whether."""
    import typing

    topics = set(typing.get_args(typing.get_type_hints(Stated)["topic"]))
    for layout in LAYOUT.values():
        placed = [topic for _, under in layout for topic in under]
        assert sorted(placed) == sorted(topics)


def fill(desk: Desk) -> None:
    desk.state(1, 60)
    desk.state(2, **{**JUDGEMENT, "source": ""})
    desk.state(3, kind="unknown", owner="SOC", by=at(60).isoformat(), matters="it may spread", topic="scope")
    desk.state(4, topic="other", tlp="GREEN")
    desk.do(
        "decision.asked", 5, question="Cut the network off?", options=OPTIONS, recommendation="cut",
        is_reversible=True,
        needed_by=at(30).isoformat(), cost_low_per_hour=100, cost_high_per_hour=900, basis="orders",
    )  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(profiles=st.tuples(PROFILES, PROFILES, PROFILES))
def test_no_profile_changes_a_fact(
    profiles: tuple[Profile, ...], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever form three readers want, they hold the same sentences."""
    desk = Desk(tmp_path_factory.mktemp("brief"))
    desk.open()
    fill(desk)
    made = [
        brief(desk.case, one, at(9), EVERYTHING, form) for one, form in zip(AUDIENCES, profiles, strict=True)
    ]  # type: ignore[arg-type]
    assert differences(made) == {}
    texts = [{line.text for _, lines in one.sections for line in lines} for one in made]
    assert texts[0] == texts[1] == texts[2]
    assert len({(len(one.wanted), len(one.updates), one.mark) for one in made}) == 1
    desk.room.ledger.close()


def test_a_brief_that_lacks_a_statement_is_found(desk: Desk) -> None:
    """Two truths show as a difference, by name."""
    fill(desk)
    whole = brief(desk.case, "operations", at(9), EVERYTHING)
    freer = brief(desk.case, "board", at(9), Watcher("", None, "GREEN"))
    assert set(differences([whole, freer]).values()) == {("board",)}
    assert len(differences([whole, freer])) == 3


def test_a_brief_for_readers_below_holds_no_promise_and_runs_its_clock_all_the_same(desk: Desk) -> None:
    """Its mark is that of what is in it; whether it may come at night is its sender's to know."""
    desk.state(1, 60, tlp="GREEN")
    desk.state(2, tlp="RED")
    sender, readers = desk.case.watcher("ciso", "security"), Watcher("", None, "AMBER")
    made = brief(desk.case, "operations", at(9), readers)
    assert (made.mark, made.updates, len(made.statements)) == ("GREEN", (), 1)
    assert is_urgent(desk.case, sender, at(9))
    assert not is_urgent(desk.case, sender, at(0))
    assert not is_urgent(desk.case, readers, at(9))


def test_a_cadence_says_when_the_next_brief_is_wanted(desk: Desk) -> None:
    """After the last one that was sent, to whom its mark is for; not before the first, nor after the end."""
    desk.state(1, 60)
    hourly = Profile(cadence_minutes=60)

    def wanted(minutes: float, watcher: Watcher = EVERYTHING) -> object:
        return next_wanted(desk.case, "board", at(minutes), watcher, hourly)

    assert wanted(2) is None
    queued = {"audience": "board", "channel": "mail", "subject": "s", "text": "t", "mark": "AMBER"}
    desk.do("brief.queued", 3, **queued)
    desk.do("brief.queued", 10, **queued)
    assert (wanted(4), wanted(10)) == (at(63), at(70))
    assert wanted(10, Watcher("", None, "GREEN")) is None
    assert next_wanted(desk.case, "operations", at(10), EVERYTHING, hourly) is None
    desk.do("closed", 20, summary="over")
    assert wanted(20) is None


def test_a_brief_reads_as_people_need_it(desk: Desk) -> None:
    """Services first for operations, its mark on top, decision and cost before all."""
    fill(desk)
    text = brief(desk.case, "operations", at(9), EVERYTHING, Profile(timezone="Europe/Paris")).text()
    assert text.startswith("TLP:AMBER+STRICT\n"), "it says what was promised, which has no mark of its own"
    assert text.index("Waiting costs 100 to 900 an hour: orders.") < text.index("Services")
    assert text.index("Orders stopped.") < text.index("payroll")
    assert "25 Nov 2026, 13:30 CET (12:30 UTC)" in text
    with pytest.raises(IncidentError, match="E841"):
        read_profile({"detail": "some"}, "x")


def service(id: str, cost: float) -> Service:
    return Service(id, id.title(), "o", 1, np.full((7, 24), cost), 1e5, 1e6, "UTC")


def test_the_cost_of_waiting_is_downtime_plus_hazard_times_loss() -> None:
    """Computed by hand: p within h hours is a hazard of -ln(1-p)/h, an hour costs hazard times mean loss."""
    estate = {"shop": service("shop", 500), "pay": service("pay", 50)}
    found = cost_of_waiting(
        estate, at(0), down=["shop"], reachable=["pay"], probability=(0.2, 0.45), within_hours=12
    )
    mean = Lognormal.from_range(1e5, 1e6).mean
    assert found.low == pytest.approx(500 - math.log(0.8) / 12 * mean)
    assert found.high == pytest.approx(500 - math.log(0.55) / 12 * mean)
    assert "Shop down at 12:00 on a Wednesday: 500 an hour" in found.basis
    with pytest.raises(IncidentError) as raised:
        cost_of_waiting(estate, at(0), down=["x"], reachable=["y"])
    assert len(raised.value.faults) == 3


def test_the_bundle_is_stix_and_keeps_marks(desk: Desk) -> None:
    """The library parses it strictly; what was withdrawn is revoked, what is hidden is absent."""
    fill(desk)
    wrong = desk.state(6, tlp="RED")
    desk.do("withdrawn", 7, statement=wrong, reason="wrong")
    whole = stix2.parse(bundle(desk.case, EVERYTHING, at(9)), allow_custom=False)
    notes = [one for one in whole.objects if one["type"] == "note"]
    assert len(notes) == 5
    assert [one.get("confidence") for one in notes][1] == 68
    assert [one.get("revoked", False) for one in notes] == [False] * 4 + [True]
    less = bundle(desk.case, Watcher("", None, "AMBER"), at(9))
    assert "TLP:RED" not in less
    assert less.count('"type": "note"') == 4
