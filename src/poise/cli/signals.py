"""``poise signals``: what the record of decisions says about how the two work together."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from poise.cli import at_dialogue, at_table

if TYPE_CHECKING:
    from poise.dialogue.signals import Signals


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``poise signals`` to the command line."""
    parser = subparsers.add_parser(
        "signals",
        help="what the record says about how the two work together; exit 1 with a warning",
        description="Counts from the record of decisions, about the pair and never about a person, with "
        "their formulas and minima (docs/signals.md), compared with the pair's own past only. Not for "
        "appraisal.",
    )
    parser.add_argument("--formulas", action="store_true", help="print how each is counted, and from when on")
    at_table.add_common(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run ``poise signals``; exit 1 when a rule warns."""
    from poise.dialogue.formulas import SIGNALS
    from poise.dialogue.signals import read_signals

    if arguments.formulas:
        lines = [f"{one.name}: {one.formula} (from {one.minimum} {one.cases} on)" for one in SIGNALS.values()]
        return at_table.show(arguments, SIGNALS, "\n".join(lines) + "\n")
    with at_dialogue.talk(arguments) as at:
        found = read_signals(at.conversation.state, at.conversation.now)
        void = at.conversation.state.void
        value = {**at_table.plain(found), "void": void}
        at_table.show(arguments, value, signals_text(found) + at_table.void_words(void))
        return 1 if found.warnings else 0


def signals_text(found: Signals) -> str:
    """Return signals as text."""
    lines = [f"The pair, 13 weeks to {found.at:%Y-%m-%d}"]
    for one in found.warnings:
        lines += ["", f"! {one.text} ({'; '.join(one.titles)})", f"  To talk about: {one.talk}"]
    if not found.warnings:
        lines += ["", "No rule warns."]
    lines.append("")
    for signal in found.signals:
        lines.append(f"{signal.formula.name:<20} {signal.sentence}")
        for number, reading in enumerate(signal.readings[1:], 1):
            if reading.figures:
                lines.append(f"{'':<20}   {number * 13} weeks before: {'; '.join(map(str, reading.figures))}")
        lines += [f"{'':<20}   note of {party}: {text}" for party, text, _ in signal.notes]
    lines += ["", "Counts, no score; the same for both; not for appraisal. docs/signals.md has the formulas."]
    return "\n".join(lines) + "\n"
