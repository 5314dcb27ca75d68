"""Steps, pace and hidden acceptance."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poise.bargain.rounds import Offer, Party, concession_rate, due, kind_of_step, matched, other

shares = st.integers(-10, 10).map(lambda tenth: tenth / 10)


def offer(party: Party, own: float, others: float, content: str = "") -> Offer:
    mine = {party: own, other(party): others}
    return Offer(party, mine["operations"], mine["security"], content)


@pytest.mark.parametrize(
    ("own", "others", "kind"),
    [
        (0.0, 0.0, "silent"),
        (0.0, 0.2, "nice"),
        (0.0, -0.2, "unfortunate"),
        (0.2, 0.2, "fortunate"),
        (0.2, 0.0, "selfish"),
        (0.2, -0.2, "selfish"),
        (-0.2, 0.2, "concession"),
        (-0.2, 0.0, "unfortunate"),
        (-0.2, -0.2, "unfortunate"),
    ],
)
@pytest.mark.parametrize("party", ["operations", "security"])
def test_every_step_has_one_kind(party: Party, own: float, others: float, kind: str) -> None:
    """The nine signs of two changes, from either side."""
    assert kind_of_step(offer(party, 0.5, 0.5), offer(party, 0.5 + own, 0.5 + others)) == kind


@given(shares, shares, shares, shares)
def test_a_step_looks_alike_from_both_sides(a: float, b: float, c: float, d: float) -> None:
    """Neither party's steps are named by another measure."""
    kinds = {kind_of_step(offer(party, a, b), offer(party, c, d)) for party in ("operations", "security")}
    assert len(kinds) == 1


def test_concessions_are_counted_from_the_same_default() -> None:
    """From 0.8 to 0.6 of the own best is a quarter given up."""
    offers = [offer("security", 0.8, 0.1), offer("operations", 0.9, 0.2), offer("security", 0.6, 0.3)]
    assert concession_rate(offers, "security") == pytest.approx(0.25)
    assert concession_rate(offers, "operations") is None


def test_who_made_fewer_different_proposals_is_due() -> None:
    """Saying the same again is no new proposal."""
    offers = [offer("security", 0.8, 0.1, "a"), offer("operations", 0.9, 0.2, "b")]
    assert due(offers) is None
    assert due([*offers, offer("security", 0.7, 0.2, "c")]) == "operations"
    assert due([*offers, offer("security", 0.8, 0.1, "a")]) is None


def test_only_matches_are_revealed() -> None:
    """Whoever alone accepts has shown nothing; a later answer replaces an earlier one."""
    answers = [
        ("operations", "p1", "accept"),
        ("security", "p1", "no"),
        ("operations", "p2", "accept"),
        ("security", "p2", "accept-if"),
        ("security", "p3", "accept"),
        ("operations", "p3", "accept"),
    ]
    assert matched(answers) == ("p3",)  # type: ignore[arg-type]
    assert matched([*answers, ("security", "p1", "accept")]) == ("p1", "p3")  # type: ignore[list-item]
