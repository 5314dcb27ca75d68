"""The store of threat feeds: immutable dated snapshots, looked up as of a day.

A store is a directory. ``manifest.json`` lists the snapshots; each is a Parquet file named
after its feed, date and content, is never changed, and is checked against its sha256 when it
is read. A snapshot counts only once the manifest names it, and the manifest is replaced in one
step, so that an update that dies at any point leaves the store as it was.
"""

from __future__ import annotations

import hashlib
import io
import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as parquet

from poise.threats.evidence import Evidence, KevEntry
from poise.threats.scores import score_of
from poise.threats.table import FEED_NAMES, FEEDS, Feed, FeedTable, structural

#: Age [days] above which a feed counts as stale. All three are published daily or nearly so. EPSS
#: looks 30 days ahead, so half of that is grace enough; SSVC judgements change seldom.
STALE_AFTER_DAYS: dict[Feed, int] = {"kev": 14, "epss": 14, "ssvc": 30}


class Snapshot(msgspec.Struct, frozen=True):
    """One line of the manifest: a stored state of a feed.

    Parameters
    ----------
    feed, date, version
        As in :class:`~poise.threats.table.FeedTable`.
    rows
        How many rows it holds.
    file
        Path inside the store.
    sha256
        Of that file, in hexadecimal.
    source
        Where it came from: an address or a file name.
    source_sha256
        Of what was downloaded or read, in hexadecimal; empty for a folder.
    stored
        When it was stored.
    """

    feed: Feed
    date: date
    version: str
    rows: int
    file: str
    sha256: str
    source: str
    source_sha256: str
    stored: datetime

    @property
    def label(self) -> str:
        """Feed, date and version as a figure names its source."""
        version = f", {self.version}" if self.version else ""
        return f"{FEED_NAMES[self.feed]} {self.date}{version}"


class _Manifest(msgspec.Struct, frozen=True):
    version: int
    snapshots: tuple[Snapshot, ...]


@dataclass(frozen=True, slots=True)
class FeedStatus:
    """How a feed stands on a day.

    Parameters
    ----------
    feed
        Which feed.
    state
        ``"fresh"``, ``"stale"`` (older than :data:`STALE_AFTER_DAYS`) or ``"missing"``.
    snapshot
        The snapshot in use; None when the feed is missing.
    age_days
        Days from the snapshot's date to the day asked for; None when the feed is missing.
    """

    feed: Feed
    state: Literal["fresh", "stale", "missing"]
    snapshot: Snapshot | None
    age_days: int | None


