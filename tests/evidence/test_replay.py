"""Replay: the future changes nothing before it, and what is counted is what a patient clerk would count."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from evidence.tables import FIRST, LAST, WEEKS, Tables, made_up
from poise.evidence.companies import make_company
from poise.evidence.deciding import RULE_KEYS, deciders, nothing
from poise.evidence.failing import Luck
from poise.evidence.judgements import ToldJudgements
from poise.evidence.replay import METRICS, Replayed, Task, WeekScore, mondays, replay, run_task
from poise.evidence.week import WINDOW_DAYS, WINDOW_START_DAYS, Week, hold
from poise.evidence.world import World
from poise.planning.problem import Plan

CUT = FIRST + timedelta(weeks=6)


def everything_at_once(week: Week) -> Plan:
    """Return the plan of a company that opens every group at its next window, whatever it costs."""
    problem = week.problem
    group = problem.change_group
    first = [problem.slot_window[problem.slot_ptr[g]] if problem.slot_ptr[g] < problem.slot_ptr[g + 1] else -1
             for g in range(problem.num_groups)]  # fmt: skip
    return Plan(np.array(first)[group])


def run(world: World, *keys: str, kind: str = "software") -> Replayed:
    """Replay some ways of deciding on one company."""
    ways = deciders() | {"nothing": nothing, "everything": everything_at_once}
    company = make_company(kind, 3)  # type: ignore[arg-type]
    found = replay(world, {"it": company}, {key: ways[key] for key in keys}, first=FIRST, last=LAST)
    return found["it"]


def poisoned(tables: Tables) -> Tables:
    """Return the same history up to the cut, and another one after it."""
    other = made_up(99, known=300, later=150)
    rng = np.random.default_rng(1)
    scores = {day: dict(own) for day, own in tables.scores.items()}
    for day in scores:
        if day > CUT:
            scores[day] = {cve: float(rng.random()) for cve in scores[day]}
            scores[day] |= {f"CVE-2025-{number}": 0.9 for number in range(7000, 7100)}
    events = [event for event in tables.events if event[0] <= CUT]
    listed = {event[2] for event in events}
    events += [
        event for event in other.events if event[0] > CUT and event[1] == "added" and event[2] not in listed
    ]
    crews = {event[2] for event in events if event[1] == "changed"}
    flips = [
        (CUT + timedelta(days=3), "changed", cve, "knownRansomwareCampaignUse", "Unknown", "Known")
        for cve in sorted(listed - crews)
    ]
    told = dict(tables.told.rows)
    for cve, row in told.items():
        if row[3] > CUT.toordinal():
            told[cve] = (10.0, True, True, *row[3:])
    return Tables(scores, sorted([*events, *flips]), dict(tables.due), ToldJudgements(told))


def judged(tables: Tables) -> Tables:
    """Return the history with CVSS and SSVC told for half of it, some before the cut and some after."""
    ids = sorted({cve for day in tables.scores.values() for cve in day})
    rows = {}
    for number, cve in enumerate(ids[::2]):
        day = (FIRST + timedelta(days=number % (7 * WEEKS))).toordinal()
        rows[cve] = (float(number % 10), number % 3 == 0, number % 4 == 0, day, day)
    return Tables(tables.scores, tables.events, tables.due, ToldJudgements(rows))


@pytest.mark.parametrize("seed", [1, 2])
def test_the_future_changes_nothing_before_it(tmp_path: Path, seed: int) -> None:
    """Poison all after a day: every decision up to it, and every score of weeks over by then, stays."""
    tables = judged(made_up(seed))
    keys = ("poise-fair", "poise-w0.03", *RULE_KEYS)
    one = run(tables.world(tmp_path / "true"), *keys)
    two = run(poisoned(tables).world(tmp_path / "poisoned"), *keys)
    differs = 0
    for key in keys:
        for week, other in zip(one.weeks[key], two.weeks[key], strict=True):
            if week.day <= CUT:
                assert week.decision == other.decision, (key, week.day)
            else:
                differs += week.decision != other.decision
            if week.day + timedelta(days=7) <= CUT:
                assert week == other, (key, week.day)
    assert differs > len(keys), "the poison must be able to show"


def test_a_decision_sees_its_week_alone(tmp_path: Path) -> None:
    """What is handed over holds no score, listing or judgement of a later day, not even out of sight."""
    tables = judged(made_up(3))
    world = tables.world(tmp_path)
    known = world.knowledge(CUT)
    unseen = ~known.appeared
    assert unseen.any()
    assert np.isnan(known.epss[unseen]).all()
    assert not known.is_kev[unseen].any()
    assert (known.kev_since <= CUT.toordinal()).all()
    told = known.judgements
    later = tables.told.rows
    rows = [world.row_of[cve] for cve, row in later.items() if row[3] > CUT.toordinal()]
    assert len(rows) > 10
    assert np.isnan(told.told_cvss[rows]).all()
    assert not told.told_total[rows].any()


def clerk(
    world: World, company: object, key: str, weeks: Replayed, decisions: list[tuple[date, Week, Plan]]
) -> float:
    """Count KEV-exposed asset-days hour by hour from what was decided, sharing no code with the replay."""
    holding = hold(company, world, FIRST)  # type: ignore[arg-type]
    mended: dict[int, list[tuple[float, int]]] = {}
    for day, week, plan in decisions:
        luck = Luck.of(holding.company, day)
        for change in np.flatnonzero(plan.window == 0):
            age = WINDOW_START_DAYS + WINDOW_DAYS - week.problem.available_days[change]
            if luck.level[week.pair[change]] < 0.03 * (1 + math.exp(-age / 14)):
                continue
            mended.setdefault(int(week.pair[change]), []).append(
                (day.toordinal() + WINDOW_START_DAYS + WINDOW_DAYS, day.toordinal())
            )
    total = 0.0
    for pair, row, since in zip(holding.pair, holding.vulnerability, holding.since, strict=True):
        spans = world.kev.spans.get(world.cves[row], ())
        if not spans:
            continue
        ends = [at for at, planned in mended.get(int(pair), []) if planned >= since]
        end = min([*ends, FIRST.toordinal() + 7 * WEEKS])
        start = max(since, spans[0].since.toordinal(), FIRST.toordinal())
        hosts = int(holding.company.hosts[holding.company.pair_group[pair]])
        total += hosts * max(0.0, end - start)
    return total


@pytest.mark.parametrize("key", ["kev-then-epss", "monthly-only", "poise-w0.03"])
def test_a_clerk_counts_the_same(tmp_path: Path, key: str) -> None:
    """The primary metric, recounted entry by entry from the plans that were made."""
    world = made_up(4).world(tmp_path)
    decide, seen = deciders()[key], []

    def recorded(week: Week) -> Plan:
        plan = decide(week)
        seen.append((week.day, week, plan))
        return plan

    company = make_company("manufacturer", 3)
    zones = company.zone.copy()
    zones[:] = 2  # no group faces the internet, so nothing is mended outside the plan
    object.__setattr__(company, "zone", zones)
    found = replay(world, {"it": company}, {key: recorded}, first=FIRST, last=LAST)["it"]
    total = found.series(key, "kev_asset_days").sum()
    assert total > 0
    assert total == pytest.approx(clerk(world, company, key, found, seen), rel=1e-9)


def test_a_listing_that_was_taken_back_counts_while_it_stood(tmp_path: Path) -> None:
    """Removed for three weeks and listed again: those weeks are nobody's KEV days, and it is newly listed."""
    tables, company = made_up(9), make_company("software", 3)
    world = tables.world(tmp_path / "before")
    holding = hold(company, world, FIRST)
    hosts = {}
    for row in np.unique(holding.vulnerability):
        groups = company.pair_group[holding.pair[holding.vulnerability == row]]
        # What faces the internet is opened in emergencies, of other vulnerabilities too.
        if world.appears[row] <= FIRST.toordinal() and (company.zone[groups] != 0).all():
            hosts[world.cves[row]] = int(company.hosts[groups].sum())
    cve = min(set(hosts) - {event[2] for event in tables.events})
    listed = FIRST - timedelta(days=20)
    tables.events = sorted([*tables.events, (listed, "added", cve, "", "", listed.isoformat())])
    off, on = FIRST + timedelta(days=17), FIRST + timedelta(days=38)
    back = [(off, "removed", cve, "", "", ""), (on, "added", cve, "", "", on.isoformat())]
    again = replace(tables, events=sorted([*tables.events, *back])).world(tmp_path / "twice")
    once, twice = run(tables.world(tmp_path / "once"), "nothing"), run(again, "nothing")
    assert again.kev.periods(cve)[0][1] == off
    days = once.series("nothing", "kev_asset_days") - twice.series("nothing", "kev_asset_days")
    assert days.tolist() == [hosts[cve] * n for n in (0, 0, 4, 7, 7, 3, *[0] * (WEEKS - 6))]
    newly = twice.series("nothing", "open_when_listed") - once.series("nothing", "open_when_listed")
    assert newly.tolist() == [hosts[cve] * (week == 5) for week in range(WEEKS)]
    assert again.knowledge(on).kev_since[again.row_of[cve]] == on.toordinal()


