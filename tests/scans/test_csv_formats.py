"""What each CSV reader makes of a small report written by hand: the fields, and the rows left out."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poise.errors import ScanFormatError
from poise.scans import Component, all_formats, detect, open_source
from scans.samples_of import SAMPLES, possible_headers_of, read_file, read_sample

FORMATS = {
    "tenable/nessus.csv": "tenable-csv",
    "tenable/security_center.csv": "tenable-csv",
    "tenable/vulnerability_management.csv": "tenable-csv",
    "openvas/report.csv": "openvas-csv",
    "qualys/scan_report.csv": "qualys-csv",
    "qualys/pci.csv": "qualys-pci-csv",
    "qualys_vmdr/by_cve.csv": "qualys-vmdr-csv",
    "qualys_vmdr/by_qid_wrapped.csv": "qualys-vmdr-csv",
    "insightvm/basic.csv": "insightvm-csv",
    "defectdojo/generic.csv": "defectdojo-csv",
    "poise/findings.csv": "poise-csv",
}


@pytest.mark.parametrize(("name", "expected"), FORMATS.items())
def test_every_sample_is_claimed_by_one_format(name: str, expected: str) -> None:
    """Two claims would stop the user, a wrong one would misread the file."""
    assert detect(open_source(SAMPLES / name)).name == expected


_CSV_FORMATS = [one for one in all_formats() if one.syntax == "csv"]


def _claims(columns: Iterable[str]) -> list[str]:
    opening = ",".join(columns) + "\n"
    return [one.name for one in _CSV_FORMATS if one.sniff(opening)]


_HEADERS = sorted(
    {
        header.names
        for name in FORMATS
        for header in possible_headers_of(SAMPLES / name)
        if _claims(header.names)
    }
)


@settings(max_examples=300, deadline=None)
@given(st.data(), st.sampled_from(_HEADERS))
def test_no_choice_of_columns_is_claimed_twice(data: st.DataObject, header: tuple[str, ...]) -> None:
    """Users choose the columns of an export, and two claims would stop them."""
    columns = data.draw(st.lists(st.sampled_from(header), min_size=2, unique=True))
    assert len(_claims(columns)) <= 1


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_encoding_and_line_ends_do_not_show(name: str, encoding: str, tmp_path: Path) -> None:
    """The same report saved by another program holds the same findings."""
    text = (SAMPLES / name).read_text(encoding="utf-8")
    path = tmp_path / "x.csv"
    path.write_bytes(text.replace("\n", "\r\n").encode(encoding))
    findings, _ = read_file(path)
    expected, _ = read_sample(name)
    assert [(one.identity, one.cves, one.severity) for one in findings] == [
        (one.identity, one.cves, one.severity) for one in expected
    ]


def test_nessus_joins_the_rows_of_one_plugin() -> None:
    """A kernel update with two CVEs is one finding with both, and its package is read from the output."""
    findings, faults = read_sample("tenable/nessus.csv")
    kernel, cipher, http, https, audit, windows = findings
    assert kernel.cves == ("CVE-2023-32233", "CVE-2023-34256")
    assert kernel.component == Component("kernel", "rpm", "4.14.314-237.533.ex2", ("4.14.314-238.539.ex2",))
    assert (kernel.severity, kernel.cvss_score, kernel.rule) == ("high", 7.8, "nessus:176700")
    assert kernel.remedy_ids == ("RHSA-2023:4961",)
    assert kernel.references == ("https://example.org/1", "https://example.org/2")
    assert cipher.locations == ("443/tcp", "8443/tcp")
    assert cipher.cvss_score is None
    assert http.kind == https.kind == "information"
    assert http.identity != https.identity
    assert (audit.kind, audit.severity, audit.severity_text) == ("misconfiguration", None, "FAILED")
    assert windows.remedy_ids[-1] == "KB5032189"
    assert [fault.id for fault in faults] == ["E411", "E407"]
    assert faults[1].where.endswith("line 19")


def test_security_center_names_the_asset_in_full() -> None:
    """Every name is needed to find the same machine in another report."""
    findings, faults = read_sample("tenable/security_center.csv")
    first, second = findings
    assert first.asset.hostnames == ("db3.example.org", "DB3")
    assert (first.asset.ips, first.asset.agent_id) == (("192.0.2.3",), "nessus:a1b2")
    assert first.cves == ("CVE-2020-0001", "CVE-2020-0002")
    assert first.component.installed_version == "10.50.6560.0"
    assert first.cvss_vectors == (
        "CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H",
        "AV:N/AC:L/Au:N/C:C/I:C/A:C",
    )
    assert first.first_seen == datetime(2024, 2, 5, 21, 1, 8, tzinfo=UTC)
    assert (second.status, second.first_seen) == ("accepted", None)
    assert not faults


def test_vulnerability_management_states_and_tags() -> None:
    """A fixed vulnerability is not open work, and tags map assets to services."""
    (finding,), _ = read_sample("tenable/vulnerability_management.csv")
    assert (finding.status, finding.severity, finding.port) == ("fixed", "low", "22/tcp")
    assert finding.asset.tags == ("Env:prod",)
    assert finding.asset.operating_system == "Linux"


def test_openvas_counts_ports_once_and_reads_versions() -> None:
    """One old web server at two ports is one update."""
    findings, faults = read_sample("openvas/report.csv")
    server, by_cve, traceroute, odd = findings
    assert server.cves == ("CVE-2024-38474", "CVE-2024-38475")
    assert server.component == Component("http_server", "", "2.4.58", ("2.4.62",))
    assert server.locations == ("443/tcp", "8443/tcp")
    assert server.references == ("WID-SEC-2024-1504", "https://example.org/a")
    assert server.asset.hostnames == ("host01.example.com",)
    assert by_cve.cves == ("CVE-2021-26690",)
    assert (traceroute.kind, traceroute.severity) == ("information", "info")
    assert (odd.severity, odd.severity_text) == (None, "Unrated")
    assert [fault.id for fault in faults] == ["E411"]


def test_qualys_report_behind_its_preamble() -> None:
    """Six lines about the report come first, and a host without findings is no fault."""
    findings, faults = read_sample("qualys/scan_report.csv")
    patch, ssh, services = findings
    assert patch.where == "line 9"
    assert patch.cves == ("CVE-2021-31192", "CVE-2021-31188")
    assert patch.cvss_vectors[0] == "CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:C/C:H/I:H/A:H"
    assert (patch.cvss_score, patch.severity, patch.remedy) == (9.9, "critical", "Apply KB5003197.")
    assert patch.remedy_ids == ("KB5003197",)
    assert patch.asset.tags == ("AWS", "Cloud Agent")
    assert (ssh.status, ssh.port) == ("fixed", "22/tcp")
    assert services.kind == "information"
    assert not faults


def test_qualys_pci_report() -> None:
    """Its own severity stands before that of PCI; an approved false positive is none of our work."""
    findings, faults = read_sample("qualys/pci.csv")
    header, birthday = findings
    assert (header.severity, header.locations) == ("low", ("80/tcp", "443/tcp"))
    assert (birthday.severity, birthday.status) == ("high", "false_positive")
    assert not faults


def test_vmdr_by_cve_and_by_qid() -> None:
    """The export by CVE has a row per CVE, the other may quote every line once more."""
    findings, faults = read_sample("qualys_vmdr/by_cve.csv")
    log4shell, zerologon = findings
    assert log4shell.cves == ("CVE-2021-44228", "CVE-2021-45046")
    assert log4shell.asset.ips == ("192.0.2.50", "192.0.2.51")
    assert log4shell.cvss_score == 10.0
    assert (zerologon.status, zerologon.port, zerologon.evidence) == ("fixed", "", "")
    assert not faults
    (wrapped,), faults = read_sample("qualys_vmdr/by_qid_wrapped.csv")
    assert (wrapped.title, wrapped.evidence) == ('Says "hello" to all', "Server header\nexposed")
    assert wrapped.status == "accepted"
    assert not faults


def test_insightvm_keeps_only_what_is_vulnerable() -> None:
    """Most rows of the export say that a check found nothing."""
    findings, faults = read_sample("insightvm/basic.csv")
    assert [(one.rule, one.severity, one.status) for one in findings] == [
        ("nexpose:ssl-cve-2016-2183-sweet32", "high", "open"),
        ("nexpose:openbsd-openssh-cve-2024-6387", "critical", "open"),
        ("nexpose:http-options", "medium", "accepted"),
    ]
    assert findings[0].remedy == "Disable 3DES."
    assert not faults


def test_defectdojo_generic_csv() -> None:
    """Its rows of one title and description are one finding with all their ids and places."""
    findings, faults = read_sample("defectdojo/generic.csv")
    library, banner, closed = findings
    assert library.cves == ("CVE-2020-11023", "CVE-2020-11022")
    assert library.component == Component("jquery", "", "3.4.1", ("3.5.0",))
    assert library.locations == ("https://shop.example.org/a", "https://shop.example.org/b")
    assert (banner.kind, banner.status, banner.asset.ips) == (
        "information",
        "false_positive",
        ("192.0.2.80",),
    )
    assert (closed.status, closed.severity, closed.severity_text) == ("fixed", None, "Terrible")
    assert [fault.where.rpartition(":")[2] for fault in faults] == ["line 5"]


@pytest.mark.parametrize("name", FORMATS)
def test_cut_inside_a_quoted_field_refuses_the_report(name: str, tmp_path: Path) -> None:
    """Half a report must not pass for a whole one."""
    path = tmp_path / "cut.csv"
    path.write_text((SAMPLES / name).read_text(encoding="utf-8") + '"cut here, in the', encoding="utf-8")
    with pytest.raises(ScanFormatError):
        read_file(path)
