"""Estate and findings: uploaded as they are, refused as a whole, found again among many."""

from __future__ import annotations

import errno
import gzip
import os
import re
import shutil
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from poise.desk import convert, queries, storing, worker
from poise.desk.actions import Actor, estate, findings
from poise.desk.jobs import run_job
from poise.desk.ledger import DeskLedger
from poise.desk.models import AssetRecord, Finding, Job, Report
from poise.desk.work import findings as findings_work
from poise.errors import ConflictError, DeskError, EstateError
from poise.sample import SampleFiles, write_sample

SAMPLES = Path(__file__).resolve().parents[1] / "scans" / "samples"


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> SampleFiles:
    """Write the sample company."""
    return write_sample(tmp_path_factory.mktemp("company"))


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Send no heartbeat: it would wait for the lock of the transaction that the test stands in."""
    monkeypatch.setattr("poise.desk.jobs.HEARTBEAT_SECONDS", 600.0)


def work() -> None:
    """Do what waits, in this transaction."""
    while (job := Job.objects.filter(state="waiting").order_by("pk").first()) is not None:
        run_job.call(job.pk)


def keep(path: Path) -> storing.Kept:
    return storing.keep(path.name, [path.read_bytes()], convert.folder("reports"))


def adopt(by: Actor, company: SampleFiles) -> None:
    files = [company.estate, *(company.estate.parent / "calendars").glob("*.ics")]
    estate.adopt(by, {path.name: path.read_bytes() for path in files})


def test_a_report_becomes_rows_and_its_assets_find_their_group(ciso: Any, company: SampleFiles) -> None:
    """From upload to mapped findings: as many as the reader itself counts, each with a group or a reason."""
    from poise.scans import summarise

    by = Actor.of(ciso)
    adopt(by, company)
    path = next(one for one in company.reports if one.name.endswith(".nessus"))
    report = findings.take_report(by, keep(path))
    work()
    report.refresh_from_db()
    (summary,) = summarise(path)
    assert (report.state, report.findings, report.num_faults) == (
        "read",
        summary.findings,
        len(summary.faults),
    )
    assert Finding.objects.count() == summary.findings
    records = AssetRecord.objects.all()
    assert all(record.why for record in records)
    assert records.exclude(group="").exists()
    assert sum(record.findings for record in records) == summary.findings
    kinds = [record.statement.kind for record in DeskLedger().records()]
    assert kinds == ["estate.adopted", "report.uploaded"]


def test_a_refused_report_leaves_nothing_and_says_why(ciso: Any, tmp_path: Path) -> None:
    """Half a report would look like a healthy company."""
    whole = (SAMPLES / "xml" / "nessus.nessus").read_bytes()
    path = tmp_path / "cut.nessus"
    path.write_bytes(whole[: len(whole) * 2 // 3])
    report = findings.take_report(Actor.of(ciso), keep(path))
    work()
    report.refresh_from_db()
    assert report.state == "refused"
    assert report.faults[0]["id"] == "E405"
    assert report.faults[0]["where"].startswith("cut.nessus"), "the name only, no folder of the server"
    assert not Finding.objects.exists()
    assert not AssetRecord.objects.exists()
    client = Client()
    client.force_login(ciso)
    assert client.get("/findings/reports").content.decode().count("none counts") == 2, "not known is not zero"


def test_reading_again_after_a_killed_worker_counts_once(ciso: Any) -> None:
    """Rows of the attempt that was cut off go before the next one writes."""
    report = findings.take_report(Actor.of(ciso), keep(SAMPLES / "xml" / "nessus.nessus"))
    work()
    before = Finding.objects.count()
    Job.objects.filter(pk=report.job_id).update(state="waiting")
    work()
    assert Finding.objects.count() == before > 0


def test_the_same_file_counts_once(ciso: Any) -> None:
    """Two uploads of one export, whatever their names, would double exposure."""
    by = Actor.of(ciso)
    findings.take_report(by, keep(SAMPLES / "xml" / "nessus.nessus"))
    with pytest.raises(ConflictError, match="E871"):
        findings.take_report(by, keep(SAMPLES / "xml" / "nessus.nessus"))


def test_a_faulty_estate_changes_nothing(cio: Any, company: SampleFiles) -> None:
    """Every fault is told, and what was in force stays so."""
    by = Actor.of(cio)
    adopt(by, company)
    text = company.estate.read_text().replace("timezone: Europe/Berlin", "timezone: Europe/Nowhere")
    with pytest.raises(EstateError, match="E114"):
        estate.adopt(by, {"estate.yaml": text.encode()})
    version = convert.latest_estate()
    assert version is not None
    assert convert.estate_of(version).name == version.company


@pytest.mark.parametrize(
    "named",
    [
        "windows-sunday.ics/windows-sunday.ics",
        "estate.yaml/windows-sunday.ics",
        f"{'x' * 300}/windows-sunday.ics",
        f"{'a/' * 3_000}windows-sunday.ics",
        "a\0b/windows-sunday.ics",
    ],
)
def test_an_estate_that_names_what_no_file_can_be_called_is_told_so(
    cio: Any, company: SampleFiles, named: str
) -> None:
    """Calendars are laid where the estate looks for them; where nothing can lie, that is its fault."""
    files = [company.estate, *(company.estate.parent / "calendars").glob("*.ics")]
    given = {path.name: path.read_bytes() for path in files}
    given["estate.yaml"] = given["estate.yaml"].replace(b"calendars/windows-sunday.ics", named.encode())
    with pytest.raises(EstateError, match="E1"):
        estate.adopt(Actor.of(cio), given)
    assert convert.latest_estate() is None


def test_an_estate_without_its_calendars_asks_for_both(
    cio: Any, company: SampleFiles, sign_in: Callable[[Any], Client]
) -> None:
    """Who uploads one file of several has no path and no permissions to check, but files to choose."""
    upload = SimpleUploadedFile("estate.yaml", company.estate.read_bytes())
    answer = sign_in(cio).post("/estate/adopt", {"files": [upload]})
    text = answer.content.decode()
    assert "E100" in text
    assert "choose it together with the file that names it" in text
    assert "permissions" not in text
    assert convert.latest_estate() is None


@pytest.mark.parametrize(
    "section", ["calendars:\n  night: {file: NAME}", "freezes:\n  year-end: {file: NAME}"]
)
def test_an_uploaded_estate_reads_no_other_file_of_the_machine(
    section: str, cio: Any, sign_in: Callable[[Any], Client], tmp_path: Path
) -> None:
    """What cannot be read as a calendar is quoted in the fault: no way to a key, or to what others keep."""
    secret = tmp_path / "secret"
    secret.write_text("do-not-tell-this", encoding="utf-8")
    key = settings.POISE_HOME / "secret-key"
    assert key.exists()
    for path in (str(secret), os.path.relpath(secret, settings.POISE_HOME / "estate/x"), "../../secret-key"):
        text = f"company: Acme\ncurrency: EUR\ntimezone: Europe/Berlin\n{section.replace('NAME', path)}\n"
        answer = sign_in(cio).post(
            "/estate/adopt", {"files": [SimpleUploadedFile("estate.yaml", text.encode())]}
        )
        page = answer.content.decode()
        assert "lies outside of the estate" in page, path
        assert "do-not-tell" not in page
        assert key.read_text(encoding="utf-8")[:10] not in page


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "..\\..\\x.nessus", "a/b/c.csv", ".hidden", "\u202egpj.exe", ""]
)
def test_names_of_uploads_lead_nowhere(name: str, tmp_path: Path) -> None:
    """What a browser calls a file never chooses where it is written."""
    kept = storing.keep(name, [b"x"], tmp_path)
    assert kept.path.resolve().is_relative_to(tmp_path.resolve())
    assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._ -]*", kept.name)


@pytest.mark.parametrize("name", ["Übersicht büro.csv", "報告.csv", "отчёт.xml"])
def test_names_of_uploads_keep_letters_of_every_script(name: str, tmp_path: Path) -> None:
    """Else all reports of a company that writes so are called the same, and no calendar is found."""
    assert storing.keep(name, [b"x"], tmp_path).name == name
    assert storing.safe_name("u\u0308bersicht.csv") == "übersicht.csv", "as another system writes it"


def test_the_longest_name_fits_a_file_system(tmp_path: Path) -> None:
    """Names are counted in bytes there; the end of one says what it is."""
    kept = storing.keep("報" * 300 + ".csv", [b"x"], tmp_path)
    assert kept.path.exists()
    assert kept.name.endswith("報.csv")


def test_an_empty_upload_is_refused(tmp_path: Path) -> None:
    """Nothing is left behind of it."""
    with pytest.raises(DeskError, match="E873"):
        storing.keep("empty.csv", [], tmp_path)
    assert not list(tmp_path.iterdir())


def test_search_finds_by_beginning_severity_and_group(ciso: Any, company: SampleFiles) -> None:
    """What people type first is what they find, the most severe first, page by page without gap or repeat."""
    by = Actor.of(ciso)
    adopt(by, company)
    for path in company.reports:
        findings.take_report(by, keep(path))
    work()
    everything: list[Finding] = []
    after = None
    while True:
        rows, after = queries.page(queries.Asked(after=after))
        everything += rows
        if after is None:
            break
    assert len(everything) == queries.total() == Finding.objects.count() > 100
    assert len({row.pk for row in everything}) == len(everything)
    assert [row.severity for row in everything] == sorted((row.severity for row in everything), reverse=True)
    some = next(row for row in everything if row.vulnerability.startswith("CVE-"))
    for text in (some.vulnerability, some.vulnerability[:8].lower()):
        rows = list(queries.findings(queries.Asked(text=text)))
        assert some in rows
        assert all(row.vulnerability.startswith(text.upper()) for row in rows)
    named = list(queries.findings(queries.Asked(text=some.record.label[:4].upper())))
    assert some in named
    assert all(row.record.search.startswith(some.record.label[:4].lower()) for row in named)
    counts = queries.by_group()
    group = max(counts, key=lambda key: counts[key]["num"])
    assert len(queries.findings(queries.Asked(groups=(group,)))) == counts[group]["num"]
    mapped = sum(row["num"] for row in counts.values()) + sum(row.findings for row in queries.unmapped())
    assert mapped == queries.total()


def test_pages_show_what_is_there(ciso: Any, sign_in: Callable[[Any], Client], company: SampleFiles) -> None:
    """Services with their findings, reports with their faults, and a page for each."""
    by = Actor.of(ciso)
    adopt(by, company)
    findings.take_report(by, keep(company.reports[0]))
    work()
    client = sign_in(ciso)
    text = client.get("/estate").content.decode()
    service = next(iter(convert.estate_of(convert.latest_estate()).services.values()))
    assert service.name in text
    assert service.name in client.get(f"/estate/services/{service.id}").content.decode()
    report = Report.objects.get()
    assert report.name in client.get("/findings/reports").content.decode()
    assert report.sha256 in client.get(f"/findings/reports/{report.pk}").content.decode()
    assert client.get("/estate/unmapped").status_code == 200
    assert client.get("/findings?q=CVE&severity=9&after=x.y&report=abc").status_code == 200
    assert client.get("/estate/services/none").status_code == 404


@pytest.mark.usefixtures("committed")
def test_upload_over_the_web(ciso: Any, sign_in: Callable[[Any], Client]) -> None:
    """The browser's form, as the browser sends it, gzip and all."""
    content = gzip.compress((SAMPLES / "xml" / "nessus.nessus").read_bytes())
    file = SimpleUploadedFile("scan.nessus.gz", content)
    client = sign_in(ciso)
    response = client.post("/findings/upload", {"files": [file]})
    assert (response.status_code, response["Location"]) == (302, "/findings/reports")
    worker.run(until_empty=True)
    assert Report.objects.get().state == "read"
    assert client.post("/findings/upload").status_code == 400


