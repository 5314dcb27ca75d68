"""Desks as people run them: real server and worker processes, and a throw-away PostgreSQL cluster."""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

POISE = [sys.executable, "-m", "poise.cli"]


#: Ports of servers that tests start: below those that the system gives to outgoing connections, any of
#: which could take one between its choice and the server's start, or while the server is started anew.
PORTS = range(18_000, 32_000)


def free_port() -> int:
    """Return a port at which nobody listens; by chance, so that tests side by side choose different ones."""
    for port in random.sample(PORTS, 100):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError(f"no free port from {PORTS.start} to {PORTS.stop}")


@dataclass
class RunningDesk:
    """One desk: a workspace, a database, and the processes on it."""

    workspace: Path
    database_url: str = ""
    port: int = field(default_factory=free_port)
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    #: More variables of its processes.
    more: dict[str, str] = field(default_factory=dict)

    @property
    def address(self) -> str:
        """Where it is served."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """The variables of its processes."""
        own = {"POISE_HOME": str(self.workspace), "DJANGO_SETTINGS_MODULE": "poise.desk.settings"}
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("POISE_")}
        database = {"POISE_DATABASE_URL": self.database_url} if self.database_url else {}
        return {**inherited, **own, **database, **self.more}

    def run(self, *arguments: str, timeout: float = 300) -> subprocess.CompletedProcess[str]:
        """Run a command on the desk to its end."""
        command = [*POISE, *arguments]
        return subprocess.run(
            command, env=self.environment, capture_output=True, text=True, timeout=timeout, check=False
        )

    def python(self, program: str, timeout: float = 300) -> str:
        """Run a program with Django set up on this desk; return what it prints."""
        code = f"import django; django.setup()\n{program}"
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def jobs(self) -> list[list[Any]]:
        """Return kind, state and attempt of every job, read from the database itself."""
        query = "SELECT kind, state, attempt FROM desk_job ORDER BY id"
        if self.database_url:
            import psycopg

            with psycopg.connect(self.database_url) as connection:
                return [list(row) for row in connection.execute(query)]
        connection = sqlite3.connect(f"file:{self.workspace / 'desk.sqlite'}?mode=ro", uri=True, timeout=30)
        try:
            return [list(row) for row in connection.execute(query)]
        finally:
            connection.close()

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start a command that goes on."""
        log = self.workspace.parent / f"{arguments[0]}.log"
        with log.open("ab") as stream:
            process = subprocess.Popen(
                [*POISE, *arguments],
                env=self.environment,
                stdout=stream,
                stderr=stream,
                start_new_session=True,
            )
        self.processes.append(process)
        return process

    def serve(self, *more: str, processes: int = 1) -> subprocess.Popen[bytes]:
        """Start the server, and return once it answers."""
        process = self.start("serve", "--port", str(self.port), "--processes", str(processes), *more)
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(f"{self.address}/health", timeout=5):
                    return process
            except OSError:
                assert process.poll() is None, (self.workspace.parent / "serve.log").read_text()
                time.sleep(0.1)
        raise AssertionError("the desk did not answer within 90 s")

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """End a process and its children at once, as the machine would."""
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def stop(self) -> None:
        """End all processes."""
        for process in self.processes:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                self.kill(process)


#: Lets the sample's cast in; leaves its two leads as actors ``anna`` and ``bert``, with keys to sign.
LEADS = """
from poise.desk import clock
from poise.desk.actions import Actor
from poise.desk.prepare import prepare
from poise.desk.sample import let_in
prepare()
anna, bert = (Actor.of(user) for user in let_in(clock.now()))
"""
FILL = """
from pathlib import Path
from poise.desk import workspace
from poise.desk.prepare import prepare
from poise.desk.sample import fill
from poise.sample import write_sample
from poise.sample.feeds import fill_store
from django.conf import settings
prepare()
fill_store(settings.POISE_HOME / "threats")
fill(write_sample(settings.POISE_HOME.parent / "company"), points={points})
"""


