"""What the two sides do at the table: positions, limits, proposals, hidden answers, computations."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, cast

import msgspec

from poise.bargain.rounds import Answer, Party
from poise.desk import convert, jobs
from poise.desk.actions.base import Actor, action
from poise.desk.convert import REPLAN_JOB, DeskSession
from poise.desk.models import Job, OpeningPosition
from poise.errors import ConflictError, Fault, NotAllowedError, TableError
from poise.ledger.canonical import canonical, digest
from poise.report.figures import plural
from poise.table.ground import as_plan
from poise.table.limits import Limit, check_limits
from poise.table.negotiation import PARTIES, Position

LANDMARKS_JOB, PRICES_JOB, TRADES_JOB = "table.landmarks", "table.prices", "table.trades"
REPAIRS_JOB, WHY_JOB, SETTLE_JOB = "table.repairs", "table.why", "table.settle"
#: Reason on the ledger for a limit that its side replaced by other terms.
CHANGED = "replaced by other terms"
#: Computations that a side can ask for, with what people call them.
COMPUTATIONS = {
    LANDMARKS_JOB: "Fair points after limits",
    PRICES_JOB: "Prices of limits",
    TRADES_JOB: "Trades",
    REPAIRS_JOB: "Ways out of limits that cannot all hold",
    REPLAN_JOB: "Ways on from the re-opened agreement",
    WHY_JOB: "Asking why not",
}


def own_party(by: Actor) -> Party:
    """Return the actor's side.

    Raises
    ------
    NotAllowedError
        E870 for somebody of neither.
    """
    if by.party not in PARTIES:
        raise NotAllowedError(Fault("E870", by.person, "is of neither side of the table."))
    return "operations" if by.party == "operations" else "security"


def position_of(ground: str, party: str) -> OpeningPosition | None:
    """Return a side's opening position at a table, before it opens."""
    return OpeningPosition.objects.filter(ground=ground, party=party).first()


def limits_before(by: Actor, at: DeskSession) -> tuple[Limit, ...]:
    """Return the limits of the own side's position until it opens; the other side does not see them."""
    own = position_of(at.negotiation.ground or "", by.party)
    if own is None or at.negotiation.positions:
        return ()
    return tuple(msgspec.convert(one, Limit) for one in own.limits)


@action("table.limit")
def add_limit(by: Actor, limit: Mapping[str, Any]) -> None:
    """Post a limit of the actor's side: into its opening position until both are open, then onto the table.

    Raises
    ------
    TableError
        E550 to E553 for a limit that makes no sense, E557 when the position is sealed already.
    """
    party, at = own_party(by), convert.session(by.now)
    made = limit_of({**limit, "party": party})
    check_limits([made], at.ground.names, "table", at.today)
    if at.negotiation.positions:
        at.add_limit(made, author=by.person)
        want_landmarks(by, at)
        return
    position = _preparing(at, party)
    others = [one for one in position.limits if one["id"] != made.id]
    known = {one.id for one in at.negotiation.limits}
    if made.id in known or len(others) != len(position.limits):
        raise TableError(Fault("E552", f"limit {made.id}", "There is a limit of this id already."))
    position.limits = [*others, msgspec.to_builtins(made)]
    position.save()


@action("table.limit")
def change_limit(by: Actor, limit: Mapping[str, Any], seen: str) -> None:
    """Put other terms into a limit of the actor's side; its short name stays.

    Parameters
    ----------
    limit
        What it says from now on.
    seen
        Version of the limit that the actor saw, by :func:`version_of`.

    Raises
    ------
    ConflictError
        E871 when somebody changed or dropped it meanwhile.
    NotAllowedError
        E870 when it is the other side's.
    TableError
        As in :func:`add_limit`; E557 for a law, which no side can change.
    """
    party, at = own_party(by), convert.session(by.now)
    made = limit_of({**limit, "party": party})
    check_limits([made], at.ground.names, "table", at.today)
    found = own_limit(at, made.id, party)
    if version_of(found) != seen:
        text = "was changed by somebody else meanwhile. Your change is not kept."
        raise ConflictError(Fault("E871", f"limit {made.id}", text, "Compare the two, and change it again."))
    if not found.may_give_way:
        raise TableError(Fault("E557", f"limit {made.id}", "A limit of class law cannot be changed."))
    if any(one.id == made.id for one in at.negotiation.limits):
        at.drop_limit(made.id, CHANGED, author=by.person)
        at.add_limit(made, author=by.person)
        want_landmarks(by, at)
        return
    position = _preparing(at, party)
    position.limits = [msgspec.to_builtins(made) if one["id"] == made.id else one for one in position.limits]
    position.save()


