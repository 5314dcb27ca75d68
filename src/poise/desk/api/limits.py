"""Limits of the table over the API: a side's own are posted, changed and dropped, as on the page."""

from typing import Annotated, Any

import msgspec
from ninja import Path, Query, Router, Status

from poise.desk import convert
from poise.desk.actions import bargaining
from poise.desk.api.estate import REFUSED
from poise.desk.api.security import CallRequest, needs
from poise.desk.api.shapes import LimitIn, LimitRowOut, LimitTerms
from poise.errors import ConflictError, Fault
from poise.table.limits import Limit, sentence

router = Router()
Name = Annotated[str, Path(max_length=64)]


@router.get(
    "/limits",
    response={200: list[LimitRowOut], **REFUSED},
    operation_id="limits",
    by_alias=True,
    **needs("table.read"),
)
def limits(request: CallRequest) -> list[dict[str, Any]]:
    """List the limits in force, and those of the own side's opening position while it is not open."""
    at = convert.session(request.actor.now)
    if at.negotiation.ground is None:
        return []
    own = bargaining.limits_before(request.actor, at)
    currency = at.ground.currency
    return [_row(one, currency) for one in at.limits] + [_row(one, currency, is_sealed=True) for one in own]


@router.post(
    "/limits",
    response={201: LimitRowOut, **REFUSED},
    operation_id="limit_post",
    by_alias=True,
    **needs("table.limit"),
)
def post(request: CallRequest, given: LimitIn) -> Status[dict[str, Any]]:
    """Post a limit of the own side."""
    bargaining.add_limit(request.actor, _plain(given))
    return Status(201, _known(request, given.id))


@router.put(
    "/limits/{name}",
    response={200: LimitRowOut, **REFUSED},
    operation_id="limit_change",
    by_alias=True,
    **needs("table.limit"),
)
def change(
    request: CallRequest, name: Name, given: LimitTerms, version: Annotated[str, Query(max_length=64)]
) -> dict[str, Any]:
    """Put other terms into a limit of the own side; 409 if it is not the ``version`` any more."""
    bargaining.change_limit(request.actor, {**_plain(given), "id": name}, version)
    return _known(request, name)


@router.delete(
    "/limits/{name}", response={204: None, **REFUSED}, operation_id="limit_drop", **needs("table.limit")
)
def drop(
    request: CallRequest, name: Name, reason: Annotated[str, Query(max_length=2000)] = ""
) -> Status[None]:
    """Take a limit of the own side off the table, with a reason that the ledger keeps."""
    bargaining.drop_limit(request.actor, name, reason.strip())
    return Status(204, None)


def _plain(given: LimitTerms) -> dict[str, Any]:
    """Return the terms as a form would give them."""
    return given.model_dump(mode="json", by_alias=True)


def _known(request: CallRequest, name: str) -> dict[str, Any]:
    found = next((row for row in limits(request) if row["id"] == name), None)
    if found is None:
        text = "is kept, and was dropped by somebody else right after."
        raise ConflictError(Fault("E871", f"limit {name}", text, "List the limits again."))
    return found


def _row(limit: Limit, currency: str, *, is_sealed: bool = False) -> dict[str, Any]:
    return {
        **msgspec.to_builtins(limit),
        "sentence": sentence(limit, currency),
        "is_sealed": is_sealed,
        "version": bargaining.version_of(limit),
    }
