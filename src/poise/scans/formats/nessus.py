"""Tenable Nessus: ``.nessus`` files (NessusClientData_v2), also as Tenable.io and WAS export them.

``NessusClientData_v2/Report/ReportHost`` holds one host; its ``HostProperties`` name it, and each
``ReportItem`` is one plugin at one port. Nessus repeats a plugin for each port at which it
fires, so a finding is one plugin on one host. Plugins of severity 0 inform and rate nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element

from poise.errors import Fault
from poise.scans.finding import AssetIdentity, Finding, Kind, Severity, Status
from poise.scans.format import Format
from poise.scans.formats.nessus_output import advisory_ids, component_of
from poise.scans.identifiers import parse_when, split_ids, trim_evidence
from poise.scans.records import RecordError, record_fault
from poise.scans.source import Source
from poise.scans.xmlfields import distinct, is_ip, score_of
from poise.scans.xmlstream import elements, root_name

#: The ``severity`` attribute of a ReportItem, by Tenable's description of the .nessus format.
_SEVERITIES: dict[str, Severity] = {"0": "info", "1": "low", "2": "medium", "3": "high", "4": "critical"}

#: Children of an item by what is done with them: several values, ids of advisories (with the kind that
#: files write which have no ``xref`` for them), one value.
_LIST, _ADVISORY, _SINGLE = 1, 2, 3
_CHILDREN = {
    **dict.fromkeys(("cve", "xref", "see_also", "bid", "cpe"), _LIST),
    **dict.fromkeys(("msft", "mskb", "rhsa", "usn", "dsa", "alas", "vmsa", "cisco-sa"), _ADVISORY),
    **dict.fromkeys(("plugin_output", "plugin_name", "solution", "patch_publication_date"), _SINGLE),
    **dict.fromkeys(("cvss4_base_score", "cvss3_base_score", "cvss_base_score", "cvssv3", "cvss"), _SINGLE),
    **dict.fromkeys(("cvss4_vector", "cvss3_vector", "cvss_vector"), _SINGLE),
    **dict.fromkeys(("compliance", "first_found", "last_found"), _SINGLE),
}
_COMPLIANCE = "{http://www.nessus.org/cm}compliance-"
_COMPLIANCE_STATUS: dict[str, Status] = {"PASSED": "fixed", "FAILED": "open", "WARNING": "open"}
_FQDN = re.compile(r'"FQDN"\s*:\s*"([^"\\]+)"')


def _sniff(head: str) -> bool:
    return root_name(head)[0] in {"NessusClientData_v2", "NessusClientData"}


def _read(source: Source) -> Iterator[Finding | Fault]:
    if root_name(source.head)[0] == "NessusClientData":
        raise source.refusal(
            "E413",
            "This is a report of Nessus 3 or older (NessusClientData, version 1); version 2 was expected.",
            hint="Open it in a current Nessus and export it as .nessus.",
        )
    asset, host, host_name, seen_last = AssetIdentity(), None, "", ""
    seen: set[str] = set()
    for element, ancestors in elements(source, ("HostProperties", "ReportItem"), seen):
        if ancestors[-1] is not host:
            host = ancestors[-1]
            host_name = (host.get("name") or "").strip()
            asset, seen_last = _asset(host_name, {}), ""
        if element.tag == "HostProperties":
            properties = {tag.get("name", ""): (tag.text or "").strip() for tag in element}
            asset = _asset(host_name, properties)
            seen_last = properties.get("HOST_END_TIMESTAMP") or properties.get("HOST_END", "")
            continue
        where = f"host {host_name or '(unnamed)'}, plugin {element.get('pluginID', '(none)')}"
        try:
            yield _finding(element, where, host_name, asset, seen_last)
        except RecordError as error:
            yield record_fault(source, where, error)
    if "Report" not in seen:
        raise source.refusal(
            "E412",
            "The file holds a Nessus policy but no <Report>.",
            hint="Export the scan's results, not its policy.",
        )


def _finding(item: Element, where: str, host: str, asset: AssetIdentity, seen_last: str) -> Finding:
    plugin = (item.get("pluginID") or "").strip()
    if not plugin:
        raise RecordError("The ReportItem has no pluginID.", "E411", "The record was left out.")
    if not host and asset == AssetIdentity():
        raise RecordError("The ReportHost has no name.", "E411", "The record was left out.")
    one, many, advisories = _children(item)
    severity_text = item.get("severity", "")
    cves, others = split_ids(many.get("cve", ()))
    xrefs = [text.strip() for text in many.get("xref", ())]
    aliases, remedy_ids = advisory_ids((*xrefs, *advisories)) if xrefs or advisories else ((), ())
    output = one.get("plugin_output") or one.get("actual-value") or ""
    port, protocol = item.get("port", "0").strip(), item.get("protocol", "").strip().lower()
    place = f"{port}/{protocol}" if port not in {"", "0"} else ""
    references = [link for text in many.get("see_also", ()) for link in text.split()] + xrefs
    references += [f"BID:{text.strip()}" for text in many.get("bid", ())]
    return Finding(
        where=where,
        identity=_identity(host or asset.label, plugin, one),
        asset=asset,
        rule=f"nessus:{plugin}",
        title=one.get("check-name") or item.get("pluginName") or one.get("plugin_name", ""),
        cves=cves,
        aliases=(*others, *aliases),
        component=component_of(many.get("cpe", []), output),
        kind=_kind(severity_text, one),
        status=_COMPLIANCE_STATUS.get(one.get("result", ""), "open"),
        severity=_severity(severity_text),
        severity_text=severity_text,
        cvss_vectors=_vectors(one),
        cvss_score=_score(one),
        first_seen=parse_when(one.get("first_found")),
        last_seen=parse_when(one.get("last_found") or seen_last),
        port=place,
        locations=(place,) if place else (),
        evidence=trim_evidence(output),
        remedy=_remedy(one),
        remedy_ids=remedy_ids,
        references=distinct(*references),
    )


def _children(item: Element) -> tuple[dict[str, str], dict[str, list[str]], list[str]]:
    """Return the item's single values, its lists, and its advisories as references."""
    one: dict[str, str] = {}
    many: dict[str, list[str]] = {}
    advisories: list[str] = []
    for child in item:
        tag, text = child.tag, child.text
        if not text:
            continue
        use = _CHILDREN.get(tag)
        if use == _SINGLE:
            one[tag] = text.strip()
        elif use == _LIST:
            many.setdefault(tag, []).extend(text.split("\n") if "\n" in text else (text,))
        elif use == _ADVISORY:
            advisories.append(f"{tag.upper()}:{text.strip()}")
        elif tag[0] == "{" and tag.startswith(_COMPLIANCE):
            one[tag.removeprefix(_COMPLIANCE)] = text.strip()
    return one, many, advisories


