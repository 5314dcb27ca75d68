"""The world's history as tables tell it, and what could be known of it on a day."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from poise.errors import EvidenceError, Fault, InputError
from poise.evidence.judgements import Judgements
from poise.planning.problem import Floats, Ints
from poise.threats.epss import read_epss
from poise.threats.history import epss_history
from poise.threats.kev_history import KevHistory
from poise.threats.opening import GZIP_MAGIC
from poise.threats.table import FeedTable

Bools = npt.NDArray[np.bool_]

#: A score older than this stands for nothing [d].
MAX_SCORE_AGE_DAYS = 45
#: Most scores that are held at once, of all days together: about half a gigabyte.
MAX_SCORES = 60_000_000
#: A new EPSS model begins where more than half of all scores move by more than a tenth.
_BREAK_SHARE, _BREAK_RATIO = 0.5, float(np.log(1.1))
#: From how many scores on that can be said; how many days apart the two of each may be [d], and which share
#: has to move where none are so near: in 2025 a month moved up to 0.57 of them by itself, the new model 0.92.
_BREAK_FROM, _NEAR_DAYS, _FAR_SHARE = 100, 15, 0.75
_PARQUET = b"PAR1"
#: Enough of a packed file to see what is in it.
_START_BYTES = 1 << 16
_UNNAMED = "unnamed"


@dataclass(frozen=True)
class Snapshot:
    """The scores of one day: rows into the world's ids, and probabilities."""

    day: date
    rows: Ints
    scores: Floats


@dataclass(frozen=True)
class Knowledge:
    """What could be known on a day. Every array has one entry per vulnerability of the world, in its order.

    Vulnerabilities that had not appeared are there by position only: ``appeared`` is False and all else
    empty. ``epss`` and ``cvss`` are NaN where not known, ``due`` is an ordinal day or 0.
    """

    day: date
    appeared: Bools
    epss: Floats
    is_kev: Bools
    kev_since: Ints
    due: Ints
    is_ransomware: Bools
    judgements: Judgements
    #: What stands in for a score that is not known: the mean of those that are, of the whole world.
    mean_epss: float = 0.0
    #: Hazards in the world [1/d] to plan on instead of those that follow from scores and KEV; for trials.
    hazard: Floats | None = None


@dataclass(frozen=True)
class World:
    """Everything that the tables tell, past and future.

    Decisions never see it; they get a :class:`Knowledge`. Scoring does.

    Parameters
    ----------
    cves
        Ids, by the day they appeared and then by name, so that what comes later stands behind.
    appears
        Ordinal day on which each was first scored or listed, shape ``(V,)``.
    snapshots
        By day.
    kev
        What KEV said when.
    versions
        (first day, name) of each EPSS model in the tables, by day.
    """

    cves: tuple[str, ...]
    appears: Ints
    snapshots: tuple[Snapshot, ...]
    kev: KevHistory
    judgements: Judgements
    versions: tuple[tuple[date, str], ...]
    notices: tuple[str, ...] = field(default=())
    #: Means of all known scores by day, where this world is a part of a larger one.
    means: Mapping[date, float] = field(default_factory=dict)

    @cached_property
    def row_of(self) -> dict[str, int]:
        """Return the place of each id."""
        return {cve: row for row, cve in enumerate(self.cves)}

    def span(self, first: date, last: date) -> tuple[date, date, tuple[str, ...]]:
        """Return the days that the tables can tell of, within those asked for, and what was cut off."""
        begin = max(first, self.snapshots[0].day)
        end = min(last, self.kev.released, self.snapshots[-1].day + timedelta(days=7))
        notices = []
        if begin > first:
            notices.append(f"Planning begins on {begin}: no table has an EPSS score of an earlier day.")
        if end < last:
            notices.append(f"History ends on {end}: the tables do not reach {last}.")
        return begin, end, tuple(notices)

    def version_on(self, day: date) -> str:
        """Return the EPSS model in use on a day."""
        return next((name for first, name in reversed(self.versions) if first <= day), self.versions[0][1])

    def scores_on(self, day: date) -> Floats:
        """Return each vulnerability's newest score of at most 45 days, NaN without one, shape ``(V,)``."""
        found = np.full(len(self.cves), np.nan)
        oldest = day - timedelta(days=MAX_SCORE_AGE_DAYS)
        for snapshot in self.snapshots:
            if oldest <= snapshot.day <= day:
                found[snapshot.rows] = snapshot.scores
        return found

    def mean_on(self, day: date) -> float:
        """Return the mean of the scores known on a day; where all are too old, of the newest day's."""
        if day in self.means:
            return self.means[day]
        scores = self.scores_on(day)
        known = scores[np.isfinite(scores)]
        if not len(known):
            known = next((one.scores for one in reversed(self.snapshots) if one.day <= day), known)
        return float(known.mean()) if len(known) else 0.0

    def only(self, rows: Ints, days: Sequence[date]) -> World:
        """Return the world of some vulnerabilities, told as on some days with the means of all.

        Parameters
        ----------
        rows
            Their places, growing.
        days
            Days on which :meth:`knowledge` will be asked for.
        """
        place = np.full(len(self.cves), -1)
        place[rows] = np.arange(len(rows))
        cves = tuple(self.cves[row] for row in rows.tolist())
        snapshots = []
        for one in self.snapshots:
            own = place[one.rows]
            snapshots.append(Snapshot(one.day, own[own >= 0], one.scores[own >= 0]))
        spans = {cve: self.kev.spans[cve] for cve in cves if cve in self.kev.spans}
        return World(
            cves=cves,
            appears=self.appears[rows],
            snapshots=tuple(snapshots),
            kev=KevHistory(self.kev.released, spans),
            judgements=self.judgements.only(rows),
            versions=self.versions,
            means={day: self.mean_on(day) for day in days},
        )

    def knowledge(self, day: date) -> Knowledge:
        """Return what could be known on a day; nothing of a later day has any part in it."""
        appeared = self.appears <= day.toordinal()
        size = len(self.cves)
        since, due = np.zeros(size, dtype=np.int64), np.zeros(size, dtype=np.int64)
        crews = np.zeros(size, dtype=np.bool_)
        for cve in self.kev.spans:
            row, entry = self.row_of.get(cve, -1), self.kev.entry(cve, day)
            if row >= 0 and entry is not None:
                listed = self.kev.period_on(cve, day)
                since[row] = (listed[0] if listed else entry.added).toordinal()
                due[row] = entry.due.toordinal() if entry.due else 0
                crews[row] = entry.ransomware
        return Knowledge(
            day=day,
            appeared=appeared,
            epss=self.scores_on(day),
            is_kev=since > 0,
            kev_since=since,
            due=due,
            is_ransomware=crews,
            judgements=self.judgements.up_to(day),
            mean_epss=self.mean_on(day),
        )


