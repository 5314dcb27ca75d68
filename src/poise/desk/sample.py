"""The sample company at the desk: its people, its estate and reports, and the computation of its plan."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from poise.desk import clock, convert, storing
from poise.desk.actions import Actor, estate, findings, keys, people, table
from poise.desk.models import User
from poise.desk.permissions import ADMINISTRATOR, OPERATIONS_LEAD, SECURITY_LEAD, Role
from poise.sample import SampleFiles


@dataclass(frozen=True, slots=True)
class Player:
    """Somebody of the sample company; the password is no secret, and the passphrase of the signing key too.

    Parameters
    ----------
    username, name, password
        To sign in with.
    role
        At the desk.
    """

    username: str
    name: str
    password: str
    role: Role

    @property
    def label(self) -> str:
        """What the command line calls the person."""
        return self.role.label


CAST: Final = (
    Player("anna", "Anna", "anna keeps it running", OPERATIONS_LEAD),
    Player("bert", "Bert", "bert keeps it secure", SECURITY_LEAD),
    Player("admin", "Administrator", "admin of the sample", ADMINISTRATOR),
)


def let_in(now: datetime) -> tuple[User, User]:
    """Let the cast in at a moment; return its two leads, who have signing keys that count."""
    for one in CAST:
        people.admit(Actor(None, now), one.username, one.password, one.role.key, one.name)
    anna, bert = (User.objects.get(username=one.username) for one in CAST[:2])
    keys.enrol(Actor(anna, now), CAST[0].password)
    keys.enrol(Actor(bert, now), CAST[1].password)
    keys.vouch(Actor(anna, now), bert.username, CAST[0].password)
    return anna, bert


def fill(sample: SampleFiles, *, points: int) -> None:
    """Fill an empty desk with the sample company and queue its solve; leave a filled one as it is.

    Parameters
    ----------
    sample
        The company's files.
    points
        Plans of the frontier to aim at.
    """
    if User.objects.exists():
        return
    anna, bert = (Actor.of(user) for user in let_in(clock.now()))
    files = {path.name: path.read_bytes() for path in estate_files(sample)}
    estate.adopt(anna, files)
    for path in sample.reports:
        with path.open("rb") as stream:
            kept = storing.keep(path.name, iter(lambda: stream.read(1 << 20), b""), convert.folder("reports"))
        findings.take_report(bert, kept)
    table.open_table(bert, points=points)


def estate_files(sample: SampleFiles) -> list[Path]:
    """Return the files that describe the sample company's estate."""
    return [sample.estate, *sorted((sample.estate.parent / "calendars").glob("*.ics"))]
