"""What KEV said on any past day: a catalogue, and the changes that led to it.

The table of changes has one row per event, by the day of the catalogue that first showed it, with the columns
``catalog_date, event, cve, field, old, new_or_dateAdded``; events are ``added``, ``removed`` and ``changed``.
"""

from __future__ import annotations

import csv
import io
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Literal

from poise.errors import Fault, ThreatFeedError
from poise.threats.evidence import KevEntry
from poise.threats.kev import read_kev
from poise.threats.opening import read_bytes
from poise.threats.table import CVE_ID, FAULTY_ROWS_ALWAYS_ALLOWED, FAULTY_ROWS_PERCENT, day_of, structural

COLUMNS = ("catalog_date", "event", "cve", "field", "old", "new_or_dateAdded")
Event = Literal["added", "removed", "changed"]
_EVENTS: Mapping[str, Event] = {"added": "added", "removed": "removed", "changed": "changed"}
#: Fields of an entry whose changes matter for a decision; others (names, weaknesses) are skipped.
_FIELDS = ("dueDate", "dateAdded", "knownRansomwareCampaignUse")


@dataclass(frozen=True, slots=True)
class KevChange:
    """One event of the history: what the catalogue of a day first showed."""

    day: date
    event: Event
    cve: str
    field: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Span:
    """A vulnerability's entry as it stood from a day on, up to a day (None: still)."""

    since: date
    until: date | None
    entry: KevEntry


@dataclass(frozen=True)
class KevHistory:
    """The catalogue of every past day.

    Parameters
    ----------
    released
        The day of the newest state.
    spans
        Per vulnerability, its states in order; between two of them it may have been off the list.
    faults
        Rows that were left out, of the catalogue and of the changes.
    told_from
        The day of the first change that a table told; None for none. Before it, entries have the fields that
        they had then.
    """

    released: date
    spans: Mapping[str, tuple[Span, ...]]
    faults: tuple[Fault, ...] = ()
    told_from: date | None = None

    def entry(self, cve: str, day: date) -> KevEntry | None:
        """Return the entry as the catalogue of a day had it, None when it was not listed then."""
        spans = self.spans.get(cve, ())
        place = bisect_right([span.since for span in spans], day) - 1
        if place < 0:
            return None
        found = spans[place]
        return found.entry if found.until is None or day < found.until else None

    def listed_on(self, cve: str) -> date | None:
        """Return the first day on which the catalogue listed a vulnerability; None for never."""
        spans = self.spans.get(cve, ())
        return spans[0].since if spans else None

    def periods(self, cve: str) -> tuple[tuple[date, date | None], ...]:
        """Return from when to when the catalogue listed a vulnerability, in order (None: still)."""
        found: list[tuple[date, date | None]] = []
        for span in self.spans.get(cve, ()):
            if found and found[-1][1] == span.since:
                found[-1] = (found[-1][0], span.until)
            else:
                found.append((span.since, span.until))
        return tuple(found)

    def period_on(self, cve: str, day: date) -> tuple[date, date | None] | None:
        """Return the newest of these periods that had begun on a day; None before the first."""
        return next((one for one in reversed(self.periods(cve)) if one[0] <= day), None)

    def up_to(self, day: date) -> KevHistory:
        """Return the history as it could be told on a day: nothing later is in it."""
        kept = {}
        for cve, spans in self.spans.items():
            known = tuple(
                replace(span, until=None) if span.until is not None and span.until > day else span
                for span in spans
                if span.since <= day
            )
            if known:
                kept[cve] = known
        return KevHistory(min(day, self.released), kept)


def read_kev_history(catalogue: Path, changes: Path | None) -> KevHistory:
    """Read a catalogue and the table of changes, and lay out what was listed when.

    Without changes every entry counts from its own dateAdded, with the fields that it has in this catalogue:
    later corrections then shine through, and the caller should say so.

    Raises
    ------
    ThreatFeedError
        When either file as a whole is refused: E200 to E204, E209, E212, E583.
    """
    feed = read_kev(catalogue)
    rows = feed.table.to_pylist()
    found, faults = _read_changes(changes) if changes else ([], ())
    state = {
        row["cve"]: KevEntry(
            row["added"], row["due"], row["ransomware"], row["vendor"] or "", row["product"] or ""
        )
        for row in rows
    }
    before = [change for change in found if change.day <= feed.date]
    after = [change for change in found if change.day > feed.date]
    spans = _lay_out(state, before)
    _go_on(spans, after)
    released = max([feed.date, *(change.day for change in after)])
    ordered = {cve: tuple(own) for cve, own in sorted(spans.items()) if own}
    return KevHistory(released, ordered, (*feed.faults, *faults), found[0].day if found else None)


