"""The verdict as SARIF: all of it, and a variant that GitHub takes.

The reports are read a second time and written result by result, so that memory does not grow with them.
GitHub reads neither ``baselineState`` nor ``suppressions``: its variant leaves out what is set aside, and
keeps what is known, because leaving that out would close its alerts. Where its limits cut, the file says
how many are not shown.
"""

from __future__ import annotations

import gzip
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Final, NamedTuple

import msgspec

from poise.gate.identity import LINE_HASH, short_id
from poise.gate.plain import plain
from poise.gate.setting import NEW, OUTCOMES, GivenReport, Judged
from poise.gate.verdict import Verdict
from poise.scans.finding import Finding

#: https://docs.github.com/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning
MAX_RUNS: Final = 20
MAX_RESULTS: Final = 25_000
MAX_RULES: Final = 25_000
MAX_PACKED_BYTES: Final = 10_000_000
_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS: Final = {
    "critical": "error",
    "high": "error",
    "medium": "warning",
    "low": "note",
    "info": "note",
}
#: A number inside each of GitHub's bands for ``security-severity``.
_SCORES: Final = {"critical": "9.5", "high": "8.0", "medium": "5.5", "low": "2.0"}


class Variant(NamedTuple):
    """How much of the verdict a SARIF file holds."""

    for_github: bool
    results: int | None


WHOLE: Final = Variant(False, None)
GITHUB: Final = Variant(True, MAX_RESULTS)


