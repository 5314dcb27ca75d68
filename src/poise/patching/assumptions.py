"""What nobody told us, and what stands in for it, counted by what rests on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from poise.estate.model import Estate
from poise.patching.changes import RatedBacklog
from poise.patching.document import Assumption
from poise.risk.parameters import SOURCES, RiskParameters


def assumptions(estate: Estate, rated: RatedBacklog, parameters: RiskParameters) -> tuple[Assumption, ...]:
    """Return every assumption that a figure of the plan rests on, most used first within its kind."""
    found = [*_owners(estate), *_evidence(rated), *_model(estate, rated, parameters)]
    return tuple(found)


def _owners(estate: Estate) -> Iterable[Assumption]:
    counts: Counter[tuple[str, str]] = Counter()
    for service in estate.services.values():
        counts.update(
            (f"{field.replace('_', ' ')} of tier {service.tier} services", "tier")
            for field in service.assumed
        )
    for group in estate.groups.values():
        counts.update((f"{field.replace('_', ' ')} of patch groups", "group") for field in group.assumed)
    for team in estate.teams.values():
        counts.update((f"{field.replace('_', ' ')} of teams", "team") for field in team.assumed)
    sources = {
        "tier": "the estate's tier table; ask the owner",
        "group": "the estate's defaults; ask the team",
        "team": "the estate's defaults; ask the team",
    }
    for (what, kind), count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        yield Assumption(what=what, value=f"the {kind}'s default", source=sources[kind], num_uses=count)
    if estate.standing_policy.assumed:
        yield Assumption(
            what="what happens if nobody signs",
            value=estate.standing_policy.rule,
            source="drafted estate; agree on your own standing policy",
            num_uses=1,
        )


def _evidence(rated: RatedBacklog) -> Iterable[Assumption]:
    names = {name for change in rated.changes for name in change.assumed if name.startswith("EPSS of ")}
    if names:
        yield Assumption(
            what="EPSS of vulnerabilities that have none",
            value="the mean EPSS of CVEs of their age",
            source="EPSS scores of 2025, by age since publication (docs/threats.md)",
            num_uses=len(names),
        )
    undated = sum("age of the patch" in change.assumed for change in rated.changes)
    if undated:
        yield Assumption(
            what="publication date of a patch",
            value="14 days ago",
            source="Poise's choice: neither fresh nor settled",
            num_uses=undated,
        )


def _model(estate: Estate, rated: RatedBacklog, parameters: RiskParameters) -> Iterable[Assumption]:
    uses = len(rated.changes)
    zones = ", ".join(f"{zone} {factor:g}" for zone, factor in parameters.zone_factor.items())
    values = {
        "kev_floor": f"at least {parameters.kev_floor:g} in 30 days",
        "zone_factor": zones,
        "ransomware_loss_factor": f"{parameters.ransomware_loss_factor:g} times the loss",
        "early_failure_factor": f"today's patch fails {1 + parameters.early_failure_factor:g} times as "
        f"often, settling within {parameters.settle_days:g} days",
        "emergency_share": f"{parameters.emergency_share:.0%} of newly exploited vulnerabilities",
        "late_cost": f"{parameters.late_cost:,.0f} {estate.currency} for each",
        "overdue_grace_days": f"{parameters.overdue_grace_days:g} days from the plan's own day",
    }
    labels = {
        "kev_floor": "chance that a known-exploited vulnerability is exploited",
        "zone_factor": "share of attacks that reach each zone",
        "ransomware_loss_factor": "loss where ransomware crews use a vulnerability",
        "early_failure_factor": "how much more often fresh patches fail",
        "emergency_share": "deferred vulnerabilities that force an emergency visit",
        "late_cost": "price of a missed deadline",
        "overdue_grace_days": "second clock of a deadline that was missed before the plan began",
    }
    if estate.base_rate_per_year is None:
        yield Assumption(
            what="yearly rate of a serious incident through an unpatched vulnerability",
            value=f"{rated.calibration.base_rate_per_year:.1%}",
            source=SOURCES["base_rate_per_year"],
            num_uses=uses,
        )
    for key, value in values.items():
        yield Assumption(what=labels[key], value=value, source=SOURCES[key], num_uses=uses)
    histories = [team for team in estate.teams.values() if team.changes_done is None]
    if histories:
        prior = parameters.failure_prior_failed / parameters.failure_prior_done
        yield Assumption(
            what="chance that a change fails, for teams without a history",
            value=f"{prior:.1%}",
            source=SOURCES["failure_prior_failed"],
            num_uses=len(histories),
        )
