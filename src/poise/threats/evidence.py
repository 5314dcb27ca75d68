"""What is known about a vulnerability on a given day."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Literal

Exploitation = Literal["none", "poc", "active"]
TechnicalImpact = Literal["partial", "total"]


@dataclass(frozen=True, slots=True)
class KevEntry:
    """One row of CISA's Known Exploited Vulnerabilities catalogue."""

    added: date
    due: date | None
    ransomware: bool
    vendor: str = ""
    product: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Threat evidence on one vulnerability, as of one day.

    ``None`` always means *not known*, never zero or false. ``sources`` names, per field,
    the feed with its date and model version, so that every figure can say where it comes from.
    """

    vulnerability: str
    as_of: date
    #: EPSS: probability of exploitation activity in the next 30 days [0, 1], None when not scored.
    epss: float | None = None
    epss_percentile: float | None = None
    #: None when not listed in the catalogue *in use*; see :attr:`kev_known`.
    kev: KevEntry | None = None
    #: Whether a KEV catalogue was available at all. Without one, ``kev is None`` means unknown.
    kev_known: bool = False
    #: CVSS base score [0, 10] of the best vector known (v4, else v3.x, else v2), with that vector.
    cvss_score: float | None = None
    cvss_vector: str = ""
    published: date | None = None
    exploitation: Exploitation | None = None
    automatable: bool | None = None
    technical_impact: TechnicalImpact | None = None
    sources: dict[str, str] = field(default_factory=dict)
