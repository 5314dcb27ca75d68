"""Computations at the table: fair points, prices, trades, repairs, reasons."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from poise.desk import convert, naming
from poise.desk.actions.bargaining import (
    LANDMARKS_JOB,
    PRICES_JOB,
    REPAIRS_JOB,
    SETTLE_JOB,
    TRADES_JOB,
    WHY_JOB,
)
from poise.desk.actions.base import writing
from poise.desk.actions.evidence import play_later
from poise.desk.convert import REPLAN_JOB, DeskSession
from poise.desk.jobs import Run, handler
from poise.errors import NoFeasiblePlanError
from poise.patching.harddates import named_dates
from poise.report.figures import plural
from poise.table.emergency import way_words
from poise.table.pricing import price_sheet, sentence
from poise.table.reasons import Asked, why_not
from poise.table.repairing import Give, repair_sheet
from poise.table.replanning import Replan, replan_agreement
from poise.table.settling import better_for_both, offer
from poise.table.trading import Trade, find_trades


@handler(LANDMARKS_JOB)
def landmarks(run: Run) -> None:
    """Compute the fair points after limits; they are kept beside the ground."""
    at = convert.session(run.by.now)
    why, changes, names = "", at.ground.changes, naming.names_of(at.ground)
    try:
        with named_dates(lambda change: names[changes[change].id], at.ground.now, at.ground.timezone):
            at.after(progress=run.progress)
    except NoFeasiblePlanError as error:
        first = error.faults[0]
        why = f"{first.where} {first.message}" if error.dates else first.message
    with run.finishing(**at.mark(), impossible=why):
        play_later(run.by, at)


@handler(PRICES_JOB)
def prices(run: Run) -> None:
    """Price every negotiable limit at the plan under talk."""
    at = convert.session(run.by.now)
    draft, currency = at.draft(progress=run.progress), at.ground.currency
    sheet = price_sheet(at.ground, at.limits, draft.plan, draft.costs, progress=run.progress)
    rows = {
        one.limit.id: {
            "alone": sentence(one.exposure.alone, currency, "exposure"),
            "disruption": sentence(one.disruption, currency, "disruption"),
            "last": sentence(one.exposure.last, currency, "exposure"),
            "trimmed": None if one.trimmed is None else sentence(one.trimmed, currency, "exposure"),
        }
        for one in sheet.limits
    }
    together = [
        sentence(sheet.together_exposure, currency, "exposure"),
        sentence(sheet.together_disruption, currency, "disruption"),
    ]
    with run.finishing(**at.mark(), at=draft.label, limits=rows, together=together):
        pass


@handler(TRADES_JOB)
def trades(run: Run) -> None:
    """Look for bundles from which both sides gain by what they declared important."""
    at = convert.session(run.by.now)
    draft = at.draft(progress=run.progress)
    state = at.negotiation
    found = find_trades(
        at.ground,
        at.limits,
        draft.plan,
        state.importance,
        proposer=state.due or "security",
        progress=run.progress,
    )
    with run.finishing(**at.mark(), at=draft.label, trades=[_trade(at, one) for one in found]):
        pass


def _trade(at: DeskSession, trade: Trade) -> dict[str, Any]:
    return {
        "windows": trade.plan.window.tolist(),
        "relaxed": list(trade.relaxed),
        "least_moves": trade.least_moves,
        "is_smallest": trade.is_smallest,
        "gain_security": trade.gain_security,
        "gain_operations": trade.gain_operations,
        "before": [trade.before.security, trade.before.operations],
        "after": [trade.after.security, trade.after.operations],
        "warnings": [f"{warning} {at.ground.currency}" for warning in trade.warnings],
        "moves": [at.move_words(int(number), trade.plan) for number in trade.moved],
    }


@handler(SETTLE_JOB)
def settle(run: Run) -> None:
    """Look for a plan that both prefer to the one just signed, and put it on the table."""
    at = convert.session(run.by.now)
    in_force = at.negotiation.in_force
    if in_force is None or in_force[0] != run.arguments["agreement"]:
        with run.finishing(better=None):
            return
    run.progress(0, 1, "looking for a plan that both prefer")
    better = better_for_both(at)
    with writing():
        now = convert.session(run.by.now).negotiation
        if (now.opened, now.in_force and now.in_force[0]) != (at.negotiation.opened, in_force[0]):
            better = None  # another table, or another agreement: windows and gains meant those of then
        found = None if better is None else _trade(at, better)
        with run.finishing(agreement=in_force[0], better=found):
            if better is not None:
                offer(at, better)


@handler(REPLAN_JOB)
def replan(run: Run) -> None:
    """Look for ways on from the re-opened agreement; each becomes a plan that can be read and proposed."""
    at = convert.session(run.by.now)
    on, about = [at.negotiation.ground, at.reopened], at.about_replan()
    if at.reopened is None:
        with run.finishing(on=on, about=about, ways=[]):
            return
    found = replan_agreement(at, progress=run.progress)
    with run.finishing(
        on=on,
        about=about,
        kept=[found.kept.security, found.kept.operations],
        is_possible=found.is_possible,
        least_moves=found.least_moves,
        ways=[_way(number, way) for number, way in enumerate(found.ways, 1)],
    ):
        play_later(run.by, at)


def _way(number: int, way: Replan) -> dict[str, Any]:
    is_whole, moved = way.budget is None, plural(len(way.moved), "change")
    if is_whole:
        label = f"Whole re-plan, {moved}"
    elif not len(way.moved):
        label = "The agreed plan as it is"
    else:
        label = f"Re-plan of fewest moves, {moved}" if number == 1 else f"Re-plan moving {moved}"
    return {
        "key": "replan-whole" if is_whole else f"replan-{number}",
        "label": label,
        "windows": way.plan.window.tolist(),
        "moves": way.moves,
        "recovered": way.recovered,
        "costs": [way.costs.security, way.costs.operations],
    }


@handler(REPAIRS_JOB)
def repairs(run: Run) -> None:
    """Look for the smallest ways out of limits that cannot all hold."""
    at = convert.session(run.by.now)
    start = at.before.point("kalai-smorodinsky").plan
    sheet = repair_sheet(at.ground, at.limits, start, progress=run.progress)
    rows = [
        {
            "parties": list(one.parties),
            "gives": [_give(give, at.ground.currency) for give in one.gives],
            "security": one.costs.security,
            "operations": one.costs.operations,
        }
        for one in sheet.repairs
    ]
    with run.finishing(
        **at.mark(),
        is_needed=sheet.is_needed,
        is_complete=sheet.is_complete,
        blocked_by=list(sheet.blocked_by),
        emergency=[{"words": way_words(way), "price": way.price} for way in sheet.emergency],
        conflicts=[sorted(one) for one in sheet.conflicts],
        repairs=rows,
    ):
        pass


#: What the amounts of rules count; a limit of exposure is in the table's currency.
_UNITS: Final = {"hours": "hours", "weekends": "weekends", "services": "services a week", "deadline": "days"}


def _give(give: Give, currency: str) -> str:
    limit, after = give.limit, give.after
    perhaps = "" if give.is_least else "; less may do, which is not proven"
    if after is None:
        return f"{limit.id} goes{perhaps}"
    if after.start is not None and after.end is not None and limit.rule == "freeze":
        return f"{limit.id} shrinks to {after.start:%-d %b} to {after.end:%-d %b}{perhaps}"
    amounts = f"{limit.amount or 0:,.6g} becomes {after.amount or 0:,.6g}"
    unit = _UNITS.get(limit.rule, currency)
    return f"{limit.id}: {amounts} {unit} (+{give.share:.0%}){perhaps}"


@handler(WHY_JOB)
def why(run: Run) -> None:
    """Ask why a change is not done at another time."""
    at = convert.session(run.by.now)
    given = run.arguments
    moments = [
        datetime.fromisoformat(given[name]) if given.get(name) else None for name in ("after", "before")
    ]
    asked = Asked(given["change"], *moments)
    draft = at.draft(progress=run.progress)
    reason = why_not(at.ground, at.limits, draft.plan, asked, progress=run.progress)
    with run.finishing(about=at.about(), change=given["change"], sentence=reason.sentence):
        pass
