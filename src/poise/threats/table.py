"""What a feed of threat evidence holds once it is read: a table with a date, and its faults."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Literal

import pyarrow as pa

from poise.errors import Fault, ThreatFeedError

Feed = Literal["kev", "epss", "ssvc"]

#: Every feed, in the order in which they are updated and listed.
FEEDS: tuple[Feed, ...] = ("kev", "epss", "ssvc")
#: What each feed is called where a figure names its source.
FEED_NAMES: dict[Feed, str] = {"kev": "CISA KEV", "epss": "FIRST EPSS", "ssvc": "CISA Vulnrichment"}

SCHEMAS: dict[Feed, pa.Schema] = {
    "kev": pa.schema(
        [
            ("cve", pa.string()),
            ("added", pa.date32()),
            ("due", pa.date32()),
            ("ransomware", pa.bool_()),
            ("vendor", pa.string()),
            ("product", pa.string()),
        ]
    ),
    "epss": pa.schema([("cve", pa.string()), ("epss", pa.float64()), ("percentile", pa.float64())]),
    "ssvc": pa.schema(
        [
            ("cve", pa.string()),
            ("judged", pa.date32()),
            ("exploitation", pa.string()),
            ("automatable", pa.bool_()),
            ("technical_impact", pa.string()),
            ("published", pa.date32()),
            ("cvss_vector", pa.string()),
        ]
    ),
}

#: A CVE id; the number has four digits or more (CVE Program, "CVE ID Syntax Change", 2014).
CVE_ID = re.compile(r"CVE-\d{4}-\d{4,19}")

#: Share of faulty rows [%] above which a feed counts as damaged as a whole.
FAULTY_ROWS_PERCENT = 1.0
#: A handful of faulty rows never condemns a feed, however short it is.
FAULTY_ROWS_ALWAYS_ALLOWED = 3


@dataclass(frozen=True, slots=True)
class FeedTable:
    """One dated state of one feed.

    Parameters
    ----------
    feed
        Which feed.
    date
        The day that the feed states as its own: EPSS score date, KEV release, newest SSVC record.
    version
        EPSS model version or KEV catalogue version as the feed writes it; empty when it says none.
    table
        The good rows, with the columns of :data:`SCHEMAS`.
    faults
        The rows left out, each with its place and what is wrong with it.
    """

    feed: Feed
    date: date
    version: str
    table: pa.Table
    faults: tuple[Fault, ...] = ()

    @property
    def label(self) -> str:
        """Feed, date and version as a figure names its source."""
        version = f", {self.version}" if self.version else ""
        return f"{FEED_NAMES[self.feed]} {self.date}{version}"


def checked(feed: FeedTable, where: str) -> FeedTable:
    """Return `feed`, unless so much of it is faulty that the whole cannot be trusted.

    Raises
    ------
    ThreatFeedError
        When no good row is left (E212), or more than :data:`FAULTY_ROWS_PERCENT` of the rows
        are faulty (E209); in both cases with the faults of the rows.
    """
    good, bad = feed.table.num_rows, len(feed.faults)
    if good == 0:
        empty = Fault("E212", where, f"holds no usable row ({bad} faulty); expected at least one.")
        raise ThreatFeedError([empty, *feed.faults])
    if bad > FAULTY_ROWS_ALWAYS_ALLOWED and 100 * bad > FAULTY_ROWS_PERCENT * (good + bad):
        many = Fault(
            "E209",
            where,
            f"{bad} of {good + bad} rows are faulty; more than {FAULTY_ROWS_PERCENT:g} % means that "
            "the feed is damaged.",
            "Fetch the feed again; the last good one stays in use.",
        )
        raise ThreatFeedError([many, *feed.faults])
    return feed


def structural(id: str, where: str, message: str, hint: str = "", web: str = "") -> ThreatFeedError:
    """Return the error of a feed that is refused as a whole."""
    return ThreatFeedError(Fault(id, where, message, hint, web))


def table_of(feed: Feed, rows: Sequence[Sequence[object]]) -> pa.Table:
    """Return `rows` as an Arrow table with the columns of `feed`, sorted by CVE id."""
    schema = SCHEMAS[feed]
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(schema)
    arrays = [pa.array(list(column), field.type) for column, field in zip(columns, schema, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema).sort_by("cve")


def day_of(text: object) -> date | None:
    """Return the day of an ISO 8601 date or time, in UTC; None when `text` is neither."""
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text.strip())
        return moment.astimezone(UTC).date() if moment.tzinfo else moment.date()
    except (ValueError, OverflowError):
        return None
