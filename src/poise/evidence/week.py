"""One week's decision: what is open on an estate as it is known that day, as a planning problem."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from itertools import product

import numpy as np
import numpy.typing as npt

from poise.evidence.companies import ZONES, Company
from poise.evidence.failing import SETTLED
from poise.evidence.judgements import uniform
from poise.evidence.world import Knowledge, World
from poise.planning.problem import Floats, Ints, Problem
from poise.risk.change import Change
from poise.risk.hazard import MAX_PROBABILITY
from poise.risk.parameters import RiskParameters
from poise.threats.bod import bod_26_04
from poise.threats.evidence import Evidence, KevEntry

Bools = npt.NDArray[np.bool_]

#: Weeks with windows that a plan sees, and how far exposure of what it leaves out is counted [d].
WINDOW_WEEKS, HORIZON_DAYS = 8, 182.0
#: A window opens this long after the plan is made, and closes six hours later [d]: Saturday night of a
#: Monday.
WINDOW_START_DAYS, WINDOW_DAYS = 5.9, 0.25
#: Chance that a vulnerability known on the first day is still open on a group that runs its product.
BACKLOG_SHARE = 0.35
#: Vulnerabilities of the last two years that a product line has on the first day, on average.
PER_PRODUCT = 25
_PARAMETERS = RiskParameters()


@dataclass(frozen=True)
class Holding:
    """Which vulnerability is on which pair of a company, and since when; by growing day.

    Shapes are ``(N,)``: numbers of pairs, places of vulnerabilities in the world, ordinal days.
    """

    company: Company
    pair: Ints
    vulnerability: Ints
    since: Ints

    def open_on(self, day: date, last_done: Ints) -> Ints:
        """Return the entries that are open on a day, given when each pair was last mended."""
        known = int(np.searchsorted(self.since, day.toordinal(), side="right"))
        return np.flatnonzero(self.since[:known] > last_done[self.pair[:known]])


def hold(company: Company, world: World, first: date) -> Holding:
    """Return what a company runs into over the world's history.

    Which product a vulnerability is of hangs on its id alone; so does what was still open on the first day.
    Neither
    knows what became of a vulnerability. Later ones count from the day they appear, if their id is not older
    than the year before: old ids that first show up late are no news.
    """
    day = first.toordinal()
    known = int(np.searchsorted(world.appears, day, side="right"))
    products = max(1, known // PER_PRODUCT)
    of_product = (uniform(world.cves, "product") * products).astype(np.int64)
    year = np.array([int(cve[4:8]) for cve in world.cves], dtype=np.int64)
    appeared_year = np.array([date.fromordinal(int(one)).year for one in world.appears], dtype=np.int64)
    rng = np.random.default_rng(np.random.SeedSequence([company.seed, len(company.kind), products]))
    lines = company.shape.products
    own = rng.choice(products, lines, replace=lines > products)
    pairs, rows = [], []
    stays = uniform(world.cves[:known], f"backlog {company.seed}")
    for pair, (group, line) in enumerate(zip(company.pair_group, company.pair_product, strict=True)):
        row = np.flatnonzero((of_product == own[line]) & (year >= appeared_year - 1))
        # A coin per vulnerability and group: one hash, turned by the group's number.
        coin = (stays[row[row < known]] + 0.6180339887498949 * (int(group) + 1)) % 1.0
        row = np.concatenate([row[row < known][coin < BACKLOG_SHARE], row[row >= known]])
        pairs.append(np.full(len(row), pair))
        rows.append(row)
    pair_, row_ = np.concatenate(pairs), np.concatenate(rows)
    order = np.lexsort((row_, pair_, world.appears[row_]))
    return Holding(company, pair_[order], row_[order], world.appears[row_[order]])


@dataclass(frozen=True)
class Week:
    """What a decision may use: the problem, what rules sort by, and nothing else.

    ``pair`` names each change of the problem, shape ``(J,)``; ``group`` its groups, shape ``(G,)``.
    ``entries`` are the
    open entries of the holding, ``entry_change`` the change of each.
    """

    company: Company
    day: date
    problem: Problem
    pair: Ints
    group: Ints
    entries: Ints
    entry_change: Ints
    changes: tuple[Change, ...]
    age_days: Floats
    is_first_of_month: Bools

    @cached_property
    def window_dates(self) -> tuple[date, ...]:
        """Return the day of each window."""
        return tuple(self.day + timedelta(days=int(start)) for start in self.problem.window_start_days)


def raw_hazards(holding: Holding, knowledge: Knowledge, entries: Ints) -> tuple[Floats, Floats]:
    """Return, per entry, its thinned hazard before calibration and the world's new activity [1/d]."""
    company, row, pair = holding.company, holding.vulnerability[entries], holding.pair[entries]
    in_world, new = hazards(knowledge)
    factor = np.array([_PARAMETERS.zone_factor[zone] for zone in ZONES])
    reach = factor[company.zone[company.pair_group[pair]]] * company.pair_share[pair]
    return in_world[row] * reach, new[row]


