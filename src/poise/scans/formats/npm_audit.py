"""npm's JSON: ``npm audit --json`` of version 6 (advisories) and since version 7 (by package)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from poise.errors import Fault
from poise.scans.codeplace import cwe_ids
from poise.scans.finding import AssetIdentity, Component, Finding, Provenance
from poise.scans.format import Format
from poise.scans.identifiers import parse_when, split_ids
from poise.scans.jsonshape import shape_of
from poise.scans.recordlists import inner, object_values, text, texts, told
from poise.scans.records import json_cursor, required, score_in_range
from poise.scans.severity import parse_severity
from poise.scans.source import Source

#: The lowest version of a patched range: ">=1.10.2" or ">= 0.6.1".
_LEAST: Final = re.compile(r">=?\s*v?(\d[\w.+-]*)")
_GHSA: Final = re.compile(r"GHSA(?:-[0-9a-z]{4}){3}", re.IGNORECASE)


def _sniff_6(head: str) -> bool:
    shape = shape_of(head)
    return shape.get("advisories") == "{}" and ("actions" in shape or "metadata.vulnerabilities" in shape)


def _read_6(source: Source) -> Iterator[Finding | Fault | Provenance]:
    yield Provenance(tool="npm audit")
    with json_cursor(source) as cursor:
        for key in cursor.members():
            if key == "advisories":
                for name, record in object_values(cursor):
                    yield from told(source, _findings_6, record, f"advisory {name}")
            elif key == "error":
                error = cursor.value()
                yield source.fault(
                    "E418", f"npm audit failed: {text(inner(error, 'summary')) or 'no reason'}."
                )
        cursor.end()


def _findings_6(record: Any, where: str) -> Iterator[Finding]:
    identifier = required(text(inner(record, "id")), "id")
    name = required(text(inner(record, "module_name")), "module_name")
    url, ghsa = text(inner(record, "url")), text(inner(record, "github_advisory_id"))
    cves, aliases = split_ids([*texts(inner(record, "cves")), ghsa])
    patched = _LEAST.search(text(inner(record, "patched_versions")))
    fixed = (patched[1],) if patched else ()
    found = inner(record, "findings")
    versions = [text(inner(one, "version")) for one in found] if isinstance(found, list) else []
    paths = [path for one in found for path in texts(inner(one, "paths"))] if isinstance(found, list) else []
    vector = text(inner(record, "cvss", "vectorString"))
    score = inner(record, "cvss", "score")
    word = text(inner(record, "severity"))
    yield Finding(
        where=where,
        identity=f"{name}|{identifier}",
        asset=AssetIdentity(),
        rule=f"npm:{ghsa or identifier}",
        title=text(inner(record, "title")).strip() or f"{identifier} in {name}",
        cves=cves,
        aliases=aliases,
        component=_component(name, ", ".join(dict.fromkeys(filter(None, versions))), fixed),
        severity=parse_severity(word),
        severity_text=word,
        cvss_vectors=(vector,) if vector else (),
        cvss_score=_score(score),
        first_seen=parse_when(text(inner(record, "created"))),
        locations=tuple(dict.fromkeys(paths)),
        remedy=text(inner(record, "recommendation"))[:400],
        references=(url,) if url else (),
        cwes=cwe_ids(texts(inner(record, "cwe"))),
    )


def _sniff_7(head: str) -> bool:
    shape = shape_of(head)
    return "auditReportVersion" in shape and (
        shape.get("vulnerabilities") == "{}" or "metadata.vulnerabilities" in shape
    )


def _read_7(source: Source) -> Iterator[Finding | Fault | Provenance]:
    yield Provenance(tool="npm audit")
    with json_cursor(source) as cursor:
        for key in cursor.members():
            if key == "vulnerabilities":
                for name, record in object_values(cursor):
                    yield from told(source, _findings_7, record, f"package {name}")
        cursor.end()


def _findings_7(record: Any, where: str) -> Iterator[Finding]:
    """Yield a finding per advisory of the package.

    A package that only depends on a vulnerable one is a note of its own.
    """
    name = required(text(inner(record, "name")), "name")
    via = inner(record, "via")
    advisories = [one for one in via if isinstance(one, dict)] if isinstance(via, list) else []
    through = texts(via)
    if not advisories:
        yield _finding_7(record, name, {}, where, through)
    for advisory in advisories:
        yield _finding_7(record, name, advisory, where, through)


def _finding_7(record: Any, name: str, advisory: dict[str, Any], where: str, through: list[str]) -> Finding:
    url = text(advisory.get("url"))
    ghsa = _GHSA.search(url)
    cves, aliases = split_ids(ghsa[0] if ghsa else "")
    identifier = (ghsa[0] if ghsa else text(advisory.get("source"))) or f"via {', '.join(through)}"
    word = text(advisory.get("severity")) or text(inner(record, "severity"))
    fix = inner(record, "fixAvailable")
    remedy = ""
    if isinstance(fix, dict):
        major = " (a new major version)" if fix.get("isSemVerMajor") is True else ""
        remedy = f"Update {text(fix.get('name'))} to {text(fix.get('version'))}{major}."
    elif fix is True:
        remedy = "Run npm audit fix."
    vector = text(inner(advisory, "cvss", "vectorString"))
    # What only depends on a vulnerable package is mended with it.
    kind = "vulnerability" if advisory else "information"
    return Finding(
        where=where,
        identity=f"{name}|{identifier}",
        asset=AssetIdentity(),
        rule=f"npm:{identifier}",
        title=text(advisory.get("title")) or f"{name} depends on {', '.join(through)}",
        cves=cves,
        aliases=aliases,
        component=_component(name, "", ()),
        kind="vulnerability" if kind == "vulnerability" else "information",
        severity=parse_severity(word),
        severity_text=word,
        cvss_vectors=(vector,) if vector else (),
        cvss_score=_score(inner(advisory, "cvss", "score")),
        locations=tuple(texts(inner(record, "nodes"))),
        remedy=remedy,
        references=(url,) if url else (),
        cwes=cwe_ids(texts(advisory.get("cwe"))),
    )


def _component(name: str, version: str, fixed: tuple[str, ...]) -> Component:
    at = f"@{version}" if version and ", " not in version else ""
    return Component(name, "npm", version, fixed, f"pkg:npm/{name.replace('@', '%40')}{at}")


def _score(value: Any) -> float | None:
    """Return a CVSS score; npm writes 0 for an advisory that nobody scored."""
    number = float(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0.0
    return score_in_range(number) or None


FORMATS = (
    Format("npm-audit-json", "npm audit", "json", _sniff_7, _read_7),
    Format("npm-audit-6-json", "npm audit before version 7", "json", _sniff_6, _read_6),
)
