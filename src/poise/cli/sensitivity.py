"""``poise sensitivity``: which unknown input decides between two plans, and what would have to be true."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from poise.cli.plan import count

if TYPE_CHECKING:
    from poise.risk.simulation.model import RiskModel
    from poise.risk.simulation.sensitivity import Bar, Threshold, UnknownInput


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``poise sensitivity`` to the command line."""
    parser = subparsers.add_parser(
        "sensitivity",
        help="which unknown input decides, and what would have to be true for another plan to be better",
        description="Moves one unknown input at a time along its 90 % range and says what that does "
        "to a plan's "
        "advantage in both sides' total cost; then looks for the value at which the other plan is better.",
    )
    parser.add_argument("plan", metavar="OUT", help="folder that poise plan wrote, or its risk.json")
    parser.add_argument(
        "--of", default="kalai-smorodinsky", metavar="KEY", help="the plan (kalai-smorodinsky)"
    )
    parser.add_argument("--against", default="default", metavar="KEY", help="the other plan (default)")
    parser.add_argument(
        "--knowledge", type=count, default=400, metavar="N", help="draws for the share near the best (400)"
    )
    parser.add_argument("--svg", metavar="FILE", help="write the tornado as a picture")
    parser.add_argument("--json", action="store_true", help="print everything as JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run ``poise sensitivity``."""
    from poise.cli.simulate import risk_file
    from poise.errors import Fault, InputError
    from poise.risk.simulation.knowledge import Ranges
    from poise.risk.simulation.sensitivity import thresholds, tornado
    from poise.risk.simulation.simulate import simulate
    from poise.risk.simulation.storage import read_model

    model = read_model(risk_file(arguments.plan))
    for option, key in (("--of", arguments.of), ("--against", arguments.against)):
        if key not in model.plans.keys:
            message = f"There is no plan {key!r}; expected one of {', '.join(model.plans.keys)}."
            raise InputError(Fault("E582", option, message))
    if arguments.of == arguments.against:
        message = f"Both name {arguments.of!r}: a plan costs as much as itself, whatever is true."
        raise InputError(Fault("E582", "--of, --against", message, "Name two plans."))
    ranges = Ranges()
    plan, rival = model.index(arguments.of), model.index(arguments.against)
    bars = tornado(model, ranges, plan, rival)
    needed = thresholds(model, ranges, plan, rival)
    share = float(simulate(model, knowledge_draws=arguments.knowledge, inner_draws=1).near_best()[plan])
    if arguments.svg:
        from poise.evidence.pictures import tornado_svg
        from poise.report.outputs import replace_file

        replace_file(Path(arguments.svg), tornado_svg(model, bars, plan, rival).encode())
    if arguments.json:
        document = {
            "company": model.company,
            "currency": model.currency,
            "seed": model.seed,
            "of": arguments.of,
            "against": arguments.against,
            "near_best_share": share,
            "tornado": [_bar(bar) for bar in bars],
            "needed": [_needed(one) for one in needed],
        }
        json.dump(document, sys.stdout, indent=1)
        print()
    else:
        _show(model, bars, needed, share, (plan, rival))
    return 0


def _input(one: UnknownInput) -> dict[str, str]:
    return {"input": one.key, "label": one.label, "unit": one.unit}


def _bar(bar: Bar) -> dict[str, object]:
    ends = {"value": bar.value, "expected_loss": bar.loss, "advantage": bar.advantage}
    return _input(bar.input) | ends | {"flips": bar.flips}


def _needed(one: Threshold) -> dict[str, object]:
    return _input(one.input) | {"value": one.value, "is_within_range": one.is_within}


def _show(
    model: RiskModel, bars: list[Bar], needed: list[Threshold], share: float, pair: tuple[int, int]
) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    from poise.cli.tables import money

    plan, rival = (model.plans.labels[number] for number in pair)
    table = Table(
        title=f"How much less {plan} costs both sides than {rival}, in {model.currency}",
        title_justify="left",
        caption="Each input at the ends of its 90 % range, the others as planned. Below zero the "
        "other plan is better.",
        caption_justify="left",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    table.add_column("input")
    for heading in ("from", "to", "advantage at from", "at to"):
        table.add_column(heading, justify="right")
    for bar in bars[:12]:
        table.add_row(
            bar.input.label,
            *(worded(bar.input, value) for value in bar.value),
            *(money(value) for value in bar.advantage),
        )
    console = Console()
    console.print(table)
    console.print(f"{plan} is within 5 % of the best plan in {share:.0%} of what nobody knows exactly.")
    _show_needed(console.print, needed, rival)


def _show_needed(say: object, needed: list[Threshold], rival: str) -> None:
    assert callable(say)
    reached = [one for one in needed if one.value is not None]
    if not reached:
        say(f"No single input makes {rival} the cheaper one, however far it moves.", highlight=False)
        return
    say(f"For {rival} to be the cheaper one, one of these would have to be true:", highlight=False)
    for one in reached[:8]:
        where = "within its range" if one.is_within else "outside its range"
        say(f"  {one.input.label}: {worded(one.input, one.value or 0.0)} ({where})", highlight=False)


def worded(one: UnknownInput, value: float) -> str:
    """Return a value of an input in words: a factor as "x 2", money in thousands."""
    from poise.cli.tables import money

    if one.key.startswith("reach-") or one.unit in ("1", "1/year"):
        return f"{value:.3g}"
    return money(value) if one.unit else f"x {value:.3g}"
