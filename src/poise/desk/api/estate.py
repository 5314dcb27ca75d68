"""Estate, findings and reports over the API."""

from typing import Annotated, Any

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import File, Path, Query, Router, Status
from ninja.files import UploadedFile

from poise.desk import convert, queries, storing
from poise.desk.actions import findings as actions
from poise.desk.api.security import CallRequest, needs
from poise.desk.api.shapes import FaultOut, FindingOut, FindingsOut, JobOut, Refusal, ReportOut, ServiceOut
from poise.desk.models import Finding, Job, Report
from poise.desk.models.finding import SEVERITY_WORDS
from poise.errors import DeskError, Fault

router = Router()
#: Numbers of rows: what a database's keys hold.
Number = Annotated[int, Path(ge=1, le=2**53)]
#: Why nothing is known of a service's findings although all reports are read.
UNSEEN = "no report shows an asset of it"
REFUSED = {400: Refusal, 401: Refusal, 403: Refusal, 404: Refusal, 409: Refusal, 422: Refusal, 429: Refusal}


@router.get(
    "/services",
    response={200: list[ServiceOut], **REFUSED},
    operation_id="services",
    **needs("estate.read"),
)
def services(request: HttpRequest) -> list[dict[str, Any]]:
    """List the services of the estate with the findings on their assets."""
    version = convert.latest_estate()
    if version is None:
        return []
    estate, counts, mapping = convert.estate_of(version), queries.by_group(), queries.mapping()
    rows = []
    for service in estate.services.values():
        groups = [group.id for group in estate.groups.values() if service.id in group.services]
        own = [counts[group] for group in groups if group in counts]
        # A service of which no report shows an asset is not known to be clean.
        unseen = UNSEEN if mapping.is_done and not own else ""
        lack = mapping.lack or unseen
        rows.append(
            {
                "id": service.id,
                "name": service.name,
                "owner": service.owner,
                "tier": service.tier,
                "assumed": sorted(service.assumed),
                "groups": groups,
                "findings": sum(row["num"] for row in own) if not lack else None,
                "critical": sum(row["num_critical"] for row in own) if not lack else None,
                "high": sum(row["num_high"] for row in own) if not lack else None,
                "pending": mapping.under_way or lack,
            }
        )
    return rows


@router.get(
    "/findings", response={200: FindingsOut, **REFUSED}, operation_id="findings", **needs("estate.read")
)
def findings(
    request: HttpRequest,
    q: Annotated[str, Query(max_length=120)] = "",
    severity: Annotated[int | None, Query(ge=0, le=5)] = None,
    report: Annotated[int | None, Query(ge=1, le=2**53)] = None,
    after: Annotated[str | None, Query(pattern=r"^[0-5]\.[0-9]{1,15}$")] = None,
) -> dict[str, Any]:
    """List findings, the worst first, 50 at a time; ``q`` begins a vulnerability's id or an asset's name."""
    place = (int(after[0]), int(after[2:])) if after else None
    asked = queries.Asked(text=q.replace("\0", ""), severity=severity, report=report, after=place)
    rows, following = queries.page(asked)
    return {
        "findings": [_finding(row) for row in rows],
        "after": f"{following[0]}.{following[1]}" if following else None,
    }


def _finding(row: Finding) -> FindingOut:
    return FindingOut(
        id=row.pk,
        report=row.report_id,
        vulnerability=row.vulnerability,
        title=row.title,
        severity=SEVERITY_WORDS[row.severity],
        status=row.status,
        kind=row.kind,
        asset=row.record.label,
        group=row.record.group if row.record.asset else None,
        component=row.component,
        installed=row.installed,
        fixed=row.fixed,
    )


@router.get(
    "/reports", response={200: list[ReportOut], **REFUSED}, operation_id="reports", **needs("estate.read")
)
def reports(request: HttpRequest) -> list[ReportOut]:
    """List the newest 200 reports."""
    return [_report(row) for row in Report.objects.all()[:200]]


@router.get(
    "/reports/{number}",
    response={200: ReportOut, **REFUSED},
    operation_id="report",
    **needs("estate.read"),
)
def report(request: HttpRequest, number: Number) -> ReportOut:
    """Return one report with its faults."""
    return _report(get_object_or_404(Report, pk=number))


@router.post(
    "/reports", response={202: ReportOut, **REFUSED}, operation_id="upload", **needs("findings.import")
)
def upload(request: CallRequest, file: File[UploadedFile]) -> Status[ReportOut]:
    """Keep a scanner report and queue it for reading; its job tells how far that is."""
    if not file.name:
        raise DeskError(Fault("E878", "file", "It has no name.", "Send it with the name of the report."))
    kept = storing.keep(file.name, file.chunks(1 << 20), convert.folder("reports"))
    return Status(202, _report(actions.take_report(request.actor, kept)))


def _report(row: Report) -> ReportOut:
    is_read = row.state != Report.State.WAITING
    return ReportOut(
        id=row.pk,
        name=row.name,
        sha256=row.sha256,
        state=row.state,
        formats=row.formats,
        findings=row.findings if is_read else None,
        assets=row.assets if is_read else None,
        num_faults=row.num_faults if is_read else None,
        faults=[FaultOut(**fault) for fault in row.faults],
        uploaded=row.uploaded,
        job=row.job_id,
    )


@router.get("/jobs/{number}", response={200: JobOut, **REFUSED}, operation_id="job", **needs("estate.read"))
def job(request: HttpRequest, number: Number) -> Job:
    """Return how far a job is."""
    return get_object_or_404(Job, pk=number)
