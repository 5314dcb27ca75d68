"""``poise serve``: the desk's web server."""

from __future__ import annotations

import argparse

from poise.cli.workspace import add_desk_workspace


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``poise serve`` to the command line."""
    from poise.cli.plan import count

    parser = subparsers.add_parser(
        "serve",
        help="serve the desk in a browser",
        description="Brings the database up to date and serves the desk. Jobs are done by poise worker.",
    )
    add_desk_workspace(parser)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen at (127.0.0.1)")
    parser.add_argument("--port", type=count, default=8000, metavar="N", help="port to listen at (8000)")
    parser.add_argument("--processes", type=count, default=2, metavar="N", help="server processes (2)")
    parser.add_argument("--with-worker", action="store_true", help="run a worker beside it")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run ``poise serve``."""
    from poise.cli.desk import beside, refuse_unusable, worker_command
    from poise.desk.setup import setup

    refuse_unusable(arguments.host, arguments.port)
    setup(arguments.workspace)
    from poise.desk.prepare import prepare
    from poise.desk.server import Server

    prepare()
    print(f"The desk is at http://{arguments.host}:{arguments.port}/  (Ctrl-C ends it)", flush=True)
    with beside([worker_command()] if arguments.with_worker else []):
        Server(arguments.host, arguments.port, arguments.processes).run()
    return 0
