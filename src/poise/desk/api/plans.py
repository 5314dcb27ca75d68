"""Plans of the table over the API: what each costs, and when it does what."""

from typing import Annotated, Any

import numpy as np
from ninja import Path, Router

from poise.desk import convert
from poise.desk.api.estate import REFUSED
from poise.desk.api.security import CallRequest, needs
from poise.desk.api.shapes import PlanOut, PlanRowOut
from poise.desk.convert import DeskSession
from poise.planning.problem import Plan
from poise.table.agreement import plan_by_names, proven
from poise.table.ground import as_plan

router = Router()


@router.get("/plans", response={200: list[PlanRowOut], **REFUSED}, operation_id="plans", **needs("plan.read"))
def plans(request: CallRequest) -> list[dict[str, Any]]:
    """List the plans of the table that have a name, with what each costs; none before there is a table."""
    at = convert.session(request.actor.now)
    if at.negotiation.ground is None:
        return []
    return [_row(at, key, label, as_plan(windows)) for key, (label, windows) in at.known_plans().items()]


def _row(at: DeskSession, key: str, label: str, plan: Plan) -> dict[str, Any]:
    costs = at.costs(plan)
    security, operations = at.shares(costs)
    return {
        "key": key,
        "label": label,
        "currency": at.ground.currency,
        "security_cost": costs.security,
        "operations_cost": costs.operations,
        "least_security_cost": proven(at.ground, plan)["least_security_cost"],
        "share_security": security,
        "share_operations": operations,
        "num_done": int(np.count_nonzero(plan.window >= 0)),
        "num_changes": len(plan.window),
        "breaks": list(at.breaks(plan)),
    }


@router.get("/plans/{key}", response={200: PlanOut, **REFUSED}, operation_id="plan", **needs("plan.read"))
def plan(request: CallRequest, key: Annotated[str, Path(pattern=r"^[\w-]{1,80}$")]) -> dict[str, Any]:
    """Return when a plan does each change: by its key, ``proposal-3``, or ``agreed`` for the signed one."""
    at = convert.session(request.actor.now)
    ground = at.ground
    label, found = at.named_plan(key)
    starts = plan_by_names(ground, found)
    items = [{"change": one.id, "group": one.group, "start": starts[one.id]} for one in ground.changes]
    return {"key": key, "label": label, "items": items}
