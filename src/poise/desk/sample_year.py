"""The sample company's year at the desk: its dialogue up to a day, by the same acts that people use."""

from __future__ import annotations

import tempfile
from datetime import datetime
from pathlib import Path

from poise.bargain.rounds import Party
from poise.desk import convert, sample
from poise.desk.actions import Actor, estate, keys, people
from poise.desk.ledger import DeskLedger
from poise.desk.models import SealedAnswers, User
from poise.dialogue.base import PARTIES
from poise.dialogue.year import Year, rows
from poise.dialogue.year_table import YearTable
from poise.ledger.keys import SigningKey
from poise.sample import write_sample


def fill_year(until: datetime, *, has_table: bool = False) -> None:
    """Let the cast in at the year's first moment, and play the year up to a day.

    Parameters
    ----------
    until
        Where to stop; the desk's clock has to stand there or later.
    has_table
        Whether the table of January is solved and signed too, which takes about a minute.
    """
    begin = rows()[0][0]
    leads = sample.CAST[:2]
    for one in sample.CAST:
        people.admit(Actor(None, begin), one.username, one.password, one.role.key, one.name)
    users = {
        party: User.objects.get(username=one.username) for party, one in zip(PARTIES, leads, strict=True)
    }
    own: dict[Party, SigningKey] = {}
    for (party, user), one in zip(users.items(), leads, strict=True):
        keys.enrol(Actor(user, begin), one.password)
        own[party] = keys.unlock(Actor(user, begin), one.password)
    keys.vouch(Actor(users["operations"], begin), users["security"].username, leads[0].password)
    with tempfile.TemporaryDirectory() as folder:
        described = sample.estate_files(write_sample(Path(folder)))
        estate.adopt(Actor(users["operations"], begin), {path.name: path.read_bytes() for path in described})
    signers = {party: user.username for party, user in users.items()}
    at_table = YearTable(convert.folder(), DeskLedger(), own, signers) if has_table else None
    year = Year(DeskLedger(), own, signers, at_table)
    year.play(until)
    for kept in year.kept:
        SealedAnswers.objects.create(
            party=kept.party,
            what=kept.what,
            quarter=kept.quarter,
            content=kept.to_bytes().decode(),
            made=until,
        )
