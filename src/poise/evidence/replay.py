"""Replaying history week by week: decide on what was known, work a week, see what happened."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from poise.evidence.companies import ZONES, Company
from poise.evidence.deciding import Decide
from poise.evidence.failing import Luck
from poise.evidence.week import (
    WINDOW_DAYS,
    WINDOW_START_DAYS,
    Holding,
    Week,
    calibration,
    hold,
    see_week,
)
from poise.evidence.world import Knowledge, World
from poise.ledger.canonical import canonical, digest
from poise.planning.problem import Floats, Ints, Plan
from poise.risk.hazard import MAX_PROBABILITY

Bools = npt.NDArray[np.bool_]

#: A newly listed vulnerability without a window within so many days is mended outside the calendar [d].
EMERGENCY_DAYS = 14.0
#: An emergency visit ends a day after it was decided [d].
_EMERGENCY_TAKES_DAYS = 1.0
_NOBODY = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True)
class WeekScore:
    """What a week of history counted against one way of deciding (docs/evidence-metrics.md).

    ``decision`` is a hash of the plan (which change goes into which window), so that two runs can be
    compared.
    """

    day: date
    kev_asset_days: float
    open_when_listed: float
    activity_asset_days: float
    late: int
    hours: float
    emergency_hours: float
    unplanned_hours: float
    failures: int
    emergencies: int
    moves: int
    disruption: float
    decision: str


#: The numbers of a :class:`WeekScore` that add up over weeks.
METRICS = tuple(item.name for item in fields(WeekScore) if item.name not in ("day", "decision"))


@dataclass
class _Diary:
    """What one way of deciding has done so far: when pairs were last mended, and what it announced."""

    last_done: Ints
    announced: frozenset[tuple[int, date]] = frozenset()


@dataclass(frozen=True)
class Replayed:
    """Scores of every way of deciding on one company, week by week."""

    company: Company
    weeks: Mapping[str, tuple[WeekScore, ...]]
    entries: int

    def series(self, key: str, metric: str) -> Floats:
        """Return one metric of one way of deciding, by week."""
        return np.array([float(getattr(week, metric)) for week in self.weeks[key]])


def mondays(first: date, last: date) -> list[date]:
    """Return the days on which plans are made: weekly, each with its whole week up to the last day."""
    count = max(0, ((last - first).days + 1) // 7)
    return [first + timedelta(weeks=number) for number in range(count)]


@dataclass(frozen=True)
class Task:
    """One way of deciding on one company over all weeks: all that :func:`run_task` needs, anywhere.

    ``world`` holds the company's own vulnerabilities alone, which makes a task small enough to be sent.
    """

    name: str
    key: str
    holding: Holding
    world: World
    decide: Decide
    days: tuple[date, ...]
    factor: float


#: Runs tasks and gives their results in order: ``map``, or a cluster's.
Mapper = Callable[[Callable[[Task], tuple[WeekScore, ...]], Sequence[Task]], Iterable[tuple[WeekScore, ...]]]
Progress = Callable[[int, int, str], None]


def replay(
    world: World,
    companies: Mapping[str, Company],
    ways: Mapping[str, Decide],
    *,
    first: date,
    last: date,
    mapper: Mapper | None = None,
    progress: Progress | None = None,
) -> dict[str, Replayed]:
    """Replay history on several companies.

    Parameters
    ----------
    ways
        Ways of deciding by key; each sees the week alone.
    first, last
        The first plan is made on ``first``; the last week ends on ``last`` or before.
    mapper
        Where the tasks run; one after the other in this process by default. The result is the same to the
        byte.
    progress
        Told (weeks done, weeks in all, the company and the way of deciding).

    Returns
    -------
    dict
        By the companies' keys.
    """
    days = tuple(mondays(first, last))
    tasks: list[Task] = []
    for name, company in companies.items():
        holding, own = _own_world(hold(company, world, first), world, days)
        factor = calibration(holding, own.knowledge(days[0])) if days else 1.0
        tasks += [Task(name, key, holding, own, decide, days, factor) for key, decide in ways.items()]
    results = mapper(run_task, tasks) if mapper else map(run_task, tasks)
    found = {name: Replayed(company, {}, 0) for name, company in companies.items()}
    for done, (task, weeks) in enumerate(zip(tasks, _told(tasks, results, progress), strict=True)):
        before = found[task.name]
        found[task.name] = Replayed(
            before.company, {**before.weeks, task.key: weeks}, len(tasks[done].holding.pair)
        )
    return found


def _told(
    tasks: Sequence[Task], results: Iterable[tuple[WeekScore, ...]], progress: Progress | None
) -> Iterable[tuple[WeekScore, ...]]:
    """Yield results as they come, telling how far it is."""
    coming = iter(results)
    for done, task in enumerate(tasks):
        if progress is not None:
            weeks = len(task.days)
            progress(done * weeks, len(tasks) * weeks, f"{task.name}, {task.key}")
        yield next(coming)


def _own_world(holding: Holding, world: World, days: Sequence[date]) -> tuple[Holding, World]:
    """Return a holding on the world of its own vulnerabilities alone."""
    rows, places = np.unique(holding.vulnerability, return_inverse=True)
    return Holding(holding.company, holding.pair, places, holding.since), world.only(rows, days)


def run_task(task: Task) -> tuple[WeekScore, ...]:
    """Go through the weeks of one company in one way of deciding."""
    diary = _Diary(np.full(task.holding.company.num_pairs, -1))
    return tuple(
        _live(
            task.holding,
            task.world.knowledge(day),
            _Truth.of(task.world, task.holding, day),
            diary,
            task.decide,
            task.factor,
        )
        for day in task.days
    )


@dataclass(frozen=True)
class _Truth:
    """What the week held, for scoring alone.

    Per entry of the holding, shape ``(N,)``: ordinal days on which KEV lists it and takes it off, of the last
    such period that begins by the week's end; its due day (0: none), and the hazard by the EPSS of that end.
    """

    listed: Floats
    unlisted: Floats
    due: Floats
    hazard: Floats

    @classmethod
    def of(cls, world: World, holding: Holding, day: date) -> _Truth:
        """Return the truth of the week that begins on a day."""
        size = len(world.cves)
        listed, unlisted, due = np.full(size, np.inf), np.full(size, np.inf), np.zeros(size)
        for cve, spans in world.kev.spans.items():
            row = world.row_of.get(cve)
            if row is None:
                continue
            period = world.kev.period_on(cve, day + timedelta(days=6))
            if period is not None:
                listed[row] = period[0].toordinal()
                unlisted[row] = period[1].toordinal() if period[1] else np.inf
            # The due day that the catalogue set when it listed the vulnerability; later corrections bind
            # later.
            known = [span.entry for span in spans if span.since <= day + timedelta(days=6)]
            if known and known[-1].due:
                due[row] = known[-1].due.toordinal()
        scores = np.nan_to_num(world.scores_on(day + timedelta(days=7)))
        hazard = -np.log1p(-np.minimum(scores, MAX_PROBABILITY)) / 30.0
        row_ = holding.vulnerability
        return cls(listed[row_], unlisted[row_], due[row_], hazard[row_])


def _live(
    holding: Holding, knowledge: Knowledge, truth: _Truth, diary: _Diary, decide: Decide, factor: float
) -> WeekScore:
    """Decide, work the week, and count what history did meanwhile."""
    company, today = holding.company, knowledge.day.toordinal()
    week = see_week(holding, knowledge, diary.last_done, factor)
    before = diary.last_done.copy()
    closes = np.full(company.num_pairs, np.inf)
    done = _Work.of(company, _NOBODY, _NOBODY, _NOBODY, Luck.of(company, knowledge.day))
    moves = emergencies = 0
    decision = ""
    if week is not None:
        plan = decide(week)
        decision = digest(canonical([week.pair.tolist(), plan.window.tolist()]))
        urgent = _emergencies(week, knowledge, holding, plan)
        visits = _visits(week, plan)
        moves = len({visit for visit in diary.announced if visit not in visits and visit[0] not in urgent})
        begin = knowledge.day + timedelta(days=7)
        end = begin + timedelta(days=int(EMERGENCY_DAYS))
        diary.announced = frozenset(visit for visit in visits if begin <= visit[1] < end)
        done, mended_days = _work(week, plan, urgent)
        emergencies = len(urgent)
        closes[week.pair] = mended_days
        diary.last_done[np.isfinite(closes)] = today
    counted = _count(holding, truth, today, before, closes)
    return WeekScore(
        day=knowledge.day, moves=moves, emergencies=emergencies, decision=decision, **vars(done), **counted
    )


@dataclass(frozen=True)
class _Work:
    """What a week's work took: hours and money of visits, and of mending what failed."""

    hours: float
    emergency_hours: float
    unplanned_hours: float
    failures: int
    disruption: float

    @classmethod
    def of(cls, company: Company, planned: Ints, urgent: Ints, failed: Ints, luck: Luck) -> _Work:
        hours, money = effort(company, planned)
        emergency_hours, emergency_money = effort(company, urgent)
        unplanned_hours, unplanned_money = luck.mending(company, failed)
        return cls(
            hours=hours + emergency_hours + unplanned_hours,
            emergency_hours=emergency_hours,
            unplanned_hours=unplanned_hours,
            failures=len(failed),
            disruption=money + emergency_money + unplanned_money,
        )