def test_doing_nothing_is_the_worst_and_everything_the_best(tmp_path: Path) -> None:
    """All exposures and hours of any way lie between those of the two extremes."""
    world = made_up(5).world(tmp_path)
    found = run(world, "nothing", "everything", *RULE_KEYS, "poise-w0.01")
    for metric in ("kev_asset_days", "open_when_listed", "activity_asset_days"):
        least, most = (found.series(key, metric).sum() for key in ("everything", "nothing"))
        for key in found.weeks:
            assert least <= found.series(key, metric).sum() * (1 + 1e-12), (key, metric)
            assert found.series(key, metric).sum() <= most * (1 + 1e-12), (key, metric)
    assert found.series("nothing", "moves").sum() == 0


def test_hours_fit_into_the_teams_time(tmp_path: Path) -> None:
    """All ways of deciding have the same capacity: no week's labour is more than the teams have."""
    found = run(made_up(6).world(tmp_path), *RULE_KEYS, "poise-w0.001")
    company = found.company
    downtime = float((company.reboot_hours * company.capacity_loss).sum())
    for key in found.weeks:
        unplanned = found.series(key, "emergency_hours") + found.series(key, "unplanned_hours")
        planned = found.series(key, "hours") - unplanned
        assert planned.max() <= company.capacity_minutes.sum() / 60 + downtime


