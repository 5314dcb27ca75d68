"""Microsoft Defender for Endpoint: vulnerabilities per machine, as JSON and as a bundle with the machines.

The answers of ``/api/vulnerabilities/machinesVulnerabilities`` name a machine by its id only; those of
``/api/machines/SoftwareVulnerabilitiesByMachine`` (and its files with one record per line) by its name too.
A zip with the folders ``machines`` and ``vulnerabilities`` joins the first with the answers of
``/api/machines``.

A CVE, a machine and a product in one version make one finding. A machine's external address is left out: it
is the address of the organisation's router, and would make one asset of many.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeVar

import msgspec

from poise.errors import Fault
from poise.scans.dates import parse_when
from poise.scans.finding import AssetIdentity, Component, Finding, Status
from poise.scans.format import Format
from poise.scans.hosts import is_ip
from poise.scans.identifiers import split_ids
from poise.scans.jsonshape import shape_of
from poise.scans.jsonstream import JsonCursor
from poise.scans.records import (
    RecordError,
    Texts,
    convert,
    json_cursor,
    read_record,
    record_fault,
    required,
    score_in_range,
)
from poise.scans.severity import parse_severity
from poise.scans.source import Source

_FOLDER = re.compile(r"(?:^|/)(machines|vulnerabilities)/[^/]+$", re.IGNORECASE)
_LISTED_FOLDER = re.compile(r"^--- (?:.*/)?vulnerabilities/[^/\n]+$", re.IGNORECASE | re.MULTILINE)
_T = TypeVar("_T")
_STATUSES: Final[dict[str, Status]] = {"fixed": "fixed"}


class _Camel(msgspec.Struct, rename="camel"):
    """Fields are named as in Microsoft's documentation, in its spelling."""


class _Vulnerability(_Camel):
    """A record of either answer; the names of the second stand behind those of the first."""

    cve_id: str | None = None
    machine_id: str | None = None
    device_id: str | None = None
    device_name: str | None = None
    os_platform: str | None = None
    os_version: str | None = None
    product_name: str | None = None
    software_name: str | None = None
    product_vendor: str | None = None
    software_vendor: str | None = None
    product_version: str | None = None
    software_version: str | None = None
    severity: str | None = None
    vulnerability_severity_level: str | None = None
    cvss_score: float | None = None
    fixing_kb_id: str | None = None
    recommended_security_update: str | None = None
    recommended_security_update_id: str | None = None
    recommended_security_update_url: str | None = None
    first_seen_timestamp: str | None = None
    last_seen_timestamp: str | None = None
    disk_paths: Texts = None
    registry_paths: Texts = None
    #: Of the delta export: New, Updated or Fixed.
    status: str | None = None


class _Address(_Camel):
    ip_address: str | None = None


class _VirtualMachine(_Camel):
    resource_id: str | None = None
    vm_id: str | None = None


class _Machine(_Camel):
    id: str
    computer_dns_name: str | None = None
    last_ip_address: str | None = None
    ip_addresses: tuple[_Address, ...] | None = None
    os_platform: str | None = None
    os_version: str | None = None
    version: str | None = None
    machine_tags: Texts = None
    vm_metadata: _VirtualMachine | None = None


def _sniff(head: str) -> bool:
    shape = shape_of(head)
    for start in ("value[].", "[].", ""):
        if f"{start}cveId" in shape and (f"{start}machineId" in shape or f"{start}deviceId" in shape):
            return True
    # An answer without a record still says whose it is.
    empty = shape.get("value") == "[]" and "value[]" not in shape
    return empty and "securitycenter" in shape.get("@odata.context", "")


def _sniff_bundle(head: str) -> bool:
    return bool(_LISTED_FOLDER.search(head)) and '"cveId"' in head.replace(" ", "")


def _read(source: Source) -> Iterator[Finding | Fault]:
    yield from _vulnerabilities(source, {})


def _read_bundle(source: Source) -> Iterator[Finding | Fault]:
    assets: dict[str, AssetIdentity] = {}
    parts: dict[str, list[Source]] = {"machines": [], "vulnerabilities": []}
    for member in source.members:
        folder = _FOLDER.search(member.member_name)
        if folder:
            parts[folder[1].lower()].append(member)
        else:
            yield member.fault("E413", "The file is neither among the machines nor the vulnerabilities.")
    yield from _pages([_machines(member, assets) for member in parts["machines"]])
    known = frozenset(one.agent_id for one in assets.values())
    count, first = 0, ""
    for item in _pages([_vulnerabilities(member, assets) for member in parts["vulnerabilities"]]):
        if isinstance(item, Finding) and item.asset.agent_id not in known:
            count += 1
            first = first or item.asset.agent_id
        yield item
    if count:
        yield source.fault(
            "E412",
            f"{count:,} vulnerabilities are of machines that the bundle does not describe, the first of"
            f" {first}; they were read with the machine's id alone.",
            "machines",
            "Export the machines of the same tenant at the same time.",
        )


