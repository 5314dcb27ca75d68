"""OWASP Dependency-Check's XML report, schema versions 1.0 to 4.x.

It says what the JSON report says, with other spellings: a dependency is turned into the JSON report's
record, so that both reports of one scan give the same findings.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from xml.etree.ElementTree import Element

import msgspec

from poise.errors import Fault
from poise.scans.finding import Component, Finding
from poise.scans.format import Format
from poise.scans.formats import dependency_check_json as report
from poise.scans.records import RecordError, convert, record_fault
from poise.scans.source import Source
from poise.scans.xmlfields import score_of, text_of, texts_of
from poise.scans.xmlstream import elements, root_name

_LISTS = {"vulnerability": False, "suppressedVulnerability": True}

#: Names of CVSS v2 metrics in the JSON report, by their names in schema 2 and later, and in schema 1.
_CVSS2 = {
    "score": ("score", "cvssScore"),
    "accessVector": ("accessVector", "cvssAccessVector"),
    "accessComplexity": ("accessComplexity", "cvssAccessComplexity"),
    "authentication": ("authenticationr", "cvssAuthenticationr"),
    "confidentialityImpact": ("confidentialImpact", "cvssConfidentialImpact"),
    "integrityImpact": ("integrityImpact", "cvssIntegrityImpact"),
    "availabilityImpact": ("availabilityImpact", "cvssAvailabilityImpact"),
}


def _sniff(head: str) -> bool:
    name, namespace = root_name(head)
    return name == "analysis" and "dependency-check" in namespace.lower()


def _read(source: Source) -> Iterator[Finding | Fault]:
    project = report.Project()
    seen: set[str] = set()
    number = 0
    for element, _ in elements(source, ("projectInfo", "dependency"), seen):
        if element.tag == "projectInfo":
            project = report.Project(text_of(element, "name"), text_of(element, "reportDate"))
            continue
        number += 1
        found = [one for one in element.iterfind("vulnerabilities/*") if one.tag in _LISTS]
        if not found:
            continue
        name = text_of(element, "fileName")
        place = f"dependency {number}" + (f" ({name})" if name else "")
        try:
            file = convert(_file(element), report.File)
        except RecordError as error:
            yield record_fault(source, place, error)
            continue
        for vulnerability in found:
            identifier = text_of(vulnerability, "name")
            where = f"{place}, {identifier or 'vulnerability without a name'}"
            try:
                yield _finding(vulnerability, where, element, file, project)
            except RecordError as error:
                yield record_fault(source, where, error)
    if "dependencies" not in seen:
        raise source.refusal("E412", "The report has no <dependencies>.")


def _file(dependency: Element) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "packages": [{"id": one} for one in texts_of(dependency, "identifiers/package/id")],
        "relatedDependencies": [
            {"filePath": one}
            for one in texts_of(dependency, "relatedDependencies/relatedDependency/filePath")
        ],
    }
    for tag in ("fileName", "filePath", "sha256"):
        if text := text_of(dependency, tag):
            fields[tag] = text
    return fields


def _finding(
    vulnerability: Element, where: str, dependency: Element, file: report.File, project: report.Project
) -> Finding:
    record = {
        "name": text_of(vulnerability, "name"),
        "source": vulnerability.get("source"),
        "severity": text_of(vulnerability, "severity"),
        "cvssv2": _cvss2(vulnerability),
        "cvssv3": _cvss(vulnerability.find("cvssV3")),
        "cvssv4": _cvss(vulnerability.find("cvssV4")),
        "notes": text_of(vulnerability, "notes"),
        "references": [{"url": url} for url in texts_of(vulnerability, "references/reference/url")],
    }
    finding = report.finding_of(
        record, where, file=file, project=project, suppressed=_LISTS[vulnerability.tag]
    )
    return msgspec.structs.replace(
        finding, component=_component(finding.component, dependency, vulnerability)
    )


def _cvss(element: Element | None) -> dict[str, Any] | None:
    if element is None:
        return None
    fields: dict[str, Any] = {one.tag: (one.text or "").strip() for one in element}
    fields["baseScore"] = score_of(fields.get("baseScore", ""), "baseScore")
    return fields


def _cvss2(vulnerability: Element) -> dict[str, Any] | None:
    element = vulnerability.find("cvssV2")
    if element is None and vulnerability.find("cvssScore") is None:
        return None
    # Schema 1 has the metrics in the vulnerability itself.
    place, spelling = (element, 0) if element is not None else (vulnerability, 1)
    fields: dict[str, Any] = {name: text_of(place, tags[spelling]) for name, tags in _CVSS2.items()}
    fields["score"] = score_of(fields["score"], "score")
    if element is not None:
        fields["severity"] = text_of(element, "severity")
    return fields


def _component(component: Component, dependency: Element, vulnerability: Element) -> Component:
    """Add what only the XML report is asked for: Maven names of schema 1, and the fixed version."""
    if not component.purl:
        for one in dependency.iterfind("identifiers/identifier"):
            parts = text_of(one, "name").strip("()").split(":")
            if one.get("type") == "maven" and len(parts) == 3:
                component = Component(f"{parts[0]}/{parts[1]}", "maven", parts[2])
    # The range that matched this file ends before the first version that is not vulnerable.
    ranges = (
        report.Software(one.text or "", one.get("vulnerabilityIdMatched"), one.get("versionEndExcluding"))
        for one in vulnerability.iterfind("vulnerableSoftware/software")
    )
    return msgspec.structs.replace(component, fixed_versions=report.fixed_by(component, ranges))


FORMATS = (Format("dependency-check-xml", "OWASP Dependency-Check", "xml", _sniff, _read),)
