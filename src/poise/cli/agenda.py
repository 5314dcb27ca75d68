"""``poise agenda``: what to talk about this week, dearest to put off first."""

from __future__ import annotations

import argparse
from pathlib import Path

from poise.cli import at_dialogue, at_table, signing


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``poise agenda`` to the command line."""
    from poise.cli.plan import moment

    parser = subparsers.add_parser(
        "agenda",
        help="what to talk about this week, dearest to put off first",
        description="The agenda of a twenty-minute meeting: what is contested, changed, due, expiring and "
        "promised, each with its decision, both positions and the price of waiting. docs/dialogue.md.",
    )
    parser.add_argument("--ics", type=Path, metavar="FILE", help="write the meeting as a calendar file too")
    parser.add_argument(
        "--starts", type=moment, metavar="TIME", help="when it begins (default: as meeting.planned says)"
    )
    at_table.add_common(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run ``poise agenda``."""
    from poise.dialogue.agenda import make_agenda
    from poise.dialogue.meeting import next_meeting
    from poise.dialogue.meeting_ics import agenda_ics, agenda_text

    with at_dialogue.talk(arguments) as at:
        agenda = make_agenda(at.conversation.state, at.conversation.now, at.prospect())
        if arguments.ics is not None:
            starts = arguments.starts or next_meeting(at.conversation.state, at.conversation.now)
            signing.write_over(arguments.ics, agenda_ics(agenda, starts))
        return at_table.show(arguments, agenda, agenda_text(agenda))
