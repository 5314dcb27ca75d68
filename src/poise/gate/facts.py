"""What a rule asks about a finding: severity, exploitation, reach, fix."""

from __future__ import annotations

import hashlib
from datetime import date, datetime
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from poise.errors import Fault, PolicyError
from poise.gate.policy import Answer, Policy
from poise.scans.finding import Finding

SCHEMA: Final = "poise-gate-threats/1"
#: CVSS v3.1, section 5: the bands of a base score.
_BANDS: Final = ((9.0, "critical"), (7.0, "high"), (4.0, "medium"), (0.1, "low"), (0.0, "info"))
#: Age [d] above which a KEV catalogue counts as stale, as in the store of threat feeds.
STALE_DAYS: Final = 14
#: Largest extract of threat evidence [bytes].
_MAX_BYTES: Final = 64 * 1024**2


class Threats(msgspec.Struct, frozen=True):
    """What is known about exploitation, taken out of the store of threat feeds for a pipeline."""

    schema: str
    #: Day of the KEV catalogue, and its CVE ids.
    kev_date: date
    kev: frozenset[str]
    #: Day of the EPSS scores, and those at or above `epss_floor` [0, 1]. Below it a score is only known to be
    #: below; a CVE outside `epss` is below the floor or not scored, and meets no rule.
    epss_date: date | None = None
    epss_floor: float = 0.01
    epss: dict[str, float] = msgspec.field(default_factory=dict)


class Facts(NamedTuple):
    """The answers for one finding."""

    severity: str
    #: Which source the severity is from: ``cvss``, ``scanner`` or ``none``.
    severity_from: str
    exploited: Answer
    reachable: Answer
    fixable: bool
    epss: float | None


def read_threats(path: Path) -> tuple[Threats, str]:
    """Return an extract of threat evidence and the SHA-256 of its file.

    Raises
    ------
    PolicyError
        E807 when it cannot be read or is none.
    """
    hint = "Make it with: poise gate threats."
    try:
        with path.open("rb") as stream:
            content = stream.read(_MAX_BYTES + 1)
        threats = msgspec.json.decode(content[:_MAX_BYTES], type=Threats)
    except OSError as error:
        reason = error.strerror or str(error)
        raise PolicyError(Fault("E807", str(path), f"The file cannot be read: {reason}.", hint)) from error
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        message = f"This is no extract of threat evidence: {error}."
        raise PolicyError(Fault("E807", str(path), message, hint)) from error
    if threats.schema != SCHEMA:
        message = f"The extract's schema is {threats.schema[:40]!r}; this Poise reads {SCHEMA!r}."
        raise PolicyError(Fault("E807", str(path), message, hint))
    return threats, hashlib.sha256(content).hexdigest()


def band_of(score: float) -> str:
    """Return the severity of a CVSS base score [0, 10]."""
    return next(word for least, word in _BANDS if score >= least or least == 0.0)


def facts_of(finding: Finding, policy: Policy, threats: Threats | None) -> Facts:
    """Return what the rules ask about a finding."""
    severity, source = "unknown", "none"
    for source_name in policy.severity_from:
        if source_name == "cvss" and finding.cvss_score is not None:
            severity, source = band_of(finding.cvss_score), "cvss"
            break
        if source_name == "scanner" and finding.severity is not None:
            severity, source = finding.severity, "scanner"
            break
    exploited: Answer = "no"
    epss: float | None = None
    if finding.kind == "vulnerability":
        if threats is None or not finding.cves:
            exploited = "unknown"
        else:
            exploited = "yes" if any(cve in threats.kev for cve in finding.cves) else "no"
            epss = max((threats.epss[cve] for cve in finding.cves if cve in threats.epss), default=None)
    reach: Answer = "unknown" if finding.reachable is None else "yes" if finding.reachable else "no"
    fixable = bool(finding.component.fixed_versions or finding.remedy_ids)
    if finding.kind != "vulnerability":
        fixable = True  # our own code, secrets and settings are ours to mend
    return Facts(severity, source, exploited, reach, fixable, epss)


def fix_days(facts: Facts, policy: Policy) -> float:
    """Return the agreed fix time [d]; an unknown severity counts as medium, and info has no end."""
    if facts.exploited == "yes":
        return policy.known_exploited_fix_days
    word = "medium" if facts.severity == "unknown" else facts.severity
    return policy.fix_days.get(word, float("inf"))


def overdue_days(first_seen: datetime, now: datetime, allowed_days: float) -> float:
    """Return for how long [d] a finding is past its fix time, at least 0."""
    return max(0.0, (now - first_seen).total_seconds() / 86_400 - allowed_days)