def _work(week: Week, plan: Plan, urgent: set[int]) -> tuple[_Work, Floats]:
    """Work the plan's first week, and what cannot wait at once.

    Returns
    -------
    tuple
        What it took, and when each change of the week closed [d], ``inf`` for not done or rolled back.
    """
    company, luck = week.company, Luck.of(week.company, week.day)
    is_urgent = np.isin(company.pair_group[week.pair], list(urgent))
    is_planned = (plan.window == 0) & ~is_urgent
    closes = np.where(is_planned, WINDOW_START_DAYS + WINDOW_DAYS, np.inf)
    closes[is_urgent] = _EMERGENCY_TAKES_DAYS
    done = np.isfinite(closes)
    age = closes[done] - week.problem.available_days[done]
    failed = luck.failed(week.pair[done], age)
    closes[np.isin(week.pair, failed)] = np.inf
    return _Work.of(company, week.pair[is_planned], week.pair[is_urgent], failed, luck), closes


def _visits(week: Week, plan: Plan) -> set[tuple[int, date]]:
    done = plan.window >= 0
    groups = week.company.pair_group[week.pair[done]]
    return {(int(g), week.window_dates[int(w)]) for g, w in zip(groups, plan.window[done], strict=True)}


def _emergencies(week: Week, knowledge: Knowledge, holding: Holding, plan: Plan) -> set[int]:
    """Return the internet-facing groups that must be opened at once: newly listed, and no window soon."""
    company, row = week.company, holding.vulnerability[week.entries]
    group = company.pair_group[holding.pair[week.entries]]
    since = knowledge.kev_since[row]
    is_new = (since > knowledge.day.toordinal() - 7) & (since <= knowledge.day.toordinal())
    is_new &= company.zone[group] == ZONES.index("internet")
    window = plan.window[week.entry_change]
    ends = np.append(week.problem.window_end_days, np.inf)[np.where(window >= 0, window, -1)]
    return set(group[is_new & (ends > EMERGENCY_DAYS)].tolist())


