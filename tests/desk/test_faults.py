"""Faults in the middle of things: what was acknowledged is there, what was begun is finished or undone."""

from __future__ import annotations

import http.client
import json
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from desk.running import LEADS, RunningDesk, cluster, needs_postgres, open_folder, sample_desk
from poise.desk.sample import CAST

pytestmark = [pytest.mark.long, pytest.mark.postgres, pytest.mark.timeout(900)]  # bring desks of their own

TRUTH = """
import json
from poise.desk.ledger import DeskLedger
from poise.desk.models import Finding, Report
ledger = DeskLedger()
found = ledger.verify()
said = [record.body.get("name") for record in ledger.records(kind="report.uploaded")]
print(json.dumps({
    "broken": found.broken is not None,
    "said": said,
    "tables": sum(1 for _ in ledger.records(kind="table.opened")),
    "reports": {
        one.name: [one.state, one.findings, Finding.objects.filter(report=one).count()]
        for one in Report.objects.all()
    },
}))
"""
TOKEN = """
from poise.desk.actions import Actor, tokens
from poise.desk.models import User
print(tokens.issue(Actor.of(User.objects.get(username="bert")), "test", ["findings.import"], 7))
"""


@pytest.fixture
def desk(database_url: str, tmp_path: Path) -> Iterator[RunningDesk]:
    """Fill a desk on each database; its jobs wait."""
    made = sample_desk(tmp_path, database_url)
    yield made
    made.stop()


