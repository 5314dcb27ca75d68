"""The run and the results of a SARIF report, and how they become findings."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

import msgspec

from poise.scans.codeplace import clean_path, cwe_ids, fingerprint, secret_digest
from poise.scans.finding import AssetIdentity, Finding, Kind, Place, Provenance, Severity, Status
from poise.scans.formats import sarif_schema as schema
from poise.scans.formats.sarif_schema import Result
from poise.scans.identifiers import parse_when, split_ids, trim_evidence
from poise.scans.records import RecordError, convert, score_in_range

#: §3.27.10. ``error`` is the top of the scale; who wants more passes ``security-severity``.
_LEVELS: Final[dict[str, Severity]] = {"error": "high", "warning": "medium", "note": "low", "none": "info"}
#: Kinds of a result that are no problem found (§3.27.9).
_NO_PROBLEM: Final = frozenset(("pass", "notApplicable", "informational"))
_TOOL_KINDS: Final[tuple[tuple[re.Pattern[str], Kind], ...]] = (
    (re.compile(r"gitleaks|truffle|detect-secrets|ggshield|gitguardian|secret|whispers", re.I), "secret"),
    (
        re.compile(
            r"checkov|kics|tfsec|terrascan|kube-?(linter|score|sec|scape)|dockle|hadolint|cfn[-_ ]", re.I
        ),
        "misconfiguration",
    ),
    (re.compile(r"\bzap\b|nuclei|burp|stackhawk|dast|wapiti|nikto", re.I), "web"),
)
_VULNERABILITY = re.compile(r"(CVE|GHSA|PYSEC|GO|RUSTSEC|OSV|SNYK|RHSA|ALAS|DSA|USN|ELSA)-[\w.:-]*\d", re.I)
_MISCONFIGURATION = re.compile(r"(AVD|CKV\d?|KSV|DS|BC)[-_](?=.*\d)[A-Z0-9_-]+", re.I)
_PLACEHOLDER = re.compile(r"\{(\d+)\}")
#: GitHub reads no other partial fingerprint (https://docs.github.com/code-security, SARIF support).
LINE_HASH: Final = "primaryLocationLineHash"
TITLE_CHARACTERS: Final = 400
_PROBLEMS: Final = 100


class _Judged(msgspec.Struct):
    """What all results of one rule share."""

    name: str
    title: str
    level: str
    score: float | None
    cwes: tuple[str, ...]
    kind: Kind
    cves: tuple[str, ...]
    aliases: tuple[str, ...]
    references: tuple[str, ...]
    remedy: str
    strings: dict[str, schema.Text]


#: Cleaned paths of a run that are remembered at once.
_PATHS: Final = 20_000


class Run:
    """What surrounds the results of one run.

    Parameters
    ----------
    known
        Decoded members of the run.
    index
        Its place in the report, from 0.

    Raises
    ------
    RecordError
        When one of them has not the type that SARIF gives it, or the tool is missing.
    """

    def __init__(self, known: dict[str, Any], index: int) -> None:
        self._known = convert(known, schema.Known)
        self.number = index + 1
        driver = self._known.tool.driver
        self.tool = (driver.name or "").strip()
        self._prefix = _tool_word(self.tool)
        self._components = (driver, *(self._known.tool.extensions or ()))
        self._by_id = [{rule.id: rule for rule in one.rules or ()} for one in self._components]
        self._judged: dict[tuple[str, int | None, int], _Judged] = {}
        self._paths: dict[str, str] = {}
        self._roots = [
            path.rstrip("/") + "/"
            for base in (self._known.original_uri_base_ids or {}).values()
            if (path := clean_path(base.uri or "")).strip("/")
        ]
        self._levels = {
            (one.descriptor.id or "") if one.descriptor else "": one.configuration.level or ""
            for invocation in self._known.invocations or ()
            for one in invocation.rule_configuration_overrides or ()
            if one.configuration
        }
        self._asset = AssetIdentity()
        self._artifacts = self._known.artifacts
        #: Reads the list of artifacts where it stands behind the results; asked for once, and if needed.
        self.artifacts_later: Callable[[], object] | None = None

    @property
    def failed(self) -> bool:
        """Whether the tool itself says that a run did not succeed."""
        return any(one.execution_successful is False for one in self._known.invocations or ())

    def provenance(self) -> Provenance:
        """Return what the run says about itself."""
        driver, invocations = self._known.tool.driver, self._known.invocations or ()
        rules = [
            f"{one.name} {one.semantic_version or one.version or ''}".strip()
            for one in self._components[1:]
            if one.name
        ]
        commits = [one.revision_id for one in self._known.version_control_provenance or () if one.revision_id]
        told = [
            _shortened((note.message.text or note.message.markdown or "") if note.message else "")
            for one in invocations
            for note in (
                *(one.tool_execution_notifications or ()),
                *(one.tool_configuration_notifications or ()),
            )
            if note.level == "error"
        ]
        return Provenance(
            tool=self.tool,
            tool_version=driver.semantic_version or driver.version or "",
            database=", ".join(sorted(rules)),
            commit=commits[0] if commits else "",
            started=_extreme([one.start_time_utc for one in invocations], min),
            finished=_extreme([one.end_time_utc for one in invocations], max),
            problems=tuple(dict.fromkeys(text.rstrip(".") for text in told if text))[:_PROBLEMS],
        )

    def finding(self, record: Any, where: str) -> Finding:
        """Return the finding of one result.

        Raises
        ------
        RecordError
            When the result cannot be read.
        """
        result = record if type(record) is Result else convert(record, Result)
        rule = self._rule_of(result)
        place, locations = self._places(result)
        message = self._message(result, rule)
        level = self._level(result, rule)
        kind = rule.kind if result.kind not in _NO_PROBLEM else "information"
        digest = secret_digest(place.snippet) if kind == "secret" and place else ""
        if digest and place:
            place = Place(place.path, place.line, place.end_line, place.column)
        status, justification = _status(result)
        seen = result.provenance
        return Finding(
            where=where,
            identity=_identity(self.number, rule.name, place, locations, message, result),
            asset=self._asset,
            rule=rule.name,
            title=_shortened(message) or rule.title,
            cves=rule.cves,
            aliases=rule.aliases,
            kind=kind,
            status=status,
            severity=_severity(rule.score, level),
            severity_text=level,
            cvss_score=rule.score,
            first_seen=parse_when(seen.first_detection_time_utc) if seen else None,
            last_seen=parse_when(seen.last_detection_time_utc) if seen else None,
            locations=locations,
            remedy=rule.remedy,
            references=rule.references,
            place=place,
            fingerprints=_fingerprints(result),
            cwes=rule.cwes,
            secret_digest=digest,
            justification=justification,
        )

    def _rule_of(self, result: Result) -> _Judged:
        if result.rule is None:
            known = self._judged.get((result.rule_id or "", result.rule_index, 0))
            if known is not None:
                return known
        reference = result.rule or schema.RuleReference()
        identifier = result.rule_id or reference.id or ""
        index = result.rule_index if result.rule_index is not None else reference.index
        component = (reference.tool_component.index if reference.tool_component else None) or 0
        key = (identifier, index, component)
        found = self._judged.get(key)
        if found is None:
            found = self._judged[key] = self._judge(*key)
        return found

    def _judge(self, identifier: str, index: int | None, component: int) -> _Judged:
        """Return what a rule says; results name it by id, by index, or by the start of an id (§3.52.4)."""
        rule: schema.Rule | None = None
        if 0 <= component < len(self._components):
            listed = self._components[component].rules or ()
            if index is not None and 0 <= index < len(listed):
                rule = listed[index]
        name = identifier
        while rule is None and name:
            rule = next((known[name] for known in self._by_id if name in known), None)
            name = name.rpartition("/")[0]
        rule = rule or schema.Rule(id=identifier)
        identifier = identifier or rule.id or "(no rule)"
        properties = rule.properties or {}
        tags = [tag for tag in _list(properties.get("tags")) if isinstance(tag, str)]
        targets = [one.target.id or "" for one in rule.relationships or () if one.target]
        cves, aliases = split_ids([identifier] if _VULNERABILITY.fullmatch(identifier) else [])
        configuration = rule.default_configuration or schema.Configuration()
        return _Judged(
            name=f"{self._prefix}:{identifier}",
            title=_shortened(
                _text(rule.short_description) or _text(rule.full_description) or rule.name or ""
            ),
            level=self._levels.get(identifier) or configuration.level or "warning",
            score=_score(properties.get("security-severity")),
            cwes=cwe_ids(tag for tag in (*tags, *targets, *_list(properties.get("cwe"))) if _names_cwe(tag)),
            kind=self._kind(identifier, tags),
            cves=cves,
            aliases=aliases,
            references=(rule.help_uri,) if rule.help_uri else (),
            remedy=_shortened(_text(rule.help)) if self._kind(identifier, tags) != "code" else "",
            strings=rule.message_strings or {},
        )

    def _kind(self, identifier: str, tags: list[str]) -> Kind:
        lowered = {tag.lower() for tag in tags}
        if _VULNERABILITY.fullmatch(identifier):
            return "vulnerability"
        for pattern, kind in _TOOL_KINDS:
            if pattern.search(self.tool):
                return kind
        if "secret" in lowered or "secrets" in lowered:
            return "secret"
        if "vulnerability" in lowered and self.tool.lower() in ("trivy", "grype", "snyk open source"):
            return "vulnerability"
        if "misconfiguration" in lowered or _MISCONFIGURATION.fullmatch(identifier):
            return "misconfiguration"
        return "code"

    def _level(self, result: Result, rule: _Judged) -> str:
        if result.kind is not None and result.kind != "fail":
            return "none"
        level = result.level or rule.level
        if level not in _LEVELS:
            raise RecordError(f"The level is {level[:40]!r}, expected error, warning, note or none.")
        return level

    def _message(self, result: Result, rule: _Judged) -> str:
        message = result.message or schema.Message()
        if message.text and not message.arguments:
            return message.text
        text = message.text or message.markdown or ""
        if not text and message.id:
            text = _text(rule.strings.get(message.id))
        if message.arguments and "{" in text:
            values = [str(value) for value in message.arguments]
            text = _PLACEHOLDER.sub(lambda m: _argument(values, m[1], m[0]), text)
        return text

    def _places(self, result: Result) -> tuple[Place | None, tuple[str, ...]]:
        """Return the first place in a file, and the names of all places."""
        place: Place | None = None
        names: list[str] = []
        for location in result.locations or ():
            physical = location.physical_location
            path = self._path(physical.artifact_location) if physical else ""
            if not path or physical is None:
                logical = (one.fully_qualified_name or one.name for one in location.logical_locations or ())
                names += [name for name in logical if name]
                continue
            region = physical.region or schema.NO_REGION
            line = _positive(region.start_line)
            names.append(f"{path}:{line}" if line else path)
            if place is None:
                text = (region.snippet.text if region.snippet else None) or ""
                place = Place(
                    path,
                    line,
                    _positive(region.end_line),
                    _positive(region.start_column),
                    trim_evidence(text) if text else "",
                )
        return place, (names[0],) if len(names) == 1 else tuple(dict.fromkeys(names))

    def _path(self, artifact: schema.Artifact | None) -> str:
        if artifact is None:
            return ""
        uri = artifact.uri or self._listed_uri(artifact.index)
        if not uri:
            return ""
        found = self._paths.get(uri)
        if found is None:
            found = clean_path(uri)
            root = next((one for one in self._roots if found.startswith(one)), "")
            if len(self._paths) >= _PATHS:
                self._paths.clear()
            found = self._paths[uri] = found.removeprefix(root)
        return found

    def _listed_uri(self, index: int | None) -> str:
        if index is None:
            return ""
        if self._artifacts is None and self.artifacts_later:
            found, self.artifacts_later = self.artifacts_later(), None
            self._artifacts = convert(found or [], tuple[schema.ListedArtifact, ...])
        listed = self._artifacts or ()
        location = listed[index].location if 0 <= index < len(listed) else None
        return (location.uri if location else None) or ""


def _positive(number: int | None) -> int | None:
    return number if number is not None and number > 0 else None


def _tool_word(name: str) -> str:
    word = re.sub(r"[^a-z0-9.+]+", "-", name.lower()).strip("-")
    return {"semgrep-oss": "semgrep", "semgrep-pro": "semgrep"}.get(word, word) or "sarif"


def _text(text: schema.Text | None) -> str:
    return (text.text if text else None) or ""


def _shortened(text: str) -> str:
    words = text.strip()
    return words if len(words) <= TITLE_CHARACTERS else f"{words[: TITLE_CHARACTERS - 4]} ..."


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _names_cwe(tag: Any) -> bool:
    return isinstance(tag, str) and "cwe" in tag.lower()


def _argument(values: list[str], number: str, otherwise: str) -> str:
    return values[int(number)] if len(number) < 4 and int(number) < len(values) else otherwise


def _score(value: Any) -> float | None:
    """Return GitHub's ``security-severity``, a CVSS-like score that it wants written as a text."""
    try:
        return score_in_range(float(value)) if isinstance(value, str | int | float) else None
    except ValueError:
        return None


