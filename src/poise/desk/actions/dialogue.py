"""What the two sides say to each other at the desk. What may be said stands in :mod:`poise.dialogue`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, cast

from poise.bargain.rounds import Party
from poise.desk import convert
from poise.desk.actions import incidents, keys
from poise.desk.actions.base import Actor, action
from poise.desk.ledger import DeskLedger
from poise.desk.models import JointPage, SealedAnswers
from poise.dialogue.acts import JOINT
from poise.dialogue.conversation import Conversation, Entry, entries, joint_draft, known_at
from poise.dialogue.escalation import compose_page
from poise.dialogue.fold import KINDS
from poise.dialogue.formulas import PERIOD, PERIODS
from poise.dialogue.incidents import with_incidents
from poise.dialogue.outlook import Prospect, prospect
from poise.dialogue.sealing import Kept, What, keep, read_kept
from poise.dialogue.state import Dialogue
from poise.dialogue.survey import quarter_of
from poise.errors import ConflictError, DialogueError, Fault
from poise.gate.register import KINDS as GATE_KINDS
from poise.incident.acts import ACTS as INCIDENT_KINDS
from poise.incident.state import Decision, Incident
from poise.ledger.canonical import digest
from poise.ledger.chain import MAX_CLOCK_SKEW
from poise.ledger.record import Draft, Record, read_draft


class DeskConversation(Conversation):
    """The dialogue on the desk's ledger: only its own records are read.

    Parameters
    ----------
    reader
        Whose page it is for: of what incidents ask it shows the words that their marks open to this person.
        None where it may travel further, as a letter does.
    """

    def __init__(self, ledger: DeskLedger, now: datetime, reader: Actor | None = None) -> None:
        super().__init__(ledger, now)
        self._reader = reader

    @property
    def _records(self) -> Iterable[Record]:
        ledger = self.ledger
        assert isinstance(ledger, DeskLedger)
        return ledger.records_of((*KINDS, *GATE_KINDS))

    def _with_incidents(self, state: Dialogue, records: Iterable[Record]) -> Dialogue:
        """Take in the incidents as this process keeps them folded: a long one is not read again."""
        ledger = self.ledger
        assert isinstance(ledger, DeskLedger)
        newest = ledger.head.time
        if newest is not None and newest > self.now + MAX_CLOCK_SKEW:
            known = known_at(ledger.records_of(tuple(INCIDENT_KINDS)), self.now)
            return super()._with_incidents(state, known)
        with incidents.looking() as room:
            return with_incidents(state, room.state().by_id.values(), self._may_show)

    def _may_show(self, incident: Incident, asked: Decision) -> bool:
        reader = self._reader
        return reader is not None and asked.is_for(incidents.watcher(reader, incident))


def conversation(by: Actor) -> DeskConversation:
    """Return the dialogue as it stands for somebody now."""
    return DeskConversation(DeskLedger(), by.now)


def ahead(by: Actor) -> Prospect | None:
    """Return what lies ahead at the table; None without one."""
    at = convert.session(by.now)
    if at.negotiation.ground is None:
        return None
    in_force = at.negotiation.in_force
    return prospect(at.ground, in_force[1] if in_force else None)


@action("dialogue.say")
def say(by: Actor, kind: str, fields: Mapping[str, Any]) -> Record:
    """Put an act of the actor's own side on the ledger.

    Raises
    ------
    DialogueError
        E850 to E854, as in :meth:`poise.dialogue.conversation.Conversation.say`.
    """
    return conversation(by).say(kind, {**fields, "party": by.party}, author=by.person)


@action("dialogue.say")
def settle(by: Actor, offered: Mapping[str, Any], seen: str) -> Record:
    """Accept the offer that the actor has read.

    Raises
    ------
    ConflictError
        E871 when another offer stands there by now.
    """
    talk = conversation(by)
    found = talk.state.disagreements.get(str(offered.get("disagreement")))
    if found is None or found.offer is None or found.offer.outcome != seen:
        raise ConflictError(Fault("E871", "settlement", "The offer is not the one that you read any more."))
    return talk.say("settlement.accepted", {**offered, "party": by.party}, author=by.person)


@action("dialogue.pair")
def seal(by: Actor, what: What, answers: Any) -> None:
    """Seal the answers of the actor's side: the digest on the ledger, the answers in the pair's rows.

    Answers older than the signals' year are removed then.
    """
    SealedAnswers.objects.filter(made__lt=by.now - PERIODS * PERIOD).delete()
    kept = keep(what, cast(Party, by.party), quarter_of(by.now), answers)
    conversation(by).seal(kept, author=by.person)
    SealedAnswers.objects.create(
        party=kept.party, what=what, quarter=kept.quarter, content=kept.to_bytes().decode(), made=by.now
    )


def answers(what: What, quarter: str) -> list[Kept]:
    """Return the answers of a quarter, for :func:`poise.dialogue.sealing.open_both` alone to judge."""
    rows = SealedAnswers.objects.filter(what=what, quarter=quarter)
    return [read_kept(row.content.encode(), what) for row in rows]


@action("dialogue.escalate")
def escalate_alone(by: Actor, id: str, wanted: str) -> Record:
    """Send a one-sided page: at once, and shown as one."""
    talk = conversation(by)
    page = compose_page(talk.state, id, by.now, ahead(by), wanted, convert.currency())
    body = {"party": by.party, "disagreement": id, "page": page}
    return talk.say("escalation.alone", body, author=by.person)


@action("dialogue.escalate")
def compose_joint(by: Actor, id: str, wanted: str) -> None:
    """Compose the joint page, for both to read and sign; a page that nobody has signed is replaced.

    Raises
    ------
    ConflictError
        E871 when somebody has signed the page that is there.
    """
    talk = conversation(by)
    page = compose_page(talk.state, id, by.now, ahead(by), wanted, convert.currency())
    body = {"party": by.party, "disagreement": id, "page": page}
    draft = joint_draft(talk, body, by.person, talk.ledger.draft)
    there = JointPage.objects.select_for_update().filter(disagreement=id).first()
    if there is not None and there.signed:
        raise ConflictError(Fault("E871", "joint page", f"{there.signed} has signed the page that is there."))
    JointPage.objects.update_or_create(
        disagreement=id, defaults={"draft": draft.to_bytes(), "made": by.now, "signed": ""}
    )


@action("dialogue.escalate")
def sign_joint(by: Actor, id: str, passphrase: str, seen: str | None = None) -> Record | None:
    """Sign the joint page; return its record once a person of each side has.

    Parameters
    ----------
    seen
        What was read, by :func:`page_version`; None to sign whatever stands there.

    Raises
    ------
    ConflictError
        E871 when another page stands there by now.
    DialogueError
        E852 without a page, E853 when the actor's side has signed it already; as for the act itself when it
        is not possible any more.
    """
    row = JointPage.objects.select_for_update().filter(disagreement=id).first()
    if row is None:
        raise DialogueError(Fault("E852", "joint page", f"There is none for {id!r}.", "Compose it first."))
    if by.party in row.signed.split():
        raise DialogueError(Fault("E853", "joint page", f"{by.party} has signed it already."))
    draft = read_draft(bytes(row.draft), "joint page")
    if seen is not None and seen != page_version(draft):
        text = "was composed anew meanwhile. Nothing was signed."
        raise ConflictError(Fault("E871", "joint page", text, "Read what it says now."))
    talk = conversation(by)
    talk.check(JOINT, draft.body)
    draft = draft.signed(keys.unlock(by, passphrase))
    signed = [*row.signed.split(), by.party]
    if len(signed) == 2:
        row.delete()
        return talk.ledger.add(draft, now=by.now)
    row.draft, row.signed = draft.to_bytes(), " ".join(signed)
    row.save()
    return None


def page_version(draft: Draft) -> str:
    """Return what changes with everything that a draft says."""
    return digest(draft.statement.to_bytes())[:16]


@action("dialogue.escalate")
def withdraw_joint(by: Actor, id: str) -> None:
    """Take back a joint page that is not on the ledger yet; either side may."""
    JointPage.objects.filter(disagreement=id).delete()


def own_records(by: Actor) -> list[dict[str, Any]]:
    """Return what the ledger holds by the actor, for the actor alone."""
    import msgspec

    ledger = DeskLedger()
    mine = (record for record in known_at(ledger.records(), by.now) if record.statement.author == by.person)
    return [
        {"time": record.time, "kind": record.statement.kind, "hash": record.hash, "body": record.body}
        for record in mine
    ] + [msgspec.json.decode(row.content) for row in SealedAnswers.objects.filter(party=by.party)]


def entries_of(kinds: tuple[str, ...], now: datetime) -> Iterable[Entry]:
    """Return the records of a few kinds of the dialogue, as far as they are known at a time."""
    return entries(known_at(DeskLedger().records_of(kinds), now))


def state_of(by: Actor) -> Dialogue:
    """Return where the dialogue stands for somebody now."""
    return conversation(by).state


def shown_to(by: Actor) -> Dialogue:
    """Return where it stands, for a page of this reader alone: with the questions of incidents for them."""
    return DeskConversation(DeskLedger(), by.now, by).state
