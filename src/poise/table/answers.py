"""Hidden answers: a file that only this user may read, never the ledger, which learns of matches alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import cast

from poise.bargain.rounds import Answer, Party, matched
from poise.errors import Fault, TableError
from poise.ledger.canonical import canonical, digest
from poise.planning.problem import Plan
from poise.table.files import write_private


class Answers:
    """What both sides answered at one table.

    Parameters
    ----------
    path
        Of the file; it may hold other tables' answers too.
    table
        Hash of the record that opened the table: another on the same ground begins without answers.
    """

    def __init__(self, path: Path, table: str) -> None:
        self.path, self.table = path, table

    def note(self, party: Party, item: str, answer: Answer) -> bool:
        """Keep an answer; return whether both sides now accept the item."""
        given = self._given()
        given.append([self.table, party, item, answer])
        write_private(self.path, json.dumps(given).encode())
        return item in matched(self._own(given))

    def of(self, party: Party) -> dict[str, Answer]:
        """Return a side's last answer to each item: for that side's eyes only."""
        return {item: answer for side, item, answer in self._own(self._given()) if side == party}

    def _own(self, given: list[list[str]]) -> list[tuple[Party, str, Answer]]:
        return [
            (cast(Party, party), str(item), cast(Answer, answer))
            for table, party, item, answer in given
            if table == self.table
        ]

    def _given(self) -> list[list[str]]:
        return json.loads(self.path.read_bytes()) if self.path.exists() else []


def bundle_key(plan: Plan) -> str:
    """Return what hidden answers call a plan that is no proposal."""
    return f"bundle-{digest(canonical(plan.window.tolist()))[:16]}"


def stays_matched(proposal: int, answer: Answer) -> bool:
    """Return True for another accept of a match; E557 when it would be taken back: both were told."""
    if answer != "accept":
        text = f"Both sides have accepted proposal {proposal}, and were told."
        hint = "It binds nobody before both have signed: leave it unsigned, and propose another plan."
        raise TableError(Fault("E557", "answer", text, hint))
    return True
