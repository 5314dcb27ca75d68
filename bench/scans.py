"""Speed and memory of the scan readers on generated reports, and the ratio to a bare parser.

::

    python bench/scans.py --findings 1000000

Speed is per second of one core's time, so that other work on the machine does not count.
Each reading runs in a process of its own, so that its peak memory is its own, on one tenth of the findings
and on all of them: the peak must not grow. The bare pass runs the parser alone over the same file and
builds nothing: expat with the C tree builder for XML, ``json.loads`` of each record for JSON,
``csv.reader`` for CSV. It is the floor below which a reader on this parser cannot come.
"""

from __future__ import annotations

import argparse
import csv
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree.ElementTree import iterparse

from poise.scans import all_formats, read_scan

#: Findings per second that each syntax must reach on one core, and the memory that it may use [MB].
GOALS = {"xml": 20_000, "json": 50_000, "csv": 50_000}
MEMORY_GOAL_MB = 500

_FINDINGS_PER_HOST = 80
_TEXT = (
    "The remote service is affected by a flaw in the way it handles crafted requests. An attacker who "
    "reaches it can read memory that does not belong to the session, or stop it. "
)


def nessus_xml(count: int) -> Iterator[str]:
    """Yield the parts of a Nessus report: items as a credentialed scan writes them, about 1.9 kB each."""
    yield '<?xml version="1.0" ?>\n<NessusClientData_v2>\n<Report name="bench">\n'
    for number in range(count):
        host, item = divmod(number, _FINDINGS_PER_HOST)
        if item == 0:
            yield "</ReportHost>\n" if host else ""
            yield (
                f'<ReportHost name="10.{host >> 16 & 255}.{host >> 8 & 255}.{host & 255}"><HostProperties>'
                f'<tag name="host-fqdn">host{host}.example.org</tag>'
                f'<tag name="operating-system">Linux Kernel 5.15 on Ubuntu 22.04</tag>'
                f'<tag name="HOST_END">Mon Nov 23 04:17:22 2026</tag></HostProperties>\n'
            )
        cve = f"CVE-{2015 + number % 12}-{1000 + number % 40_000}"
        yield (
            f'<ReportItem port="{item % 5 * 111}" svc_name="general" protocol="tcp" severity="{number % 5}" '
            f'pluginID="{10_000 + number % 50_000}" pluginName="Package {item} &lt; 2.{item} Flaw" '
            f'pluginFamily="Ubuntu Local Security Checks">\n<agent>unix</agent>\n'
            f"<cpe>cpe:/a:example:package{item}</cpe>\n<cve>{cve}</cve>\n"
            f"<cvss3_base_score>7.5</cvss3_base_score>\n"
            f"<cvss3_vector>CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N</cvss3_vector>\n"
            f"<cvss_base_score>5.0</cvss_base_score>\n"
            f"<cvss_vector>CVSS2#AV:N/AC:L/Au:N/C:P/I:N/A:N</cvss_vector>\n"
            f"<description>{_TEXT * 3}</description>\n<exploit_available>false</exploit_available>\n"
            f"<fname>check_{item}.nasl</fname>\n<patch_publication_date>2026/10/01</patch_publication_date>\n"
            f"<plugin_modification_date>2026/10/02</plugin_modification_date>\n"
            f"<plugin_name>Package {item} &lt; 2.{item} Flaw</plugin_name>\n"
            f"<plugin_publication_date>2026/10/02</plugin_publication_date>\n"
            f"<plugin_type>local</plugin_type>\n<risk_factor>High</risk_factor>\n"
            f"<script_version>1.4</script_version>\n<see_also>https://example.org/{cve}</see_also>\n"
            f"<solution>Update the package to version 2.{item} or later.</solution>\n"
            f"<synopsis>The remote host lacks a security update.</synopsis>\n"
            f"<xref>USN:{number % 9000}-1</xref>\n"
            f"<plugin_output>\n  - Installed package : package{item}_1.{item}-1ubuntu1\n"
            f"    Fixed package     : package{item}_2.{item}-1ubuntu1\n</plugin_output>\n</ReportItem>\n"
        )
    yield "</ReportHost>\n</Report>\n</NessusClientData_v2>\n"


