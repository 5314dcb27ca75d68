"""What each XML reader takes from a report, field by field."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from poise.scans import Component, Finding, read_scan
from poise.scans.formats.dependency_check_json import Software, fixed_by

SAMPLES = Path(__file__).with_name("samples") / "xml"


def _read(name: str) -> tuple[list[Finding], list[str]]:
    (report,) = read_scan(SAMPLES / name)
    findings = list(report)
    return findings, [f"{fault.id} {fault.where.rpartition(':')[2]}" for fault in report.faults]


def test_nessus_keeps_asset_ids_scores_and_remedy() -> None:
    """These fields decide what is patched, where, and how urgent it is."""
    findings, _ = _read("nessus.nessus")
    smb = findings[0]
    assert smb.asset.hostnames == ("till1.shop.example", "TILL1")
    assert smb.asset.ips == ("10.1.2.3",)
    assert smb.asset.operating_system == "Microsoft Windows Server 2019 Standard"
    assert smb.rule == "nessus:97833"
    assert smb.cves == ("CVE-2017-0144", "CVE-2017-0145")
    assert smb.aliases == ("MS17-010",)
    assert smb.remedy_ids == ("MS17-010", "KB4012212")
    assert smb.remedy == "Install the update of March 2017.\nPatch published 2017-03-14."
    assert (smb.severity, smb.severity_text, smb.cvss_score) == ("critical", "4", 8.1)
    assert smb.cvss_vectors == ("CVSS:3.0/AV:N/AC:H/PR:N/UI:N/S:U/C:H/I:H/A:H", "AV:N/AC:M/Au:N/C:C/I:C/A:C")
    assert smb.port == "445/tcp"
    assert smb.last_seen == datetime(2026, 11, 23, 4, 17, 22, tzinfo=UTC)
    assert "https://example.org/wannacry" in smb.references


def test_nessus_versions_come_from_the_plugin_output() -> None:
    """Nessus has no version fields; a change needs the version that fixes."""
    findings, _ = _read("nessus.nessus")
    assert findings[1].component == Component("php", "", "5.1.6", ("5.3.2", "5.2.13"))
    package = next(one for one in findings if one.rule == "nessus:150001")
    assert package.component == Component("libssl1.1", "deb", "1.1.1f-1ubuntu2", ("1.1.1f-1ubuntu2.3",))


def test_nessus_counts_a_plugin_once_per_host_and_a_check_of_an_audit_once() -> None:
    """Two ports are one finding; two audit checks of one plugin are two."""
    findings, faults = _read("nessus.nessus")
    php = [one for one in findings if one.rule == "nessus:24907"]
    assert [one.port for one in php] == ["80/tcp", "8080/tcp"]
    assert len({one.identity for one in php}) == 1
    audit = [one for one in findings if one.kind == "misconfiguration"]
    assert [(one.title, one.status) for one in audit] == [
        ("1.1 SSH root login is off", "open"),
        ("1.2 SSH protocol is 2", "fixed"),
    ]
    assert len({one.identity for one in audit}) == 2
    assert next(one for one in findings if one.rule == "nessus:19506").kind == "information"
    assert faults == [
        "E411 host db1.shop.example, plugin (none)",
        "E414 host db1.shop.example, plugin 1",
    ]


def test_openvas_reads_details_host_facts_and_old_ids() -> None:
    """Host facts follow after the results, and old reports hold CVE ids in one text."""
    findings, faults = _read("openvas.xml")
    log4j, package, log, false = findings
    assert log4j.asset.hostnames == ("web1.shop.example",)
    assert log4j.asset.operating_system == "Ubuntu 20.04"
    assert log4j.asset.agent_id == "openvas:asset-5"
    assert log4j.component == Component("log4j", "", "2.14.1", ("2.15.0",))
    assert log4j.remedy == "Update to version 2.17.1 or later."
    assert log4j.locations == ("443/tcp", "/opt/shop/log4j-core.jar")
    assert (log4j.severity, log4j.severity_text, log4j.cvss_score) == ("high", "High", 10.0)
    assert log4j.cvss_vectors == ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H",)
    assert package.component == Component("libssl1.1", "", "1.1.1f-1ubuntu2", ("1.1.1f-1ubuntu2.3",))
    assert package.aliases == package.remedy_ids == ("USN-5000-1",)
    assert package.port == ""
    assert package.asset.hostnames == ("web1.shop.example",)
    assert log.kind == "information"
    assert false.status == "false_positive"
    assert false.cves == ("CVE-2010-0001", "CVE-2010-0002")
    assert (false.severity, false.cvss_score) == (None, None)
    assert faults == ["E411 host 10.1.2.6, result 5", "E418 host 10.1.2.6"]


def test_openvas_counts_every_result_though_ids_repeat() -> None:
    """Some exports give all results one id; Greenbone counts each of them."""
    findings, _ = _read("openvas.xml")
    assert len({one.identity for one in findings}) == 4


def test_qualys_report_joins_the_glossary_at_its_end() -> None:
    """Titles, ids and solutions stand behind all hosts."""
    findings, faults = _read("qualys.xml")
    smb, other_port, name = findings
    assert smb.title == "Microsoft SMB Server RCE (MS17-010)"
    assert smb.asset.hostnames == ("mail.shop.example", "MAIL")
    assert (smb.asset.agent_id, smb.asset.tags) == ("qualys:aaaa-bbbb", ("Mail",))
    assert smb.cves == ("CVE-2017-0144",)
    assert smb.remedy == "Install KB4012212.\nThen reboot & check."
    assert smb.remedy_ids == ("MS17-010", "KB4012212")
    assert (smb.severity, smb.severity_text, smb.cvss_score) == ("critical", "5", 8.1)
    assert smb.first_seen == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert other_port.status == "fixed"
    assert smb.identity != other_port.identity
    assert name.kind == "information"
    assert [fault[:4] for fault in faults] == ["E411", "E414"]


def test_qualys_scan_takes_the_port_of_the_category_and_tells_a_broken_off_scan() -> None:
    """Services are no vulnerabilities; a cancelled scan has not looked at every host."""
    findings, faults = _read("qualys-scan.xml")
    terrapin, potential = findings
    assert potential.rule == "qualys:9"
    assert terrapin.asset.hostnames == ("FILES",)
    assert (terrapin.port, terrapin.cves, terrapin.cvss_score) == ("22/tcp", ("CVE-2023-48795",), 5.9)
    assert faults == ["E418 HEADER"]


def test_qualys_detections_know_ignored_ones_and_tell_a_further_page() -> None:
    """A response of the API that ends early is no whole report."""
    findings, faults = _read("qualys-detections.xml")
    assert [one.status for one in findings] == ["open", "accepted", "open"]
    assert findings[0].asset.hostnames == ("app1.shop.example", "app1")
    assert findings[0].asset.cloud_id == "i-0abc"
    assert findings[2].kind == "information"
    assert faults == ["E419 WARNING"]


def test_qualys_was_counts_a_check_once_per_application() -> None:
    """Two pages with one flaw are one finding with two places."""
    findings, _ = _read("qualys-was.xml")
    first, second, information = findings
    assert first.identity == second.identity
    assert first.locations == ("https://shop.example/a",)
    assert first.evidence == "slow post"
    assert second.status == "accepted"
    assert information.kind == "information"
    assert first.asset.tags == ("Shop",)


def test_nexpose_keeps_vulnerable_tests_only() -> None:
    """A test that found nothing is no finding; an approved exception is an accepted one."""
    findings, faults = _read("nexpose.xml")
    assert [one.rule for one in findings] == [
        "nexpose:ssh-weak",
        "nexpose:SSH-WEAK",
        "nexpose:excused",
        "nexpose:undescribed",
    ]
    weak = findings[0]
    assert weak.identity == findings[1].identity
    assert weak.asset.operating_system == "Ubuntu Linux 20.04"
    assert weak.cves == ("CVE-2016-0777",)
    assert weak.aliases == ("USN-2869-1",)
    assert (weak.severity, weak.severity_text, weak.cvss_score) == ("critical", "Critical (8)", 7.8)
    assert weak.remedy == "Upgrade\nto 7.1p2."
    assert weak.evidence == "OpenSSH 7.2"
    assert weak.first_seen == datetime(2026, 2, 11, 16, 38, 22, tzinfo=UTC)
    assert findings[2].status == "accepted"
    assert (findings[3].port, findings[3].severity) == ("443/tcp", None)
    assert faults == ["E411 node edge.shop.example, test (none)"]


def test_dependency_check_builds_vectors_and_keeps_suppressed_ones_apart() -> None:
    """A suppression is someone's decision and must not look like an open finding."""
    findings, faults = _read("dependency-check.xml")
    log4j, suppressed, old = findings
    assert log4j.component.purl == "pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1"
    assert log4j.component.fixed_versions == ("2.15.0",)
    assert log4j.cvss_vectors == (
        "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H",
        "AV:N/AC:M/Au:N/C:C/I:C/A:C",
    )
    assert log4j.locations == ("/app/log4j-core-2.14.1.jar", "/app/old/log4j-core-2.14.1.jar")
    assert (suppressed.status, suppressed.evidence) == ("accepted", "Not reachable.")
    assert old.component == Component("xalan/serializer", "maven", "2.7.1")
    assert old.cvss_vectors == ("AV:N/AC:L/Au:N/C:P/I:P/A:P",)
    assert [fault[:4] for fault in faults] == ["E411"]


