"""Hazards are shared out, calibrated, thinned and priced as docs/model.md says."""

from __future__ import annotations

import tempfile
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patching.build import estate, group, service
from poise.estate.model import Estate
from poise.patching.changes import RatedBacklog, rate_backlog
from poise.risk.fold import Account, Backlog, FoldedRemedy, Unmapped
from poise.risk.hazard import hazard_per_day
from poise.risk.loss import Lognormal
from poise.risk.parameters import RiskParameters
from poise.risk.rate import DAYS_PER_YEAR, Attribution, Calibration, calibrate, world_hazards
from poise.risk.remedy import Precision
from poise.threats.evidence import Evidence, KevEntry

TODAY = date(2026, 1, 5)
CVE = "CVE-2025-0001"
KEV = KevEntry(date(2025, 12, 1), date(2026, 2, 1), ransomware=False)
ONE = Calibration(1.0, TODAY, 0.03, 1.0)


def remedy(where: str, vulnerabilities: dict[str, set[str]], key: str = "openssl") -> FoldedRemedy:
    """Return a package update on one group."""
    return FoldedRemedy(
        group=where, key=key, text=f"{key} to 3", target="3", precision=Precision.PACKAGE,
        vulnerabilities=vulnerabilities, num_findings=1, first_seen=None, severity=None, cvss_max=None,
        cvss_vectors={},
    )  # fmt: skip


def backlog(*remedies: FoldedRemedy, unmapped: tuple[Unmapped, ...] = ()) -> Backlog:
    """Return a backlog of these remedies."""
    return Backlog(remedies, (), unmapped, Account(), {})


def known(vulnerability: str = CVE, **facts: object) -> dict[str, Evidence]:
    """Return evidence on one vulnerability, by its id."""
    return {vulnerability: Evidence(vulnerability, TODAY, **facts)}  # type: ignore[arg-type]


def rated(
    company: Estate, found: Backlog, evidence: dict[str, Evidence], calibration: Calibration | None = ONE
) -> RatedBacklog:
    """Rate a backlog with the defaults of the model."""
    return rate_backlog(
        found, company, evidence, today=TODAY, parameters=RiskParameters(), calibration=calibration
    )


@given(st.lists(st.integers(1, 9), min_size=1, max_size=5), st.floats(0.001, 0.99))
def test_the_shares_of_one_zone_sum_to_one_event(sizes: list[int], epss: float) -> None:
    """A vulnerability on many hosts of a zone is one wave, however they are grouped."""
    names = [f"g{number}" for number in range(len(sizes))]
    company = estate(Path(tempfile.mkdtemp()), *(group(name) for name in names))
    found = backlog(
        *(
            remedy(name, {CVE: {f"{name}-{n}" for n in range(size)}})
            for name, size in zip(names, sizes, strict=True)
        )
    )
    parameters = RiskParameters()
    hazards = world_hazards(known(epss=epss), lambda _: 0.5, parameters)
    total = Attribution(found, company, hazards, parameters).raw_total_per_day(found)
    assert total == pytest.approx(hazard_per_day(epss) * parameters.zone_factor["internet"])


def test_each_zone_is_an_event_of_its_own_and_controls_thin_it(tmp_path: Path) -> None:
    """Internal hosts see a fifth of it; controls that stop 40 % leave 60 %."""
    company = estate(tmp_path, group("web"), group("db", zone="internal", control_effectiveness=0.4))
    found = backlog(remedy("web", {CVE: {"w1", "w2"}}), remedy("db", {CVE: {"d1"}}))
    web, db = rated(company, found, known(epss=0.1)).changes
    assert web.hazard_per_day == pytest.approx(hazard_per_day(0.1))
    assert db.hazard_per_day == pytest.approx(hazard_per_day(0.1) * 0.2 * 0.6)


def test_distinct_vulnerabilities_add(tmp_path: Path) -> None:
    """Two ways in are twice as likely as one."""
    ids = {CVE: {"w1"}, "CVE-2025-0002": {"w1"}}
    evidence = {**known(epss=0.1), **known("CVE-2025-0002", epss=0.2)}
    (change,) = rated(estate(tmp_path), backlog(remedy("web", ids)), evidence).changes
    assert change.hazard_per_day == pytest.approx(hazard_per_day(0.1) + hazard_per_day(0.2))


def test_calibration_hits_the_base_rate_and_then_stays(tmp_path: Path) -> None:
    """The dated backlog has the stated yearly rate; half of it patched has less, not the same."""
    company = estate(tmp_path, group("web"), group("app"))
    other = "CVE-2025-0002"
    first, second = remedy("web", {CVE: {"w1"}}), remedy("app", {other: {"a1"}})
    evidence = {**known(epss=0.1), **known(other, epss=0.3)}
    before = rated(company, backlog(first, second), evidence, None)
    yearly = sum(change.hazard_per_day for change in before.changes) * DAYS_PER_YEAR
    assert yearly == pytest.approx(RiskParameters().base_rate_per_year)
    after = rated(company, backlog(first), evidence, before.calibration)
    assert after.changes[0].hazard_per_day * DAYS_PER_YEAR < yearly / 2
    assert calibrate(0.0, 0.03, TODAY).factor == 1.0


