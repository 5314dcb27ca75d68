"""``poise backup``: the desk's rows and files in one archive."""

from __future__ import annotations

import argparse
from pathlib import Path

from poise.cli.workspace import add_desk_workspace


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``poise backup`` to the command line."""
    parser = subparsers.add_parser(
        "backup",
        help="keep the desk's rows and files in one archive",
        description="Writes an archive of a desk as of one moment, to be restored onto SQLite or PostgreSQL.",
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="archive to write, such as desk.tar.gz")
    add_desk_workspace(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run ``poise backup``."""
    from poise.desk.setup import setup

    setup(arguments.workspace)
    from poise.desk import backup
    from poise.desk.prepare import prepare

    prepare(static=False)
    counts = backup.write(arguments.file)
    print(f"{arguments.file}: {counts['rows']:,} rows and {counts['files']:,} files.")
    return 0
