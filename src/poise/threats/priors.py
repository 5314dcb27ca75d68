"""What to expect of a vulnerability without an EPSS score: the scores of others of its age.

FIRST scores every published CVE, usually within a day or two. What has no score is new,
rejected, or no CVE at all. Such a vulnerability is not harmless: it counts with the mean score
of the vulnerabilities of its age, because exposure is a sum, and only means add up without
bias. The median and the 90th percentile show how skewed the scores are.

The table ``epss_priors.csv`` is made from days of EPSS version 4 and publication dates of CVE
records by::

    python -m poise.threats.priors --epss epss_monthly.parquet --published cve.parquet --out OUT
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as parquet

from poise.threats.history import epss_history
from poise.threats.table import day_of

#: Upper ends of the age classes [days since publication]; the last has none.
AGE_CLASSES_DAYS = (7, 30, 90, 365, 3 * 365, 10 * 365)
_COLUMNS = ("from_days", "to_days", "scores", "median", "mean", "p90")


@dataclass(frozen=True, slots=True)
class EpssPrior:
    """The scores of one age class.

    Parameters
    ----------
    from_days, to_days
        Age since publication [days], from (inclusive) and to (exclusive); None: no end.
    scores
        How many scores the figures rest on.
    median, mean, p90
        EPSS probability of exploitation activity within 30 days [0, 1].
    """

    from_days: int
    to_days: int | None
    scores: int
    median: float
    mean: float
    p90: float

    @property
    def source(self) -> str:
        """Where the figures come from, as a figure that rests on them names it."""
        if self.from_days == 0 and self.to_days is None:
            ages = "of any age"
        elif self.to_days is None:
            ages = f"published {self.from_days} days ago or more"
        else:
            ages = f"published {self.from_days} to {self.to_days} days ago"
        return f"assumed: mean EPSS of CVEs {ages} ({self.scores} scores of 2025)"


def epss_prior(published: date | None, as_of: date) -> EpssPrior:
    """Return what to expect of a vulnerability that has no EPSS score.

    Parameters
    ----------
    published
        When it was published; None, or a day after `as_of`: the class of all ages.
    as_of
        The day for which a score is missing.

    Returns
    -------
    EpssPrior
        Its ``mean`` stands in for the score; it is above 0.
    """
    every_age, *classes = _table()
    if published is None or published > as_of:
        return every_age
    age_days = (as_of - published).days
    return next(row for row in classes if row.to_days is None or age_days < row.to_days)


@cache
def _table() -> tuple[EpssPrior, ...]:
    text = resources.files("poise.threats").joinpath("epss_priors.csv").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return tuple(
        EpssPrior(
            int(row["from_days"]),
            int(row["to_days"]) if row["to_days"] else None,
            int(row["scores"]),
            float(row["median"]),
            float(row["mean"]),
            float(row["p90"]),
        )
        for row in csv.DictReader(lines)
    )


def measure(epss: Path, published: dict[str, date], first: date, last: date) -> list[EpssPrior]:
    """Return the class of all ages and then each age class, over all days from `first` to `last`."""
    ids = pa.array(published, pa.string())
    born = np.array(list(published.values()), "datetime64[D]")
    ages: list[np.ndarray[tuple[int], np.dtype[np.int64]]] = []
    scores: list[np.ndarray[tuple[int], np.dtype[np.float64]]] = []
    for day in epss_history(epss, first, last):
        places = pc.index_in(day.table["cve"].combine_chunks(), value_set=ids)
        known = np.asarray(places.is_valid())
        age = (np.datetime64(day.date) - born[np.asarray(places.drop_null())]).astype(np.int64)
        ages.append(age)
        scores.append(np.asarray(day.table["epss"])[known])
    age_days, score = np.concatenate(ages), np.concatenate(scores)
    edges = [0, *AGE_CLASSES_DAYS]
    spans = [(0, None), *zip(edges, [*AGE_CLASSES_DAYS, None], strict=True)]
    return [_class(start, end, age_days, score) for start, end in spans]


def _class(
    start: int,
    end: int | None,
    age_days: np.ndarray[tuple[int], np.dtype[np.int64]],
    score: np.ndarray[tuple[int], np.dtype[np.float64]],
) -> EpssPrior:
    within = score[(age_days >= start) & (age_days < (end if end is not None else np.inf))]
    median, p90 = np.quantile(within, [0.5, 0.9])
    return EpssPrior(start, end, len(within), float(median), float(within.mean()), float(p90))


def published_dates(files: Iterable[Path]) -> dict[str, date]:
    """Return the publication dates that tables with columns ``cve`` and ``published`` hold."""
    dates: dict[str, date] = {}
    for path in files:
        table = parquet.read_table(path, columns=["cve", "published"]).to_pydict()
        for cve, text in zip(table["cve"], table["published"], strict=True):
            day = day_of(text)
            if day is not None:
                dates.setdefault(cve, day)
    return dates


def main() -> int:
    """Measure the table and write it."""
    parser = argparse.ArgumentParser(prog="python -m poise.threats.priors", description=__doc__)
    parser.add_argument("--epss", type=Path, required=True, help="EPSS by day, Parquet")
    parser.add_argument("--published", type=Path, nargs="+", required=True, help="CVE dates, Parquet")
    parser.add_argument("--first", type=date.fromisoformat, default=date(2025, 4, 1))
    parser.add_argument("--last", type=date.fromisoformat, default=date(2025, 12, 31))
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    dates = published_dates(arguments.published)
    rows = measure(arguments.epss, dates, arguments.first, arguments.last)
    with arguments.out.open("w", encoding="utf-8", newline="") as stream:
        stream.write(f"# EPSS by age, {arguments.first} to {arguments.last}; first row: all ages\n")
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(_COLUMNS)
        for row in rows:
            figures = [f"{figure:.5f}" for figure in (row.median, row.mean, row.p90)]
            to_days = "" if row.to_days is None else row.to_days
            writer.writerow([row.from_days, to_days, row.scores, *figures])
    return 0


if __name__ == "__main__":
    sys.exit(main())
