"""Bringing a feed up to date: fetch, read, compare with the last good one, store.

A feed that is refused at any step leaves the last good one in use.
"""

from __future__ import annotations

import fcntl
import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

import msgspec

from poise.errors import Fault
from poise.threats.download import Download, Limits, Progress, Validators, download
from poise.threats.epss import read_epss
from poise.threats.kev import read_kev
from poise.threats.ssvc import read_ssvc
from poise.threats.store import Snapshot, ThreatStore, write_whole
from poise.threats.table import FEED_NAMES, Feed, FeedTable, structural

#: Where the publishers keep the feeds.
PUBLIC_URLS: dict[Feed, str] = {
    "kev": "https://www.cisa.gov/sites/default/files/feeds/known_exploited_vulnerabilities.json",
    "epss": "https://epss.empiricalsecurity.com/epss_scores-current.csv.gz",
    "ssvc": "https://github.com/cisagov/vulnrichment/archive/refs/heads/develop.zip",
}
#: Environment variables that replace them, for instance by a mirror in a closed network.
URL_VARIABLES: dict[Feed, str] = {
    "kev": "POISE_KEV_URL",
    "epss": "POISE_EPSS_URL",
    "ssvc": "POISE_SSVC_URL",
}
#: Largest download [bytes]. In 2025: KEV 1.5 MB, EPSS 2 MB, Vulnrichment some 250 MB.
MAX_BYTES: dict[Feed, int] = {"kev": 1 << 26, "epss": 1 << 26, "ssvc": 1 << 31}

_READERS: dict[Feed, Callable[[Path], FeedTable]] = {
    "kev": read_kev,
    "epss": read_epss,
    "ssvc": read_ssvc,
}


@dataclass(frozen=True, slots=True)
class Rules:
    """What an update accepts.

    Parameters
    ----------
    max_shrink_percent
        Share of the last good feed's rows [%] that a new one may lack. The catalogues grow;
        CISA removes an entry now and then, FIRST drops rejected ids: far less than 5 %.
    accept_shrink
        Take the new one whatever it lacks.
    limits
        Of the download; the size limit is that of :data:`MAX_BYTES` when it is smaller.
    """

    max_shrink_percent: float = 5.0
    accept_shrink: bool = False
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one update.

    Parameters
    ----------
    feed
        Which feed.
    snapshot
        The snapshot that was stored, or that the server said is still the newest.
    changed
        Whether something was stored.
    faults
        The rows that were left out.
    resumed_at
        How many bytes [bytes] of an earlier, broken download were used.
    """

    feed: Feed
    snapshot: Snapshot
    changed: bool
    faults: tuple[Fault, ...] = ()
    resumed_at: int = 0


def update_from_url(
    store: ThreatStore,
    feed: Feed,
    url: str,
    now: datetime,
    rules: Rules | None = None,
    progress: Progress | None = None,
) -> Outcome:
    """Fetch a feed and store it, if it changed and is sound.

    Parameters
    ----------
    store
        Where to; nothing else may be updating it (see :func:`locked`).
    feed
        Which feed.
    url
        Its address; https, or http on loopback.
    now
        When this happens, for the manifest.
    rules
        What is accepted.
    progress
        Told of every piece of the download.

    Raises
    ------
    ThreatFeedError
        With every fault of the download (E220 to E225) or of the feed; the store is unchanged.
    """
    rules = rules or Rules()
    cache = store.directory / "cache" / f"{feed}.json"
    target = store.directory / "cache" / f"{feed}.download"
    last = store.latest(feed)
    known = _validators(cache) if last is not None and last.source == url else None
    limits = replace(rules.limits, max_bytes=min(rules.limits.max_bytes, MAX_BYTES[feed]))
    fetched = download(url, target, known, limits, progress)
    if fetched.path is None:
        assert last is not None, "Only a known state can be unchanged."
        return Outcome(feed, last, changed=False)
    try:
        outcome = _take(store, feed, fetched, url, now, rules)
    finally:
        fetched.path.unlink(missing_ok=True)
    # Only now: what was refused must be fetched again next time.
    write_whole(cache, msgspec.json.encode(fetched.validators))
    return outcome


def update_from_file(
    store: ThreatStore, feed: Feed, path: Path, now: datetime, rules: Rules | None = None
) -> Outcome:
    """Store a feed from a file or folder that someone fetched. Raises as :func:`update_from_url`."""
    sha256 = ""
    if path.is_file():
        try:
            with path.open("rb") as stream:
                sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
        except OSError as error:
            raise structural("E200", str(path), f"cannot be read: {error.strerror}.") from error
    whole = Download(path, Validators(""), sha256)
    return _take(store, feed, whole, path.name, now, rules or Rules())


def _take(
    store: ThreatStore, feed: Feed, fetched: Download, source: str, now: datetime, rules: Rules
) -> Outcome:
    assert fetched.path is not None, "The caller has dealt with an unchanged feed."
    table = _READERS[feed](fetched.path)
    before = store.latest(feed, table.date)
    if before is not None and not rules.accept_shrink:
        _require_rows(table, before, source, rules.max_shrink_percent)
    snapshot = store.add(table, source=source, source_sha256=fetched.sha256, stored=now)
    return Outcome(feed, snapshot, True, table.faults, fetched.resumed_at)


def _require_rows(table: FeedTable, before: Snapshot, source: str, max_shrink_percent: float) -> None:
    rows = table.table.num_rows
    lost_percent = 100 * (before.rows - rows) / before.rows
    if lost_percent > max_shrink_percent:
        raise structural(
            "E226",
            source,
            f"has {rows} rows, {lost_percent:.1f} % fewer than the {before.rows} of {before.label}; "
            f"at most {max_shrink_percent:g} % may go.",
            f"{FEED_NAMES[table.feed]} of {before.date} stays in use. If the loss is right, use "
            "--accept-shrink.",
        )


@contextmanager
def locked(store: ThreatStore) -> Iterator[None]:
    """Keep others from updating the store meanwhile; the lock ends with the process.

    Raises
    ------
    ThreatFeedError
        E232 when another update is running, E233 when the directory cannot be written.
    """
    path = store.directory / ".lock"
    try:
        store.directory.mkdir(parents=True, exist_ok=True)
        stream = path.open("a")
    except OSError as error:
        raise structural("E233", str(path), f"cannot be written: {error.strerror}.") from error
    with stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise structural(
                "E232", str(store.directory), "is being updated by another process.", "Wait for it to end."
            ) from error
        _sweep(store.directory)
        yield


def _sweep(directory: Path) -> None:
    """Remove drafts that a killed update left behind; partial downloads are kept, to resume."""
    for draft in directory.glob("**/.draft-*"):
        draft.unlink(missing_ok=True)


def _validators(cache: Path) -> Validators | None:
    try:
        return msgspec.json.decode(cache.read_bytes(), type=Validators)
    except (OSError, msgspec.DecodeError):
        # Without it the feed is fetched whole, which is only slower.
        return None