def read_world(
    epss: Sequence[Path],
    kev: KevHistory,
    judge: Callable[[Sequence[str], Ints, Floats], Judgements],
    *,
    first: date,
    last: date,
    progress: Callable[[int, int, str], None] | None = None,
) -> World:
    """Read tables of EPSS and put them beside the history of KEV.

    Only vulnerabilities that can matter are kept: those whose id is of the year before ``first`` or later.

    Parameters
    ----------
    epss
        Tables with a column per day (Parquet) and daily files of the feed (CSV), in any order.
    judge
        Makes CVSS and SSVC of ids, the days they appeared, and their first scores.
    first, last
        Days of the replay; scores are read from 45 days before to 45 days after.

    Raises
    ------
    ThreatFeedError
        When a table is refused.
    InputError
        E584 when there are more scores than fit.
    EvidenceError
        E584 when no score is of these days.
    """
    ids: dict[str, int] = {}
    days: dict[date, tuple[list[Ints], list[Floats]]] = {}
    names: dict[date, str] = {}
    held, faults = 0, 0
    for done, path in enumerate(epss):
        if progress is not None:
            progress(done, len(epss), f"reading {path.name}")
        for feed, is_stated in _feeds(
            path, first - timedelta(days=MAX_SCORE_AGE_DAYS), last + timedelta(days=MAX_SCORE_AGE_DAYS)
        ):
            rows, scores = _rows(feed.table, ids, first.year - 1)
            own = days.setdefault(feed.date, ([], []))
            own[0].append(rows)
            own[1].append(scores)
            # A table of many days knows models by their first days alone; a daily file says its own.
            names.setdefault(feed.date, feed.version)
            if is_stated and feed.version:
                names[feed.date] = feed.version
            held, faults = held + len(rows), faults + len(feed.faults)
            if held > MAX_SCORES:
                message = f"The tables hold more than {MAX_SCORES:,} scores of these days; that is the limit."
                raise InputError(Fault("E584", str(path), message, "Name fewer days or fewer tables."))
    if not days or min(days) > last:
        message = f"The tables hold no EPSS score from {MAX_SCORE_AGE_DAYS} days before {first} to {last}."
        raise EvidenceError(Fault("E584", "--epss", message, "Name other days, or tables that reach them."))
    listed = {
        cve: day for cve in kev.spans if (day := kev.listed_on(cve)) and int(cve[4:8]) >= first.year - 1
    }
    return _put_together(ids, days, names, kev, listed, judge, faults)


def _feeds(path: Path, first: date, last: date) -> Iterator[tuple[FeedTable, bool]]:
    """Yield the days of a file of either layout, recognised by content, and whether it states its model."""
    try:
        with path.open("rb") as stream:
            start = stream.read(_START_BYTES)
    except OSError as error:
        hint = "Name the files in it, such as FOLDER/epss_scores-2026-*.csv.gz." if path.is_dir() else ""
        raise InputError(Fault("E200", str(path), f"cannot be read: {error.strerror}.", hint)) from error
    if _unpacked(start).startswith(_PARQUET):
        for feed in epss_history(path, first, last, skip_empty=True):
            yield feed, False
        return
    feed = read_epss(path)
    if first <= feed.date <= last:
        yield feed, True


