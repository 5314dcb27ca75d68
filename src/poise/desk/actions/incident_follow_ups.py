"""What stays open after an incident becomes a limit on the table, an exception, or a goal of both."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from poise.desk.actions import bargaining, dialogue, incidents
from poise.desk.actions.base import Actor, action
from poise.errors import Fault, IncidentError
from poise.incident.state import FollowUp
from poise.ledger.record import Record


@action("incident.act")
def make(by: Actor, incident: str, follow_up: str, fields: Mapping[str, Any]) -> Record:
    """Make of a follow-up what it is to become, and link both: all of it, or nothing.

    Parameters
    ----------
    fields
        The services that it is about; of a limit its rule, its amount, and which changes a deadline is about.

    Raises
    ------
    IncidentError
        E821 when there is no such follow-up, E822 when it is done, E839 in a drill.
    NotAllowedError
        E870 without the permission that making such an object by itself needs.
    """
    with incidents.looking() as room:
        found = room.incident(incident)
        one = found.follow_ups.get(follow_up)
        title, is_drill = found.head.title, found.is_drill
    if is_drill:
        hint = "Note in words what it would have become."
        raise IncidentError(Fault("E839", incident, "A drill puts nothing on the table.", hint))
    if one is None:
        raise IncidentError(Fault("E821", incident, f"There is no follow-up {follow_up[:16]!r}."))
    id = f"after-{follow_up[:10]}"
    {"limit": _limit, "exception": _exception, "goal": _goal}[one.act.becomes](
        by, id, one, f"After the incident {incident}, {title}", fields
    )
    done = {"incident": incident, "follow_up": follow_up, "result": f"{one.act.becomes} {id}", "object": id}
    return incidents.act(by, "followed.done", done)


def _limit(by: Actor, id: str, one: FollowUp, because: str, fields: Mapping[str, Any]) -> None:
    values = {name: fields[name] for name in ("rule", "amount") if fields.get(name)}
    if values.get("rule") == "deadline" and fields.get("affected"):
        values["affected"] = fields["affected"]
    values["scope"] = list(fields.get("services", ()))
    # By the day until which it is to be done it stands, and is looked at again.
    until = one.act.due.isoformat()
    values |= {"id": id, "owner": one.act.owner, "reason": f"{one.act.text}. {because}"[:300], "until": until}
    bargaining.add_limit(by, values)


def _exception(by: Actor, id: str, one: FollowUp, because: str, fields: Mapping[str, Any]) -> None:
    what = f"{one.act.text} ({because})"
    body = {"id": id, "what": what[:200], "owner": one.act.owner[:200], "until": one.act.due.isoformat()}
    dialogue.say(by, "exception.noted", {**body, "services": list(fields.get("services", ()))})


def _goal(by: Actor, id: str, one: FollowUp, because: str, fields: Mapping[str, Any]) -> None:
    measure = f"{because}. Owner: {one.act.owner}, by {one.act.due}."
    body = {"id": id, "title": one.act.text[:200], "measure": measure}
    dialogue.say(by, "goal.proposed", {**body, "services": list(fields.get("services", ()))})