def sample_desk(folder: Path, database_url: str = "", *, points: int = 5) -> RunningDesk:
    """Return a desk filled with the sample company; nothing runs yet, and its jobs wait."""
    from poise.desk import workspace
    from poise.sample import NOW

    desk = RunningDesk(folder / "desk", database_url)
    workspace.set_clock_ahead(desk.workspace, NOW)
    desk.python(FILL.format(points=points))
    return desk


def postgres_folder() -> Path | None:
    """Return where PostgreSQL's programs are; None where it is not installed."""
    candidates = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for name in ("postgres", "pg_ctl"):
        found = shutil.which(name)
        if found:
            candidates.append(Path(found).parent)
    return next(
        (one for one in candidates if (one / "initdb").exists() and (one / "postgres").exists()), None
    )


#: For tests that start a cluster. Where PostgreSQL must be there (CI), they fail without it.
needs_postgres = pytest.mark.skipif(
    postgres_folder() is None and os.environ.get("POISE_REQUIRE_POSTGRES") != "1",
    reason="no PostgreSQL binaries on this machine",
)


@dataclass
class Cluster:
    """A throw-away PostgreSQL cluster. It may not run as root, so it is another user's then."""

    folder: Path
    programs: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        """What its server says, of all its starts."""
        return self.folder.parent / "postgres.log"

    def url(self, database: str = "postgres") -> str:
        """Return what POISE_DATABASE_URL says of one of its databases."""
        return f"postgresql://poise@127.0.0.1:{self.port}/{database}"

    def create(self) -> None:
        """Make it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if os.getuid() == 0:
            shutil.chown(self.folder, _other_user())
        self._run("initdb", "-D", str(self.folder / "data"), "-U", "poise", "-A", "trust", "-E", "UTF8", "-N")

    def start(self, *, is_durable: bool = False) -> None:
        """Start its server and wait until it answers."""
        settings = [f"port={self.port}", "listen_addresses=127.0.0.1", "unix_socket_directories="]
        settings += [] if is_durable else ["fsync=off"]
        command = [str(self.programs / "postgres"), "-D", str(self.folder / "data")]
        for one in settings:
            command += ["-c", one]
        with self.log.open("ab") as stream:
            self.process = subprocess.Popen(command, stdout=stream, stderr=stream, **_as_other_user())
        for _ in range(300):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0 and self._answers():
                    return
            time.sleep(0.1)
        raise AssertionError(f"PostgreSQL did not start: {self.log.read_text()[-2000:]}")

    def stop(self) -> None:
        """End its server at once; what was committed is there on the next start."""
        if self.process is not None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(timeout=60)

    def database(self, name: str) -> str:
        """Make an empty database and return its address."""
        import psycopg

        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
        return self.url(name)

    def _answers(self) -> bool:
        import psycopg

        try:
            psycopg.connect(self.url(), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self.programs / program), *arguments]
        subprocess.run(command, check=True, capture_output=True, timeout=120, **_as_other_user())


def _other_user() -> str:
    import pwd

    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _as_other_user() -> dict[str, str]:
    if os.getuid() != 0:
        return {}
    return {"user": _other_user(), "cwd": "/"}


@contextmanager
def open_folder() -> Iterator[Path]:
    """Give a folder outside of pytest's, which every pytest that starts closes to other users again.

    A server that runs as another user would die there at its next checkpoint, five minutes in.
    """
    with tempfile.TemporaryDirectory(prefix="poise-") as name:
        yield Path(name)


@contextmanager
def cluster(folder: Path | None = None, *, is_durable: bool = False) -> Iterator[Cluster]:
    """Run a throw-away cluster; one that is in the folder already goes on. Without one it has its own."""
    if folder is None:
        with open_folder() as own, cluster(own, is_durable=is_durable) as one:
            yield one
        return
    programs = postgres_folder()
    assert programs is not None, "POISE_REQUIRE_POSTGRES is set, but PostgreSQL is not installed"
    # PostgreSQL's user must reach it through all folders above.
    for parent in [folder, *folder.parents]:
        if parent.stat().st_uid == os.getuid() and parent != Path("/"):
            parent.chmod(parent.stat().st_mode | 0o011)
    one = Cluster(folder / "cluster", programs)
    if not (one.folder / "data").exists():
        one.create()
    one.start(is_durable=is_durable)
    try:
        yield one
    finally:
        one.stop()
