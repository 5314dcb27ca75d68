"""The verdict as a GitLab code quality report.

https://docs.gitlab.com/ci/testing/code_quality/: description, check_name, fingerprint, severity, location.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import Final

import msgspec

from poise.gate.plain import plain
from poise.gate.verdict import JudgedFinding, Verdict

_SEVERITIES: Final = {
    "critical": "critical",
    "high": "major",
    "medium": "minor",
    "unknown": "minor",
    "low": "info",
    "info": "info",
}


def code_quality(verdict: Verdict) -> bytes:
    """Return blocking and warning findings; what blocks is at least "blocker", so that it stands first."""
    seen: Counter[str] = Counter()
    rows = [_row(one, seen) for one in verdict.findings if one.outcome in ("block", "warn")]
    return msgspec.json.format(msgspec.json.encode(rows), indent=1) + b"\n"


def _row(one: JudgedFinding, seen: Counter[str]) -> dict[str, object]:
    strongest = "|".join((one.report, one.keys[0] if one.keys else one.id))
    seen[strongest] += 1
    if seen[strongest] > 1:  # GitLab shows one of those that share a fingerprint
        strongest = f"{strongest}|{seen[strongest]}"
    return {
        "description": plain(f"[{one.rule}] {one.title}", 400),
        "check_name": plain(one.scanner_rule, 200),
        "fingerprint": hashlib.sha256(strongest.encode("utf-8", "surrogatepass")).hexdigest(),
        "severity": "blocker" if one.outcome == "block" else _SEVERITIES[one.severity],
        "location": {"path": plain(one.path, 500) or "unknown", "lines": {"begin": one.line or 1}},
    }
