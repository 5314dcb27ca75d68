"""Small grounds: a random problem with names and dates, every plan of which is known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import numpy as np

from planning.cases import all_plans, random_problem
from poise.patching.document import ChangeEntry, GroupEntry, InputFile, ServiceEntry, TeamEntry, WindowEntry
from poise.patching.risk_model import with_plans
from poise.planning.evaluate import evaluate
from poise.planning.problem import Plan, Problem
from poise.risk.simulation.model import Events, Inputs, Plans, RiskModel, Work
from poise.risk.simulation.storage import encode
from poise.table.ground import SCHEMA, Ground, StoredPlan, store_problem
from poise.table.limits import Limit

#: A Friday; windows of random problems start within twelve days.
NOW = datetime(2026, 1, 2, 8, 0, tzinfo=UTC)


def small_ground(seed: int, *, plans: bool = True) -> Ground:
    """Return a ground of one to four groups, each of up to two services; the default does nothing."""
    problem = random_problem(seed, hard=False, most_plans=1_500)
    rng = np.random.default_rng([seed, 5])
    groups, windows = problem.num_groups, problem.num_windows
    services = [("shop",), ("erp",), ("shop", "wiki"), ("wiki",)]
    own = [services[int(rng.integers(0, len(services)))] for _ in range(groups)]
    found = all_plans(problem)
    kept = _frontier(found.exposure, found.disruption, found.is_feasible) if plans else []
    nothing = (-1,) * problem.num_changes
    return Ground(
        schema=SCHEMA,
        poise_version="1",
        company="Test",
        currency="EUR",
        timezone="UTC",
        now=NOW,
        horizon_end=NOW + timedelta(days=problem.horizon_days),
        seed=0,
        digest=f"{seed:064x}",
        inputs=(InputFile(kind="feed", name="kev", sha256="0" * 64, detail="", as_of=NOW.date()),),
        problem_arrays=store_problem(problem),
        changes=tuple(_change(problem, number, rng) for number in range(problem.num_changes)),
        groups=tuple(
            GroupEntry(
                id=f"g{number}",
                services=own[number],
                team=f"t{problem.group_team[number]}",
                calendar="c",
                zone="internal",
                hosts=(),
                reboot_minutes=60.0,
            )
            for number in range(groups)
        ),
        services=tuple(
            ServiceEntry(id=name, name=name, owner=f"{name} owner", tier=1, loss_low=1.0, loss_high=2.0)
            for name in ("shop", "erp", "wiki")
        ),
        teams=tuple(
            TeamEntry(id=f"t{n}", name="", capacity_minutes=60.0, failure_probability=0.0, failure_source="")
            for n in range(problem.num_teams)
        ),
        windows=tuple(
            WindowEntry(
                id=number,
                calendar="c",
                start=NOW + timedelta(days=float(problem.window_start_days[number])),
                end=NOW + timedelta(days=float(problem.window_end_days[number])),
            )
            for number in range(windows)
        ),
        group_service=tuple(names[0] for names in own),
        group_downtime_minutes=tuple(float(rng.choice([0.0, 30.0, 90.0])) for _ in range(groups)),
        emergency_start=NOW,
        emergency_end=NOW + timedelta(hours=1),
        emergency_cost=(100.0,) * groups,
        overtime_per_minute=(2.0,) * problem.num_teams,
        estate_limits=(),
        default=StoredPlan(key="default", label="If nobody signs", windows=nothing),
        default_sentence="Nothing is patched.",
        plans=tuple(
            StoredPlan(key=f"F{n:02d}", label=f"plan {n}", windows=tuple(found.window[place].tolist()))
            for n, place in enumerate(kept, 1)
        ),
        line_weight=(0.0,),
        line_bound=(0.0,),
    )


def _change(problem: Problem, number: int, rng: np.random.Generator) -> ChangeEntry:
    return ChangeEntry(
        id=f"c{number}",
        group=f"g{problem.change_group[number]}",
        remedy="",
        vulnerabilities=(f"CVE-2026-{1000 + number}", f"CVE-2026-{2000 + number}"),
        num_assets=1,
        num_findings=1,
        hazard_per_day=0.0,
        exposure_per_day=float(problem.exposure_per_day[number]),
        exposure_low_per_day=0.0,
        exposure_high_per_day=0.0,
        labour_minutes=float(problem.labour_minutes[number]),
        needs_reboot=True,
        failure_probability=0.0,
        deadline=None,
        deadline_source="",
        severity=str(rng.choice(["critical", "high", "low"])),
        cvss_max=None,
        epss_max=None,
        is_kev=bool(rng.random() < 0.4),
        is_ransomware=False,
        bod_label="",
    )


def _frontier(exposure: np.ndarray, disruption: np.ndarray, is_feasible: np.ndarray) -> list[int]:
    best, kept = np.inf, []
    for place in np.lexsort((exposure, disruption)):
        if is_feasible[place] and exposure[place] < best:
            best = exposure[place]
            kept.append(int(place))
    return kept


def random_limits(ground: Ground, seed: int, count: int = 3) -> tuple[Limit, ...]:
    """Return limits of every rule, some of which cannot hold together."""
    rng = np.random.default_rng([seed, 9])
    worst = float((ground.problem.exposure_per_day * ground.problem.horizon_days).sum())
    limits = []
    for number in range(count):
        rule = str(rng.choice(["freeze", "hours", "weekends", "services", "deadline", "exposure"]))
        scope = (str(rng.choice(["shop", "erp", "wiki", "g0", "t0"])),) if rng.random() < 0.6 else ()
        amounts = {
            "hours": rng.choice([0.5, 2.0, 4.0]),
            "weekends": rng.choice([0.0, 1.0]),
            "services": rng.choice([0.0, 1.0]),
            "deadline": rng.choice([4.0, 9.0, 14.0]),
            "exposure": worst * rng.uniform(0.3, 1.0),
        }
        start = NOW + timedelta(days=float(rng.uniform(0, 8)))
        limits.append(
            Limit(
                id=f"l{number}",
                party=str(rng.choice(["operations", "security"])),  # type: ignore[arg-type]
                rule=rule,  # type: ignore[arg-type]
                scope=scope,
                amount=None if rule == "freeze" else float(amounts[rule]),
                start=start if rule == "freeze" else None,
                end=start + timedelta(days=float(rng.uniform(1, 6))) if rule == "freeze" else None,
                affected="kev" if rule == "deadline" and rng.random() < 0.5 else "all",
            )
        )
    return tuple(limits)


def keeps(ground: Ground, limit: Limit, plan: Plan) -> bool:
    """Return whether a plan keeps a limit: a second program, straight from the words of the rule."""
    visits = {(int(ground.problem.change_group[j]), int(w)) for j, w in enumerate(plan.window) if w >= 0}
    scope = set(limit.scope)

    def covered(group: int) -> bool:
        entry = ground.groups[group]
        return not scope or bool(scope & {entry.id, entry.team, *entry.services})

    inside = [(g, ground.windows[w]) for g, w in visits if covered(g)]
    if limit.rule == "freeze":
        assert limit.start is not None
        assert limit.end is not None
        return not any(w.start < limit.end and w.end > limit.start for _, w in inside)
    amount = limit.amount or 0.0
    if limit.rule == "hours":
        return sum(ground.group_downtime_minutes[g] for g, _ in inside) / 60 <= amount + 1e-9
    if limit.rule == "weekends":
        days = {
            (ground.groups[g].team, w.start.astimezone(ZoneInfo("UTC")).isocalendar()[:2])
            for g, w in inside
            if w.start.weekday() >= 5
        }
        return len(days) <= amount
    if limit.rule == "deadline":
        about = [
            j
            for j, change in enumerate(ground.changes)
            if covered(int(ground.problem.change_group[j])) and (limit.affected == "all" or change.is_kev)
        ]
        return all(
            plan.window[j] >= 0 and ground.problem.window_end_days[plan.window[j]] <= amount + 1e-9
            for j in about
        )
    named = {service.id for service in ground.services} & scope
    others = scope - named
    services = named | {
        ground.group_service[g] for g, entry in enumerate(ground.groups) if others & {entry.id, entry.team}
    }
    if not scope:
        services = {service.id for service in ground.services}
    if limit.rule == "services":
        weeks: dict[tuple[int, int], set[str]] = {}
        for g, w in inside:
            weeks.setdefault(w.start.isocalendar()[:2], set()).update(
                set(ground.groups[g].services) & services
            )
        return all(len(week) <= amount for week in weeks.values())
    ends = np.append(ground.problem.window_end_days, ground.problem.horizon_days)[plan.window]
    loss = ground.problem.exposure_per_day * (ends - ground.problem.release_days)
    behind = np.array([ground.group_service[g] in services for g in ground.problem.change_group])
    return float(loss[behind].sum()) <= amount + 1e-6 * max(1.0, amount)


class AllKept:
    """Every feasible plan of a small ground, its costs, and which limits each keeps."""

    def __init__(self, ground: Ground, limits: tuple[Limit, ...]) -> None:
        found = all_plans(ground.problem)
        rows = np.flatnonzero(found.is_feasible)
        self.window = found.window[rows]
        self.security, self.operations = found.exposure[rows], found.disruption[rows]
        self.kept = {
            limit.id: np.array([keeps(ground, limit, Plan(window)) for window in self.window])
            for limit in limits
        }

    def meets(self, names: set[str] | frozenset[str]) -> np.ndarray:
        """Return which plans keep all of these limits."""
        ok = np.ones(len(self.window), dtype=bool)
        for name in names:
            ok &= self.kept[name]
        return ok


def is_kept(ground: Ground, problem: Problem, window: np.ndarray) -> bool:
    """Return whether a plan is feasible in a problem."""
    return evaluate(problem, Plan(window)).is_feasible


def with_risk(ground: Ground) -> Ground:
    """Return a ground that can be simulated: one event per change, of the change's own hazard."""
    changes = len(ground.changes)
    services = [service.id for service in ground.services]
    group = ground.problem.change_group
    model = RiskModel(
        company=ground.company,
        currency=ground.currency,
        horizon_days=ground.problem.horizon_days,
        seed=ground.seed,
        services=tuple(services),
        loss_low=np.array([1e4, 2e4, 5e3]),
        loss_high=np.array([1e5, 3e5, 9e4]),
        teams=tuple(team.id for team in ground.teams),
        zones=("internal",),
        inputs=Inputs(1.0, 0.03, np.array([1.0]), 0.5, 1.5, 1.5, 50.0, 1.0, 14.0),
        events=Events(
            names=tuple(f"CVE-2025-{number:04d}" for number in range(changes)),
            vulnerability=np.arange(changes),
            zone=np.zeros(changes, dtype=np.int64),
            probability=np.linspace(0.01, 0.3, changes),
            is_kev=np.array([change.is_kev for change in ground.changes]),
            is_ransomware=np.zeros(changes, dtype=np.bool_),
            entry_event=np.arange(changes),
            entry_change=np.arange(changes),
            entry_share=np.ones(changes),
        ),
        work=Work(
            service=np.array([services.index(ground.group_service[int(g)]) for g in group]),
            team=ground.problem.group_team[group],
            available_days=ground.problem.available_days,
            recovery_hours=np.full(changes, 2.0),
            recovery_cost=np.full(changes, 10.0),
            deferral_per_day=ground.problem.deferral_cost_per_day,
            failed=np.full(len(ground.teams), -1.0),
            done=np.full(len(ground.teams), -1.0),
        ),
        plans=Plans(
            (), (), np.zeros((0, changes)), np.zeros((0, changes), dtype=np.bool_), np.zeros(0), np.zeros(0)
        ),
    )
    whole = with_plans(model, ground.problem, [("default", ground.default.label, ground.default_plan)])
    return msgspec.structs.replace(ground, risk=msgspec.json.decode(encode(whole)))
