"""``poise replay``: ways of deciding on real history, without look-ahead."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from poise.cli.plan import CLUSTER_HELP, seed

if TYPE_CHECKING:
    from poise.evidence.companies import Company
    from poise.evidence.deciding import Decide
    from poise.evidence.world import World


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``poise replay`` to the command line."""
    parser = subparsers.add_parser(
        "replay",
        help="what Poise and the rules people use would have done with the real EPSS and KEV of "
        "each past week",
        description="Every week each way of deciding plans on what was known that day, the same "
        "teams and windows on the "
        "same made-up company; then a week of real history happens. docs/evidence-metrics.md says "
        "what is counted.",
    )
    add_tables(parser)
    parser.add_argument("--company", nargs="+", metavar="KIND", help="kinds of companies (default: all five)")
    parser.add_argument("--ways", nargs="+", metavar="KEY", help="ways of deciding (default: all)")
    parser.add_argument("--seed", type=seed, default=1, metavar="N", help="of the companies (1)")
    parser.add_argument("--cluster", action="store_true", help=CLUSTER_HELP)
    parser.add_argument("--json", action="store_true", help="print everything as JSON, week by week")
    parser.set_defaults(run=run)


def add_tables(parser: argparse.ArgumentParser) -> None:
    """Add the options that name tables of evidence and days, for every command that reads history."""
    parser.add_argument(
        "--epss",
        nargs="+",
        required=True,
        metavar="FILE",
        help="EPSS: tables by day (Parquet), daily files (CSV)",
    )
    parser.add_argument("--kev", required=True, metavar="FILE", help="KEV catalogue, JSON or CSV")
    parser.add_argument("--history", metavar="FILE", help="changes of the KEV catalogue by day (CSV)")
    parser.add_argument("--ssvc", metavar="FILE", help="CVSS and SSVC: a table of Vulnrichment (Parquet)")
    parser.add_argument(
        "--from", dest="first", type=day, required=True, metavar="DAY", help="first day of planning"
    )
    parser.add_argument(
        "--to", dest="last", type=day, required=True, metavar="DAY", help="last day of history"
    )
    parser.add_argument(
        "--cvss-correlation", type=float, metavar="R", help="of ranks of drawn CVSS and EPSS scores (0.3)"
    )


def day(text: str) -> date:
    """Parse a day of the command line, 2000 to 2200."""
    try:
        value = date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no day such as 2025-01-06") from error
    if not 2000 <= value.year <= 2200:
        raise argparse.ArgumentTypeError(f"{text!r} is not between the years 2000 and 2200")
    return value


def run(arguments: argparse.Namespace) -> int:
    """Run ``poise replay``."""
    from poise.cli.progress import progress_bar
    from poise.cli.simulate import mapper_of
    from poise.errors import EvidenceError, Fault
    from poise.evidence.replay import replay
    from poise.evidence.summary import summarise

    companies, ways = _chosen(arguments)
    with progress_bar() as progress:
        world = read_tables(arguments, progress)
        first, last, cut = world.span(arguments.first, arguments.last)
        if (last - first).days < 6:
            message = (
                f"The tables tell less than a week of these days: EPSS from {first} on, EPSS and KEV "
                f"together until {last} (the catalogue is of {world.kev.released})."
            )
            hint = "Name tables of the same days, or other days."
            raise EvidenceError(Fault("E584", "--from, --to", message, hint))
        with mapper_of(arguments.cluster) as mapper:
            found = replay(world, companies, ways, first=first, last=last, mapper=mapper, progress=progress)
    document = summarise(world, found, first=first, last=last)
    document["notices"] += cut
    document["notices"] += history_notices(world, first)
    if arguments.json:
        json.dump(document, sys.stdout, indent=1)
        print()
    else:
        show(document)
    return 0


def history_notices(world: World, first: date) -> list[str]:
    """Return what the changes of KEV do not tell of the days replayed."""
    begins = world.kev.told_from
    if begins is None:
        return [
            "No KEV change history: entries have the fields of the catalogue given, also on days before "
            "they had."
        ]
    if begins > first:
        told = "entries that changed or were taken off earlier count as they stood then"
        return [f"The KEV change history begins on {begins}: {told}."]
    return []