def _read_changes(path: Path) -> tuple[list[KevChange], tuple[Fault, ...]]:
    content = read_bytes(path)
    try:
        reader = csv.DictReader(io.StringIO(content.decode("utf-8"), newline=""), strict=True)
        missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
        if missing:
            raise structural("E583", str(path), f"is no KEV change history: it lacks the columns {missing}.")
        found = [_change(row, f"{path}:{reader.line_num}") for row in reader]
    except UnicodeDecodeError as error:
        raise structural("E583", str(path), f"is not UTF-8 text: {error.reason}.") from error
    except csv.Error as error:
        raise structural("E583", str(path), f"is no readable CSV: {error}.", "Fetch it again.") from error
    good = [change for change in found if isinstance(change, KevChange)]
    faults = tuple(fault for fault in found if isinstance(fault, Fault))
    if len(faults) > max(FAULTY_ROWS_ALWAYS_ALLOWED, FAULTY_ROWS_PERCENT / 100 * len(found)):
        many = Fault("E583", str(path), f"{len(faults)} of {len(found)} rows are faulty: it is damaged.")
        raise ThreatFeedError([many, *faults])
    # A stable sort: within one catalogue the order of the file is the order of events.
    return sorted(good, key=lambda change: change.day), faults


def _change(row: Mapping[str | None, object], where: str) -> KevChange | Fault:
    """Return a row as a change, or what is wrong with it."""
    text = {name: str(row.get(name) or "").strip() for name in COLUMNS}
    day, cve = day_of(text["catalog_date"]), text["cve"].upper()
    if day is None:
        return Fault("E583", where, f"catalog_date is {text['catalog_date'][:40]!r}; expected YYYY-MM-DD.")
    if not CVE_ID.fullmatch(cve):
        return Fault("E583", where, f"cve is {text['cve'][:40]!r}; expected a CVE id.")
    event = _EVENTS.get(text["event"])
    if event is None:
        return Fault("E583", where, f"event is {text['event'][:40]!r}; expected added, removed or changed.")
    return KevChange(day, event, cve, text["field"], text["old"], text["new_or_dateAdded"])


def _lay_out(state: dict[str, KevEntry], changes: Iterable[KevChange]) -> dict[str, list[Span]]:
    """Undo changes from the newest catalogue backwards, noting how long each state stood."""
    spans: dict[str, list[Span]] = {cve: [] for cve in state}
    until: dict[str, date | None] = dict.fromkeys(state)
    ordered = list(changes)
    first_told = ordered[0].day if ordered else date.min
    for change in reversed(ordered):
        own = spans.setdefault(change.cve, [])
        entry = state.get(change.cve)
        if change.event == "removed":
            if entry is not None:
                # Listed again, on a day that the table does not tell: from its own dateAdded on.
                own.insert(0, Span(max(entry.added, change.day), until.get(change.cve), entry))
            # What it said is not in the table. The day it was added is a row of its own, unless that was
            # before the table begins.
            state[change.cve], until[change.cve] = KevEntry(first_told, None, False), change.day
        elif entry is not None and change.event == "added":
            own.insert(0, Span(change.day, until.get(change.cve), entry))
            del state[change.cve]
        elif entry is not None and change.field in _FIELDS:
            own.insert(0, Span(change.day, until.get(change.cve), entry))
            state[change.cve], until[change.cve] = _with(entry, change.field, change.old), change.day
    for cve, entry in state.items():
        own = spans[cve]
        end = until.get(cve)
        since = min([entry.added, end or entry.added, *(span.since for span in own)])
        own.insert(0, Span(since, end, entry))
    return {cve: list(_sound(own)) for cve, own in spans.items()}


def _sound(spans: list[Span]) -> Iterator[Span]:
    """Drop states that stood for no day, and join those that do not differ."""
    kept: list[Span] = []
    for span in spans:
        if span.until is not None and span.until <= span.since:
            continue
        if kept and kept[-1].entry == span.entry and kept[-1].until == span.since:
            kept[-1] = replace(kept[-1], until=span.until)
        else:
            kept.append(span)
    return iter(kept)


def _go_on(spans: dict[str, list[Span]], changes: Iterable[KevChange]) -> None:
    """Apply changes that are newer than the catalogue; what an addition does not say stays unknown."""
    for change in changes:
        own = spans.setdefault(change.cve, [])
        is_listed = bool(own) and own[-1].until is None
        if change.event == "added" and not is_listed:
            added = day_of(change.new) or change.day
            own.append(Span(change.day, None, KevEntry(added, None, False)))
        elif is_listed and change.event == "removed":
            own[-1] = replace(own[-1], until=change.day)
        elif is_listed and change.event == "changed" and change.field in _FIELDS:
            entry = _with(own[-1].entry, change.field, change.new)
            own[-1] = replace(own[-1], until=change.day)
            own.append(Span(change.day, None, entry))
        spans[change.cve] = list(_sound(own))


def _with(entry: KevEntry, field: str, value: str) -> KevEntry:
    if field == "dueDate":
        return replace(entry, due=day_of(value))
    if field == "dateAdded":
        return replace(entry, added=day_of(value) or entry.added)
    return replace(entry, ransomware=value.strip().lower() == "known")