def trivy_json(count: int) -> Iterator[str]:
    """Yield the parts of a Trivy image report, about 1 kB per vulnerability, one result per package type."""
    yield (
        '{"SchemaVersion":2,"CreatedAt":"2026-11-23T04:17:22Z","ArtifactName":"shop:1.4","ArtifactType":'
        '"container_image","Metadata":{"OS":{"Family":"debian","Name":"12.4"}},"Results":'
        '[{"Target":"shop:1.4 (debian 12.4)","Class":"os-pkgs","Type":"debian","Vulnerabilities":['
    )
    for number in range(count):
        record = {
            "VulnerabilityID": f"CVE-{2015 + number % 12}-{1000 + number}",
            "PkgID": f"package{number % 900}@1.{number}",
            "PkgName": f"package{number % 900}",
            "PkgIdentifier": {"PURL": f"pkg:deb/debian/package{number % 900}@1.{number}?arch=amd64"},
            "InstalledVersion": f"1.{number}",
            "FixedVersion": f"2.{number}",
            "Status": "fixed",
            "SeveritySource": "debian",
            "PrimaryURL": f"https://avd.example/cve-{number}",
            "Title": f"package{number % 900}: flaw in request handling",
            "Description": _TEXT,
            "Severity": ("LOW", "MEDIUM", "HIGH", "CRITICAL")[number % 4],
            "CweIDs": ["CWE-125"],
            "CVSS": {"nvd": {"V3Vector": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N", "V3Score": 7.5}},
            "References": [f"https://example.org/{number}", f"https://example.net/{number}"],
            "PublishedDate": "2026-09-01T00:15:11Z",
        }
        yield ("," if number else "") + json.dumps(record)
    yield "]}]}\n"


def poise_csv(count: int) -> Iterator[str]:
    """Yield the lines of Poise's own CSV, about 300 bytes each."""
    yield "host,ip,cve,title,component,installed_version,fixed_version,severity,cvss_vector,first_seen,"
    yield "remedy\n"
    for number in range(count):
        host = number // _FINDINGS_PER_HOST
        yield (
            f"host{host}.example.org,10.0.{host >> 8 & 255}.{host & 255},"
            f"CVE-{2015 + number % 12}-{1000 + number},"
            f'"Flaw in package{number % 900}, read access",package{number % 900},1.{number % 70},'
            f"2.{number % 70},high,CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N,2026-09-01,"
            f"Update package{number % 900} to 2.{number % 70} or later.\n"
        )


def bare_xml(path: Path) -> None:
    """Build the tree of each item with the C parser, and drop it."""
    for _, element in iterparse(path, events=("end",)):
        if element.tag in {"ReportItem", "HostProperties"}:
            element.clear()


def bare_json(path: Path) -> None:
    """Decode each record of the generated file; records end at ``}},`` or at the end of the list."""
    text = path.read_text(encoding="utf-8")
    decoder = json.JSONDecoder()
    place = text.index('"Vulnerabilities":[') + len('"Vulnerabilities":[')
    while text[place] != "]":
        _, place = decoder.raw_decode(text, place)
        place += text[place] == ","


def bare_csv(path: Path) -> None:
    """Split each line into its cells."""
    with path.open(encoding="utf-8", newline="") as stream:
        for _ in csv.reader(stream):
            pass


REPORTS: dict[str, tuple[Callable[[int], Iterator[str]], Callable[[Path], None]]] = {
    "xml": (nessus_xml, bare_xml),
    "json": (trivy_json, bare_json),
    "csv": (poise_csv, bare_csv),
}


def read(path: Path) -> int:
    """Read a report to its end with Poise, and return the number of its records."""
    return sum(1 for report in read_scan(path) for _ in report)


def measured(action: str, syntax: str, path: Path) -> tuple[float, float, int]:
    """Run one pass in a fresh process; return its CPU seconds, its peak memory [MB] and its count."""
    command = [sys.executable, __file__, "--pass", action, "--syntax", syntax, "--file", str(path)]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    seconds, peak_mb, count = printed.split()
    return float(seconds), float(peak_mb), int(count)


def one_pass(action: str, syntax: str, path: Path) -> None:
    """Do one pass and print its CPU seconds, its peak memory [MB] and its count."""
    all_formats()
    started = time.process_time()
    count = 0
    if action == "read":
        count = read(path)
    else:
        REPORTS[syntax][1](path)
    seconds = time.process_time() - started
    print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, count)


def write(path: Path, parts: Iterator[str]) -> int:
    """Write a report and return its size [bytes]."""
    with path.open("w", encoding="utf-8") as stream:
        for part in parts:
            stream.write(part)
    return path.stat().st_size


def main() -> int:
    """Measure every syntax; return 1 when a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--findings", type=int, default=1_000_000, help="findings of the large report")
    parser.add_argument("--syntax", choices=sorted(REPORTS), help="only this one")
    parser.add_argument("--pass", dest="action", choices=("read", "bare"), help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.action:
        one_pass(arguments.action, arguments.syntax, arguments.file)
        return 0
    missed = False
    with tempfile.TemporaryDirectory() as folder:
        for syntax, (generate, _) in REPORTS.items():
            if arguments.syntax in {None, syntax}:
                missed |= not _report(syntax, generate, arguments.findings, Path(folder))
    return int(missed)


def _report(syntax: str, generate: Callable[[int], Iterator[str]], findings: int, folder: Path) -> bool:
    small, large = folder / f"small.{syntax}", folder / f"large.{syntax}"
    write(small, generate(findings // 10))
    size = write(large, generate(findings))
    _, small_mb, _ = measured("read", syntax, small)
    seconds, large_mb, count = measured("read", syntax, large)
    bare_seconds, _, _ = measured("bare", syntax, large)
    speed = count / seconds
    met = speed >= GOALS[syntax] and large_mb < MEMORY_GOAL_MB and large_mb < 1.2 * small_mb + 20
    print(
        f"{syntax:4}  {count:>9,} findings, {size / 1e6:,.0f} MB: {speed:>9,.0f} findings/s "
        f"(goal {GOALS[syntax]:,}), {seconds / bare_seconds:.2f} x a bare parser, peak {small_mb:,.0f} MB "
        f"at {findings // 10:,} and {large_mb:,.0f} MB at {findings:,}: {'met' if met else 'MISSED'}",
        flush=True,
    )
    small.unlink()
    large.unlink()
    return met


if __name__ == "__main__":
    sys.exit(main())
