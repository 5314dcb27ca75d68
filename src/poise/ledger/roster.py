"""Who may sign: people, their keys and roles, as the records up to a place of the chain say.

A signature is judged by the roster of its record's place, so nobody gains or loses a right over what was
written before. The rules, in one table:

==================  ==============================================================================
record              must be signed by
==================  ==============================================================================
first enrolment     its own key
later enrolment     its own key, and one enrolled person until both parties have a key
enrolment           its own key, and two people of two different roles of operations, security, chair
rotation            the old key and the new one
revocation          the key's holder, from then on; or two people as for an enrolment, from any time
deputy              the principal, before it begins
recall              the principal, or two people as for an enrolment; from then on
==================  ==============================================================================
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from poise.errors import Fault, SignatureError
from poise.ledger.envelope import pae
from poise.ledger.keyrecords import (
    PARTIES,
    Deputyship,
    Enrolment,
    KeyRecord,
    Recall,
    Revocation,
    Rotation,
    bad_key_record,
    too_few_signers,
)
from poise.ledger.keys import verifies
from poise.ledger.parties import Signer, is_vouched
from poise.ledger.record import STATEMENT_TYPE, Record

_LOST: Final = (
    "Whoever lost a key is enrolled with a new one, vouched for by two of: operations, security, chair."
)


@dataclass(frozen=True, slots=True)
class Key:
    """A key and what became of it.

    Parameters
    ----------
    id, person
        The key and whose it is.
    roles
        What its holder may act as.
    enrolled
        When its record was written.
    parent
        The key that it replaced; None for an enrolled one.
    replaced
        Whether a newer key of its holder took its place.
    revoked
        From when its signatures count no more; None while they do.
    """

    id: str
    person: str
    roles: frozenset[str]
    enrolled: datetime
    parent: str | None = None
    replaced: bool = False
    revoked: datetime | None = None

    def counts(self, time: datetime) -> bool:
        """Return whether a signature in a record of this time counts."""
        return not self.replaced and (self.revoked is None or time < self.revoked)


@dataclass(frozen=True, slots=True)
class Naming:
    """A deputy as named, with the key that named them and when.

    Parameters
    ----------
    terms
        Principal, deputy, role and time.
    key
        The principal's key that signed.
    time
        When that record was written.
    recalled
        From when the deputy signs no more, before the end named; None while that holds.
    """

    terms: Deputyship
    key: str
    time: datetime
    recalled: datetime | None = None

    def holds(self, time: datetime) -> bool:
        """Return whether the deputy may sign at a time, as far as the naming goes."""
        is_recalled = self.recalled is not None and self.recalled <= time
        return self.terms.start <= time < self.terms.end and not is_recalled


@dataclass(slots=True)
class Roster:
    """Everybody's keys, roles and deputies at a place of the chain. Starts empty.

    Parameters
    ----------
    keys
        Every key that ever was enrolled, by id.
    names
        What people are called, by person.
    namings
        Every deputy that was named.
    """

    keys: dict[str, Key] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    namings: tuple[Naming, ...] = ()

    def copy(self) -> Roster:
        """Return a roster that can change on its own."""
        return Roster(dict(self.keys), dict(self.names), self.namings)

    @property
    def is_founded(self) -> bool:
        """Whether both parties have had a key: from then on nobody alone lets anybody in."""
        held = {role for key in self.keys.values() for role in key.roles}
        return held.issuperset(PARTIES)

    def key_of(self, person: str, time: datetime) -> Key | None:
        """Return the key with which a person signs; None without one that counts."""
        return next((key for key in self.keys.values() if key.person == person and key.counts(time)), None)

    def deputy_for(self, person: str, time: datetime) -> tuple[tuple[str, str], ...]:
        """Return the pairs of role and principal for which a person may sign at a time."""
        return tuple(
            (naming.terms.role, naming.terms.principal)
            for naming in self.namings
            if naming.terms.deputy == person and naming.holds(time) and not self._is_void(naming)
        )

    def check_side(self, key_id: str, party: str, time: datetime) -> None:
        """Refuse a key that counts and whose holder signs neither by right nor as a deputy for a party.

        Raises
        ------
        SignatureError
            E743. What does not count at all, :meth:`judge` refuses.
        """
        key = self.keys.get(key_id)
        if key is None or not key.counts(time) or party in key.roles:
            return
        if all(held != party for held, _ in self.deputy_for(key.person, time)):
            text = f"{key.person} ({'/'.join(sorted(key.roles))}) does not sign for {party}."
            hint = "A key of that party does, or of the deputy it has named."
            raise SignatureError(Fault("E743", f"key of {key.person}", text, hint))

    def _is_void(self, naming: Naming) -> bool:
        """Return whether the key that named a deputy was revoked from before it did so."""
        revoked = self.keys[naming.key].revoked
        return revoked is not None and revoked <= naming.time

    def judge(self, record: Record, introduced: str | None = None) -> tuple[Signer, ...]:
        """Return the signers of a record, every signature checked.

        Parameters
        ----------
        record
            A record that follows those of this roster.
        introduced
            A key that the record brings in, which may sign it too but does not count among the signers.

        Raises
        ------
        SignatureError
            With every signature that is false (E740), by an unknown key (E741), by a key that counts
            no more (E742) or given twice (E740).
        """
        message = pae(STATEMENT_TYPE, record.statement.to_bytes())
        where = f"record {record.sequence}"
        faults: list[Fault] = []
        signers: list[Signer] = []
        seen: set[str] = set()
        for signature in record.envelope.signatures:
            key_id, key = signature.key_id, self.keys.get(signature.key_id)
            if key is None and key_id != introduced:
                faults.append(Fault("E741", where, f"{key_id} is not enrolled here.", _LOST))
            elif key is not None and not key.counts(record.time):
                faults.append(Fault("E742", where, f"{_ended(key)} before this record.", _LOST))
            elif key_id in seen:
                faults.append(Fault("E740", where, f"{key_id} has signed twice."))
            elif not verifies(key_id, signature.value, message):
                faults.append(Fault("E740", where, f"the signature by {key_id} is false."))
            elif key is not None:
                named = self.deputy_for(key.person, record.time)
                signers.append(Signer(key.person, key_id, key.roles, named))
            seen.add(key_id)
        if faults:
            raise SignatureError(faults)
        return tuple(signers)

    def apply(self, entry: KeyRecord, record: Record, signers: tuple[Signer, ...]) -> None:
        """Take in a record about keys.

        Parameters
        ----------
        entry
            Its body.
        record
            The record.
        signers
            What :meth:`judge` said of it.

        Raises
        ------
        SignatureError
            E745 when it breaks a rule, E747 when more people must sign it; the roster is then as it was.
        """
        where = f"record {record.sequence} ({record.statement.kind})"
        match entry:
            case Enrolment():
                self._enrol(entry, record, signers, where)
            case Rotation():
                self._rotate(entry, record, signers, where)
            case Revocation():
                self._revoke(entry, record, signers, where)
            case Deputyship():
                self._name(entry, record, signers, where)
            case Recall():
                self._recall(entry, record, signers, where)

    def _enrol(self, entry: Enrolment, record: Record, signers: tuple[Signer, ...], where: str) -> None:
        known, current = self.keys.get(entry.key), self.key_of(entry.person, record.time)
        roles = frozenset(entry.roles) | (current.roles if current else frozenset())
        others = tuple(one for one in signers if one.person != entry.person)
        if not entry.roles:
            raise bad_key_record(where, f"{entry.person} gets no role")
        if roles.issuperset(PARTIES):
            raise bad_key_record(where, f"{entry.person} would be both parties at once")
        if known is not None and known is not current:
            raise bad_key_record(where, "the key was enrolled before", "Make a new key.")
        if current is not None and current is not known:
            hint = "Use poise key rotate, or revoke the old key first."
            web = "Sign with that key: the desk keeps one for each person."
            raise bad_key_record(where, f"{entry.person} has another key that counts", hint, web)
        if entry.key not in {signature.keyid for signature in record.signatures}:
            raise bad_key_record(
                where, "the key to enrol has not signed", "Its holder signs the draft first."
            )
        if self.is_founded and not is_vouched(others):
            raise too_few_signers(where, _VOUCH)
        if not self.is_founded and self.keys and not others:
            raise too_few_signers(
                where, "nobody enrolled before vouches for it", "One of them signs the draft."
            )
        self.keys[entry.key] = (
            replace(current, roles=roles) if current else Key(entry.key, entry.person, roles, record.time)
        )
        self.names[entry.person] = entry.name

    def _rotate(self, entry: Rotation, record: Record, signers: tuple[Signer, ...], where: str) -> None:
        old = self.keys.get(entry.old)
        if old is None or old.person != entry.person or entry.old not in {one.key for one in signers}:
            raise bad_key_record(where, f"the old key is not {entry.person}'s, or has not signed")
        if entry.new in self.keys:
            raise bad_key_record(where, "the new key was enrolled before", "Make a new key.")
        if entry.new not in {signature.keyid for signature in record.signatures}:
            raise bad_key_record(where, "the new key has not signed")
        self.keys[entry.old] = replace(old, replaced=True)
        self.keys[entry.new] = Key(entry.new, entry.person, old.roles, record.time, parent=entry.old)

    def _revoke(self, entry: Revocation, record: Record, signers: tuple[Signer, ...], where: str) -> None:
        key = self.keys.get(entry.key)
        if key is None or key.person != entry.person:
            raise bad_key_record(where, f"no such key of {entry.person} was enrolled")
        if key.revoked is not None and key.revoked <= entry.since:
            raise bad_key_record(where, f"the key is revoked since {key.revoked:%Y-%m-%d %H:%M} UTC already")
        others = tuple(one for one in signers if one.person != entry.person)
        if is_vouched(others):
            self._end(entry.key, entry.since)
        elif len(others) < len(signers):
            # The holder alone cannot take back what was signed before.
            self._end(entry.key, max(entry.since, record.time))
        else:
            raise too_few_signers(where, f"neither its holder nor others may sign it alone: {_VOUCH}")

    def _end(self, key_id: str, since: datetime) -> None:
        """Revoke a key, and every key that it was exchanged for since then: a thief rotates first."""
        self.keys[key_id] = replace(self.keys[key_id], revoked=since)
        for key in list(self.keys.values()):
            if (
                key.parent == key_id
                and key.enrolled >= since
                and (key.revoked is None or key.revoked > since)
            ):
                self._end(key.id, since)

    def _name(self, entry: Deputyship, record: Record, signers: tuple[Signer, ...], where: str) -> None:
        named_by = next((one for one in signers if one.person == entry.principal), None)
        deputy = self.key_of(entry.deputy, record.time)
        if named_by is None or entry.role not in named_by.roles:
            raise bad_key_record(where, f"it is not signed by {entry.principal} as {entry.role}")
        if deputy is None or entry.deputy == entry.principal:
            raise bad_key_record(where, f"{entry.deputy} is not another person with a key that counts")
        if not record.statement.made <= entry.start < entry.end:
            raise bad_key_record(where, "it must be named before it begins, and begin before it ends")
        if entry.role in PARTIES and deputy.roles & (set(PARTIES) - {entry.role}):
            raise bad_key_record(where, f"{entry.deputy} is the other party")
        self.namings = (*self.namings, Naming(entry, named_by.key, record.time))

    def _recall(self, entry: Recall, record: Record, signers: tuple[Signer, ...], where: str) -> None:
        pair = (entry.principal, entry.deputy, entry.role)
        meant = [
            naming
            for naming in self.namings
            if (naming.terms.principal, naming.terms.deputy, naming.terms.role) == pair
            and record.time < naming.terms.end
            and naming.recalled is None
        ]
        if not meant:
            reason = f"{entry.deputy} is not to sign for {entry.principal} as {entry.role} any more already"
            raise bad_key_record(where, reason, "poise key list shows who is deputy.")
        others = tuple(one for one in signers if one.person not in (entry.principal, entry.deputy))
        if all(one.person != entry.principal for one in signers) and not is_vouched(others):
            raise bad_key_record(where, f"it is not signed by {entry.principal}; else {_VOUCH}")
        self.namings = tuple(
            replace(naming, recalled=record.time) if naming in meant else naming for naming in self.namings
        )


_VOUCH: Final = "two people of two different roles of operations, security and chair must sign it"


def contested(
    signed: Iterable[tuple[int, datetime, tuple[str, ...]]], keys: Mapping[str, Key]
) -> tuple[int, ...]:
    """Return the records that were signed by a key which was later revoked from before they were written.

    They stand, for a signature is judged at its place; but what they say should be looked at again.

    Parameters
    ----------
    signed
        Place, time and key ids of every signed record.
    keys
        Those of the roster at the end of the chain.
    """
    return tuple(
        sequence
        for sequence, time, key_ids in signed
        if any(_doubtful(keys.get(key_id), time) for key_id in key_ids)
    )


def _doubtful(key: Key | None, time: datetime) -> bool:
    return key is not None and key.revoked is not None and key.revoked <= time


def _ended(key: Key) -> str:
    if key.replaced:
        return f"{key.id} of {key.person} was replaced"
    return f"{key.id} of {key.person} was revoked"