def hazards(knowledge: Knowledge) -> tuple[Floats, Floats]:
    """Return each vulnerability's hazard in the world, and of new activity alone [1/d]; shapes ``(V,)``."""
    # What has no score counts with the mean of those that have one: unknown is not zero.
    chance = np.where(np.isfinite(knowledge.epss), knowledge.epss, knowledge.mean_epss)
    floored = np.where(knowledge.is_kev, np.maximum(chance, _PARAMETERS.kev_floor), chance)
    return _hazard(floored) if knowledge.hazard is None else knowledge.hazard, _hazard(chance)


def _hazard(probability: Floats) -> Floats:
    hazard: Floats = -np.log1p(-np.minimum(probability, MAX_PROBABILITY)) / 30.0
    return hazard


def calibration(holding: Holding, knowledge: Knowledge) -> float:
    """Return the factor that makes the first day's backlog equal the default base rate [1]."""
    never = np.full(holding.company.num_pairs, -1)
    hazard, _ = raw_hazards(holding, knowledge, holding.open_on(knowledge.day, never))
    total = float(hazard.sum())
    return _PARAMETERS.base_rate_per_year / (365.25 * total) if total > 0 else 1.0


def see_week(holding: Holding, knowledge: Knowledge, last_done: Ints, factor: float) -> Week | None:
    """Return the decision of a day; None when nothing is open.

    Parameters
    ----------
    last_done
        Ordinal day of the plan that last mended each pair, -1 for never, shape ``(Q,)``.
    factor
        From :func:`calibration`, kept over the whole replay.
    """
    company, day = holding.company, knowledge.day
    entries = holding.open_on(day, last_done)
    if not len(entries):
        return None
    pair, entry_change = np.unique(holding.pair[entries], return_inverse=True)
    row, since = holding.vulnerability[entries], holding.since[entries]
    group, group_of_change = np.unique(company.pair_group[pair], return_inverse=True)
    first_seen = _least(entry_change, since.astype(np.float64))
    facts = _facts(holding, knowledge, entries, entry_change)
    hazard, new = raw_hazards(holding, knowledge, entries)
    crews = np.where(knowledge.is_ransomware[row], _PARAMETERS.ransomware_loss_factor, 1.0)
    exposure = (
        np.bincount(entry_change, hazard * crews) * factor * company.mean_loss[company.pair_group[pair]]
    )
    activity = np.bincount(entry_change, new).astype(np.float64)
    newest = -_least(entry_change, -since.astype(np.float64))
    problem = _problem(company, day, pair, group, group_of_change, exposure, activity, newest, facts["due"])
    age = day.toordinal() - first_seen
    changes = tuple(_change(j, company, pair, exposure, facts, age, day) for j in range(len(pair)))
    months = [(day + timedelta(days=int(start))).strftime("%Y-%m") for start in problem.window_start_days]
    before = (day + timedelta(days=int(problem.window_start_days[0]) - 7)).strftime("%Y-%m")
    first = np.array([month != last for month, last in zip(months, [before, *months], strict=False)])
    return Week(company, day, problem, pair, group, entries, entry_change, changes, age, first)


def _least(groups: Ints, values: Floats) -> Floats:
    result = np.full(int(groups.max()) + 1, np.inf)
    np.minimum.at(result, groups, values)
    return result


def _bod_days() -> Floats:
    """Return the days of BOD 26-04 by (KEV, exposed, automatable, total) as bits, ``inf`` on upgrade."""
    days = np.full(16, np.inf)
    for kev, exposed, automatable, total in product((False, True), repeat=4):
        entry = KevEntry(date(2026, 1, 1), None, False) if kev else None
        known = Evidence(
            "CVE-2026-0001",
            date(2026, 1, 1),
            kev=entry,
            kev_known=True,
            automatable=automatable,
            technical_impact="total" if total else "partial",
        )
        found = bod_26_04(known, exposed).days
        days[8 * kev + 4 * exposed + 2 * automatable + total] = np.inf if found is None else found
    return days


_BOD_DAYS = _bod_days()


def _facts(holding: Holding, knowledge: Knowledge, entries: Ints, entry_change: Ints) -> Mapping[str, Floats]:
    """Return, per change, what rules sort by: the worst of its vulnerabilities."""
    row = holding.vulnerability[entries]
    zone = holding.company.zone[holding.company.pair_group[holding.pair[entries]]]
    judged = knowledge.judgements
    code = 8 * knowledge.is_kev[row] + 4 * (zone == ZONES.index("internet"))
    code = code + 2 * judged.automatable[row] + judged.total_impact[row]
    due = np.where(knowledge.due[row] > 0, knowledge.due[row].astype(np.float64), np.inf)
    return {
        "epss": -_least(entry_change, -np.nan_to_num(knowledge.epss[row])),
        "cvss": -_least(entry_change, -judged.cvss[row]),
        "kev": -_least(entry_change, -knowledge.is_kev[row].astype(np.float64)),
        "due": _least(entry_change, due),
        "bod": _least(entry_change, _BOD_DAYS[code]),
    }


