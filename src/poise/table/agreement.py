"""The agreement: a plan, what stays open and who bears it, when it re-opens, and all that it rests on.

It is a function of the ground, the limits, the proposal and the terms alone, so that whoever replays the
ledger composes the same bytes. Agreed dates never change; later facts stand in later records beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Literal

import msgspec
import numpy as np

from poise.errors import Fault, TableError
from poise.ledger.canonical import canonical, digest
from poise.planning.evaluate import evaluate
from poise.planning.problem import Evaluation, Plan
from poise.table.ground import Ground
from poise.table.limits import Limit
from poise.table.solving import costs_of
from poise.table.trust import draws_of

FORM = "poise-agreement/1"
Action = Literal["notify", "reopen", "default"]


class Trigger(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One fact that touches the agreement, and what then happens.

    ``kev``: a vulnerability in scope becomes known-exploited. ``exposure``: the expected loss of the
    agreed plan, on later data, grows by more than ``threshold`` (0.2 is a fifth). ``window``: an agreed
    window is cancelled. ``team``: a team that has work in the plan is lost. ``data``: a feed or report is
    older than ``threshold`` days. ``exception``: an exception's end has come.

    ``notify`` tells both sides, ``reopen`` asks for a new agreement, ``default`` lets the default plan
    take over until there is one.
    """

    kind: Literal["kev", "exposure", "window", "team", "data", "exception"]
    action: Action = "reopen"
    threshold: float | None = None


#: What both sides sign when they say nothing else.
USUAL_TRIGGERS = (
    Trigger(kind="kev", action="reopen"),
    Trigger(kind="exposure", action="reopen", threshold=0.2),
    Trigger(kind="window", action="reopen"),
    Trigger(kind="team", action="reopen"),
    Trigger(kind="data", action="notify", threshold=14.0),
    Trigger(kind="exception", action="reopen"),
)