def _pages(pages: list[Iterator[_T]]) -> Iterator[_T | Fault]:
    """Yield what stands in all pages of one answer; every page but the last has a link to the next."""
    links: list[Fault] = []
    for page in pages:
        for item in page:
            if isinstance(item, Fault) and item.id == "E419":
                links.append(item)
            else:
                yield item
    if len(links) == len(pages):
        yield from links[-1:]


def _values(source: Source, cursor: JsonCursor, kind: type[_Camel]) -> Iterator[Any]:
    """Yield the records of an answer, of a list, or of one record per line."""
    for _ in cursor.documents():
        if cursor.kind() == "array":
            yield from cursor.values(kind)
            continue
        single: dict[str, Any] = {}
        for key in cursor.members():
            if key == "value":
                yield from cursor.values(kind)
            elif key == "@odata.nextLink":
                if cursor.value():
                    yield source.fault(
                        "E419",
                        "The answer has an @odata.nextLink: Defender has more records than it holds.",
                        key,
                        "Follow the link until there is none, and pass all answers.",
                    )
            else:
                single[key] = cursor.value()
        if "id" in single or "cveId" in single:
            yield single


def _machines(source: Source, assets: dict[str, AssetIdentity]) -> Iterator[Fault]:
    with json_cursor(source) as cursor:
        for number, record in enumerate(_values(source, cursor, _Machine), 1):
            if isinstance(record, Fault):
                yield record
                continue
            try:
                machine = convert(record, _Machine)
                assets[required(machine.id, "id")] = _asset(machine)
            except RecordError as error:
                yield record_fault(source, f"machine {number}", error)


def _asset(machine: _Machine) -> AssetIdentity:
    ips = (machine.last_ip_address, *(one.ip_address for one in machine.ip_addresses or ()))
    cloud = machine.vm_metadata or _VirtualMachine()
    system = (machine.os_platform, machine.os_version or machine.version)
    return AssetIdentity(
        hostnames=(machine.computer_dns_name,) if machine.computer_dns_name else (),
        ips=tuple(dict.fromkeys(ip for ip in ips if ip and is_ip(ip))),
        agent_id=f"defender:{machine.id}",
        cloud_id=cloud.resource_id or cloud.vm_id or "",
        operating_system=" ".join(part for part in system if part),
        tags=machine.machine_tags or (),
    )


def _vulnerabilities(source: Source, assets: Mapping[str, AssetIdentity]) -> Iterator[Finding | Fault]:
    def make(record: Any, where: str) -> Finding:
        found = convert(record, _Vulnerability)
        machine = required(found.machine_id or found.device_id, "machineId")
        return _finding(found, where, machine, assets.get(machine) or _named_asset(found, machine))

    with json_cursor(source) as cursor:
        count = 0
        for record in _values(source, cursor, _Vulnerability):
            if isinstance(record, Fault):
                yield record
            else:
                count += 1
                yield read_record(source, f"vulnerability {count}", record, make, "id")


def _named_asset(found: _Vulnerability, machine: str) -> AssetIdentity:
    system = (found.os_platform, found.os_version)
    return AssetIdentity(
        hostnames=(found.device_name,) if found.device_name else (),
        agent_id=f"defender:{machine}",
        operating_system=" ".join(part for part in system if part),
    )


def _finding(found: _Vulnerability, where: str, machine: str, asset: AssetIdentity) -> Finding:
    cve = required(found.cve_id, "cveId")
    cves, aliases = split_ids(cve)
    name = found.product_name or found.software_name or ""
    vendor = found.product_vendor or found.software_vendor or ""
    version = found.product_version or found.software_version or ""
    severity_text = found.severity or found.vulnerability_severity_level or ""
    update = found.fixing_kb_id or found.recommended_security_update_id or ""
    return Finding(
        where=where,
        identity=f"{machine}|{cve}|{vendor}|{name}|{version}",
        asset=asset,
        rule=f"defender:{cve}",
        title=f"{cve} in {vendor} {name}".replace("  ", " ") if name else cve,
        cves=cves,
        aliases=aliases,
        component=Component(name, vendor, version),
        status=_STATUSES.get((found.status or "").lower(), "open"),
        severity=parse_severity(severity_text),
        severity_text=severity_text,
        cvss_score=score_in_range(found.cvss_score),
        first_seen=parse_when(found.first_seen_timestamp),
        last_seen=parse_when(found.last_seen_timestamp),
        locations=(*(found.disk_paths or ()), *(found.registry_paths or ())),
        remedy=found.recommended_security_update or "",
        remedy_ids=(f"KB{update}" if update.isdigit() else update,) if update else (),
        references=(found.recommended_security_update_url,) if found.recommended_security_update_url else (),
    )


FORMATS = (
    Format("defender-json", "Microsoft Defender", "json", _sniff, _read),
    Format("defender-zip", "Microsoft Defender with machines", "zip", _sniff_bundle, _read_bundle),
)