def test_a_replay_can_be_repeated(tmp_path: Path) -> None:
    """The same tables and seed give the same decisions and the same numbers."""
    tables = made_up(7)
    one, two = (run(tables.world(tmp_path / name), "poise-nash", "bod-26-04") for name in ("one", "two"))
    assert one.weeks == two.weeks


def test_weeks_are_whole() -> None:
    """A week that is not over by the last day is not counted."""
    assert mondays(date(2025, 1, 6), date(2025, 1, 19)) == [date(2025, 1, 6), date(2025, 1, 13)]
    assert mondays(date(2025, 1, 6), date(2025, 1, 18)) == [date(2025, 1, 6)]
    assert mondays(date(2025, 1, 6), date(2025, 1, 6)) == []


def test_every_metric_moves(tmp_path: Path) -> None:
    """A metric that is always zero measures nothing."""
    found = run(made_up(8).world(tmp_path), "monthly-only", "poise-w0.03", "cvss-first")
    for metric in METRICS:
        assert any(found.series(key, metric).any() for key in found.weeks), metric


def test_the_same_failures_meet_every_way(tmp_path: Path) -> None:
    """Luck hangs on company, pair and week: two ways differ only in what they do and when."""
    company = make_company("bank", 2)
    one, two = Luck.of(company, FIRST), Luck.of(company, FIRST)
    assert np.array_equal(one.level, two.level)
    assert not np.array_equal(one.level, Luck.of(company, FIRST + timedelta(days=7)).level)
    assert not np.array_equal(one.level, Luck.of(make_company("bank", 3), FIRST).level[: len(one.level)])
    some = np.arange(0, company.num_pairs, 3)
    assert set(one.failed(some, np.full(len(some), 40.0))) <= set(
        one.failed(np.arange(company.num_pairs), np.full(company.num_pairs, 40.0))
    )


