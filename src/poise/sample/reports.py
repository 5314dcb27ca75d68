"""The sample company's scanner reports, in the scanners' own formats.

They are written here and read back by the same readers that read real ones.
"""

from __future__ import annotations

import csv
import hashlib
import json
import zipfile
from calendar import month_name
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, ElementTree, SubElement, indent

from poise.sample.company import DOMAIN, NOW, STACKS, Company, Host
from poise.sample.flaws import Catalogue, Flaw, Update

#: When the weekly scans ran.
SCANNED = NOW.date() - timedelta(days=2)


def write_reports(company: Company, folder: Path) -> list[Path]:
    """Write every report into a folder and return the files, in a fixed order."""
    folder.mkdir(parents=True, exist_ok=True)
    catalogue = Catalogue()
    hosts = list(company.hosts)
    servers = [host for host in hosts if STACKS[host.stack].platform in ("linux", "windows")]
    plant = [host for host in servers if host.group.startswith("warehouse-win16")]
    # The data lake runs in a cloud that the network scanner does not reach: agents only.
    cloud = [host for host in servers if host.group.startswith("lake-")]
    scanned = [host for host in servers if host not in plant and host not in cloud] + company.unclaimed
    return [
        _nessus(folder / "nessus-dc1.nessus", catalogue, (h for h in scanned if h.site == "dc1")),
        _nessus(folder / "nessus-dc2.nessus", catalogue, (h for h in scanned if h.site == "dc2")),
        _wazuh(
            folder / "wazuh-dc2-linux.json", catalogue, (h for h in servers if h in cloud or _has_agent(h))
        ),
        _openvas(folder / "greenbone-network.xml", catalogue, _of(hosts, "appliance")),
        _tenable_csv(folder / "tenable-workplaces.csv", catalogue, _of(hosts, "client")),
        _trivy(folder / "trivy-images.zip", catalogue, _of(hosts, "image")),
        _by_hand(folder / "warehouse-by-hand.csv", catalogue, plant),
    ]


def _of(hosts: Iterable[Host], platform: str) -> list[Host]:
    return [host for host in hosts if STACKS[host.stack].platform == platform]


def _has_agent(host: Host) -> bool:
    return host.site == "dc2" and STACKS[host.stack].platform == "linux"


def _first_seen(host: Host, update: Update) -> date:
    """Return when a weekly scan first saw the missing update."""
    return min(SCANNED, max(update.published + timedelta(days=4), host.patched))


def _word(flaws: Iterable[Flaw]) -> str:
    """Return the severity word of the worst score; where none is known the scanner says Medium."""
    score = max((flaw.score for flaw in flaws if flaw.score is not None), default=5.0)
    bands = ((9.0, "Critical"), (7.0, "High"), (4.0, "Medium"))
    return next((word for least, word in bands if score >= least), "Low")


def _plugin_id(update: Update) -> str:
    """Return a stable number for a check, out of the range that real plugins use."""
    name = f"{update.product}|{update.fixed_version}|{update.kb}"
    return str(900_000 + int(hashlib.sha256(name.encode()).hexdigest()[:6], 16) % 99_999)


def _title(update: Update) -> str:
    if update.kb and update.component == "Windows cumulative update":
        month = f"{month_name[update.published.month]} {update.published.year}"
        return f"{update.kb}: {update.product} Security Update ({month})"
    if update.kb:
        return f"{update.kb}: Security Update for {update.product}"
    return f"{update.product} < {update.fixed_version} Multiple Vulnerabilities"


def _solution(update: Update) -> str:
    if update.kb:
        return f"Apply Security Update {update.kb}."
    if not update.fixed_version:
        return "There is no known solution at this time."
    return f"Upgrade to {update.component} version {update.fixed_version} or later."


def _nessus(path: Path, catalogue: Catalogue, hosts: Iterable[Host]) -> Path:
    root = Element("NessusClientData_v2")
    report = SubElement(root, "Report", name=path.stem)
    for host in hosts:
        fqdn = f"{host.name}.{DOMAIN}"
        # The second site is scanned by address, so that names have to be reconciled.
        entry = SubElement(report, "ReportHost", name=host.address if host.site == "dc2" else fqdn)
        properties = SubElement(entry, "HostProperties")
        windows = STACKS[host.stack].platform == "windows"
        for name, value in (
            ("host-ip", host.address),
            ("host-fqdn", fqdn),
            ("operating-system", STACKS[host.stack].products[0] if windows else "Linux Kernel 6.6"),
            ("HOST_END", SCANNED.strftime("%a %b %d 03:10:00 %Y")),
        ):
            SubElement(properties, "tag", name=name).text = value
        _nessus_item(entry, "19506", "Nessus Scan Information", "0", "None", "Settings")
        for update in catalogue.updates(host):
            _nessus_update(entry, host, update)
    return _write_xml(path, root)


