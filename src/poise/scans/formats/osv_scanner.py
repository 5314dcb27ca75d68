"""OSV-Scanner's JSON report: ``osv-scanner --format json``.

Results hold packages, packages hold OSV records (https://ossf.github.io/osv-schema/) and, behind them, groups
of records that are one vulnerability under several names. Each record is a finding of its own identity unless
the same record stands twice for one package of one source.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, TypeVar
from urllib.parse import quote

import msgspec

from poise.errors import Fault
from poise.scans.finding import AssetIdentity, Component, Finding, Status
from poise.scans.format import Format
from poise.scans.identifiers import split_ids
from poise.scans.jsonshape import shape_of
from poise.scans.jsonstream import JsonCursor
from poise.scans.records import (
    RecordError,
    Texts,
    convert,
    json_cursor,
    record_fault,
    required,
    score_in_range,
)
from poise.scans.severity import parse_severity
from poise.scans.source import Source

_VECTOR_TYPES: Final = ("CVSS_V4", "CVSS_V3", "CVSS_V2")


class _Severity(msgspec.Struct):
    type: str | None = None
    score: str | None = None


class _AffectedPackage(msgspec.Struct):
    name: str | None = None
    ecosystem: str | None = None
    purl: str | None = None


class _Event(msgspec.Struct):
    introduced: str | None = None
    fixed: str | None = None


class _Range(msgspec.Struct):
    type: str | None = None
    events: tuple[_Event, ...] | None = None


class _Affected(msgspec.Struct):
    package: _AffectedPackage | None = None
    ranges: tuple[_Range, ...] | None = None
    severity: tuple[_Severity, ...] | None = None


class _Reference(msgspec.Struct):
    url: str | None = None


class _Record(msgspec.Struct):
    id: str
    aliases: Texts = None
    upstream: Texts = None
    summary: str | None = None
    severity: tuple[_Severity, ...] | None = None
    affected: tuple[_Affected, ...] | None = None
    references: tuple[_Reference, ...] | None = None
    database_specific: Any = None
    ecosystem_specific: Any = None


class _Package(msgspec.Struct):
    name: str | None = None
    version: str | None = None
    ecosystem: str | None = None
    commit: str | None = None


class _Analysis(msgspec.Struct):
    called: bool | None = None


class _Group(msgspec.Struct):
    ids: Texts = None
    aliases: Texts = None
    max_severity: str | None = None
    experimental_analysis: dict[str, _Analysis] | None = msgspec.field(
        default=None, name="experimentalAnalysis"
    )


class _ScanSource(msgspec.Struct):
    path: str | None = None
    type: str | None = None


def _sniff(head: str) -> bool:
    shape = shape_of(head)
    if "results[].packages[].package" in shape or "results[].packages[].vulnerabilities" in shape:
        return True
    return shape.get("results") in ("[]", "null") and (
        "experimental_config" in shape or "results[].packages" in shape
    )


def _read(source: Source) -> Iterator[Finding | Fault]:
    late: list[Any] | None = None
    with json_cursor(source) as cursor:
        for key in cursor.members():
            if key != "results":
                continue
            for index in cursor.elements():
                known: dict[str, Any] = {}
                for inner in cursor.members():
                    if inner == "source":
                        known["source"] = cursor.value()
                    elif inner == "packages":
                        if "source" not in known:
                            late = _late_sources(source) if late is None else late
                            known["source"] = late[index]
                        place = f"result {index + 1}"
                        path = _surrounding(source, known["source"], _ScanSource, place)
                        for number in cursor.elements():
                            yield from _package(source, cursor, path, f"{place}, package {number + 1}")
        cursor.end()


def _late_sources(source: Source) -> list[Any]:
    """Walk the report once for the sources alone: some tool has sorted its keys."""
    found: list[Any] = []
    with json_cursor(source) as cursor:
        for key in cursor.members():
            if key == "results":
                for _ in cursor.elements():
                    found.append(None)
                    for inner in cursor.members():
                        if inner == "source":
                            found[-1] = cursor.value()
    return found


_T = TypeVar("_T", bound=msgspec.Struct)


def _surrounding(source: Source, value: Any, kind: type[_T], place: str) -> _T:
    """Return what surrounds records; if it cannot be read, none of them has a name."""
    try:
        return convert({} if value is None else value, kind)
    except RecordError as error:
        raise source.refusal(error.identifier, str(error), place) from error


def _package(
    source: Source, cursor: JsonCursor, scanned: _ScanSource, place: str
) -> Iterator[Finding | Fault]:
    """Read the records of one package; its groups stand behind them, so they wait for the package's end."""
    package: _Package | None = None
    found: list[tuple[str, Finding]] = []
    waiting: list[tuple[str, _Record]] = []
    groups: dict[str, _Group] = {}
    for key in cursor.members():
        if key == "package":
            package = _surrounding(source, cursor.value(), _Package, place)
        elif key == "vulnerabilities":
            for index, raw in enumerate(cursor.values(_Record), start=1):
                where = f"{place}, vulnerability {index}"
                try:
                    record = convert(raw, _Record)
                    required(record.id, "id")
                except RecordError as error:
                    name = raw.get("id") if isinstance(raw, dict) else ""
                    yield record_fault(source, where, error, name if isinstance(name, str) else "")
                    continue
                if package is None:
                    waiting.append((where, record))
                else:
                    found.append((record.id, _finding(record, where, package, scanned)))
        elif key == "groups":
            for raw in cursor.values():
                group = _surrounding(source, raw, _Group, f"{place}, groups")
                groups.update(dict.fromkeys(group.ids or (), group))
    found += [(one.id, _finding(one, where, package or _Package(), scanned)) for where, one in waiting]
    for identifier, finding in found:
        yield _grouped(finding, groups[identifier]) if identifier in groups else finding


