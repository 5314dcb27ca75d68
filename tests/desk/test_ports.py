"""Where the desk listens: an address that cannot be had is told, and never announced."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from desk.running import RunningDesk, free_port
from poise.cli.desk import free_port as next_free
from poise.cli.desk import refuse_unusable
from poise.errors import DeskError


@pytest.fixture
def taken() -> Iterator[int]:
    """Listen at a port."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield int(other.getsockname()[1])


def test_serving_at_a_taken_port_is_refused_in_words(tmp_path: Path, taken: int) -> None:
    """Whoever reads an address opens it: there must be none where another program answers."""
    desk = RunningDesk(tmp_path / "desk", port=taken)
    done = desk.run("serve", "--port", str(taken), timeout=60)
    assert done.returncode == 2
    assert done.stdout == ""
    assert f"--port: E875 {taken} is taken" in done.stderr
    assert "Name another port with --port." in done.stderr
    assert "Traceback" not in done.stderr
    assert not desk.workspace.exists()


def test_the_demo_takes_no_other_port_than_the_one_it_was_given(tmp_path: Path, taken: int) -> None:
    """Who names a port has a reason, such as a tunnel that leads there."""
    desk = RunningDesk(tmp_path / "demo" / "desk")
    done = desk.run("demo", "--out", str(tmp_path / "demo"), "--port", str(taken), timeout=60)
    assert done.returncode == 2
    assert done.stdout == ""
    assert f"--port: E875 {taken} is taken" in done.stderr
    assert not (tmp_path / "demo").exists()


def test_the_demo_looks_for_a_free_port_by_itself(taken: int) -> None:
    """Without a port of the reader's own the next free one will do."""
    assert taken < next_free("127.0.0.1", taken) < taken + 50


@pytest.mark.parametrize(
    ("host", "port", "words"),
    [
        ("127.0.0.1", 70_000, "--port: E875 is 70000; expected at most 65535."),
        ("192.0.2.1", 8000, "--host: E875 is '192.0.2.1', at which this machine cannot listen"),
        ("no such host", 8000, "--host: E875 is 'no such host'"),
    ],
)
def test_other_addresses_that_cannot_be_had_are_told(host: str, port: int, words: str) -> None:
    """A mistyped host or port is the reader's to mend, and no fault of Poise."""
    with pytest.raises(DeskError) as told:
        refuse_unusable(host, port)
    assert words in str(told.value)


def test_an_address_that_is_free_or_handed_over_is_not_refused(
    taken: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that takes over from another gets its socket, which looks as if it were taken."""
    refuse_unusable("127.0.0.1", free_port())
    monkeypatch.setenv("GUNICORN_FD", "5")
    refuse_unusable("127.0.0.1", taken)
