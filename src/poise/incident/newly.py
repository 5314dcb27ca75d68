"""What an act must keep when it is new. Records that stand already are read as they are."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from poise.incident.base import Act
from poise.incident.course import Asked, DecisionAsked, Opened
from poise.incident.drill import scenario_of
from poise.incident.moments import in_utc
from poise.incident.place import Place
from poise.incident.state import Incident
from poise.incident.statements import Stated

#: By how much the clock of whoever noticed it may go ahead of the desk's.
SKEW: Final = timedelta(minutes=5)


def check_new(act: Act, of: Incident | None, place: Place) -> None:
    """Raise E822 for a time that makes no sense any more or yet, E821 for an inject that no drill has."""
    if isinstance(act, Opened) and act.detected > place.time + SKEW:
        raise place.refuse("It was noticed at a time that is in the future.")
    if isinstance(act, Asked) and act.wanted_by <= place.time:
        raise place.refuse(f"The answer is wanted by {in_utc(act.wanted_by)}, which is over.")
    if isinstance(act, DecisionAsked) and act.needed_by <= place.time:
        raise place.refuse(f"The decision is needed by {in_utc(act.needed_by)}, which is over.")
    if isinstance(act, Stated) and act.inject and of is not None and of.is_drill:
        scenario = scenario_of(of)
        known = [*(one.id for one in scenario.injects), *(one.id for one in scenario.questions)]
        if act.inject not in known:
            hint = f"It has {', '.join(known)}."
            raise place.refuse(f"The drill has no inject and no question {act.inject[:60]!r}.", "E821", hint)
