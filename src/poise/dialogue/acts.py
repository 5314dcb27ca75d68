"""The acts of this room by kind: what either side can put on the ledger, each body checked by its type.

A body says for which party it speaks. What both must sign is in :data:`poise.ledger.chain.TWO_PARTY_KINDS`.
"""

from __future__ import annotations

from poise.dialogue import commitments, pair, quarrel
from poise.dialogue.base import Act

#: Every kind of record of this room, with the type of its body.
ACTS: dict[str, type[Act]] = {
    "goal.proposed": pair.GoalProposed,
    "goal.endorsed": pair.GoalEndorsed,
    "goal.retired": pair.GoalRetired,
    "profile.stated": pair.ProfileStated,
    "guess.sealed": pair.GuessSealed,
    "decision.asked": commitments.DecisionAsked,
    "decision.made": commitments.DecisionMade,
    "decision.withdrawn": commitments.DecisionWithdrawn,
    "promise.made": commitments.PromiseMade,
    "promise.moved": commitments.PromiseMoved,
    "promise.kept": commitments.PromiseKept,
    "promise.dropped": commitments.PromiseDropped,
    "judgement.stated": commitments.JudgementStated,
    "judgement.resolved": commitments.JudgementResolved,
    "correction.made": commitments.CorrectionMade,
    "exception.noted": commitments.ExceptionNoted,
    "exception.renewed": commitments.ExceptionRenewed,
    "exception.closed": commitments.ExceptionClosed,
    "disagreement.raised": quarrel.DisagreementRaised,
    "disagreement.retyped": quarrel.DisagreementRetyped,
    "disagreement.serves": quarrel.GoalNamed,
    "disagreement.position": quarrel.PositionTaken,
    "disagreement.reopened": quarrel.DisagreementReopened,
    "test.set": quarrel.TestSet,
    "test.done": quarrel.TestDone,
    "settlement.proposed": quarrel.SettlementProposed,
    "settlement.accepted": quarrel.SettlementAccepted,
    "escalation.noticed": quarrel.EscalationNoticed,
    "escalation.joint": quarrel.EscalationPage,
    "escalation.alone": quarrel.EscalationPage,
    "escalation.decided": quarrel.EscalationDecided,
    "meeting.planned": pair.MeetingPlanned,
    "meeting.opened": pair.MeetingOpened,
    "meeting.item": pair.ItemTaken,
    "meeting.closed": pair.MeetingClosed,
    "survey.sealed": pair.SurveySealed,
    "signal.annotated": pair.SignalAnnotated,
}
JOINT = "escalation.joint"
#: What is the two leads' alone: how each works, and what they said of signals about themselves.
PAIR_KINDS = ("profile.stated", "signal.annotated")
