"""What the readers of Wazuh, AWS and Defender make of small reports written by hand."""

from __future__ import annotations

import json
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from poise.errors import Fault, ScanFormatError
from poise.scans import Component, Finding, detect, open_source, summarise
from scans.samples_of import SAMPLES, read_file, read_sample

FORMATS = {
    "wazuh/api.json": "wazuh-json",
    "wazuh/indexer.json": "wazuh-json",
    "wazuh/indexer.jsonl": "wazuh-json",
    "aws/security_hub.json": "asff-json",
    "aws/inspector2.json": "aws-inspector2-json",
    "defender/machines_vulnerabilities.json": "defender-json",
    "defender/export.jsonl": "defender-json",
}


def _places(faults: list[Fault]) -> list[tuple[str, str]]:
    return [(fault.id, fault.where.rpartition(":")[2]) for fault in faults]


def _read_json(tmp_path: Path, document: Any) -> tuple[list[Finding], list[Fault]]:
    path = tmp_path / "x.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    return read_file(path)


@pytest.mark.parametrize(("name", "expected"), FORMATS.items())
def test_every_sample_is_claimed_by_one_format(name: str, expected: str) -> None:
    """AWS has two formats whose records both stand under "findings"."""
    assert detect(open_source(SAMPLES / name)).name == expected


def test_wazuh_api_keeps_what_has_no_fix() -> None:
    """Unfixed is no reason to leave a vulnerability out; an unrated one stays unrated."""
    (fixable, unfixed), faults = read_sample("wazuh/api.json")
    assert fixable.component == Component("openssl", "", "1.1.1k-1", ("1.1.1n-1",))
    assert fixable.asset.hostnames == ("web7",)
    assert (fixable.asset.ips, fixable.asset.agent_id) == (("192.0.2.7",), "wazuh:007")
    assert (fixable.cvss_score, fixable.severity) == (7.5, "high")
    assert fixable.first_seen == datetime(2023, 2, 8, 13, 55, 10, tzinfo=UTC)
    assert (unfixed.component.fixed_versions, unfixed.cvss_score) == ((), None)
    assert (unfixed.severity, unfixed.severity_text, unfixed.status) == (None, "Untriaged", "fixed")
    assert [fault.id for fault in faults] == ["E411", "E418", "E419"]


def test_wazuh_indexer_answers_and_lines() -> None:
    """The same documents come in an answer of the indexer or one per line."""
    (kernel,), faults = read_sample("wazuh/indexer.json")
    assert kernel.component == Component(
        "linux-image-6.8.0-60-generic", "deb", "6.8.0-60.63", ("6.8.0-62.65",)
    )
    assert (kernel.severity, kernel.severity_text, kernel.cvss_score) == (None, "-", 9.1)
    assert kernel.references == ("https://example.org/a", "https://example.org/b")
    assert kernel.asset.operating_system == "Ubuntu 24.04.2 LTS"
    assert [fault.id for fault in faults] == ["E411"]
    (curl, windows), faults = read_sample("wazuh/indexer.jsonl")
    assert (curl.asset.agent_id, curl.severity) == ("wazuh:001", "low")
    assert windows.component.name == "Windows Server 2022"
    assert not faults


def test_wazuh_answers_by_agent_and_with_missing_parts(tmp_path: Path) -> None:
    """The same package on two agents is two findings; a shard that failed is told."""
    answer = {"affected_items": [{"cve": "CVE-2024-0001", "name": "curl", "version": "8.5"}]}
    findings, faults = _read_json(tmp_path, {"001": answer, "002": answer})
    assert [one.asset.agent_id for one in findings] == ["wazuh:001", "wazuh:002"]
    assert len({one.identity for one in findings}) == 2
    assert not faults
    hits = {"timed_out": True, "_shards": {"failed": 1}, "hits": {"total": {"value": 3}, "hits": []}}
    findings, faults = _read_json(tmp_path, hits)
    assert not findings
    assert [fault.id for fault in faults] == ["E418", "E418", "E419"]


def test_security_hub_reports_each_package_and_the_state() -> None:
    """Two packages of one finding need two updates, and count as one."""
    findings, faults = read_sample("aws/security_hub.json")
    jetty, kernel, group, passed, guard = findings
    assert jetty.identity == kernel.identity
    assert jetty.component == Component("jetty-server", "JAR", "8.1.14", ("9.4.6",))
    assert kernel.component == Component("kernel", "OS", "1:4.14.301-224.amzn2", ())
    assert (jetty.cves, jetty.aliases) == (("CVE-2017-9735",), ("GHSA-wfcc-pff6-rgc5",))
    assert (jetty.cvss_score, jetty.remedy, kernel.remedy) == (7.5, "Update jetty-server to 9.4.6", "")
    assert jetty.asset.cloud_id == "arn:aws:ec2:eu-west-1:123456789012:instance/i-0aa"
    assert jetty.asset.ips == ("192.0.2.90", "198.51.100.90")
    assert jetty.asset.tags == ("Name=web1",)
    assert (group.kind, group.status, group.severity, group.severity_text) == (
        "misconfiguration",
        "accepted",
        "medium",
        "40",
    )
    assert (group.asset.cloud_id, group.locations) == ("sg-1", ("vpc-1",))
    assert (passed.kind, passed.status) == ("misconfiguration", "fixed")
    assert (guard.kind, guard.status, guard.severity) == ("information", "fixed", None)
    assert _places(faults) == [("E414", "finding 5"), ("E419", "NextToken")]


@pytest.mark.parametrize("shape", ["list", "lower", "event", "lines"])
def test_security_hub_in_every_wrapping(shape: str, tmp_path: Path) -> None:
    """The command line, EventBridge and exports wrap the same findings differently."""
    found = json.loads((SAMPLES / "aws/security_hub.json").read_text(encoding="utf-8"))["Findings"][:4]
    wrapped: dict[str, str] = {
        "list": json.dumps(found),
        "lower": json.dumps({"findings": found}),
        "event": json.dumps({"source": "aws.securityhub", "detail": {"findings": found}}),
        "lines": "\n".join(json.dumps(one) for one in found),
    }
    path = tmp_path / "x.json"
    path.write_text(wrapped[shape], encoding="utf-8")
    findings, faults = read_file(path)
    assert len(findings) == 5
    assert not faults


def test_security_hub_vulnerability_counts_per_resource(tmp_path: Path) -> None:
    """A vulnerability on two machines is two pieces of work."""
    document = json.loads((SAMPLES / "aws/security_hub.json").read_text(encoding="utf-8"))
    record = document["Findings"][0]
    record["Resources"].append({"Type": "AwsEc2Instance", "Id": "i-2"})
    findings, _ = _read_json(tmp_path, [record])
    assert len(findings) == 4
    assert len({finding.identity for finding in findings}) == 2


def test_inspector_types_images_and_versions() -> None:
    """An image is known by its digest; an epoch of 0 is not written."""
    findings, faults = read_sample("aws/inspector2.json")
    xml, python, port, code = findings
    assert xml.identity == python.identity
    assert xml.component == Component("libxml2", "OS", "2.9.1-6.el7", ("0:2.9.1-6.el7_9.6",))
    assert python.component == Component("libxml2-python", "OS", "2:2.9.1-6.el7", ())
    assert (xml.asset.image, xml.asset.image_digest) == ("shop/web:2.3.0", "sha256:d667")
    assert (xml.severity, xml.severity_text, xml.cvss_score) == (None, "UNTRIAGED", 6.5)
    assert xml.last_seen == datetime(2024, 6, 14, 2, 3, 53, tzinfo=UTC)
    assert xml.remedy == "yum update libxml2"
    assert (port.kind, port.port, port.status) == ("misconfiguration", "22/tcp", "accepted")
    assert (code.status, code.locations) == ("fixed", ("src/app.py:7",))
    assert _places(faults) == [("E414", "finding 4")]


