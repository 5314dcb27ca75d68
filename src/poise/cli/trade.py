"""``poise trade find``: bundles that both sides prefer to the plan under talk."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from poise.cli import at_table

if TYPE_CHECKING:
    from collections.abc import Sequence

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
        help="a plan that both prefer to the agreement in force, by the company's own totals",
    )
    at_table.add_effort(find)
    at_table.add_common(find)
    find.set_defaults(run=run_find)


def run_find(arguments: argparse.Namespace) -> int:
    """Run ``poise trade find``."""
    from poise.cli.progress import progress_bar
    from poise.errors import Fault, TableError
    from poise.table.agreement import agreed_plan
    from poise.table.trading import find_limit_trades, find_trades, post_settlement

    effort = at_table.effort_of(arguments)
    with at_table.session(arguments) as at, progress_bar() as progress:
        ground, limits = at.ground, at.limits
        trades: Sequence[Trade]
        if arguments.settled:
            if at.negotiation.in_force is None:
                raise TableError(Fault("E557", "trade", "No agreement is in force; nothing was settled."))
            better = post_settlement(ground, limits, agreed_plan(ground, at.negotiation.in_force[1]), effort)
            label, trades = "the agreement in force", () if better is None else (better,)
        else:
            draft = at.draft(effort)
            label = draft.label
            find = find_limit_trades if arguments.limits else find_trades
            trades = find(
                ground, limits, draft.plan, at.negotiation.importance, effort=effort, progress=progress
            )
        value = {"from": label, "trades": [_json(at, trade) for trade in trades]}
        at_table.show(arguments, value, _text(at, label, trades))
        return 0 if trades else 1


def _json(at: Session, trade: Trade) -> dict[str, Any]:
    return {
        "moves": [_move(at, trade, int(number)) for number in trade.moved],
        "relaxed": trade.relaxed,
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
    currency = at.ground.currency
    lines = [f"Both gain over {label}:"]
    for number, trade in enumerate(trades, 1):
        what = f"without {' and '.join(trade.relaxed)}: " if trade.relaxed else ""
        lines.append(
            f"{number}. {what}{len(trade.moved)} moves; security gains {trade.gain_security:.1%} and "
            f"operations {trade.gain_operations:.1%} by their own measure"
        )
        lines.append(
            f"   company: loss {at_table.money(trade.before.security, currency)} -> "
            f"{at_table.money(trade.after.security, currency)}, disruption "
            f"{at_table.money(trade.before.operations, currency)} -> "
            f"{at_table.money(trade.after.operations, currency)}"
        )
        lines += [f"   warning: {warning}" for warning in trade.warnings]
        moves = [_move(at, trade, int(j)) for j in trade.moved[:12]]
        lines += [f"   {move['change']} -> {move['to'] or 'not done'}" for move in moves]
        if len(trade.moved) > len(moves):
            lines.append(f"   and {len(trade.moved) - len(moves)} more")
    return "\n".join(lines) + "\n"
