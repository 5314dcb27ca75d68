"""Prices, repairs, landmarks, trades, reasons and re-plans against every plan there is."""

from __future__ import annotations

import math
from datetime import timedelta
from functools import partial
from itertools import combinations

import msgspec
import numpy as np
import pytest

from poise.bargain import Stakes, bargain
from poise.errors import NoFeasiblePlanError, TableError
from poise.planning.capped import EXACT_CHOICES, solve_within
from poise.planning.evaluate import evaluate
from poise.planning.problem import Plan
from poise.table import landmarks, reasons, repairing, solving
from poise.table.binding import bind
from poise.table.ground import Ground, as_plan
from poise.table.landmarks import landmarks_after, landmarks_before
from poise.table.limits import Limit, Party, relaxed
from poise.table.pricing import price_curve, price_sheet
from poise.table.reasons import Asked, why_not
from poise.table.repairing import repair_sheet
from poise.table.replanning import replan
from poise.table.solving import Costs, Effort, costs_of
from poise.table.trading import (
    ALIKE,
    LEAST_GAIN,
    SAME_WORTH,
    Importance,
    find_trades,
    post_settlement,
    valued,
)
from table.cases import NOW, AllKept, random_limits, small_ground

QUICK = Effort(seconds=20.0, threads=1)


def least(every: AllKept, names: set[str], operations: float) -> float:
    ok = every.meets(names) & (every.operations <= operations + 1e-9)
    return float(every.security[ok].min(initial=math.inf))