def write_sarif(path: Path, verdict: Verdict, judged: Judged, variant: Variant) -> None:
    """Write the file; GitHub's is made smaller until it is within the limits."""
    while True:
        with path.open("wb") as stream:
            _write(stream, verdict, judged, variant)
        if not variant.for_github or variant.results is None or variant.results < 2:
            return
        if _packed_bytes(path) <= MAX_PACKED_BYTES:
            return
        variant = Variant(True, min(variant.results, max(judged.sizes)) // 2)


def _packed_bytes(path: Path) -> int:
    """Return the size of the file as gzip, or more than the limit as soon as that is certain."""
    if path.stat().st_size <= MAX_PACKED_BYTES:
        return path.stat().st_size
    counter = _Counter()
    with path.open("rb") as stream, gzip.GzipFile(fileobj=counter, mode="wb", mtime=0) as packed:
        while block := stream.read(1 << 20):
            packed.write(block)
    return counter.count


class _Counter:
    """A stream that only counts."""

    def __init__(self) -> None:
        self.count = 0

    def write(self, data: bytes) -> int:
        self.count += len(data)
        return len(data)

    def flush(self) -> None:
        """Do nothing: there is nothing behind."""


def _write(stream: IO[bytes], verdict: Verdict, judged: Judged, variant: Variant) -> None:
    encode = msgspec.json.encode
    stream.write(b'{"$schema":' + encode(_SCHEMA) + b',"version":"2.1.0","runs":[')
    codes = iter(judged.codes)
    given = judged.read[:MAX_RUNS] if variant.for_github else judged.read
    seen: Counter[str] = Counter()
    for number, one in enumerate(given):
        seen[one.name] += 1
        size = judged.sizes[number]
        part = [next(codes) for _ in range(size)]
        if number:
            stream.write(b",")
        left_out = len(judged.read) - len(given)
        _run(stream, verdict, judged, one, part, variant, left_out, _category(verdict, one, seen[one.name]))
    stream.write(b"]}\n")


def _category(verdict: Verdict, given: GivenReport, nth: int) -> str:
    """Return the stable category of a run: GitHub refuses a file in which one tool has one twice."""
    return f"{verdict.service}/{given.name}/" if nth == 1 else f"{verdict.service}/{given.name}-{nth}/"


def _run(
    stream: IO[bytes],
    verdict: Verdict,
    judged: Judged,
    given: GivenReport,
    codes: list[int],
    variant: Variant,
    runs_left_out: int,
    category: str,
) -> None:
    encode = msgspec.json.encode
    rules: dict[str, int] = {}
    descriptors: list[dict[str, Any]] = []
    reasons = {
        one.id: one.set_aside for one in verdict.findings if one.set_aside and one.report == given.name
    }
    quota = _quota(codes, variant)
    left_out = 0
    stream.write(b'{"results":[')
    first = True
    for finding, code in zip(_findings(given), codes, strict=True):
        outcome = OUTCOMES[code % NEW]
        if variant.for_github and outcome in ("set_aside", "fixed"):
            continue
        if quota[outcome] <= 0 or (finding.rule not in rules and len(rules) >= MAX_RULES):
            left_out += 1
            continue
        quota[outcome] -= 1
        if finding.rule not in rules:
            rules[finding.rule] = len(descriptors)
            descriptors.append(_rule(finding))
        result = _result(finding, outcome, code >= NEW, rules[finding.rule], variant)
        if outcome == "set_aside":
            keys = tuple(key for key in judged.identifier.keys(finding) if key)
            reason = reasons.get(short_id(keys, finding), finding.justification)
            result["suppressions"] = [
                {"kind": "external", "status": "accepted", "justification": plain(reason, 400)}
            ]
        stream.write((b"" if first else b",") + encode(result))
        first = False
    stream.write(b'],"tool":' + encode(_tool(verdict, given, descriptors)))
    stream.write(b',"automationDetails":' + encode({"id": category}))
    stream.write(b',"versionControlProvenance":' + encode(_control(verdict)))
    stream.write(b',"invocations":' + encode([_invocation(verdict, left_out, runs_left_out)]) + b"}")


def _quota(codes: list[int], variant: Variant) -> dict[str, int]:
    """Return how many results of each outcome fit: what blocks first, then what warns, and so on."""
    counts = Counter(OUTCOMES[code % NEW] for code in codes)
    room = len(codes) if variant.results is None else variant.results
    quota = {}
    for outcome in OUTCOMES:
        quota[outcome] = min(room, counts[outcome])
        if not variant.for_github or outcome not in ("set_aside", "fixed"):
            room -= quota[outcome]
    return quota


def _findings(given: GivenReport) -> Iterator[Finding]:
    assert not isinstance(given.report, Exception)  # only reports that were read to their end are kept
    return (finding for finding in given.report if finding.kind != "statement")


def _rule(finding: Finding) -> dict[str, Any]:
    identifier = finding.rule.partition(":")[2] or finding.rule
    properties: dict[str, Any] = {"tags": ["security", finding.kind, *finding.cwes[:8]]}
    if finding.severity in _SCORES:
        properties["security-severity"] = (
            str(finding.cvss_score) if finding.cvss_score else _SCORES[finding.severity]
        )
    rule: dict[str, Any] = {"id": plain(identifier, 250), "properties": properties}
    rule["shortDescription"] = {"text": plain(finding.title or identifier, 250)}
    if finding.references and finding.references[0].startswith("https://"):
        rule["helpUri"] = finding.references[0][:2_000]
    return rule


def _result(finding: Finding, outcome: str, new: bool, rule: int, variant: Variant) -> dict[str, Any]:
    identifier = finding.rule.partition(":")[2] or finding.rule
    text = finding.title
    if finding.component.name:
        text = f"{text} ({finding.component.name} {finding.component.installed_version})"
    result: dict[str, Any] = {
        "ruleId": plain(identifier, 250),
        "ruleIndex": rule,
        "level": _LEVELS.get(finding.severity or "", "warning"),
        "message": {"text": plain(text, 1_000) or "(no text)"},
    }
    result["locations"] = [_location(finding)]
    prints = {name: value for name, value in finding.fingerprints if name != LINE_HASH}
    if prints:
        result["fingerprints"] = prints
    line_hash = dict(finding.fingerprints).get(LINE_HASH)
    if line_hash:
        result["partialFingerprints"] = {LINE_HASH: line_hash}
    if not variant.for_github:
        result["baselineState"] = "absent" if outcome == "fixed" else "new" if new else "unchanged"
    result["properties"] = {"poise": {"outcome": outcome, "kind": finding.kind}}
    return result


def _location(finding: Finding) -> dict[str, Any]:
    place = finding.place
    path = place.path if place else finding.locations[0] if finding.locations else finding.asset.path
    uri = plain(path, 1_000).lstrip("/") or "unknown"
    physical: dict[str, Any] = {"artifactLocation": {"uri": uri.replace(" ", "%20")}}
    region = {"startLine": place.line if place and place.line else 1}
    if place and place.line:
        if place.end_line and place.end_line >= place.line:
            region["endLine"] = place.end_line
        if place.column:
            region["startColumn"] = place.column
    physical["region"] = region
    return {"physicalLocation": physical}


def _tool(verdict: Verdict, given: GivenReport, rules: list[dict[str, Any]]) -> dict[str, Any]:
    stated = next((one for one in verdict.reports if one.file == given.file and one.name == given.name), None)
    driver: dict[str, Any] = {"name": plain(stated.tool if stated and stated.tool else given.name, 120)}
    if stated and stated.tool_version:
        driver["version"] = plain(stated.tool_version, 80)
    driver["rules"] = rules
    return {"driver": driver}


def _control(verdict: Verdict) -> list[dict[str, str]]:
    return [{"repositoryUri": f"urn:poise:service:{verdict.service}", "revisionId": verdict.commit}]


def _invocation(verdict: Verdict, left_out: int, runs_left_out: int) -> dict[str, Any]:
    told: dict[str, Any] = {
        "executionSuccessful": not verdict.incomplete,
        "endTimeUtc": verdict.now.isoformat().replace("+00:00", "Z"),
    }
    notes = []
    if left_out:
        notes.append(f"{left_out:,} results are not shown: the limits of the receiver are reached.")
    if runs_left_out:
        notes.append(f"{runs_left_out:,} reports are not shown: the receiver takes {MAX_RUNS} runs.")
    if notes:
        told["toolExecutionNotifications"] = [
            {"level": "warning", "message": {"text": note}} for note in notes
        ]
    return told
