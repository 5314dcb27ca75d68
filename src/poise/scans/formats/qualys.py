"""Qualys VM reports in XML: the asset data report, scan results, and the host detection list of the API.

Qualys keeps a detection apart by host, QID, port, protocol, service, name and SSL flag (its
description of normalised data), so a finding is one detection. The asset data report holds titles,
CVE ids and solutions in a glossary at its end; it is read first, in a pass of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from poise.errors import Fault
from poise.scans.finding import AssetIdentity, Finding
from poise.scans.format import Format
from poise.scans.formats.qualys_check import Check, read_check
from poise.scans.formats.qualys_terms import (
    NO_NAME,
    cvss_of,
    host_key,
    kind_of,
    place_of,
    qid_of,
    severity_of,
    status_of,
)
from poise.scans.identifiers import parse_when, trim_evidence
from poise.scans.records import RecordError, record_fault
from poise.scans.source import Source
from poise.scans.xmlfields import distinct, is_ip, text_of, texts_of
from poise.scans.xmlstream import elements, root_name

# --- ASSET_DATA_REPORT ---------------------------------------------------------------------------

_HOST_FIELDS = ("IP", "DNS", "NETBIOS", "OPERATING_SYSTEM", "ASSET_GROUPS", "HOST_ID", "QG_HOSTID")


def _sniff_assets(head: str) -> bool:
    return root_name(head)[0] == "ASSET_DATA_REPORT"


def _read_assets(source: Source) -> Iterator[Finding | Fault]:
    glossary: dict[str, Check] = {}
    for details, _ in elements(source, ("VULN_DETAILS",)):
        qid = text_of(details, "QID") or details.get("id", "").removeprefix("qid_")
        try:
            glossary[qid] = read_check(details, text_of(details, "SEVERITY"))
        except RecordError as error:
            glossary[qid] = Check(title=text_of(details, "TITLE"))
            yield record_fault(source, f"glossary, QID {qid}", error)
    host: Element | None = None
    fields: dict[str, Element] = {}
    asset: AssetIdentity | None = None
    for element, ancestors in elements(source, (*_HOST_FIELDS, "VULN_INFO")):
        parent = next((one for one in reversed(ancestors) if one.tag == "HOST"), None)
        if parent is None:
            continue
        if parent is not host:
            host, fields, asset = parent, {}, None
        if element.tag != "VULN_INFO":
            fields[element.tag] = element
            asset = None
            continue
        asset = asset or _report_asset(fields)
        where = f"host {asset.label}, QID {text_of(element, 'QID') or '(none)'}"
        try:
            yield _report_finding(element, where, asset, glossary)
        except RecordError as error:
            yield record_fault(source, where, error)


def _report_asset(fields: dict[str, Element]) -> AssetIdentity:
    def field(name: str) -> str:
        return ((fields[name].text or "") if name in fields else "").strip()

    identifier = field("QG_HOSTID") or field("HOST_ID")
    groups = texts_of(fields["ASSET_GROUPS"], "ASSET_GROUP_TITLE") if "ASSET_GROUPS" in fields else ()
    names = (one for one in (field("DNS"), field("NETBIOS")) if one not in NO_NAME)
    return AssetIdentity(
        hostnames=distinct(*names),
        ips=distinct(field("IP")),
        agent_id=f"qualys:{identifier}" if identifier else "",
        operating_system=field("OPERATING_SYSTEM"),
        tags=groups,
    )


def _report_finding(info: Element, where: str, asset: AssetIdentity, glossary: dict[str, Check]) -> Finding:
    qid = qid_of(text_of(info, "QID"))
    check = glossary.get(qid, Check())
    port, protocol = text_of(info, "PORT"), text_of(info, "PROTOCOL")
    vectors, score = cvss_of(text_of(info, "CVSS3_FINAL"), text_of(info, "CVSS_FINAL"))
    place = place_of(port, protocol)
    identity = (
        host_key(asset),
        qid,
        port,
        protocol,
        text_of(info, "SERVICE"),
        text_of(info, "FQDN"),
        text_of(info, "SSL"),
        text_of(info, "INSTANCE"),
    )
    return Finding(
        where=where,
        identity="\n".join(identity),
        asset=asset,
        rule=f"qualys:{qid}",
        title=check.title or f"QID {qid}",
        cves=check.cves,
        aliases=check.aliases,
        kind=kind_of(text_of(info, "TYPE")),
        status=status_of(text_of(info, "VULN_STATUS")),
        severity=check.severity,
        severity_text=check.severity_text,
        cvss_vectors=check.vectors or vectors,
        cvss_score=check.score if check.score is not None else score,
        first_seen=parse_when(text_of(info, "FIRST_FOUND")),
        last_seen=parse_when(text_of(info, "LAST_FOUND")),
        port=place,
        locations=distinct(place),
        evidence=trim_evidence(text_of(info, "RESULT")),
        remedy=check.remedy,
        remedy_ids=check.remedy_ids,
        references=check.references,
    )


# --- HOST_LIST_VM_DETECTION_OUTPUT ---------------------------------------------------------------

_API_FIELDS = (
    "ID",
    "IP",
    "IPV6",
    "DNS",
    "NETBIOS",
    "OS",
    "QG_HOSTID",
    "DNS_DATA",
    "CLOUD_RESOURCE_ID",
    "EC2_INSTANCE_ID",
    "TAGS",
)


def _sniff_detections(head: str) -> bool:
    return root_name(head)[0] == "HOST_LIST_VM_DETECTION_OUTPUT"


def _read_detections(source: Source) -> Iterator[Finding | Fault]:
    host: Element | None = None
    fields: dict[str, Element] = {}
    asset: AssetIdentity | None = None
    seen: set[str] = set()
    for element, ancestors in elements(source, (*_API_FIELDS, "DETECTION", "WARNING"), seen):
        if element.tag == "WARNING":
            yield source.fault(
                "E419",
                f"Qualys says: {text_of(element, 'TEXT') or 'no text'}",
                "WARNING",
                "The list goes on in further responses; read those too.",
            )
            continue
        parent = next((one for one in reversed(ancestors) if one.tag == "HOST"), None)
        if parent is None:
            continue
        if parent is not host:
            host, fields, asset = parent, {}, None
        if element.tag != "DETECTION":
            if ancestors[-1] is parent:
                fields[element.tag] = element
                asset = None
            continue
        asset = asset or _api_asset(fields)
        where = f"host {asset.label}, QID {text_of(element, 'QID') or '(none)'}"
        try:
            yield _detection(element, where, asset)
        except RecordError as error:
            yield record_fault(source, where, error)
    if "RESPONSE" not in seen:
        raise source.refusal("E412", "The detection list has no <RESPONSE>.")


def _api_asset(fields: dict[str, Element]) -> AssetIdentity:
    def field(name: str) -> str:
        return ((fields[name].text or "") if name in fields else "").strip()

    names = [field("DNS"), field("NETBIOS")]
    if "DNS_DATA" in fields:
        names[:0] = [text_of(fields["DNS_DATA"], "FQDN"), text_of(fields["DNS_DATA"], "HOSTNAME")]
    identifier = field("QG_HOSTID") or field("ID")
    return AssetIdentity(
        hostnames=distinct(*(one for one in names if one not in NO_NAME and not is_ip(one))),
        ips=distinct(field("IP"), field("IPV6")),
        agent_id=f"qualys:{identifier}" if identifier else "",
        cloud_id=field("CLOUD_RESOURCE_ID") or field("EC2_INSTANCE_ID"),
        operating_system=field("OS"),
        tags=texts_of(fields["TAGS"], "TAG/NAME") if "TAGS" in fields else (),
    )


def _detection(detection: Element, where: str, asset: AssetIdentity) -> Finding:
    qid = qid_of(text_of(detection, "QID"))
    port, protocol = text_of(detection, "PORT"), text_of(detection, "PROTOCOL")
    severity = text_of(detection, "SEVERITY")
    status = status_of(text_of(detection, "STATUS"))
    if status == "open" and "1" in (text_of(detection, "IS_IGNORED"), text_of(detection, "IS_DISABLED")):
        status = "accepted"
    place = place_of(port, protocol)
    key = text_of(detection, "UNIQUE_VULN_ID") or "\n".join(
        (port, protocol, *(text_of(detection, tag) for tag in ("SERVICE", "FQDN", "SSL", "INSTANCE")))
    )
    return Finding(
        where=where,
        identity=f"{host_key(asset)}\n{qid}\n{key}",
        asset=asset,
        rule=f"qualys:{qid}",
        # The list names checks by number only; titles stand in the KnowledgeBase.
        title=text_of(detection, "TITLE") or f"QID {qid}",
        kind=kind_of(text_of(detection, "TYPE")),
        status=status,
        severity=severity_of(severity),
        severity_text=severity,
        first_seen=parse_when(text_of(detection, "FIRST_FOUND_DATETIME")),
        last_seen=parse_when(text_of(detection, "LAST_FOUND_DATETIME")),
        port=place,
        locations=distinct(place),
        evidence=trim_evidence(text_of(detection, "RESULTS")),
    )


FORMATS = (
    Format("qualys-xml", "Qualys VM report", "xml", _sniff_assets, _read_assets),
    Format("qualys-detections-xml", "Qualys host detection list", "xml", _sniff_detections, _read_detections),
)