def test_defender_records_of_both_answers() -> None:
    """The KB number is the update that a planner schedules."""
    findings, faults = read_sample("defender/machines_vulnerabilities.json")
    windows, tools = findings
    assert (windows.remedy_ids, windows.severity) == (("KB5028166",), "high")
    assert windows.asset.agent_id == "defender:m1"
    assert (tools.severity, tools.severity_text) == (None, "NotAvailable")
    assert _places(faults) == [("E411", "vulnerability 3")]
    findings, faults = read_sample("defender/export.jsonl")
    chrome, old = findings
    assert chrome.asset.hostnames == ("pc9.example.org",)
    assert chrome.locations == ("C:\\Program Files\\chrome.exe",)
    assert (chrome.cvss_score, chrome.remedy_ids) == (8.8, ("U-17",))
    assert old.status == "fixed"
    assert not faults


def _bundle(path: Path, vulnerabilities: list[str]) -> Path:
    with zipfile.ZipFile(path, "w") as bundle:
        bundle.write(SAMPLES / "defender/machines.json", "export/machines/machines.json")
        for number, text in enumerate(vulnerabilities):
            bundle.writestr(f"export/vulnerabilities/{number}.json", text)
    return path


def test_defender_bundle_joins_machines(tmp_path: Path) -> None:
    """The bundle knows names and addresses that the vulnerabilities do not."""
    text = (SAMPLES / "defender/machines_vulnerabilities.json").read_text(encoding="utf-8")
    findings, faults = read_file(_bundle(tmp_path / "x.zip", [text]))
    joined, alone = findings
    assert joined.asset.hostnames == ("pc1.example.org",)
    assert joined.asset.ips == ("192.0.2.101", "fe80::1")
    assert joined.asset.cloud_id == "/subscriptions/s/vm/pc1"
    assert (joined.asset.operating_system, joined.asset.tags) == ("Windows10 22H2", ("finance",))
    assert alone.asset.agent_id == "defender:m2"
    assert [fault.id for fault in faults] == ["E411", "E412"]
    assert "defender:m2" in faults[1].message


@pytest.mark.parametrize(("links", "expected"), [((True, False), []), ((True, True), ["E419"])])
def test_defender_bundle_misses_a_page_only_when_none_is_last(
    links: tuple[bool, ...], expected: list[str], tmp_path: Path
) -> None:
    """Every page but the last has a link to the next."""
    pages = [
        json.dumps(
            {"value": [{"cveId": f"CVE-2024-000{i}", "machineId": "m1"}]}
            | ({"@odata.nextLink": "x"} if link else {})
        )
        for i, link in enumerate(links)
    ]
    findings, faults = read_file(_bundle(tmp_path / "x.zip", pages))
    assert len(findings) == 2
    assert [fault.id for fault in faults] == expected


def test_empty_answers_hold_no_finding(tmp_path: Path) -> None:
    """Nothing found is an answer, and not a fault."""
    documents: list[Any] = [
        {"data": {"affected_items": [], "failed_items": [], "total_affected_items": 0}},
        {"_shards": {"failed": 0}, "hits": {"total": {"value": 0}, "hits": []}},
        {"Findings": []},
        {"@odata.context": "https://api.securitycenter.windows.com/api/$metadata", "value": []},
    ]
    for document in documents:
        assert _read_json(tmp_path, document) == ([], [])


@pytest.mark.parametrize("document", [{}, {"findings": {}}, {"value": [{"cveId": 1}]}, {"data": 5}])
def test_other_documents_are_refused(document: Any, tmp_path: Path) -> None:
    """A file of another tool is not read as an empty report."""
    with pytest.raises(ScanFormatError):
        _read_json(tmp_path, document)


@pytest.mark.parametrize("name", FORMATS)
def test_cut_off_json_refuses_the_report(name: str, tmp_path: Path) -> None:
    """Half a report must not pass for a whole one."""
    text = (SAMPLES / name).read_text(encoding="utf-8").rstrip()
    path = tmp_path / "cut.json"
    path.write_text(text[:-1], encoding="utf-8")
    (summary,) = summarise(path)
    assert summary.refused
    assert summary.findings == 0
    assert summary.faults[0].id == "E406"
