"""The sample company's year at the desk: its dialogue up to a day, by the same acts that people use."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from poise.bargain.rounds import Party
from poise.desk import convert, sample
from poise.desk.actions import Actor, estate, keys
from poise.desk.ledger import DeskLedger
from poise.desk.models import SealedAnswers, User
from poise.dialogue.base import PARTIES
from poise.dialogue.year import Row, Year, rows
from poise.dialogue.year_table import YearTable
from poise.ledger.keys import SigningKey
from poise.sample import write_sample


def fill_year(
    until: datetime, *, without: Callable[[Row], bool] = lambda _: False, has_table: bool = False
) -> None:
    """Let the cast in at the year's first moment, and play the year up to a day.

    Parameters
    ----------
    until
        Where to stop; the desk's clock has to stand there or later.
    without
        Which acts somebody says at the desk instead.
    has_table
        Whether the table of January is solved and signed too, which takes about a minute.
    """
    begin = rows()[0][0]
    operations, _ = sample.let_in(begin)
    with tempfile.TemporaryDirectory() as folder:
        described = sample.estate_files(write_sample(Path(folder)))
        estate.adopt(Actor(operations, begin), {path.name: path.read_bytes() for path in described})
    go_on(until, without=without, has_table=has_table)


def go_on(
    until: datetime,
    since: datetime | None = None,
    *,
    without: Callable[[Row], bool] = lambda _: False,
    has_table: bool = False,
) -> None:
    """Play the year on from a moment; parameters as for :meth:`poise.dialogue.year.Year.play`."""
    users = {
        party: User.objects.get(username=one.username)
        for party, one in zip(PARTIES, sample.CAST[:2], strict=True)
    }
    own: dict[Party, SigningKey] = {
        party: keys.unlock(Actor(user, until), one.password)
        for (party, user), one in zip(users.items(), sample.CAST[:2], strict=True)
    }
    signers = {party: user.username for party, user in users.items()}
    at_table = YearTable(convert.folder(), DeskLedger(), own, signers) if has_table else None
    year = Year(DeskLedger(), own, signers, at_table)
    year.play(until, since, without)
    for kept in year.kept:
        SealedAnswers.objects.create(
            party=kept.party,
            what=kept.what,
            quarter=kept.quarter,
            content=kept.to_bytes().decode(),
            made=until,
        )
