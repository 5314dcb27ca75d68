"""CycloneDX in JSON, versions 1.2 to 1.6: a software list with vulnerabilities, or a VEX without components.

Each vulnerability is a finding on each component version that it affects. Components may be nested and may
stand behind the vulnerabilities; they are held as one short text each, and nothing else of the file is held.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import partial
from typing import Any, Final, NamedTuple
from urllib.parse import unquote

import msgspec

from poise.errors import Fault
from poise.scans.finding import AssetIdentity, Component, Finding, Status
from poise.scans.format import Format
from poise.scans.identifiers import parse_when, split_ids, split_purl, trim_evidence
from poise.scans.jsonshape import shape_of
from poise.scans.jsonstream import JsonCursor
from poise.scans.records import (
    RecordError,
    convert,
    json_cursor,
    record_fault,
    required,
    score_in_range,
)
from poise.scans.severity import parse_severity
from poise.scans.source import Source

_PART: Final = "\x1f"
_COMPONENT_FIELDS: Final = frozenset(("bom-ref", "group", "name", "version", "purl", "type"))
#: CycloneDX "impact analysis state"; what is not affected is no finding that anyone has to mend.
_STATUSES: Final[dict[str, Status]] = {
    "resolved": "fixed",
    "resolved_with_pedigree": "fixed",
    "false_positive": "false_positive",
    "not_affected": "false_positive",
}
_PREFIXES: Final = {"CVSSv3": "CVSS:3.0/", "CVSSv31": "CVSS:3.1/", "CVSSv4": "CVSS:4.0/", "CVSSv2": ""}


class _Named(msgspec.Struct):
    name: str | None = None
    url: str | None = None


class _Reference(msgspec.Struct):
    id: str | None = None
    source: _Named | None = None


class _Rating(msgspec.Struct):
    source: _Named | None = None
    score: float | None = None
    severity: str | None = None
    method: str | None = None
    vector: str | None = None


class _Advisory(msgspec.Struct):
    url: str | None = None


class _Analysis(msgspec.Struct):
    state: str | None = None
    justification: str | None = None
    detail: str | None = None


class _Version(msgspec.Struct):
    version: str | None = None
    range: str | None = None
    status: str | None = None


class _Affects(msgspec.Struct):
    ref: str
    versions: tuple[_Version, ...] | None = None


class _Vulnerability(msgspec.Struct, rename="kebab"):
    id: str | None = None
    bom_ref: str | None = None
    source: _Named | None = None
    references: tuple[_Reference, ...] | None = None
    ratings: tuple[_Rating, ...] | None = None
    description: str | None = None
    detail: str | None = None
    recommendation: str | None = None
    workaround: str | None = None
    advisories: tuple[_Advisory, ...] | None = None
    analysis: _Analysis | None = None
    affects: tuple[_Affects, ...] | None = None


class Part(msgspec.Struct, rename="kebab"):
    """A component, as a list describes it."""

    bom_ref: str | None = None
    group: str | None = None
    name: str | None = None
    version: str | None = None
    purl: str | None = None
    type: str | None = None


class Metadata(msgspec.Struct):
    """What a list says about itself."""

    timestamp: str | None = None
    component: Part | None = None


class Bom:
    """What a software list says besides its vulnerabilities."""

    def __init__(self) -> None:
        self.serial = ""
        self.metadata = Metadata()
        #: From a component's reference to "name, version, purl", joined by a unit separator.
        self.parts: dict[str, str] = {}
        self.system = ""

    def add(self, part: Part) -> None:
        """Remember a component under its reference."""
        name = f"{part.group}/{part.name}" if part.group and part.name else part.name or ""
        if part.type == "operating-system" and not self.system:
            self.system = f"{name} {part.version or ''}".strip()
        reference = part.bom_ref or part.purl
        if reference:
            purl = "" if part.purl == reference else part.purl or ""
            self.parts[reference] = _PART.join((name, part.version or "", purl))

    def component(self, reference: str) -> Component:
        """Return the component that a vulnerability points to, by its name where the list lacks it."""
        own = reference
        if reference.startswith("urn:cdx:") and "#" in reference:
            own = unquote(reference.partition("#")[2])
        found = self.parts.get(reference) or self.parts.get(own)
        if found is None:
            return _outside(own)
        name, version, purl = found.split(_PART)
        purl = purl or (own if own.startswith("pkg:") else "")
        return Component(name=name, ecosystem=split_purl(purl)[0], installed_version=version, purl=purl)

    @property
    def asset(self) -> AssetIdentity:
        """Return what the list describes."""
        root = self.metadata.component
        tags = (self.serial,) if self.serial else ()
        if root is None:
            return AssetIdentity(path=self.serial, operating_system=self.system)
        purl, name = root.purl or "", root.name or ""
        digest = next((text for text in (root.version or "", split_purl(purl)[2]) if _is_digest(text)), "")
        if root.type == "container":
            return AssetIdentity(
                image=name, image_digest=digest, purl=purl, operating_system=self.system, tags=tags
            )
        title = f"{root.group}/{name}" if root.group else name
        label = f"{title}@{root.version}" if root.version and title else title
        return AssetIdentity(purl=purl, path=label, operating_system=self.system, tags=tags)


def _is_digest(text: str) -> bool:
    return text.startswith("sha256:")


def _outside(reference: str) -> Component:
    """Name a component that the list does not hold, as a VEX document does."""
    if not reference.startswith("pkg:"):
        return Component(name=reference)
    ecosystem, name, version = split_purl(reference)
    return Component(name=name, ecosystem=ecosystem, installed_version=version, purl=reference)


def _sniff(head: str) -> bool:
    shape = shape_of(head)
    return shape.get("bomFormat") == "CycloneDX" or (
        "specVersion" in shape and "cyclonedx" in shape.get("$schema", "").lower()
    )


def _read(source: Source) -> Iterator[Finding | Fault]:
    bom = Bom()
    seen: set[str] = set()
    with json_cursor(source) as cursor:
        for key in cursor.members():
            seen.add(key)
            if key == "vulnerabilities":
                if "components" not in seen or "metadata" not in seen:
                    bom = _whole_bom(source)
                asset, when = bom.asset, parse_when(bom.metadata.timestamp)
                make = partial(findings_of, bom=bom, asset=asset, when=when)
                for index, raw in enumerate(cursor.values(_Vulnerability), start=1):
                    where = f"vulnerability {index}"
                    try:
                        yield from make(raw, where)
                    except RecordError as error:
                        name = raw.get("id") if isinstance(raw, dict) else ""
                        yield record_fault(source, where, error, name if isinstance(name, str) else "")
            else:
                _member(source, cursor, key, bom)
        cursor.end()
    if seen.isdisjoint(("bomFormat", "specVersion", "$schema")):
        raise source.refusal("E412", "The file does not say that it is CycloneDX (bomFormat, specVersion).")


def _whole_bom(source: Source) -> Bom:
    """Walk the file once for the components: they stand behind the vulnerabilities."""
    bom = Bom()
    with json_cursor(source) as cursor:
        for key in cursor.members():
            _member(source, cursor, key, bom)
    return bom


def _member(source: Source, cursor: JsonCursor, key: str, bom: Bom) -> None:
    """Take what a member of the outermost object tells about the components."""
    try:
        if key == "serialNumber":
            bom.serial = convert(cursor.value(), str)
        elif key == "metadata":
            bom.metadata = convert(cursor.value() or {}, Metadata)
            if bom.metadata.component:
                bom.add(bom.metadata.component)
        elif key == "components":
            _components(source, cursor, bom, 1)
    except RecordError as error:
        raise source.refusal(error.identifier, f"In {key}: {error}", cursor.place) from error


def _components(source: Source, cursor: JsonCursor, bom: Bom, depth: int) -> None:
    if depth > source.limits.depth:
        raise source.refusal(
            "E409", f"Components are nested more than {source.limits.depth} deep.", cursor.place
        )
    for _ in cursor.elements():
        fields: dict[str, Any] = {}
        for key in cursor.members():
            if key in _COMPONENT_FIELDS:
                fields[key] = cursor.value()
            elif key == "components":
                _components(source, cursor, bom, depth + 1)
        bom.add(convert(fields, Part))


class _Shared(NamedTuple):
    """What the findings of one vulnerability have in common."""

    severity_text: str
    vectors: tuple[str, ...]
    score: float | None


def findings_of(
    record: Any, where: str, *, bom: Bom, asset: AssetIdentity, when: datetime | None
) -> Iterator[Finding]:
    """Yield a finding for each component that a vulnerability affects; raises ``RecordError``."""
    raw = convert(record, _Vulnerability)
    identifier = required(raw.id or raw.bom_ref, "id")
    cves, aliases = split_ids((identifier, *(one.id or "" for one in raw.references or ())))
    rated = _rating(raw)
    analysis = raw.analysis or _Analysis()
    notes = (analysis.state, analysis.justification, analysis.detail)
    links = [raw.source.url if raw.source else "", *(one.url for one in raw.advisories or ())]
    links += [one.source.url for one in raw.references or () if one.source]
    shared = Finding(
        where=where,
        identity=identifier,
        asset=asset,
        rule=f"cyclonedx:{identifier}",
        title=identifier,
        cves=cves,
        aliases=aliases,
        status=_STATUSES.get(analysis.state or "", "open"),
        severity=parse_severity(rated.severity_text),
        severity_text=rated.severity_text,
        cvss_vectors=rated.vectors,
        cvss_score=rated.score,
        last_seen=when,
        evidence=trim_evidence("; ".join(note for note in notes if note)),
        remedy="\n".join(text for text in (raw.recommendation, raw.workaround) if text),
        references=tuple(dict.fromkeys(link for link in links if link)),
    )
    if not raw.affects:
        yield shared
    for affects in raw.affects or ():
        component = bom.component(required(affects.ref, "affects.ref"))
        versions = affects.versions or ()
        if not component.installed_version and len(versions) == 1 and versions[0].version:
            component = msgspec.structs.replace(component, installed_version=versions[0].version)
        spared = versions and all(one.status == "unaffected" for one in versions)
        yield msgspec.structs.replace(
            shared,
            identity=f"{identifier}|{component.purl or component.name}|{component.installed_version}",
            title=f"{identifier} in {component.name} {component.installed_version}".rstrip(),
            component=component,
            status="false_positive" if spared else shared.status,
            locations=(affects.ref,),
        )


def _rating(raw: _Vulnerability) -> _Shared:
    """Return the severity and score of the source that the vulnerability names, else of the first rating.

    A list may carry ratings of many sources; each has its own word, and only one is the scanner's.
    """
    ratings = list(raw.ratings or ())
    own = raw.source.name if raw.source else None
    ratings.sort(key=lambda one: not (one.source and one.source.name and one.source.name == own))
    word = next((one.severity for one in ratings if one.severity), "")
    vectors: dict[str, None] = {}
    score: float | None = None
    for one in ratings:
        prefix = _PREFIXES.get(one.method or "")
        if prefix is not None:
            score = score_in_range(one.score) if score is None else score
        if one.vector and (prefix is not None or one.vector.startswith("CVSS:")):
            # The method says the version; the vector often lacks it.
            plain = one.vector if one.vector.startswith(("CVSS:", "(")) else f"{prefix or ''}{one.vector}"
            vectors[plain] = None
    return _Shared(word, tuple(vectors), score)


FORMATS = (Format("cyclonedx-json", "CycloneDX", "json", _sniff, _read),)