def _change(
    j: int,
    company: Company,
    pair: Ints,
    exposure: Floats,
    facts: Mapping[str, Floats],
    age: Floats,
    day: date,
) -> Change:
    """Return a change as the rules people use know it; fields that no rule reads are empty."""
    cvss = float(facts["cvss"][j])
    bands = ((9.0, "critical"), (7.0, "high"), (4.0, "medium"))
    severity = next((name for low, name in bands if cvss >= low), "low")
    group = int(company.pair_group[pair[j]])
    bod = float(facts["bod"][j])
    return Change(
        id=str(int(pair[j])),
        group=str(group),
        remedy="",
        remedy_key="",
        vulnerabilities=(),
        assets=(),
        num_findings=0,
        available=None,
        needs_reboot=True,
        hazard_per_day=0.0,
        exposure_per_day=float(exposure[j]),
        exposure_low_per_day=0.0,
        exposure_high_per_day=0.0,
        deferral_cost_per_day=0.0,
        labour_minutes=float(company.change_minutes[group]),
        failure_probability=SETTLED,
        recovery_cost=0.0,
        deadline=None,
        deadline_source="",
        first_seen=day - timedelta(days=int(age[j])),
        cvss_max=cvss,
        epss_max=float(facts["epss"][j]),
        is_kev=bool(facts["kev"][j]),
        is_ransomware=False,
        bod_label="",
        bod_days=None if np.isinf(bod) else bod,
        severity=severity,
    )


def is_frozen(company: Company, day: date) -> bool:
    """Tell whether a window of that day falls into the company's change freeze."""
    return company.shape.freezes and ((day.month, day.day) >= (12, 15) or (day.month, day.day) <= (1, 5))


def _problem(
    company: Company, day: date, pair: Ints, group: Ints, group_of_change: Ints, exposure: Floats,
    activity: Floats, newest: Floats, due: Floats,
) -> Problem:  # fmt: skip
    """Return the planning problem: one window a week, in the weeks that each group's calendar has."""
    start: Floats = WINDOW_START_DAYS + 7.0 * np.arange(WINDOW_WEEKS, dtype=np.float64)
    week = day.toordinal() // 7
    slots = [
        [w for w in range(WINDOW_WEEKS)
         if (week + w + company.offset_weeks[g]) % company.period_weeks[g] == 0
         and not is_frozen(company, day + timedelta(days=int(start[w])))]
        for g in group
    ]  # fmt: skip
    counts = [len(own) for own in slots]
    slot_group = np.repeat(group, counts)
    rate, overtime = company.hourly_rate, company.overtime_factor
    downtime = company.downtime_per_hour * company.reboot_hours * company.capacity_loss
    slot_cost = downtime + company.setup_minutes / 60 * rate * overtime
    own = company.pair_group[pair]
    labour = company.change_minutes[own]
    recovery = _PARAMETERS.recovery_hours * (
        company.downtime_per_hour[own] * company.capacity_loss[own] + rate
    )
    failing = SETTLED * recovery
    emergency = downtime[own] + (company.setup_minutes[own] + labour) / 60 * rate * overtime
    today = day.toordinal()
    left = due + 1.0 - today
    left = np.where(left <= 0, _PARAMETERS.overdue_grace_days, left)
    return Problem(
        horizon_days=HORIZON_DAYS,
        settle_days=_PARAMETERS.settle_days,
        window_start_days=start,
        window_end_days=start + WINDOW_DAYS,
        group_team=company.team[group],
        capacity_minutes=np.repeat(company.capacity_minutes[:, None], WINDOW_WEEKS, axis=1),
        slot_ptr=np.concatenate([[0], np.cumsum(counts, dtype=np.int64)]),
        slot_window=np.array([w for each in slots for w in each], dtype=np.int64),
        slot_cost=slot_cost[slot_group],
        slot_labour_minutes=company.setup_minutes[slot_group],
        change_ptr=np.concatenate([[0], np.cumsum(np.bincount(group_of_change, minlength=len(group)))]),
        release_days=np.zeros(len(pair)),
        available_days=newest - today,
        exposure_per_day=exposure,
        deferral_cost_per_day=activity * _PARAMETERS.emergency_share * emergency,
        change_cost=labour / 60 * rate * overtime + failing,
        early_cost=failing * _PARAMETERS.early_failure_factor,
        labour_minutes=labour,
        due_days=left,
        late_cost=np.where(np.isfinite(left), _PARAMETERS.late_cost, 0.0),
        hard_due=np.zeros(len(pair), dtype=np.bool_),
        link_before=np.zeros(0, dtype=np.int64),
        link_after=np.zeros(0, dtype=np.int64),
        link_soak_days=np.zeros(0),
        exclusion_a=np.zeros(0, dtype=np.int64),
        exclusion_b=np.zeros(0, dtype=np.int64),
    )
