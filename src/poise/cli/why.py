"""``poise why``: why a change is not earlier, later or in that window."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from poise.cli import at_table

if TYPE_CHECKING:
    from poise.table.reasons import Outcome
    from poise.table.session import Session


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``poise why`` to the command line."""
    from poise.cli.plan import iso_time

    parser = subparsers.add_parser(
        "why",
        help="why a change is not earlier, later or in that window",
        description="Solves the plan under talk again with the change where it is asked for, once at no more "
        "disruption and once at no more expected loss, and says what that costs or what is in the way.",
    )
    parser.add_argument("change", metavar="CHANGE", help="id of a change, as plan.csv has it")
    parser.add_argument(
        "--before", type=iso_time, metavar="TIME", help="done by then; without a zone in company time"
    )
    parser.add_argument("--after", type=iso_time, metavar="TIME", help="not before then; likewise")
    at_table.add_effort(parser)
    at_table.add_common(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run ``poise why``."""
    from poise.cli.progress import progress_bar
    from poise.errors import Fault, TableError
    from poise.table.reasons import Asked, why_not

    if arguments.before is None and arguments.after is None:
        text = "Nothing was asked; expected --before TIME, --after TIME, or both."
        raise TableError(Fault("E557", "why", text))
    effort = at_table.effort_of(arguments)
    with at_table.session(arguments) as at, progress_bar() as progress:
        draft = at.draft(effort, progress)
        asked = Asked(
            arguments.change,
            at_table.in_company_time(at, arguments.after),
            at_table.in_company_time(at, arguments.before),
        )
        reason = why_not(at.ground, at.limits, draft.plan, asked, effort, progress)
        value = {
            "change": asked.change,
            "after": asked.after,
            "before": asked.before,
            "draft": draft.label,
            "at": reason.draft,
            "at_equal_disruption": _outcome_json(at, reason.at_equal_disruption),
            "at_equal_exposure": _outcome_json(at, reason.at_equal_exposure),
            "is_ruled_out": dict(
                zip(("at_equal_disruption", "at_equal_exposure"), reason.is_ruled_out, strict=True)
            ),
            "is_impossible": reason.is_impossible,
            "blocked_by": reason.blocked_by,
            "sentence": reason.sentence,
        }
        return at_table.show(arguments, value, reason.sentence + "\n")


def _outcome_json(at: Session, outcome: Outcome | None) -> dict[str, Any] | None:
    if outcome is None:
        return None
    moved = [at.ground.changes[number].id for number in outcome.moved]
    return {"costs": outcome.costs, "extra": outcome.extra, "moved": moved}
