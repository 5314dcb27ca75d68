"""CycloneDX in XML, versions 1.0 to 1.7: a software list with vulnerabilities, or a VEX.

From version 1.4 on vulnerabilities are part of the list; before, they are an extension (``v:``), inside a
component or beside the components. Each is turned into the JSON form's record, so that both forms
of one list give the same findings.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from xml.etree.ElementTree import Element

from poise.errors import Fault
from poise.scans.finding import AssetIdentity, Finding
from poise.scans.format import Format
from poise.scans.formats import cyclonedx_json as json_form
from poise.scans.identifiers import parse_when
from poise.scans.records import RecordError, convert, record_fault
from poise.scans.source import Source
from poise.scans.xmlfields import score_of, text_of, texts_of
from poise.scans.xmlstream import elements, root_name


def _sniff(head: str) -> bool:
    name, namespace = root_name(head)
    return name == "bom" and "cyclonedx.org/schema/bom" in namespace


def _read(source: Source) -> Iterator[Finding | Fault]:
    bom = _bom(source)
    asset, when = bom.asset, parse_when(bom.metadata.timestamp)
    number = 0
    for element, ancestors in elements(source, ("component", "vulnerability")):
        if element.tag == "component":
            found = _in_component(element, bom) if ancestors[-1].tag == "components" else []
        elif ancestors[-1].tag == "vulnerabilities":
            found = [(element, element.get("ref", ""))]
        else:
            found = []
        for vulnerability, reference in found:
            number += 1
            identifier = text_of(vulnerability, "id")
            where = f"vulnerability {number}" + (f" ({identifier})" if identifier else "")
            try:
                yield from _findings(vulnerability, reference, where, bom, asset, when)
            except RecordError as error:
                yield record_fault(source, where, error)


def _bom(source: Source) -> json_form.Bom:
    """Read the components and what the list says about itself."""
    bom = json_form.Bom()
    metadata: dict[str, Any] = {}
    for element, ancestors in elements(source, ("component", "timestamp", "vulnerability")):
        if ancestors:
            bom.serial = ancestors[0].get("serialNumber", "")
        parent = ancestors[-1].tag if ancestors else ""
        if element.tag == "timestamp" and parent == "metadata":
            metadata["timestamp"] = (element.text or "").strip()
        # The scanner itself stands in metadata/tools/components since version 1.5.
        elif element.tag == "component" and not any(one.tag == "tools" for one in ancestors):
            if parent == "metadata":
                metadata["component"] = _part(element)
            for one in element.iter("component"):
                bom.add(convert(_part(one), json_form.Part))
    bom.metadata = convert(metadata, json_form.Metadata)
    return bom


def _part(component: Element) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name in ("bom-ref", "type"):
        if component.get(name):
            fields[name] = component.get(name)
    for name in ("group", "name", "version", "purl"):
        if text := text_of(component, name):
            fields[name] = text
    return fields


def _in_component(top: Element, bom: json_form.Bom) -> list[tuple[Element, str]]:
    """Return the vulnerabilities that stand in a component or in one of its parts, with its reference."""
    found: list[tuple[Element, str]] = []
    for component in top.iter("component"):
        vulnerabilities = component.findall("vulnerabilities/vulnerability")
        if not vulnerabilities:
            continue
        fields = _part(component)
        reference = fields.get("bom-ref") or fields.get("purl")
        if not reference:
            # Version 1.0 lists have no references; the ids that old writers put there name nothing.
            reference = fields["bom-ref"] = f"{fields.get('name', '')}@{fields.get('version', '')}"
            bom.add(convert(fields, json_form.Part))
        found += [(one, reference) for one in vulnerabilities]
    return found


def _findings(
    vulnerability: Element,
    reference: str,
    where: str,
    bom: json_form.Bom,
    asset: AssetIdentity,
    when: datetime | None,
) -> Iterator[Finding]:
    record = _legacy(vulnerability, reference) if reference else _native(vulnerability)
    return json_form.findings_of(record, where, bom=bom, asset=asset, when=when)


def _legacy(vulnerability: Element, reference: str) -> dict[str, Any]:
    source = vulnerability.find("source")
    ratings = [
        {
            "score": score_of(text_of(one, "score/base"), "score"),
            "severity": text_of(one, "severity"),
            "method": text_of(one, "method"),
            "vector": text_of(one, "vector"),
        }
        for one in vulnerability.iterfind("ratings/rating")
    ]
    return {
        "id": text_of(vulnerability, "id"),
        "source": None if source is None else {"name": source.get("name"), "url": text_of(source, "url")},
        "ratings": ratings,
        "description": text_of(vulnerability, "description"),
        "recommendation": "\n".join(texts_of(vulnerability, "recommendations/recommendation")),
        "advisories": [{"url": one} for one in texts_of(vulnerability, "advisories/advisory")],
        "affects": [{"ref": reference}],
    }


def _native(vulnerability: Element) -> dict[str, Any]:
    ratings = [
        {
            "source": _named(one.find("source")),
            # Scores of other methods (OWASP, SSVC) have scales of their own.
            "score": _rating_score(one),
            "severity": text_of(one, "severity"),
            "method": text_of(one, "method"),
            "vector": text_of(one, "vector"),
        }
        for one in vulnerability.iterfind("ratings/rating")
    ]
    references = vulnerability.iterfind("references/reference")
    record: dict[str, Any] = {
        "id": text_of(vulnerability, "id"),
        "bom-ref": vulnerability.get("bom-ref"),
        "source": _named(vulnerability.find("source")),
        "references": [
            {"id": text_of(one, "id"), "source": _named(one.find("source"))} for one in references
        ],
        "ratings": ratings,
        "advisories": [{"url": one} for one in texts_of(vulnerability, "advisories/advisory/url")],
        "affects": [_target(one) for one in vulnerability.iterfind("affects/target")],
    }
    for name in ("description", "detail", "recommendation", "workaround"):
        record[name] = text_of(vulnerability, name)
    analysis = vulnerability.find("analysis")
    if analysis is not None:
        names = ("state", "justification", "detail")
        record["analysis"] = {name: text_of(analysis, name) for name in names}
    return record


def _rating_score(rating: Element) -> float | None:
    if not text_of(rating, "method").startswith("CVSS"):
        return None
    return score_of(text_of(rating, "score"), "score")


def _named(element: Element | None) -> dict[str, str] | None:
    if element is None:
        return None
    return {"name": text_of(element, "name"), "url": text_of(element, "url")}


def _target(target: Element) -> dict[str, Any]:
    versions = [
        {name: text for name in ("version", "range", "status") if (text := text_of(one, name))}
        for one in target.iterfind("versions/version")
    ]
    return {"ref": text_of(target, "ref"), "versions": versions}


FORMATS = (Format("cyclonedx-xml", "CycloneDX", "xml", _sniff, _read),)
