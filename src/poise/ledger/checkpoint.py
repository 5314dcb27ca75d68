"""Checkpoints: how far the ledger reached and what it said then, signed, and kept somewhere else.

A chain alone cannot show that its end was cut off, or that all of it was written anew. Whoever holds a
checkpoint can: the record at its place must have the hash that the checkpoint names.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

import msgspec

from poise.errors import ChainError, Fault, LedgerError, SignatureError
from poise.ledger.canonical import canonical, parse
from poise.ledger.chain import Head
from poise.ledger.envelope import Envelope
from poise.ledger.keys import SigningKey
from poise.ledger.record import whole_seconds
from poise.ledger.roster import Roster

FORM: Final = "poise-checkpoint/1"
CHECKPOINT_TYPE: Final = "application/vnd.poise.checkpoint+json"
#: Largest checkpoint file [bytes]; one with a few signatures has about a thousand.
MAX_FILE_BYTES: Final = 1 << 16


class Claim(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a checkpoint says.

    Parameters
    ----------
    form
        :data:`FORM`.
    size
        How many records the ledger had; at least 1.
    head
        Hash of the last of them.
    time
        When the checkpoint was made (UTC, whole seconds).
    """

    form: str
    size: int
    head: str
    time: datetime


class Checkpoint(msgspec.Struct, frozen=True):
    """A signed claim.

    Parameters
    ----------
    claim
        What it says.
    envelope
        The claim as it was signed.
    where
        Its file, for messages.
    """

    claim: Claim
    envelope: Envelope
    where: str


def make_checkpoint(head: Head, key: SigningKey, now: datetime) -> Envelope:
    """Return a signed checkpoint of the end of a chain.

    Raises
    ------
    LedgerError
        E716 when the ledger is empty.
    """
    if head.size == 0:
        raise LedgerError(Fault("E716", "ledger", "is empty; there is nothing to hold on to."))
    claim = Claim(FORM, head.size, head.hash, whole_seconds(now))
    return Envelope(CHECKPOINT_TYPE, canonical(msgspec.to_builtins(claim))).signed(key)


def read_checkpoint(content: bytes, where: str) -> Checkpoint:
    """Return the checkpoint of a file. Its signatures are judged later, at its place in the chain.

    Raises
    ------
    LedgerError
        E702 or E703 when it is no checkpoint.
    """
    envelope = Envelope.from_bytes(content, where)
    try:
        claim = msgspec.convert(parse(envelope.payload, where), Claim)
    except (msgspec.ValidationError, OverflowError) as error:
        raise LedgerError(Fault("E703", where, f"is no checkpoint: {error}.")) from error
    if envelope.payload_type != CHECKPOINT_TYPE or claim.form != FORM or claim.size < 1:
        raise LedgerError(Fault("E703", where, f"is no checkpoint of form {FORM}."))
    return Checkpoint(claim, envelope, where)


def check_checkpoint(checkpoint: Checkpoint, head: Head, roster: Roster, trusted: Iterable[str]) -> None:
    """Hold a checkpoint against the chain up to its place.

    Parameters
    ----------
    checkpoint
        What somebody kept.
    head
        The end of the chain that was read up to the checkpoint's size.
    roster
        The people there.
    trusted
        Key ids of which one must have signed the checkpoint; with none, any key of the roster that counts.

    Raises
    ------
    SignatureError
        E746 when nobody who counts has signed it.
    ChainError
        E726 when the chain says something else.
    """
    claim = checkpoint.claim
    own = [key.id for key in roster.keys.values() if key.counts(claim.time)]
    if not checkpoint.envelope.signers(CHECKPOINT_TYPE, tuple(trusted) or own):
        hint = "Name the key of whoever made it with --trust, as you got it from that person."
        message = "is not signed by a trusted key, or by one that counted at its place."
        raise SignatureError(Fault("E746", checkpoint.where, message, hint))
    if claim.head != head.hash:
        message = (
            f"record {claim.size - 1} had the hash {claim.head} on {claim.time:%Y-%m-%d %H:%M} UTC, "
            f"and has {head.hash} here: the chain was rebuilt, at or before this record."
        )
        raise ChainError(Fault("E726", checkpoint.where, message))


def cut_off(checkpoint: Checkpoint, size: int) -> ChainError:
    """Return the error of a chain that ends before a checkpoint's place."""
    claim = checkpoint.claim
    message = f"the ledger had {claim.size} records on {claim.time:%Y-%m-%d %H:%M} UTC, and has {size} here."
    return ChainError(
        Fault("E725", checkpoint.where, message, "Its end was cut off. Ask for the whole ledger.")
    )
