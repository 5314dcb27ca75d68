"""OWASP Dependency-Check's JSON report: ``dependency-check --format JSON``.

A dependency is a file; its vulnerabilities are findings on that file's component, and related dependencies
are further paths of it. Suppressed vulnerabilities are accepted ones. The report states CVSS metrics as
words, from which the vector is put together; two of its keys are misspelt (``authenticationr>``,
``baseSeverity>``) in versions 5 to 8.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any, Final

import msgspec

from poise.errors import Fault
from poise.scans.finding import AssetIdentity, Component, Finding
from poise.scans.format import Format
from poise.scans.identifiers import parse_when, split_ids, split_purl, trim_evidence
from poise.scans.jsonshape import shape_of
from poise.scans.jsonstream import JsonCursor
from poise.scans.records import (
    RecordError,
    convert,
    json_cursor,
    read_record,
    required,
    score_in_range,
    top_members,
)
from poise.scans.severity import parse_severity
from poise.scans.source import Source

_FILE_FIELDS: Final = frozenset(("fileName", "filePath", "sha256", "packages", "relatedDependencies"))
_LISTS: Final = ("vulnerabilities", "suppressedVulnerabilities")
_METRICS_3: Final = ("attack_vector", "attack_complexity", "privileges_required", "user_interaction", "scope")
_IMPACTS: Final = ("confidentiality_impact", "integrity_impact", "availability_impact")


class _Cvss2(msgspec.Struct, rename="camel"):
    score: float | None = None
    access_vector: str | None = None
    access_complexity: str | None = None
    authentication: str | None = None
    misspelt_authentication: str | None = msgspec.field(default=None, name="authenticationr>")
    confidentiality_impact: str | None = None
    misspelt_confidentiality: str | None = msgspec.field(default=None, name="confidentialImpact")
    integrity_impact: str | None = None
    availability_impact: str | None = None
    severity: str | None = None


class _Cvss3(msgspec.Struct, rename="camel"):
    base_score: float | None = None
    attack_vector: str | None = None
    attack_complexity: str | None = None
    privileges_required: str | None = None
    user_interaction: str | None = None
    scope: str | None = None
    confidentiality_impact: str | None = None
    integrity_impact: str | None = None
    availability_impact: str | None = None
    base_severity: str | None = None
    misspelt_severity: str | None = msgspec.field(default=None, name="baseSeverity>")
    version: str | None = None


class _Cvss4(msgspec.Struct, rename="camel"):
    base_score: float | None = None
    vector_string: str | None = None
    base_severity: str | None = None


class _Reference(msgspec.Struct):
    url: str | None = None
    name: str | None = None


class Software(msgspec.Struct, rename="camel"):
    """A range of versions that a vulnerability is about; ``id`` is a CPE name."""

    id: str | None = None
    vulnerability_id_matched: str | bool | None = None
    version_end_excluding: str | None = None


class _Ranged(msgspec.Struct):
    software: Software | None = None


class _Vulnerability(msgspec.Struct):
    name: str
    source: str | None = None
    severity: str | None = None
    cvssv2: _Cvss2 | None = None
    cvssv3: _Cvss3 | None = None
    cvssv4: _Cvss4 | None = None
    description: str | None = None
    notes: str | None = None
    references: tuple[_Reference, ...] | None = None
    vulnerable_software: tuple[_Ranged, ...] | None = msgspec.field(default=None, name="vulnerableSoftware")


class _Package(msgspec.Struct):
    id: str | None = None


class _Related(msgspec.Struct, rename="camel"):
    file_path: str | None = None


class File(msgspec.Struct, rename="camel"):
    """A dependency without its vulnerabilities."""

    file_name: str
    file_path: str | None = None
    sha256: str | None = None
    packages: tuple[_Package, ...] | None = None
    related_dependencies: tuple[_Related, ...] | None = None


class Project(msgspec.Struct, rename="camel"):
    """What was scanned, and when."""

    name: str | None = None
    report_date: str | None = None


def _sniff(head: str) -> bool:
    shape = shape_of(head)
    return ("reportSchema" in shape or "projectInfo" in shape) and (
        "scanInfo.engineVersion" in shape or "dependencies[].fileName" in shape
    )


def _read(source: Source) -> Iterator[Finding | Fault]:
    project: Project | None = None
    with json_cursor(source) as cursor:
        for key in cursor.members():
            if key == "projectInfo":
                project = _project(source, cursor.value())
            elif key == "dependencies":
                if project is None:
                    late = top_members(source, frozenset(("projectInfo",)))
                    project = _project(source, late.get("projectInfo"))
                for index in cursor.elements():
                    yield from _dependency(source, cursor, project, f"dependency {index + 1}")
        cursor.end()


def _project(source: Source, raw: Any) -> Project:
    try:
        return convert(raw or {}, Project)
    except RecordError as error:
        raise source.refusal(error.identifier, f"In projectInfo: {error}") from error


def _dependency(
    source: Source, cursor: JsonCursor, project: Project, place: str
) -> Iterator[Finding | Fault]:
    fields: dict[str, Any] = {}
    waiting: list[tuple[str, list[Any]]] = []
    for key in cursor.members():
        if key in _FILE_FIELDS:
            fields[key] = cursor.value()
        elif key in _LISTS and "fileName" in fields:
            file = _file(source, fields, place)
            yield from _list(source, key, cursor.values(_Vulnerability), file, project)
        elif key in _LISTS:
            # Some tool has turned the order of the keys; one dependency is small enough to wait for.
            waiting.append((key, list(cursor.values(_Vulnerability))))
    for key, records in waiting:
        yield from _list(source, key, iter(records), _file(source, fields, place), project)


def _file(source: Source, fields: dict[str, Any], place: str) -> File:
    try:
        return convert(fields, File)
    except RecordError as error:
        raise source.refusal(error.identifier, f"The file has no readable name: {error}", place) from error


def _list(
    source: Source, key: str, records: Iterator[Any], file: File, project: Project
) -> Iterator[Finding | Fault]:
    make = partial(finding_of, file=file, project=project, suppressed=key != "vulnerabilities")
    for index, raw in enumerate(records, start=1):
        yield read_record(source, f"{file.file_name}, {key} {index}", raw, make, "name")


def finding_of(record: Any, where: str, *, file: File, project: Project, suppressed: bool) -> Finding:
    """Return the finding of one vulnerability of a dependency.

    Raises
    ------
    RecordError
        When a field is missing or holds what it must not.
    """
    raw = convert(record, _Vulnerability)
    identifier = required(raw.name, "name")
    cves, aliases = split_ids(identifier)
    component = _component(file)
    ranges = (one.software for one in raw.vulnerable_software or () if one.software is not None)
    component = msgspec.structs.replace(component, fixed_versions=fixed_by(component, ranges))
    vectors, score, rated = _cvss(raw)
    word = raw.severity or rated
    paths = (file.file_path, *(one.file_path for one in file.related_dependencies or ()))
    return Finding(
        where=where,
        identity=f"{component.purl or file.file_name}|{identifier}",
        asset=AssetIdentity(path=project.name or ""),
        rule=f"dependency-check:{identifier}",
        title=f"{identifier} in {file.file_name}",
        cves=cves,
        aliases=aliases,
        component=component,
        status="accepted" if suppressed else "open",
        severity=parse_severity(word),
        severity_text=word,
        cvss_vectors=vectors,
        cvss_score=score,
        last_seen=parse_when(project.report_date),
        locations=tuple(dict.fromkeys(path for path in paths if path)),
        evidence=trim_evidence(raw.notes or ""),
        references=tuple(dict.fromkeys(one.url for one in raw.references or () if one.url)),
    )


#: Makers whose name stands in the package URLs of too many unrelated products to tell one from another.
_BROAD_MAKERS: Final = frozenset(("apache", "eclipse", "google", "microsoft", "oracle", "redhat"))


def fixed_by(component: Component, software: Iterable[Software]) -> tuple[str, ...]:
    """Return the versions that end the matched ranges, where these are ranges of this very component.

    Dependency-Check also lists a vulnerability under files that merely resemble the product; the
    product's version says nothing of those, so their fix stays unknown.
    """
    known = re.sub(r"[^a-z0-9]", "", f"{component.purl.partition('@')[0]} {component.name}".lower())
    found: dict[str, None] = {}
    for one in software:
        end, parts = one.version_end_excluding, (one.id or "").strip().split(":")
        place = 3 if parts[1:2] == ["2.3"] else 2
        if not end or one.vulnerability_id_matched not in (True, "true") or len(parts) < place + 2:
            continue
        maker, product = parts[place : place + 2]
        names = (product, *(() if maker in _BROAD_MAKERS else (maker,)))
        if any(re.sub(r"[^a-z0-9]", "", name.lower()) in known for name in names):
            found[end] = None
    return tuple(found)


def _component(file: File) -> Component:
    """Return the component by its package URL; a file without one is known by its name alone."""
    for package in file.packages or ():
        ecosystem, name, version = split_purl(package.id or "")
        if name:
            return Component(name=name, ecosystem=ecosystem, installed_version=version, purl=package.id or "")
    return Component(name=file.file_name)


def _cvss(raw: _Vulnerability) -> tuple[tuple[str, ...], float | None, str]:
    """Return vectors, base score and severity word of the newest CVSS version that is given."""
    vectors: list[str] = []
    scores: list[float | None] = []
    words: list[str | None] = []
    if raw.cvssv4:
        vectors += [raw.cvssv4.vector_string] if raw.cvssv4.vector_string else []
        scores.append(raw.cvssv4.base_score)
        words.append(raw.cvssv4.base_severity)
    if raw.cvssv3:
        vectors += _vector_3(raw.cvssv3)
        scores.append(raw.cvssv3.base_score)
        words.append(raw.cvssv3.base_severity or raw.cvssv3.misspelt_severity)
    if raw.cvssv2:
        vectors += _vector_2(raw.cvssv2)
        scores.append(raw.cvssv2.score)
        words.append(raw.cvssv2.severity)
    score = next((found for one in scores if (found := score_in_range(one)) is not None), None)
    return tuple(vectors), score, next((word for word in words if word), "")


def _vector_3(cvss: _Cvss3) -> list[str]:
    """Return the vector; each metric's value is the first letter of its word.

    Versions before 9 do not say whether it is 3.0 or 3.1, which name the base metrics alike.
    """
    words = [getattr(cvss, name) for name in (*_METRICS_3, *_IMPACTS)]
    if not all(words):
        return []
    metrics = zip(("AV", "AC", "PR", "UI", "S", "C", "I", "A"), words, strict=True)
    version = "3.0" if cvss.version == "3.0" else "3.1"
    return [f"CVSS:{version}/" + "/".join(f"{name}:{word[0].upper()}" for name, word in metrics)]


def _vector_2(cvss: _Cvss2) -> list[str]:
    """Return the vector; each metric's value is the first letter of its word."""
    words = [
        cvss.access_vector,
        cvss.access_complexity,
        cvss.authentication or cvss.misspelt_authentication,
        cvss.confidentiality_impact or cvss.misspelt_confidentiality,
        cvss.integrity_impact,
        cvss.availability_impact,
    ]
    given = [word for word in words if word]
    if len(given) < len(words):
        return []
    metrics = zip(("AV", "AC", "Au", "C", "I", "A"), given, strict=True)
    return ["/".join(f"{name}:{word[0].upper()}" for name, word in metrics)]


FORMATS = (Format("dependency-check-json", "OWASP Dependency-Check", "json", _sniff, _read),)
