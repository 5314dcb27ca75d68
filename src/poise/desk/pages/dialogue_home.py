"""What the dialogue tells elsewhere: its records as sentences, what waits for a side, what was promised."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from django.urls import reverse

from poise.desk.actions import Actor, dialogue
from poise.desk.ledger import DeskLedger
from poise.desk.models import JointPage
from poise.desk.permissions import may
from poise.desk.remembering import Remembered
from poise.desk.telling import Due, Need
from poise.dialogue.acts import ACTS
from poise.dialogue.fold import replay
from poise.dialogue.state import Dialogue

#: After the author's name. No figure stands in any: beside a name it would read as somebody's.
SENTENCES: Final = {
    "goal.proposed": "proposed the goal: {title}",
    "goal.endorsed": "endorsed a goal",
    "goal.retired": "ended a goal: {reason}",
    "profile.stated": "stated how {party} works this quarter",
    "guess.sealed": "sealed a guess of the other side's priorities",
    "decision.asked": "asked: {question}",
    "decision.made": "decided a question of the other side",
    "decision.withdrawn": "took a question back: {reason}",
    "promise.made": "promised: {what}",
    "promise.moved": "moved a promise: {reason}",
    "promise.kept": "said that a promise is kept",
    "promise.dropped": "dropped a promise: {reason}",
    "judgement.stated": "stated a judgement",
    "judgement.resolved": "said what came of a judgement",
    "correction.made": "corrected: {what}",
    "exception.noted": "noted an accepted risk: {what}",
    "exception.renewed": "renewed an accepted risk: {reason}",
    "exception.closed": "closed an accepted risk: {how}",
    "disagreement.raised": "raised: {title}",
    "disagreement.retyped": "called a disagreement one about {type}: {reason}",
    "disagreement.serves": "named the goal of a disagreement",
    "disagreement.position": "put a position down: {position}",
    "disagreement.reopened": "re-opened a disagreement: {reason}",
    "test.set": "set a test: {test}",
    "test.done": "said what a test showed: {result}",
    "settlement.proposed": "offered to settle: {outcome}",
    "settlement.accepted": "accepted an offer",
    "escalation.noticed": "gave notice that a disagreement goes up: {reason}",
    "escalation.joint": "took a disagreement up, signed by both",
    "escalation.alone": "took a disagreement up alone",
    "escalation.decided": "noted what {by} decided: {decision}",
    "meeting.planned": "planned when the two meet",
    "meeting.opened": "began a meeting",
    "meeting.item": "dealt with an item of a meeting: {outcome}",
    "meeting.closed": "closed a meeting",
    "survey.sealed": "sealed answers of the survey",
    "signal.annotated": "put a note beside a signal",
    "range.stated": "stated a range: {what}",
    "range.resolved": "said what came of a range",
}
#: The dialogue as some end of the ledger tells it: home asks for it with every record.
_SAID: Final = Remembered[Dialogue](4)


def needs(by: Actor) -> Iterator[Need]:
    """Yield what the other side waits for: an answer, a signature, a goal to endorse."""
    if not may(by.role, "dialogue.say"):
        return
    state = _said(by)
    for id, asked in state.decisions.items():
        if asked.ended is None and asked.act.party != by.party:
            yield Need(f"Decide: {asked.act.question}", reverse("dialogue-decision", args=[id]))
    for one in state.contested():
        if one.offer is not None and one.offer.party != by.party:
            yield Need(
                f"Answer the offer: {one.act.title}", reverse("dialogue-disagreement", args=[one.act.id])
            )
    for row in JointPage.objects.all():
        if by.party not in row.signed.split():
            title = state.title_of(row.disagreement)
            yield Need(f"Sign the joint page: {title}", reverse("dialogue-joint", args=[row.disagreement]))
    for goal in state.goals.values():
        if goal.retired is None and all(party != by.party for party in goal.endorsed):
            text = f"Endorse the goal, or say what has to change: {goal.act.title}"
            yield Need(text, reverse("dialogue-goals"))


def due(by: Actor) -> list[Due]:
    """Return what both sides have promised each other."""
    if not may(by.role, "dialogue.read"):
        return []
    agenda = reverse("dialogue-agenda")
    return [
        Due(f"{one.act.what}, by {one.act.party}", one.expected, agenda)
        for one in _said(by).promises.values()
        if one.is_open
    ]


def _said(by: Actor) -> Dialogue:
    """Return the dialogue alone: what incidents and the gate tell stands on home by itself."""
    head = DeskLedger().head
    key = (head.size, head.hash, by.now.replace(second=0))
    return _SAID.get(key, lambda: replay(dialogue.entries_of(tuple(ACTS), by.now)))
