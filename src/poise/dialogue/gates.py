"""Exceptions of the delivery gate: accepted risks like those noted here, with the same ends and reviews.

A renewal at the gate is a new document that takes the old one's place; here it is a review of the first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from poise.dialogue import commitments
from poise.dialogue.state import Accepted, Dialogue
from poise.gate.register import KINDS, ExceptionEntry, register
from poise.ledger.record import Record


def with_gate(state: Dialogue, records: Iterable[Record]) -> Dialogue:
    """Return the dialogue with the exceptions that were signed at the gate.

    Raises
    ------
    PolicyError
        As in :func:`poise.gate.register.register`.
    """
    signed = register(record for record in records if record.statement.kind in KINDS).exceptions
    if not signed:
        return state
    found = {one.act.id: one for one in _accepted(signed)}
    return replace(state, exceptions={**state.exceptions, **found})


def _accepted(signed: dict[str, ExceptionEntry]) -> Iterator[Accepted]:
    later = {one.renewed_by for one in signed.values()}
    for record, first in signed.items():
        if record in later:
            continue  # told of as a renewal of the one before it
        reviews, last, at = [], first, record
        while last.renewed_by in signed:
            at = last.renewed_by
            last = signed[at]
            reviews.append((last.made.at, last.document.ends.date()))
        act = commitments.ExceptionNoted(
            party="security",
            id=f"gate-{record[:12]}",
            what=f"{first.document.title}, in deliveries of {first.document.service}"[:200],
            owner=last.document.owner[:200],
            until=first.document.ends.date(),
        )
        closed = last.withdrawn.at if last.withdrawn else None
        yield Accepted(act, first.made.at, tuple(reviews), closed, gate=at)
