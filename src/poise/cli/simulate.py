"""``poise simulate``: the plans of a run under what we do not know and under chance."""

from __future__ import annotations

import argparse
import json
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from poise.cli.plan import CLUSTER_HELP, count

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.table import Table

    from poise.risk.simulation.simulate import Simulation

#: Most possible horizons of one run; beyond it is a typing error or work for a cluster.
MAX_DRAWS = 1_000_000_000


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``poise simulate`` to the command line."""
    parser = subparsers.add_parser(
        "simulate",
        help="how far a plan's figures can be trusted: ranges, outcomes, chances",
        description="Plays the plans that poise plan wrote: an outer loop over what nobody knows, "
        "an inner one over "
        "chance, the same draws for every plan.",
    )
    parser.add_argument("plan", metavar="OUT", help="folder that poise plan wrote, or its risk.json")
    parser.add_argument(
        "--draws", type=count, default=1_000_000, metavar="N", help="possible horizons in all (1,000,000)"
    )
    parser.add_argument(
        "--knowledge", type=count, default=400, metavar="N", help="sets of unknown values (400)"
    )
    parser.add_argument("--threads", type=count, default=2, metavar="N", help="pieces at a time (2)")
    parser.add_argument("--cluster", action="store_true", help=CLUSTER_HELP)
    parser.add_argument("--json", action="store_true", help="print everything as JSON")
    parser.set_defaults(run=run)


def risk_file(named: str) -> Path:
    """Return the risk.json of a folder, or the file that was named."""
    path = Path(named)
    return path / "risk.json" if path.is_dir() else path


def run(arguments: argparse.Namespace) -> int:
    """Run ``poise simulate``."""
    from poise.cli.progress import progress_bar
    from poise.errors import Fault, InputError
    from poise.risk.simulation.simulate import simulate
    from poise.risk.simulation.storage import read_model

    if arguments.draws > MAX_DRAWS or arguments.knowledge > arguments.draws:
        message = f"is {arguments.draws:,}; expected {arguments.knowledge:,} (--knowledge) to {MAX_DRAWS:,}."
        raise InputError(Fault("E581", "--draws", message))
    model = read_model(risk_file(arguments.plan))
    with progress_bar() as progress, mapper_of(arguments.cluster) as mapper:
        simulation = simulate(
            model,
            knowledge_draws=arguments.knowledge,
            inner_draws=arguments.draws // arguments.knowledge,
            mapper=mapper,
            threads=arguments.threads,
            progress=progress,
        )
    if arguments.json:
        json.dump(as_json(simulation), sys.stdout, indent=1)
        print()
    else:
        show(simulation)
    return 0


@contextmanager
def mapper_of(is_cluster_wanted: bool) -> Iterator[Any | None]:
    """Yield what spreads the pieces over the cluster, None for threads of this process."""
    if not is_cluster_wanted:
        yield None
        return
    from poise.cluster import connect

    with connect() as cluster:
        yield cluster.executor().map


def as_json(simulation: Simulation) -> dict[str, Any]:
    """Return a simulation as plain values; see docs/simulation.md for the fields."""
    import numpy as np

    from poise.risk.simulation.simulate import DOT_LEVELS

    model, tally = simulation.model, simulation.tally
    keys = model.plans.keys
    low, high = np.quantile(simulation.loss, (0.05, 0.95), axis=0)
    hours_low, hours_high = np.quantile(simulation.unplanned_hours, (0.05, 0.95), axis=0)
    loss_error, _ = tally.mean_error()
    loss_dots, hours_dots = tally.loss_quantiles(DOT_LEVELS), tally.hours_quantiles(DOT_LEVELS)
    chances = {
        side: simulation.chance_better(getattr(simulation, side))
        for side in ("security", "operations", "total")
    }
    near = simulation.near_best()
    plans = [
        {
            "key": key,
            "label": model.plans.labels[a],
            "linear_exposure": float(simulation.linear[a]),
            "linear_error": float(simulation.linear_error[a]),
            "expected_loss_as_planned": float(simulation.as_planned.loss[a]),
            "expected_loss": float(simulation.loss[:, a].mean()),
            "expected_loss_low": float(low[a]),
            "expected_loss_high": float(high[a]),
            "simulated_loss": float(tally.loss_sum[a] / tally.draws),
            "simulated_loss_standard_error": float(loss_error[a]),
            "incident_probability": float(simulation.incident[:, a].mean()),
            "simulated_incident_probability": float(tally.hit[a] / tally.draws),
            "unplanned_hours": float(simulation.unplanned_hours[:, a].mean()),
            "unplanned_hours_low": float(hours_low[a]),
            "unplanned_hours_high": float(hours_high[a]),
            "loss_dots": [round(float(value), 2) for value in loss_dots[a]],
            "unplanned_hours_dots": [round(float(value), 3) for value in hours_dots[a]],
            "near_best_share": float(near[a]),
            "better_than": {
                other: {side: float(chances[side][a, b]) for side in chances}
                for b, other in enumerate(keys)
                if b != a
            },
        }
        for a, key in enumerate(keys)
    ]
    return {
        "company": model.company,
        "currency": model.currency,
        "horizon_days": model.horizon_days,
        "seed": model.seed,
        "draws": tally.draws,
        "knowledge_draws": len(simulation.loss),
        "plans": plans,
        "rank_changes": [[keys[a], keys[b]] for a, b in simulation.rank_changes()],
    }


def show(simulation: Simulation) -> None:
    """Print the table of plans, and what the linear sum gets wrong."""
    import numpy as np
    from rich.console import Console

    console = Console()
    console.print(plan_table(simulation))
    error = simulation.linear_error
    worst = int(np.argmax(np.abs(error)))
    labels = simulation.model.plans.labels
    console.print(
        f"The linear sum that the solver minimises is at most {abs(error[worst]):.2%} off at the same inputs "
        f"({labels[worst]}).",
        highlight=False,
    )
    changes = simulation.rank_changes()
    if not changes:
        console.print("No two plans change places when simulated.", highlight=False)
    for a, b in changes:
        console.print(f"Simulated, {labels[b]} has less expected loss than {labels[a]}.", highlight=False)


def plan_table(simulation: Simulation) -> Table:
    """Return the table of plans; it fits a terminal of 80 columns."""
    import numpy as np
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from poise.cli.tables import money, span

    model, tally = simulation.model, simulation.tally
    table = Table(
        title=f"{model.company}: {tally.draws:,} possible times of {model.horizon_days:.0f} days, "
        f"in {model.currency}",
        title_justify="left",
        caption="Expected loss, with its 5-95 % range of what nobody knows exactly; chance of at "
        "least one serious "
        "incident; hours of failed changes (5-95 %). Better: in so much of that range both sides' "
        "total cost is below "
        "the default's. Near best: within 5 % of the least.",
        caption_justify="left",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    table.add_column("plan")
    for heading in ("loss", "5-95 %", "incident", "unplanned", "better", "near best"):
        table.add_column(heading, justify="right", no_wrap=True)
    low, high = np.quantile(simulation.loss, (0.05, 0.95), axis=0)
    hours_low, hours_high = np.quantile(simulation.unplanned_hours, (0.05, 0.95), axis=0)
    keys = model.plans.keys
    default = keys.index("default") if "default" in keys else None
    better, near = simulation.chance_better(simulation.total), simulation.near_best()
    for a in range(len(keys)):
        table.add_row(
            model.plans.labels[a],
            money(simulation.loss[:, a].mean()),
            span(low[a], high[a]),
            f"{simulation.incident[:, a].mean():.2%}",
            f"{hours_low[a]:.1f}-{hours_high[a]:.1f} h",
            "-" if default in (None, a) else f"{better[a, default]:.0%}",
            f"{near[a]:.0%}",
        )
    return table
