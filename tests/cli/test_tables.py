"""Money and shares as a manager reads them."""

from __future__ import annotations

import pytest

from poise.cli.tables import money, percent, span


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (7.125, "7.12"), (999.6, "1 k"), (65_493, "65.5 k"), (999_600, "1 M"), (1_234_567, "1.23 M")],
)
def test_money_keeps_three_digits(value: float, text: str) -> None:
    """More digits than a range supports would be false precision."""
    assert money(value) == text


def test_a_range_shares_its_unit() -> None:
    """Both ends in one unit read at a glance; two units are both said."""
    assert span(52_214, 571_900) == "52-570 k"
    assert span(900, 12_000) == "900-12 k"


def test_a_share_that_means_nothing_is_a_dash() -> None:
    """A side that has nothing to gain has no share, which is not zero."""
    assert (percent(None), percent(0.8312), percent(-0.54)) == ("-", "83%", "-54%")