def test_of_several_files_the_good_ones_are_kept(ciso: Any, sign_in: Callable[[Any], Client]) -> None:
    """One empty file in between stops none, and the page says of each what became of it."""
    client = sign_in(ciso)
    row = b"host,cve\nweb1,CVE-2021-44228\n"
    files = [
        SimpleUploadedFile(f"{name}.csv", content)
        for name, content in (("a", row), ("b", b""), ("c", row), ("d", row + b"web2,CVE-2021-44228\n"))
    ]
    answer = client.post("/findings/upload", {"files": files})
    page = answer.content.decode()
    assert answer.status_code == 400
    assert {row.name for row in Report.objects.all()} == {"a.csv", "d.csv"}
    assert "b.csv" in page
    assert "was uploaded as a.csv already" in page
    assert "2 others of the same step were kept" in page
    assert "Nothing was changed" not in page


def test_home_asks_for_a_refused_report_until_it_is_dealt_with(
    ciso: Any, sign_in: Callable[[Any], Client], tmp_path: Path
) -> None:
    """Uploading it anew or putting it away ends the question; what nobody can end is not asked."""
    by, client = Actor.of(ciso), sign_in(ciso)
    for name in ("again.csv", "foreign.csv"):
        (tmp_path / name).write_text(f"this is no report: {name}")
        findings.take_report(by, keep(tmp_path / name))
    work()
    home = client.get("/").content.decode()
    assert "again.csv was refused" in home
    (tmp_path / "again.csv").write_text("host,cve\nweb1,CVE-2021-44228\n")
    findings.take_report(by, keep(tmp_path / "again.csv"))
    foreign = Report.objects.get(name="foreign.csv")
    assert "Put it away" in client.get(f"/findings/reports/{foreign.pk}").content.decode()
    client.post(f"/findings/reports/{foreign.pk}/aside")
    home = client.get("/").content.decode()
    assert "was refused" not in home
    assert client.post(f"/findings/reports/{foreign.pk}/aside").status_code == 409
    kinds = [record.statement.kind for record in DeskLedger().records()]
    assert kinds.count("report.replaced") == 1
    assert "none counts" in client.get("/findings/reports").content.decode()