def test_ransomware_raises_the_loss_and_not_the_chance(tmp_path: Path) -> None:
    """Counting it in both would double it."""
    found = backlog(remedy("web", {CVE: {"w1"}}))
    crews = KevEntry(KEV.added, KEV.due, ransomware=True)
    (plain,) = rated(estate(tmp_path), found, known(epss=0.1, kev=KEV)).changes
    (raised,) = rated(estate(tmp_path), found, known(epss=0.1, kev=crews)).changes
    assert raised.hazard_per_day == plain.hazard_per_day
    assert raised.exposure_per_day == pytest.approx(1.5 * plain.exposure_per_day)
    assert raised.deferral_cost_per_day == plain.deferral_cost_per_day


def test_exposure_is_hazard_times_mean_loss_and_kev_is_a_floor(tmp_path: Path) -> None:
    """The mean of the lognormal, not the middle of its range; KEV lifts 0.1 to 0.5 and leaves 0.9."""
    found = backlog(remedy("web", {CVE: {"w1"}}))
    (change,) = rated(estate(tmp_path), found, known(epss=0.1, kev=KEV)).changes
    shop = service()
    assert change.hazard_per_day == pytest.approx(hazard_per_day(0.5))
    # exp((ln 1e5 + ln 1e6)/2 + ((ln 1e6 - ln 1e5)/3.29)^2 / 2), worked out by hand.
    assert (shop.loss_low, shop.loss_high) == (1e5, 1e6)
    assert change.exposure_per_day == pytest.approx(hazard_per_day(0.5) * 404_000, rel=1e-3)
    (high,) = rated(estate(tmp_path), found, known(epss=0.9, kev=KEV)).changes
    assert high.hazard_per_day == pytest.approx(hazard_per_day(0.9))


def test_an_unknown_epss_is_its_prior_and_said_so(tmp_path: Path) -> None:
    """Nobody's silence becomes a zero."""
    found = backlog(remedy("web", {CVE: {"w1"}}))
    (unknown,) = rated(estate(tmp_path), found, known()).changes
    (scored,) = rated(estate(tmp_path), found, known(epss=0.0)).changes
    assert unknown.hazard_per_day > 0.0 == scored.hazard_per_day
    assert f"EPSS of {CVE}" in unknown.assumed
    assert f"EPSS of {CVE}" not in scored.assumed
    assert "age of the patch" in unknown.assumed


def test_an_unmapped_asset_carries_exposure(tmp_path: Path) -> None:
    """Nobody claims it, and it is still there: internal, at the median loss, its ransomware counted."""
    crews = KevEntry(KEV.added, KEV.due, ransomware=True)
    found = backlog(unmapped=tuple(Unmapped(name, "no pattern", {CVE}, 1) for name in ("x1", "x2")))
    both = rated(estate(tmp_path), found, known(epss=0.6, kev=crews)).unmapped_exposure_per_day
    mean = Lognormal.from_range(service().loss_low, service().loss_high).mean
    assert both["x1"] == both["x2"] == pytest.approx(hazard_per_day(0.6) * 0.2 * 1.5 * mean / 2)


def test_ids_are_stable_and_tell_changes_apart(tmp_path: Path) -> None:
    """Outcomes of last month refer to them; another group or version is another change."""
    company = estate(tmp_path, group("web"), group("app"))
    items = (remedy("web", {CVE: {"w1"}}), remedy("app", {CVE: {"a1"}}), remedy("web", {CVE: {"w1"}}, "zlib"))
    ids = [c.id for c in rated(company, backlog(*items), known(epss=0.1)).changes]
    again = [c.id for c in rated(company, backlog(*items[::-1]), known(epss=0.4)).changes]
    assert ids == again[::-1]
    assert len(set(ids)) == 3
    assert all(len(id) == 13 and id.startswith("CH-") for id in ids)


def test_the_earliest_deadline_of_its_vulnerabilities_binds(tmp_path: Path) -> None:
    """One change for two: the sooner date is the change's, and none without a KEV entry."""
    sooner = KevEntry(KEV.added, date(2026, 1, 20), ransomware=False)
    other = "CVE-2025-0002"
    found = backlog(remedy("web", {CVE: {"w1"}, other: {"w1"}}))
    (change,) = rated(
        estate(tmp_path), found, {**known(epss=0.1, kev=KEV), **known(other, kev=sooner)}
    ).changes
    assert change.deadline == date(2026, 1, 20)
    assert change.deadline_source
    (free,) = rated(estate(tmp_path), found, {**known(epss=0.1), **known(other)}).changes
    assert (free.deadline, free.deadline_source) == (None, "")