def _chosen(arguments: argparse.Namespace) -> tuple[dict[str, Company], dict[str, Decide]]:
    """Return the companies and ways of deciding that were asked for.

    Raises
    ------
    InputError
        E584 or E585, with all that is wrong.
    """
    from poise.errors import Fault, InputError
    from poise.evidence.companies import KINDS, make_company
    from poise.evidence.deciding import deciders

    known, faults = deciders(), []
    if (arguments.last - arguments.first).days < 6:
        message = f"{arguments.first} to {arguments.last} is less than a week."
        faults.append(Fault("E584", "--from, --to", message))
    if (arguments.last - arguments.first).days > 366 * 20:
        faults.append(Fault("E584", "--from, --to", "The span is longer than twenty years."))
    kinds, keys = arguments.company or KINDS, arguments.ways or list(known)
    for option, given, allowed in (("--company", kinds, KINDS), ("--ways", keys, tuple(known))):
        faults += [
            Fault("E585", option, f"There is no {word!r}; expected some of {', '.join(allowed)}.")
            for word in given
            if word not in allowed
        ]
    correlation = arguments.cvss_correlation
    if correlation is not None and not -1.0 <= correlation <= 1.0:
        faults.append(Fault("E585", "--cvss-correlation", f"is {correlation}; expected -1 to 1."))
    if faults:
        raise InputError(faults)
    companies = {kind: make_company(kind, arguments.seed) for kind in dict.fromkeys(kinds)}
    return companies, {key: known[key] for key in dict.fromkeys(keys)}


def read_tables(arguments: argparse.Namespace, progress: Any) -> World:
    """Read the tables that the options name."""
    from poise.evidence.judgements import CVSS_CORRELATION, ToldJudgements, judge, read_judgements
    from poise.evidence.world import read_world
    from poise.threats.kev_history import read_kev_history

    kev = read_kev_history(Path(arguments.kev), Path(arguments.history) if arguments.history else None)
    told = read_judgements(Path(arguments.ssvc)) if arguments.ssvc else ToldJudgements.none()
    given = arguments.cvss_correlation
    correlation = CVSS_CORRELATION if given is None else given
    first = arguments.first.toordinal()
    return read_world(
        [Path(name) for name in arguments.epss],
        kev,
        lambda cves, appears, scores: judge(
            cves, scores, scores[appears <= max(first, int(appears.min()))], told, correlation
        ),
        first=arguments.first,
        last=arguments.last,
        progress=progress,
    )


def show(document: dict[str, Any]) -> None:
    """Print, per company, what each way of deciding led to."""
    from rich.console import Console

    console = Console()
    for company in document["companies"].values():
        console.print(_table(company, document))
    for version in document["epss_versions"]:
        console.print(f"EPSS {version['name']} from {version['from']}.", highlight=False)
    console.print(f"CVSS scores that no table tells, and so are drawn: {document['drawn_cvss_share']:.0%}.")
    for notice in document["notices"]:
        console.print(f"[bold]Note:[/bold] {notice}", highlight=False)


def _table(company: dict[str, Any], document: dict[str, Any]) -> Any:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    span = company["spans"]["all"]
    table = Table(
        title=f"{company['label']}, {company['hosts']:,} hosts: {span['weeks']} weeks from "
        f"{document['from']}",
        title_justify="left",
        caption="Days that an asset carries an open vulnerability while KEV lists it; deadlines "
        "missed; hours of downtime "
        "and labour; emergency visits; announced visits that moved. Saved: KEV-exposed days that "
        "the ladder of Poise's plans "
        "saves at the same hours (5-95 %).",
        caption_justify="left",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    table.add_column("decides by", no_wrap=True)
    for heading in ("KEV days", "late", "hours", "emerg.", "moves", "saved at equal hours"):
        table.add_column(heading, justify="right")
    for key, way in span["ways"].items():
        table.add_row(
            key,
            f"{way['kev_asset_days']:,.0f}",
            f"{way['late']:,.0f}",
            f"{way['hours']:,.0f}",
            f"{way['emergencies']:,.0f}",
            f"{way['moves']:,.0f}",
            _saved(span["savings"].get(key)),
        )
    return table


def _saved(savings: dict[str, Any] | None) -> str:
    if savings is None:
        return ""
    one = savings["kev_asset_days"]["at_equal_hours"]
    if one["value"] is None:
        return "-"
    if one["low"] is None:
        return f"{one['value']:.0%}"
    return f"{one['value']:.0%} ({one['low']:.0%} to {one['high']:.0%})"
