"""Folding findings to the fewest remedies, and accounting for every one of them.

No finding is ever dropped: each ends as part of a change, or in one of the lists that the
:class:`Backlog` carries, and :class:`Account` counts them so that a reader can add up.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date

from poise.risk.remedy import Precision, Remedy, identify
from poise.scans.finding import Finding, Severity

#: Where an asset stands: its id over all reports, and its patch group or why it has none.
Placement = tuple[str, str | None, str]

_SEVERITY_ORDER: tuple[Severity, ...] = ("info", "low", "medium", "high", "critical")


@dataclass(slots=True)
class Account:
    """How many findings went where. Every distinct finding is in exactly one of the last five."""

    records: int = 0
    findings: int = 0
    not_vulnerability: int = 0
    closed: int = 0
    unmapped: int = 0
    no_fix: int = 0
    in_changes: int = 0
    #: (asset, vulnerability) pairs over all scanners, then with a fix, then remedies per asset.
    pairs: int = 0
    pairs_with_fix: int = 0
    remedies_per_asset: int = 0
    assets: int = 0
    not_vulnerability_kinds: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class FoldedRemedy:
    """One remedy on one patch group, with everything that it fixes there."""

    group: str
    key: str
    text: str
    target: str
    precision: Precision
    #: Vulnerability id to the assets on which this remedy removes it.
    vulnerabilities: dict[str, set[str]]
    num_findings: int
    first_seen: date | None
    severity: Severity | None
    cvss_max: float | None
    cvss_vectors: dict[str, tuple[str, ...]]


@dataclass(slots=True)
class Unfixed:
    """Findings of one component of one group for which no report names a fix."""

    group: str
    component: str
    vulnerabilities: dict[str, set[str]]
    num_findings: int = 0
    reason: str = "no report names a fix"


@dataclass(slots=True)
class Unmapped:
    """An asset that no patch group claims."""

    asset: str
    why: str
    vulnerabilities: set[str] = field(default_factory=set)
    num_findings: int = 0


@dataclass(frozen=True, slots=True)
class Backlog:
    """What the reports say must be done, group by group."""

    remedies: tuple[FoldedRemedy, ...]
    unfixed: tuple[Unfixed, ...]
    unmapped: tuple[Unmapped, ...]
    account: Account
    #: Distinct assets per patch group that have at least one open vulnerability.
    assets: Mapping[str, frozenset[str]]

    def open_vulnerabilities(self) -> Iterator[tuple[str, dict[str, set[str]]]]:
        """Yield (patch group, vulnerability to assets) of every remedy and of what has none."""
        for remedy in self.remedies:
            yield remedy.group, remedy.vulnerabilities
        for unfixed in self.unfixed:
            yield unfixed.group, unfixed.vulnerabilities

    def vulnerabilities(self) -> set[str]:
        """Return every distinct vulnerability id that is open anywhere."""
        ids = {v for _, vulnerabilities in self.open_vulnerabilities() for v in vulnerabilities}
        ids.update(v for asset in self.unmapped for v in asset.vulnerabilities)
        return ids


def canonical_ids(finding: Finding, cve_of_alias: Mapping[str, str]) -> tuple[str, ...]:
    """Return the distinct vulnerabilities of a finding: its CVEs, else the CVE known for an alias.

    Parameters
    ----------
    cve_of_alias
        From other findings that name both, so that one scanner's GHSA is another's CVE.
    """
    if finding.cves:
        return finding.cves
    for alias in finding.aliases:
        if alias in cve_of_alias:
            return (cve_of_alias[alias],)
    return finding.vulnerability_ids[:1]


class Folder:
    """Collects findings, one at a time, and folds them.

    Parameters
    ----------
    place
        Tells an asset's id over all reports and its patch group.
    cve_of_alias
        See :func:`canonical_ids`.
    """

    def __init__(self, place: Callable[[Finding], Placement], cve_of_alias: Mapping[str, str]) -> None:
        self._place = place
        self._cve_of_alias = cve_of_alias
        self.account = Account()
        #: (group, asset, vulnerability) -> the remedies told for it, each with the findings telling it.
        self._told: dict[tuple[str, str, str], list[int]] = defaultdict(list)
        self._remedies: list[_Told] = []
        self._index: dict[tuple[str, str], int] = {}
        self._unmapped: dict[str, Unmapped] = {}
        self._findings: list[tuple[str, str, tuple[str, ...], int]] = []

    def add_report(self, findings: Iterable[Finding]) -> None:
        """Take all findings of one report; records of one identity count once."""
        seen: set[str] = set()
        for finding in findings:
            self.account.records += 1
            if finding.identity in seen:
                self._add(finding, is_repeat=True)
                continue
            seen.add(finding.identity)
            self.account.findings += 1
            self._add(finding, is_repeat=False)

    def _add(self, finding: Finding, *, is_repeat: bool) -> None:
        account = self.account
        if finding.kind != "vulnerability":
            if not is_repeat:
                account.not_vulnerability += 1
                kinds = account.not_vulnerability_kinds
                kinds[finding.kind] = kinds.get(finding.kind, 0) + 1
            return
        if finding.status != "open":
            account.closed += not is_repeat
            return
        asset, group, why = self._place(finding)
        ids = canonical_ids(finding, self._cve_of_alias)
        if group is None:
            account.unmapped += not is_repeat
            entry = self._unmapped.setdefault(asset, Unmapped(asset, why))
            entry.vulnerabilities.update(ids)
            entry.num_findings += not is_repeat
            return
        told = self._remedy(group, finding)
        for vulnerability in ids:
            remedies = self._told[group, asset, vulnerability]
            if told not in remedies:
                remedies.append(told)
        if not is_repeat:
            self._findings.append((group, asset, ids, told))

    def _remedy(self, group: str, finding: Finding) -> int:
        """Return the number of the finding's remedy in its group, after noting what it adds."""
        remedy = identify(finding)
        component = finding.component.name or finding.title
        key = remedy.key if remedy else f"none:{component.lower()}"
        number = self._index.setdefault((group, key), len(self._remedies))
        if number == len(self._remedies):
            self._remedies.append(_Told(group, key, remedy, component))
        self._remedies[number].note(remedy, finding, canonical_ids(finding, self._cve_of_alias))
        return number

    def fold(self) -> Backlog:
        """Return the backlog; call once, after the last report."""
        kept: dict[int, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        chosen: dict[tuple[str, str, str], list[int]] = {}
        for (group, asset, vulnerability), numbers in self._told.items():
            best = min(self._remedies[number].precision for number in numbers)
            # Two packages that carry one vulnerability both need their update; a vaguer remedy for
            # what a package update fixes is the same fix, told by another scanner.
            chosen[group, asset, vulnerability] = [n for n in numbers if self._remedies[n].precision == best]
            for number in chosen[group, asset, vulnerability]:
                kept[number][vulnerability].add(asset)
        counts = self._count(chosen)
        remedies, unfixed = [], []
        for number in sorted(kept, key=lambda n: (self._remedies[n].group, self._remedies[n].key)):
            told = self._remedies[number]
            vulnerabilities = {v: kept[number][v] for v in sorted(kept[number])}
            if told.remedy is None:
                unfixed.append(Unfixed(told.group, told.component, vulnerabilities, counts[number]))
            else:
                remedies.append(told.fold(vulnerabilities, counts[number]))
        self._close(kept)
        assets: dict[str, set[str]] = defaultdict(set)
        for group, asset, _ in self._told:
            assets[group].add(asset)
        return Backlog(
            tuple(remedies),
            tuple(unfixed),
            tuple(sorted(self._unmapped.values(), key=lambda entry: entry.asset)),
            self.account,
            {group: frozenset(members) for group, members in sorted(assets.items())},
        )

    def _count(self, chosen: Mapping[tuple[str, str, str], list[int]]) -> dict[int, int]:
        """Give every finding to one remedy of the first of its vulnerabilities that has a fix."""
        counts: dict[int, int] = defaultdict(int)
        for group, asset, ids, told in self._findings:
            options = [number for v in ids for number in chosen[group, asset, v]]
            fixing = [number for number in options if self._remedies[number].remedy is not None]
            choices = fixing or options
            number = told if told in choices else choices[0]
            counts[number] += 1
            if self._remedies[number].remedy is None:
                self.account.no_fix += 1
            else:
                self.account.in_changes += 1
        return counts

    def _close(self, kept: Mapping[int, Mapping[str, set[str]]]) -> None:
        account = self.account
        account.pairs = len(self._told)
        per_asset: set[tuple[int, str]] = set()
        with_fix: set[tuple[str, str, str]] = set()
        for number, vulnerabilities in kept.items():
            told = self._remedies[number]
            if told.remedy is None:
                continue
            for vulnerability, assets in vulnerabilities.items():
                for asset in assets:
                    per_asset.add((number, asset))
                    with_fix.add((told.group, asset, vulnerability))
        account.pairs_with_fix = len(with_fix)
        account.remedies_per_asset = len(per_asset)
        account.assets = len({(group, asset) for group, asset, _ in self._told}) + len(self._unmapped)


class _Told:
    """What the findings of one group say about one remedy, as it is collected."""

    def __init__(self, group: str, key: str, remedy: Remedy | None, component: str) -> None:
        self.group = group
        self.key = key
        self.remedy = remedy
        self.component = component
        self.precision = remedy.precision if remedy else Precision.NONE
        self.targets: set[str] = set()
        self.first_seen: date | None = None
        self.severity: Severity | None = None
        self.cvss_max: float | None = None
        self.cvss_vectors: dict[str, tuple[str, ...]] = {}

    def note(self, remedy: Remedy | None, finding: Finding, ids: tuple[str, ...]) -> None:
        if remedy is not None and self.remedy is not None:
            # Of equally exact ones the first by name, so that the order of reports is no matter.
            if (remedy.precision, remedy.name) < (self.precision, self.remedy.name):
                self.remedy, self.precision = remedy, remedy.precision
            if remedy.target:
                self.targets.add(remedy.target)
        if finding.first_seen is not None:
            seen = finding.first_seen.date()
            self.first_seen = seen if self.first_seen is None else min(self.first_seen, seen)
        if finding.severity is not None:
            candidates = [finding.severity, *([self.severity] if self.severity else [])]
            self.severity = max(candidates, key=_SEVERITY_ORDER.index)
        if finding.cvss_score is not None:
            self.cvss_max = max(finding.cvss_score, self.cvss_max or 0.0)
        if finding.cvss_vectors:
            for vulnerability in ids:
                self.cvss_vectors.setdefault(vulnerability, finding.cvss_vectors)

    def fold(self, vulnerabilities: dict[str, set[str]], num_findings: int) -> FoldedRemedy:
        assert self.remedy is not None
        return FoldedRemedy(
            group=self.group,
            key=self.key,
            text=self.remedy.text(self.targets),
            target=self.remedy.supersede(self.targets),
            precision=self.precision,
            vulnerabilities=vulnerabilities,
            num_findings=num_findings,
            first_seen=self.first_seen,
            severity=self.severity,
            cvss_max=self.cvss_max,
            cvss_vectors={v: self.cvss_vectors[v] for v in vulnerabilities if v in self.cvss_vectors},
        )
