"""GitHub's alerts as its APIs give them: code scanning, secret scanning, Dependabot (REST), and GraphQL.

A page of an API looks like the whole list; GraphQL says when more follows, and then E419 tells so.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from poise.errors import Fault
from poise.scans.codeplace import cwe_ids, place_of, secret_digest
from poise.scans.finding import AssetIdentity, Component, Finding, Severity, Status
from poise.scans.format import Format
from poise.scans.identifiers import parse_when, split_ids
from poise.scans.jsonshape import shape_of
from poise.scans.jsonstream import JsonCursor
from poise.scans.recordlists import inner, read_list, text, texts, told
from poise.scans.records import RecordError, json_cursor, required, score_in_range
from poise.scans.severity import parse_severity
from poise.scans.source import Source

#: Levels of code scanning where the rule has no security severity (docs.github.com, code scanning API).
_LEVELS: Final[dict[str, Severity]] = {"error": "high", "warning": "medium", "note": "low", "none": "info"}
_FALSE: Final = frozenset(("false positive", "false_positive", "inaccurate", "not_used", "used in tests"))


def _status(record: Any) -> Status:
    state = text(inner(record, "state")).lower()
    if state in ("fixed", "auto_dismissed"):
        return "fixed" if state == "fixed" else "accepted"
    reason = text(inner(record, "dismissed_reason")) or text(inner(record, "resolution"))
    if state in ("dismissed", "resolved"):
        if reason.lower() == "revoked":
            return "fixed"
        return "false_positive" if reason.lower() in _FALSE else "accepted"
    return "open"


def _justification(record: Any, status: Status) -> str:
    if status in ("open", "fixed"):
        return ""
    return (
        text(inner(record, "dismissed_comment"))
        or text(inner(record, "resolution_comment"))
        or text(inner(record, "dismissed_reason"))
        or text(inner(record, "resolution"))
    )[:400]


def _sniff_code(head: str) -> bool:
    shape = shape_of(head)
    return "[].most_recent_instance" in shape and "[].rule.id" in shape


def _code(record: Any, where: str) -> Iterator[Finding]:
    rule = required(text(inner(record, "rule", "id")), "rule.id")
    tool = text(inner(record, "tool", "name")) or "github"
    instance = inner(record, "most_recent_instance")
    if not isinstance(instance, dict):
        raise RecordError("The field most_recent_instance is missing.", "E411")
    spot = inner(instance, "location")
    word = text(inner(record, "rule", "security_severity_level")) or text(inner(record, "rule", "severity"))
    message = text(inner(instance, "message", "text"))
    status = _status(record)
    yield Finding(
        where=where,
        identity=text(inner(record, "url")) or f"{rule}|{text(inner(record, 'number'))}",
        asset=AssetIdentity(),
        rule=f"{tool.lower()}:{rule}",
        title=message or text(inner(record, "rule", "description")) or rule,
        kind="code",
        status=status,
        severity=parse_severity(word) or _LEVELS.get(word.lower()),
        severity_text=word,
        first_seen=parse_when(text(inner(record, "created_at"))),
        references=tuple(texts(inner(record, "html_url"))),
        place=place_of(
            text(inner(spot, "path")),
            inner(spot, "start_line"),
            inner(spot, "end_line"),
            inner(spot, "start_column"),
        ),
        cwes=cwe_ids(one for one in texts(inner(record, "rule", "tags")) if "cwe" in one.lower()),
        justification=_justification(record, status),
    )


def _sniff_secret(head: str) -> bool:
    shape = shape_of(head)
    return "[].secret_type" in shape and "[].state" in shape


def _secret(record: Any, where: str) -> Iterator[Finding]:
    kind = required(text(inner(record, "secret_type")), "secret_type")
    status = _status(record)
    valid = text(inner(record, "validity")) == "active"
    spot = inner(record, "first_location_detected")
    yield Finding(
        where=where,
        identity=text(inner(record, "url")) or f"{kind}|{text(inner(record, 'number'))}",
        asset=AssetIdentity(path=text(inner(record, "repository", "full_name"))),
        rule=f"github-secret:{kind}",
        title=text(inner(record, "secret_type_display_name")) or kind,
        kind="secret",
        status=status,
        severity="critical" if valid else None,
        severity_text=text(inner(record, "validity")),
        first_seen=parse_when(text(inner(record, "created_at"))),
        references=tuple(texts(inner(record, "html_url"))),
        place=place_of(text(inner(spot, "path")), inner(spot, "start_line"), inner(spot, "end_line")),
        secret_digest=secret_digest(text(inner(record, "secret"))),
        justification=_justification(record, status),
    )


def _sniff_dependabot(head: str) -> bool:
    shape = shape_of(head)
    return "[].security_advisory" in shape and "[].security_vulnerability" in shape


def _dependabot(record: Any, where: str) -> Iterator[Finding]:
    advisory, raw = inner(record, "security_advisory"), inner(record, "security_vulnerability")
    dependency = inner(record, "dependency")
    ghsa = required(text(inner(advisory, "ghsa_id")), "security_advisory.ghsa_id")
    cwes = inner(advisory, "cwes")
    yield _advisory(
        where,
        text(inner(record, "url")) or f"{ghsa}|{text(inner(record, 'number'))}",
        [ghsa, text(inner(advisory, "cve_id"))],
        text(inner(advisory, "summary")),
        text(inner(raw, "severity")) or text(inner(advisory, "severity")),
        package=text(inner(raw, "package", "name")) or text(inner(dependency, "package", "name")),
        ecosystem=text(inner(raw, "package", "ecosystem")),
        fixed=text(inner(raw, "first_patched_version", "identifier")),
        path=text(inner(dependency, "manifest_path")),
        cvss=inner(advisory, "cvss"),
        cwes=[text(inner(one, "cwe_id")) for one in cwes] if isinstance(cwes, list) else [],
        created=text(inner(record, "created_at")),
        status=_status(record),
        reason=_justification(record, _status(record)),
    )


def _advisory(
    where: str,
    identity: str,
    ids: list[str],
    title: str,
    word: str,
    *,
    package: str,
    ecosystem: str,
    fixed: str,
    path: str,
    cvss: Any,
    cwes: list[str],
    created: str,
    status: Status,
    reason: str = "",
    version: str = "",
    asset: str = "",
) -> Finding:
    cves, aliases = split_ids([one for one in ids if one])
    vector, score = (
        text(inner(cvss, "vector_string")) or text(inner(cvss, "vectorString")),
        inner(cvss, "score"),
    )
    number = float(score) if isinstance(score, int | float) and not isinstance(score, bool) else None
    return Finding(
        where=where,
        identity=identity,
        asset=AssetIdentity(path=asset),
        rule=f"dependabot:{(*aliases, *cves, identity)[0]}",
        title=title or f"{(*cves, *aliases, identity)[0]} in {package}",
        cves=cves,
        aliases=aliases,
        component=Component(package, ecosystem.lower(), version, (fixed,) if fixed else ()),
        status=status,
        severity=parse_severity(word),
        severity_text=word,
        cvss_vectors=(vector,) if vector else (),
        # GitHub writes 0 where nobody scored the advisory.
        cvss_score=score_in_range(number) or None,
        first_seen=parse_when(created),
        remedy=f"Update {package} to {fixed}." if fixed else "",
        place=place_of(path),
        cwes=cwe_ids(cwes),
        justification=reason,
    )


def _sniff_graphql(head: str) -> bool:
    return any(path.startswith("data.") and "vulnerabilityAlerts" in path for path in shape_of(head))


def _read_graphql(source: Source) -> Iterator[Finding | Fault]:
    with json_cursor(source) as cursor:
        yield from _walk(source, cursor, "", 0)
        cursor.end()


def _walk(source: Source, cursor: JsonCursor, repository: str, depth: int) -> Iterator[Finding | Fault]:
    """Walk to every list of alerts, however the query was asked."""
    for key in cursor.members():
        if key in ("name", "nameWithOwner") and cursor.kind() == "text":
            repository = text(cursor.value())
        elif key == "vulnerabilityAlerts":
            yield from _alerts(source, cursor, repository)
        elif depth < 8 and cursor.kind() == "object":
            yield from _walk(source, cursor, repository, depth + 1)
        elif depth < 8 and cursor.kind() == "array":
            for _ in cursor.elements():
                if cursor.kind() == "object":
                    yield from _walk(source, cursor, repository, depth + 1)


def _alerts(source: Source, cursor: JsonCursor, repository: str) -> Iterator[Finding | Fault]:
    count = 0
    for key in cursor.members():
        if key in ("nodes", "edges"):
            for record in cursor.values():
                count += 1
                alert = inner(record, "node") if key == "edges" else record
                yield from told(
                    source, _Graph(repository), alert, f"{repository or 'repository'}, alert {count}"
                )
        elif key == "pageInfo" and inner(cursor.value(), "hasNextPage") is True:
            yield source.fault("E419", "GitHub has more alerts than this page holds.")


class _Graph:
    """Makes findings of the alerts of one repository."""

    def __init__(self, repository: str) -> None:
        self._repository = repository

    def __call__(self, record: Any, where: str) -> Iterator[Finding]:
        raw = inner(record, "securityVulnerability")
        advisory = inner(raw, "advisory")
        listed = inner(advisory, "identifiers")
        ids = [text(inner(one, "value")) for one in listed] if isinstance(listed, list) else []
        if not any(ids):
            required(text(inner(record, "id")), "securityVulnerability.advisory.identifiers")
        nodes = inner(advisory, "cwes", "nodes")
        state = text(inner(record, "state")).lower()
        dismissed = bool(text(inner(record, "dismissedAt"))) or state in ("dismissed", "auto_dismissed")
        name = text(inner(raw, "package", "name"))
        path = text(inner(record, "vulnerableManifestPath"))
        yield _advisory(
            where,
            text(inner(record, "id")) or f"{self._repository}|{name}|{path}|{'|'.join(ids)}",
            ids,
            text(inner(advisory, "summary")),
            text(inner(raw, "severity")),
            package=name,
            ecosystem=text(inner(raw, "package", "ecosystem")),
            fixed=text(inner(raw, "firstPatchedVersion", "identifier")),
            path=path,
            cvss=inner(advisory, "cvss"),
            cwes=[text(inner(one, "cweId")) for one in nodes] if isinstance(nodes, list) else [],
            created=text(inner(record, "createdAt")),
            status="fixed" if state == "fixed" else "accepted" if dismissed else "open",
            reason=text(inner(record, "dismissReason")),
            version=text(inner(record, "vulnerableRequirements")).lstrip("= "),
            asset=self._repository,
        )


def _read_code(source: Source) -> Iterator[Finding | Fault]:
    return read_list(source, _code)


def _read_secret(source: Source) -> Iterator[Finding | Fault]:
    return read_list(source, _secret)


def _read_dependabot(source: Source) -> Iterator[Finding | Fault]:
    return read_list(source, _dependabot)


FORMATS = (
    Format("github-code-json", "GitHub code scanning", "json", _sniff_code, _read_code),
    Format("github-secrets-json", "GitHub secret scanning", "json", _sniff_secret, _read_secret),
    Format("github-dependabot-json", "GitHub Dependabot", "json", _sniff_dependabot, _read_dependabot),
    Format("github-graphql-json", "GitHub vulnerability alerts", "json", _sniff_graphql, _read_graphql),
)
