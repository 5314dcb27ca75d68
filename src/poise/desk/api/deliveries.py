"""Deliveries over the API: pipelines hand verdicts in, and fetch what both sides signed."""

from datetime import datetime
from typing import Annotated, Any

from django.http import Http404, HttpRequest
from ninja import Query, Router, Schema, Status

from poise.desk.actions import gate_reports
from poise.desk.api.estate import REFUSED
from poise.desk.api.security import CallRequest, needs
from poise.desk.gate import gate_register, trust
from poise.desk.models import DeliveryVerdict
from poise.errors import Fault, PolicyError
from poise.gate.intake import MAX_BYTES

router = Router()
#: A verdict is taken byte for byte, so its form is told here and checked by poise.gate.intake.
_BODY = {
    "required": True,
    "content": {"application/json": {"schema": {"type": "object", "title": "verdict.json"}}},
}


class VerdictOut(Schema):
    """A verdict as it was kept."""

    id: int
    service: str
    commit: str
    decision: str
    judged: datetime
    sha256: str


class PolicyOut(Schema):
    """What a pipeline judges a service by: policy.json, trust.json, and the exceptions that are open."""

    service: str
    policy: dict[str, Any]
    trust: dict[str, list[str]]
    exceptions: list[dict[str, Any]]


@router.post(
    "/gate/verdicts",
    response={200: VerdictOut, 201: VerdictOut, **REFUSED},
    operation_id="report_verdict",
    **needs("gate.report", requestBody=_BODY),
)
def report(request: CallRequest) -> Status[DeliveryVerdict]:
    """Keep the verdict.json of a pipeline; the same bytes are kept once, and answered with 200 then."""
    if int(request.headers.get("Content-Length") or 0) > MAX_BYTES:
        raise PolicyError(Fault("E613", "verdict", f"It has over {MAX_BYTES:,} bytes."))
    row, is_new = gate_reports.take_verdict(request.actor, request.body)
    return Status(201 if is_new else 200, row)


@router.get(
    "/gate/policy",
    response={200: PolicyOut, **REFUSED},
    operation_id="policy",
    **needs("gate.read"),
)
def policy(request: HttpRequest, service: Annotated[str, Query(max_length=80)]) -> dict[str, Any]:
    """Return the policy in force for a service, whose keys count, and what is excepted; 404 without one."""
    from poise.desk import clock

    found, now = gate_register(), clock.now()
    entry = found.in_force(service, now)
    if entry is None:
        raise Http404
    keys = trust()
    return {
        "service": service,
        "policy": entry.envelope.as_json(),
        "trust": {"operations": list(keys.operations), "security": list(keys.security)},
        "exceptions": [
            one.envelope.as_json()
            for one in found.exceptions.values()
            if one.document.service == service and one.state(now) == "open"
        ],
    }
