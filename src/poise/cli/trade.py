"""``poise trade find``: bundles that both sides prefer to the plan under talk."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from poise.cli import at_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from poise.ledger.record import Record
    from poise.table.session import Session
    from poise.table.trading import Trade


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``poise trade`` to the command line."""
    parser = subparsers.add_parser("trade", help="trades from which both sides gain")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    find = verbs.add_parser(
        "find",
        help="smallest bundles from which both gain by what they declared important; exit 1 without any",
        description="Looks for the fewest moves, or one limit of each side, that both sides prefer by the "
        "importance they declared with their sealed positions. The company's own totals stand beside "
        "every trade, with a warning where one worsens.",
    )
    find.add_argument(
        "--limits", action="store_true", help="trade limits, one of each side, instead of moves"
    )
    find.add_argument(
        "--settled",
        action="store_true",
        help="a plan that both prefer to the agreement in force, by the company's own totals; where there "
        "is none, by what they declared important",
    )
    find.add_argument(
        "--party",
        choices=("operations", "security"),
        help="who offers them, and so to whom they are worth alike (default: whose new proposal is due)",
    )
    at_table.add_effort(find)
    at_table.add_common(find)
    find.set_defaults(run=run_find)


def run_find(arguments: argparse.Namespace) -> int:
    """Run ``poise trade find``."""
    from poise.cli.progress import progress_bar
    from poise.table.settling import better_for_both
    from poise.table.trading import find_limit_trades, find_trades

    effort = at_table.effort_of(arguments)
    with at_table.session(arguments) as at, progress_bar() as progress:
        trades: Sequence[Trade]
        if arguments.settled:
            better = better_for_both(at, effort)
            label, trades = "the agreement in force", () if better is None else (better,)
        else:
            draft, importance = at.draft(effort, progress), at.negotiation.importance
            label = draft.label
            if arguments.limits:
                trades = find_limit_trades(
                    at.ground, at.limits, draft.plan, importance, effort=effort, progress=progress
                )
            else:
                trades = find_trades(
                    at.ground,
                    at.limits,
                    draft.plan,
                    importance,
                    proposer=arguments.party or at.negotiation.due or "security",
                    effort=effort,
                    progress=progress,
                )
        value = {"from": label, "trades": [_json(at, trade) for trade in trades]}
        at_table.show(arguments, value, _text(at, label, trades))
        return 0 if trades else 1


def after_agreement(arguments: argparse.Namespace, record: Record) -> int:
    """Say that an agreement is on the ledger; where it is on a plan, look for one that both prefer."""
    from poise.cli import signing
    from poise.errors import TableError
    from poise.table.agreement import FORM

    if (record.body or {}).get("form") != FORM:
        return signing.added(arguments, record)
    if not arguments.json:
        signing.added(arguments, record)
    found: dict[str, Any]
    try:
        with at_table.session(arguments) as at:
            found, text = _settled(at)
    except TableError as error:  # the table stands elsewhere: whoever has it searches there
        reason = error.faults[0].message
        found, text = {"not_searched": reason}, f"No search for a plan that both prefer: {reason}\n"
    if arguments.json:
        record_value = signing.record_json(record)
        return at_table.show(arguments, {**record_value, "settlement": found}, "")
    return at_table.show(arguments, found, text)


def _settled(at: Session) -> tuple[dict[str, Any], str]:
    """Look for a plan that both prefer to the agreement in force, and put it on the table."""
    from poise.cli.progress import progress_bar
    from poise.table.settling import better_for_both, offer

    with progress_bar() as progress:
        if progress:
            progress(0, 1, "a plan that both prefer to the signed one")
        better = better_for_both(at)
    if better is None:
        return {"better": None}, "No plan was found that both prefer to the signed one.\n"
    number = offer(at, better)
    lines = _trade_lines(at, better, "Both prefer another plan to the signed one: ")
    lines.append(f"It is on the table as proposal {number}; the agreement stands unless both sign another.")
    return {"better": _json(at, better), "proposal": number}, "\n".join(lines) + "\n"


def _json(at: Session, trade: Trade) -> dict[str, Any]:
    return {
        "moves": [_move(at, trade, int(number)) for number in trade.moved],
        "relaxed": trade.relaxed,
        "least_moves": trade.least_moves,
        "is_smallest": trade.is_smallest,
        "gain_security": trade.gain_security,
        "gain_operations": trade.gain_operations,
        "before": trade.before,
        "after": trade.after,
        "warnings": trade.warnings,
    }


def _move(at: Session, trade: Trade, number: int) -> dict[str, Any]:
    window = int(trade.plan.window[number])
    return {
        "change": at.ground.changes[number].id,
        "to": at.ground.windows[window].start.isoformat() if window >= 0 else None,
    }


def _text(at: Session, label: str, trades: Sequence[Trade]) -> str:
    if not trades:
        return f"No bundle was found from which both gain over {label}.\n"
    lines = [f"Both gain over {label}:"]
    for number, trade in enumerate(trades, 1):
        what = f"without {' and '.join(trade.relaxed)}: " if trade.relaxed else ""
        lines += _trade_lines(at, trade, f"{number}. {what}", is_first=number == 1)
    if len(trades) > 1 and not any(trade.relaxed for trade in trades):
        lines.append("To whoever offers them all are worth the same; let the other side choose.")
    return "\n".join(lines) + "\n"


def _trade_lines(at: Session, trade: Trade, head: str, *, is_first: bool = True) -> list[str]:
    currency, moves = at.ground.currency, len(trade.moved)
    lines = [
        f"{head}{moves} move{'s' if moves != 1 else ''}; security gains {trade.gain_security:.1%} and "
        f"operations {trade.gain_operations:.1%} by their own measure",
        f"   company: loss {at_table.money(trade.before.security, currency)} -> "
        f"{at_table.money(trade.after.security, currency)}, disruption "
        f"{at_table.money(trade.before.operations, currency)} -> "
        f"{at_table.money(trade.after.operations, currency)}",
    ]
    lines += [f"   warning: {warning}" for warning in trade.warnings]
    if trade.least_moves > 1 or trade.is_smallest:
        # Alternatives lie elsewhere and are worth what the first is: of those alone this is proven.
        does = "does it" if is_first else "elsewhere is worth the same"
        lines.append(
            f"   no smaller bundle {does} (proven)"
            if trade.is_smallest
            else f"   no bundle of fewer than {trade.least_moves} moves {does} (proven)"
        )
    shown = [_move(at, trade, int(j)) for j in trade.moved[:12]]
    lines += [f"   {move['change']} -> {move['to'] or 'not done'}" for move in shown]
    if moves > len(shown):
        lines.append(f"   and {moves - len(shown)} more")
    return lines
