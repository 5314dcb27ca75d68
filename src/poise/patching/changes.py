"""From a folded backlog to changes: hazard, exposure, deadline and what has to be assumed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from poise.estate.model import Estate, PatchGroup
from poise.patching.prices import mean_downtime_cost_per_hour
from poise.risk.change import Change
from poise.risk.failure import failure_rate
from poise.risk.fold import Backlog, FoldedRemedy, Unfixed
from poise.risk.loss import Lognormal
from poise.risk.parameters import RiskParameters
from poise.risk.rate import (
    Attribution,
    Calibration,
    Rate,
    VulnerabilityHazard,
    calibrate,
    group_loss,
    rate,
    world_hazards,
)
from poise.threats.bod import deadline
from poise.threats.evidence import Evidence
from poise.threats.priors import epss_prior


@dataclass(frozen=True, slots=True)
class RatedBacklog:
    """Changes and what has no fix, with their exposure.

    ``unmapped_exposure_per_day`` is by asset, at the loss of the estate's median service, since
    nobody said what runs there [money/d].
    """

    changes: tuple[Change, ...]
    unfixed: tuple[tuple[Unfixed, Rate], ...]
    unmapped_exposure_per_day: Mapping[str, float]
    calibration: Calibration


@dataclass(frozen=True)
class _Rater:
    """The facts that rating one remedy needs, gathered once."""

    estate: Estate
    evidence: Mapping[str, Evidence]
    hazards: Mapping[str, VulnerabilityHazard]
    attribution: Attribution
    calibration: Calibration
    parameters: RiskParameters
    today: date

    def rate(self, group: PatchGroup, vulnerabilities: Mapping[str, set[str]]) -> Rate:
        return rate(
            group,
            vulnerabilities,
            self.attribution,
            self.calibration,
            self.evidence,
            self.hazards,
            group_loss(self.estate, group),
            self.parameters,
        )

    def change(self, remedy: FoldedRemedy) -> Change:
        """Return one remedy as a change."""
        group = self.estate.groups[remedy.group]
        team = self.estate.teams[group.team]
        known = [self.evidence[v] for v in remedy.vulnerabilities]
        rated = self.rate(group, remedy.vulnerabilities)
        assets = sorted(set().union(*remedy.vulnerabilities.values()))
        due, source, label, days = self._deadline(group, known, remedy.first_seen or self.today)
        recovery = team.recovery_hours if team.recovery_hours is not None else self.parameters.recovery_hours
        scores = [e.cvss_score for e in known if e.cvss_score is not None]
        scores += [remedy.cvss_max] if remedy.cvss_max is not None else []
        published = [e.published for e in known if e.published is not None]
        hourly = mean_downtime_cost_per_hour(self.estate, group)
        emergency_labour = (group.fixed_labour_minutes + group.change_labour_minutes) / 60 * team.hourly_rate
        emergency = hourly * group.reboot_minutes / 60 + emergency_labour * team.overtime_factor
        return Change(
            id=change_id(remedy),
            group=group.id,
            remedy=remedy.text,
            remedy_key=remedy.key,
            vulnerabilities=tuple(sorted(remedy.vulnerabilities)),
            assets=tuple(assets),
            num_findings=remedy.num_findings,
            available=max(published) if published else None,
            needs_reboot=group.reboot_minutes > 0,
            hazard_per_day=rated.hazard_per_day,
            exposure_per_day=rated.exposure_per_day,
            exposure_low_per_day=rated.exposure_low_per_day,
            exposure_high_per_day=rated.exposure_high_per_day,
            deferral_cost_per_day=rated.new_activity_per_day * self.parameters.emergency_share * emergency,
            labour_minutes=group.change_labour_minutes,
            failure_probability=failure_rate(team, self.parameters).probability,
            recovery_cost=recovery * (hourly + team.hourly_rate),
            deadline=due,
            deadline_source=source,
            first_seen=remedy.first_seen,
            cvss_max=max(scores, default=None),
            epss_max=max((e.epss for e in known if e.epss is not None), default=None),
            is_kev=any(e.kev is not None for e in known),
            is_ransomware=any(e.kev is not None and e.kev.ransomware for e in known),
            bod_label=label,
            bod_days=days,
            severity=remedy.severity or "",
            known_exploited=tuple(
                sorted(v for v in remedy.vulnerabilities if self.evidence[v].kev is not None)
            ),
            assumed=rated.assumed | self._assumed(group, published),
        )

    def _deadline(
        self, group: PatchGroup, known: list[Evidence], first_seen: date
    ) -> tuple[date | None, str, str, float | None]:
        """Return the earliest deadline with its source, and the strictest BOD 26-04 label with its days.

        BOD 26-04's label stands beside every change; it is a deadline only where the parameters say so.
        """
        is_exposed = group.zone == "internet"
        found = [
            deadline(entry, first_seen, is_exposed, use_bod=self.parameters.bod_binds) for entry in known
        ]
        strictest = min(
            (item.bod for item in found), key=lambda bod: (bod.days is None, bod.days or 0, not bod.forensic)
        )
        days = float(strictest.days) if strictest.days is not None else None
        dated = [(item.due, item.rule) for item in found if item.due is not None]
        if not dated:
            return None, "", strictest.label, days
        due, rule = min(dated)
        return due, rule, strictest.label, days

    def _assumed(self, group: PatchGroup, published: list[date]) -> frozenset[str]:
        service = self.estate.services[group_loss(self.estate, group).service]
        named = {f"{field} of service {service.id}" for field in service.assumed}
        named |= {f"{field} of group {group.id}" for field in group.assumed}
        if not published:
            named.add("age of the patch")
        return frozenset(named)


def rate_backlog(
    backlog: Backlog,
    estate: Estate,
    evidence: Mapping[str, Evidence],
    *,
    today: date,
    parameters: RiskParameters,
    calibration: Calibration | None = None,
) -> RatedBacklog:
    """Return the backlog's changes with hazard and exposure.

    Parameters
    ----------
    evidence
        One entry per vulnerability of the backlog, as of the plan's day.
    calibration
        The frozen factor; None calibrates on this very backlog, which the caller should then keep.
    """
    hazards = hazards_of(evidence, parameters, today)
    attribution = Attribution(backlog, estate, hazards, parameters)
    if calibration is None:
        base_rate = estate.base_rate_per_year
        stated = parameters.base_rate_per_year if base_rate is None else base_rate
        calibration = calibrate(
            attribution.raw_total_per_day(backlog), stated, estate.reference_date or today
        )
    rater = _Rater(estate, evidence, hazards, attribution, calibration, parameters, today)
    return RatedBacklog(
        changes=tuple(rater.change(remedy) for remedy in backlog.remedies),
        unfixed=tuple(
            (entry, rater.rate(estate.groups[entry.group], entry.vulnerabilities))
            for entry in backlog.unfixed
        ),
        unmapped_exposure_per_day=_unmapped(backlog, estate, evidence, hazards, calibration, parameters),
        calibration=calibration,
    )


def _unmapped(
    backlog: Backlog,
    estate: Estate,
    evidence: Mapping[str, Evidence],
    hazards: Mapping[str, VulnerabilityHazard],
    calibration: Calibration,
    parameters: RiskParameters,
) -> dict[str, float]:
    """Return the exposure of assets that nobody claims, as if internal and of median worth [money/d]."""
    means = sorted(Lognormal.from_range(s.loss_low, s.loss_high).mean for s in estate.services.values())
    median = means[len(means) // 2] if means else 0.0
    carriers: dict[str, int] = {}
    for entry in backlog.unmapped:
        for vulnerability in entry.vulnerabilities:
            carriers[vulnerability] = carriers.get(vulnerability, 0) + 1
    factor = calibration.factor * parameters.zone_factor["internal"] * median

    def share(vulnerability: str) -> float:
        entry = evidence[vulnerability].kev
        raised = parameters.ransomware_loss_factor if entry and entry.ransomware else 1.0
        return raised * hazards[vulnerability].hazard_per_day / carriers[vulnerability]

    return {
        entry.asset: factor * sum(share(v) for v in sorted(entry.vulnerabilities))
        for entry in backlog.unmapped
    }


def hazards_of(
    evidence: Mapping[str, Evidence], parameters: RiskParameters, today: date
) -> dict[str, VulnerabilityHazard]:
    """Return the hazard of every vulnerability in the world; a missing EPSS is the mean of its age."""
    return world_hazards(evidence, lambda entry: epss_prior(entry.published, today).mean, parameters)


def change_id(remedy: FoldedRemedy) -> str:
    """Return a change's id: the same group, remedy and target give the same one."""
    content = f"{remedy.group}\n{remedy.key}\n{remedy.target}"
    return "CH-" + hashlib.sha256(content.encode()).hexdigest()[:10]