def _identity(host: str, plugin: str, one: dict[str, str]) -> str:
    # One compliance plugin reports every check of an audit file, each under its own name.
    check = one.get("check-id") or one.get("check-name", "")
    return f"{host}\n{plugin}\n{check}"


def _severity(text: str) -> Severity | None:
    if not text:
        return None
    if text not in _SEVERITIES:
        raise RecordError(f"The severity is {text[:40]!r}, expected a number from 0 to 4.")
    return _SEVERITIES[text]


def _kind(severity_text: str, one: dict[str, str]) -> Kind:
    if one.get("compliance", "").lower() == "true" or "result" in one:
        return "misconfiguration"
    return "information" if severity_text == "0" else "vulnerability"


def _vectors(one: dict[str, str]) -> tuple[str, ...]:
    version_3 = one.get("cvss3_vector", "")
    if version_3 and not version_3.startswith("CVSS:"):
        # Nessus left the prefix off in the years in which it only wrote version 3.0.
        version_3 = f"CVSS:3.0/{version_3}"
    version_2 = one.get("cvss_vector", "").removeprefix("CVSS2#")
    return distinct(one.get("cvss4_vector", ""), version_3, version_2)


def _score(one: dict[str, str]) -> float | None:
    """Return the base score of the newest CVSS version; WAS exports call it ``cvssv3`` and ``cvss``."""
    for tag in ("cvss4_base_score", "cvss3_base_score", "cvssv3", "cvss_base_score", "cvss"):
        if tag in one:
            return score_of(one[tag], tag)
    return None


def _remedy(one: dict[str, str]) -> str:
    solution = one.get("solution", "")
    if solution.lower() == "n/a":
        solution = ""
    published = one.get("patch_publication_date", "")
    if published:
        solution = f"{solution}\nPatch published {published.replace('/', '-')}.".strip()
    return solution


def _asset(name: str, properties: dict[str, str]) -> AssetIdentity:
    get = properties.get
    path = ""
    if "://" in name:
        path = name
        try:
            name = urlsplit(name).hostname or ""
        except ValueError:
            name = ""
    names = [get("host-fqdn", ""), *_FQDN.findall(get("host-fqdns", "")), get("host-rdns", "")]
    names += [get("hostname", ""), get("netbios-name", "").rpartition("\\")[2], name]
    names = [urlsplit(n).hostname or "" if n.startswith(("http://", "https://")) else n for n in names]
    cloud = next((text for key, text in properties.items() if _is_instance_id(key)), "")
    agent = get("agent-uuid") or get("host-uuid") or ""
    return AssetIdentity(
        hostnames=distinct(*(one for one in names if not is_ip(one))),
        ips=distinct(*(one for one in (get("host-ip", ""), name) if is_ip(one))),
        agent_id=f"nessus:{agent}" if agent else "",
        cloud_id=cloud,
        path=path,
        operating_system=get("operating-system", "").replace("\n", " or "),
        tags=distinct(*(f"mac:{mac}" for mac in get("mac-address", "").split())),
    )


def _is_instance_id(key: str) -> bool:
    key = key.lower().replace("-", "").replace("_", "")
    return key in {
        "awsec2instanceid",
        "awsinstanceinstanceid",
        "azurevmid",
        "gcpinstanceid",
        "azureresourceid",
    }


FORMATS = (Format("nessus-xml", "Tenable Nessus", "xml", _sniff, _read),)
