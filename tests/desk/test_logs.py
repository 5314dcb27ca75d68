"""A server's log holds where it failed, and not a word of what people wrote; a demo's stays calm."""

from __future__ import annotations

import io
import logging
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from desk.running import POISE, RunningDesk, free_port
from poise.desk import jobs, logs
from poise.desk.actions import Actor
from poise.desk.jobs import run_job
from poise.desk.models import Job
from poise.desk.workspace import log_level
from poise.errors import DeskError

SECRET = "the source sits in the board room"
#: A page that fails while its context holds a secret; Django's own message quotes the whole context.
FAULTY = "{{ said.text|default:nothing.of.this.name }}{{ said.none|default:nothing.of.this.name }}"
#: Raises around all views, where no page of ours answers.
OUTSIDE = """
import os
def outside(get_response):
    def answer(request):
        if request.path == "/outside":
            raise KeyError(os.environ["SECRET"])
        return get_response(request)
    return answer
"""
#: The server of a desk with a page that fails, as gunicorn runs it.
PROGRAM = """
import os, sys
from django.conf import settings
settings.TEMPLATES[0]["DIRS"].insert(0, sys.argv[1])
settings.MIDDLEWARE.insert(0, "outside_view.outside")
from poise.desk.prepare import prepare
prepare()
from django.shortcuts import render
from django.urls import path
from poise.desk import urls
def broken(request):
    return render(request, "desk/secret.html", {"said": {"text": os.environ["SECRET"]}})
urls.urlpatterns.insert(0, path("broken", broken))
from poise.desk.server import Server
Server("127.0.0.1", int(sys.argv[2]), 1).run()
"""


def failing(work: Any) -> str:
    """Return what the desk's handler writes of what a function raises."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logs.Line())
    try:
        work()
    except Exception:  # noqa: BLE001  what the desk's logs get is whatever was raised
        record = logging.LogRecord("x", logging.ERROR, __file__, 1, "it failed", None, sys.exc_info())
        handler.handle(record)
    return stream.getvalue()


def test_an_error_s_words_and_those_behind_it_stay_out_of_the_log() -> None:
    """Where and which kind is told of each of the chain; another formatter's text is not taken over."""

    def work() -> None:
        secret = {"text": SECRET}
        try:
            secret["missing " + SECRET]
        except KeyError as error:
            raise ValueError(f"{secret} will not do") from error

    text = failing(work)
    assert SECRET not in text
    assert "builtins.KeyError" in text
    assert text.rstrip().endswith("so they are not logged)")
    assert "builtins.ValueError" in text
    assert "in work" in text
    record = logging.LogRecord("x", logging.ERROR, __file__, 1, "it failed", None, None)
    record.exc_text = SECRET
    assert logs.Line().format(record).endswith("it failed")


def test_a_thread_that_ends_by_an_error_is_logged_alike(capsys: Any, monkeypatch: Any) -> None:
    """Python itself would print the error's words."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logs.Line())
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    monkeypatch.setattr(logs.log, "handlers", [handler])
    logs.cover_threads()

    def work() -> None:
        raise ValueError(SECRET)

    thread = threading.Thread(target=work, name="ends")
    thread.start()
    thread.join()
    assert "the thread 'ends' ended" in stream.getvalue()
    assert SECRET not in stream.getvalue() + capsys.readouterr().err


def test_a_job_that_fails_by_our_fault_tells_its_kind_alone(monkeypatch: Any) -> None:
    """Whoever may see jobs is not whoever may read a statement that a handler had in its hands."""
    monkeypatch.setattr("poise.desk.jobs.HEARTBEAT_SECONDS", 600.0)

    @jobs.handler("test.secret")
    def secret(run: jobs.Run) -> None:
        raise ZeroDivisionError(SECRET)

    try:
        job = jobs.start(Actor.desk(), "test.secret", "Failing")
        with pytest.raises(ZeroDivisionError):
            run_job.call(job.pk)
    finally:
        del jobs._HANDLERS["test.secret"]
    fault = Job.objects.get(pk=job.pk).fault
    assert "E900" in fault
    assert "ZeroDivisionError" in fault
    assert SECRET not in fault


def test_a_log_tells_from_a_level_on() -> None:
    """What is set wrongly is said, not guessed."""
    assert log_level({}) == log_level({"POISE_LOG": "warning"}) == "WARNING"
    assert log_level({"POISE_LOG": "error"}) == "ERROR"
    with pytest.raises(DeskError, match="E875"):
        log_level({"POISE_LOG": "loud"})


def status_of(address: str) -> int:
    try:
        with urllib.request.urlopen(address, timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def until_up(process: subprocess.Popen[bytes], address: str, seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert process.poll() is None
        try:
            if status_of(f"{address}/health") == 200:
                return
        except OSError:
            time.sleep(0.2)
    raise AssertionError("the server did not answer")


@contextmanager
def served(command: list[str], desk: RunningDesk, log: Path) -> Iterator[None]:
    """Run a server with its output in a file, until it is looked at."""
    with log.open("wb") as stream:
        process = subprocess.Popen(
            command, env=desk.environment, stdout=stream, stderr=stream, start_new_session=True
        )
    try:
        until_up(process, desk.address)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            desk.kill(process)


def test_a_template_that_fails_leaves_no_context_in_the_log(tmp_path: Path) -> None:
    """A real server, a real fault in a template, and an error outside of every view."""
    templates = tmp_path / "templates"
    (templates / "desk").mkdir(parents=True)
    (templates / "desk/secret.html").write_text(FAULTY, encoding="utf-8")
    (tmp_path / "outside_view.py").write_text(OUTSIDE, encoding="utf-8")
    desk = RunningDesk(tmp_path / "desk", more={"PYTHONPATH": str(tmp_path), "SECRET": SECRET})
    log = tmp_path / "log"
    program = f"import django; django.setup()\n{PROGRAM}"
    with served([sys.executable, "-c", program, str(templates), str(desk.port)], desk, log):
        assert status_of(f"{desk.address}/broken") == 500
        assert status_of(f"{desk.address}/outside") == 500
        assert status_of(f"{desk.address}/nowhere") == 404
    text = log.read_text(encoding="utf-8")
    assert "VariableDoesNotExist" in text, "the fault is in the log, with its place"
    assert "KeyError" in text
    assert "secret.html" in text or "django/template" in text
    assert SECRET not in text
    assert re.search(r"WARNING django.request Not Found: /nowhere", text), "a real server tells it"


def test_the_terminal_of_a_demo_stays_calm(tmp_path: Path) -> None:
    """What a reader was refused is no news for whoever only looks at the sample."""
    desk = RunningDesk(tmp_path / "demo" / "desk", port=free_port())
    log = tmp_path / "log"
    out = ["--out", str(tmp_path / "demo"), "--port", str(desk.port), "--points", "3"]
    with served([*POISE, "demo", *out], desk, log):
        assert status_of(f"{desk.address}/nowhere") == 404
        assert status_of(f"{desk.address}/account/login/?next=/%00") in (200, 400)
        urllib.request.urlopen(f"{desk.address}/account/login/", timeout=30).close()
        time.sleep(1)
    text = log.read_text(encoding="utf-8")
    assert "The desk of the sample company is at" in text
    for word in ("WARNING", "INFO", "Not Found", "Traceback"):
        assert word not in text, text
