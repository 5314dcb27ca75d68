"""Faults in the middle of things: what was acknowledged is there, what was begun is finished or undone."""

from __future__ import annotations

import http.client
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from desk.running import RunningDesk, cluster, postgres_folder, sample_desk

pytestmark = [pytest.mark.long, pytest.mark.postgres, pytest.mark.timeout(900)]  # bring desks of their own

JOBS = """
import json
from poise.desk.models import Job
print(json.dumps([[job.kind, job.state, job.attempt] for job in Job.objects.order_by("id")]))
"""
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


@pytest.fixture(params=["sqlite", "postgresql"])
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RunningDesk]:
    """Fill a desk on each database; its jobs wait."""
    if request.param == "sqlite":
        made = sample_desk(tmp_path)
        yield made
        made.stop()
        return
    if postgres_folder() is None:
        pytest.skip("no PostgreSQL binaries on this machine")
    with cluster(tmp_path) as running:
        made = sample_desk(tmp_path, running.database("desk"))
        yield made
        made.stop()


def wait_for(desk: RunningDesk, condition: Callable[[list[list[str]]], bool], seconds: float = 120) -> None:
    """Wait until the jobs fulfil a condition."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition(json.loads(desk.python(JOBS))):
            return
        time.sleep(0.2)
    raise AssertionError(desk.python(JOBS))


def test_a_killed_worker_s_solve_is_done_by_the_next(desk: RunningDesk) -> None:
    """Kill -9 in the middle of reading and solving: every report counts once, and one table is opened."""
    for kind in ("findings.read", "table.open"):
        worker = desk.start("worker")
        wait_for(desk, lambda rows, kind=kind: any(row[:2] == [kind, "running"] for row in rows))  # type: ignore[misc]
        desk.kill(worker)
    done = desk.python(
        "from poise.desk import jobs, worker\njobs.LEASE_SECONDS = 10.0\nimport time; time.sleep(11)\n"
        "worker.run(until_empty=True)"
    )
    assert done == ""
    rows = json.loads(desk.python(JOBS))
    assert {row[1] for row in rows} == {"done"}
    assert max(row[2] for row in rows) >= 2, "no job was taken over"
    truth = json.loads(desk.python(TRUTH))
    assert truth["tables"] == 1
    assert not truth["broken"]
    assert all(state == "read" and told == stored > 0 for state, told, stored in truth["reports"].values())


def test_a_killed_server_has_kept_every_upload_that_it_acknowledged(
    desk: RunningDesk, tmp_path: Path
) -> None:
    """Kill -9 of the server while reports come in: an answer of 202 is a promise."""
    token = desk.python(TOKEN).strip()
    server = desk.serve()
    acknowledged: list[str] = []
    for number in range(40):
        if number == 25:
            desk.kill(server)
        try:
            if upload(desk, token, f"report-{number}.csv", f"# {number}\n".encode()) == 202:
                acknowledged.append(f"report-{number}.csv")
        except (OSError, http.client.HTTPException):
            if number >= 30:
                break
    assert len(acknowledged) >= 20
    truth = json.loads(desk.python(TRUTH))
    assert set(acknowledged) <= set(truth["reports"])
    assert set(acknowledged) <= set(truth["said"])
    # No half: what has a row has a record, and the other way round.
    assert sorted(truth["said"]) == sorted(truth["reports"])
    assert not truth["broken"]


def upload(desk: RunningDesk, token: str, name: str, content: bytes) -> int:
    """Send a report as a program does; return the status."""
    mark = "x" * 24
    body = (
        f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'.encode()
        + content
        + f"\r\n--{mark}--\r\n".encode()
    )
    headers = {"Authorization": f"Bearer {token}", "Content-Type": f"multipart/form-data; boundary={mark}"}
    request = urllib.request.Request(f"{desk.address}/api/reports", body, headers)
    with urllib.request.urlopen(request, timeout=30) as response:
        return int(response.status)


@pytest.mark.skipif(postgres_folder() is None, reason="no PostgreSQL binaries on this machine")
def test_a_restarted_database_loses_nothing(tmp_path: Path) -> None:
    """PostgreSQL goes away under load and comes back: pages say so and recover, acknowledged uploads stay."""
    with cluster(tmp_path) as running:
        desk = sample_desk(tmp_path, running.database("desk"))
        try:
            token = desk.python(TOKEN).strip()
            desk.serve()
            acknowledged, refused = [], []
            for number in range(60):
                if number == 20:
                    running.stop()
                if number == 30:
                    running.start()
                name = f"report-{number}.csv"
                try:
                    upload(desk, token, name, f"# {number}\n".encode())
                    acknowledged.append(name)
                except urllib.error.HTTPError as error:
                    refused.append(error.code)
            assert len(acknowledged) >= 45
            assert set(refused) <= {500, 503}
            truth = json.loads(desk.python(TRUTH))
            assert set(acknowledged) <= set(truth["reports"])
            assert sorted(truth["said"]) == sorted(truth["reports"])
            assert not truth["broken"]
        finally:
            desk.stop()