class AcceptedRisk(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An exception: a risk that somebody accepts until a day."""

    what: str
    owner: str
    until: date
    reason: str = ""


class Terms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What both sides agree beside the plan."""

    triggers: tuple[Trigger, ...] = USUAL_TRIGGERS
    exceptions: tuple[AcceptedRisk, ...] = ()
    #: Day by which the agreement is looked at again; None for the end of the horizon.
    review: date | None = None


def check_review(terms: Terms, today: date) -> None:
    """Raise E557 when an agreement would be looked at again on a day that is past."""
    if terms.review is not None and terms.review < today:
        text = f"The review is on {terms.review}, which is past; expected {today} or later."
        raise TableError(Fault("E557", "agreement", text))


def plan_by_names(ground: Ground, plan: Plan) -> dict[str, str | None]:
    """Return the start of each change's window, by change id; None for never."""
    return {
        change.id: ground.windows[window].start.isoformat() if window >= 0 else None
        for change, window in zip(ground.changes, plan.window.tolist(), strict=True)
    }


def agreement_body(
    ground: Ground,
    limits: Sequence[Limit],
    plan: Plan,
    terms: Terms,
    *,
    default: Plan,
    bound: dict[str, float],
) -> dict[str, Any]:
    """Return the body of an agreement: plain values, the same for the same arguments.

    Parameters
    ----------
    limits
        In force when it was agreed.
    default
        What would have happened without it; both sides' gains are counted from it.
    bound
        What is proven about all other plans, by name.
    """
    problem = ground.problem
    agreed, otherwise = evaluate(problem, plan), evaluate(problem, default)
    owner = {service.id: service.owner for service in ground.services}
    end = terms.review or ground.horizon_end.date()
    residual = []
    for number, change in enumerate(ground.changes):
        window = int(plan.window[number])
        if window >= 0 and not agreed.late[number]:
            continue
        service = ground.group_service[int(problem.change_group[number])]
        residual.append(
            {
                "change": change.id,
                "state": "late" if window >= 0 else "not done",
                "service": service,
                "owner": owner.get(service) or service,
                "until": (ground.windows[window].end.date() if window >= 0 else end).isoformat(),
                "exposure_per_day": change.exposure_per_day,
            }
        )
    return {
        "form": FORM,
        "summary": _summary(ground, plan, (agreed, otherwise), limits, len(residual)),
        "company": ground.company,
        "currency": ground.currency,
        "plan": plan_by_names(ground, plan),
        "windows": _windows(ground, plan),
        "expected_loss": agreed.exposure,
        "late_cost": agreed.late_cost,
        "disruption": agreed.disruption,
        "default": {
            "sentence": ground.default_sentence,
            "expected_loss": otherwise.exposure,
            "late_cost": otherwise.late_cost,
            "disruption": otherwise.disruption,
        },
        "limits": [msgspec.to_builtins(limit) for limit in limits],
        "residual": residual,
        "terms": msgspec.to_builtins(terms),
        "basis": _basis(ground, bound),
    }


def _basis(ground: Ground, bound: dict[str, float]) -> dict[str, Any]:
    """Return what an agreement rests on: the data, and all that repeats its figures."""
    return {
        "ground": ground.digest,
        "problem": digest(canonical(msgspec.to_builtins(ground.problem_arrays))),
        "inputs": [msgspec.to_builtins(one) for one in ground.inputs],
        "now": ground.now.isoformat(),
        "horizon_end": ground.horizon_end.isoformat(),
        "poise": ground.poise_version,
        "solver": "HiGHS",
        "seed": ground.seed,
        "simulation": draws_of(ground),
        "bound": bound,
    }


def _summary(
    ground: Ground,
    plan: Plan,
    costs: tuple[Evaluation, Evaluation],
    limits: Sequence[Limit],
    num_residual: int,
) -> list[str]:
    """Return what is agreed in plain sentences: the plan, what each side gave and got, what stays open."""
    agreed, otherwise = costs
    done = np.flatnonzero(plan.window >= 0)
    last = max((ground.windows[w].end for w in plan.window[done]), default=ground.now)
    currency = ground.currency
    said = [
        f"We make {len(done)} of {len(plan.window)} changes by {last:%Y-%m-%d}: expected loss {currency} "
        f"{agreed.exposure:,.0f} and disruption {currency} {agreed.disruption:,.0f} until "
        f"{ground.horizon_end:%Y-%m-%d}."
    ]
    for side, own, before, what in (
        (
            "Security",
            agreed.exposure + agreed.late_cost,
            otherwise.exposure + otherwise.late_cost,
            "expected loss and lateness",
        ),
        ("Operations", agreed.disruption, otherwise.disruption, "disruption"),
    ):
        verb, change = ("gets", "less") if own <= before else ("gives", "more")
        kept = ", ".join(limit.id for limit in limits if limit.party == side.lower()) or "none"
        said.append(
            f"{side} {verb} {currency} {abs(before - own):,.0f} {change} {what} than if nobody signs; "
            f"its limits that are kept: {kept}."
        )
    said.append(
        f"{num_residual} changes stay open or late; each stands under residual with its owner and its day."
        if num_residual
        else "No change stays open or late."
    )
    return said


def _windows(ground: Ground, plan: Plan) -> list[dict[str, Any]]:
    """Return every opening: when, which group and team."""
    done = plan.window >= 0
    pairs = sorted(
        {(int(w), int(g)) for w, g in zip(plan.window[done], ground.problem.change_group[done], strict=True)}
    )
    return [
        {
            "group": ground.groups[group].id,
            "team": ground.groups[group].team,
            "start": ground.windows[window].start.isoformat(),
            "end": ground.windows[window].end.isoformat(),
        }
        for window, group in pairs
    ]


def is_agreement(body: dict[str, Any]) -> bool:
    """Return whether a body that two people signed is about a plan; they may agree on other matters."""
    try:
        terms_of(body)
        starts = [datetime.fromisoformat(one["start"]) for one in body["windows"]]
        starts += [datetime.fromisoformat(start) for start in body["plan"].values() if start is not None]
    except (msgspec.ValidationError, KeyError, TypeError, ValueError, AttributeError):
        return False
    return body.get("form") == FORM and all(start.tzinfo is not None for start in starts)


def terms_of(body: dict[str, Any]) -> Terms:
    """Return the terms of an agreement's body."""
    return msgspec.convert(body["terms"], Terms)


def agreed_plan(ground: Ground, body: dict[str, Any]) -> Plan:
    """Return the agreed plan in the windows of a ground, perhaps a later one.

    A change that the agreement does not know, or whose window is not there any more, is not done.
    """
    number: dict[tuple[str, datetime], int] = {}
    problem = ground.problem
    for group, entry in enumerate(ground.groups):
        for window in problem.slot_window[problem.slot_ptr[group] : problem.slot_ptr[group + 1]]:
            number[entry.id, ground.windows[window].start] = int(window)
    windows = []
    for change in ground.changes:
        start = body["plan"].get(change.id)
        key = (change.group, datetime.fromisoformat(start)) if start else None
        windows.append(number.get(key, -1) if key else -1)
    return Plan(np.array(windows, dtype=np.int64))


def proven(ground: Ground, plan: Plan) -> dict[str, float]:
    """Return what is proven about all plans of no more disruption than one: bound on loss, and its gap."""
    costs = costs_of(ground.problem, plan)
    lines = np.array(ground.line_bound) - np.array(ground.line_weight) * costs.operations
    bound = max(0.0, float(lines.max(initial=0.0)))
    return {
        "least_security_cost": bound,
        "gap": (costs.security - bound) / costs.security if costs.security > 0 else 0.0,
    }
