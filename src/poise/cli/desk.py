"""``poise desk``: people of the desk; and what its commands share."""

from __future__ import annotations

import argparse
import errno
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Final

from poise.cli.workspace import add_desk_workspace
from poise.errors import DeskError, Fault

#: Variables by which a listening socket comes from systemd, or from the server that this one takes over from.
_HANDED_OVER: Final = frozenset({"LISTEN_FDS", "GUNICORN_FD"})
_MAX_PORT: Final = 65_535


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``poise desk`` to the command line."""
    parser = subparsers.add_parser("desk", help="let people into the desk")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    admitting = verbs.add_parser("admit", help="make a local account, such as the first administrator's")
    admitting.add_argument("username", help="what the ledger calls the person")
    admitting.add_argument(
        "--role", required=True, help="such as administrator; docs/permissions.md lists them"
    )
    admitting.add_argument("--name", default="", help="what pages call the person")
    admitting.add_argument("--email", default="", help="where the person can be reached")
    add_desk_workspace(admitting)
    admitting.set_defaults(run=run_admit)


def run_admit(arguments: argparse.Namespace) -> int:
    """Run ``poise desk admit``; the password comes as a passphrase does."""
    from poise.cli.signing import passphrase_for
    from poise.desk.setup import setup

    setup(arguments.workspace)
    from poise.desk.actions import Actor, people
    from poise.desk.prepare import prepare

    prepare(static=False)
    password = passphrase_for(Path(arguments.username), new=True)
    user = people.admit(
        Actor.desk(), arguments.username, password, arguments.role, arguments.name, arguments.email
    )
    print(f"{user.username} can sign in as {user.standing.label}.")
    return 0


def add_archive(parser: argparse.ArgumentParser, what: str) -> None:
    """Add the arguments of commands that write or read an archive of a desk."""
    parser.add_argument("file", type=Path, metavar="FILE", help=what)
    add_desk_workspace(parser)


def backups(workspace: str | None) -> ModuleType:
    """Return :mod:`poise.desk.backup`, on a desk whose database is up to date."""
    from poise.desk.setup import setup

    setup(workspace)
    from poise.desk import backup
    from poise.desk.prepare import prepare

    prepare(static=False)
    return backup


def worker_command() -> list[str]:
    """Return the command of a worker on this process's workspace."""
    return [sys.executable, "-m", "poise.cli", "worker"]


def refuse_unusable(host: str, port: int) -> None:
    """Refuse an address at which this process could not listen, before anything says where the desk is.

    Parameters
    ----------
    host, port
        As ``--host`` and ``--port`` give them.

    Raises
    ------
    DeskError
        E875 for a port that is taken, reserved or too large, and for a host that is none of this machine.
    """
    if not _HANDED_OVER.isdisjoint(os.environ):
        return
    if port > _MAX_PORT:
        raise DeskError(Fault("E875", "--port", f"is {port}; expected at most {_MAX_PORT}."))
    try:
        _listen(host, port)
    except OSError as error:
        raise DeskError(_why_not(host, port, error)) from error


def _listen(host: str, port: int) -> None:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))


def _why_not(host: str, port: int, error: OSError) -> Fault:
    if error.errno == errno.EADDRINUSE:
        text = f"{port} is taken: something else listens there already."
        return Fault("E875", "--port", text, "Name another port with --port.")
    if error.errno in (errno.EACCES, errno.EPERM):
        text = f"{port} is reserved: this user may not listen there."
        return Fault("E875", "--port", text, "Name a port from 1024 on with --port.")
    text = f"is {host!r}, at which this machine cannot listen: {error.strerror or error}."
    return Fault("E875", "--host", text, "Name an address of this machine with --host, such as 127.0.0.1.")


def free_port(host: str, port: int) -> int:
    """Return the first port from this one on at which nobody listens yet.

    Raises
    ------
    DeskError
        E875 when all of the next fifty are taken.
    """
    for candidate in range(port, port + 50):
        try:
            _listen(host, candidate)
        except OSError:
            continue
        return candidate
    text = f"{port} is taken, and so are the 49 after it."
    raise DeskError(Fault("E875", "--port", text, "Name another port with --port."))


@contextmanager
def beside(commands: Sequence[Sequence[str]]) -> Iterator[None]:
    """Run commands as long as something else runs; they end with it, not with a process that it forked."""
    started, own = [subprocess.Popen(command) for command in commands], os.getpid()
    try:
        yield
    finally:
        ours = started if os.getpid() == own else []
        for process in ours:
            process.send_signal(signal.SIGTERM)
        for process in ours:
            try:
                process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                # Its job waits for the next worker.
                process.kill()
                process.wait()
