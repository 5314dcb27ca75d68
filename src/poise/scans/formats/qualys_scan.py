"""Qualys scan results in XML (``SCAN``), as the console's scan download and the old API write them.

``SCAN/IP`` is one host; below ``VULNS`` and ``PRACTICES`` (potential vulnerabilities) stand categories, each
with the port it was found at, and in them the checks with their whole description. The sections
``INFOS`` and ``SERVICES`` describe the host and hold no vulnerability, so they give no findings.
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from poise.errors import Fault
from poise.scans.finding import AssetIdentity, Finding
from poise.scans.format import Format
from poise.scans.formats.qualys_check import read_check
from poise.scans.formats.qualys_terms import NO_NAME, host_key, place_of, qid_of
from poise.scans.identifiers import parse_when, trim_evidence
from poise.scans.records import RecordError, record_fault
from poise.scans.source import Source
from poise.scans.xmlfields import distinct, text_of
from poise.scans.xmlstream import elements, root_name

_CHECKS = ("VULN", "PRACTICE")

#: States of a scan in its header that mean that all hosts were looked at.
_COMPLETE = frozenset({"", "FINISHED", "COMPLETE"})


def _sniff(head: str) -> bool:
    return root_name(head)[0] == "SCAN" and ("<IP " in head or "<KEY " in head or "<ERROR" in head)


def _read(source: Source) -> Iterator[Finding | Fault]:
    host: Element | None = None
    names: dict[str, str] = {}
    asset: AssetIdentity | None = None
    scanned = ""
    for element, ancestors in elements(source, (*_CHECKS, "OS", "NETBIOS_HOSTNAME", "KEY", "ERROR")):
        tag = element.tag
        if tag == "KEY" and element.get("value") == "DATE":
            scanned = (element.text or "").strip()
        if (fault := _scan_fault(source, element)) is not None:
            yield fault
        parent = next((one for one in ancestors if one.tag == "IP"), None)
        if parent is None:
            continue
        if parent is not host:
            host, names, asset = parent, {}, None
        if tag not in _CHECKS:
            names[tag] = (element.text or "").strip()
            asset = None
            continue
        asset = asset or _asset(parent, names)
        where = f"host {asset.label}, QID {element.get('number', '(none)')}"
        try:
            yield _finding(element, ancestors[-1], where, asset, scanned)
        except RecordError as error:
            yield record_fault(source, where, error)


def _scan_fault(source: Source, element: Element) -> Fault | None:
    text = (element.text or "").strip()
    if element.tag == "ERROR":
        return source.fault("E418", f"Qualys says: {text or 'an error without a text'}", "ERROR")
    if element.tag == "KEY" and element.get("value") == "STATUS" and text.upper() not in _COMPLETE:
        message = f"The scan's status is {text[:60]}, expected FINISHED; hosts may be missing."
        return source.fault("E418", message, "HEADER")
    return None


def _asset(host: Element, names: dict[str, str]) -> AssetIdentity:
    known = (host.get("name", "").strip(), names.get("NETBIOS_HOSTNAME", ""))
    return AssetIdentity(
        hostnames=distinct(*(one for one in known if one not in NO_NAME)),
        ips=distinct(host.get("value", "").strip()),
        operating_system=names.get("OS", ""),
    )


def _finding(item: Element, category: Element, where: str, asset: AssetIdentity, scanned: str) -> Finding:
    qid = qid_of(item.get("number", "").strip())
    check = read_check(item, item.get("severity", "").strip(), item.get("cveid", ""))
    port, protocol = category.get("port", ""), category.get("protocol", "")
    place = place_of(port, protocol)
    return Finding(
        where=where,
        identity="\n".join((host_key(asset), qid, port, protocol, category.get("fqdn", ""))),
        asset=asset,
        rule=f"qualys:{qid}",
        title=check.title or f"QID {qid}",
        cves=check.cves,
        aliases=check.aliases,
        severity=check.severity,
        severity_text=check.severity_text,
        cvss_vectors=check.vectors,
        cvss_score=check.score,
        last_seen=parse_when(scanned),
        port=place,
        locations=distinct(place),
        evidence=trim_evidence(text_of(item, "RESULT")),
        remedy=check.remedy,
        remedy_ids=check.remedy_ids,
        references=check.references,
    )


FORMATS = (Format("qualys-scan-xml", "Qualys scan results", "xml", _sniff, _read),)