def wait_for(desk: RunningDesk, condition: Callable[[list[list[Any]]], bool], seconds: float = 240) -> None:
    """Wait until the jobs fulfil a condition."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition(desk.jobs()):
            return
        time.sleep(0.02)
    raise AssertionError(desk.jobs())


def all_done(rows: list[list[Any]]) -> bool:
    return {row[1] for row in rows} == {"done"}


def is_running(kind: str) -> Callable[[list[list[Any]]], bool]:
    return lambda rows: any(row[:2] == [kind, "running"] for row in rows)


def report(number: int, findings: int = 3, padding: int = 0) -> bytes:
    """Return a report of our own form that differs from all others; padding makes it large, not long."""
    more = "x" * padding
    head = "host;ip;cve;vulnerability;component;installed_version;fixed_version;severity;tags\n"
    rows = [
        f"host{number}-{n % 50};;CVE-2024-{1000 + n};;openssl;3.0.1;3.0.2;high;{more}\n"
        for n in range(findings)
    ]
    return (head + "".join(rows)).encode()


def upload(desk: RunningDesk, token: str, name: str, content: bytes) -> int:
    """Send a report as a program does; return the status, 0 when no answer came."""
    mark = "x" * 24
    body = (
        f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'.encode()
        + content
        + f"\r\n--{mark}--\r\n".encode()
    )
    headers = {"Authorization": f"Bearer {token}", "Content-Type": f"multipart/form-data; boundary={mark}"}
    request = urllib.request.Request(f"{desk.address}/api/reports", body, headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code
    except (OSError, http.client.HTTPException):
        return 0


def assert_kept(desk: RunningDesk, acknowledged: set[str], *, are_read: bool = False) -> None:
    """Everything acknowledged has its row and its record, nothing has one of them, and the chain holds."""
    truth = json.loads(desk.python(TRUTH))
    assert acknowledged <= set(truth["reports"])
    assert sorted(truth["said"]) == sorted(truth["reports"])
    assert not truth["broken"]
    if are_read:
        for name, (state, told, stored) in truth["reports"].items():
            assert (state, told) == ("read", stored), name
            assert stored > 0, name


def test_a_killed_worker_s_solve_is_done_by_the_next(desk: RunningDesk) -> None:
    """Kill -9 of server and worker while they read and solve: each report counts once, one table opens."""
    token = desk.python(TOKEN).strip()
    server = desk.serve("--with-worker")
    assert upload(desk, token, "large.csv", report(1, findings=30_000)) == 202
    for kind in ("findings.read", "table.open"):
        wait_for(desk, is_running(kind))
        time.sleep(0.5)  # into the middle of it
        desk.kill(server)
        server = desk.serve("--with-worker")
    wait_for(desk, all_done)
    assert max(row[2] for row in desk.jobs()) >= 2, "no job was taken over"
    assert_kept(desk, {"large.csv"}, are_read=True)
    assert json.loads(desk.python(TRUTH))["tables"] == 1


def test_a_killed_server_has_kept_every_upload_that_it_acknowledged(desk: RunningDesk) -> None:
    """Kill -9 of the server while reports come in from four sides: an answer of 202 is a promise."""
    token = desk.python(TOKEN).strip()
    acknowledged: set[str] = set()

    def send(side: int, over: threading.Event) -> None:
        for number in range(200):
            name = f"report-{time.monotonic_ns()}-{side}.csv"
            if over.is_set():
                return
            if upload(desk, token, name, report(number * 4 + side + time.monotonic_ns())) == 202:
                acknowledged.add(name)

    for round_number in range(4):
        server, over, before = desk.serve(), threading.Event(), len(acknowledged)
        sides = [threading.Thread(target=send, args=[side, over]) for side in range(4)]
        for one in sides:
            one.start()
        while len(acknowledged) < before + 5 + round_number:
            time.sleep(0.01)
        desk.kill(server)
        over.set()
        for one in sides:
            one.join()
        assert_kept(desk, acknowledged)
    assert len(acknowledged) >= 20
    assert desk.run("worker", "--until-empty").returncode == 0
    assert_kept(desk, acknowledged, are_read=True)


@needs_postgres
def test_a_restarted_database_loses_nothing(tmp_path: Path) -> None:
    """PostgreSQL goes away under load and comes back: callers are told, jobs resume, uploads stay."""
    with cluster() as running:
        desk = sample_desk(tmp_path, running.database("desk"))
        try:
            token = desk.python(TOKEN).strip()
            server, worker = desk.serve(), desk.start("worker")
            acknowledged: set[str] = set()
            told: set[int] = set()
            for number in range(60):
                if number == 20:
                    running.stop()
                if number == 30:
                    running.start()
                status = upload(desk, token, f"report-{number}.csv", report(number))
                told.add(status)
                if status == 202:
                    acknowledged.add(f"report-{number}.csv")
                if 20 <= number < 30:
                    assert page(desk) == 503
            assert len(acknowledged) >= 49, (
                "the first call after the restart may still meet the old connection"
            )
            assert told == {202, 503}
            assert (server.poll(), worker.poll()) == (None, None), "a process ended because of it"
            assert page(desk) == 200
            wait_for(desk, all_done)
            assert_kept(desk, acknowledged, are_read=True)
        finally:
            desk.stop()


def page(desk: RunningDesk) -> int:
    """Return the status of a page that looks who is signed in."""
    request = urllib.request.Request(f"{desk.address}/", headers={"Cookie": "poise_session=" + "x" * 32})
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code


@contextmanager
def small_disk(folder: Path, size_mb: int) -> Iterator[Path]:
    """Mount a disk that is full soon; only root may."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size_mb}m", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        mounted = False
    if not mounted:
        pytest.skip("no right to mount a small disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.parametrize("database", ["sqlite", pytest.param("postgresql", marks=needs_postgres)])
def test_a_full_disk_is_told_and_loses_nothing(database: str) -> None:
    """Uploads until the disk is full, with a worker beside: refused in words, and all goes on after it."""
    size_mb = 120 if database == "sqlite" else 260
    with open_folder() as folder, small_disk(folder / "disk", size_mb) as disk:
        if database == "sqlite":
            fill_disk(sample_desk(disk), disk)
            return
        with cluster(disk) as running:
            fill_disk(sample_desk(disk, running.database("desk")), disk)


def fill_disk(desk: RunningDesk, disk: Path) -> None:
    """Fill the disk of a desk, make room again, and look at what is there."""
    try:
        token = desk.python(TOKEN).strip()
        desk.serve()
        worker = desk.start("worker")
        acknowledged: set[str] = set()
        answers: list[int] = []
        while answers[-3:] != [400, 400, 400] and len(answers) < 400:
            name = f"report-{len(answers)}.csv"
            answers.append(upload(desk, token, name, report(len(answers), findings=100, padding=10_000)))
            if answers[-1] == 202:
                acknowledged.add(name)
        assert set(answers) <= {202, 400, 503}, sorted(set(answers))
        assert 400 in answers or 503 in answers
        assert page(desk) in (200, 503)
        time.sleep(5)  # the worker meets the full disk too
        for path in (desk.workspace / "reports").glob("*/report-*.csv"):
            if path.name not in acknowledged:
                path.unlink()
        subprocess.run(["mount", "-o", "remount,size=2g", str(disk)], check=True)
        assert worker.poll() is None, "the worker ended because of it"
        assert upload(desk, token, "after.csv", report(10_000)) == 202
        wait_for(desk, all_done)
        assert_kept(desk, {*acknowledged, "after.csv"}, are_read=True)
    finally:
        desk.stop()


TABLE = """
import json
from django.test import Client
from poise.desk import convert, worker
from poise.desk.actions import bargaining
from poise.desk.sample import CAST
from table.cases import small_ground
convert.session(anna.now).open(small_ground(11), author="anna")
bargaining.seal(anna)
bargaining.seal(bert)
worker.run(until_empty=True)
sessions = {}
for one in CAST[:2]:
    client = Client(headers={"host": "127.0.0.1"})
    client.post("/account/login/", {"login": one.username, "password": one.password})
    sessions[one.username] = client.cookies["poise_session"].value
print(json.dumps(sessions))
"""
DRAFT = """
from poise.desk import convert
from poise.desk.actions import Actor, agreements, bargaining
from poise.desk.models import AgreementDraft, User
if not AgreementDraft.objects.exists():
    anna, bert = (Actor.of(User.objects.get(username=name)) for name in ("anna", "bert"))
    number = bargaining.propose(bert, "default")
    bargaining.answer(anna, number, "accept")
    bargaining.answer(bert, number, "accept")
    agreements.draft(anna, number)
print(AgreementDraft.objects.get().pk)
"""
SIGNED = """
import json
from poise.desk.actions import agreements
from poise.desk.ledger import DeskLedger
from poise.desk.models import AgreementDraft
ledger = DeskLedger()
drafts = [[sorted(one.signed_parties), len(agreements.content_of(one).envelope.signatures)]
          for one in AgreementDraft.objects.all()]
agreed = [len(record.signatures) for record in ledger.records(kind="agreement")]
print(json.dumps({"drafts": drafts, "agreed": agreed, "broken": ledger.verify().broken is not None}))
"""


def sign(desk: RunningDesk, session: str, draft: str, passphrase: str) -> int:
    """Sign as a browser does; return the status, 0 when no answer came."""
    connection = http.client.HTTPConnection("127.0.0.1", desk.port, timeout=60)
    token = "c" * 32
    headers = {
        "Cookie": f"poise_session={session}; csrftoken={token}",
        "X-CSRFToken": token,
        "Content-Type": "application/x-www-form-urlencoded",
    }
    body = urllib.parse.urlencode({"passphrase": passphrase})
    try:
        connection.request("POST", f"/agreements/drafts/{draft}/sign", body, headers)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


def test_a_killed_server_leaves_nothing_half_signed(database_url: str, tmp_path: Path) -> None:
    """Kill -9 at ten moments of signing: a signature is there whole or not at all, an agreement has two."""
    desk = RunningDesk(tmp_path / "desk", database_url)
    desk.more["PYTHONPATH"] = str(Path(__file__).resolve().parents[1])
    sessions = json.loads(desk.python(LEADS + TABLE))
    server = desk.serve()
    draft = desk.python(DRAFT).strip()
    begun = time.monotonic()
    assert sign(desk, sessions["anna"], draft, CAST[0].password) == 302
    took = time.monotonic() - begun
    agreed = 0
    for moment in range(10):
        state = json.loads(desk.python(SIGNED))
        signed = state["drafts"][0][0] if state["drafts"] else []
        draft = desk.python(DRAFT).strip()
        one = next(one for one in CAST[:2] if one.role.party not in signed)
        party = one.role.party
        threading.Timer(took * moment / 8, desk.kill, [server]).start()
        answer = sign(desk, sessions[one.username], draft, one.password)
        server.wait(timeout=30)
        server = desk.serve()
        state = json.loads(desk.python(SIGNED))
        assert not state["broken"]
        assert set(state["agreed"]) <= {2}, "half an agreement"
        for parties, signatures in state["drafts"]:
            assert len(parties) == signatures < 2, "half a signature"
        assert len(state["agreed"]) - agreed in (0, 1)
        is_there = len(state["agreed"]) > agreed or party in state["drafts"][0][0]
        assert is_there or answer != 302, "a signature that was acknowledged is gone"
        agreed = len(state["agreed"])
    desk.stop()
