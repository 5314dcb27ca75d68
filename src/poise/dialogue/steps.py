"""What each act about goals, promises, decisions and meetings does to the state."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from poise.bargain.rounds import Party
from poise.dialogue import commitments, pair
from poise.dialogue.base import Act
from poise.dialogue.place import Place
from poise.dialogue.state import Accepted, Decision, Dialogue, Goal, Judgement, Meeting, Promise

#: An act of its own type; the registry below pairs the two.
Step = Callable[[Dialogue, Any, Place], None]


# Goals, profiles, meetings, sealed answers -------------------------------------------------------------


def _goal(state: Dialogue, act: pair.GoalProposed, at: Place) -> None:
    at.new(state.goals, act.id, "goal")
    state.goals[act.id] = Goal(act, at.time, {act.party: at.time})


def _endorse(state: Dialogue, act: pair.GoalEndorsed, at: Place) -> None:
    goal = at.known(state.goals, act.goal, "goal")
    if act.party in goal.endorsed:
        raise at.refuse(f"{act.party} endorses {act.goal} already.")
    state.goals[act.goal] = replace(goal, endorsed={**goal.endorsed, act.party: at.time})


def _retire(state: Dialogue, act: pair.GoalRetired, at: Place) -> None:
    goal = at.known(state.goals, act.goal, "goal")
    if goal.retired is not None:
        raise at.refuse(f"The goal {act.goal} is over already.")
    state.goals[act.goal] = replace(goal, retired=at.time)


def _profile(state: Dialogue, act: pair.ProfileStated, at: Place) -> None:
    state.profiles[act.party] = (at.time, act)


def _seal(
    table: dict[str, Mapping[Party, str]], act: pair.SurveySealed | pair.GuessSealed, at: Place
) -> None:
    sealed = table.get(act.quarter, {})
    if act.party in sealed:
        raise at.refuse(f"{act.party} has answered for {act.quarter} already; a seal cannot be changed.")
    table[act.quarter] = {**sealed, act.party: act.digest}


def _plan_meeting(state: Dialogue, act: pair.MeetingPlanned, _: Place) -> None:
    state.meeting_time = act


def _meet(state: Dialogue, act: pair.MeetingOpened, at: Place) -> None:
    at.new(state.meetings, act.id, "meeting")
    state.meetings[act.id] = Meeting(act, at.time)


def _take(state: Dialogue, act: pair.ItemTaken, at: Place) -> None:
    meeting = _open_meeting(state, act.meeting, at)
    state.meetings[act.meeting] = replace(meeting, taken=(*meeting.taken, (at.time, act)))


def _adjourn(state: Dialogue, act: pair.MeetingClosed, at: Place) -> None:
    meeting = _open_meeting(state, act.meeting, at)
    state.meetings[act.meeting] = replace(meeting, closed=act, closed_at=at.time)


def _open_meeting(state: Dialogue, id: str, at: Place) -> Meeting:
    meeting = at.known(state.meetings, id, "meeting")
    if meeting.closed is not None:
        raise at.refuse(f"The meeting {id} is closed.")
    return meeting


# Decisions, promises, judgements, exceptions -----------------------------------------------------------


def _ask(state: Dialogue, act: commitments.DecisionAsked, at: Place) -> None:
    at.new(state.decisions, act.id, "decision")
    check_goal(state, act.goal, at)
    state.decisions[act.id] = Decision(act, at.time)


def _decide(state: Dialogue, act: commitments.DecisionMade, at: Place) -> None:
    decision = _open_decision(state, act.decision, at)
    if act.party == decision.act.party:
        reason = f"{act.party} asked for {act.decision}; the answer is the other side's."
        raise at.refuse(reason, "E854")
    names = [one.id for one in decision.act.options]
    if names and act.option not in names:
        raise at.refuse(f"There is no option {act.option!r}.", "E852", f"Options: {', '.join(names)}.")
    state.decisions[act.decision] = replace(decision, made=act, ended=at.time)


def _withdraw(state: Dialogue, act: commitments.DecisionWithdrawn, at: Place) -> None:
    decision = _open_decision(state, act.decision, at)
    if act.party != decision.act.party:
        raise at.refuse(f"Only {decision.act.party}, who asked, takes it back.", "E854")
    state.decisions[act.decision] = replace(decision, ended=at.time)


def _open_decision(state: Dialogue, id: str, at: Place) -> Decision:
    decision = at.known(state.decisions, id, "decision")
    if decision.ended is not None:
        raise at.refuse(f"The decision {id} is made or withdrawn already.")
    return decision


def _promise(state: Dialogue, act: commitments.PromiseMade, at: Place) -> None:
    at.new(state.promises, act.id, "promise")
    state.promises[act.id] = Promise(act, at.time, ((at.time, act.due),))


def _move(state: Dialogue, act: commitments.PromiseMoved, at: Place) -> None:
    promise = _open_promise(state, act.promise, at)
    _own(promise.act.party, act, at)
    state.promises[act.promise] = replace(promise, dues=(*promise.dues, (at.time, act.due)))


def _keep(state: Dialogue, act: commitments.PromiseKept, at: Place) -> None:
    state.promises[act.promise] = replace(_open_promise(state, act.promise, at), kept=at.time)


def _drop(state: Dialogue, act: commitments.PromiseDropped, at: Place) -> None:
    promise = _open_promise(state, act.promise, at)
    _own(promise.act.party, act, at)
    state.promises[act.promise] = replace(promise, dropped=at.time)


def _open_promise(state: Dialogue, id: str, at: Place) -> Promise:
    promise = at.known(state.promises, id, "promise")
    if not promise.is_open:
        raise at.refuse(f"The promise {id} is kept or dropped already.")
    return promise


def _own(owner: str, act: Act, at: Place) -> None:
    if act.party != owner:
        raise at.refuse(f"This is {owner}'s to say.", "E854")


def _judge(state: Dialogue, act: commitments.JudgementStated, at: Place) -> None:
    at.new(state.judgements, act.id, "judgement")
    state.judgements[act.id] = Judgement(act, at.time)


def _resolve(state: Dialogue, act: commitments.JudgementResolved, at: Place) -> None:
    judgement = at.known(state.judgements, act.judgement, "judgement")
    if judgement.resolved is not None:
        raise at.refuse(f"The judgement {act.judgement} is resolved already.")
    state.judgements[act.judgement] = replace(judgement, resolved=act, resolved_at=at.time)


def _correct(state: Dialogue, act: commitments.CorrectionMade, at: Place) -> None:
    state.corrections.append((at.time, act))


def _except(state: Dialogue, act: commitments.ExceptionNoted, at: Place) -> None:
    at.new(state.exceptions, act.id, "exception")
    state.exceptions[act.id] = Accepted(act, at.time)


def _renew(state: Dialogue, act: commitments.ExceptionRenewed, at: Place) -> None:
    found = _open_exception(state, act.exception, at)
    if act.until <= found.until:
        raise at.refuse(f"It would end on {act.until}, not after {found.until}.")
    renewed = (*found.renewed, (at.time, act.until))
    state.exceptions[act.exception] = replace(found, renewed=renewed)


def _close(state: Dialogue, act: commitments.ExceptionClosed, at: Place) -> None:
    found = _open_exception(state, act.exception, at)
    state.exceptions[act.exception] = replace(found, closed=at.time)


def _open_exception(state: Dialogue, id: str, at: Place) -> Accepted:
    found = at.known(state.exceptions, id, "exception")
    if found.closed is not None:
        raise at.refuse(f"The exception {id} is closed already.")
    return found


def _note(state: Dialogue, act: pair.SignalAnnotated, at: Place) -> None:
    state.annotations.append((at.time, act))


def check_goal(state: Dialogue, goal: str, at: Place) -> None:
    """Check that a goal that is named exists."""
    if goal:
        at.known(state.goals, goal, "goal")


#: What each act does to the state.
STEPS: dict[type[Act], Step] = {
    pair.GoalProposed: _goal,
    pair.GoalEndorsed: _endorse,
    pair.GoalRetired: _retire,
    pair.ProfileStated: _profile,
    pair.MeetingPlanned: _plan_meeting,
    pair.MeetingOpened: _meet,
    pair.ItemTaken: _take,
    pair.MeetingClosed: _adjourn,
    commitments.DecisionAsked: _ask,
    commitments.DecisionMade: _decide,
    commitments.DecisionWithdrawn: _withdraw,
    commitments.PromiseMade: _promise,
    commitments.PromiseMoved: _move,
    commitments.PromiseKept: _keep,
    commitments.PromiseDropped: _drop,
    commitments.JudgementStated: _judge,
    commitments.JudgementResolved: _resolve,
    commitments.CorrectionMade: _correct,
    commitments.ExceptionNoted: _except,
    commitments.ExceptionRenewed: _renew,
    commitments.ExceptionClosed: _close,
    pair.SignalAnnotated: _note,
    pair.SurveySealed: lambda state, act, at: _seal(state.surveys, act, at),
    pair.GuessSealed: lambda state, act, at: _seal(state.guesses, act, at),
}
