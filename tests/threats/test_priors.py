"""What stands in for a missing EPSS score."""

from __future__ import annotations

from datetime import date, timedelta
from importlib import resources

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poise.threats.priors import AGE_CLASSES_DAYS, epss_prior, measure, published_dates

DAY = date(2026, 1, 5)


@given(st.one_of(st.none(), st.dates()), st.dates())
def test_a_prior_is_never_zero(published, as_of):
    """No score means unknown, and unknown is not harmless."""
    prior = epss_prior(published, as_of)
    assert 0 < prior.median <= prior.mean < 1
    assert prior.scores > 1000
    assert prior.source.startswith("assumed: mean EPSS of CVEs")


@pytest.mark.parametrize(
    ("age_days", "span"), [(0, (0, 7)), (6, (0, 7)), (7, (7, 30)), (10**4, (3650, None))]
)
def test_the_age_picks_the_class(age_days, span):
    """A class holds its first day and not its last."""
    prior = epss_prior(DAY - timedelta(days=age_days), DAY)
    assert (prior.from_days, prior.to_days) == span


def test_without_a_date_all_ages_count():
    """Neither an unknown date nor one that lies ahead says an age."""
    assert epss_prior(None, DAY) == epss_prior(DAY + timedelta(days=1), DAY)
    assert "of any age" in epss_prior(None, DAY).source


def test_the_mean_grows_with_age():
    """What the table shows, and why a new vulnerability must not get the mean of all."""
    means = [epss_prior(DAY - timedelta(days=age), DAY).mean for age in (0, *AGE_CLASSES_DAYS)]
    assert means == sorted(means)


def test_the_figures_are_of_the_days_and_ages_given(tmp_path):
    """A table that is made wrong is a wrong prior everywhere."""
    days = {
        "cve": ["CVE-2024-0001", "CVE-2024-0002", "CVE-2024-0003"],
        "2025-05-08": [100, 300, 900],
        "2025-05-09": [100, None, 900],
    }
    parquet.write_table(pa.table(days), tmp_path / "epss.parquet")
    born = {"CVE-2024-0001": date(2025, 5, 2), "CVE-2024-0002": date(2025, 5, 8)} | {
        f"CVE-2024-00{number}": date(2000 + number, 1, 1) for number in range(10, 20)
    }
    old = {f"CVE-2024-00{number}": 1000 for number in range(10, 20)}
    # Each class needs a score: one vulnerability for each age.
    ages = {
        f"CVE-2024-{1000 + place}": date(2025, 5, 8) - timedelta(days=age)
        for place, age in enumerate((8, 40, 100, 400, 2000, 9000))
    }
    table = {"cve": [*days["cve"], *old, *ages]}
    more = len(old) + len(ages)
    table["2025-05-08"] = days["2025-05-08"] + [1000] * more
    table["2025-05-09"] = days["2025-05-09"] + [1000] * more
    parquet.write_table(pa.table(table), tmp_path / "epss.parquet")
    rows = measure(tmp_path / "epss.parquet", born | ages, date(2025, 5, 8), date(2025, 5, 9))
    youngest = rows[1]
    assert (youngest.from_days, youngest.to_days, youngest.scores) == (0, 7, 2), (
        "CVE-2024-0001 is 7 days old on 9 May"
    )
    assert (youngest.mean, youngest.median) == pytest.approx((0.002, 0.002))
    assert rows[0].scores == sum(row.scores for row in rows[1:])


def test_the_table_is_what_the_command_makes(intel):
    """The table in the package can be made again from the feeds, figure by figure."""
    dates = published_dates(
        [
            intel / "vulnrichment_cve_asof_2024-10-24.parquet",
            intel / "cve_cpe_published_to_2025-12-31.parquet",
        ]
    )
    rows = measure(
        intel / "epss_monthly_2024-03_2025-12.parquet", dates, date(2025, 4, 1), date(2025, 12, 31)
    )
    text = resources.files("poise.threats").joinpath("epss_priors.csv").read_text(encoding="utf-8")
    stored = [line.split(",") for line in text.splitlines()[2:]]
    assert [[f"{row.median:.5f}", f"{row.mean:.5f}", f"{row.p90:.5f}"] for row in rows] == [
        line[3:] for line in stored
    ]
    assert [row.scores for row in rows] == [int(line[2]) for line in stored]
