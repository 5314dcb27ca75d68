"""Signing keys that the desk keeps locked: only their holder's passphrase opens one."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Final

from django.db import transaction

from poise.desk.actions import half_signed
from poise.desk.actions.base import Actor, action
from poise.desk.ledger import DeskLedger
from poise.desk.models import KeyEnding, SigningKeyFile, User
from poise.desk.permissions import CHAIR
from poise.errors import ConflictError, DeskError, Fault, LedgerError, SignatureError
from poise.ledger.keyfile import read_key, write_key
from poise.ledger.keys import SigningKey
from poise.ledger.record import Draft, Record, read_draft

_LOST: Final = "Nobody else can recover it. If it is lost, say so under Account, and make a new key."


@action("key.enrol")
def enrol(by: Actor, passphrase: str) -> Record | None:
    """Make the actor's signing key and bring it to the ledger; one that nobody has vouched for gives way.

    Returns
    -------
    Record or None
        None while others must vouch for it (:func:`vouch`): the first key vouches for itself, later ones
        need whom :mod:`poise.ledger.roster` says.

    Raises
    ------
    DeskError
        E877 when the actor has a key on the ledger.
    LedgerError
        E707 for a passphrase that is too short.
    """
    last = SigningKeyFile.objects.select_for_update().filter(user=by.user).first()
    if by.user is None or (last is not None and last.draft is None):
        raise DeskError(Fault("E877", by.person, "has a signing key already.", "Sign with that one."))
    key = SigningKey.generate()
    body = {"person": by.person, "name": by.user.shown, "key": key.id, "roles": [role_of(by.user)]}
    draft = DeskLedger().draft("key.enrol", by.person, body, now=by.now).signed(key)
    kept = last or SigningKeyFile(user=by.user)
    kept.key_id, kept.content, kept.made = key.id, _locked(key, passphrase), by.now
    return _place(by, kept, draft)


@action("key.enrol")
def vouch(by: Actor, person: str, passphrase: str, key: str | None = None) -> Record | None:
    """Vouch with the actor's own key for somebody else's; return the record once enough people did.

    Parameters
    ----------
    key
        The one whose digits were compared; None where it was made in the same breath.

    Raises
    ------
    ConflictError
        E871 when it is another by now.
    DeskError
        E877 when no enrolment of this person is waiting, it is the actor's own, or the actor's key is of
        another role.
    """
    kept = SigningKeyFile.objects.select_for_update().filter(user__username=person).first()
    if kept is None or kept.draft is None or person == by.person:
        raise DeskError(Fault("E877", person, "has no key that waits for somebody else to vouch."))
    if key is not None and key != kept.key_id:
        text = f"{person} has made another key meanwhile. Nothing was vouched for."
        raise ConflictError(Fault("E871", "key", text, "Compare the digits of the new one."))
    draft = read_draft(bytes(kept.draft), f"key of {person}").signed(unlock_to_vouch(by, passphrase))
    return _place(by, kept, draft)


@action("key.enrol")
def exchange(by: Actor, passphrase: str, new: str) -> Record:
    """Go on with a new key behind a new passphrase; both sign, and from then on the old one signs no more.

    Raises
    ------
    DeskError
        E877 when the actor has no key on the ledger.
    LedgerError
        E706 when the passphrase is not the key's, E707 when the new one is too short.
    """
    kept = SigningKeyFile.objects.select_for_update().filter(user=by.user).first()
    if kept is None or not is_enrolled(by):
        text = "has no key on the ledger that could be exchanged."
        raise DeskError(Fault("E877", by.person, text, "Make one under Account."))
    old, key = unlock(by, passphrase), SigningKey.generate()
    ending = KeyEnding.objects.filter(kept=kept).first()
    if ending is not None:
        # Of two who wait for the ledger the second may have looked at the clock first. What takes the place
        # of a key that is asked to end must not be older than that: it would outlive it.
        by = replace(by, now=max(by.now, ending.since))
    kept.key_id, kept.content, kept.made = key.id, _locked(key, new), by.now
    kept.save()
    half_signed.forget(old.id)
    return by.record("key.rotate", {"person": by.person, "old": old.id, "new": key.id}, keys=[old, key])


def waiting() -> list[User]:
    """Return whose keys wait for somebody to vouch."""
    return list(User.objects.filter(signing_key__draft__isnull=False))


def unlock(by: Actor, passphrase: str) -> SigningKey:
    """Return the actor's key, for one signature.

    Raises
    ------
    DeskError
        E877 when the actor has none.
    LedgerError
        E706 when the passphrase is not its.
    """
    kept = SigningKeyFile.objects.filter(user=by.user).first() if by.user else None
    if kept is None:
        raise DeskError(Fault("E877", by.person, "has no signing key.", "Make one under Account."))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, by.person)
        path.touch(mode=0o600)
        path.write_bytes(bytes(kept.content))
        try:
            return read_key(path, passphrase)
        except LedgerError as error:
            # The file is the desk's own and gone with this call: its path says nothing to whoever signs.
            raise LedgerError(
                replace(one, where="your signing key", web=_LOST if one.id == "E706" else one.web)
                for one in error.faults
            ) from error


def unlock_to_vouch(by: Actor, passphrase: str) -> SigningKey:
    """Return the actor's key, to speak about somebody else's; errors as in :func:`unlock`.

    Raises
    ------
    DeskError
        Also E877 when the key was made in another role: two of one role could speak as if of two.
    """
    key = DeskLedger().roster().key_of(by.person, by.now)
    if key is not None and role_of(by.user) not in key.roles:
        text = f"has a signing key of another role ({', '.join(sorted(key.roles))})."
        raise DeskError(Fault("E877", by.person, text, "Ask under Account that it ends, and make a new one."))
    return unlock(by, passphrase)


def role_of(user: User | None) -> str:
    """Return as what somebody signs: their party, else as the chair."""
    return (user.standing.party if user else "") or CHAIR.key


def is_enrolled(by: Actor) -> bool:
    """Return whether the actor can sign now."""
    return DeskLedger().roster().key_of(by.person, by.now) is not None


def _place(by: Actor, kept: SigningKeyFile, draft: Draft) -> Record | None:
    """Put an enrolment on the ledger, or keep it until more people vouch."""
    record = placed(by, draft)
    kept.draft = draft.to_bytes() if record is None else None
    kept.save()
    return record


def placed(by: Actor, draft: Draft) -> Record | None:
    """Put a draft about keys on the ledger; None while too few people have signed it (E747)."""
    try:
        with transaction.atomic():
            return DeskLedger().add(draft, now=by.now)
    except SignatureError as error:
        if {fault.id for fault in error.faults} != {"E747"}:
            raise
        return None


def _locked(key: SigningKey, passphrase: str) -> bytes:
    """Return the key as an encrypted file's content."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "key")
        write_key(path, key, passphrase)
        return path.read_bytes()
