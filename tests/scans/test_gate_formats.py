"""The fields that the gate rests on, per format: kind, state, place, fingerprints, secrets, provenance."""

from __future__ import annotations

import hashlib

import pytest

from poise.scans import Finding, Provenance, read_scan
from scans.samples_of import SAMPLES


def _whole(name: str) -> tuple[list[Finding], Provenance | None, list[str]]:
    (report,) = read_scan(SAMPLES / name)
    found = list(report)
    return found, report.provenance[0] if report.provenance else None, [fault.id for fault in report.faults]


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_sarif() -> None:
    """Levels, scores, suppressions, rules by index and id, messages by id, paths by base and by number."""
    found, provenance, faults = _whole("sarif/code.sarif.json")
    shell, suppressed, weak, passed, secret = found
    assert (shell.severity, shell.cvss_score, shell.cwes) == ("critical", 9.1, ("CWE-78",))
    assert shell.place is not None
    assert (shell.place.path, shell.place.line, shell.place.snippet) == (
        "src/run.py",
        12,
        "run(command, shell=True)",
    )
    assert shell.fingerprints == (("primaryLocationLineHash", "39fa2ee980eb94b0:1"),)
    assert (suppressed.status, suppressed.justification) == ("accepted", "the file is ours")
    assert suppressed.place is not None
    assert suppressed.place.path == "src/run.py"
    assert (weak.title, weak.severity_text, weak.cwes) == ("md5 is weak, use sha256.", "note", ("CWE-328",))
    assert weak.place is not None
    assert weak.place.path == "src/other.py"
    assert (passed.kind, passed.severity_text) == ("information", "none")
    assert (secret.kind, secret.secret_digest) == ("secret", _hash("example-not-a-key-0001"))
    assert secret.place is not None
    assert secret.place.snippet == ""
    assert provenance is not None
    assert provenance.commit.startswith("1f2e3d4c")
    assert (provenance.tool, provenance.tool_version, faults) == ("Example Analyzer", "4.2.0", [])


def test_a_placeholder_is_no_fingerprint() -> None:
    """Without a login all of Semgrep's findings share one text; as an identity it would hide new ones."""
    found, provenance, _ = _whole("semgrep/results.json")
    assert [one.fingerprints for one in found] == [(), (("semgrep", "cafe01"),)]
    assert [(one.kind, one.status, one.severity) for one in found] == [
        ("code", "open", "high"),
        ("secret", "accepted", "medium"),
    ]
    assert provenance is not None
    assert provenance.tool_version == "1.97.0"


@pytest.mark.parametrize(
    ("name", "secrets"),
    [
        ("gitleaks/report.json", ["0001", ""]),
        ("gitleaks/old.json", ["0002"]),
        ("trufflehog/lines.jsonl", ["0003", "0004"]),
        ("trufflehog/old.jsonl", ["0005", "0006"]),
        ("trufflehog/three.json", ["0007"]),
        ("github/secrets.json", ["0008", "0009"]),
    ],
)
def test_secrets_are_digests(name: str, secrets: list[str]) -> None:
    """No record holds a secret, and what the tool blacked out has no identity."""
    found, _, _ = _whole(name)
    assert [one.secret_digest for one in found] == [
        _hash(f"example-not-a-key-{n}") if n else "" for n in secrets
    ]
    assert all(one.kind == "secret" and "not-a-key" not in repr(one) for one in found)


def test_a_position_is_no_fingerprint_of_a_secret() -> None:
    """Gitleaks' fingerprint names a text only together with a commit."""
    found, _, _ = _whole("gitleaks/report.json")
    assert [bool(one.fingerprints) for one in found] == [True, False]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("bandit/report.json", [("code", "open", "high"), ("secret", "open", "low")]),
        (
            "checkov/report.json",
            [("misconfiguration", "open", "high"), ("misconfiguration", "accepted", None)],
        ),
        ("zap/report.xml", [("web", "open", "high"), ("web", "false_positive", "low")]),
        ("zap/report.json", [("web", "open", "high")]),
        ("nuclei/lines.jsonl", [("web", "open", "critical"), ("web", "open", "info")]),
        ("npm_audit/report.json", [("vulnerability", "open", "high"), ("information", "open", "high")]),
        ("npm_audit/six.json", [("vulnerability", "open", "critical")]),
        ("pip_audit/report.json", [("vulnerability", "open", None)]),
        ("snyk/project.json", [("vulnerability", "open", "critical"), ("licence", "open", "medium")]),
        ("snyk/issues.json", [("code", "open", "high"), ("vulnerability", "accepted", "medium")]),
        ("semgrep/api.json", [("code", "open", "high"), ("code", "false_positive", "low")]),
        ("semgrep/chain.json", [("vulnerability", "open", "high")]),
        ("github/code.json", [("code", "open", "high"), ("code", "false_positive", "medium")]),
        ("github/secrets.json", [("secret", "open", "critical"), ("secret", "fixed", None)]),
        ("github/dependabot.json", [("vulnerability", "open", "high")]),
        ("github/graphql.json", [("vulnerability", "open", "critical")]),
        ("gitlab/sast.json", [("code", "open", "high"), ("secret", "open", "critical")]),
        ("gitlab/dependencies.json", [("vulnerability", "open", "medium")]),
        ("gitlab/quality.json", [("code", "open", "low")]),
        ("prowler/ocsf.json", [("misconfiguration", "open", "critical")]),
        ("prowler/report.csv", [("misconfiguration", "open", "critical"), ("information", "open", "medium")]),
        ("junit/security.xml", [("test", "open", None)]),
        (
            "openvex/statements.json",
            [("statement", "false_positive", None)] + [("statement", "open", None)] * 2,
        ),
        (
            "csaf/advisory.json",
            [
                ("statement", "false_positive", None),
                ("statement", "open", "medium"),
                ("statement", "fixed", None),
            ],
        ),
    ],
)
def test_kind_state_and_severity(name: str, expected: list[tuple[str, str, str | None]]) -> None:
    """A kind decides which rule fits, a state whether it counts; an unstated severity stays unknown."""
    found, _, faults = _whole(name)
    assert [(one.kind, one.status, one.severity) for one in found] == expected
    assert faults == []


def test_components_keep_fix_and_reach() -> None:
    """What a fix costs, and whether anybody gets there, is what both sides ask."""
    (chain,) = _whole("semgrep/chain.json")[0]
    assert (chain.reachable, chain.component.fixed_versions) == (False, ("1.0.1",))
    (npm,) = _whole("npm_audit/six.json")[0]
    assert (npm.component.installed_version, npm.component.fixed_versions) == ("1.9.2", ("1.10.2",))
    (pip,) = _whole("pip_audit/report.json")[0]
    assert pip.component.purl == "pkg:pypi/example-parser@1.0.0"
    assert _whole("snyk/issues.json")[0][1].reachable is True
