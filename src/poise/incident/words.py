"""Likelihood, confidence and source grades in words, each with its number in the sentence.

The bands are those of ICD 203 (US Intelligence Community Directive 203, 2015, D.6.e.2). Neighbours share
their end points there; here a point belongs to the upper band. Number and word stand together in the sentence
because only that made readers agree on the meaning (Wintle et al. 2019, doi 10.1371/journal.pone.0213522);
likelihood and confidence never share a sentence, as the directive demands.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple


class Band(NamedTuple):
    """A range of probability [1] with its word, and the clause that introduces what is likely."""

    low: float
    high: float
    word: str
    clause: str


BANDS: Final = (
    Band(0.01, 0.05, "almost no chance", "There is almost no chance ({}) that"),
    Band(0.05, 0.20, "very unlikely", "It is very unlikely ({}) that"),
    Band(0.20, 0.45, "unlikely", "It is unlikely ({}) that"),
    Band(0.45, 0.55, "roughly even", "The chances are roughly even ({}) that"),
    Band(0.55, 0.80, "likely", "It is likely ({}) that"),
    Band(0.80, 0.95, "very likely", "It is very likely ({}) that"),
    Band(0.95, 0.99, "almost certain", "It is almost certain ({}) that"),
)
WORDS: Final = {band.word: band for band in BANDS}

Confidence = Literal["high", "moderate", "low"]
Reliability = Literal["A", "B", "C", "D", "E", "F"]
Credibility = Literal["1", "2", "3", "4", "5", "6"]

#: Admiralty code (STANAG 2511); F and 6 say that there is no basis, not that it is worst.
RELIABILITY: Final[dict[str, str]] = {
    "A": "completely reliable source",
    "B": "usually reliable source",
    "C": "fairly reliable source",
    "D": "source not usually reliable",
    "E": "unreliable source",
    "F": "reliability of the source cannot be judged",
}
CREDIBILITY: Final[dict[str, str]] = {
    "1": "confirmed by an independent source",
    "2": "probably true",
    "3": "possibly true",
    "4": "doubtful",
    "5": "improbable",
    "6": "truth cannot be judged",
}


def band_of(probability: float) -> Band:
    """Return the band of a probability in [0.01, 0.99]; a shared end point belongs to the upper one."""
    return next((band for band in reversed(BANDS) if probability >= band.low), BANDS[0])


def likelihood(low: float, high: float) -> str:
    """Return the clause for a range of probability, as "It is likely (55-80 %) that".

    Parameters
    ----------
    low, high
        Within [0.01, 0.99], ``low <= high``. A range that is no band is named by the bands of its ends.
    """
    numbers = f"{_percent(low)}-{_percent(high)} %" if low < high else f"{_percent(low)} %"
    first = band_of(low)
    # The upper end of a band is still this band's.
    last = next((band for band in BANDS if high <= band.high), BANDS[-1])
    if last.low <= first.low:
        return first.clause.format(numbers)
    return f"It is {first.word} to {last.word} ({numbers}) that"


def grade(reliability: str, credibility: str) -> str:
    """Return a source's grade in words with its code, as "usually reliable source, probably true (B2)"."""
    return f"{RELIABILITY[reliability]}, {CREDIBILITY[credibility]} ({reliability}{credibility})"


def _percent(share: float) -> str:
    return f"{share * 100:.3g}"