@action("table.limit")
def drop_limit(by: Actor, name: str, reason: str) -> None:
    """Take a limit of the actor's side off the table, or out of its opening position.

    Raises
    ------
    ConflictError
        E871 when it is gone already.
    NotAllowedError
        E870 when it is the other side's.
    """
    party, at = own_party(by), convert.session(by.now)
    own_limit(at, name, party)
    if any(one.id == name for one in at.negotiation.limits):
        at.drop_limit(name, reason, author=by.person)
        want_landmarks(by, at)
        return
    position = _preparing(at, party)
    position.limits = [one for one in position.limits if one["id"] != name]
    position.save()


def own_limit(at: DeskSession, name: str, party: Party) -> Limit:
    """Return a limit of a side, on the table or in its position while that can change."""
    found = next((one for one in at.negotiation.limits if one.id == name), None)
    if found is not None and found.party != party:
        text = f"is a limit of {found.party}; only {found.party} can change or drop it."
        raise NotAllowedError(Fault("E870", f"limit {name}", text, "Ask for it in a proposal."))
    if found is None and not at.negotiation.positions:
        position = position_of(at.negotiation.ground or "", party)
        if position is not None:
            known = (msgspec.convert(one, Limit) for one in position.limits)
            found = next((one for one in known if one.id == name), None)
            if found is not None and position.is_sealed:
                text = "is in your sealed position; it can change once both sides have sealed theirs."
                raise TableError(Fault("E557", f"limit {name}", text))
    if found is None:
        text = "is not on the table any more: somebody dropped it meanwhile."
        raise ConflictError(Fault("E871", f"limit {name}", text, "Look at the table again."))
    return found


def version_of(limit: Limit) -> str:
    """Return what changes with every change of a limit."""
    return digest(canonical(msgspec.to_builtins(limit)))[:16]


@action("table.propose")
def weigh(by: Actor, importance: Mapping[str, float]) -> None:
    """Say how much services matter to the actor's side, before the position is sealed."""
    at = convert.session(by.now)
    position = _preparing(at, own_party(by))
    known = {service.id for service in at.ground.services}
    unknown = sorted(set(importance) - known)
    if unknown:
        raise TableError(Fault("E554", "importance", f"There is no service {unknown[0]!r}."))
    position.importance = {name: weight for name, weight in importance.items() if weight != 1}
    _position(position)  # refuses weights that make no sense
    position.save()


@action("table.propose")
def seal(by: Actor) -> bool:
    """Seal the actor's position; return whether both were sealed, and so are open now."""
    party, at = own_party(by), convert.session(by.now)
    position = _preparing(at, party)
    position.kept = at.seal(_position(position), author=by.person)
    position.save()
    rows = {one.party: one for one in OpeningPosition.objects.filter(ground=position.ground)}
    if any(party not in rows or not rows[party].is_sealed for party in PARTIES):
        return False
    for one in PARTIES:
        kept = json.loads(bytes(rows[one].kept or b""))
        at.reveal(kept, author=by.person if one == party else one)
    want_landmarks(by, at)
    return True


@action("table.solve")
def compute(by: Actor, /, kind: str, **arguments: Any) -> Job:
    """Start a computation at the table, unless the same one is under way.

    Raises
    ------
    ConflictError
        E871 when it is.
    TableError
        E554 for a computation or a change that there is not, E555 without a table, E557 for ways on where
        no agreement is re-opened.
    """
    if kind not in COMPUTATIONS:
        raise TableError(Fault("E554", "table", f"There is no computation {kind!r}."))
    at = convert.session(by.now)
    ground, change = at.ground, arguments.get("change", "")
    if kind == WHY_JOB and change not in ground.change_number:
        raise TableError(Fault("E554", "why", f"There is no change {change!r} here."))
    if kind == REPLAN_JOB and at.reopened is None:
        raise TableError(
            Fault("E557", "table", "No agreement is re-opened, so there is nothing to go on from.")
        )
    if _is_under_way(kind):
        raise ConflictError(Fault("E871", "table", "This is being computed already; see Work."))
    return jobs.start(by, kind, COMPUTATIONS[kind], **arguments)


@action("table.propose")
def propose(by: Actor, name: str, seen: str = "") -> int:
    """Put a plan on the table by its name; return the proposal's number.

    Parameters
    ----------
    seen
        The plan that the actor saw under this name, by :func:`plan_version`; empty for whatever it is.

    Raises
    ------
    TableError
        E554 for a plan that is not known, E557 when it breaks a limit in force.
    ConflictError
        E871 when the side's own last word is this plan already, as after pressing twice: a second one would
        count as a step of the side that says nothing; and when the name stands for another plan by now.
    """
    at = convert.session(by.now)
    label, windows = at.known_plans().get(name, ("", ()))
    if not label:
        raise TableError(Fault("E554", "proposal", f"There is no plan {name!r}.", "Choose one of the list."))
    if seen and seen != plan_version(windows):
        text = f"{label} is another plan by now: what it rests on has changed. Nothing was proposed."
        raise ConflictError(Fault("E871", "proposal", text, "Look at it again."))
    party, last = own_party(by), at.negotiation.proposals[-1:]
    is_open = bool(last) and last[0].number not in at.negotiation.matched
    if is_open and (last[0].party, last[0].windows) == (party, windows):
        text = f"This plan is on the table already, as your side's proposal {last[0].number}."
        raise ConflictError(Fault("E871", "proposal", text))
    at.propose(party, label, as_plan(windows), author=by.person)
    return len(at.negotiation.proposals)


