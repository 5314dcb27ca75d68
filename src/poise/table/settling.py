"""After a signature: a plan that both sides prefer to the signed one, put on the table where one is found."""

from __future__ import annotations

from poise.errors import Fault, TableError
from poise.table.agreement import agreed_plan
from poise.table.session import Session
from poise.table.solving import Effort
from poise.table.trading import Trade, post_settlement

#: What a plan is called that lowers both of the company's totals, and one that does not.
LABEL = "Better for both than the signed plan"
LABEL_OWN = "Better for both by what they declared important, not by the company's own totals"


def better_for_both(at: Session, effort: Effort | None = None) -> Trade | None:
    """Return a plan that both sides prefer to the agreement in force, as a trade from it; None without one.

    Raises
    ------
    TableError
        E557 when no agreement is in force.
    """
    in_force = at.negotiation.in_force
    if in_force is None:
        raise TableError(Fault("E557", "agreement", "No agreement is in force at this table."))
    signed = agreed_plan(at.ground, in_force[1])
    return post_settlement(at.ground, at.limits, signed, at.negotiation.importance, effort)


def offer(at: Session, better: Trade) -> int:
    """Put a plan that both prefer on the table, as the desk's; return the proposal's number.

    The agreement stands until both sign another.
    """
    at.propose(None, LABEL_OWN if better.warnings else LABEL, better.plan)
    return len(at.negotiation.proposals)
