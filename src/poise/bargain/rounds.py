"""Rounds of a negotiation: what kind of step each proposal was, who is due, who gave how much.

Every figure is a gain over the same default plan on the same scale: the share of a side's largest gain.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from poise.bargain.landmarks import TIE

Party = Literal["operations", "security"]
Step = Literal["silent", "nice", "fortunate", "selfish", "concession", "unfortunate"]
Answer = Literal["accept", "accept-if", "no"]

#: Two shares closer than this are the same to a person [1]; a tenth of a percent.
SAME_SHARE = 1e-3


@dataclass(frozen=True, slots=True)
class Offer:
    """A proposal: whose, and what it is worth to each side as a share of its largest gain [1]."""

    party: Party
    share_operations: float
    share_security: float
    #: What tells two proposals apart, such as the digest of the plan.
    content: str = ""

    def worth(self, party: Party) -> float:
        """Return the share of one side."""
        return self.share_operations if party == "operations" else self.share_security


def other(party: Party) -> Party:
    """Return the other side."""
    return "security" if party == "operations" else "operations"


def kind_of_step(before: Offer, after: Offer) -> Step:
    """Return what kind of step a side made from its last proposal to this one.

    The six kinds of K. Hindriks, C. Jonker and D. Tykhonov (Negotiation dynamics, IAT 2007): by what
    the step is worth to the mover and to the other side. A step that takes from the other side and
    gives the mover nothing is counted as unfortunate.
    """
    own = after.worth(after.party) - before.worth(after.party)
    others = after.worth(other(after.party)) - before.worth(other(after.party))
    if abs(own) <= SAME_SHARE:
        if abs(others) <= SAME_SHARE:
            return "silent"
        return "nice" if others > 0 else "unfortunate"
    if own > 0:
        return "fortunate" if others > SAME_SHARE else "selfish"
    return "concession" if others > SAME_SHARE else "unfortunate"


def concession_rate(offers: Sequence[Offer], party: Party) -> float | None:
    """Return how much of its first claim over the default a side has given up so far [1].

    0: nothing; 1: it stands at the default plan. None before two proposals of that side, or where
    its first claimed nothing.
    """
    own = [offer.worth(party) for offer in offers if offer.party == party]
    if len(own) < 2 or own[0] <= TIE:
        return None
    return (own[0] - own[-1]) / own[0]


def due(offers: Sequence[Offer]) -> Party | None:
    """Return whose new proposal is due: the side that has made fewer different ones; None when even.

    The pace of the MiCRO strategy (D. de Jonge, JAAMAS 2024): a side makes a new proposal only when the
    other has made at least as many different ones.
    """
    counts = {
        party: len({offer.content for offer in offers if offer.party == party})
        for party in ("operations", "security")
    }
    if counts["operations"] == counts["security"]:
        return None
    return "operations" if counts["operations"] < counts["security"] else "security"


def matched(answers: Sequence[tuple[Party, str, Answer]]) -> tuple[str, ...]:
    """Return the proposals that both sides accept, from answers given hidden.

    Only matches are told: who alone accepts what the other refuses has shown nothing. The last answer
    of a side to a proposal counts; ``accept-if`` is an answer to talk about, not an acceptance.
    """
    last = {(party, proposal): answer for party, proposal, answer in answers}
    proposals = dict.fromkeys(proposal for _, proposal, _ in answers)
    return tuple(
        proposal
        for proposal in proposals
        if last.get(("operations", proposal)) == last.get(("security", proposal)) == "accept"
    )
