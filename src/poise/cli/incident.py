"""``poise incident``: what is known in an incident, who was told what when, and what is due."""

from __future__ import annotations

import argparse


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``poise incident`` to the command line."""
    from poise.cli import incident_acts, incident_clocks, incident_more, incident_views

    parser = subparsers.add_parser(
        "incident",
        help="statements, promises, briefs, decisions and regulators' clocks of an incident",
        description="The incident desk. docs/incidents.md plays an incident from its first statement to its "
        "review. Clocks are not legal advice.",
    )
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    incident_acts.add_parsers(verbs)
    incident_views.add_parsers(verbs)
    incident_clocks.add_parsers(verbs)
    incident_more.add_parsers(verbs)