def _nessus_item(entry: Element, plugin: str, name: str, severity: str, risk: str, family: str) -> Element:
    item = SubElement(
        entry,
        "ReportItem",
        port="0",
        svc_name="general",
        protocol="tcp",
        severity=severity,
        pluginID=plugin,
        pluginName=name,
        pluginFamily=family,
    )
    SubElement(item, "risk_factor").text = risk
    return item


def _nessus_update(entry: Element, host: Host, update: Update) -> None:
    word = _word(update.flaws)
    number = str(("None", "Low", "Medium", "High", "Critical").index(word))
    family = "Windows : Microsoft Bulletins" if update.kb else "Misc."
    item = _nessus_item(entry, _plugin_id(update), _title(update), number, word, family)
    for flaw in update.flaws:
        SubElement(item, "cve").text = flaw.cve
    worst = max(update.flaws, key=lambda flaw: flaw.score or 0.0)
    if worst.cvss_vector.startswith("CVSS:3"):
        SubElement(item, "cvss3_base_score").text = str(worst.score)
        SubElement(item, "cvss3_vector").text = worst.cvss_vector
    if update.kb:
        SubElement(item, "xref").text = f"MSKB:{update.kb.removeprefix('KB')}"
    SubElement(item, "vuln_publication_date").text = f"{update.published:%Y/%m/%d}"
    SubElement(item, "patch_publication_date").text = f"{update.published:%Y/%m/%d}"
    SubElement(item, "solution").text = _solution(update)
    SubElement(item, "synopsis").text = "The remote host is affected by known vulnerabilities."
    SubElement(item, "description").text = worst.description
    lines = [f"  Installed version : {update.installed_version}"]
    if update.fixed_version:
        lines.append(f"  Fixed version     : {update.fixed_version}")
    SubElement(item, "plugin_output").text = "\n" + "\n".join(lines) + "\n"


def _wazuh(path: Path, catalogue: Catalogue, hosts: Iterable[Host]) -> Path:
    hits = []
    for host in hosts:
        for update in catalogue.updates(host):
            if update.ecosystem not in ("linux", "linux-kernel"):
                continue
            for flaw in update.flaws:
                hits.append(_wazuh_hit(host, update, flaw))
    return _write_json(
        path, {"took": 3, "timed_out": False, "hits": {"total": {"value": len(hits)}, "hits": hits}}
    )


def _wazuh_hit(host: Host, update: Update, flaw: Flaw) -> dict[str, Any]:
    agent = f"{host.number:03d}"
    source = {
        "agent": {"id": agent, "name": f"{host.name}.{DOMAIN}", "type": "Wazuh", "version": "v4.11.1"},
        "host": {"ip": [host.address], "os": {"full": "Linux 6.6", "name": "Linux", "platform": "linux"}},
        "package": {"name": update.component, "type": "deb", "version": update.installed_version},
        "vulnerability": {
            "id": flaw.cve,
            "severity": _word([flaw]),
            "detected_at": f"{_first_seen(host, update)}T02:00:00.000Z",
            "published_at": f"{flaw.published}T00:00:00Z",
            "description": flaw.description,
            "reference": f"https://www.cve.org/CVERecord?id={flaw.cve}",
            "score": {"base": flaw.score, "version": "3.1"},
            "scanner": {"condition": _condition(update), "vendor": "Wazuh"},
        },
    }
    return {"_index": "wazuh-states-vulnerabilities", "_id": f"{agent}_{flaw.cve}", "_source": source}


def _condition(update: Update) -> str:
    """Return how the agent decided; of kernels it often knows no fixed package."""
    is_kernel = update.ecosystem == "linux-kernel"
    return "Package default status" if is_kernel else f"Package less than {update.fixed_version}"


def _openvas(path: Path, catalogue: Catalogue, hosts: Iterable[Host]) -> Path:
    root = Element(
        "report", id="5d2b3e0c-0001", format_id="a994b278", content_type="text/xml", extension="xml"
    )
    report = SubElement(root, "report", id="5d2b3e0c-0001")
    SubElement(report, "scan_start").text = f"{SCANNED}T01:00:00Z"
    results = SubElement(report, "results", start="1", max="-1")
    for host in hosts:
        for update in catalogue.updates(host):
            _openvas_result(results, host, update)
    return _write_xml(path, root)