def test_failures_come_as_often_as_plans_reckon() -> None:
    """Over many weeks 3 % of settled changes fail, twice as many of fresh ones, and mending takes 2 h."""
    company = make_company("office", 1)
    pairs = np.arange(company.num_pairs)
    weeks = [Luck.of(company, FIRST + timedelta(weeks=week)) for week in range(400)]
    for age, wanted in ((10_000.0, 0.03), (0.0, 0.06), (-3.0, 0.06), (14.0, 0.03 * (1 + math.exp(-1)))):
        share = np.mean([len(luck.failed(pairs, np.full(len(pairs), age))) for luck in weeks]) / len(pairs)
        assert share == pytest.approx(wanted, rel=0.06), age
    hours = np.concatenate([luck.repair_hours for luck in weeks])
    assert hours.mean() == pytest.approx(2.0, rel=0.02)
    assert np.mean((hours > 1) & (hours < 4)) == pytest.approx(0.9, abs=0.03)


def test_a_failed_change_stays_open_and_costs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where every change fails nothing closes, where none does there is no unplanned hour."""
    world = made_up(5).world(tmp_path)
    of = Luck.of
    for level, closes in ((0.0, False), (1.0, True)):
        monkeypatch.setattr(
            Luck,
            "of",
            lambda company, day, level=level: replace(
                of(company, day), level=of(company, day).level * 0 + level
            ),
        )
        found = run(world, "nothing", "everything")
        open_days = [found.series(key, "activity_asset_days").sum() for key in ("nothing", "everything")]
        assert (open_days[1] < open_days[0]) == closes
        assert (found.series("everything", "unplanned_hours").sum() == 0) == closes
        assert (found.series("everything", "failures").sum() == 0) == closes


def test_tasks_can_be_done_anywhere(tmp_path: Path) -> None:
    """A task that was sent, and done in another order, gives the same weeks: it holds all that it needs."""

    def elsewhere(
        call: Callable[[Task], tuple[WeekScore, ...]], tasks: Sequence[Task]
    ) -> list[tuple[WeekScore, ...]]:
        sent = [pickle.loads(pickle.dumps(task)) for task in tasks]
        return [call(task) for task in reversed(sent)][::-1]

    world = made_up(2).world(tmp_path)
    companies = {kind: make_company(kind, 3) for kind in ("software", "office")}
    ways = {"nothing": nothing, "everything": everything_at_once}
    here = replay(world, companies, ways, first=FIRST, last=LAST)
    there = replay(world, companies, ways, first=FIRST, last=LAST, mapper=elsewhere)
    assert {name: one.weeks for name, one in here.items()} == {name: one.weeks for name, one in there.items()}
    assert run_task.__module__ == "poise.evidence.replay"


def test_a_company_needs_only_its_own_world(tmp_path: Path) -> None:
    """What is told of some vulnerabilities alone is what is told of them among all."""
    world = judged(made_up(6)).world(tmp_path)
    rows = np.arange(5, len(world.cves), 7)
    days = mondays(FIRST, LAST)
    part = world.only(rows, days)
    for day in days:
        whole, own = world.knowledge(day), part.knowledge(day)
        assert own.mean_epss == whole.mean_epss
        for name in ("appeared", "epss", "is_kev", "kev_since", "due", "is_ransomware"):
            assert np.array_equal(getattr(own, name), getattr(whole, name)[rows], equal_nan=name == "epss"), (
                name
            )
        for name in ("cvss", "automatable", "total_impact"):
            assert np.array_equal(getattr(own.judgements, name), getattr(whole.judgements, name)[rows]), name
