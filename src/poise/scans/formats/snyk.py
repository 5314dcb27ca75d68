"""Snyk's JSON: ``snyk test --json``, one project or several, and the issues of its REST API.

A finding is one vulnerable path from the project to a package, as Snyk itself counts: each path may need an
update of its own.
``snyk code --json`` writes SARIF.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from poise.errors import Fault
from poise.scans.codeplace import cwe_ids, place_of
from poise.scans.finding import AssetIdentity, Component, Finding, Kind, Provenance
from poise.scans.format import Format
from poise.scans.identifiers import parse_when, split_ids
from poise.scans.jsonshape import shape_of
from poise.scans.jsonstream import JsonCursor
from poise.scans.recordlists import inner, read_list, text, texts, told
from poise.scans.records import json_cursor, required, score_in_range
from poise.scans.severity import parse_severity
from poise.scans.source import Source

#: What names the project; Snyk writes them behind the vulnerabilities.
_NAMES: Final = ("projectName", "displayTargetFile", "path", "docker", "targetFile")
_ISSUE_KINDS: Final[dict[str, Kind]] = {
    "package_vulnerability": "vulnerability",
    "license": "licence",
    "code": "code",
    "cloud": "misconfiguration",
    "config": "misconfiguration",
    "custom": "code",
}


def _sniff(head: str) -> bool:
    shape = shape_of(head)
    for start in ("", "[]."):
        if f"{start}vulnerabilities" in shape and (
            f"{start}dependencyCount" in shape
            or f"{start}vulnerabilities[].packageManager" in shape
            or f"{start}vulnerabilities[].semver" in shape
            or f"{start}licensesPolicy" in shape
            or {f"{start}ok", f"{start}packageManager"} <= shape.keys()
            or {f"{start}vulnerabilities[].packageName", f"{start}vulnerabilities[].from"} <= shape.keys()
        ):
            return True
        if shape.get(f"{start}ok") == "False" and f"{start}error" in shape:
            return True
    return False


def _read(source: Source) -> Iterator[Finding | Fault | Provenance]:
    names = _project_names(source)
    yield Provenance(tool="Snyk")
    with json_cursor(source) as cursor:
        for number, _ in enumerate(_projects(cursor)):
            for key in cursor.members():
                if key == "vulnerabilities":
                    for index, record in enumerate(cursor.values(), start=1):
                        make = _Maker(names[number])
                        yield from told(source, make, record, f"project {number + 1}, vulnerability {index}")
                elif key == "error":
                    reason = text(cursor.value())[:300] or "no reason is given"
                    yield source.fault("E418", f"Snyk failed: {reason}.", f"project {number + 1}")
                elif key == "applications":
                    yield from _applications(source, cursor, names[number])
        cursor.end()


def _applications(source: Source, cursor: JsonCursor, project: str) -> Iterator[Finding | Fault]:
    """Read the applications inside a container, which are projects of their own."""
    for number in cursor.elements():
        record = cursor.value()
        name = text(inner(record, "displayTargetFile")) or text(inner(record, "targetFile"))
        make = _Maker(f"{project}:{name}" if name else project)
        found = inner(record, "vulnerabilities")
        for index, one in enumerate(found if isinstance(found, list) else (), start=1):
            yield from told(source, make, one, f"application {number + 1}, vulnerability {index}")


def _projects(cursor: JsonCursor) -> Iterator[None]:
    if cursor.kind() == "array":
        for _ in cursor.elements():
            yield None
    else:
        yield None


def _project_names(source: Source) -> list[str]:
    """Walk the report once for the projects' names alone."""
    found = []
    with json_cursor(source) as cursor:
        for _ in _projects(cursor):
            known: dict[str, Any] = {}
            for key in cursor.members():
                if key in _NAMES:
                    known[key] = cursor.value()
            name = text(known.get("projectName")) or text(known.get("path"))
            file = text(known.get("displayTargetFile")) or text(known.get("targetFile"))
            found.append(f"{name}:{file}" if file and name else name or file)
    return found


