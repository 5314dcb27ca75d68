"""What the reports of Qualys have in common: its scale, its texts with scores, its advisories."""

from __future__ import annotations

import re
from collections.abc import Iterable

from poise.scans.finding import AssetIdentity, Kind, Severity, Status
from poise.scans.records import RecordError
from poise.scans.xmlfields import distinct, score_of

#: Qualys rates 1 (minimal), 2 (medium), 3 (serious), 4 (critical), 5 (urgent): five steps on five steps.
SEVERITIES: dict[str, Severity] = {"1": "info", "2": "low", "3": "medium", "4": "high", "5": "critical"}

#: The states of a Qualys detection, in lower case with plain hyphens.
STATUSES: dict[str, Status] = {
    "new": "open",
    "active": "open",
    "re-opened": "open",
    "reopened": "open",
    "fixed": "fixed",
}

#: Types of a detection: confirmed, potential, and information that rates nothing.
KINDS: dict[str, Kind] = {
    "vuln": "vulnerability",
    "confirmed": "vulnerability",
    "practice": "vulnerability",
    "potential": "vulnerability",
    "ig": "information",
    "info": "information",
}

#: What Qualys writes where a host has no name.
NO_NAME = frozenset({"", "-", "No registered hostname", "N/A"})

_SCORE_AND_VECTOR = re.compile(r"\s*([\d.]+)\s*(?:\(([^)]*)\))?\s*")
_ADVISORY = re.compile(
    r"MS\d\d-\d{3}|(?:RH[SBE]A|ELSA|CESA|ALAS2?|FEDORA|SUSE-SU|openSUSE-SU)-\d{4}[-:]\S+|"
    r"(?:USN|DSA|DLA|GLSA|VMSA)-\S*\d\S*|cisco-sa-\S+|KB\d{6,8}|GHSA(?:-\w{4}){3}",
    re.IGNORECASE,
)
_KB = re.compile(r"\bKB\d{6,8}\b")


def severity_of(text: str) -> Severity | None:
    """Return the step of a Qualys severity, or ``None`` for an empty text.

    Raises
    ------
    RecordError
        When the text is no number from 1 to 5.
    """
    if not text:
        return None
    if text not in SEVERITIES:
        raise RecordError(f"The severity is {text[:40]!r}, expected a number from 1 to 5.")
    return SEVERITIES[text]


def kind_of(text: str) -> Kind:
    """Return what a detection of a Qualys type is about; one without a type is a vulnerability.

    Raises
    ------
    RecordError
        When the type is none that Qualys documents.
    """
    if not text:
        return "vulnerability"
    kind = KINDS.get(text.lower())
    if kind is None:
        raise RecordError(f"The type is {text[:40]!r}, expected one of {', '.join(KINDS)}.")
    return kind


def status_of(text: str) -> Status:
    """Return the state of a detection; one without a state is open.

    Raises
    ------
    RecordError
        When the state is none that Qualys documents.
    """
    if not text or text == "-":
        return "open"
    status = STATUSES.get(text.lower())
    if status is None:
        raise RecordError(f"The status is {text[:40]!r}, expected one of {', '.join(STATUSES)}.")
    return status


def qid_of(text: str) -> str:
    """Return the number of a check.

    Raises
    ------
    RecordError
        When it is missing or no number.
    """
    if not text:
        raise RecordError("The detection has no QID.", "E411", "The record was left out.")
    if not (text.isascii() and text.isdigit()):
        raise RecordError(f"The QID is {text[:40]!r}, expected a number.")
    return text


def cvss_of(newest: str, older: str) -> tuple[tuple[str, ...], float | None]:
    """Return vectors and score of texts such as ``"9.0 (AV:N/AC:H/...)"``: version 3 first, then 2.

    Raises
    ------
    RecordError
        When a score is no number in [0, 10].
    """
    vectors: list[str] = []
    score: float | None = None
    for text, prefix in ((newest, "CVSS:3.0/"), (older, "")):
        found = _SCORE_AND_VECTOR.fullmatch(text)
        number = score_of(found[1] if found else text, "CVSS")
        if number is not None and score is None:
            score = number
        if found and found[2]:
            # Version 3 vectors stand without their prefix; 3.0 and 3.1 share their base metrics.
            vectors.append(found[2] if found[2].startswith("CVSS:") else f"{prefix}{found[2]}")
    return tuple(vectors), score


def advisories_of(vendor_ids: Iterable[str], solution: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return aliases and remedy ids from the vendor's references and the text of the solution."""
    known = [one for one in vendor_ids if _ADVISORY.fullmatch(one)]
    aliases = [one for one in known if not one.upper().startswith("KB")]
    remedies = [one for one in known if not one.upper().startswith("GHSA")]
    return distinct(*aliases), distinct(*remedies, *_KB.findall(solution))


def host_key(asset: AssetIdentity) -> str:
    """Return what keeps hosts of one report apart: hosts may share a name, or an address across networks."""
    return "|".join((asset.agent_id, *asset.ips, *asset.hostnames[:1], asset.path))


def place_of(port: str, protocol: str) -> str:
    """Return ``"443/tcp"``, or an empty text for a whole host."""
    if port in {"", "0", "-"}:
        return ""
    return f"{port}/{protocol.lower()}" if protocol not in {"", "-"} else port
