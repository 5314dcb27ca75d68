"""``poise demo``: the main job on the sample company."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Final

#: Where the sample's desk is looked for first.
_PORT: Final = 8000
_HOST: Final = "127.0.0.1"


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``poise demo`` to the command line."""
    from poise.cli.plan import count, positive, seed

    parser = subparsers.add_parser(
        "demo",
        help="open the desk on a sample company",
        description="Writes a sample company (fictional estate, real vulnerabilities, reports in real "
        "scanner formats), opens the desk on it and plans its patches; with --report into files, as poise "
        "plan does on your own.",
    )
    parser.add_argument(
        "--report", action="store_true", help="write report.html and the other files instead of serving"
    )
    parser.add_argument(
        "--port", type=count, metavar="N", help=f"of the desk (the next free from {_PORT} on)"
    )
    parser.add_argument("--out", default="demo", metavar="DIR", help="where everything goes (default: demo)")
    parser.add_argument(
        "--seed", type=seed, default=0, metavar="N", help="of the company and of the solver (0)"
    )
    parser.add_argument("--points", type=count, default=31, metavar="N", help="plans on the frontier (31)")
    parser.add_argument("--seconds", type=positive, metavar="S", help="limit of the solver")
    parser.add_argument(
        "--year",
        action="store_true",
        help="play a year of the two sides' dialogue instead (docs/dialogue.md)",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run ``poise demo``."""
    out = Path(arguments.out)
    if arguments.year:
        return _year(out)
    return _report(arguments, out) if arguments.report else _desk(arguments, out)


def _desk(arguments: argparse.Namespace, out: Path) -> int:
    """Open the desk on the sample company; it is imported and solved while its pages are up already."""
    from poise.cli.desk import beside, free_port, refuse_unusable, worker_command
    from poise.desk import workspace
    from poise.desk.setup import setup
    from poise.sample import NOW, write_sample
    from poise.sample.feeds import fill_store

    if arguments.port is not None:
        refuse_unusable(_HOST, arguments.port)
    sample = write_sample(out / "company", seed=arguments.seed)
    desk = out / "desk"
    workspace.set_clock_ahead(desk.absolute(), NOW)  # first, since it makes the workspace
    fill_store(desk / "threats")
    # Its terminal says where the desk is; what a reader was refused is for the log of a real one.
    os.environ.setdefault("POISE_LOG", "error")
    setup(str(desk))
    from poise.desk.prepare import prepare
    from poise.desk.sample import CAST, fill
    from poise.desk.server import Server

    prepare()
    fill(sample, points=arguments.points)
    port = arguments.port or free_port(_HOST, _PORT)
    print(f"The desk of the sample company is at http://{_HOST}:{port}/\n")
    for one, host in zip(CAST, (_HOST, "localhost", _HOST), strict=True):
        print(f"  {one.label:<22} http://{host}:{port}/  user {one.username:<6} password {one.password}")
    print("\nThe two addresses are the same desk, so that both can be signed in side by side in one browser.")
    print("The plan is being computed meanwhile. Ctrl-C ends it.", flush=True)
    own = os.getpid()
    try:
        with beside([worker_command()]):
            Server(_HOST, port, 1).run()
    finally:
        if os.getpid() == own:  # and not a process of the server
            print("\nThe desk has ended; the same command opens it again as it was.")
    return 0


def _report(arguments: argparse.Namespace, out: Path) -> int:
    """Plan the sample company as ``poise plan`` does, into files."""
    from poise.cli import main
    from poise.sample import NOW, write_sample
    from poise.sample.feeds import fill_store

    sample = write_sample(out / "company", seed=arguments.seed)
    fill_store(out / "company" / "threats")
    command = ["plan", "--scans", *map(str, sample.reports), "--estate", str(sample.estate)]
    command += ["--threats", str(out / "company" / "threats"), "--now", NOW.isoformat(), "--out", str(out)]
    command += ["--seed", str(arguments.seed), "--points", str(arguments.points)]
    if arguments.seconds is not None:
        command += ["--seconds", str(arguments.seconds)]
    print(f"The sample company is in {out / 'company'}; this plans it:")
    print(f"  poise plan --scans {out / 'company' / 'reports'}/* --estate {sample.estate} \\")
    print(f"    --threats {out / 'company' / 'threats'} --now {NOW.isoformat()} --out {out}\n", flush=True)
    code = main(command)
    if code == 0:
        print(f"\nOpen {(out / 'report.html').resolve().as_uri()}")
    return code


#: Opens the sample's keys; nothing real is ever signed with them.
_PASSPHRASE = "the sample company's keys"  # noqa: S105


def _year(out: Path) -> int:
    """Play the sample company's year into a new workspace."""
    from poise.dialogue.base import PARTIES
    from poise.dialogue.year import END, SIGNERS, WARNED, Year
    from poise.dialogue.year_table import YearTable
    from poise.errors import Fault, LedgerError
    from poise.ledger.keyfile import write_key
    from poise.ledger.keys import SigningKey
    from poise.ledger.store import Ledger
    from poise.table.files import write_private

    workspace = out / "year"
    if workspace.exists():
        fault = Fault("E704", str(workspace), "exists already and is not overwritten.", "Name another --out.")
        raise LedgerError(fault)
    workspace.mkdir(parents=True)
    keys = {party: SigningKey.generate() for party in PARTIES}
    for party, key in keys.items():
        write_key(workspace / f"{SIGNERS[party]}.key", key, _PASSPHRASE)
    print("Playing the year; the table in its middle is solved, which takes about a minute ...", flush=True)
    with Ledger.open(workspace / "ledger.sqlite") as ledger:
        year = Year(ledger, keys, at_table=YearTable(workspace, ledger, keys))
        year.play()
        for kept in year.kept:
            name = f"{kept.what}-{kept.quarter}-{SIGNERS[kept.party]}.sealed"
            write_private(workspace / name, kept.to_bytes())
        print(f"{ledger.head.size} records. The keys open with: {_PASSPHRASE}")
    for now, what in ((WARNED, "the quarrel at its worst"), (END, "half a year after the trade")):
        print(f"  poise signals --workspace {workspace} --now {now.isoformat()}   # {what}")
    return 0