def effort(company: Company, pairs: Ints) -> tuple[float, float]:
    """Return hours and money of opening the groups of these pairs once each and doing them."""
    groups = np.unique(company.pair_group[pairs])
    own = company.pair_group[pairs]
    downtime = company.reboot_hours[groups] * company.capacity_loss[groups]
    labour = (company.setup_minutes[groups].sum() + company.change_minutes[own].sum()) / 60
    money = float(company.downtime_per_hour[groups] @ downtime)
    money += float(labour) * company.hourly_rate * company.overtime_factor
    return float(downtime.sum() + labour), money


def _count(holding: Holding, truth: _Truth, today: int, before: Ints, closes: Floats) -> dict[str, Any]:
    """Return what history counts in a week, over all entries that are open at any time of it."""
    known = int(np.searchsorted(holding.since, today + 7, side="left"))
    pair, since = holding.pair[:known], holding.since[:known].astype(np.float64)
    is_open = since > before[pair]
    # What appears within the week stays open: the week's work was planned before it.
    end = today + np.where(since <= today, np.minimum(closes[pair], 7.0), 7.0)
    start = np.maximum(since, today)
    hosts = holding.company.hosts[holding.company.pair_group[pair]].astype(np.float64) * is_open
    listed, unlisted, due = truth.listed[:known], truth.unlisted[:known], truth.due[:known]
    kev_days = np.maximum(np.minimum(end, unlisted) - np.maximum(start, listed), 0.0)
    newly = (listed >= today) & (listed < today + 7) & (listed >= start) & (listed < end)
    # A due day ends at midnight, and counts against those whose deadline was set before it passed.
    late = is_open & (due >= today) & (due < today + 7) & (end >= due + 1) & (listed <= due)
    return {
        "kev_asset_days": float(hosts @ kev_days),
        "open_when_listed": float(hosts @ newly),
        "activity_asset_days": float((hosts * np.maximum(end - start, 0.0)) @ truth.hazard[:known]),
        "late": len(np.unique(pair[late])),
    }
