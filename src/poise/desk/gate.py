"""The gate's state at the desk: what its ledger and its verdicts say, as the domain's own objects."""

from __future__ import annotations

import gzip
from datetime import datetime
from typing import Final

from poise.desk.ledger import DeskLedger
from poise.desk.models import DeliveryVerdict
from poise.gate.budget import Point, daily, state_of
from poise.gate.documents import Trust
from poise.gate.policy import Budget
from poise.gate.register import KINDS, Register, register
from poise.gate.verdict import BudgetState, Verdict, decode

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
        if key.replaced or key.revoked is not None:
            continue
        for side, found in sides.items():
            if side in key.roles:
                found.append(key.id)
    return Trust(tuple(sides["operations"]), tuple(sides["security"]))