class ThreatStore:
    """The snapshots of a directory; nothing is read before it is asked for.

    Parameters
    ----------
    directory
        Where the store is. It need not exist before the first :meth:`add`.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._tables: dict[str, pa.Table] = {}

    @cached_property
    def snapshots(self) -> tuple[Snapshot, ...]:
        """Every stored snapshot, in the order in which they were stored.

        Raises
        ------
        ThreatFeedError
            E230 when the manifest cannot be read.
        """
        path = self.directory / "manifest.json"
        try:
            manifest = msgspec.json.decode(path.read_bytes(), type=_Manifest)
        except FileNotFoundError:
            return ()
        except (OSError, msgspec.DecodeError) as error:
            raise structural(
                "E230", str(path), f"cannot be read: {error}.", "Restore it, or start a new store and update."
            ) from error
        if manifest.version != 1:
            raise structural(
                "E230", str(path), f"has version {manifest.version}; this Poise reads version 1."
            )
        return manifest.snapshots

    def latest(self, feed: Feed, as_of: date | None = None) -> Snapshot | None:
        """Return the newest snapshot of a feed that is dated `as_of` or before; None without one.

        Of several of one day the one stored last counts: feeds are published anew when mended.
        """
        dated = [s for s in self.snapshots if s.feed == feed and (as_of is None or s.date <= as_of)]
        return max(reversed(dated), key=lambda snapshot: snapshot.date, default=None)

    def table(self, snapshot: Snapshot) -> pa.Table:
        """Return the rows of a snapshot.

        Raises
        ------
        ThreatFeedError
            E231 when the file is missing or its sha256 is not the manifest's.
        """
        if snapshot.file not in self._tables:
            path = self.directory / snapshot.file
            try:
                content = path.read_bytes()
            except OSError as error:
                raise structural("E231", str(path), f"cannot be read: {error.strerror}.", *_AGAIN) from error
            if hashlib.sha256(content).hexdigest() != snapshot.sha256:
                raise structural("E231", str(path), "is not what was stored: its sha256 differs.", *_AGAIN)
            self._tables[snapshot.file] = parquet.read_table(pa.BufferReader(content))
        return self._tables[snapshot.file]

    def add(self, feed: FeedTable, *, source: str, source_sha256: str, stored: datetime) -> Snapshot:
        """Store a state of a feed and return its line of the manifest.

        The caller holds :func:`~poise.threats.update.locked` when others may write too.

        Raises
        ------
        ThreatFeedError
            E233 when the directory cannot be written; the store is then as it was.
        """
        buffer = io.BytesIO()
        parquet.write_table(feed.table, buffer, compression="zstd")
        content = buffer.getvalue()
        sha256 = hashlib.sha256(content).hexdigest()
        snapshot = Snapshot(
            feed.feed,
            feed.date,
            feed.version,
            feed.table.num_rows,
            f"{feed.feed}/{feed.date}-{sha256[:12]}.parquet",
            sha256,
            source,
            source_sha256,
            stored,
        )
        # What is in the manifest now, not what was when this object first looked.
        self.__dict__.pop("snapshots", None)
        others = tuple(known for known in self.snapshots if known.file != snapshot.file)
        manifest = msgspec.json.encode(_Manifest(1, (*others, snapshot)))
        write_whole(self.directory / snapshot.file, content)
        write_whole(self.directory / "manifest.json", msgspec.json.format(manifest, indent=1))
        self.__dict__.pop("snapshots", None)
        return snapshot

    def evidence(self, cves: Iterable[str], as_of: date) -> dict[str, Evidence]:
        """Return what was known about vulnerabilities on a day.

        No snapshot dated after `as_of` is used, and of the one used no KEV entry added and no
        SSVC judgement made after `as_of`.

        Parameters
        ----------
        cves
            Ids in any case; what is no CVE id, such as a vendor's advisory, has no evidence.
        as_of
            The day.

        Returns
        -------
        dict of str to Evidence
            One for each id, under the id as given.
        """
        names = list(dict.fromkeys(cves))
        ids = pa.array([name.strip().upper() for name in names], pa.string())
        known: dict[Feed, dict[int, dict[str, Any]]] = {}
        sources: dict[str, str] = {}
        for feed in FEEDS:
            snapshot = self.latest(feed, as_of)
            if snapshot is not None:
                known[feed] = _rows_of(self.table(snapshot), ids)
                sources[feed] = snapshot.label
        return {
            name: _evidence(name, as_of, {feed: rows.get(place) for feed, rows in known.items()}, sources)
            for place, name in enumerate(names)
        }

    def status(self, as_of: date) -> tuple[FeedStatus, ...]:
        """Return how each feed stands on a day: date, age, rows, and whether it is stale."""
        found: list[FeedStatus] = []
        for feed in FEEDS:
            snapshot = self.latest(feed, as_of)
            if snapshot is None:
                found.append(FeedStatus(feed, "missing", None, None))
                continue
            age_days = (as_of - snapshot.date).days
            late = age_days > STALE_AFTER_DAYS[feed]
            state: Literal["fresh", "stale"] = "stale" if late else "fresh"
            found.append(FeedStatus(feed, state, snapshot, age_days))
        return tuple(found)


_AGAIN = (
    "Run poise threats update; the feed is stored again.",
    "Whoever runs the desk runs poise threats update; the feed is stored again.",
)


def write_whole(path: Path, content: bytes) -> None:
    """Put `content` at `path` in one step: whoever reads sees the old file or the new one.

    Raises
    ------
    ThreatFeedError
        E233 when it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=".draft-")
        try:
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            Path(draft).replace(path)
        except BaseException:
            Path(draft).unlink(missing_ok=True)
            raise
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise structural("E233", str(path), f"cannot be written: {error.strerror}.") from error


def _rows_of(table: pa.Table, ids: pa.Array) -> dict[int, dict[str, Any]]:
    """Return the rows of those `ids` that `table` holds, by their place in `ids`."""
    places = pc.index_in(ids, value_set=table["cve"].combine_chunks())
    found = pc.is_valid(places)
    rows = table.take(places.filter(found)).to_pylist()
    return dict(zip(pc.indices_nonzero(found).to_pylist(), rows, strict=True))


def _evidence(
    name: str, as_of: date, rows: dict[Feed, dict[str, Any] | None], sources: dict[str, str]
) -> Evidence:
    epss, listed, record = rows.get("epss") or {}, rows.get("kev"), rows.get("ssvc") or {}
    kev = None
    if listed and listed["added"] <= as_of:
        kev = KevEntry(
            listed["added"], listed["due"], listed["ransomware"], listed["vendor"], listed["product"]
        )
    published = record.get("published")
    if published and published > as_of:
        record = {}
    judged = record.get("judged")
    said = record if judged and judged <= as_of else {}
    scored = score_of(record["cvss_vector"]) if record.get("cvss_vector") else None
    return Evidence(
        name,
        as_of,
        epss=epss.get("epss"),
        epss_percentile=epss.get("percentile"),
        kev=kev,
        kev_known="kev" in rows,
        cvss_score=scored.score if scored else None,
        cvss_vector=scored.vector if scored else "",
        published=record.get("published"),
        exploitation=said.get("exploitation"),
        automatable=said.get("automatable"),
        technical_impact=said.get("technical_impact"),
        sources=_fields_named(sources),
    )


def _fields_named(sources: dict[str, str]) -> dict[str, str]:
    """Return the source of each field of :class:`Evidence` for which a feed was at hand."""
    return {field: sources[feed] for feed, fields in _FIELDS.items() if feed in sources for field in fields}


_FIELDS: dict[Feed, tuple[str, ...]] = {
    "kev": ("kev",),
    "epss": ("epss", "epss_percentile"),
    "ssvc": ("exploitation", "automatable", "technical_impact", "published", "cvss_score"),
}
