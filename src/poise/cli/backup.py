"""``poise backup``: the desk's rows and files in one archive."""

from __future__ import annotations

import argparse

from poise.cli.desk import add_archive, backups


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``poise backup`` to the command line."""
    parser = subparsers.add_parser(
        "backup",
        help="keep the desk's rows and files in one archive",
        description="Writes an archive of a desk as of one moment, to be restored onto SQLite or PostgreSQL.",
    )
    add_archive(parser, "archive to write, such as desk.tar.gz")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run ``poise backup``."""
    counts = backups(arguments.workspace).write(arguments.file)
    print(f"{arguments.file}: {counts['rows']:,} rows and {counts['files']:,} files.")
    return 0
