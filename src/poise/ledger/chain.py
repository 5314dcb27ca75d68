"""What a record must be to follow the one before it: for the store that writes, and for whoever verifies."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

from poise.errors import ChainError, Fault, LedgerError, SignatureError
from poise.ledger.canonical import digest
from poise.ledger.envelope import MAX_SIGNATURES
from poise.ledger.keyrecords import KEY_KINDS, PERSON, Enrolment, Rotation, read_key_record
from poise.ledger.parties import Signer, two_party
from poise.ledger.record import MAX_REFERENCES, NO_HASH, Record, content_digest
from poise.ledger.roster import Roster

#: How far the clock of an author may be ahead of the ledger's, or the ledger's own may fall behind its last
#: record; as Kerberos allows [RFC 4120, 8.2: "typically five minutes"].
MAX_CLOCK_SKEW: Final = timedelta(minutes=5)

ERASURE: Final = "erasure"
AGREEMENT: Final = "agreement"
#: Kinds that both parties must sign.
TWO_PARTY_KINDS: Final = frozenset({AGREEMENT, ERASURE, "escalation.joint"})
#: Kinds whose body is never erased: later records are judged by it, or both sides rely on it.
KEPT_KINDS: Final = frozenset({*KEY_KINDS, ERASURE, AGREEMENT})


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a chain.

    Parameters
    ----------
    size
        How many records it has.
    hash
        Of the last one; :data:`~poise.ledger.record.NO_HASH` for an empty chain.
    time
        Of the last one; None for an empty chain.
    """

    size: int = 0
    hash: str = NO_HASH
    time: datetime | None = None


class History(Protocol):
    """What must be known of the records before a place."""

    def hash_at(self, sequence: int) -> str | None:
        """Return the hash of a record; None when there is none at this place."""

    def kind_of(self, record_hash: str) -> str | None:
        """Return the kind of the record with this hash; None when there is none."""

    def is_placed(self, statement_digest: str) -> bool:
        """Return whether a signed statement with this digest has a place already."""


def check_link(record: Record, head: Head) -> None:
    """Check that a record is what it says and follows the end of the chain.

    Raises
    ------
    ChainError
        E721 when its hash is not that of its content, E722 when it does not follow, E723 when its body is
        not the one that the statement commits to.
    """
    where = f"record {head.size}"
    if record.true_hash() != record.hash:
        raise ChainError(
            Fault("E721", where, f"was changed: its content does not have the hash {record.hash}.")
        )
    if record.sequence != head.size:
        raise _not_next(where, f"it calls itself record {record.sequence}")
    if record.previous != head.hash:
        raise _not_next(
            where, f"it follows {record.previous}, but the record before has the hash {head.hash}"
        )
    if head.time is not None and record.time < head.time:
        raise _not_next(
            where, f"its time lies before that of the record before, {head.time:%Y-%m-%d %H:%M:%S}"
        )
    if record.salt is None or record.body is None:
        return
    if content_digest(record.salt, record.body) != record.statement.content:
        raise ChainError(Fault("E723", where, "its body is not the one that the statement commits to."))


def admit(record: Record, history: History, roster: Roster) -> tuple[Signer, ...]:
    """Check everything about a record but its link, and take it into the roster.

    Parameters
    ----------
    record
        A record that :func:`check_link` let pass.
    history
        The records before it.
    roster
        That of the records before it; it is changed when the record is about keys.

    Returns
    -------
    tuple of Signer
        Whose signatures count in it.

    Raises
    ------
    LedgerError
        E712 for a word that may not stand there, E713 for a reference to nothing, E715 for a statement out
        of its time.
    ChainError
        E727 when its author saw another history, E728 when it has a place already, E729 when it erases what
        is kept.
    SignatureError
        E740 to E742 for a signature that does not count, E743 and E744 when one is missing, E745 when it
        breaks a rule about keys, E747 when too few have signed one.
    """
    _check_statement(record)
    _check_history(record, history)
    signers, people = enter(record, roster)
    where = f"record {record.sequence} ({record.statement.kind})"
    author = record.statement.author
    if record.signatures and author not in people:
        raise SignatureError(Fault("E743", where, f"its author {author} has not signed it."))
    if record.statement.kind in TWO_PARTY_KINDS:
        two_party(signers, where)
    if record.statement.kind == ERASURE:
        _check_erasure(record, history, where)
    return signers


