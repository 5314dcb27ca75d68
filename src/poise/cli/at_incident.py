"""What the commands of incidents share: their ledger, who speaks, references by first digits."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING

from poise.cli import at_table, signing
from poise.cli.workspace import workspace_directory

if TYPE_CHECKING:
    from poise.dialogue.state import Dialogue
    from poise.incident.room import Room
    from poise.incident.state import Incident
    from poise.incident.tlp import Watcher
    from poise.ledger.keys import SigningKey

MARKS = ("CLEAR", "GREEN", "AMBER", "AMBER+STRICT", "RED")


def add_where(parser: argparse.ArgumentParser) -> None:
    """Add the options of every command about incidents."""
    parser.add_argument("--drill", action="store_true", help="of a drill, whose data are kept apart")
    at_table.add_common(parser)


def add_incident(parser: argparse.ArgumentParser) -> None:
    """Add the incident's id."""
    parser.add_argument("incident", metavar="INCIDENT", help="its id")


def add_watcher(parser: argparse.ArgumentParser) -> None:
    """Add who looks; what a mark keeps from them is neither shown nor counted."""
    parser.add_argument("--as", dest="person", default="", metavar="PERSON", help="who looks")
    parser.add_argument("--party", choices=("operations", "security"), help="for which side")
    parser.add_argument(
        "--clearance",
        choices=MARKS,
        default="AMBER+STRICT",
        help="the strictest mark that this person may see (AMBER+STRICT)",
    )


@contextmanager
def room(arguments: argparse.Namespace, *, create: bool = False) -> Iterator[Room]:
    """Open the workspace's incidents, or its drills, which have a ledger of their own."""
    from poise.incident.room import Room
    from poise.ledger.store import Ledger

    folder = workspace_directory(arguments.workspace)
    if create:
        folder.mkdir(parents=True, exist_ok=True)
    name = "drills.sqlite" if arguments.drill else "ledger.sqlite"
    with Ledger.open(folder / name, create=create) as ledger:
        yield Room(ledger)


def watcher(arguments: argparse.Namespace, incident: Incident) -> Watcher:
    """Return who looks."""
    return incident.watcher(arguments.person, arguments.party, arguments.clearance)


def said_of_readers(at: Room, now: datetime) -> Dialogue:
    """Return what both sides had said by then about how they want to be told."""
    from poise.dialogue.conversation import entries, known_at
    from poise.dialogue.fold import replay

    stated = (one for one in at.ledger.records() if one.statement.kind == "profile.stated")
    return replay(entries(known_at(stated, now)))


def signer(arguments: argparse.Namespace, at: Room) -> tuple[tuple[SigningKey, ...], str]:
    """Return the keys to sign with and who acts: the key's holder, else ``--author``, else the party."""
    if arguments.key is None:
        return (), arguments.author or arguments.party
    key = signing.unlock(arguments.key)
    return (key,), signing.holder_of(at.ledger.roster(), key.id)


def reference(text: str, among: list[str], what: str) -> str:
    """Return the hash that begins with some digits, or the ``last``; E821 when that names none or several."""
    from poise.errors import Fault, IncidentError

    if text == "last" and among:
        return among[-1]
    found = [record for record in among if len(text) >= 4 and record.startswith(text)]
    if len(found) != 1:
        hint = f"Say last, or 4 digits or more of: {', '.join(record[:8] for record in among) or 'none'}."
        raise IncidentError(Fault("E821", "command line", f"{text!r} names no single {what}.", hint))
    return found[0]
