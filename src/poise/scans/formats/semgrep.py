"""Semgrep's JSON: of the command line (``semgrep --json``), of the findings API, and of supply-chain pages.

The command line prints ``requires login`` where it keeps fingerprint and code to itself; that is no
fingerprint.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from poise.errors import Fault
from poise.scans.codeplace import cwe_ids, fingerprint, place_of, secret_digest
from poise.scans.finding import AssetIdentity, Component, Finding, Kind, Provenance, Severity, Status
from poise.scans.format import Format
from poise.scans.identifiers import parse_when, split_ids
from poise.scans.jsonshape import shape_of
from poise.scans.recordlists import inner, read_list, text, texts
from poise.scans.records import required, top_members
from poise.scans.severity import parse_severity
from poise.scans.source import Source

#: Semgrep's own levels; newer rules use the common words.
_LEVELS: Final[dict[str, Severity]] = {
    "ERROR": "high",
    "WARNING": "medium",
    "INFO": "low",
    "INVENTORY": "info",
    "EXPERIMENT": "info",
}
_TRIAGED: Final[dict[str, Status]] = {
    "fixed": "fixed",
    "removed": "fixed",
    "ignored": "accepted",
    "muted": "accepted",
}


def _sniff(head: str) -> bool:
    shape = shape_of(head)
    if "results[].check_id" in shape:
        return True
    if shape.get("results") == "[]" and shape.get("errors") == "[]":
        return "results[].test_id" not in shape and "metrics" not in shape
    return "paths.scanned" in shape and shape.get("results") == "[]"


def _read(source: Source) -> Iterator[Finding | Fault | Provenance]:
    known = top_members(source, frozenset(("version", "errors", "time")))
    errors = known.get("errors")
    for error in errors if isinstance(errors, list) else ():
        if text(inner(error, "level")).lower() == "error":
            what = text(inner(error, "message")) or text(inner(error, "long_msg")) or "an error without words"
            yield source.fault("E418", f"Semgrep did not scan all: {what.strip()[:300]}.")
    yield Provenance(tool="Semgrep", tool_version=text(known.get("version")))
    yield from read_list(source, _findings, member="results")


def _findings(record: Any, where: str) -> Iterator[Finding]:
    rule = required(text(inner(record, "check_id")), "check_id")
    path = required(text(inner(record, "path")), "path")
    extra, metadata = inner(record, "extra"), inner(record, "extra", "metadata")
    start, end = inner(record, "start"), inner(record, "end")
    lines = text(inner(extra, "lines"))
    place = place_of(
        path,
        inner(start, "line"),
        inner(end, "line"),
        inner(start, "col"),
        "" if lines.strip() == "requires login" else lines,
    )
    word = text(inner(extra, "severity"))
    is_secret = "secrets" in rule.split(".") or text(inner(metadata, "category")) == "secrets"
    kind: Kind = "secret" if is_secret else "code"
    cves, aliases = split_ids(
        texts(inner(extra, "sca_info", "cve")) + texts(inner(metadata, "sca-vuln-database-identifier"))
    )
    component = _dependency(extra)
    if component.name and inner(extra, "sca_info") is not None:
        kind = "vulnerability"
    message = " ".join(text(inner(extra, "message")).split())
    yield Finding(
        where=where,
        identity=f"{rule}|{path}|{inner(start, 'line')}:{inner(start, 'col')}|{inner(end, 'line')}|{message}",
        asset=AssetIdentity(),
        rule=f"semgrep:{rule}",
        title=message or rule,
        cves=cves,
        aliases=aliases,
        component=component,
        kind=kind,
        status="accepted" if inner(extra, "is_ignored") is True else "open",
        severity=_LEVELS.get(word) or parse_severity(word),
        severity_text=word,
        remedy=text(inner(extra, "fix"))[:400],
        references=tuple(texts(inner(metadata, "references"))),
        place=place,
        fingerprints=fingerprint("semgrep", inner(extra, "fingerprint")),
        cwes=cwe_ids(texts(inner(metadata, "cwe"))),
        reachable=_reachable(extra),
        secret_digest=secret_digest(place.snippet) if kind == "secret" and place else "",
        justification="nosemgrep in the source" if inner(extra, "is_ignored") is True else "",
    )


def _dependency(extra: Any) -> Component:
    found = inner(extra, "sca_info", "dependency_match", "found_dependency")
    return Component(
        name=text(inner(found, "package")),
        ecosystem=text(inner(found, "ecosystem")),
        installed_version=text(inner(found, "version")),
    )


def _reachable(extra: Any) -> bool | None:
    value = inner(extra, "sca_info", "reachable")
    return value if isinstance(value, bool) else None


def _sniff_api(head: str) -> bool:
    shape = shape_of(head)
    return "findings[].match_based_id" in shape or "findings[].triage_state" in shape


def _read_api(source: Source) -> Iterator[Finding | Fault]:
    return read_list(source, _api_findings, member="findings")


def _api_findings(record: Any, where: str) -> Iterator[Finding]:
    rule = required(text(inner(record, "rule_name")) or text(inner(record, "rule", "name")), "rule_name")
    spot = inner(record, "location")
    path = text(inner(spot, "file_path"))
    message = " ".join(
        (text(inner(record, "rule_message")) or text(inner(record, "rule", "message"))).split()
    )
    word = text(inner(record, "severity"))
    status = _TRIAGED.get(text(inner(record, "status")).lower(), "open")
    if text(inner(record, "triage_reason")) == "false_positive" and status == "accepted":
        status = "false_positive"
    yield Finding(
        where=where,
        identity=text(inner(record, "id")) or f"{rule}|{path}|{inner(spot, 'line')}",
        asset=AssetIdentity(path=text(inner(record, "repository", "name"))),
        rule=f"semgrep:{rule}",
        title=message or rule,
        kind="code",
        status=status,
        severity=parse_severity(word),
        severity_text=word,
        first_seen=parse_when(text(inner(record, "created_at"))),
        place=place_of(path, inner(spot, "line"), inner(spot, "end_line"), inner(spot, "column")),
        fingerprints=fingerprint("match_based_id", inner(record, "match_based_id")),
        cwes=cwe_ids(texts(inner(record, "rule", "cwe_names"))),
        justification=text(inner(record, "triage_comment"))[:400] if status != "open" else "",
    )


def _sniff_chain(head: str) -> bool:
    shape = shape_of(head)
    return (
        "vulns[].advisory" in shape
        or "vulns[].matchedDependency" in shape
        or ("vulns" in shape and "hasMore" in shape)
    )


def _read_chain(source: Source) -> Iterator[Finding | Fault]:
    more = top_members(source, frozenset(("hasMore",))).get("hasMore")
    yield from read_list(source, _chain_findings, member="vulns")
    if more is True:
        yield source.fault("E419", "This is one page of the list; hasMore says that others follow.")


def _chain_findings(record: Any, where: str) -> Iterator[Finding]:
    advisory = inner(record, "advisory")
    rule = required(text(inner(advisory, "ruleId")), "advisory.ruleId")
    name, version = (text(inner(record, "matchedDependency", key)) for key in ("name", "versionSpecifier"))
    path = text(inner(record, "dependencyFileLocation", "path"))
    cves, aliases = split_ids(texts(inner(advisory, "references", "cveIds")))
    fixed = text(inner(record, "closestSafeDependency", "versionSpecifier"))
    word = text(inner(advisory, "severity"))
    exposure = text(inner(record, "exposureType"))
    dismissed = text(inner(record, "triage", "status")) in ("IGNORED", "DISMISSED")
    yield Finding(
        where=where,
        identity=f"{text(inner(record, 'repositoryName'))}|{rule}|{name}|{version}|{path}|{exposure}",
        asset=AssetIdentity(path=text(inner(record, "repositoryName"))),
        rule=f"semgrep:{rule}",
        title=text(inner(record, "title")) or rule,
        cves=cves,
        aliases=aliases,
        component=Component(name, text(inner(advisory, "ecosystem")), version, (fixed,) if fixed else ()),
        status="accepted" if dismissed else "open",
        severity=parse_severity(word),
        severity_text=word,
        first_seen=parse_when(text(inner(record, "openedAt"))),
        references=tuple(texts(inner(advisory, "references", "urls"))),
        place=place_of(path, inner(record, "dependencyFileLocation", "startLine")),
        cwes=cwe_ids(texts(inner(advisory, "references", "cweIds"))),
        reachable={"REACHABLE": True, "UNREACHABLE": False}.get(exposure),
    )


FORMATS = (
    Format("semgrep-json", "Semgrep", "json", _sniff, _read),
    Format("semgrep-api-json", "Semgrep findings API", "json", _sniff_api, _read_api),
    Format("semgrep-chain-json", "Semgrep Supply Chain", "json", _sniff_chain, _read_chain),
)
