"""Joining the records of one finding that a report spreads over several rows.

Nessus writes a row per CVE, Qualys VMDR one per CVE and check, every network scanner one per port. Rows of
one finding stand close together, so only the latest findings are held back and memory stays flat. Should one
come again much later, it comes out a second time with the same identity, which counts once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, Final

import msgspec

from poise.errors import Fault
from poise.scans.finding import Finding
from poise.scans.identifiers import trim_evidence

#: Records held back at once; at 4,000 characters of evidence each this is at most 40 MB.
WINDOW_RECORDS: Final = 2_000


def join_rows(
    found: Iterable[Finding | Fault], window_records: int = WINDOW_RECORDS
) -> Iterator[Finding | Fault]:
    """Yield the findings with the records of equal identity made one, and every fault at once.

    Parameters
    ----------
    found
        Findings and faults in the order of the report.
    window_records
        How many records are held back, at least 1.
    """
    held: dict[str, Finding | list[Finding]] = {}
    count = 0
    for item in found:
        if isinstance(item, Fault):
            yield item
            continue
        earlier = held.get(item.identity)
        if earlier is None:
            held[item.identity] = item
        elif isinstance(earlier, list):
            earlier.append(item)
        else:
            held[item.identity] = [earlier, item]
        count += 1
        if count >= window_records:
            oldest = held.pop(next(iter(held)))
            count -= len(oldest) if isinstance(oldest, list) else 1
            yield join(oldest) if isinstance(oldest, list) else oldest
    for last in held.values():
        yield join(last) if isinstance(last, list) else last


def join(records: list[Finding]) -> Finding:
    """Return several records of one finding as one.

    Texts are the first record's that has any; ids, vectors, references and places are all kept; the finding
    is open when one of its records is, and was seen from the first to the last time that any was.

    Parameters
    ----------
    records
        At least one; all of one identity.
    """
    first = records[0]
    changes: dict[str, Any] = {
        name: _united(records, name)
        for name in ("cves", "aliases", "cvss_vectors", "remedy_ids", "references")
    }
    ports = tuple(dict.fromkeys(record.port for record in records if record.port))
    changes["locations"] = tuple(
        dict.fromkeys((*(ports if len(ports) > 1 else ()), *_united(records, "locations")))
    )
    changes["port"] = ports[0] if ports else ""
    changes["evidence"] = trim_evidence("\n\n".join(dict.fromkeys(r.evidence for r in records if r.evidence)))
    changes["remedy"] = next((record.remedy for record in records if record.remedy), "")
    scores = [record.cvss_score for record in records if record.cvss_score is not None]
    changes["cvss_score"] = max(scores, default=None)
    changes["first_seen"] = min(_times(records, "first_seen"), default=None)
    changes["last_seen"] = max(_times(records, "last_seen"), default=None)
    if any(record.status == "open" for record in records):
        changes["status"] = "open"
    return msgspec.structs.replace(first, **changes)


def _united(records: list[Finding], name: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part for record in records for part in getattr(record, name)))


def _times(records: list[Finding], name: str) -> list[datetime]:
    return [time for record in records if (time := getattr(record, name)) is not None]
