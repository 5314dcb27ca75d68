"""Where the table stands, agreements and the ledger over the API."""

from typing import Annotated, Any

import msgspec
from django.http import HttpRequest
from ninja import Query, Router

from poise.desk import convert, telling
from poise.desk.api.estate import REFUSED
from poise.desk.api.security import CallRequest, needs
from poise.desk.api.shapes import RecordOut, RecordsOut, TableOut
from poise.desk.ledger import DeskLedger
from poise.ledger.record import Record
from poise.table.ground import as_plan
from poise.table.negotiation import Proposal
from poise.table.session import Session

router = Router()
#: Records of one answer.
RECORDS = 100


@router.get(
    "/table",
    response={200: TableOut, **REFUSED},
    operation_id="table",
    by_alias=True,
    **needs("table.read"),
)
def table(request: CallRequest) -> dict[str, Any]:
    """Return where the negotiation stands; sealed positions stay sealed."""
    at = convert.session(request.actor.now)
    state = at.negotiation
    return {
        "ground": state.ground,
        "company": at.ground.company if state.ground else "",
        "sealed": sorted(state.sealed),
        "opened": sorted(state.positions),
        "due": state.due,
        "limits": [msgspec.to_builtins(limit) for limit in state.limits],
        "proposals": [_proposal(at, one) for one in state.proposals],
        "in_force": state.in_force[0] if state.in_force else None,
    }


def _proposal(at: Session, one: Proposal) -> dict[str, Any]:
    security, operations = at.shares(at.costs(as_plan(one.windows)))
    return {
        "number": one.number,
        "party": one.party,
        "label": one.label,
        "share_operations": operations,
        "share_security": security,
        "is_matched": one.number in at.negotiation.matched,
    }


@router.get(
    "/agreements",
    response={200: list[RecordOut], **REFUSED},
    operation_id="agreements",
    **needs("agreement.read"),
)
def agreements(request: HttpRequest) -> list[RecordOut]:
    """List all signed agreements, the oldest first."""
    ledger = DeskLedger()
    return [_record(ledger, record) for record in ledger.records(kind="agreement")]


@router.get("/ledger", response={200: RecordsOut, **REFUSED}, operation_id="ledger", **needs("ledger.read"))
def records(request: CallRequest, start: Annotated[int, Query(ge=0, le=2**53)] = 0) -> dict[str, Any]:
    """Return the records of a hundred places of the ledger, without those that are not for the caller."""
    ledger = DeskLedger()
    found = [one for one in ledger.between(start, start + RECORDS) if telling.may_know(request.actor, one)]
    following = start + RECORDS
    return {
        "records": [_record(ledger, record) for record in found],
        "next": following if following < ledger.head.size else None,
    }


def _record(ledger: DeskLedger, record: Record) -> RecordOut:
    signers = [one.person for one in ledger.signers(record)] if record.signatures else []
    return RecordOut(
        sequence=record.sequence,
        hash=record.hash,
        kind=record.statement.kind,
        author=record.statement.author,
        time=record.time,
        signers=signers,
        body=record.body,
    )
