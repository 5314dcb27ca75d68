"""CISA Vulnrichment: CVE JSON 5 records with the SSVC values of the CISA-ADP container.

Layout: https://github.com/cisagov/vulnrichment and the CVE record format 5.x,
https://github.com/CVEProject/cve-schema. The date, the CVSS vectors and the publication date
of the record come along, because the same files hold them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import msgspec

from poise.errors import Fault, ThreatFeedError
from poise.threats.opening import record_files
from poise.threats.scores import VECTOR_FIELDS
from poise.threats.table import CVE_ID, FeedTable, checked, day_of, structural, table_of

CISA_ADP = "CISA-ADP"

_EXPLOITATION = {"none": "none", "poc": "poc", "public poc": "poc", "active": "active"}
_AUTOMATABLE = {"yes": True, "no": False}
_TECHNICAL_IMPACT = {"partial": "partial", "total": "total"}
#: The decision points in use, with the words that each allows. CISA writes them in mixed case.
_DECISIONS: dict[str, Mapping[str, object]] = {
    "exploitation": _EXPLOITATION,
    "automatable": _AUTOMATABLE,
    "technical impact": _TECHNICAL_IMPACT,
}


def read_ssvc(path: Path, taken: date | None = None) -> FeedTable:
    """Read CVE records: a folder or zip of them, one record, a JSON array, or one record a line.

    Parameters
    ----------
    path
        Where the records are. Records without a CISA container are read too: they still state
        publication date and CVSS vectors.
    taken
        The day on which the records were fetched. Without it, the newest day that a CISA
        container or an SSVC timestamp names.

    Raises
    ------
    ThreatFeedError
        E200 to E204, E209, E212: the records as a whole are refused.
    """
    where = str(path)
    rows: dict[str, tuple[Any, ...]] = {}
    faults: list[Fault] = []
    newest: date | None = None
    for place, record in _records(path, faults):
        found = _row(record, place, faults)
        if found is None:
            continue
        row, touched = found
        if row[0] in rows:
            faults.append(Fault("E207", place, f"{row[0]} is listed a second time; the first is kept."))
            continue
        rows[row[0]] = row
        newest = max(filter(None, (newest, touched)), default=None)
    day = taken or newest
    if day is None:
        if faults:
            raise ThreatFeedError(faults)
        raise structural("E203", where, "holds no record that says when it was judged or published.")
    return checked(FeedTable("ssvc", day, "", table_of("ssvc", list(rows.values())), tuple(faults)), where)


def _records(path: Path, faults: list[Fault]) -> Iterator[tuple[str, Any]]:
    whole = path.is_file()
    for place, content in record_files(path):
        try:
            document = _decoded(content)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            message = f"is no whole JSON text: {error}."
            if whole and place == path.name:
                raise structural("E202", str(path), message, "Fetch it again.") from error
            faults.append(Fault("E211", place, message))
            continue
        if isinstance(document, list):
            yield from ((f"{place}:record {number}", record) for number, record in enumerate(document, 1))
        else:
            yield place, document


def _decoded(text: bytes) -> Any:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        lines = [line for line in text.splitlines() if line.strip()]
        if len(lines) < 2 or not lines[0].rstrip().endswith(b"}"):
            raise
        return [msgspec.json.decode(line) for line in lines]


def _row(record: object, place: str, faults: list[Fault]) -> tuple[tuple[Any, ...], date | None] | None:
    """Return the row of a record and the newest day it names, or None with a fault added."""
    about = _mapping(record).get("cveMetadata")
    containers = _mapping(record).get("containers")
    if not isinstance(about, Mapping) or not isinstance(containers, Mapping):
        faults.append(Fault("E211", place, "is no CVE JSON 5 record: it has no cveMetadata and containers."))
        return None
    cve = str(about.get("cveId", "")).strip().upper()
    if not CVE_ID.fullmatch(cve):
        faults.append(Fault("E205", place, f"cveId {str(about.get('cveId'))[:40]!r} is no CVE id."))
        return None
    published = day_of(about.get("datePublished"))
    if about.get("datePublished") and published is None:
        faults.append(Fault("E208", place, f"datePublished {about['datePublished']!r} is no date."))
        return None
    cisa = [part for part in _list(containers.get("adp")) if _provider(part) == CISA_ADP]
    values, judged = _ssvc(cisa, place, faults)
    cna = _mapping(containers.get("cna"))
    vector = _vector([cna, *_list(containers.get("adp"))])
    touched = [day_of(_mapping(part.get("providerMetadata")).get("dateUpdated")) for part in cisa]
    newest = max(filter(None, [*touched, judged, published]), default=None)
    return (cve, judged, *values, published, vector), newest


def _ssvc(
    containers: list[Mapping[str, Any]], place: str, faults: list[Fault]
) -> tuple[tuple[object, object, object], date | None]:
    """Return exploitation, automatable and technical impact of the newest judgement, and its day."""
    judgements: list[tuple[date, Mapping[str, Any]]] = []
    for container in containers:
        for metric in _list(container.get("metrics")):
            other = _mapping(metric.get("other"))
            content = _mapping(other.get("content"))
            if str(other.get("type", "")).lower() != "ssvc":
                continue
            stamp = day_of(content.get("timestamp"))
            if stamp is None:
                seen = str(content.get("timestamp"))[:40]
                faults.append(Fault("E208", place, f"SSVC timestamp {seen!r} is no date."))
            else:
                judgements.append((stamp, content))
    if not judgements:
        return (None, None, None), None
    day, newest = max(judgements, key=lambda judgement: judgement[0])
    values: dict[str, object] = {}
    for option in _list(newest.get("options")):
        for name, word in option.items():
            allowed = _DECISIONS.get(str(name).strip().lower())
            if allowed is None:
                continue
            value = allowed.get(str(word).strip().lower())
            if value is None:
                expected = ", ".join(dict.fromkeys(allowed))
                faults.append(Fault("E210", place, f"{name} is {word!r}; expected one of {expected}."))
            values[str(name).strip().lower()] = value
    return (values.get("exploitation"), values.get("automatable"), values.get("technical impact")), day


def _vector(containers: list[Mapping[str, Any]]) -> str:
    """Return the vector of the newest CVSS version; the CNA's before another's of the same version."""
    found: dict[str, str] = {}
    for container in containers:
        for metric in _list(container.get("metrics")):
            for name in VECTOR_FIELDS:
                vector = _mapping(metric.get(name)).get("vectorString")
                if isinstance(vector, str) and vector:
                    found.setdefault(name, vector)
    return next((found[name] for name in VECTOR_FIELDS if name in found), "")


def _provider(container: Mapping[str, Any]) -> str:
    return str(_mapping(container.get("providerMetadata")).get("shortName", ""))


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []
