"""Older and newer versions of each tool's own format: read right, or refused with what was expected."""

# ruff: noqa: E501 - a row is a version
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from scans.corpus import read_bytes

CVE = "CVE-2026-10001"


def _lines(*records: Any) -> str:
    return "\n".join(json.dumps(record) for record in records) + "\n"


_TRIVY = {"VulnerabilityID": CVE, "PkgName": "a", "InstalledVersion": "1", "Severity": "HIGH"}
_TRIVY_RESULT = {"Target": "a.lock", "Class": "lang-pkgs", "Type": "npm", "Vulnerabilities": [_TRIVY]}
_MATCH: dict[str, Any] = {
    "vulnerability": {"id": CVE, "severity": "High", "fix": {"versions": [], "state": "not-fixed"}},
    "relatedVulnerabilities": [],
    "matchDetails": [],
    "artifact": {"name": "a", "version": "1", "type": "npm", "locations": [], "purl": "pkg:npm/a@1"},
}
#: What Grype 0.88 added with its database of schema 6.
_MATCH_6 = {
    **_MATCH,
    "vulnerability": {
        **_MATCH["vulnerability"],
        "epss": [{"cve": CVE, "epss": 0.5, "percentile": 0.9, "date": "2026-01-01"}],
        "knownExploited": [{"cve": CVE, "vendorProject": "a", "product": "a"}],
        "risk": 31.2,
        "cwes": [{"cve": CVE, "cwe": "CWE-79", "source": "nvd@nist.gov", "type": "Primary"}],
        "advisories": [],
    },
}
_DB_5 = {"built": "2024-01-01T00:00:00Z", "schemaVersion": 5, "location": "/db", "checksum": "sha256:0"}
_DB_6 = {
    "status": {"schemaVersion": "v6.0.2", "built": "2026-01-01T00:00:00Z", "valid": True},
    "providers": {},
}
_SEMGREP = {
    "check_id": "python.eval",
    "path": "a.py",
    "start": {"line": 1, "col": 1, "offset": 0},
    "end": {"line": 1, "col": 9, "offset": 8},
    "extra": {
        "message": "eval",
        "severity": "ERROR",
        "metadata": {},
        "lines": "eval(x)",
        "fingerprint": "f1",
    },
}
_SEMGREP_PRO = {
    **_SEMGREP,
    "extra": {
        **_SEMGREP["extra"],  # type: ignore[dict-item]
        "engine_kind": "PRO",
        "validation_state": "NO_VALIDATOR",
        "is_ignored": False,
        "severity": "CRITICAL",
        "dataflow_trace": {"taint_source": ["CliLoc", [{"path": "a.py"}, "x"]], "intermediate_vars": []},
    },
}
_ADVISORY = {
    "findings": [{"version": "1.0.0", "paths": ["a>b"]}],
    "id": 1,
    "title": "t",
    "module_name": "b",
    "cves": [CVE],
    "severity": "high",
    "url": "https://npmjs.example/1",
    "vulnerable_versions": "<2",
    "patched_versions": ">=2",
    "recommendation": "Upgrade",
}
_VIA = {
    "source": 1,
    "name": "b",
    "dependency": "b",
    "title": "t",
    "url": "https://github.com/advisories/GHSA-aaaa-bbbb-cccc",
    "severity": "high",
    "cwe": ["CWE-79"],
    "cvss": {"score": 7.5, "vectorString": None},
    "range": "<2",
}
_NPM_2 = {
    "auditReportVersion": 2,
    "vulnerabilities": {
        "b": {
            "name": "b",
            "severity": "high",
            "isDirect": False,
            "via": [_VIA],
            "effects": ["a"],
            "range": "<2",
            "nodes": ["node_modules/b"],
            "fixAvailable": {"name": "a", "version": "3.0.0", "isSemVerMajor": True},
        },
        "a": {
            "name": "a",
            "severity": "high",
            "isDirect": True,
            "via": ["b"],
            "effects": [],
            "range": "*",
            "nodes": ["node_modules/a"],
            "fixAvailable": False,
        },
    },
    "metadata": {"vulnerabilities": {"high": 2, "total": 2}, "dependencies": {"total": 2}},
}
_PIP = {
    "name": "a",
    "version": "1.0",
    "vulns": [{"id": "PYSEC-2026-1", "fix_versions": ["2"], "aliases": [CVE]}],
}
_SNYK = {
    "id": "SNYK-JS-A-1",
    "title": "t",
    "severity": "high",
    "packageName": "a",
    "version": "1",
    "from": ["x@1", "a@1"],
    "identifiers": {"CVE": [CVE], "CWE": ["CWE-79"]},
    "upgradePath": [],
    "isUpgradable": False,
}
_PROJECT = {"vulnerabilities": [_SNYK], "ok": False, "packageManager": "npm", "projectName": "x"}


def _gitlab(version: str, **more: Any) -> dict[str, Any]:
    one = {
        "id": "a1",
        "category": "sast",
        "name": "t",
        "message": "t",
        "severity": "High",
        "confidence": "High",
        "scanner": {"id": "semgrep", "name": "Semgrep"},
        "location": {"file": "a.py", "start_line": 1},
        "identifiers": [{"type": "cwe", "name": "CWE-79", "value": "79"}],
        **more,
    }
    scan = {
        "scanner": {"id": "semgrep", "name": "Semgrep", "vendor": {"name": "GitLab"}, "version": "1"},
        "analyzer": {"id": "semgrep", "name": "Semgrep", "vendor": {"name": "GitLab"}, "version": "1"},
        "type": "sast",
        "start_time": "2026-01-01T00:00:00",
        "end_time": "2026-01-01T00:01:00",
        "status": "success",
    }
    return {"version": version, "vulnerabilities": [one], "remediations": [], "scan": scan}


def _bom(version: str) -> dict[str, Any]:
    part = {"type": "library", "bom-ref": "a", "name": "a", "version": "1", "purl": "pkg:npm/a@1"}
    rated = {"id": CVE, "ratings": [{"severity": "high", "method": "CVSSv31", "score": 7.5}]}
    bom = {"bomFormat": "CycloneDX", "specVersion": version, "version": 1, "components": [part]}
    return {**bom, "vulnerabilities": [{**rated, "affects": [{"ref": "a"}]}]}


_CHECK = {
    "check_id": "CKV_AWS_1",
    "check_name": "t",
    "check_result": {"result": "FAILED"},
    "file_path": "/a.tf",
    "file_line_range": [1, 2],
    "resource": "aws.a",
}
_CHECKOV = {
    "check_type": "terraform",
    "results": {"passed_checks": [], "failed_checks": [_CHECK], "skipped_checks": [], "parsing_errors": []},
    "summary": {"passed": 0, "failed": 1, "skipped": 0, "parsing_errors": 0, "checkov_version": "3.2.0"},
}
_NUCLEI = {
    "template-id": "x",
    "info": {"name": "t", "severity": "high", "tags": ["a"]},
    "type": "http",
    "host": "https://a.example",
    "matched-at": "https://a.example/x",
    "timestamp": "2026-01-01T00:00:00Z",
}
_NUCLEI_OLD = {
    "templateID": "x",
    "info": {"name": "t", "severity": "high", "tags": "a,b"},
    "host": "https://a.example",
    "matched": "https://a.example/x",
}
_HOG_3 = {
    "SourceMetadata": {"Data": {"Git": {"commit": "c" * 40, "file": "a.py", "line": 3}}},
    "SourceID": 0,
    "DetectorType": 2,
    "DetectorName": "AWS",
    "Verified": False,
    "Raw": "example-not-a-key-0001",
    "Redacted": "",
}
_HOG_2 = {
    "branch": "main",
    "commit": "c",
    "commitHash": "c" * 40,
    "date": "2020-01-01 00:00:00",
    "diff": "d",
    "path": "a.py",
    "printDiff": "p",
    "reason": "AWS API Key",
    "stringsFound": ["example-not-a-key-0002"],
}
_LEAK_8 = {
    "Description": "key",
    "StartLine": 1,
    "EndLine": 1,
    "Match": "key=example-not-a-key-0003",
    "Secret": "example-not-a-key-0003",
    "File": "a.py",
    "Commit": "c" * 40,
    "RuleID": "generic-api-key",
    "Fingerprint": "c:a.py:generic-api-key:1",
}
_LEAK_7 = {
    "line": "key=example-not-a-key-0004",
    "lineNumber": 1,
    "offender": "example-not-a-key-0004",
    "offenderEntropy": -1,
    "commit": "c" * 40,
    "repo": "r",
    "rule": "Generic",
    "commitMessage": "m",
    "author": "a",
    "email": "e@example",
    "file": "a.py",
    "date": "2020-01-01T00:00:00Z",
    "tags": "key",
}
_ALERT = {
    "pluginid": "40012",
    "alertRef": "40012",
    "alert": "XSS",
    "name": "XSS",
    "riskcode": "3",
    "confidence": "2",
    "riskdesc": "High (Medium)",
    "desc": "d",
    "instances": [
        {"uri": "https://a.example/x", "method": "GET", "param": "q", "attack": "", "evidence": ""}
    ],
    "count": "1",
    "solution": "s",
    "reference": "",
    "cweid": "79",
    "wascid": "8",
}
_SITE = {
    "@name": "https://a.example",
    "@host": "a.example",
    "@port": "443",
    "@ssl": "true",
    "alerts": [_ALERT],
}
_ZAP_XML = """<?xml version="1.0"?><OWASPZAPReport {}><site name="https://a.example" host="a.example" port="443"
 ssl="true"><alerts><alertitem><pluginid>40012</pluginid><alert>XSS</alert><name>XSS</name><riskcode>3</riskcode>
<confidence>2</confidence><riskdesc>High (Medium)</riskdesc><desc>d</desc>{}<solution>s</solution><cweid>79</cweid>
</alertitem></alerts></site></OWASPZAPReport>"""
_SUITE = (
    '<testsuite name="s" tests="2" failures="1" errors="0"><testcase name="a" classname="x"/>{}</testsuite>'
)
_FAILED = '<testcase name="b" classname="x"><failure message="m">t</failure></testcase>'
_PROPERTIES = '<properties><property name="a" value="b"/></properties>'
_PRODUCTS = {
    "branches": [{"category": "product_version", "name": "1", "product": {"product_id": "P", "name": "a 1"}}]
}


def _csaf(version: str) -> dict[str, Any]:
    document = {
        "category": "csaf_vex",
        "csaf_version": version,
        "title": "t",
        "publisher": {"category": "vendor", "name": "v", "namespace": "https://v.example"},
        "tracking": {"id": "V-1", "status": "final", "version": "1"},
    }
    flags = [{"label": "vulnerable_code_not_present", "product_ids": ["P"]}]
    vulnerability = {"cve": CVE, "product_status": {"known_not_affected": ["P"]}, "flags": flags}
    return {"document": document, "product_tree": _PRODUCTS, "vulnerabilities": [vulnerability]}


_VEX = {
    "@id": "https://v.example/1",
    "author": "a",
    "timestamp": "2026-01-01T00:00:00Z",
    "version": 1,
    "statements": [
        {
            "vulnerability": {"name": CVE},
            "products": [{"@id": "pkg:npm/a@1"}],
            "status": "not_affected",
            "justification": "vulnerable_code_not_present",
        }
    ],
}
_VEX_OLD = {
    **_VEX,
    "statements": [{**_VEX["statements"][0], "vulnerability": CVE, "products": ["pkg:npm/a@1"]}],  # type: ignore[index]
}
_PROWLER_3 = {
    "AssessmentStartTime": "2023-01-01T00:00:00",
    "FindingUniqueId": "u",
    "Provider": "aws",
    "CheckID": "c1",
    "CheckTitle": "t",
    "Status": "FAIL",
    "StatusExtended": "x",
    "Severity": "high",
    "ResourceId": "r",
    "ResourceArn": "arn:aws:s3:::r",
    "Region": "eu-west-1",
    "AccountId": "1",
}
_PROWLER_2 = {
    "Profile": "ENV",
    "Account Number": "1",
    "Control": "[check12] t",
    "Message": "m",
    "Severity": "High",
    "Status": "FAIL",
    "Scored": "Scored",
    "Level": "Level 1",
    "Control ID": "1.2",
    "Region": "eu-west-1",
    "Timestamp": "2020-01-01T00:00:00Z",
    "Compliance": "c",
    "Service": "iam",
    "CAF Epic": "IAM",
    "Risk": "r",
    "Remediation": "x",
    "Doc link": "",
    "Resource ID": "r",
}
_OCSF = {
    "message": "m",
    "metadata": {
        "event_code": "c1",
        "product": {"name": "Prowler", "vendor_name": "Prowler", "version": "4.5.0"},
        "version": "1.3.0",
    },
    "severity_id": 4,
    "severity": "High",
    "status": "New",
    "status_code": "FAIL",
    "finding_info": {"created_time": 1735689600, "desc": "d", "title": "t", "uid": "u"},
    "resources": [{"uid": "arn:aws:s3:::r", "name": "r", "region": "eu-west-1", "type": "AwsS3Bucket"}],
    "category_name": "Findings",
    "class_name": "Detection Finding",
    "class_uid": 2004,
    "cloud": {"provider": "aws", "account": {"uid": "1"}, "region": "eu-west-1"},
}
_SARIF_RUN = {"tool": {"driver": {"name": "X"}}, "results": [{"message": {"text": "m"}, "ruleId": "r"}]}

# fmt: off
#: What a tool wrote, and how many findings it holds; ``None`` is refused.
VERSIONS: dict[str, tuple[Any, int | None]] = {
    "trivy schema 1 (a list)": ([_TRIVY_RESULT], 1),
    "trivy schema 2": ({"SchemaVersion": 2, "ArtifactName": "a", "ArtifactType": "container_image", "Results": [_TRIVY_RESULT]}, 1),
    "trivy schema 2, nothing found": ({"SchemaVersion": 2, "ArtifactName": "a", "ArtifactType": "filesystem", "Metadata": {}}, 0),
    "trivy schema 2, newer fields": (
        {
            "SchemaVersion": 2,
            "ReportID": "0198",
            "CreatedAt": "2026-01-01T00:00:00Z",
            "ArtifactName": "a",
            "ArtifactType": "repository",
            "Metadata": {"RepoURL": "https://git.example/x", "Commit": "c" * 40},
            "Results": [{**_TRIVY_RESULT, "Packages": [], "Vulnerabilities": [{**_TRIVY, "Fingerprint": "sha256:1", "PkgIdentifier": {"PURL": "pkg:npm/a@1", "UID": "1"}, "Status": "affected"}]}],
        },
        1,
    ),
    "grype, database 5": ({"matches": [_MATCH], "source": {"type": "directory", "target": "/x"}, "distro": {}, "descriptor": {"name": "grype", "version": "0.70.0", "db": _DB_5}}, 1),
    "grype, database 6": ({"matches": [_MATCH_6], "source": {"type": "directory", "target": "/x"}, "distro": {}, "descriptor": {"name": "grype", "version": "0.90.0", "db": _DB_6}}, 1),
    "grype, ignored matches": ({"matches": [_MATCH], "ignoredMatches": [_MATCH], "source": None, "distro": {}, "descriptor": {"name": "grype", "version": "0.90.0"}}, 1),
    "semgrep without a login": ({"version": "1.0.0", "results": [_SEMGREP], "errors": [], "paths": {"scanned": ["a.py"]}}, 1),
    "semgrep pro": ({"version": "1.120.0", "results": [_SEMGREP_PRO], "errors": [], "paths": {"scanned": []}, "interfile_languages_used": ["Python"], "skipped_rules": [], "engine_requested": "PRO"}, 1),
    "semgrep before 0.30": ({"results": [_SEMGREP], "errors": []}, 1),
    "npm 6": ({"actions": [], "advisories": {"1": _ADVISORY}, "muted": [], "metadata": {"vulnerabilities": {"high": 1}}}, 1),
    "npm 6, nothing found": ({"actions": [], "advisories": {}, "muted": [], "metadata": {"vulnerabilities": {"high": 0}}}, 0),
    "npm 7": (_NPM_2, 2),
    "npm 7, nothing found": ({**_NPM_2, "vulnerabilities": {}}, 0),
    "npm without a lock file": ({"error": {"code": "ENOLOCK", "summary": "This command requires an existing lockfile.", "detail": ""}}, None),
    "pip-audit 1": ([_PIP], 1),
    "pip-audit 2": ({"dependencies": [_PIP, {"name": "b", "version": "1", "vulns": []}, {"name": "c", "skip_reason": "not on the index"}], "fixes": []}, 1),
    "pip-audit in CycloneDX": (_bom("1.4"), 1),
    "snyk, one project": (_PROJECT, 1),
    "snyk, several projects": ([_PROJECT, {**_PROJECT, "projectName": "y", "displayTargetFile": "b/package.json"}], 2),
    "snyk, nothing found": ({**_PROJECT, "vulnerabilities": [], "ok": True}, 0),
    "snyk failed": ({"ok": False, "error": "Authentication failed", "path": "/x"}, None),
    "gitlab 2": ({"version": "2.3", "vulnerabilities": _gitlab("2.3", cve="a.py:1")["vulnerabilities"], "remediations": []}, 1),
    **{f"gitlab {version}": (_gitlab(version, **({"cve": "a.py:1"} if version < "15.0.5" else {})), 1) for version in ("13.1.0", "14.0.0", "15.0.0", "15.0.7", "15.1.4", "15.2.2")},
    **{f"cyclonedx {version}": (_bom(version), 1) for version in ("1.4", "1.5", "1.6", "1.7")},
    **{f"cyclonedx {version}, a list without vulnerabilities": ({**_bom(version), "vulnerabilities": []}, 0) for version in ("1.2", "1.3")},
    "csaf 2.0": (_csaf("2.0"), 1),
    "csaf 2.1": (_csaf("2.1"), 1),
    "openvex 0.2": ({"@context": "https://openvex.dev/ns/v0.2.0", **_VEX}, 1),
    "openvex 0.0.1": ({"@context": "https://openvex.dev/ns", **_VEX_OLD}, 1),
    "trufflehog 3, lines": (_lines(_HOG_3, {**_HOG_3, "Raw": "example-not-a-key-0005"}), 2),
    "trufflehog 3, with its log between": (_lines({"level": "info-0", "ts": "2026-01-01T00:00:00Z", "logger": "trufflehog", "msg": "running source"}, _HOG_3), 1),
    "trufflehog 3, only its log": (_lines({"level": "info-0", "ts": "2026-01-01T00:00:00Z", "logger": "trufflehog", "msg": "finished scanning"}), 0),
    "trufflehog 3, with an error in its log": (_lines(_HOG_3, {"level": "error", "ts": "2026-01-01T00:00:00Z", "logger": "trufflehog", "msg": "encountered errors during scan"}), 1),
    "trufflehog 2, lines": (_lines(_HOG_2, {**_HOG_2, "path": "b.py"}), 2),
    "zap, JSON of 2.9": ({"@version": "2.9.0", "@generated": "Thu, 1 Jan 2026 00:00:00", "site": [_SITE]}, 1),
    "zap, JSON of 2.15": ({"@programName": "ZAP", "@version": "2.15.0", "@generated": "Thu, 1 Jan 2026 00:00:00", "created": "2026-01-01T00:00:00Z", "site": [_SITE], "sequences": []}, 1),
    "zap, JSON of one site": ({"@version": "2.9.0", "@generated": "Thu, 1 Jan 2026 00:00:00", "site": _SITE}, None),
    "zap, nothing found": ({"@programName": "ZAP", "@version": "2.15.0", "@generated": "Thu, 1 Jan 2026 00:00:00", "site": [{**_SITE, "alerts": []}]}, 0),
    "zap, XML of 2.8": (_ZAP_XML.format('version="2.8.0" generated="Thu, 1 Jan 2026 00:00:00"', "<instances><instance><uri>https://a.example/x</uri><method>GET</method></instance></instances>"), 1),
    "zap, XML of 2.4": (_ZAP_XML.format('version="2.4.0" generated="Thu, 1 Jan 2026 00:00:00"', "<uri>https://a.example/x</uri>"), 1),
    "zap, XML of 2.15": (_ZAP_XML.format('programName="ZAP" version="2.15.0" generated="Thu, 1 Jan 2026 00:00:00"', "<instances><instance><uri>https://a.example/x</uri><method>GET</method></instance></instances>"), 1),
    "nuclei 3, lines": (_lines(_NUCLEI, {**_NUCLEI, "template-id": "y"}), 2),
    "nuclei 3, a list": ([_NUCLEI, {**_NUCLEI, "template-id": "y"}], 2),
    "nuclei 2": (_lines(_NUCLEI_OLD), 1),
    "checkov, one framework": (_CHECKOV, 1),
    "checkov, several frameworks": ([_CHECKOV, json.loads(json.dumps(_CHECKOV).replace("CKV_AWS", "CKV_K8S"))], 2),
    "checkov, nothing to scan": ({"passed": 0, "failed": 0, "skipped": 0, "parsing_errors": 0, "resource_count": 0, "checkov_version": "3.2.0"}, 0),
    "prowler 3": ([_PROWLER_3, {**_PROWLER_3, "Status": "PASS", "FindingUniqueId": "v"}], 1),
    "prowler 2, lines": (_lines(_PROWLER_2), 1),
    "prowler 4 (OCSF)": ([_OCSF], 1),
    "junit, one suite": (_SUITE.format(_FAILED), 1),
    "junit, suites": ("<testsuites>" + _SUITE.format(_FAILED) + _SUITE.format(_FAILED.replace("b", "c")) + "</testsuites>", 2),
    "junit, nested suites": (f'<testsuites><testsuite name="o">{_SUITE.format(_FAILED)}</testsuite></testsuites>', 1),
    "junit, with properties and output": (_SUITE.format(_PROPERTIES + _FAILED + "<system-out>o</system-out>"), 1),
    "gitleaks 8": ([_LEAK_8], 1),
    "gitleaks 8, from a folder": ([{**_LEAK_8, "Commit": "", "SymlinkFile": "", "Link": ""}], 1),
    "gitleaks 7": ([_LEAK_7], 1),
    "sarif 2.1.0": ({"version": "2.1.0", "runs": [_SARIF_RUN]}, 1),
    "sarif 2.2": ({"version": "2.2", "runs": [_SARIF_RUN]}, 1),
    "sarif 2.0.0": ({"version": "2.0.0", "runs": [_SARIF_RUN]}, None),
    "sarif 1.0.0": ({"version": "1.0.0", "runs": [{"tool": {"name": "X"}, "results": []}]}, None),
}
# fmt: on


@pytest.mark.parametrize("name", VERSIONS)
def test_a_version_is_read_right_or_refused(name: str, tmp_path: Path) -> None:
    """A tool's next version must not become a pass by losing what it found."""
    value, expected = VERSIONS[name]
    summary = read_bytes((value if isinstance(value, str) else json.dumps(value)).encode(), tmp_path)
    if expected is None:
        assert summary.refused or any(fault.id == "E418" for fault in summary.faults)
        assert summary.findings == 0 or summary.faults
        return
    assert not summary.refused, summary.faults
    assert summary.findings == expected, (summary.format, summary.faults)
