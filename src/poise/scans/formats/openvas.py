"""OpenVAS and Greenbone reports in XML, of GMP (and the older OMP) versions 7 to 22.

The report itself is nested in an outer ``report``, and both may stand in a
``get_reports_response``. Each ``result`` is counted, as Greenbone counts it: its own id cannot
tell results apart, because exports of some tools repeat one id. What is known about a host
(operating system, names, MAC address) follows after the results and is read in a pass before.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree.ElementTree import Element

import msgspec

from poise.errors import Fault
from poise.scans.finding import AssetIdentity, Component, Finding, Kind, Severity, Status
from poise.scans.format import Format
from poise.scans.formats.nessus_output import component_of
from poise.scans.identifiers import parse_when, split_ids, trim_evidence
from poise.scans.records import RecordError, record_fault
from poise.scans.severity import parse_severity
from poise.scans.source import Source
from poise.scans.xmlfields import distinct, is_ip, score_of, text_of
from poise.scans.xmlstream import elements, root_name

#: Words of ``threat`` that report instead of rating: the scanner's log and its own errors.
_INFORMING = frozenset({"log", "debug", "error", "none"})

#: Where results without a ``threat`` have their number only: lower ends of the NVD severity classes,
#: which Greenbone uses and states in ``severity_class``.
_CLASSES: tuple[tuple[float, Severity], ...] = ((7.0, "high"), (4.0, "medium"), (0.1, "low"))

_COMPLETE = frozenset({"", "Done", "Container"})
_MARKS = (
    "<gmp",
    "<omp",
    "<scan_run_status",
    "<severity_class",
    "<results",
    "<report_format",
    "<result_count",
)
_PACKAGE = re.compile(r"^Vulnerable package:[ \t]*(\S+)", re.MULTILINE)
_INSTALLED = re.compile(r"^Installed version:[ \t]*(\S[^\r\n]*)", re.MULTILINE)
_FIXED = re.compile(r"^Fixed version:[ \t]*(\S[^\r\n]*)", re.MULTILINE)
_KB = re.compile(r"\bKB\d{6,8}\b")
_NO_CVE = frozenset({"", "NOCVE", "NOBID", "NOXREF"})


class _Host(msgspec.Struct, gc=False):
    """What the end of the report knows about a host."""

    hostnames: tuple[str, ...] = ()
    operating_system: str = ""
    mac: str = ""


def _sniff(head: str) -> bool:
    name, _ = root_name(head)
    if name in {"get_reports_response", "get_results_response"}:
        return True
    return name == "report" and any(mark in head for mark in _MARKS)


def _read(source: Source) -> Iterator[Finding | Fault]:
    hosts = _hosts(source)
    seen: set[str] = set()
    count = filtered = 0
    wanted = ("result", "result_count", "scan_run_status", "error")
    for element, ancestors in elements(source, wanted, seen):
        parent = ancestors[-1].tag if ancestors else ""
        if element.tag == "result" and parent in {"results", "get_results_response"}:
            count += 1
            host = (element.findtext("host") or "").strip() or "(unnamed)"
            where = f"host {host}, result {count}"
            try:
                yield _finding(element, where, host, count, hosts)
            except RecordError as error:
                yield record_fault(source, where, error)
        elif element.tag == "result_count" and parent == "report":
            filtered = max(filtered, _whole_number(text_of(element, "filtered")))
        elif (fault := _scan_fault(source, element, parent)) is not None:
            yield fault
    if not seen & {"results", "get_results_response"}:
        raise source.refusal(
            "E412", "The report has no <results>.", hint="Export the report with details (details=1)."
        )
    if filtered > count:
        message = f"The file holds {count:,} of the report's {filtered:,} results."
        yield source.fault("E419", message, "result_count", "Export it with the filter rows=-1.")


def _whole_number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 12 else 0


def _scan_fault(source: Source, element: Element, parent: str) -> Fault | None:
    text = (element.text or "").strip()
    if element.tag == "scan_run_status" and parent == "report" and text not in _COMPLETE:
        message = f"The scan's status is {text[:60]}, expected Done; results may be missing."
        return source.fault("E418", message, "scan_run_status")
    if element.tag == "error" and parent == "errors":
        check, said = text_of(element, "nvt/name"), text_of(element, "description")
        where = f"host {(element.findtext('host') or '').strip() or '(unnamed)'}"
        message = f"A check did not finish: {check or 'without a name'}: {said[:200] or 'no reason given'}"
        return source.fault("E418", message, where)
    return None


def _hosts(source: Source) -> dict[str, _Host]:
    hosts: dict[str, _Host] = {}
    for element, ancestors in elements(source, ("host", "result")):
        if element.tag != "host" or not ancestors or ancestors[-1].tag != "report":
            continue
        address = text_of(element, "ip") or (element.text or "").strip()
        found: dict[str, str] = {}
        for detail in element.iterfind("detail"):
            found.setdefault(text_of(detail, "name"), text_of(detail, "value"))
        hosts[address] = _Host(
            hostnames=distinct(found.get("hostname", ""), found.get("best_hostname", "")),
            operating_system=found.get("best_os_txt", ""),
            mac=found.get("MAC", ""),
        )
    return hosts


def _finding(result: Element, where: str, host: str, number: int, hosts: dict[str, _Host]) -> Finding:
    nvt = result.find("nvt")
    if nvt is None:
        raise RecordError("The result has no <nvt>.", "E411", "The record was left out.")
    oid = nvt.get("oid", "").strip()
    title = text_of(nvt, "name") or text_of(result, "name")
    if not oid and not title:
        raise RecordError("The result's <nvt> has no oid and no name.", "E411", "The record was left out.")
    tags = _tags(nvt.findtext("tags") or "")
    references = [(one.get("type", "").lower(), one.get("id", "")) for one in nvt.iterfind("refs/ref")]
    cves, aliases = _ids(nvt, oid, references)
    threat = text_of(result, "threat")
    description = text_of(result, "description")
    port = text_of(result, "port")
    place = "" if port.startswith("general/") else port
    solution = text_of(nvt, "solution") or tags.get("solution", "")
    severity = text_of(result, "severity")
    # Negative severities are codes (-1 false positive, -2 debug, -3 error), no scores.
    score_text = text_of(nvt, "cvss_base") or ("" if severity.startswith("-") else severity)
    when = parse_when(text_of(result, "creation_time"))
    return Finding(
        where=where,
        identity=f"{host}\n{oid}\n{number}",
        asset=_asset(result, host, hosts),
        rule=f"openvas:{oid or title}",
        title=title,
        cves=cves,
        aliases=aliases,
        component=_component(result, description),
        kind=_kind(threat),
        status=_status(threat, severity),
        severity=_severity(threat, severity),
        severity_text=threat,
        cvss_vectors=_vectors(nvt, tags),
        cvss_score=score_of(score_text, "cvss_base"),
        last_seen=when,
        port=place,
        locations=distinct(place, *_detail(result, "location")),
        evidence=trim_evidence(description),
        remedy=solution,
        remedy_ids=distinct(*_KB.findall(title), *(one for kind, one in references if kind == "advisory_id")),
        references=distinct(*(one for kind, one in references if kind not in {"cve", "cve_id"})),
    )


def _ids(
    nvt: Element, oid: str, references: list[tuple[str, str]]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    texts = [one for kind, one in references if kind in {"cve", "cve_id"}]
    # Reports before GMP 9 list the ids in one element; the CVE scanner has the id in place of an oid.
    if (old := text_of(nvt, "cve")) not in _NO_CVE:
        texts.append(old)
    if text_of(nvt, "type") == "cve" or oid.upper().startswith("CVE-"):
        texts.append(oid)
    cves, others = split_ids(texts)
    advisories = [one for kind, one in references if kind == "advisory_id"]
    return cves, distinct(*others, *advisories)


def _tags(text: str) -> dict[str, str]:
    """Split ``summary=...|insight=...``; a part without an equals sign goes on with the one before."""
    found: dict[str, str] = {}
    last = ""
    for part in text.split("|"):
        name, equals, value = part.partition("=")
        if equals and name.replace("_", "").isalnum():
            last = name
            found[name] = value.strip()
        elif last:
            found[last] += f"|{part}"
    return found


def _vectors(nvt: Element, tags: dict[str, str]) -> tuple[str, ...]:
    stated = [text_of(one, "value") for one in nvt.iterfind("severities/severity")]
    return distinct(*stated, tags.get("cvss_base_vector", ""))


def _kind(threat: str) -> Kind:
    return "information" if threat.lower() in _INFORMING else "vulnerability"


def _status(threat: str, severity: str) -> Status:
    # Greenbone writes a false positive as a threat word, and as the severity -1.
    return "false_positive" if threat.lower() == "false positive" or severity.startswith("-1") else "open"


def _severity(threat: str, severity: str) -> Severity | None:
    if threat:
        return parse_severity(threat)
    score = None if severity.startswith("-") else score_of(severity, "severity")
    if score is None:
        return None
    return next((step for least, step in _CLASSES if score >= least), "info")


def _detail(result: Element, name: str) -> list[str]:
    details = result.iterfind("detection/result/details/detail")
    return [text_of(one, "value") for one in details if text_of(one, "name") == name]


def _component(result: Element, description: str) -> Component:
    cpes = [cpe for cpe in _detail(result, "product") if cpe.startswith("cpe:")]
    package = _PACKAGE.search(description)
    if package is None:
        return component_of(cpes, description)
    name = package[1]
    installed, fixed = _INSTALLED.search(description), _FIXED.search(description)

    def version(found: re.Match[str] | None) -> str:
        return found[1].strip().removeprefix(">=").strip().removeprefix(f"{name}-") if found else ""

    return Component(name=name, installed_version=version(installed), fixed_versions=distinct(version(fixed)))


def _asset(result: Element, host: str, hosts: dict[str, _Host]) -> AssetIdentity:
    known = hosts.get(host, _Host())
    asset = result.find("host/asset")
    identifier = asset.get("asset_id", "") if asset is not None else ""
    # Greenbone repeats the address as the name where it knows none.
    names = (text_of(result, "host/hostname"), *known.hostnames, host)
    return AssetIdentity(
        hostnames=distinct(*(one for one in names if one != "(unnamed)" and not is_ip(one))),
        ips=distinct(host if is_ip(host) else ""),
        agent_id=f"openvas:{identifier}" if identifier else "",
        operating_system=known.operating_system,
        tags=distinct(f"mac:{known.mac}" if known.mac else ""),
    )


FORMATS = (Format("openvas-xml", "OpenVAS / Greenbone", "xml", _sniff, _read),)
