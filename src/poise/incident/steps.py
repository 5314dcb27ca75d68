"""One step per act: it checks the act against the state, and returns what changes, to be done or not."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final, TypeAlias

from poise.incident import course, messages, statements
from poise.incident.base import Party
from poise.incident.duty_steps import DUTY_STEPS
from poise.incident.moments import in_utc
from poise.incident.place import Place
from poise.incident.state import Decision, FollowUp, Incident, Promise, Request, Told, change_between
from poise.incident.tlp import rank

Effect: TypeAlias = Callable[[], None]


def state_it(of: Incident, act: statements.Stated, place: Place) -> Effect:
    """Take a statement in; one that corrects another ends that one."""
    promise = _told_with(of, act, place)
    before = None
    if act.corrects is not None:
        before = _standing(of, act.corrects, place)
        if rank(act.tlp) > rank(before.act.tlp):
            hint = "Withdraw the old one, then state this one: who read the old one must not go on with it."
            text = f"It is TLP:{act.tlp}, and the statement that it corrects went to TLP:{before.act.tlp}."
            raise place.refuse(text, "E824", hint)
        left_out = set(before.act.named) - set(act.named) if act.tlp == "RED" else set()
        if left_out:
            text = f"The statement that it corrects went to {', '.join(sorted(left_out))} as well."
            raise place.refuse(text, "E824", "Name them again: they must not go on with the old one.")
    if act.waits is not None:
        place.known(of.decisions, act.waits, "decision request")

    def effect() -> None:
        told = Told(place.record, place.time, place.author, act, len(of.order))
        if before is not None:
            told.change = change_between(before.act, act)
            before.corrected_by, before.ended = place.record, place.time
        of.statements[place.record] = told
        of.order.append(told)
        promise()

    return effect


def withdraw(of: Incident, act: statements.Withdrawn, place: Place) -> Effect:
    """End a statement without another in its place."""
    told = _standing(of, act.statement, place)

    def effect() -> None:
        told.withdrawn, told.ended = place.done(act), place.time

    return effect


def resolve(of: Incident, act: statements.Resolved, place: Place) -> Effect:
    """Note how a judgement turned out."""
    told = place.known(of.statements, act.statement, "statement")
    if told.act.kind != "judgement":
        raise place.refuse(f"{act.statement[:8]} is a {told.act.kind}; only a judgement turns out.")
    return partial(setattr, told, "resolved", place.done(act))


def read(of: Incident, act: course.Read, place: Place) -> Effect:
    """Note that somebody has read up to a statement."""
    place.known(of.statements, act.upto, "statement")
    return partial(of.reads.append, place.done(act))


def checked(of: Incident, act: course.Checked, place: Place) -> Effect:
    """Keep a promise by saying that nothing changed."""
    return _promised(of, act.party, act.next_update, place, how="no change")


def move(of: Incident, act: course.Moved, place: Place) -> Effect:
    """Move a promise, while it is not late yet."""
    promise = of.open_promise(act.party)
    if promise is None:
        raise place.refuse(f"{act.party} has promised no update.")
    due = promise.due_at(place.time)
    if place.time > due:
        hint = "It is late and stays so; give the update, or press 'checked, no change'."
        raise place.refuse(f"The update was due at {in_utc(due)}.", "E825", hint)
    if act.due <= place.time:
        raise place.refuse("The new time is not in the future.", "E825")
    return partial(promise.moves.append, place.done(act))


def ask(of: Incident, act: course.Asked, place: Place) -> Effect:
    """Take a request for an update in."""
    return partial(of.requests.__setitem__, place.record, Request(place.done(act)))


def answer(of: Incident, act: course.Answered, place: Place) -> Effect:
    """Answer a request."""
    request = place.known(of.requests, act.request, "request")
    if request.act.party == act.party:
        raise place.refuse("The side that asked does not answer.", "E823")
    if request.answer is not None:
        raise place.refuse("It is answered already.")
    if act.statement is not None:
        told = place.known(of.statements, act.statement, "statement")
        if told.act.tlp == "RED":
            hint = "Answer with words, or with a statement that they may see."
            raise place.refuse("A RED statement answers no request: all see that it is answered.", hint=hint)

    def effect() -> None:
        request.answer, request.ended = place.done(act), place.time

    return effect


def ask_decision(of: Incident, act: course.DecisionAsked, place: Place) -> Effect:
    """Take a decision request in."""
    return partial(of.decisions.__setitem__, place.record, Decision(place.done(act)))


def agree_default(of: Incident, act: course.DefaultAgreed, place: Place) -> Effect:
    """Let silence mean the default; only beforehand, and only by the side that decides."""
    request = place.known(of.decisions, act.request, "decision request")
    _other_side(request.act.party, act.party, place)
    if not request.act.default:
        raise place.refuse("No default is proposed there.")
    if request.state(place.time) != "open":
        raise place.refuse("A default counts only if it is agreed before the decision is needed.")
    return partial(setattr, request, "default_agreed", place.done(act))


def decide(of: Incident, act: course.Decided, place: Place) -> Effect:
    """Decide."""
    request = place.known(of.decisions, act.request, "decision request")
    _other_side(request.act.party, act.party, place)
    state = request.state(place.time)
    if state in ("decided", "default"):
        how = "It is decided already." if state == "decided" else "The agreed default is in force."
        raise place.refuse(how, hint="Ask a new question to change it.")
    names = [one.id for one in request.act.options]
    if act.option not in names:
        raise place.refuse(f"There is no option {act.option!r}; expected one of {', '.join(names)}.")
    for record in act.known:
        place.known(of.statements, record, "statement")
    return partial(setattr, request, "made", place.done(act))


def admit(of: Incident, act: course.Admitted, place: Place) -> Effect:
    """Give a person a clearance; only the lead does."""
    if place.author != of.head.lead:
        raise place.refuse(f"Only the lead, {of.head.lead}, says who sees what.", "E823")

    def effect() -> None:
        of.clearances.setdefault(act.person, []).append((place.time, act.clearance))

    return effect


def follow(of: Incident, act: course.Followed, place: Place) -> Effect:
    """Note what stays open."""
    return partial(of.follow_ups.__setitem__, place.record, FollowUp(place.done(act)))


def follow_done(of: Incident, act: course.FollowUpDone, place: Place) -> Effect:
    """Note what became of it."""
    found = place.known(of.follow_ups, act.follow_up, "follow-up")
    if found.done is not None:
        raise place.refuse("It is done already.")
    return partial(setattr, found, "done", place.done(act))


def hold(of: Incident, act: course.Held, place: Place) -> Effect:
    """Begin or end a legal hold."""
    if act.is_on == of.is_held():
        raise place.refuse("A hold lasts already." if act.is_on else "There is no hold to end.")
    return partial(of.holds.append, place.done(act))


def close(of: Incident, act: course.Closed, place: Place) -> Effect:
    """End the incident, and with it what was still promised and asked."""

    def effect() -> None:
        of.closed = place.done(act)
        for promise in of.promises:
            if not promise.how:
                promise.ended, promise.how = place.time, "incident closed"
        for request in of.requests.values():
            if request.ended is None:
                request.ended = place.time

    return effect


def queue(of: Incident, act: messages.Queued, place: Place) -> Effect:
    """Take a reviewed brief into the outbox."""
    message = messages.Message(place.record, place.time, place.author, act)
    return partial(of.messages.__setitem__, place.record, message)


def attempt(of: Incident, act: messages.Attempted, place: Place) -> Effect:
    """Note an attempt to send one."""
    message = place.known(of.messages, act.brief, "brief")
    if message.delivered is not None:
        raise place.refuse("It was delivered already.")
    if act.is_delivered:
        return partial(setattr, message, "delivered", place.time)
    return partial(message.failures.append, (place.time, act.reason))


def _told_with(of: Incident, act: statements.Stated, place: Place) -> Effect:
    """Return what a statement does to promises: nothing when it is RED, since all see promises."""
    if act.tlp != "RED":
        return _promised(of, act.party, act.next_update, place)
    if act.next_update is not None:
        hint = "All see promises. Make this one with another statement, or by 'no change'."
        raise place.refuse("A RED statement makes and keeps no promise.", "E826", hint)
    return lambda: None


def _promised(
    of: Incident, party: Party, following: statements.Next | None, place: Place, how: Any = "updated"
) -> Effect:
    """Return the effect of an update on promises: the open one is kept, the next one made."""
    promise = of.open_promise(party)
    if following is None:
        if promise is None:
            hint = "Say when the next update comes, or why none will."
            raise place.refuse(f"{party} has promised no next update yet.", "E826", hint)
        return lambda: None
    if (following.due is None) == (not following.none_because):
        raise place.refuse("The next update needs a due time, or the reason why none will come.", "E826")
    if following.due is not None and following.due <= place.time:
        raise place.refuse("The next update is promised for a time that is over.", "E826")

    def effect() -> None:
        if promise is not None:
            promise.ended, promise.how = place.time, how
        if following.due is not None:
            of.promises.append(Promise(place.record, party, place.time, following.due))

    return effect


def _standing(of: Incident, record: str, place: Place) -> Told:
    told = place.known(of.statements, record, "statement")
    if told.ended is not None:
        how = f"corrected by {told.corrected_by[:8]}" if told.corrected_by else "withdrawn"
        hint = "Somebody was faster. Read the later one, and correct that if need be."
        raise place.refuse(f"Statement {record[:8]} was {how} already.", "E827", hint)
    return told


def _other_side(asker: Party, decider: Party, place: Place) -> None:
    if asker == decider:
        raise place.refuse("The side that asked does not decide.", "E823")


STEPS: Final[dict[type, Callable[[Incident, Any, Place], Effect]]] = {
    statements.Stated: state_it,
    statements.Withdrawn: withdraw,
    statements.Resolved: resolve,
    course.Read: read,
    course.Checked: checked,
    course.Moved: move,
    course.Asked: ask,
    course.Answered: answer,
    course.DecisionAsked: ask_decision,
    course.DefaultAgreed: agree_default,
    course.Decided: decide,
    course.Admitted: admit,
    course.Followed: follow,
    course.FollowUpDone: follow_done,
    course.Held: hold,
    course.Closed: close,
    messages.Queued: queue,
    messages.Attempted: attempt,
    **DUTY_STEPS,
}
#: What may still be done once an incident is closed.
AFTER_CLOSE: Final = (
    statements.Resolved, course.Read, course.Followed, course.FollowUpDone, course.Held, course.Admitted,
    messages.Queued, messages.Attempted,
    *DUTY_STEPS,
)  # fmt: skip
