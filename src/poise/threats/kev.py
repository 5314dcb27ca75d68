"""CISA's Known Exploited Vulnerabilities catalogue, as JSON or CSV.

Layout: https://www.cisa.gov/known-exploited-vulnerabilities-catalog and the JSON schema
published beside it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import msgspec

from poise.errors import Fault
from poise.threats.opening import read_bytes
from poise.threats.table import CVE_ID, FeedTable, checked, day_of, structural, table_of

#: What the feed writes about ransomware. "Unknown" means that CISA knows of no such use.
_RANSOMWARE = {"known": True, "unknown": False, "": False}


def read_kev(path: Path, released: date | None = None) -> FeedTable:
    """Read the catalogue; the layout is recognised by content.

    Parameters
    ----------
    path
        JSON or CSV, plain or gzip.
    released
        The day of release, for the CSV, which does not say it. Without it, the day of the
        newest entry stands in: the catalogue cannot be older.

    Raises
    ------
    ThreatFeedError
        E200 to E204, E209, E212: the catalogue as a whole is refused. E202 also when it holds
        another number of entries than it says.
    """
    content = read_bytes(path)
    where = str(path)
    version = ""
    if content.lstrip()[:1] in (b"{", b"["):
        catalogue = _catalogue(content, where)
        version = str(catalogue.get("catalogVersion", ""))
        released = day_of(catalogue.get("dateReleased")) or released
        entries = _json_entries(catalogue["vulnerabilities"])
    else:
        entries = _csv_entries(content, where)
    rows, faults = _rows(entries, where)
    released = released or max((row[1] for row in rows), default=None)
    if released is None:
        raise structural("E203", where, "names no release date and has no dated entry.")
    return checked(FeedTable("kev", released, version, table_of("kev", rows), tuple(faults)), where)


def _catalogue(content: bytes, where: str) -> dict[str, Any]:
    try:
        catalogue = msgspec.json.decode(content)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise structural("E202", where, f"is no whole JSON text: {error}.", "Fetch it again.") from error
    entries = catalogue.get("vulnerabilities") if isinstance(catalogue, dict) else None
    if not isinstance(entries, list):
        raise structural("E201", where, "is no KEV catalogue: it has no list named vulnerabilities.")
    stated = catalogue.get("count", len(entries))
    if stated != len(entries):
        raise structural(
            "E202", where, f"says count {stated} but holds {len(entries)} entries.", "Fetch it again."
        )
    return dict(catalogue)


def _json_entries(entries: list[Any]) -> Iterator[tuple[str, Any]]:
    for number, entry in enumerate(entries, 1):
        yield f"entry {number}", entry


def _csv_entries(content: bytes, where: str) -> Iterator[tuple[str, Any]]:
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise structural("E201", where, f"is neither JSON nor UTF-8 text: {error.reason}.") from error
    reader = csv.DictReader(io.StringIO(text), strict=True)
    try:
        missing = {"cveID", "dateAdded"} - set(reader.fieldnames or ())
        if missing:
            raise structural(
                "E201", where, f"is no KEV catalogue: its header lacks {' and '.join(sorted(missing))}."
            )
        for row in reader:
            yield f"line {reader.line_num}", row
    except csv.Error as error:
        raise structural("E202", where, f"line {reader.line_num}: {error}.", "Fetch it again.") from error


def _rows(entries: Iterator[tuple[str, Any]], where: str) -> tuple[list[tuple[Any, ...]], list[Fault]]:
    rows: dict[str, tuple[Any, ...]] = {}
    faults: list[Fault] = []
    for place, entry in entries:
        found = _row(entry)
        if isinstance(found, tuple) and found[0] in rows:
            found = [("E207", f"{found[0]} is listed a second time; the first is kept.")]
        if isinstance(found, tuple):
            rows[found[0]] = found
        else:
            faults += [Fault(id, f"{where}:{place}", message) for id, message in found]
    return list(rows.values()), faults


def _row(entry: object) -> tuple[Any, ...] | list[tuple[str, str]]:
    """Return the entry as a row, or what is wrong with it."""
    if not isinstance(entry, Mapping) or None in entry:
        return [("E211", f"has another shape than the entries of the catalogue: {str(entry)[:60]!r}.")]
    text = {name: str(entry.get(name) or "").strip() for name in _FIELDS}
    wrong: list[tuple[str, str]] = []
    cve = text["cveID"].upper()
    if not CVE_ID.fullmatch(cve):
        wrong.append(("E205", f"cveID {text['cveID'][:40]!r} is no CVE id."))
    added, due = day_of(text["dateAdded"]), day_of(text["dueDate"])
    if added is None:
        wrong.append(("E208", f"dateAdded {text['dateAdded'][:40]!r} is no date; expected YYYY-MM-DD."))
    if due is None and text["dueDate"]:
        wrong.append(
            ("E208", f"dueDate {text['dueDate'][:40]!r} is no date; expected YYYY-MM-DD or nothing.")
        )
    ransomware = _RANSOMWARE.get(text["knownRansomwareCampaignUse"].lower())
    if ransomware is None:
        seen = text["knownRansomwareCampaignUse"][:40]
        wrong.append(("E210", f"knownRansomwareCampaignUse is {seen!r}; expected Known or Unknown."))
    return wrong or (cve, added, due, ransomware, text["vendorProject"], text["product"])


_FIELDS = ("cveID", "dateAdded", "dueDate", "knownRansomwareCampaignUse", "vendorProject", "product")
