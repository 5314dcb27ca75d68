"""``poise outcomes check``: what became of a plan."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from poise.patching.outcomes import OutcomeReview
    from poise.risk.fold import Backlog


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``poise outcomes`` to the command line."""
    parser = subparsers.add_parser("outcomes", help="what became of a plan: done, failed, still found")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    check = verbs.add_parser(
        "check",
        help="check reported outcomes against their plan and the next scan",
        description="Reads what was done (CSV or JSON), checks it against the plan and, with --scans and "
        "--estate, against a scan made afterwards. Exit code 1 when they disagree.",
    )
    check.add_argument(
        "file", metavar="FILE", help="outcomes: change, status, finished, downtime_minutes ..."
    )
    check.add_argument("--plan", required=True, metavar="PLAN_JSON", help="the plan that was carried out")
    check.add_argument("--scans", nargs="+", metavar="FILE", help="reports of the scan made afterwards")
    check.add_argument("--estate", metavar="FILE", help="estate.yaml, needed with --scans")
    check.add_argument("--json", action="store_true", help="print the result as JSON")
    check.set_defaults(run=run_check)


def run_check(arguments: argparse.Namespace) -> int:
    """Run ``poise outcomes check``."""
    from poise.cli.plan import read_plan
    from poise.patching.outcomes import read_outcomes, review

    outcomes = read_outcomes(arguments.file)
    document = read_plan(Path(arguments.plan))
    result = review(outcomes, document, _next_backlog(arguments))
    if arguments.json:
        print(json.dumps(as_dict(result), indent=1))
    else:
        _show(result)
    return 1 if result.disagreements else 0


def _next_backlog(arguments: argparse.Namespace) -> Backlog | None:
    if not arguments.scans:
        return None
    from poise.errors import Fault, InputError
    from poise.estate import load_estate
    from poise.patching.intake import take_in
    from poise.scans import read_scan

    if not arguments.estate:
        hint = "Add --estate estate.yaml."
        raise InputError(Fault("E184", "--scans", "A scan can only be mapped with its estate.", hint))
    reports = [report for path in arguments.scans for report in read_scan(path)]
    return take_in(load_estate(Path(arguments.estate)), reports).backlog


def as_dict(result: OutcomeReview) -> dict[str, object]:
    """Return a review as the JSON object that ``--json`` prints."""
    return {
        "confirmed": list(result.confirmed),
        "disagreements": [
            {
                "change": item.change,
                "group": item.group,
                "kind": item.kind,
                "vulnerabilities": list(item.vulnerabilities),
                "sentence": item.sentence,
            }
            for item in result.disagreements
        ],
        "unreported": list(result.unreported),
        "teams": {
            team: {
                "done": record.done,
                "failed": record.failed,
                "duration_factor": record.duration_factor,
                "downtime_factor": record.downtime_factor,
            }
            for team, record in result.teams.items()
        },
    }


def _show(result: OutcomeReview) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    console.print(f"{len(result.confirmed)} changes done and confirmed.", highlight=False)
    for item in result.disagreements:
        console.print(f"[bold]{item.kind}[/bold]: {item.sentence}", highlight=False)
    if result.unreported:
        console.print(f"{len(result.unreported)} planned changes have no outcome yet.", highlight=False)
    table = Table(title="Teams", title_justify="left")
    for heading in ("team", "changes", "failed", "labour against plan", "downtime against plan"):
        table.add_column(heading, justify="left" if heading == "team" else "right")
    for team, record in result.teams.items():
        table.add_row(
            team,
            str(record.done),
            str(record.failed),
            f"{record.duration_factor:.0%}",
            f"{record.downtime_factor:.0%}",
        )
    console.print(table)
    console.print(
        "poise plan --outcomes FILE PLAN_JSON lets the next plan rest on this record.",
        style="dim",
        highlight=False,
    )
