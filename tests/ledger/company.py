"""A small company with a ledger: people, keys, and a chain that has a bit of everything."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from poise.ledger.keys import SigningKey
from poise.ledger.record import Record
from poise.ledger.store import Ledger

T0 = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def key_of(number: int) -> SigningKey:
    """Return the same key for the same number, so that a failure can be seen again."""
    return SigningKey.from_seed(number.to_bytes(32, "big"))


ANNA, BERT, CLEO, DANA, EMIL, FAYE = (key_of(number) for number in range(1, 7))
PEOPLE = {"anna": ANNA, "bert": BERT, "cleo": CLEO, "dana": DANA, "emil": EMIL, "faye": FAYE}
#: Who vouches for whom when the company starts.
FOUNDING: list[tuple[str, tuple[str, ...], tuple[SigningKey, ...]]] = [
    ("anna", ("operations",), (ANNA,)),
    ("bert", ("security",), (BERT, ANNA)),
    ("cleo", ("chair",), (CLEO, ANNA, BERT)),
    ("dana", ("deputy",), (DANA, ANNA, BERT)),
]


def enrol(
    ledger: Ledger, person: str, roles: Iterable[str], keys: Iterable[SigningKey], now: datetime = T0
) -> Record:
    """Enrol somebody with the first of the keys."""
    signing = list(keys)
    body = {"person": person, "name": person.title(), "roles": list(roles), "key": signing[0].id}
    return ledger.append("key.enrol", person, body, now=now, keys=signing)


def founded(path: Path) -> Ledger:
    """Return a ledger with Anna (operations), Bert (security), Cleo (chair) and Dana (deputy)."""
    ledger = Ledger.open(path)
    for person, roles, keys in FOUNDING:
        enrol(ledger, person, roles, keys)
    return ledger


def agree(
    ledger: Ledger, now: datetime = T0, keys: Iterable[SigningKey] = (ANNA, BERT), plan: int = 1
) -> Record:
    """Let both sides sign something."""
    signing = list(keys)
    author = next((name for name, key in PEOPLE.items() if signing and key.id == signing[0].id), "anna")
    return ledger.append("agreement", author, {"plan": plan}, now=now, keys=signing)


def full(path: Path) -> Ledger:
    """Return a ledger with every kind of record: 10 of them, one erased."""
    ledger = founded(path)
    note = ledger.append("incident.note", "poise", {"who": "née Müller", "rate": 0.25}, now=T0 + DAY)
    agreed = agree(ledger, T0 + 2 * DAY)
    ledger.append("outcome", "poise", {"done": True}, now=T0 + 3 * DAY, refers=(agreed.hash,))
    reason = {"reason": "personal data, asked for by the person"}
    ledger.append("erasure", "bert", reason, now=T0 + 4 * DAY, keys=[BERT, ANNA], refers=(note.hash,))
    body = {"person": "dana", "old": DANA.id, "new": EMIL.id}
    ledger.append("key.rotate", "dana", body, now=T0 + 5 * DAY, keys=[DANA, EMIL])
    revoke(ledger, "dana", EMIL, T0 + 6 * DAY, keys=[EMIL])
    return ledger


def revoke(
    ledger: Ledger,
    person: str,
    key: SigningKey,
    now: datetime,
    keys: Iterable[SigningKey],
    since: datetime | None = None,
) -> Record:
    """Revoke somebody's key; the author is the person who signs first."""
    signing = list(keys)
    author = next(one.person for one in ledger.roster().keys.values() if one.id == signing[0].id)
    body = {
        "person": person,
        "key": key.id,
        "since": (since or now).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "reason": "lost",
    }
    return ledger.append("key.revoke", author, body, now=now, keys=signing)


def depute(
    ledger: Ledger, principal: str, deputy: str, role: str, keys: Iterable[SigningKey], now: datetime = T0,
    start: datetime | None = None, days: int = 7,
) -> Record:  # fmt: skip
    """Name a deputy for some days."""
    begin = start or now
    body = {
        "principal": principal,
        "deputy": deputy,
        "role": role,
        "start": begin.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "end": (begin + days * DAY).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "reason": "leave",
    }
    return ledger.append("key.deputy", principal, body, now=now, keys=list(keys))


def recall(
    ledger: Ledger, principal: str, deputy: str, role: str, keys: Iterable[SigningKey], now: datetime = T0,
    author: str = "",
) -> Record:  # fmt: skip
    """Recall a deputy."""
    body = {"principal": principal, "deputy": deputy, "role": role, "reason": "back early"}
    return ledger.append("key.recall", author or principal, body, now=now, keys=list(keys))