def test_cyclonedx_resolves_nested_components_and_the_source_s_own_rating() -> None:
    """The rating of another source is not the severity that the list states."""
    findings, faults = _read("cyclonedx.xml")
    log4j, unaffected, not_affected = findings
    assert log4j.component == Component(
        "org.apache/log4j-core", "maven", "2.14.1", (), "pkg:maven/org.apache/log4j-core@2.14.1"
    )
    assert (log4j.severity, log4j.cvss_score) == ("critical", 10.0)
    assert log4j.aliases == ("GHSA-jfh8-c2jp-5v3q",)
    assert log4j.remedy == "Upgrade to 2.17.1."
    assert log4j.asset.purl == "pkg:generic/shop-web@1.4"
    assert (unaffected.status, not_affected.status) == ("false_positive", "false_positive")
    assert [fault[:4] for fault in faults] == ["E411"]


def test_cyclonedx_extension_is_read_inside_and_beside_components() -> None:
    """Lists before version 1.4 hold vulnerabilities in either place."""
    findings, faults = _read("cyclonedx-extension.xml")
    assert [one.component.name for one in findings] == ["django", "jackson-databind"]
    assert findings[0].asset.image == "shop:1.4"
    assert findings[0].cvss_vectors == ("CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N",)
    assert findings[0].severity == "high"
    assert findings[1].severity is None
    assert not faults


def test_dependency_check_names_a_fix_for_the_component_itself_alone() -> None:
    """It lists commons-net's vulnerability under resolvers too; commons-net's version does not mend those."""
    ranges = [
        Software("cpe:2.3:a:apache:commons_net:*:*:*:*:*:*:*:*", "true", "3.9.0"),
        Software("cpe:2.3:a:apache:commons_net:*:*:*:*:*:*:*:*", None, "9.9.9"),
    ]
    own = Component("commons-net/commons-net", "maven", "3.6", purl="pkg:maven/commons-net/commons-net@3.6")
    other = Component(
        "xml-resolver/xml-resolver", "maven", "1.2", purl="pkg:maven/xml-resolver/xml-resolver@1.2"
    )
    spring = Component("spring-core", "maven", "5.0", purl="pkg:maven/org.springframework/spring-core@5.0")
    assert fixed_by(own, ranges) == ("3.9.0",)
    assert fixed_by(other, ranges) == ()
    assert fixed_by(spring, [Software("cpe:/a:vmware:spring_framework:5.0", True, "5.3.18")]) == ("5.3.18",)