def _openvas_result(results: Element, host: Host, update: Update) -> None:
    result = SubElement(results, "result", id=f"{host.name}-{_plugin_id(update)}")
    SubElement(result, "name").text = _title(update)
    SubElement(result, "creation_time").text = f"{SCANNED}T01:20:00Z"
    name = SubElement(result, "host")
    name.text = host.address
    SubElement(name, "hostname").text = f"{host.name}.{DOMAIN}"
    SubElement(result, "port").text = "443/tcp"
    nvt = SubElement(result, "nvt", oid=f"1.3.6.1.4.1.25623.1.0.{_plugin_id(update)}")
    SubElement(nvt, "type").text = "nvt"
    SubElement(nvt, "name").text = _title(update)
    SubElement(nvt, "family").text = "General"
    refs = SubElement(nvt, "refs")
    for flaw in update.flaws:
        SubElement(refs, "ref", type="cve", id=flaw.cve)
    kind = "VendorFix" if update.fixed_version else "NoneAvailable"
    SubElement(nvt, "solution", type=kind).text = _solution(update)
    worst = max((flaw.score for flaw in update.flaws if flaw.score is not None), default=5.0)
    SubElement(result, "threat").text = "High" if worst >= 7 else "Medium" if worst >= 4 else "Low"
    SubElement(result, "severity").text = f"{worst:.1f}"
    SubElement(SubElement(result, "qod"), "value").text = "80"
    text = f"Installed version: {update.installed_version}\nFixed version:     {update.fixed_version}"
    SubElement(result, "description").text = text


_TENABLE_COLUMNS = (
    "Plugin ID,CVE,CVSS,Risk,Host,Protocol,Port,Name,Synopsis,Description,Solution,See Also,Plugin Output"
)


def _tenable_csv(path: Path, catalogue: Catalogue, hosts: Iterable[Host]) -> Path:
    """Write the workplaces' export: one row per CVE of every check, as Tenable does."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(_TENABLE_COLUMNS.split(","))
        for host in hosts:
            for update in catalogue.updates(host):
                output = f"\n  Installed version : {update.installed_version}\n"
                if update.fixed_version:
                    output += f"  Fixed version     : {update.fixed_version}\n"
                for flaw in update.flaws:
                    head = [_plugin_id(update), flaw.cve, flaw.score or "", _word(update.flaws)]
                    place = [f"{host.name}.{DOMAIN}", "tcp", "0", _title(update)]
                    writer.writerow(
                        [*head, *place, flaw.title, flaw.description, _solution(update), "", output]
                    )
    return path


def _trivy(path: Path, catalogue: Catalogue, hosts: Iterable[Host]) -> Path:
    members = {}
    for host in hosts:
        image = f"registry.{DOMAIN}/{host.name}:2025.11"
        digest = "sha256:" + hashlib.sha256(host.name.encode()).hexdigest()
        packages = [entry for update in catalogue.updates(host) for entry in _trivy_entries(update)]
        members[f"{host.name}.json"] = _json(
            {
                "SchemaVersion": 2,
                "CreatedAt": f"{SCANNED}T04:00:00Z",
                "ArtifactName": image,
                "ArtifactType": "container_image",
                "Metadata": {"RepoTags": [image], "RepoDigests": [f"{image.rpartition(':')[0]}@{digest}"]},
                "Results": [
                    {
                        "Target": "app",
                        "Class": "lang-pkgs",
                        "Type": STACKS[host.stack].team,
                        "Vulnerabilities": packages,
                    }
                ],
            }
        )
    return _write_zip(path, members)


def _trivy_entries(update: Update) -> Iterator[dict[str, Any]]:
    for flaw in update.flaws:
        entry: dict[str, Any] = {
            "VulnerabilityID": flaw.cve,
            "PkgName": update.component,
            "InstalledVersion": update.installed_version,
            "Status": "fixed" if update.fixed_version else "affected",
            "Severity": _word([flaw]).upper(),
            "Title": flaw.title,
            "Description": flaw.description,
            "PublishedDate": f"{flaw.published}T00:00:00Z",
        }
        if update.fixed_version:
            entry["FixedVersion"] = update.fixed_version
        if flaw.cvss_vector.startswith("CVSS:3"):
            entry["CVSS"] = {"nvd": {"V3Vector": flaw.cvss_vector, "V3Score": flaw.score}}
        yield entry


def _by_hand(path: Path, catalogue: Catalogue, hosts: Iterable[Host]) -> Path:
    """Write the list that the warehouse keeps by hand, since no scanner may touch its machines."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["host", "ip", "cve", "title", "remedy", "remedy_id", "first_seen", "tags"])
        for host in hosts:
            for update in catalogue.updates(host):
                cves = " ".join(flaw.cve for flaw in update.flaws)
                seen = _first_seen(host, update)
                row = [
                    f"{host.name}.{DOMAIN}",
                    host.address,
                    cves,
                    _title(update),
                    _solution(update),
                    update.kb,
                ]
                writer.writerow([*row, seen, "warehouse"])
    return path


def _write_xml(path: Path, root: Element) -> Path:
    indent(root, space=" ")
    ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)
    return path


def _json(data: object) -> bytes:
    return json.dumps(data, indent=1).encode()


def _write_json(path: Path, data: object) -> Path:
    path.write_bytes(_json(data))
    return path


def _write_zip(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, data in members.items():
            # A fixed date, so that the same company gives the same bytes.
            bundle.writestr(zipfile.ZipInfo(name, (2026, 1, 3, 4, 0, 0)), data, zipfile.ZIP_DEFLATED)
    return path
