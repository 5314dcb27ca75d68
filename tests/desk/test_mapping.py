"""While the worker has not mapped assets to patch groups yet, nothing says that there are none."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.test import Client

from desk.test_api import issued
from desk.test_findings import adopt, keep, work
from poise.desk import convert, queries
from poise.desk.actions import Actor, findings
from poise.desk.actions.estate import MAP_JOB
from poise.desk.api.estate import UNSEEN
from poise.desk.jobs import run_job
from poise.desk.models import AssetRecord, Job, Report
from poise.sample import SampleFiles, write_sample


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> SampleFiles:
    """Write the sample company."""
    return write_sample(tmp_path_factory.mktemp("company"))


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Send no heartbeat: it would wait for the lock of the transaction that the test stands in."""
    monkeypatch.setattr("poise.desk.jobs.HEARTBEAT_SECONDS", 600.0)


def text_of(client: Client, path: str) -> str:
    """Return what a page says, without its marks."""
    content = client.get(path).content.decode()
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", content)).split())


def a_service() -> str:
    estate = convert.estate_of(convert.latest_estate())
    return next(iter(estate.services))


def test_counts_are_not_known_before_the_worker_has_run(
    ciso: Any, sign_in: Callable[[Any], Client], company: SampleFiles
) -> None:
    """Unread reports, then unmapped assets, then a mapping that runs: each is told, and never as none."""
    by, client = Actor.of(ciso), sign_in(ciso)
    adopt(by, company)
    own = f"/estate/services/{a_service()}"
    assert "no report yet" in text_of(client, "/estate")
    kept = [findings.take_report(by, keep(path)) for path in company.reports[:2]]
    for path in ("/estate", own, "/findings", "/findings/reports"):
        assert "not read yet" in text_of(client, path), path
    called = Client().get("/api/reports", **issued(ciso, "estate.read")).json()
    assert {one["findings"] for one in called} == {None}
    for report in kept:
        run_job.call(report.job_id)  # the worker reads; mapping is queued and waits
    assert Job.objects.filter(kind=MAP_JOB, state="waiting").exists()
    records = AssetRecord.objects.count()
    assert records > 1
    told = f"{records:,} asset records not mapped yet"
    for path in ("/", "/estate", "/estate/unmapped", own):
        assert told in text_of(client, path), path
        assert "belong to no patch group" not in text_of(client, path).replace(
            "Which assets belong to no patch group is not known yet", ""
        ), path
    page = client.get("/estate").content.decode()
    assert "Mapping assets to the estate (waiting)" in page
    assert not re.search(r'class="number">\s*0\s*<', page)
    assert "not mapped yet" in text_of(client, "/findings")
    services = Client().get("/api/services", **issued(ciso, "estate.read")).json()
    assert {one[key] for one in services for key in ("findings", "critical", "high")} == {None}
    assert told in services[0]["pending"]
    groups = Client().get("/api/findings", **issued(ciso, "estate.read")).json()["findings"]
    assert {one["group"] for one in groups} == {None}

    Job.objects.filter(kind=MAP_JOB).update(state="running", step="reconciling assets")
    assert "Mapping assets to the estate (running)" in text_of(client, "/estate")
    Job.objects.filter(kind=MAP_JOB).update(state="failed", fault="E900 This is a fault of Poise")
    assert "See why it failed" in text_of(client, "/estate")
    Job.objects.filter(kind=MAP_JOB).update(state="waiting", fault="")

    work()
    assert queries.mapping().is_done
    for path in ("/", "/estate", "/estate/unmapped", own):
        assert "not mapped yet" not in text_of(client, path), path
    services = Client().get("/api/services", **issued(ciso, "estate.read")).json()
    shown = [one for one in services if not one["pending"]]
    assert shown
    assert all(isinstance(one["findings"], int) for one in shown)
    # Two reports of seven: a service that they do not show is not known to be clean.
    unseen = [one for one in services if one["pending"]]
    assert {(one["findings"], one["pending"]) for one in unseen} == {(None, UNSEEN)}
    assert "no report shows any" in text_of(client, "/estate")
    page = text_of(client, f"/estate/services/{unseen[0]['id']}")
    assert "unknown: no report shows an asset of it" in page
    num = queries.mapping().num_unmapped
    assert num == len({row.asset for row in queries.unmapped()})
    if num:
        assert f"{num} asset" in text_of(client, "/")


def test_counts_of_a_part_say_that_they_are_of_a_part(
    ciso: Any, sign_in: Callable[[Any], Client], company: SampleFiles
) -> None:
    """With a further report on its way, what is counted already is told as that."""
    by, client = Actor.of(ciso), sign_in(ciso)
    adopt(by, company)
    findings.take_report(by, keep(company.reports[0]))
    work()
    assert "so far" not in text_of(client, "/estate")
    findings.take_report(by, keep(company.reports[1]))
    assert "so far" in text_of(client, "/estate")
    assert "1 report not read yet" in text_of(client, "/estate")
    services = Client().get("/api/services", **issued(ciso, "estate.read")).json()
    assert "1 report not read yet" in services[0]["pending"]
    assert any(one["findings"] for one in services)
    Report.objects.filter(state="waiting").update(state="refused")
    assert queries.mapping().is_done