def _grouped(finding: Finding, group: _Group) -> Finding:
    """Add what the group of a record says: further names, the highest score, what call analysis found."""
    names = (*finding.cves, *finding.aliases, *(group.ids or ()), *(group.aliases or ()))
    cves, aliases = split_ids(names)
    return msgspec.structs.replace(
        finding, cves=cves, aliases=aliases, cvss_score=_score(group.max_severity), status=_status(group)
    )


def _finding(record: _Record, where: str, package: _Package, scanned: _ScanSource) -> Finding:
    cves, aliases = split_ids((record.id, *(record.aliases or ()), *(record.upstream or ())))
    name, version = package.name or "", package.version or package.commit or ""
    affected = _affected(record, package)
    fixed = _fixed_versions(affected)
    word = _severity_word(record, affected)
    path = scanned.path or ""
    ratings = [*(record.severity or ()), *(rating for one in affected for rating in one.severity or ())]
    vectors = (one.score for one in ratings if one.type in _VECTOR_TYPES and one.score)
    return Finding(
        where=where,
        identity=f"{path}|{name}|{package.ecosystem or ''}|{version}|{record.id}",
        asset=AssetIdentity(path=path),
        rule=f"osv:{record.id}",
        title=record.summary or f"{record.id} in {name} {version}".rstrip(),
        cves=cves,
        aliases=aliases,
        component=Component(
            name=name,
            ecosystem=package.ecosystem or "",
            installed_version=version,
            fixed_versions=fixed,
            purl=_purl(affected, version),
        ),
        severity=parse_severity(word),
        severity_text=word,
        cvss_vectors=tuple(dict.fromkeys(vectors)),
        locations=(path,) if path else (),
        remedy=f"Update {name} to {' or '.join(fixed)}." if fixed else "",
        references=tuple(dict.fromkeys(one.url for one in record.references or () if one.url)),
    )


def _affected(record: _Record, package: _Package) -> tuple[_Affected, ...]:
    """Return the parts of the record that are about this package; a record may cover many."""
    ecosystem = (package.ecosystem or "").partition(":")[0].lower()
    return tuple(
        one
        for one in record.affected or ()
        if one.package
        and (one.package.name or "").lower() == (package.name or "").lower()
        and (one.package.ecosystem or "").partition(":")[0].lower() == ecosystem
    )


def _purl(affected: tuple[_Affected, ...], version: str) -> str:
    """Return the package URL of the installed version; the record names the package without one."""
    for one in affected:
        purl = (one.package.purl if one.package else None) or ""
        if purl and version and not set("@?#") & set(purl.rpartition("/")[2]):
            return f"{purl}@{quote(version, safe='')}"
    return ""


def _fixed_versions(affected: tuple[_Affected, ...]) -> tuple[str, ...]:
    events = (
        event
        for one in affected
        for span in one.ranges or ()
        if span.type != "GIT"  # commits, not versions
        for event in span.events or ()
    )
    return tuple(dict.fromkeys(event.fixed for event in events if event.fixed))


def _severity_word(record: _Record, affected: tuple[_Affected, ...]) -> str:
    """Return the database's own word: GitHub, Go and Rust write it apart from the CVSS vectors."""
    for rating in (*(record.severity or ()), *(rating for one in affected for rating in one.severity or ())):
        if rating.type and rating.type not in _VECTOR_TYPES and rating.score:
            return rating.score
    for specific in (record.database_specific, record.ecosystem_specific):
        word = specific.get("severity") if isinstance(specific, dict) else None
        if isinstance(word, str) and word:
            return word
    return ""


def _score(text: str | None) -> float | None:
    """Return the group's highest CVSS base score; OSV-Scanner writes it as a text, empty for none."""
    try:
        return score_in_range(float(text)) if text else None
    except ValueError:
        return None


def _status(group: _Group) -> Status:
    """Say "false positive" where call analysis found that no vulnerable function is called."""
    analysis = (group.experimental_analysis or {}).values()
    return "false_positive" if analysis and all(one.called is False for one in analysis) else "open"


FORMATS = (Format("osv-scanner-json", "OSV-Scanner", "json", _sniff, _read),)
