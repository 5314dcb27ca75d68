"""What a judging rests on, and what it finds, before it becomes a verdict."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple

from poise.errors import ScanFormatError
from poise.gate.baseline import Baseline, Entry
from poise.gate.components import ComponentList
from poise.gate.documents import Exemption
from poise.gate.evidence import RunRecord
from poise.gate.facts import Threats
from poise.gate.identity import Identifier
from poise.gate.policy import Policy
from poise.gate.verdict import JudgedFinding, JudgedReport
from poise.gate.vex import VexStatements
from poise.scans.reading import ScanReport

#: What may become of a finding.
OUTCOMES: Final = ("block", "warn", "later", "noted", "set_aside", "fixed")
#: Added to the number of an outcome in :attr:`Judged.codes` where the finding is new.
NEW: Final = 16


class GivenReport(NamedTuple):
    """A report of the pipeline, opened or refused."""

    name: str
    file: str
    sha256: str
    report: ScanReport | ScanFormatError
    record: RunRecord | None = None


@dataclass(slots=True)
class Setting:
    """What the judging rests on besides the reports."""

    policy: Policy
    service: str
    commit: str
    now: datetime
    identifier: Identifier
    baseline: Baseline | None = None
    components: ComponentList | None = None
    threats: Threats | None = None
    exemptions: Sequence[Exemption] = ()
    vex: VexStatements = field(default_factory=VexStatements)
    skips: Mapping[str, str] = field(default_factory=dict)


class Rates(NamedTuple):
    """How fast overdue risk burns [risk-days per day]."""

    by_us: float = 0.0
    without_fix: float = 0.0


@dataclass(slots=True)
class Judged:
    """What the judging found, before it becomes a verdict."""

    reports: list[JudgedReport] = field(default_factory=list)
    findings: list[JudgedFinding] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    severities: Counter[str] = field(default_factory=Counter)
    new: int = 0
    gone: int = 0
    rates: Rates = field(default_factory=Rates)
    exploited_reachable: int = 0
    #: Whether any vulnerability was judged, of which rules may ask what is known about exploitation.
    asks_threats: bool = False
    used_exemptions: set[str] = field(default_factory=set)
    entries: list[Entry] = field(default_factory=list)
    #: Outcome of every record in reading order, for outputs that read the reports again: an index of
    #: :data:`OUTCOMES`, plus :data:`NEW` where it is new.
    codes: array[int] = field(default_factory=lambda: array("B"))
    #: The reports that were read to their ends, in that order, and how many records each has in `codes`.
    read: list[GivenReport] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    identifier: Identifier = field(default_factory=Identifier)
