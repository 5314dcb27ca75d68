"""What the commands of the dialogue share: what was said, what lies ahead, files that people write."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from poise.cli import at_table

if TYPE_CHECKING:
    from poise.dialogue.conversation import Conversation
    from poise.dialogue.outlook import Prospect
    from poise.ledger.keys import SigningKey
    from poise.table.session import Session


@dataclass(frozen=True)
class Talk:
    """The workspace's dialogue, and its table."""

    conversation: Conversation
    table: Session

    def prospect(self) -> Prospect | None:
        """Return what lies ahead at the table; None without one."""
        from poise.dialogue.conversation import known_at
        from poise.dialogue.outlook import prospect
        from poise.table.negotiation import replay

        known = known_at(self.table.ledger.records(), self.conversation.now)
        state = replay((one.statement.kind, one.hash, one.body) for one in known if one.body is not None)
        if state.ground is None:
            return None
        return prospect(self.table.ground_of(state.ground), state.in_force[1] if state.in_force else None)


@contextmanager
def talk(arguments: argparse.Namespace, *, create: bool = False) -> Iterator[Talk]:
    """Open the workspace's dialogue."""
    from poise.dialogue.conversation import Conversation

    with at_table.session(arguments, create=create) as at:
        yield Talk(Conversation(at.ledger, at.now), at)


def signer(arguments: argparse.Namespace, at: Talk) -> tuple[tuple[SigningKey, ...], str]:
    """Return the keys to sign with and their holder; none and "" without ``--key``."""
    return at_table.signer(arguments, at.table)


def read_body(path: Path | None, words: list[str]) -> dict[str, Any]:
    """Return the fields of an act from a YAML or JSON file, and from ``field=value`` words on top.

    Raises
    ------
    DialogueError
        E850 when one cannot be read.
    """
    from poise.errors import DialogueError, Fault, TableError
    from poise.table.files import read_document

    try:
        body = read_document(path.read_bytes(), dict[str, Any], str(path)) if path else {}
        for word in words:
            name, is_pair, value = word.partition("=")
            if not is_pair:
                text = f"{word!r} is no field=value."
                raise DialogueError(Fault("E850", "command line", text, "For example: id=grow-online"))
            body[name] = _value(value, name)
    except TableError as error:
        fault = error.faults[0]
        raise DialogueError(Fault("E850", fault.where, fault.message)) from error
    return body


#: Fields that are lists: on the command line their values are joined by commas.
_LISTS = frozenset({"services", "options", "priorities", "channels", "items", "guesses"})
#: Fields that are times, read as every time on the command line.
_TIMES = frozenset({"due", "needed_by"})


def _value(text: str, name: str) -> Any:
    from poise.cli.plan import moment
    from poise.errors import DialogueError, Fault

    if name in _LISTS:
        return [part.strip() for part in text.split(",") if part.strip()]
    if name in _TIMES and "T" in text:
        try:
            return moment(text).isoformat()
        except argparse.ArgumentTypeError as error:
            raise DialogueError(Fault("E850", name, f"{error}.")) from error
    return text
