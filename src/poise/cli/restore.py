"""``poise restore``: an empty desk from a backup."""

from __future__ import annotations

import argparse

from poise.cli.desk import add_archive, backups


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``poise restore`` to the command line."""
    parser = subparsers.add_parser(
        "restore",
        help="fill an empty desk with a backup",
        description="Checks every file of the archive and the whole ledger in it, and fills an empty desk.",
    )
    add_archive(parser, "archive that poise backup wrote")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run ``poise restore``."""
    counts = backups(arguments.workspace).restore(arguments.file)
    print(f"Restored {counts['rows']:,} rows and {counts['files']:,} files; the ledger holds.")
    return 0
