"""The table at its edges: names, times and orders that nobody meant, and that break nothing."""

from __future__ import annotations

import html

import pytest

from desk.test_negotiation import FREEZE, Two, post, seal_both, text
from desk.test_negotiation import two as two
from poise.desk import convert
from poise.desk.actions import Actor
from poise.desk.models import Job

pytestmark = pytest.mark.usefixtures("committed")


@pytest.mark.parametrize(
    "until", ["0001-01-01", "0001-01-01T00:00+14:00", "9999-12-31T23:59-12:00", "9999-12-31T23:59"]
)
def test_a_time_at_the_end_of_the_calendar_is_refused(until: str, two: Two) -> None:
    """It has no equal in other zones, so that who compares or shows it fails."""
    answer = two.cio.get("/ledger", {"until": until})
    assert answer.status_code == 400
    assert "1900 to 2999" in answer.content.decode()
    frozen = {**FREEZE, "start": "0001-01-01T00:00+14:00"}
    assert two.cio.post("/table/limits", frozen).status_code == 400
    assert "Table of" in text(two.cio, "/table")


def test_a_digit_that_is_no_number_names_no_record(two: Two) -> None:
    """Python calls a superscript a digit and cannot read it."""
    assert two.cio.get("/ledger/²").status_code == 400


def test_a_limit_may_have_the_name_of_a_form(two: Two) -> None:
    """The form of a new limit stands where no limit can: else one called new could not be dropped."""
    post(two.cio, "/table/limits", {**FREEZE, "id": "new"})
    assert "No change on" in text(two.cio, "/table/limits/new")


def test_a_limit_that_is_over_is_refused_before_positions_open_too(two: Two) -> None:
    """Else it comes to light only when the whole position is sealed."""
    answer = two.cio.post("/table/limits", {**FREEZE, "until": "2020-01-01"})
    assert answer.status_code == 400
    assert "which is past" in html.unescape(answer.content.decode())


def test_two_sides_that_name_a_limit_alike_are_not_stuck(two: Two) -> None:
    """Neither could know; who seals second reads what to do, and does it."""
    post(two.cio, "/table/limits", FREEZE)
    post(two.cio, "/table/seal")
    post(two.ciso, "/table/limits", FREEZE)
    refused = two.ciso.post("/table/seal")
    assert refused.status_code == 400
    assert "post it under another short name" in refused.content.decode()
    post(two.ciso, "/table/limits/quarter-end/drop")
    post(two.ciso, "/table/limits", {**FREEZE, "id": "ours"})
    post(two.ciso, "/table/seal")
    at = convert.session(Actor.desk().now)
    assert {limit.id for limit in at.limits} == {"quarter-end", "ours"}


def test_a_computation_that_has_nothing_to_compute_is_refused(two: Two) -> None:
    """A job that can only fail tells nobody anything; whoever asks reads at once what is missing."""
    seal_both(two)
    before = Job.objects.count()
    assert two.cio.post("/table/compute/why").status_code == 400
    assert two.cio.post("/plan/ask", {"change": "none", "before": "2027-01-01"}).status_code == 400
    replan = two.cio.post("/table/compute/replan")
    assert replan.status_code == 400
    assert "No agreement is re-opened" in replan.content.decode()
    assert Job.objects.count() == before


def test_a_proposal_that_is_sent_twice_is_one(two: Two) -> None:
    """The second would stand as a silent step of a side that only pressed twice."""
    seal_both(two)
    post(two.ciso, "/table/propose", {"plan": "default"})
    assert two.ciso.post("/table/propose", {"plan": "default"}).status_code == 409
    assert len(convert.session(Actor.desk().now).negotiation.proposals) == 1
    post(two.cio, "/table/propose", {"plan": "default"})


def test_what_both_accepted_is_not_taken_back_by_an_old_form(two: Two) -> None:
    """Noted would be a lie: the match stands, and who does not want it any more leaves it unsigned."""
    seal_both(two)
    post(two.ciso, "/table/propose", {"plan": "default"})
    for client in (two.cio, two.ciso):
        post(client, "/table/proposals/1", {"answer": "accept"})
    late = two.cio.post("/table/proposals/1", {"answer": "no"})
    assert late.status_code == 400
    assert "leave it unsigned" in late.content.decode()
    post(two.cio, "/table/proposals/1", {"answer": "accept"})
    assert convert.session(Actor.desk().now).negotiation.matched == (1,)


@pytest.mark.parametrize("review", ["2020-01-01", "0001-01-01", "9999-12-31"])
def test_an_agreement_is_not_reviewed_in_the_past(review: str, two: Two) -> None:
    """Such a draft could only be signed as it is, and its residual risks would have ended before it began."""
    seal_both(two)
    post(two.ciso, "/table/propose", {"plan": "default"})
    for client in (two.cio, two.ciso):
        post(client, "/table/proposals/1", {"answer": "accept"})
    assert two.cio.post("/agreements/compose/1", {"review": review}).status_code == 400
    post(two.cio, "/agreements/compose/1", {"review": "2030-01-01"})


def test_the_form_of_the_other_side_s_limit_is_not_shown(two: Two) -> None:
    """Whoever filled it in would learn only afterwards that it is not theirs to change."""
    seal_both(two)
    assert two.cio.get("/table/limits/quarter-end/change").status_code == 200
    refused = two.ciso.get("/table/limits/quarter-end/change")
    assert refused.status_code == 403
    assert "is a limit of operations" in refused.content.decode()


def test_a_call_that_there_is_not_is_told_as_programs_read(two: Two) -> None:
    """A page is nothing that a program can read."""
    answer = two.cio.get("/api/nothing")
    assert (answer.status_code, answer.json()["faults"][0]["id"]) == (404, "E878")
