"""``poise restore``: an empty desk from a backup."""

from __future__ import annotations

import argparse
from pathlib import Path

from poise.cli.workspace import add_desk_workspace


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``poise restore`` to the command line."""
    parser = subparsers.add_parser(
        "restore",
        help="fill an empty desk with a backup",
        description="Checks every file of the archive and the whole ledger in it, and fills an empty desk.",
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="archive that poise backup wrote")
    add_desk_workspace(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run ``poise restore``."""
    from poise.desk.setup import setup

    setup(arguments.workspace)
    from poise.desk import backup
    from poise.desk.prepare import prepare

    prepare(static=False)
    counts = backup.restore(arguments.file)
    print(f"Restored {counts['rows']:,} rows and {counts['files']:,} files; the ledger holds.")
    return 0
