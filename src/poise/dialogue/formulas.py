"""The signals by name: what each counts, by which formula, and from how many cases on.

They are published here and in docs/signals.md; a test holds the two together. None of them is added up with
another: there is no score.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

#: A period: what is counted together, and the length of the pair's own past periods [13 weeks].
PERIOD: Final = timedelta(days=91)
#: Periods that are kept: signals age out after a year, decisions stay.
PERIODS: Final = 4
#: From how many cases on a share is shown beside the counts: below it one case moves it by over ten points.
SHARE_FROM: Final = 10


@dataclass(frozen=True)
class Formula:
    """How a signal is made.

    Parameters
    ----------
    name
        What people read.
    formula
        In words that can be recomputed by hand.
    minimum
        Cases below which nothing is said but what is missing.
    cases
        What these cases are.
    """

    name: str
    formula: str
    minimum: int
    cases: str


SIGNALS: Final[dict[str, Formula]] = {
    "promises": Formula(
        "Promises kept",
        "promises kept by the time that counts, of those whose time fell in the period; a time moved before "
        "it passed counts, one moved afterwards does not; median hours late of those kept late, from three "
        "on",
        3,
        "promises due",
    ),
    "calibration": Formula(
        "Calibration",
        "over a year, judgements that came true of those resolved, by band of the middle of the range "
        "stated; corrections found by the side that was wrong, of all",
        20,
        "judgements resolved",
    ),
    "unanswered": Formula(
        "Unanswered requests",
        "decision requests open at the end of the period, by days since they were asked: up to 7, 8 to 30, "
        "over 30",
        1,
        "requests open or asked",
    ),
    "overrides": Formula(
        "Overrides",
        "decisions made in the period against the other side's recorded recommendation, of those that had "
        "one, in each direction; and how many of them say why",
        3,
        "decisions with a recommendation",
    ),
    "agreement-time": Formula(
        "Time to agreement",
        "median days from raised, or last re-opened, to settled or decided, of disagreements that ended in "
        "the period",
        3,
        "disagreements ended",
    ),
    "oldest-open": Formula(
        "Oldest open",
        "days since the oldest disagreement that is open at the end of the period was raised",
        1,
        "disagreements open",
    ),
    "reopened": Formula(
        "Re-openings",
        "disagreements and agreements re-opened in the period, beside how many ended or were signed in it",
        3,
        "ended or signed",
    ),
    "exceptions": Formula(
        "Exceptions",
        "at the end of the period, exceptions past their end without a review, and those renewed twice or "
        "more, of all open ones: those noted here, of agreements, and of the delivery gate",
        1,
        "exceptions open",
    ),
    "escalations": Formula(
        "Escalations",
        "pages that went up in the period: joint (both signed), one-sided after a notice here, and surprise "
        "(no notice)",
        1,
        "escalations",
    ),
    "concessions": Formula(
        "Concession balance",
        "over a year, of settled disagreements whose importance both sides gave with their first position: "
        "for each side the sum of importance times (1 - what it got), divided by its sum of importance",
        10,
        "settlements with importance given beforehand",
    ),
    "options": Formula(
        "Options offered",
        "decision requests of the period that offer two options or more, of all asked in it",
        3,
        "requests asked",
    ),
    "coverage": Formula(
        "Goal coverage",
        "disagreements open at some time of the period that name a goal which both endorse, of all of those",
        1,
        "disagreements contested",
    ),
    "silence": Formula(
        "Silence",
        "disagreements raised in the period, beside the median of the periods before; and exceptions noted "
        "or renewed plus overrides, in both",
        4,
        "disagreements raised in the periods before",
    ),
}

#: Bands of likelihood [ICD 203]: upper ends.
BANDS: Final = (0.05, 0.20, 0.45, 0.55, 0.80, 0.95, 1.0)
