"""People's own ranges and judgements: kept as said, scored for the pair, silent while they are few."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from poise.errors import InputError
from poise.evidence.calibration import ENOUGH
from poise.evidence.stated import RESOLVED, STATED, StatedRange, fold, pair_record, stated, told

GOOD = {
    "id": "1",
    "what": "minutes down",
    "unit": "min",
    "low": "10",
    "high": "40.5",
    "resolves_by": "2026-03-12",
}


def test_what_is_stated_comes_back_from_the_ledger() -> None:
    """Numbers are kept as text without loss; the last word on an outcome counts."""
    one = stated(GOOD)
    assert (one.low, one.high, one.resolves_by) == (10.0, 40.5, date(2026, 3, 12))
    assert stated(told(one)) == one
    records = [
        (STATED, told(one)),
        (RESOLVED, {"id": "1", "outcome": "9", "source": "monitoring"}),
        (RESOLVED, {"id": "1", "outcome": "40.5", "source": "monitoring, corrected"}),
        (RESOLVED, {"id": "never stated", "outcome": "1", "source": "x"}),
    ]
    (found,) = fold(records).values()
    assert (found.outcome, found.source, found.is_inside) == (40.5, "monitoring, corrected", True)
    assert one.is_inside is None


@pytest.mark.parametrize(
    "change",
    [
        {"low": "40.5"},
        {"low": "inf"},
        {"low": "nan"},
        {"high": ""},
        {"high": "1e400"},
        {"what": " "},
        {"what": "x" * 201},
        {"unit": "u" * 21},
        {"resolves_by": "soon"},
    ],
)
def test_what_is_no_range_is_told(change: dict[str, str]) -> None:
    """A range without two growing numbers, a subject and a day could never be held against anything."""
    with pytest.raises(InputError, match="E586"):
        stated(GOOD | change)


def test_few_statements_say_nothing_and_many_do() -> None:
    """Below twenty there is no rate and no diagram; from twenty on both, for the pair as a whole."""
    one = StatedRange("1", "x", "", 0.0, 1.0, date(2026, 1, 1), outcome=2.0)
    few = pair_record([(0.5, True)] * (ENOUGH - 1), [one] * (ENOUGH - 1))
    assert few.reliability is None
    assert few.ranges.coverage is None
    assert "too few" in few.ranges.advice
    many = pair_record([(0.5, True), (0.9, False)] * (ENOUGH // 2), [one] * ENOUGH)
    assert many.reliability is not None
    assert "came true, as the two sides resolved it" in many.reliability.title
    assert many.ranges.coverage == 0
    assert "Widen" in many.ranges.advice
    open_range = StatedRange("2", "x", "", 0.0, 1.0, date(2026, 1, 1))
    assert pair_record([], [open_range]).ranges.resolved == 0


def test_honest_words_lie_on_the_diagonal() -> None:
    """Judgements that come true as often as stated have next to no miscalibration."""
    rng = np.random.default_rng(1)
    chances = rng.choice([0.1, 0.3, 0.7, 0.9], 4000)
    found = pair_record([(float(one), bool(rng.random() < one)) for one in chances], [])
    assert found.reliability is not None
    assert found.reliability.miscalibration < 0.002
    assert found.reliability.discrimination > 0.05