class _Maker:
    """Makes findings of one project."""

    def __init__(self, project: str) -> None:
        self._project = project

    def __call__(self, record: Any, where: str) -> Iterator[Finding]:
        identifier = required(text(inner(record, "id")), "id")
        name = required(
            text(inner(record, "packageName")) or text(inner(record, "moduleName")), "packageName"
        )
        path = texts(inner(record, "from"))
        version = text(inner(record, "version")) or (path[-1].rpartition("@")[2] if path else "")
        names = inner(record, "identifiers")
        ids = [one for key in ("CVE", "GHSA", "ALTERNATIVE", "SUSE") for one in texts(inner(names, key))]
        cves, aliases = split_ids([*ids, identifier])
        fixed = tuple(texts(inner(record, "fixedIn"))) or tuple(texts(inner(record, "nearestFixedInVersion")))
        vector = text(inner(record, "CVSSv3"))
        score = inner(record, "cvssScore")
        number = float(score) if isinstance(score, int | float) and not isinstance(score, bool) else None
        word = text(inner(record, "severityWithCritical")) or text(inner(record, "severity"))
        licence = text(inner(record, "type")) == "license"
        yield Finding(
            where=where,
            identity=f"{self._project}|{identifier}|{name}|{version}|{' > '.join(path)}",
            asset=AssetIdentity(path=self._project),
            rule=f"snyk:{identifier}",
            title=text(inner(record, "title")) or identifier,
            cves=cves,
            aliases=aliases,
            component=Component(name, text(inner(record, "packageManager")), version, fixed),
            kind="licence" if licence else "vulnerability",
            status="accepted" if inner(record, "filtered", "ignored") else "open",
            severity=parse_severity(word),
            severity_text=word,
            cvss_vectors=(vector,) if vector else (),
            cvss_score=score_in_range(number),
            first_seen=None,
            locations=(" > ".join(path),) if path else (),
            remedy=f"Update {name} to {' or '.join(fixed)}." if fixed else "",
            references=tuple(
                link
                for one in inner(record, "references") or ()
                if isinstance(one, dict) and (link := text(one.get("url")))
            )
            if isinstance(inner(record, "references"), list)
            else (),
            cwes=cwe_ids(texts(inner(names, "CWE"))),
            reachable={"reachable": True, "not-reachable": False}.get(
                text(inner(record, "reachability")).lower()
            ),
        )


def _sniff_api(head: str) -> bool:
    shape = shape_of(head)
    return "data[].attributes.effective_severity_level" in shape or (
        shape.get("data") == "[]" and "jsonapi.version" in shape
    )


def _read_api(source: Source) -> Iterator[Finding | Fault]:
    return read_list(source, _issues, member="data")


def _issues(record: Any, where: str) -> Iterator[Finding]:
    raw = inner(record, "attributes")
    key = required(text(inner(raw, "key")), "attributes.key")
    problems = inner(raw, "problems")
    ids = [text(inner(one, "id")) for one in problems] if isinstance(problems, list) else []
    classes = inner(raw, "classes")
    weaknesses = [text(inner(one, "id")) for one in classes] if isinstance(classes, list) else []
    kind = _ISSUE_KINDS.get(text(inner(raw, "type")), "vulnerability")
    cves, aliases = split_ids([one for one in ids if kind == "vulnerability" and one])
    spot, part, reach = _coordinate(raw)
    ratings = inner(raw, "severities")
    rating = ratings[0] if isinstance(ratings, list) and ratings else {}
    score = inner(rating, "score")
    number = float(score) if isinstance(score, int | float) and not isinstance(score, bool) else None
    vector, word = text(inner(rating, "vector")), text(inner(raw, "effective_severity_level"))
    resolved = text(inner(raw, "status")) == "resolved"
    yield Finding(
        where=where,
        identity=text(inner(record, "id")) or key,
        asset=AssetIdentity(agent_id=_project_of(record)),
        rule=f"snyk:{key}",
        title=text(inner(raw, "title")) or key,
        cves=cves,
        aliases=aliases,
        component=Component(text(inner(part, "package_name")), "", text(inner(part, "package_version"))),
        kind=kind,
        status="fixed" if resolved else "accepted" if inner(raw, "ignored") is True else "open",
        severity=parse_severity(word),
        severity_text=word,
        cvss_vectors=(vector,) if vector else (),
        cvss_score=score_in_range(number),
        first_seen=parse_when(text(inner(raw, "created_at"))),
        place=place_of(
            text(inner(spot, "file")),
            inner(spot, "region", "start", "line"),
            inner(spot, "region", "end", "line"),
            inner(spot, "region", "start", "column"),
        ),
        cwes=cwe_ids(weaknesses),
        reachable={"function": True, "package": True, "no-path-found": False}.get(reach),
    )


def _project_of(record: Any) -> str:
    project = text(inner(record, "relationships", "scan_item", "data", "id"))
    return f"snyk:{project}" if project else ""


def _coordinate(raw: Any) -> tuple[Any, Any, str]:
    """Return the first place, the first dependency and the reach that an issue names."""
    spot = part = None
    reach = ""
    coordinates = inner(raw, "coordinates")
    for one in coordinates if isinstance(coordinates, list) else ():
        reach = reach or text(inner(one, "reachability"))
        shown = inner(one, "representations")
        for representation in shown if isinstance(shown, list) else ():
            spot = spot or inner(representation, "sourceLocation")
            part = part or inner(representation, "dependency")
    return spot, part, reach


FORMATS = (
    Format("snyk-json", "Snyk", "json", _sniff, _read),
    Format("snyk-issues-json", "Snyk issues API", "json", _sniff_api, _read_api),
)
