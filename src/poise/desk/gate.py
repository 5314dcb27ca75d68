"""The gate's state at the desk: what its ledger and its verdicts say, as the domain's own objects."""

from __future__ import annotations

import gzip
from datetime import datetime
from typing import Final

from poise.desk.ledger import DeskLedger
from poise.desk.models import DeliveryVerdict
from poise.gate.budget import Point, daily, state_of
from poise.gate.documents import POLICY_TYPE, Trust
from poise.gate.policy import Budget
from poise.gate.register import KINDS, PolicyEntry, Register, register
from poise.gate.verdict import BudgetState, Verdict, decode
from poise.ledger.roster import Key

#: Verdicts of one service from which its budget is told; ten a day for the longest window.
MOST_POINTS: Final = 4_000


def gate_register() -> Register:
    """Return policies, exceptions and words, as the ledger has them."""
    return register(DeskLedger().records_of(KINDS))


def verdict_of(row: DeliveryVerdict) -> Verdict:
    """Return the verdict of a row."""
    return decode(gzip.decompress(bytes(row.content)))


def points_of(service: str, now: datetime) -> list[Point]:
    """Return the history of a service, oldest first."""
    rows = DeliveryVerdict.objects.filter(service=service, judged__lte=now).only(
        "judged", "service", "commit", "decision", "by_us", "without_fix"
    )
    return [
        Point(row.judged, row.service, row.commit, row.decision, row.by_us, row.without_fix)
        for row in reversed(rows[:MOST_POINTS])
    ]


def budget_of(
    budget: Budget, points: list[Point], now: datetime
) -> tuple[BudgetState, list[tuple[datetime, float, float]]]:
    """Return where a risk budget stands, and what burned on each day of its window."""
    last = points[-1] if points else None
    state = state_of(budget, points, now, last.by_us if last else 0.0, last.without_fix if last else 0.0)
    return state, daily(points, now, budget.window_days)


def trust() -> Trust:
    """Return whose signatures count for each side: the keys of this ledger that still do."""
    sides: dict[str, list[str]] = {"operations": [], "security": []}
    for key in DeskLedger().roster().keys.values():
        if _has_ended(key):
            continue
        for side, found in sides.items():
            if side in key.roles:
                found.append(key.id)
    return Trust(tuple(sides["operations"]), tuple(sides["security"]))


def _has_ended(key: Key) -> bool:
    """Return whether a key was exchanged or revoked: pipelines judge signatures without their time."""
    return key.replaced or key.revoked is not None


def unsigned_sides(entry: PolicyEntry) -> tuple[str, ...]:
    """Return the sides without a signature that still counts, since keys are exchanged and end.

    Pipelines that know the keys of today refuse such a policy (E780).
    """
    keys = trust()
    return tuple(
        side
        for side, found in (("operations", keys.operations), ("security", keys.security))
        if not entry.envelope.signers(POLICY_TYPE, found)
    )


def lost_names(entry: PolicyEntry) -> tuple[str, ...]:
    """Return whom a policy names with a key that counts no more: what they sign now lifts nothing."""
    roster = DeskLedger().roster()
    ended = {key.id for key in roster.keys.values() if _has_ended(key)}
    return tuple(dict.fromkeys(role.person for role in entry.policy.roles if ended.intersection(role.keys)))


def resting_on(person: str, now: datetime) -> list[PolicyEntry]:
    """Return the policies in force that somebody's keys have signed, or that name one of them."""
    own = {key.id for key in DeskLedger().roster().keys.values() if key.person == person}
    return [
        one
        for one in gate_register().all_in_force(now).values()
        if own.intersection(signature.key_id for signature in one.envelope.signatures)
        or own.intersection(key for role in one.policy.roles for key in role.keys)
    ]