def plan_version(windows: Iterable[int]) -> str:
    """Return what changes with every window of a plan."""
    return digest(canonical(list(windows)))[:16]


@action("table.propose")
def answer(by: Actor, proposal: int, given: str) -> bool:
    """Answer a proposal, hidden; return whether both sides now accept it."""
    return convert.session(by.now).answer(own_party(by), proposal, _answer(given))


@action("table.propose")
def answer_trade(by: Actor, job: int, number: int, given: str) -> bool:
    """Answer a bundle that the desk found, hidden; return whether both sides now accept it.

    Only then does it become a proposal, the desk's own, that both have accepted.

    Parameters
    ----------
    job, number
        Of the computation that found it, and of the bundle in it, from 0.

    Raises
    ------
    ConflictError
        E871 when something on the table changed since it was found.
    TableError
        E557 for an answer that is none.
    """
    party, at = own_party(by), convert.session(by.now)
    found = Job.objects.filter(pk=job, kind=TRADES_JOB, state=Job.State.DONE).first()
    trades = found.result["trades"] if found else []
    if found is None or found.result["about"] != at.about() or not 0 <= number < len(trades):
        text = "was found before something on the table changed."
        raise ConflictError(Fault("E871", "trade", text, "Look for trades again."))
    plan = as_plan(trades[number]["windows"])
    label = f"Trade of {plural(len(trades[number]['moves']), 'move')}"
    return at.answer_bundle(party, label, plan, _answer(given))


def _answer(given: str) -> Answer:
    if given not in ("accept", "accept-if", "no"):
        text = f"{given!r} is no answer; expected accept, accept-if or no."
        raise TableError(Fault("E557", "answer", text))
    return cast(Answer, given)


@action("plan.comment")
def comment(by: Actor, item: str, words: str) -> None:
    """Say something about an item of the plan, for all to read."""
    if not words.strip() or len(words) > 2_000:
        raise TableError(Fault("E550", "comment", "A comment has 1 to 2,000 characters."))
    table = convert.session(by.now).negotiation.ground  # names of plans begin anew with each table
    by.record("plan.comment", {"table": table, "item": item, "words": words.strip(), "party": by.party})


def _is_under_way(kind: str) -> bool:
    return Job.objects.filter(kind=kind, state__in=[Job.State.WAITING, Job.State.RUNNING]).exists()


def want_landmarks(by: Actor, at: DeskSession) -> None:
    """Have the fair points after limits computed, unless they are known or will be.

    A search that runs already may be of other limits: only one that waits is as good.
    """
    will_be = Job.objects.filter(kind=LANDMARKS_JOB, state=Job.State.WAITING).exists()
    if at.limits and not will_be and not at.after_path().exists():
        jobs.start(by, LANDMARKS_JOB, COMPUTATIONS[LANDMARKS_JOB])


def look_for_ways(by: Actor) -> None:
    """Have the ways on from the re-opened agreement computed."""
    jobs.start(by, REPLAN_JOB, COMPUTATIONS[REPLAN_JOB])


def _preparing(at: DeskSession, party: Party) -> OpeningPosition:
    """Return the side's position, locked, while it can still be changed."""
    ground = at.negotiation.ground
    if ground is None:
        raise TableError(Fault("E555", "table", "There is no table here.", "Open one first."))
    OpeningPosition.objects.get_or_create(ground=ground, party=party)
    position = OpeningPosition.objects.select_for_update().get(ground=ground, party=party)
    if position.is_sealed:
        text = "is sealed: nothing in it can change."
        raise TableError(Fault("E557", f"position of {party}", text, "It opens once both are sealed."))
    return position


def _position(row: OpeningPosition) -> Position:
    limits: Iterable[Limit] = (msgspec.convert(one, Limit) for one in row.limits)
    value = {"party": row.party, "limits": [], "importance": row.importance}
    try:
        position = msgspec.convert(value, Position)
    except msgspec.ValidationError as error:
        raise TableError(Fault("E550", f"position of {row.party}", f"{error}.")) from error
    return msgspec.structs.replace(position, limits=tuple(limits))


def limit_of(values: Mapping[str, Any]) -> Limit:
    """Return the limit of a form; E550 when a field of it cannot be read."""
    given = {name: value for name, value in values.items() if value not in ("", None, ())}
    try:
        return msgspec.convert(given, Limit, strict=False)
    except msgspec.ValidationError as error:
        raise TableError(Fault("E550", "limit", f"{error}.", "Fill in what the rule needs.")) from error