def _unpacked(start: bytes) -> bytes:
    """Return what a file begins with, gzip or not; as it stands where it is damaged: its reader tells."""
    if not start.startswith(GZIP_MAGIC):
        return start
    try:
        return zlib.decompressobj(wbits=31).decompress(start, len(_PARQUET))
    except zlib.error:
        return start


def _rows(table: pa.Table, ids: dict[str, int], first_year: int) -> tuple[Ints, Floats]:
    """Return the rows of a day's ids in the world, adding new ids, and their scores."""
    year = pc.cast(pc.utf8_slice_codeunits(table["cve"], 4, 8), pa.int32())
    kept = table.filter(pc.greater_equal(year, first_year))
    rows = np.array([ids.setdefault(cve, len(ids)) for cve in kept["cve"].to_pylist()], dtype=np.int64)
    return rows, kept["epss"].to_numpy()


def _put_together(
    ids: dict[str, int],
    days: dict[date, tuple[list[Ints], list[Floats]]],
    models: dict[date, str],
    kev: KevHistory,
    listed: dict[str, date],
    judge: Callable[[Sequence[str], Ints, Floats], Judgements],
    faults: int,
) -> World:
    ordered = sorted(days)
    for cve in sorted(listed):
        ids.setdefault(cve, len(ids))
    appears, first_score = np.full(len(ids), 10**7), np.full(len(ids), np.nan)
    for day in reversed(ordered):
        for rows, scores in zip(*days[day], strict=True):
            appears[rows], first_score[rows] = day.toordinal(), scores
    names = list(ids)
    for row, cve in enumerate(names):
        if cve in listed:
            appears[row] = min(int(appears[row]), max(listed[cve].toordinal(), ordered[0].toordinal()))
    order = sorted(range(len(names)), key=lambda row: (appears[row], names[row]))
    place = np.empty(len(names), dtype=np.int64)
    place[order] = np.arange(len(names))
    snapshots = tuple(
        Snapshot(day, place[np.concatenate(days[day][0])], np.concatenate(days[day][1])) for day in ordered
    )
    cves = tuple(names[row] for row in order)
    sorted_days = appears[order]
    notices = [f"{faults:,} rows of the EPSS tables were faulty and left out."] if faults else []
    if kev.faults:
        notices.append(f"{len(kev.faults):,} rows of KEV and its history were faulty and left out.")
    gaps = [(one, two) for one, two in pairwise(ordered) if (two - one).days > MAX_SCORE_AGE_DAYS]
    notices += [
        f"No EPSS score from {one} to {two}: from {one + timedelta(days=MAX_SCORE_AGE_DAYS + 1)} on, plans "
        "reckon with the last mean."
        for one, two in gaps
    ]
    told = [(day, models[day]) for day in ordered]
    return World(
        cves=cves,
        appears=sorted_days,
        snapshots=snapshots,
        kev=kev,
        judgements=judge(cves, sorted_days, first_score[order]),
        versions=_versions(told, snapshots, len(names)),
        notices=tuple(notices),
    )


def _versions(
    told: Sequence[tuple[date, str]], snapshots: Sequence[Snapshot], size: int
) -> tuple[tuple[date, str], ...]:
    """Return the models and their first days: as the feed says, or as most scores move together.

    A model takes some weeks to settle, so a break within 45 days of another is the same one; and a name that
    comes within 45 days of a break is that of the model that began there. Scores that are weeks apart move by
    themselves, so nearer ones are looked at where there are enough.
    """
    found = [told[0]]
    before, scored = np.full(size, np.nan), np.zeros(size, dtype=np.int64)
    for (day, name), snapshot in zip(told, snapshots, strict=True):
        rows = snapshot.rows
        moved = np.abs(np.log(np.maximum(snapshot.scores, 1e-5) / np.maximum(before[rows], 1e-5)))
        both = np.isfinite(moved)
        near = both & (day.toordinal() - scored[rows] <= _NEAR_DAYS)
        is_near_enough = near.sum() >= _BREAK_FROM
        looked_at = moved[near if is_near_enough else both]
        share = _BREAK_SHARE if is_near_enough else _FAR_SHARE
        is_break = len(looked_at) >= _BREAK_FROM and bool(np.mean(looked_at > _BREAK_RATIO) > share)
        is_near = (day - found[-1][0]).days <= MAX_SCORE_AGE_DAYS
        if name and not any(name == known for _, known in found):
            if is_near and found[-1][1].startswith(_UNNAMED):
                found[-1] = (found[-1][0], name)
            else:
                found.append((day, name))
        elif is_break and not (is_near and len(found) > 1):
            found.append((day, f"{_UNNAMED}, from {day}"))
        before[rows], scored[rows] = snapshot.scores, day.toordinal()
    return tuple(found)