def taken_over(monkeypatch: pytest.MonkeyPatch, job: int) -> None:
    """Let another worker do a job while the first one writes its first finding."""
    real, begun = findings_work._Reading._distinct, []

    def distinct(self: Any, report: Any) -> Any:
        for number, finding in enumerate(real(self, report)):
            if number == 0 and not begun:
                begun.append(True)
                Job.objects.filter(pk=job).update(state="waiting")
                run_job.call(job)
            yield finding

    monkeypatch.setattr(findings_work._Reading, "_distinct", distinct)
    monkeypatch.setattr(findings_work, "BATCH", 1)


@pytest.mark.parametrize("name", ["nessus.nessus", "*.csv", "*.json"])
@pytest.mark.usefixtures("committed")
def test_a_worker_that_was_taken_for_dead_writes_no_more(
    ciso: Any, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """It would count everything twice, or take away what the other has read."""
    path = min(SAMPLES.rglob(name))
    report = findings.take_report(Actor.of(ciso), keep(path))
    assert report.job_id is not None
    taken_over(monkeypatch, report.job_id)
    with suppress(ConflictError):
        run_job.call(report.job_id)
    report.refresh_from_db()
    assert report.state == Report.State.READ
    assert Finding.objects.filter(report=report).count() == report.findings


@pytest.mark.usefixtures("committed")
def test_a_job_that_a_worker_does_is_not_begun_by_another(ciso: Any) -> None:
    """Only silence gives it away."""
    report = findings.take_report(Actor.of(ciso), keep(SAMPLES / "xml" / "nessus.nessus"))
    Job.objects.filter(pk=report.job_id).update(state="running", heartbeat=datetime.now(UTC), attempt=1)
    run_job.call(report.job_id)
    assert Job.objects.get(pk=report.job_id).attempt == 1
    Job.objects.filter(pk=report.job_id).update(heartbeat=datetime.now(UTC) - timedelta(hours=1))
    run_job.call(report.job_id)
    report.refresh_from_db()
    assert report.state == Report.State.READ


def test_a_report_that_is_set_aside_while_it_is_read_stays_so(
    ciso: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else it would count again, beside the one that took its place."""
    by = Actor.of(ciso)
    report = findings.take_report(by, keep(SAMPLES / "xml" / "nessus.nessus"))
    real = findings_work._Reading.take

    def take(self: Any, one: Any) -> None:
        real(self, one)
        findings.set_aside(by, Report.objects.get(pk=report.pk))

    monkeypatch.setattr(findings_work._Reading, "take", take)
    run_job.call(report.job_id)
    report.refresh_from_db()
    assert report.state == Report.State.REPLACED


def test_of_two_mappings_at_once_the_later_waits(ciso: Any, company: SampleFiles) -> None:
    """The older one would write its estate over the newer one's."""
    by = Actor.of(ciso)
    adopt(by, company)
    first = Job.objects.get(kind=estate.MAP_JOB)
    Job.objects.filter(pk=first.pk).update(state="running", heartbeat=datetime.now(UTC), attempt=1)
    estate.want_mapping(by)
    second = Job.objects.get(kind=estate.MAP_JOB, state="waiting")
    run_job.call(second.pk)
    assert Job.objects.get(pk=second.pk).state == Job.State.WAITING
    Job.objects.filter(pk=first.pk).update(state="done")
    run_job.call(second.pk)
    assert Job.objects.get(pk=second.pk).state == Job.State.DONE


def test_an_estate_that_a_full_disk_cut_short_is_uploaded_again(
    cio: Any, company: SampleFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a copy must not pass for the whole one."""
    by, real = Actor.of(cio), shutil.copytree
    shutil.rmtree(convert.folder("estate"), ignore_errors=True)

    def half(source: Any, target: Any) -> None:
        Path(target).mkdir()
        shutil.copy(Path(source, "estate.yaml"), target)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shutil, "copytree", half)
    with pytest.raises(DeskError, match="E873"):
        adopt(by, company)
    monkeypatch.setattr(shutil, "copytree", real)
    adopt(by, company)
    version = convert.latest_estate()
    assert convert.estate_of(version).calendars
    assert [one.name for one in convert.folder("estate").iterdir()] == [Path(version.folder).name]


def test_a_name_that_is_cut_does_not_become_a_hidden_one() -> None:
    """Hidden files are in no backup."""
    name = f"{'x' * 80}.{'y' * 115}.csv"
    assert not storing.safe_name(name).startswith(".")
