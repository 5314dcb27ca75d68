"""Composing, signing, checking and re-opening agreements."""

from __future__ import annotations

from datetime import date

from poise.desk import convert, jobs
from poise.desk.actions.bargaining import SETTLE_JOB, look_for_ways, own_party, want_landmarks
from poise.desk.actions.base import Actor, action
from poise.desk.actions.keys import is_enrolled, unlock
from poise.desk.convert import DeskSession
from poise.desk.ledger import DeskLedger
from poise.desk.models import AgreementDraft
from poise.errors import ConflictError, DeskError, Fault, TableError
from poise.ledger.canonical import canonical
from poise.ledger.record import Draft, Record, read_draft
from poise.table.agreement import Terms, check_review, terms_of
from poise.table.ground import as_plan
from poise.table.negotiation import OPENED
from poise.table.triggers import Fired, fired, gravest


@action("agreement.sign")
def draft(by: Actor, proposal: int, review: date | None = None) -> AgreementDraft:
    """Compose the agreement on a proposal that both accept, for both to sign.

    It takes the place of one that nobody has signed, or that what holds now has overtaken.

    Raises
    ------
    ConflictError
        E871 when there is a draft already that somebody has signed.
    TableError
        E557 when the two sides have not both accepted the proposal, it breaks a limit in force, or its
        review is past.
    """
    own_party(by)
    assert by.user is not None
    at = convert.session(by.now)
    there = draft_on(at, proposal)
    if there is not None and there.signed and why_stale(at, there) is None:
        text = f"is composed already, and {there.signed_parties[0]} has signed it."
        raise ConflictError(Fault("E871", "agreement", text, "Read that one, and sign it or not."))
    made = at.draft_agreement(proposal, Terms(review=review), by.person)
    if there is not None:
        there.delete()  # what stands in its place has another number: nobody signs what they have not read
    return AgreementDraft.objects.create(
        ground=at.negotiation.ground or "",
        proposal=proposal,
        content=made.to_bytes(),
        by=by.user,
        made=by.now,
    )


@action("agreement.sign")
def sign(by: Actor, draft_id: int, passphrase: str) -> Record | None:
    """Sign a draft with the actor's own key; return the agreement once both sides have signed.

    Raises
    ------
    ConflictError
        E871 when the side has signed, or the draft is gone.
    LedgerError
        E706 for a passphrase that does not open the key.
    DeskError
        E877 when the actor's key is not on the ledger.
    SignatureError
        E743 when it does not sign for the side.
    TableError
        E557 when the table has moved on since the draft was made.
    """
    party = own_party(by)
    row = AgreementDraft.objects.select_for_update().filter(pk=draft_id).first()
    if row is None or party in row.signed_parties:
        raise ConflictError(Fault("E871", "agreement", "There is nothing left for you to sign here."))
    at = convert.session(by.now)
    if (stale := why_stale(at, row)) is not None:
        raise TableError(Fault("E557", "agreement", stale))
    content, key = content_of(row), unlock(by, passphrase)
    if not is_enrolled(by):
        text = "has no key on the ledger that counts."
        raise DeskError(Fault("E877", by.person, text, "Account says what it waits for."))
    DeskLedger().roster().check_side(key.id, party, by.now)
    if not row.signed_parties and content.statement.author != by.person:
        # The ledger takes a record from an author who has signed it: that is whoever signs first.
        content = at.draft_agreement(row.proposal, terms_of(content.body), by.person)
    signed = content.signed(key)
    row.content, row.signed = signed.to_bytes(), " ".join((*row.signed_parties, party))
    if len(row.signed_parties) < 2:
        row.save()
        return None
    record = DeskLedger().add(signed, now=by.now)
    row.delete()
    jobs.start(by, SETTLE_JOB, "A plan that both prefer to the signed one", agreement=record.hash)
    want_landmarks(by, convert.session(by.now))  # gains count from the signed plan now
    return record


def draft_on(at: DeskSession, proposal: int) -> AgreementDraft | None:
    """Return the draft on a proposal of the table that is open."""
    ground = at.negotiation.ground or ""
    found: AgreementDraft | None = AgreementDraft.objects.filter(ground=ground, proposal=proposal).first()
    return found


def why_stale(at: DeskSession, row: AgreementDraft) -> str | None:
    """Return why a draft can be signed no more, as a sentence; None while it can.

    What it says of limits, and of what happens without it, must be true on the day on which it is signed.
    """
    if row.ground != at.negotiation.ground:
        return "It rests on a table that was opened anew since: propose and accept on the new one."
    body = content_of(row).body
    if broken := at.breaks(as_plan(at.negotiation.proposal(row.proposal).windows)):
        return f"Its plan breaks what was posted since: {', '.join(broken)}."
    try:
        check_review(terms_of(body), at.today)
    except TableError:
        return "The day on which it would be looked at again is past: compose it with another."
    if canonical(at.compose(row.proposal, terms_of(body))) != canonical(body):
        return "A limit or the agreement in force has changed since it was composed: compose it anew."
    return None


def content_of(row: AgreementDraft) -> Draft:
    """Return what a draft says, with the signatures so far."""
    return read_draft(bytes(row.content), f"draft on proposal {row.proposal}")


def facts_since(by: Actor) -> tuple[str, tuple[Fired, ...]] | None:
    """Return the agreement in force, by its record, and which of its triggers fire; None without one."""
    at = convert.session(by.now)
    if at.negotiation.in_force is None:
        return None
    record_hash, body = at.negotiation.in_force
    then = at.ground_of(ground_then(at.ledger.record(record_hash)))
    return record_hash, fired(body, at.ground, then, by.now)


def ground_then(agreement: Record) -> str:
    """Return the digest of the file of the ground that an agreement was made on."""
    opened = [
        one.body["ground"]
        for one in DeskLedger().records_of((OPENED,))
        if one.body is not None and one.sequence < agreement.sequence
    ]
    return str(opened[-1])


@action("agreement.reopen")
def reopen(by: Actor) -> Record:
    """Re-open the agreement in force because of the facts that its triggers name, and look for ways on.

    Raises
    ------
    TableError
        E557 when no trigger asks for it.
    """
    found = facts_since(by)
    action_wanted = gravest(found[1]) if found else None
    if found is None or action_wanted not in ("reopen", "default"):
        raise TableError(Fault("E557", "agreement", "No trigger of an agreement in force asks for this."))
    at = convert.session(by.now)
    record = at.reopen(found[0], [one.fact for one in found[1]], action_wanted)
    look_for_ways(by)
    want_landmarks(by, at)
    return record
