"""``poise bench companies`` and ``poise bench calibration``: what the figures are worth, besides replay."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from poise.cli.plan import count
from poise.cli.replay import add_tables, read_tables

if TYPE_CHECKING:
    from poise.evidence.made_up import Trial


def add_verbs(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verbs to ``poise bench``."""
    companies = verbs.add_parser(
        "companies",
        help="what Poise saves on made-up companies, by how CVSS follows the hazard and how wrong "
        "hazards are",
        description="Plans one decision on five kinds of made-up companies, on hazards that are "
        "believed, and judges "
        "all plans on the true ones; docs/evidence-metrics.md has the dials.",
    )
    companies.add_argument(
        "--company", nargs="+", metavar="KIND", help="kinds of companies (default: all five)"
    )
    companies.add_argument("--seeds", type=count, default=5, metavar="N", help="companies of each kind (5)")
    companies.add_argument("--json", action="store_true", help="print every trial as JSON")
    companies.set_defaults(run=run_companies)
    calibration = verbs.add_parser(
        "calibration",
        help="whether EPSS scores mean what they say, as far as KEV can tell",
        description="Compares EPSS scores with being listed in KEV within 30 days, for each EPSS "
        "version by itself.",
    )
    add_tables(calibration)
    calibration.add_argument("--svg", metavar="DIR", help="write a reliability diagram per version")
    calibration.add_argument("--json", action="store_true", help="print everything as JSON")
    calibration.set_defaults(run=run_calibration)


def run_companies(arguments: argparse.Namespace) -> int:
    """Run ``poise bench companies``."""
    from poise.cli.progress import progress_bar
    from poise.errors import Fault, InputError
    from poise.evidence.companies import KINDS
    from poise.evidence.made_up import trials

    kinds = arguments.company or KINDS
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown:
        message = f"There is no {', '.join(unknown)}; expected some of {', '.join(KINDS)}."
        raise InputError(Fault("E585", "--company", message))
    with progress_bar() as progress:
        found = list(trials(kinds, range(1, arguments.seeds + 1), progress=progress))
    if arguments.json:
        json.dump([asdict(trial) for trial in found], sys.stdout, indent=1)
        print()
    else:
        _show_companies(found)
    return 0


def _show_companies(found: list[Trial]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    from poise.evidence.deciding import RULE_KEYS

    table = Table(
        title=f"Exposure saved at equal hours against each rule, {len(found)} trials",
        title_justify="left",
        caption="Mean over companies, and the least and most of any. Correlation: of the ranks of "
        "CVSS and hazard. "
        "Error: deviation of the logarithm of the hazards that plans are made on.",
        caption_justify="left",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    for heading in ("correlation", "error", *RULE_KEYS):
        table.add_column(heading, justify="right")
    for dials in dict.fromkeys((trial.correlation, trial.error) for trial in found):
        own = [trial for trial in found if (trial.correlation, trial.error) == dials]
        cells = [_spread([trial.saved_exposure[rule] for trial in own]) for rule in RULE_KEYS]
        table.add_row(f"{dials[0]:g}", f"{dials[1]:g}", *cells)
    Console().print(table)


def _spread(values: list[float | None]) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return "-"
    return f"{sum(known) / len(known):.0%} ({min(known):.0%} to {max(known):.0%})"


def run_calibration(arguments: argparse.Namespace) -> int:
    """Run ``poise bench calibration``."""
    from pathlib import Path

    from poise.cli.progress import progress_bar
    from poise.errors import EvidenceError, Fault
    from poise.evidence.labels import kev_reliability
    from poise.evidence.pictures import reliability_svg
    from poise.report.outputs import replace_file

    with progress_bar() as progress:
        world = read_tables(arguments, progress)
    found = list(kev_reliability(world, arguments.first, arguments.last))
    if not found:
        message = "No forecast of these days is 30 days old: its label is not known yet."
        raise EvidenceError(Fault("E584", "--from, --to", message, "Name more days."))
    for number, one in enumerate(found, start=1):
        if arguments.svg:
            folder = Path(arguments.svg)
            folder.mkdir(parents=True, exist_ok=True)
            share = one.count / one.count.sum()
            picture = reliability_svg(
                one.title,
                list(zip(one.forecast.tolist(), one.recalibrated.tolist(), strict=True)),
                list(zip(one.forecast.tolist(), share.tolist(), strict=True)),
                is_rare=one.base_rate < 0.01,
            )
            replace_file(folder / f"reliability-{number}.svg", picture.encode())
    if arguments.json:
        json.dump([_plain(one) for one in found], sys.stdout, indent=1)
        print()
        return 0
    for one in found:
        print(one.title)
        print(
            f"  mean forecast {(one.forecast @ one.count) / one.count.sum():.3%}, came true "
            f"{one.base_rate:.3%}"
        )
        print(
            f"  Brier score {one.brier:.3g} = miscalibration {one.miscalibration:.3g} - discrimination "
            f"{one.discrimination:.3g} + uncertainty {one.uncertainty:.3g}"
        )
    return 0


def _plain(one: Any) -> dict[str, Any]:
    return {
        name: value.tolist() if hasattr(value, "tolist") else value for name, value in asdict(one).items()
    }
