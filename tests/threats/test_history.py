"""Past days from tables that hold many."""

from __future__ import annotations

from datetime import date

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from poise.errors import ThreatFeedError
from poise.threats.history import epss_history, model_of


@pytest.fixture
def days(tmp_path):
    """Return a table of two days; one vulnerability is scored on the second only."""
    path = tmp_path / "days.parquet"
    ids = ["CVE-2024-0002", "CVE-2024-0001"]
    columns = {"cve": ids, "2025-03-16": [None, 43], "2025-03-17": [50_000, 44]}
    parquet.write_table(pa.table(columns), path)
    return path


def test_each_day_is_a_feed_of_its_own(days):
    """A replay asks day by day; what was not scored yet is not in that day's feed."""
    first, second = epss_history(days)
    assert (first.date, first.version) == (date(2025, 3, 16), "v2023.03.01")
    assert first.table.to_pylist() == [{"cve": "CVE-2024-0001", "epss": 0.00043, "percentile": None}]
    assert (second.version, second.table["epss"].to_pylist()) == ("v2025.03.14", [0.00044, 0.5])


def test_only_the_days_asked_for_are_read(days):
    """A hundred days of 300,000 scores do not fit where one does."""
    assert [feed.date.day for feed in epss_history(days, first=date(2025, 3, 17))] == [17]
    assert [feed.date.day for feed in epss_history(days, last=date(2025, 3, 16))] == [16]


@pytest.mark.parametrize("content", [b"", b"cve,2025-03-16\n"])
def test_another_file_is_refused(tmp_path, content):
    """A CSV is no Parquet table."""
    path = tmp_path / "days.parquet"
    path.write_bytes(content)
    with pytest.raises(ThreatFeedError, match="E201"):
        list(epss_history(path))


def test_a_table_without_days_is_refused(tmp_path):
    """Columns that are no days are not scores."""
    parquet.write_table(pa.table({"cve": ["CVE-2024-0001"], "score": [1]}), tmp_path / "other.parquet")
    with pytest.raises(ThreatFeedError, match="E201"):
        list(epss_history(tmp_path / "other.parquet"))
    with pytest.raises(ThreatFeedError, match="E200"):
        list(epss_history(tmp_path / "none.parquet"))


def test_models_change_on_their_days():
    """Scores of two models do not compare; the day tells which it is."""
    assert model_of(date(2025, 12, 28)) == "v2025.03.14"
    assert model_of(date(2025, 3, 16)) == "v2023.03.01"
    assert model_of(date(2021, 5, 1)) == ""


def test_a_real_day_of_the_table_is_the_published_day(intel):
    """The table was made from the daily files; a day taken out of it must be that file."""
    from poise.threats.epss import read_epss

    published = read_epss(intel / "epss_scores-2025-12-28.csv.gz").table.to_pydict()
    scores = dict(zip(published["cve"], published["epss"], strict=True))
    (day,) = epss_history(
        intel / "epss_weekly_kev_and_sample_to_2025-12.parquet", date(2025, 12, 28), date(2025, 12, 28)
    )
    rows = day.table.to_pylist()
    assert len(rows) > 9000
    assert all(row["epss"] == scores[row["cve"]] for row in rows)
