"""Ids, dates, severities and evidence come to one spelling, and nothing is guessed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poise.scans.identifiers import EVIDENCE_CHARACTERS, parse_when, split_ids, trim_evidence
from poise.scans.severity import SEVERITY_WORDS, parse_severity


@pytest.mark.parametrize(
    ("texts", "cves", "aliases"),
    [
        ("CVE-2021-44228", ("CVE-2021-44228",), ()),
        (" cve-2021-44228 , CVE-2021-45046", ("CVE-2021-44228", "CVE-2021-45046"), ()),
        (["CVE-2021-44228", "CVE-2021-44228"], ("CVE-2021-44228",), ()),
        ("CVE\u20132021\u201344228;MS15-034", ("CVE-2021-44228",), ("MS15-034",)),
        ("['CVE-2021-1234', 'CVE-2021-1235']", ("CVE-2021-1234", "CVE-2021-1235"), ()),
        ("CAN-2001-0010", ("CVE-2001-0010",), ()),
        ("GHSA-JFH8-C2JP-5V3Q", (), ("GHSA-jfh8-c2jp-5v3q",)),
        ("RHSA-2021:1234 RHSA-2021:1235", (), ("RHSA-2021:1234", "RHSA-2021:1235")),
        ("DSA 5000-1", (), ("DSA 5000-1",)),
        ("CVE-2021-XXXX", (), ("CVE-2021-XXXX",)),
        ("CVE-2021-12", (), ("CVE-2021-12",)),
        (["N/A", "-", "", " none "], (), ()),
    ],
)
def test_ids_are_sorted_into_cves_and_aliases(
    texts: str | list[str], cves: tuple[str, ...], aliases: tuple[str, ...]
) -> None:
    """Every scanner lists ids its own way; a plan joins on one spelling."""
    assert split_ids(texts) == (cves, aliases)


@given(st.lists(st.text(max_size=60), max_size=4))
def test_no_text_breaks_the_ids_and_every_cve_is_one(texts: list[str]) -> None:
    """Ids come from files that nobody has seen; a CVE id that is none would match no evidence."""
    cves, aliases = split_ids(texts)
    assert split_ids(cves) == (cves, ())
    assert all(alias.strip() for alias in aliases)
    assert len(set(cves)) == len(cves)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2021-01-05T10:24:08.123456789Z", datetime(2021, 1, 5, 10, 24, 8, 123456, tzinfo=UTC)),
        ("2021-01-05T10:24:08+02:00", datetime(2021, 1, 5, 8, 24, 8, tzinfo=UTC)),
        ("2021-01-05T10:24:08+0200", datetime(2021, 1, 5, 8, 24, 8, tzinfo=UTC)),
        ("2021-01-05 10:24:08", datetime(2021, 1, 5, 10, 24, 8, tzinfo=UTC)),
        ("2021-01-05 10:24:08 UTC", datetime(2021, 1, 5, 10, 24, 8, tzinfo=UTC)),
        ("2021-01-05 10:24:08.5 +0100 CET", None),
        ("2021-01-05 10:24:08.5 +0000 UTC", datetime(2021, 1, 5, 10, 24, 8, tzinfo=UTC)),
        ("2021-01-05", datetime(2021, 1, 5, tzinfo=UTC)),
        ("1610000000", datetime(2021, 1, 7, 6, 13, 20, tzinfo=UTC)),
        (1610000000000, datetime(2021, 1, 7, 6, 13, 20, tzinfo=UTC)),
        ("Jan 5, 2021 10:24:08 MST", datetime(2021, 1, 5, 17, 24, 8, tzinfo=UTC)),
        ("Tue Jan  5 10:24:08 2021", datetime(2021, 1, 5, 10, 24, 8, tzinfo=UTC)),
        ("Tue, 05 Jan 2021 10:24:08 +0100", datetime(2021, 1, 5, 9, 24, 8, tzinfo=UTC)),
        ("January 5, 2021 at 3:00 PM", datetime(2021, 1, 5, 15, 0, tzinfo=UTC)),
        ("05-Jan-2021", datetime(2021, 1, 5, tzinfo=UTC)),
        ("2021/09/22 10:11", datetime(2021, 9, 22, 10, 11, tzinfo=UTC)),
        ("09/22/2021", datetime(2021, 9, 22, tzinfo=UTC)),
        ("22.09.2021", datetime(2021, 9, 22, tzinfo=UTC)),
        ("09/08/2021", None),
        ("Jan 15, 2021 10:24:08 IST", None),
        ("0001-01-01T00:00:00Z", None),
        ("0", None),
        (0, None),
        ("31/31/2021", None),
        ("Jan 32, 2021", None),
        ("May 2021", None),
        ("2021", None),
        ("13:00 PM Jan 5 2021", None),
        (float("nan"), None),
        (10**400, None),
        (True, None),
        (None, None),
        ("", None),
    ],
)
def test_dates_are_read_when_they_are_certain(text: str | float | None, expected: datetime | None) -> None:
    """Ages of findings decide deadlines, so a date is read exactly or not at all."""
    found = parse_when(text)
    assert found == expected


def test_the_order_that_a_format_documents_decides_dates_in_digits() -> None:
    """09/08/2021 is two dates; only the format's own documentation may choose."""
    assert parse_when("09/08/2021", "mdy") == datetime(2021, 9, 8, tzinfo=UTC)
    assert parse_when("09/08/2021", "dmy") == datetime(2021, 8, 9, tzinfo=UTC)
    assert parse_when("22/08/2021", "mdy") is None


@given(
    st.integers(631_300_000_000_000, 7_258_000_000_000_000),
    st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes))),
)
def test_every_iso_date_comes_back(microseconds: int, zone: timezone) -> None:
    """ISO 8601 is what most scanners write."""
    when = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)).astimezone(zone)
    assert parse_when(when.isoformat()) == when


@given(st.one_of(st.text(max_size=100), st.floats(), st.integers()))
def test_no_date_breaks_the_reader(text: str | float) -> None:
    """A date field may hold anything; the answer has a zone or is unknown."""
    found = parse_when(text)
    assert found is None or found.tzinfo is not None


def test_unknown_severities_stay_unknown() -> None:
    """An unrated finding that is called harmless would be patched last without a reason."""
    for text in ("", "UNKNOWN", "Untriaged", "n/a", "3", "9.8", "hgih", "unassigned"):
        assert parse_severity(text) is None, text


def test_known_severities_do_not_depend_on_case_or_blanks() -> None:
    """Scanners disagree on case only."""
    for word, step in SEVERITY_WORDS.items():
        assert parse_severity(f" {word.upper()}\n") == step


@given(st.text(max_size=12_000))
def test_evidence_is_cut_with_a_mark(text: str) -> None:
    """A scanner's output may be megabytes; what was cut must be said."""
    kept = trim_evidence(text)
    assert len(kept) <= EVIDENCE_CHARACTERS
    assert kept == text.strip() or kept.endswith("characters cut]")
