"""Rapid7 Nexpose and InsightVM: XML Export and XML Export 2.0 (NexposeReport 1.0, 2.0).

``nodes/node`` is an asset; its ``tests`` and those of its services name a vulnerability and how it was
found. Only vulnerable results are findings. Titles, CVE ids and solutions follow in
``VulnerabilityDefinitions`` and are read in a pass before. A finding is one vulnerability on one node.
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element

import msgspec

from poise.errors import Fault
from poise.scans.finding import AssetIdentity, Finding, Severity, Status
from poise.scans.format import Format
from poise.scans.identifiers import parse_when, split_ids, trim_evidence
from poise.scans.records import RecordError, record_fault
from poise.scans.severity import parse_severity
from poise.scans.source import Source
from poise.scans.xmlfields import all_text, distinct, score_of
from poise.scans.xmlstream import elements, root_name

#: Results that say "vulnerable", and how. ``exception`` results were excluded by an approved exception.
_STATUSES: dict[str, Status] = {
    "vulnerable-exploited": "open",
    "vulnerable-version": "open",
    "vulnerable-potential": "open",
    "potential": "open",
    "exception-vulnerable-exploited": "accepted",
    "exception-vulnerable-version": "accepted",
    "exception-vulnerable-potential": "accepted",
}

#: Rapid7's words for its severities 1 to 10: lowest number of each.
_STEPS = ((8, "Critical"), (4, "Severe"), (1, "Moderate"))
_STEP_SEVERITIES: dict[str, Severity] = {"Critical": "critical", "Severe": "high"}

_ALIAS_SOURCES = frozenset({"MS", "REDHAT", "RHSA", "USN", "DEBIAN", "DSA", "GLSA", "SUSE", "VMSA", "CISCO"})
_REMEDY_SOURCES = frozenset({"MS", "MSKB", "REDHAT", "RHSA", "USN", "DSA", "GLSA", "VMSA"})


class _Definition(msgspec.Struct, frozen=True, gc=False):
    """What the report says about one vulnerability."""

    title: str = ""
    severity: Severity | None = None
    severity_text: str = ""
    cves: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    vectors: tuple[str, ...] = ()
    score: float | None = None
    remedy: str = ""
    remedy_ids: tuple[str, ...] = ()
    references: tuple[str, ...] = ()


def _sniff(head: str) -> bool:
    return root_name(head)[0] == "NexposeReport"


def _read(source: Source) -> Iterator[Finding | Fault]:
    definitions: dict[str, _Definition] = {}
    for element, ancestors in elements(source, ("vulnerability",)):
        if ancestors and ancestors[-1].tag == "VulnerabilityDefinitions":
            identifier = element.get("id", "").lower()
            try:
                definitions[identifier] = _definition(element)
            except RecordError as error:
                definitions[identifier] = _Definition(title=element.get("title", ""))
                yield record_fault(source, f"vulnerability {identifier}", error)
    node: Element | None = None
    asset = AssetIdentity()
    seen: set[str] = set()
    for element, ancestors in elements(source, ("names", "fingerprints", "test"), seen):
        parent = next((one for one in reversed(ancestors) if one.tag == "node"), None)
        if parent is None:
            continue
        if parent is not node:
            node, asset = parent, _asset(parent, (), "")
        if element.tag == "names" and ancestors[-1] is parent:
            names = tuple((one.text or "").strip() for one in element)
            asset = _asset(parent, names, asset.operating_system)
        elif element.tag == "fingerprints" and ancestors[-1] is parent:
            asset = _asset(parent, asset.hostnames, _system(element))
        elif element.tag == "test":
            where = f"node {asset.label}, test {element.get('id', '(none)')}"
            try:
                found = _finding(element, ancestors, where, asset, definitions)
                if found is not None:
                    yield found
            except RecordError as error:
                yield record_fault(source, where, error)
    if "nodes" not in seen:
        raise source.refusal("E412", "The report has no <nodes>.", hint="Export it as XML Export 2.0.")


def _asset(node: Element, names: tuple[str, ...], system: str) -> AssetIdentity:
    device = node.get("device-id", "")
    mac = node.get("hardware-address", "")
    return AssetIdentity(
        hostnames=distinct(*names),
        ips=distinct(node.get("address", "").strip()),
        agent_id=f"nexpose:{device}" if device else "",
        operating_system=system,
        tags=distinct(f"mac:{mac}" if mac else "", node.get("site-name", "")),
    )


def _system(fingerprints: Element) -> str:
    """Return the most certain operating system."""
    best = max(fingerprints.iterfind("os"), key=lambda one: one.get("certainty", ""), default=None)
    if best is None:
        return ""
    return " ".join(distinct(*(best.get(part, "") for part in ("vendor", "product", "version"))))


def _finding(
    test: Element,
    ancestors: list[Element],
    where: str,
    asset: AssetIdentity,
    definitions: dict[str, _Definition],
) -> Finding | None:
    identifier = test.get("id", "").strip()
    if not identifier:
        raise RecordError("The test has no id.", "E411", "The record was left out.")
    status = _STATUSES.get(test.get("status", "").strip().lower())
    if status is None:
        return None
    known = definitions.get(identifier.lower(), _Definition())
    endpoint = next((one for one in ancestors if one.tag == "endpoint"), None)
    place = f"{endpoint.get('port', '')}/{endpoint.get('protocol', '')}" if endpoint is not None else ""
    since = test.get("vulnerable-since", "")
    return Finding(
        where=where,
        identity="\n".join((asset.agent_id, *asset.ips, identifier.lower())),
        asset=asset,
        rule=f"nexpose:{identifier}",
        title=known.title or identifier,
        cves=known.cves,
        aliases=known.aliases,
        status=status,
        severity=known.severity,
        severity_text=known.severity_text,
        cvss_vectors=known.vectors,
        cvss_score=known.score,
        # Nexpose writes 20210211T163822649: the milliseconds follow without a separator.
        first_seen=parse_when(since[:15]),
        port=place,
        locations=distinct(place, test.get("key", "")),
        evidence=trim_evidence(all_text(test)),
        remedy=known.remedy,
        remedy_ids=known.remedy_ids,
        references=known.references,
    )


def _definition(element: Element) -> _Definition:
    references = [
        (one.get("source", "").upper(), (one.text or "").strip())
        for one in element.iterfind("references/reference")
    ]
    cves, others = split_ids(text for kind, text in references if kind == "CVE")
    number = element.get("severity", "").strip()
    if number and not (number.isascii() and number.isdigit() and 0 <= int(number[:3]) <= 10):
        raise RecordError(f"The severity is {number[:40]!r}, expected a number from 1 to 10.")
    word = next((name for least, name in _STEPS if number and int(number) >= least), "")
    newest = element.get("cvssV3Score", "") or element.get("cvssScore", "")
    vectors = (element.get(name, "").strip("() ") for name in ("cvssV3Vector", "cvssVector"))
    return _Definition(
        title=element.get("title", ""),
        severity=_STEP_SEVERITIES.get(word) or parse_severity(word),
        severity_text=f"{word} ({number})" if word else number,
        cves=cves,
        aliases=distinct(*others, *(text for kind, text in references if kind in _ALIAS_SOURCES)),
        vectors=distinct(*vectors),
        score=score_of(newest, "cvssScore"),
        remedy=all_text(element.find("solution")),
        remedy_ids=distinct(*(text for kind, text in references if kind in _REMEDY_SOURCES)),
        references=distinct(*(text for kind, text in references if kind not in _ALIAS_SOURCES | {"CVE"})),
    )


FORMATS = (Format("nexpose-xml", "Rapid7 Nexpose", "xml", _sniff, _read),)