def enter(record: Record, roster: Roster) -> tuple[tuple[Signer, ...], frozenset[str]]:
    """Judge a record's signatures by the roster of its place, and take it into the roster.

    Returns
    -------
    tuple of Signer, frozenset of str
        Whose signatures count; and all who signed, those whom the record itself brings in included.

    Raises
    ------
    SignatureError
        E740 to E742, E745 and E747, as in :func:`admit`.
    """
    kind = record.statement.kind
    if kind not in KEY_KINDS:
        signers = roster.judge(record)
        return signers, frozenset(one.person for one in signers)
    entry = read_key_record(kind, record.body, f"record {record.sequence} ({kind})")
    person, key = _introduced(entry)
    signers = roster.judge(record, key)
    roster.apply(entry, record, signers)
    return signers, frozenset({person, *(one.person for one in signers)})


def _introduced(entry: object) -> tuple[str, str | None]:
    """Return the person and the key that a record brings in, if it does."""
    match entry:
        case Enrolment(person=person, key=key) | Rotation(person=person, new=key):
            return person, key
    return "", None


def _check_statement(record: Record) -> None:
    statement, where = record.statement, f"record {record.sequence}"
    faults = list(word_faults(statement.kind, statement.author, where))
    if len(statement.refers) > MAX_REFERENCES or len(set(statement.refers)) < len(statement.refers):
        faults.append(Fault("E713", where, f"refers to over {MAX_REFERENCES} records, or to one twice."))
    if statement.made - record.time > MAX_CLOCK_SKEW:
        message = f"was made at {statement.made}, after its place in the chain at {record.time}."
        faults.append(Fault("E715", where, message, "One of the two clocks is wrong."))
    if statement.expires is not None and record.time > statement.expires:
        message = f"expired at {statement.expires:%Y-%m-%d %H:%M} UTC."
        faults.append(Fault("E715", where, message, "Make it again, if its signers still mean it."))
    if len(record.signatures) > MAX_SIGNATURES:
        faults.append(Fault("E703", where, f"has over {MAX_SIGNATURES} signatures."))
    if faults:
        raise LedgerError(faults)


def word_faults(kind: str, author: str, where: str) -> Iterable[Fault]:
    """Yield what is wrong with a kind and an author as words."""
    if not is_kind(kind):
        hint = f"Words of a-z, 0-9 and -, joined by dots; key. is for {', '.join(KEY_KINDS)}."
        yield Fault("E712", where, f"{kind!r} is no kind of record.", hint)
    if not PERSON.fullmatch(author):
        yield Fault("E712", where, f"{author!r} is no person; expected {PERSON.pattern}.")


def is_kind(kind: str) -> bool:
    """Return whether a word can be the kind of a record; ``key.`` is the ledger's own."""
    if kind.startswith("key."):
        return kind in KEY_KINDS
    words = kind.split(".")
    return len(kind) <= 64 and all(word and not set(word) - _LETTERS and word[0] != "-" for word in words)


_LETTERS: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")


def _check_history(record: Record, history: History) -> None:
    statement, where = record.statement, f"record {record.sequence}"
    seen = statement.seen
    if seen is None and record.sequence > 0:
        raise ChainError(Fault("E727", where, "was made on an empty ledger, but this one has records."))
    if seen is not None and (seen.sequence >= record.sequence or history.hash_at(seen.sequence) != seen.hash):
        message = f"its author saw another record {seen.sequence} than stands here, with hash {seen.hash}."
        hint = "Either the chain was rebuilt, or the statement was made for another ledger."
        raise ChainError(Fault("E727", where, message, hint))
    unknown = [one for one in statement.refers if history.kind_of(one) is None]
    if unknown:
        raise LedgerError(
            [Fault("E713", where, f"refers to {one}, which is no record before it.") for one in unknown]
        )
    if record.signatures and history.is_placed(digest(statement.to_bytes())):
        raise ChainError(Fault("E728", where, "its signed statement has a place already; it counts once."))


def _check_erasure(record: Record, history: History, where: str) -> None:
    if not record.statement.refers:
        raise LedgerError(Fault("E713", where, "names no record to erase."))
    kept = [one for one in record.statement.refers if history.kind_of(one) in KEPT_KINDS]
    if kept:
        hint = f"Records of these kinds are kept: {', '.join(sorted(KEPT_KINDS))}."
        raise ChainError([Fault("E729", where, f"may not erase {one}.", hint) for one in kept])


def _not_next(where: str, reason: str) -> ChainError:
    hint = "Records were changed, taken out, put in, or put in another order, here or just before."
    return ChainError(Fault("E722", where, f"does not follow the record before it: {reason}.", hint))