@pytest.mark.parametrize(
    ("seed", "exact_choices"),
    [*((seed, EXACT_CHOICES) for seed in range(25)), *((seed, 0) for seed in range(12))],
)
def test_price_intervals_contain_the_exact_prices(
    seed: int, exact_choices: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Alone, last and together at equal disruption, from all plans of a small company; solved either way."""
    monkeypatch.setattr(solving, "EXACT_CHOICES", exact_choices)
    ground = small_ground(seed)
    limits = random_limits(ground, seed)
    every = AllKept(ground, limits)
    place = int(np.random.default_rng(seed).integers(0, len(every.window)))
    at = Costs(float(every.security[place]), float(every.operations[place]))
    sheet = price_sheet(ground, limits, Plan(every.window[place]), at, shares=True, effort=QUICK)
    names = {limit.id for limit in limits}
    whole = least(every, names, at.operations)
    for priced in sheet.limits:
        without = least(every, names - {priced.limit.id}, at.operations)
        price = priced.exposure.alone
        if math.isinf(whole):
            assert price.is_impossible == math.isfinite(without)
        else:
            assert price.low - 1e-6 <= whole - without <= price.high + 1e-6
        alone = least(every, {priced.limit.id}, at.operations) - least(every, set(), at.operations)
        if math.isfinite(alone):
            assert priced.exposure.last.low - 1e-6 <= alone <= priced.exposure.last.high + 1e-6
        trimmed = priced.trimmed
        if trimmed is not None and math.isfinite(whole) and not math.isnan(trimmed.low):
            assert trimmed.low <= price.high + 1e-6
            assert trimmed.best <= price.best + 1e-6


def test_a_curve_follows_the_frontier() -> None:
    """A price is quoted at several disruptions; each contains the exact one."""
    for seed in range(6):
        ground = small_ground(seed)
        limits = random_limits(ground, seed, count=2)
        every = AllKept(ground, limits)
        at = Costs(float(np.median(every.security)), float(np.median(every.operations)))
        for point in price_curve(ground, limits, "l0", Plan(every.window[0]), at, QUICK):
            whole = least(every, {"l0", "l1"}, point.disruption)
            without = least(every, {"l1"}, point.disruption)
            if math.isfinite(whole):
                assert point.price.low - 1e-6 <= whole - without <= point.price.high + 1e-6
            else:
                assert point.price.is_impossible == math.isfinite(without)


@pytest.mark.parametrize("exact_choices", [EXACT_CHOICES, 0], ids=["small", "as of larger companies"])
def test_repairs_are_feasible_and_their_amounts_minimal(
    exact_choices: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sets as brute force finds them; one step less of any give, and no plan is left."""
    monkeypatch.setattr(repairing, "EXACT_CHOICES", exact_choices)
    worked = 0
    for seed in range(60):
        ground = small_ground(seed)
        limits = random_limits(ground, seed, count=4)
        every = AllKept(ground, limits)
        names = {limit.id for limit in limits}
        sheet = repair_sheet(ground, limits, Plan(every.window[0]), most=20, effort=QUICK)
        assert sheet.is_needed == (not every.meets(names).any())
        if not sheet.is_needed:
            continue
        assert sheet.is_complete
        sets = {frozenset(give.limit.id for give in repair.gives) for repair in sheet.repairs}
        works = [
            frozenset(part)
            for size in range(len(names) + 1)
            for part in combinations(sorted(names), size)
            if every.meets(names - set(part)).any()
        ]
        assert sets == {part for part in works if not any(other < part for other in works)}
        for repair in sheet.repairs:
            gone = {give.limit.id for give in repair.gives}
            rest = [limit for limit in limits if limit.id not in gone]
            after = [give.after for give in repair.gives if give.after is not None]
            assert evaluate(bind(ground, [*rest, *after]).problem, repair.plan).is_feasible
            for give in repair.gives:
                assert give.is_least
                if give.after is None or give.limit.rule in ("deadline", "freeze"):
                    continue
                step = (relaxed(give.limit, 1).amount or 0.0) - (give.limit.amount or 0.0)  # type: ignore[union-attr]
                less = msgspec.structs.replace(give.after, amount=(give.after.amount or 0.0) - step)
                others = [one for one in after if one is not give.after]
                problem = bind(ground, [*rest, *others, less]).problem
                assert not any(evaluate(problem, Plan(window)).is_feasible for window in every.window)
            worked += 1
    assert worked > 10


@pytest.mark.parametrize("seed", range(20))
def test_landmarks_equal_brute_force(seed: int) -> None:
    """Nash and Kalai-Smorodinsky before and after limits, over every plan of a small company."""
    ground = small_ground(seed)
    limits = random_limits(ground, seed, count=2)
    every = AllKept(ground, limits)
    default = costs_of(ground.problem, ground.default_plan)
    before = landmarks_before(ground, ground.default_plan)
    cases = [(before, np.ones(len(every.window), dtype=bool))]
    allowed = every.meets({limit.id for limit in limits})
    if allowed.any():
        cases.append((landmarks_after(ground, limits, before, ground.default_plan, QUICK), allowed))
    else:
        with pytest.raises(NoFeasiblePlanError):
            landmarks_after(ground, limits, before, ground.default_plan, QUICK)
    for seen, ok in cases:
        stakes = [
            Stakes(float(s), float(d)) for s, d in zip(every.security[ok], every.operations[ok], strict=True)
        ]
        stakes.append(Stakes(default.security, default.operations))
        true = bargain(stakes, stakes[-1])
        for key, place in (("nash", true.nash[0]), ("kalai-smorodinsky", true.kalai_smorodinsky[0])):
            found = seen.point(key).costs
            if key == "nash":
                products = [
                    (default.security - one.security) * (default.operations - one.operations)
                    for one in (Costs(stakes[place].security, stakes[place].operations), found)
                ]
                assert products[1] == pytest.approx(products[0], rel=1e-3, abs=1e-3)
            elif not np.isnan([true.share_security[place], true.share_operations[place]]).any():
                shares = sorted((true.share_security[place], true.share_operations[place]))
                own = sorted((seen.point(key).share_security or 0.0, seen.point(key).share_operations or 0.0))
                assert own[0] == pytest.approx(shares[0], abs=2e-3)


def test_landmarks_of_larger_companies_keep_limits_and_what_they_certify(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The trace takes over where exact solves would take too long: no plan is fairer than it certifies."""
    monkeypatch.setattr(landmarks, "EXACT_CHOICES", 0)
    judged = 0
    for seed in range(20):
        ground = small_ground(seed)
        limits = random_limits(ground, seed, count=2)
        every = AllKept(ground, limits)
        ok = every.meets({limit.id for limit in limits})
        before = landmarks_before(ground, ground.default_plan)
        if not ok.any():
            with pytest.raises(NoFeasiblePlanError):
                landmarks_after(ground, limits, before, ground.default_plan, QUICK)
            continue
        seen = landmarks_after(ground, limits, before, ground.default_plan, QUICK)
        default = costs_of(ground.problem, ground.default_plan)
        for point in seen.points:
            own = point.plan.window
            is_default = bool((own == ground.default_plan.window).all())
            assert is_default or (every.window[ok] == own).all(axis=1).any()
        fair = seen.point("kalai-smorodinsky")
        if seen.certificate is None or fair.share_security is None or fair.share_operations is None:
            continue
        spans = [
            (worst - own) / share
            for worst, own, share in (
                (default.security, fair.costs.security, fair.share_security),
                (default.operations, fair.costs.operations, fair.share_operations),
            )
            if share > 1e-9
        ]
        if len(spans) < 2:
            continue
        shares = np.minimum(
            (default.security - every.security) / spans[0], (default.operations - every.operations) / spans[1]
        )
        assert float(shares[ok].max()) <= seen.certificate.largest_smaller_share + 1e-3
        judged += 1
    assert judged > 2


def test_a_stopped_computation_of_landmarks_ends_with_its_own_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """The longest single job at a table can be ended too."""
    monkeypatch.setattr(landmarks, "EXACT_CHOICES", 0)
    ground = small_ground(4)
    before = landmarks_before(ground, ground.default_plan)
    limits = [Limit(id="rest", party="operations", rule="weekends", amount=9.0)]
    effort = Effort(seconds=20.0, threads=1, stop=lambda: True)
    with pytest.raises(TableError, match="E559"):
        landmarks_after(ground, limits, before, ground.default_plan, effort)


def test_rescaling_an_axis_moves_no_landmark_of_a_plan() -> None:
    """From reports to landmarks, not only among given points: money of either side may be in any unit."""
    for seed in range(12):
        ground = small_ground(seed)
        limits = random_limits(ground, seed, count=1)
        if limits[0].rule == "exposure" or not AllKept(ground, limits).meets({"l0"}).any():
            continue
        arrays = ground.problem_arrays.arrays
        costs = ("slot_cost", "change_cost", "early_cost", "deferral_cost_per_day")
        for names, factor in ((costs, 4.0), (("exposure_per_day", "late_cost"), 0.25)):
            scaled = msgspec.structs.replace(
                ground,
                problem_arrays=msgspec.structs.replace(
                    ground.problem_arrays,
                    arrays={
                        name: [factor * one for one in values] if name in names else values
                        for name, values in arrays.items()
                    },
                ),
            )
            points = []
            for one in (ground, scaled):
                before = landmarks_before(one, one.default_plan)
                after = landmarks_after(one, limits, before, one.default_plan, QUICK)
                points.append(
                    [
                        (point.share_security, point.share_operations)
                        for found in (before, after)
                        for point in (found.point("nash"), found.point("kalai-smorodinsky"))
                    ]
                )
            for first, second in zip(*points, strict=True):
                if None in first:
                    assert second == first
                else:
                    assert second == pytest.approx(first, rel=1e-6, abs=1e-6)


def test_a_limit_that_does_not_bind_leaves_the_points_before_alone() -> None:
    """Whoever posts a limit moves the points after limits at most, never those before."""
    ground = small_ground(3)
    before = landmarks_before(ground, ground.default_plan)
    limits = random_limits(ground, 3)
    again = landmarks_before(ground, ground.default_plan)
    assert [point.costs for point in before.points] == [point.costs for point in again.points]
    loose = [limit for limit in limits if AllKept(ground, (limit,)).meets({limit.id}).all()]
    after = landmarks_after(ground, loose, before, ground.default_plan, QUICK)
    assert after.point("nash").costs == pytest.approx(before.point("nash").costs)


IMPORTANCE = Importance({"shop": 0.2, "erp": 5.0}, {"shop": 5.0, "wiki": 0.1})


def draft_of(seed: int) -> tuple[Ground, AllKept, Plan]:
    """Return a company, all its plans, and a draft: on the frontier, or off it."""
    ground = small_ground(seed)
    every = AllKept(ground, ())
    if seed % 2:
        return ground, every, Plan(every.window[np.random.default_rng(seed).integers(0, len(every.window))])
    return ground, every, as_plan(ground.plans[len(ground.plans) // 2].windows)


def test_trades_gain_for_both_and_warn_for_the_company() -> None:
    """Both sides' own measure falls; a company total that grows is told; the first is proven the smallest."""
    found = warned = 0
    for seed in range(60):
        ground, every, draft = draft_of(seed)
        own_costs = valued(ground, ground.problem, IMPORTANCE)
        own = costs_of(own_costs, draft)
        trades = find_trades(ground, (), draft, IMPORTANCE, effort=QUICK)
        if own.security > 0 and own.operations > 0:
            fewest = math.inf
            for window in every.window:
                costs = costs_of(own_costs, Plan(window))
                if costs.security <= own.security * 0.998 and costs.operations <= own.operations * 0.998:
                    fewest = min(fewest, int((window != draft.window).sum()))
            assert (len(trades[0].moved) if trades else math.inf) <= fewest
        for trade in trades[:1]:
            assert trade.is_smallest
        for trade in trades:
            after = costs_of(own_costs, trade.plan)
            assert after.security < own.security + 1e-9
            assert after.operations < own.operations + 1e-9
            true = costs_of(ground.problem, trade.plan)
            before = costs_of(ground.problem, draft)
            worsens = true.security > before.security * (1 + 1e-6) or true.operations > before.operations * (
                1 + 1e-6
            )
            assert worsens == bool(trade.warnings)
            found += 1
            warned += worsens
    assert found > 5
    assert warned > 0


@pytest.mark.parametrize("proposer", ["operations", "security"])
def test_alternatives_are_worth_the_same_to_the_proposer(proposer: Party) -> None:
    """Whoever offers three lets the other choose: none may cost the proposer more than the first."""
    several = 0
    for seed in range(40):
        ground = small_ground(seed)
        every = AllKept(ground, ())
        worst = every.security / max(1e-9, every.security.max()) + every.operations / max(
            1e-9, every.operations.max()
        )
        draft = Plan(every.window[int(np.argmax(worst))])  # many bundles better this one
        trades = find_trades(ground, (), draft, ALIKE, proposer=proposer, effort=QUICK)
        gains = [trade.gain_security if proposer == "security" else trade.gain_operations for trade in trades]
        moved = [set(trade.moved.tolist()) for trade in trades]
        for gain in gains:
            assert gain == pytest.approx(gains[0], rel=SAME_WORTH + 1e-3, abs=LEAST_GAIN + 1e-6)
        assert not any(first & second for first, second in combinations(moved, 2))
        several += len(trades) > 1
    assert several > 0


def test_a_settlement_on_the_frontier_cannot_be_bettered() -> None:
    """From a Pareto-best plan no plan is better for both; from one off the frontier the search finds one."""
    ground = small_ground(1)
    every = AllKept(ground, ())
    signed = as_plan(ground.plans[len(ground.plans) // 2].windows)
    assert post_settlement(ground, (), signed, effort=QUICK) is None
    for place in range(len(every.window)):
        better = (every.security < 0.9 * every.security[place]) & (
            every.operations < 0.9 * every.operations[place]
        )
        if better.any():
            trade = post_settlement(ground, (), Plan(every.window[place]), effort=QUICK)
            assert trade is not None
            assert not trade.warnings
            break


@pytest.mark.parametrize("exact_choices", [EXACT_CHOICES, 0], ids=["small", "as of larger companies"])
@pytest.mark.parametrize("side", ["earlier", "later", "between"])
def test_reasons_prove_what_the_wish_costs(
    side: str, exact_choices: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both intervals hold the exact difference over all plans; None and the sentence claim what is true."""
    monkeypatch.setattr(reasons, "solve_within", partial(solve_within, exact_choices=exact_choices))
    told = [0, 0]
    impossible = 0
    for seed in range(40):
        ground = small_ground(seed)
        if not ground.problem.num_changes or not len(ground.windows):
            continue
        limits = random_limits(ground, seed, count=1)
        every = AllKept(ground, limits)
        ok = every.meets({limits[0].id})
        if not ok.any():
            continue
        place = int(np.flatnonzero(ok)[0])
        ends = np.append(ground.problem.window_end_days, math.inf)[every.window[:, 0]]
        starts = np.append(ground.problem.window_start_days, math.inf)[every.window[:, 0]]
        middle = ground.windows[len(ground.windows) // 2]
        asked = {
            "earlier": Asked("c0", before=ground.windows[0].end),
            "later": Asked("c0", after=ground.windows[-1].start),
            "between": Asked("c0", middle.start, middle.end),
        }[side]
        wish = ok & (every.window[:, 0] >= 0)
        if asked.before is not None:
            wish &= ends <= ground.days(asked.before) + 1e-9
        if asked.after is not None:
            wish &= starts >= ground.days(asked.after) - 1e-9
        reason = why_not(ground, limits, Plan(every.window[place]), asked, QUICK)
        own = (every.security, every.operations)
        for number, outcome in enumerate((reason.at_equal_disruption, reason.at_equal_exposure)):
            within = own[1 - number] <= own[1 - number][place] + 1e-9
            if outcome is None or reason.is_ruled_out[number]:
                assert outcome is None
                assert not (wish & within).any()
                continue
            exact = float(own[number][wish & within].min() - own[number][ok & within].min())
            assert outcome.extra.low - 1e-6 <= exact <= outcome.extra.high + 1e-6
            if exact_choices:
                assert outcome.extra.best == pytest.approx(exact, rel=1e-4, abs=1e-3)
            told[number] += 1
        if not wish.any():
            assert (reason.at_equal_disruption, reason.at_equal_exposure) == (None, None)
            assert "no" in reason.sentence
            impossible += 1
        assert not (reason.is_impossible and wish.any())
    assert min(told) >= (3 if side != "later" else 1)
    assert impossible > 3


def test_a_replan_moves_few_and_never_what_is_done() -> None:
    """Moves stay within each budget, executed changes stay, and the whole re-plan is the best of all."""
    for seed in range(20):
        ground = small_ground(seed)
        every = AllKept(ground, ())
        place = int(np.random.default_rng(seed).integers(0, len(every.window)))
        signed = Plan(every.window[place])
        executed = np.flatnonzero(signed.window == 0)
        announced = np.flatnonzero(signed.window >= 0)
        found = replan(ground, (), signed, announced=announced, executed=executed, effort=QUICK)
        amount = np.where(np.isin(np.arange(len(signed.window)), announced), 3, 1)
        for way in found.ways:
            assert not set(way.moved) & set(executed)
            assert evaluate(ground.problem, way.plan).is_feasible
            if way.budget is not None:
                assert amount[way.moved].sum() <= way.budget
        stays = (every.window[:, executed] == signed.window[executed]).all(axis=1)
        best = float((every.security + every.operations)[stays].min())
        whole = found.ways[-1].costs
        assert whole.security + whole.operations == pytest.approx(best, rel=1e-4, abs=1e-3)


def test_a_stopped_computation_ends_with_its_own_fault() -> None:
    """Whoever runs long computations in the background can end them between two solves."""
    ground = small_ground(4)
    limits = random_limits(ground, 4)
    plan = as_plan(ground.plans[-1].windows)
    at = costs_of(ground.problem, plan)
    asked: list[int] = []

    def stop() -> bool:
        asked.append(1)
        return len(asked) > 2

    with pytest.raises(TableError, match="E559"):
        price_sheet(ground, limits, plan, at, effort=Effort(seconds=20.0, threads=1, stop=stop))
    assert len(asked) <= 3 + len(limits)  # those that were handed out already


@pytest.mark.parametrize("exact_choices", [EXACT_CHOICES, 0], ids=["small", "as of larger companies"])
def test_fair_points_and_reasons_tell_how_far_they_are(
    exact_choices: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever waits for minutes sees what is looked for, and that it goes on."""
    monkeypatch.setattr(landmarks, "EXACT_CHOICES", exact_choices)
    ground = small_ground(4)
    limits = (Limit(id="calm", party="operations", rule="weekends", amount=50.0),)
    told: list[tuple[int, int, str]] = []

    def progress(done: int, total: int, text: str) -> None:
        told.append((done, total, text))

    found = landmarks_after(
        ground, limits, landmarks_before(ground, ground.default_plan), ground.default_plan, QUICK, progress
    )
    plan, first = found.point("kalai-smorodinsky").plan, len(told)
    why_not(ground, limits, plan, Asked("c0", before=NOW + timedelta(days=9)), QUICK, progress)
    for part in (told[:first], told[first:]):
        assert part
        assert [done for done, _, _ in part] == sorted(done for done, _, _ in part)
        assert all(done < total and text for done, total, text in part)
    assert first == 1 if exact_choices else first > 4


def test_progress_of_prices_never_goes_back() -> None:
    """A bar that is told of every solve grows to its end and not beyond."""
    ground = small_ground(4)
    limits = random_limits(ground, 4)
    plan = as_plan(ground.plans[-1].windows)
    at = costs_of(ground.problem, plan)
    told: list[tuple[int, int]] = []

    def progress(done: int, total: int, text: str) -> None:
        del text
        told.append((done, total))

    price_sheet(ground, limits, plan, at, effort=QUICK, progress=progress)
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert all(done <= total for done, total in told)
    assert len(told) > len(limits)
