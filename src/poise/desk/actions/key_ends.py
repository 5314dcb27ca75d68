"""Ending a signing key whose passphrase is lost, which others may have, or whose holder has left.

Whoever asks says why; two people of two different roles of operations, security and chair, and not the key's
holder, sign the revocation (:mod:`poise.ledger.roster`). Until the second has, the key counts.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

import msgspec

from poise.desk.actions import half_signed
from poise.desk.actions.base import Actor, action
from poise.desk.actions.keys import placed, role_of, unlock, unlock_to_vouch
from poise.desk.ledger import DeskLedger
from poise.desk.models import KeyEnding, SigningKeyFile, User
from poise.desk.permissions import may
from poise.errors import ConflictError, DeskError, Fault
from poise.ledger.keyrecords import Revocation
from poise.ledger.parties import Signer, is_vouched
from poise.ledger.record import Draft, Record, read_draft, whole_seconds
from poise.ledger.roster import Roster

MAX_REASON_CHARACTERS: Final = 200


@action("key.enrol")
def ask(by: Actor, person: str, reason: str, since: datetime | None = None) -> KeyEnding:
    """Ask that somebody's key, or the actor's own, ends.

    Parameters
    ----------
    reason
        Why; it stays on the ledger.
    since
        From when its signatures count no more: a time in the past where somebody else may have had it. The
        key that was in use then ends, and with it every key that took its place.

    Raises
    ------
    DeskError
        E877 when this person has no key on the ledger, or it is asked for already; E878 without a reason,
        or for a time ahead.
    """
    kept = SigningKeyFile.objects.filter(user__username=person).first()
    if kept is None or DeskLedger().roster().key_of(person, by.now) is None:
        raise DeskError(Fault("E877", person, "has no signing key on the ledger."))
    if KeyEnding.objects.filter(kept=kept).exists():
        text = "has a signing key of which it is asked already."
        raise DeskError(Fault("E877", person, text, "Two others sign that it ends."))
    if not reason.strip():
        raise DeskError(Fault("E878", "reason", "is missing.", "It stays on the ledger."))
    if len(reason) > MAX_REASON_CHARACTERS:
        text = f"has {len(reason)} characters, expected at most {MAX_REASON_CHARACTERS}."
        raise DeskError(Fault("E878", "reason", text))
    if since is not None and since > by.now:
        raise DeskError(Fault("E878", "since", "lies ahead.", "Leave it empty where it is now."))
    since = whole_seconds(since or by.now)
    return KeyEnding.objects.create(
        kept=kept,
        key_id=_held_at(kept.key_id, since),
        reason=" ".join(reason.split()),
        since=since,
        asked_by=by.person,
    )


@action("key.enrol")
def sign(by: Actor, ending: int, passphrase: str) -> Record | None:
    """Sign that somebody else's key ends; return the record once enough people did, and keep the key no more.

    Parameters
    ----------
    ending
        The one that was shown.

    Raises
    ------
    ConflictError
        E871 when it is taken back or done by now, or a key would be left that counts.
    DeskError
        E877 when it is the actor's own key, or the actor's was made in another role.
    LedgerError
        E706 when the passphrase is not the actor's.
    """
    asked = _asked(ending)
    holder = asked.kept.user.username
    if holder == by.person:
        raise DeskError(Fault("E877", holder, "does not sign that the own key ends.", "Two others do."))
    draft = _draft_of(asked)
    if draft is None:
        body = Revocation(holder, asked.key_id, asked.since, asked.reason)
        draft = DeskLedger().draft("key.revoke", by.person, msgspec.to_builtins(body), now=by.now)
    draft = draft.signed(unlock_to_vouch(by, passphrase))
    record = placed(by, draft)
    if record is None:
        asked.draft = draft.to_bytes()
        asked.save()
        return None
    if DeskLedger().roster().key_of(holder, max(by.now, record.time)) is not None:
        text = "took another's place after the time that is asked for. Nothing was signed."
        raise ConflictError(Fault("E871", f"key of {holder}", text, "Take it back and ask anew."))
    half_signed.forget(asked.kept.key_id)
    half_signed.drop_of(asked.kept.user)
    asked.kept.delete()
    return record


@action("key.enrol")
def take_back(by: Actor, ending: int, passphrase: str = "") -> None:
    """Take back that a key is asked to end.

    Parameters
    ----------
    passphrase
        For the own key: who has got hold of a password alone keeps no stolen key alive.

    Raises
    ------
    ConflictError
        E871 when it is taken back or done by now.
    DeskError
        E877 for whom :func:`may_take_back` does not name.
    LedgerError
        E706 when the passphrase is not the actor's.
    """
    asked = _asked(ending)
    if asked.kept.user == by.user and by.person == asked.asked_by:
        unlock(by, passphrase)
    elif not may_take_back(by, asked):
        text = f"{asked.asked_by} asked that it ends, and takes that back."
        raise DeskError(Fault("E877", f"key of {asked.kept.user.username}", text, "Leave it unsigned."))
    asked.delete()


def may_take_back(by: Actor, asked: KeyEnding) -> bool:
    """Return whether it is for the actor to take back.

    It is for whoever asked, and for anybody but the holder once whoever asked signs nothing here any more.
    """
    if by.person == asked.asked_by:
        return True
    asker = User.objects.filter(username=asked.asked_by, is_active=True).first()
    return asked.kept.user != by.user and (asker is None or not may(asker.role, "key.enrol"))


def asked_for() -> list[KeyEnding]:
    """Return the keys that somebody asks to end."""
    return list(KeyEnding.objects.select_related("kept__user").order_by("kept__user__username"))


def signers_of(asked: KeyEnding, roster: Roster) -> tuple[str, ...]:
    """Return who has signed so far that a key ends."""
    draft = _draft_of(asked)
    return tuple(roster.keys[one.key_id].person for one in draft.envelope.signatures) if draft else ()


def can_be_replaced(person: str, roster: Roster, now: datetime) -> bool:
    """Return whether others have the keys, and still the roles, to end somebody's and vouch for a new one."""
    roles = {
        user.username: role_of(user)
        for user in User.objects.filter(is_active=True).exclude(username=person)
        if may(user.role, "key.enrol")
    }
    keys = (key for key in roster.keys.values() if key.counts(now) and roles.get(key.person) in key.roles)
    return is_vouched(Signer(key.person, key.id, key.roles) for key in keys)


def _held_at(key_id: str, time: datetime) -> str:
    """Return the key that was in use at a time: this one, or that in whose place it came."""
    keys = DeskLedger().roster().keys
    while (key := keys[key_id]).parent is not None and time <= key.enrolled:
        key_id = key.parent
    return key_id


def _draft_of(asked: KeyEnding) -> Draft | None:
    return None if asked.draft is None else read_draft(bytes(asked.draft), f"end of {asked.key_id}")


def _asked(ending: int) -> KeyEnding:
    asked = KeyEnding.objects.select_for_update().filter(pk=ending).first()
    if asked is None:
        text = "is not asked to end any more. Nothing was signed."
        raise ConflictError(Fault("E871", "key", text, "Look at the account's page again."))
    return asked
