"""``poise worker``: does what pages leave to it."""

from __future__ import annotations

import argparse

from poise.cli.workspace import add_desk_workspace


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``poise worker`` to the command line."""
    parser = subparsers.add_parser(
        "worker",
        help="do the desk's jobs: reading reports, computing plans",
        description="Takes jobs off the queue in the desk's database. Several may run; one that is killed "
        "loses its job to another.",
    )
    add_desk_workspace(parser)
    parser.add_argument("--until-empty", action="store_true", help="stop when nothing is left to do")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run ``poise worker``."""
    from poise.desk.setup import setup

    setup(arguments.workspace)
    from poise.desk import logs, worker
    from poise.desk.prepare import prepare

    prepare(static=False)
    logs.cover_threads()
    worker.run(until_empty=arguments.until_empty)
    return 0
