"""Both loops: against the closed form, the same wherever pieces run, and fair between plans."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from poise.risk.simulation.expectation import expect
from poise.risk.simulation.knowledge import Ranges, draw
from poise.risk.simulation.outcomes import _successes, play
from poise.risk.simulation.simulate import DOT_LEVELS, Piece, Task, run_piece, simulate
from risk.simulation.worlds import HORIZON, model


@pytest.mark.parametrize("rate", [0.02, 1.0])
@pytest.mark.parametrize("seed", range(3))
def test_chance_averages_to_the_closed_form(seed: int, rate: float) -> None:
    """Simulated and computed means agree within four standard errors, rare events and common ones."""
    world = model(seed, rate=rate)
    for number in range(2):
        knowledge = draw(world, Ranges(), number)
        found, expected = play(world, knowledge, number, 60_000), expect(world, knowledge)
        for values, mean in (
            (found.loss, expected.loss),
            (found.incidents > 0, expected.incident),
            (found.unplanned_hours, expected.unplanned_hours),
        ):
            error = np.maximum(values.std(axis=1), 1e-12) / np.sqrt(values.shape[1])
            assert np.all(np.abs(values.mean(axis=1) - mean) <= 4 * error)


def test_one_plan_twice_is_one_plan() -> None:
    """Common random numbers: plans that do the same have the same outcome in every draw, not on average."""
    world = model(4)
    plans = world.plans
    doubled = replace(
        world,
        plans=replace(
            plans,
            open_days=np.repeat(plans.open_days[:1], 3, axis=0),
            is_done=np.repeat(plans.is_done[:1], 3, axis=0),
        ),
    )
    found = play(doubled, draw(doubled, Ranges(), 0), 0, 5_000)
    assert found.loss.any()
    assert np.array_equal(found.loss[0], found.loss[1])
    assert np.array_equal(found.unplanned_hours[0], found.unplanned_hours[2])


def test_a_plan_that_is_earlier_everywhere_never_loses_more() -> None:
    """Paired draws: in no possible world does patching earlier cost more loss."""
    world = model(5)
    open_days = np.stack([world.plans.open_days[0] * share for share in (1.0, 0.6, 0.0)])
    found = play(
        replace(world, plans=replace(world.plans, open_days=open_days)), draw(world, Ranges(), 1), 1, 20_000
    )
    assert np.all(found.loss[1] <= found.loss[0])
    assert not found.loss[2].any()


def test_what_is_never_done_never_fails() -> None:
    """A plan that does nothing has no unplanned hours, and every loss that chance offers."""
    world = model(6)
    nothing = replace(
        world.plans,
        open_days=np.full_like(world.plans.open_days, HORIZON),
        is_done=world.plans.is_done & False,
    )
    found = play(replace(world, plans=nothing), draw(world, Ranges(), 2), 2, 2_000)
    assert not found.unplanned_hours.any()
    assert np.array_equal(found.loss[0], found.loss[1])


def elsewhere(run: Callable[[Task], Piece], tasks: Sequence[Task]) -> Iterator[Piece]:
    """Run pieces in other processes, the last first."""
    with ProcessPoolExecutor(2) as pool:
        futures = [pool.submit(run, task) for task in reversed(tasks)]
        yield from (future.result() for future in reversed(futures))


def test_the_result_does_not_depend_on_where_pieces_run() -> None:
    """One thread, two threads or other processes: the same bytes, because seeds belong to draws."""
    world = model(7)
    runs = [
        simulate(world, knowledge_draws=20, inner_draws=200, threads=1),
        simulate(world, knowledge_draws=20, inner_draws=200, threads=2),
        simulate(world, knowledge_draws=20, inner_draws=200, mapper=elsewhere),
    ]
    for other in runs[1:]:
        for name in ("loss", "incident", "unplanned_hours", "security", "operations"):
            assert getattr(other, name).tobytes() == getattr(runs[0], name).tobytes()
        assert other.tally.loss_sum.tobytes() == runs[0].tally.loss_sum.tobytes()
        assert np.array_equal(other.tally.hours_counts, runs[0].tally.hours_counts)


def test_more_draws_keep_the_first_ones() -> None:
    """A larger run goes on where a smaller one stopped."""
    world = model(8)
    few = simulate(world, knowledge_draws=6, inner_draws=50)
    many = simulate(world, knowledge_draws=12, inner_draws=50)
    assert np.array_equal(few.loss, many.loss[:6])


def test_quantiles_are_within_a_percent() -> None:
    """Outcomes are kept as counts; what is read off them must still be right."""
    world = model(9)
    piece = run_piece(Task(world, Ranges(), (0, 1, 2), 4_000))
    raw = np.concatenate([play(world, draw(world, Ranges(), n), n, 4_000).loss for n in (0, 1, 2)], axis=1)
    exact = np.quantile(raw, DOT_LEVELS, axis=1, method="inverted_cdf").T
    assert piece.tally.loss_quantiles(DOT_LEVELS) == pytest.approx(exact, rel=0.011)
    assert piece.tally.loss_sum == pytest.approx(raw.sum(axis=1), rel=1e-12)


def test_chances_of_two_plans_add_up() -> None:
    """A beats B, B beats A, or they tie: nothing else, and never more than everything."""
    found = simulate(model(10), knowledge_draws=50, inner_draws=10)
    better = found.chance_better(found.total)
    assert np.all(better + better.T <= 1 + 1e-12)
    assert not np.diag(better).any()
    assert found.near_best().max() > 0


@pytest.mark.parametrize("probability", [0.001, 0.3, 0.97, 1.0])
def test_skipping_from_success_to_success_is_fair(probability: float) -> None:
    """The trick that makes failures cheap must not bend their frequency, at either end."""
    rng = np.random.default_rng(11)
    cells = 200_000
    found = _successes(rng, probability, cells)
    assert len(np.unique(found)) == len(found)
    error = np.sqrt(cells * probability * (1 - probability))
    assert abs(len(found) - cells * probability) <= 4 * error
    halves = np.bincount(found * 2 // cells, minlength=2)
    assert abs(int(halves[0]) - int(halves[1])) <= 4 * max(error, 1e-9) * np.sqrt(2)