def _severity(score: float | None, level: str) -> Severity:
    """Rate by GitHub's bands where the rule has a score above 0, else by the level."""
    if score:
        return "critical" if score >= 9 else "high" if score >= 7 else "medium" if score >= 4 else "low"
    return _LEVELS[level]


def _status(result: Result) -> tuple[Status, str]:
    """Return the state of a result: suppressed only where no suppression is open or rejected (§3.27.23)."""
    if result.baseline_state == "absent":
        return "fixed", "absent from the newest run"
    suppressions = result.suppressions
    if not suppressions or any(one.status in ("underReview", "rejected") for one in suppressions):
        return "open", ""
    reasons = dict.fromkeys(one.justification.strip() for one in suppressions if one.justification)
    return "accepted", _shortened(
        "; ".join(reasons)
    ) or f"suppressed {suppressions[0].kind or 'without a word'}"


def _fingerprints(result: Result) -> tuple[tuple[str, str], ...]:
    """Return full fingerprints before partial ones; GitHub's line hash keeps its own name."""
    partial, whole = result.partial_fingerprints, result.fingerprints
    line_hash = fingerprint(LINE_HASH, partial[LINE_HASH]) if partial and LINE_HASH in partial else ()
    if not whole:
        return line_hash
    return (*(mark for name in sorted(whole) for mark in fingerprint(name, whole[name])), *line_hash)


def _identity(
    number: int, rule: str, place: Place | None, names: tuple[str, ...], message: str, result: Result
) -> str:
    marks = result.fingerprints or result.partial_fingerprints
    told = "|".join([str(mark) for mark in marks.values()]) if marks else ""
    if place is None:
        return f"{number}|{rule}|{'|'.join(names)}|{message}|{told}"
    return f"{number}|{rule}|{place.path}|{place.line}:{place.column}:{place.end_line}|{message}|{told}"


def _extreme(texts: list[str | None], pick: Any) -> datetime | None:
    times = [when for when in (parse_when(text) for text in texts if text) if when]
    return pick(times) if times else None
