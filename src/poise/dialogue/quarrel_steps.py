"""What each act about a disagreement does to the state."""

from __future__ import annotations

from dataclasses import replace

from poise.dialogue import quarrel
from poise.dialogue.acts import JOINT
from poise.dialogue.base import PARTIES, Act
from poise.dialogue.place import Place
from poise.dialogue.state import Dialogue, Disagreement, Escalation, Settlement
from poise.dialogue.steps import Step, check_goal


def _raise(state: Dialogue, act: quarrel.DisagreementRaised, at: Place) -> None:
    at.new(state.disagreements, act.id, "disagreement")
    check_goal(state, act.goal, at)
    goals = ((at.time, act.goal),) if act.goal else ()
    state.disagreements[act.id] = Disagreement(act, at.time, act.type, goals)


def _retype(state: Dialogue, act: quarrel.DisagreementRetyped, at: Place) -> None:
    found = _contested(state, act.disagreement, at)
    state.disagreements[act.disagreement] = replace(found, type=act.type)


def _serve(state: Dialogue, act: quarrel.GoalNamed, at: Place) -> None:
    found = _contested(state, act.disagreement, at)
    check_goal(state, act.goal, at)
    state.disagreements[act.disagreement] = replace(found, goals=(*found.goals, (at.time, act.goal)))


def _take(state: Dialogue, act: quarrel.PositionTaken, at: Place) -> None:
    found = _contested(state, act.disagreement, at)
    own = (*found.positions.get(act.party, ()), (at.time, act))
    state.disagreements[act.disagreement] = replace(found, positions={**found.positions, act.party: own})


def _set_test(state: Dialogue, act: quarrel.TestSet, at: Place) -> None:
    found = _contested(state, act.disagreement, at)
    state.disagreements[act.disagreement] = replace(found, test=act, result=None)


def _test(state: Dialogue, act: quarrel.TestDone, at: Place) -> None:
    found = _contested(state, act.disagreement, at)
    if found.test is None:
        raise at.refuse("No test was set.", hint="test.set says which, by whom and by when.")
    state.disagreements[act.disagreement] = replace(found, result=act)


def _propose(state: Dialogue, act: quarrel.SettlementProposed, at: Place) -> None:
    found = _contested(state, act.disagreement, at)
    if act.how == "trade" and {give.party for give in act.gives} != {"operations", "security"}:
        raise at.refuse("A trade needs what each of the two gives; name it in gives.")
    if act.how == "test" and found.result is None:
        raise at.refuse("No test has shown anything yet.", hint="test.done says what it showed.")
    state.disagreements[act.disagreement] = replace(found, offer=act)


def _accept(state: Dialogue, act: quarrel.SettlementAccepted, at: Place) -> None:
    found = _contested(state, act.disagreement, at)
    if found.offer is None:
        raise at.refuse("There is nothing to accept yet.", hint="settlement.proposed comes first.")
    if found.offer.party == act.party:
        raise at.refuse(f"{act.party} proposed it; the yes is the other side's.", "E854")
    settled = (*found.settled, Settlement(found.offer, act, at.time))
    state.disagreements[act.disagreement] = replace(found, offer=None, settled=settled)


def _reopen(state: Dialogue, act: quarrel.DisagreementReopened, at: Place) -> None:
    found = at.known(state.disagreements, act.disagreement, "disagreement")
    if found.ended is None:
        raise at.refuse(f"{act.disagreement} is open.")
    # An offer of before stands no more: it was made when something else held.
    again = (*found.reopened, (at.time, act))
    state.disagreements[act.disagreement] = replace(found, offer=None, reopened=again)


def _notice(state: Dialogue, act: quarrel.EscalationNoticed, at: Place) -> None:
    found = _contested(state, act.disagreement, at)
    state.disagreements[act.disagreement] = replace(found, notices=(*found.notices, (at.time, act)))


def _escalate(state: Dialogue, act: quarrel.EscalationPage, at: Place) -> None:
    found = _contested(state, act.disagreement, at)
    # A notice counts for the escalation that follows it, and for that only.
    since = max((one.time for one in found.escalations), default=found.time)
    noticed = any(since <= time and said.party == act.party for time, said in found.notices)
    if at.kind == JOINT:
        missing = [party for party in PARTIES if not found.positions.get(party)]
        if missing:
            raise at.refuse(f"{' and '.join(missing)} has put no position down; a joint page holds both.")
        one = Escalation("joint", act.party, at.time, at.record, act.page)
    else:
        one = Escalation("one-sided" if noticed else "surprise", act.party, at.time, at.record, act.page)
    state.disagreements[act.disagreement] = replace(found, escalations=(*found.escalations, one))


def _decide(state: Dialogue, act: quarrel.EscalationDecided, at: Place) -> None:
    found = _contested(state, act.disagreement, at)
    if not found.escalations:
        raise at.refuse(f"{act.disagreement} was not escalated.")
    if found.escalations[-1].decided is not None:
        hint = "A new page goes up first; a decision of before is not written over."
        raise at.refuse(f"The last page on {act.disagreement} was decided already.", hint=hint)
    last = replace(found.escalations[-1], decided=act, decided_at=at.time)
    state.disagreements[act.disagreement] = replace(found, escalations=(*found.escalations[:-1], last))


def _contested(state: Dialogue, id: str, at: Place) -> Disagreement:
    found = at.known(state.disagreements, id, "disagreement")
    if found.ended is not None:
        hint = "disagreement.reopened contests it again."
        raise at.refuse(f"{id} is settled or decided.", hint=hint)
    return found


#: What each act does to the state.
QUARREL_STEPS: dict[type[Act], Step] = {
    quarrel.DisagreementRaised: _raise,
    quarrel.DisagreementRetyped: _retype,
    quarrel.GoalNamed: _serve,
    quarrel.PositionTaken: _take,
    quarrel.TestSet: _set_test,
    quarrel.TestDone: _test,
    quarrel.SettlementProposed: _propose,
    quarrel.SettlementAccepted: _accept,
    quarrel.DisagreementReopened: _reopen,
    quarrel.EscalationNoticed: _notice,
    quarrel.EscalationPage: _escalate,
    quarrel.EscalationDecided: _decide,
}
