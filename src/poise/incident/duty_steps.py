"""Steps of the acts about regulators' clocks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from poise.incident import duties
from poise.incident.clocks.regime import read_rule
from poise.incident.place import Place
from poise.incident.state import Incident, Obligation


def assess(of: Incident, act: duties.Assessed, place: Place) -> Callable[[], None]:
    """Note whether a regime applies, under the rule as it was then."""
    if act.applies:
        rule = read_rule(act.rule, f"{place.kind} {act.regime}")
        if rule.id != act.regime:
            raise place.refuse(f"The rule is of {rule.id}, not of {act.regime}.")

    def effect() -> None:
        of.obligations.setdefault(act.regime, Obligation()).assessed.append((place.done(act), act))

    return effect


def anchor(of: Incident, act: duties.Anchored, place: Place) -> Callable[[], None]:
    """Note when an anchor happened."""
    found = _running(of, act.regime, place)
    names = read_rule(found.assessed[-1][1].rule, act.regime).anchors
    if act.anchor not in names:
        raise place.refuse(f"{act.regime} has no anchor {act.anchor!r}; it has {', '.join(names)}.", "E821")
    if act.at is not None and act.at > place.time:
        raise place.refuse("An anchor is a thing that has happened; this time is in the future.")
    return lambda: found.anchors.append((place.done(act), act))


def send(of: Incident, act: duties.Sent, place: Place) -> Callable[[], None]:
    """Note what was filed."""
    found = _running(of, act.regime, place)
    _stage(found, act.stage, act.regime, place)
    if act.at > place.time:
        raise place.refuse("It was sent at a time that is in the future.")
    return lambda: found.sent.append((place.done(act), act))


def suspend(of: Incident, act: duties.Suspended, place: Place) -> Callable[[], None]:
    """Let a stage rest, where its rule knows of that."""
    found = _running(of, act.regime, place)
    if not _stage(found, act.stage, act.regime, place).suspension:
        raise place.refuse(f"The rule of {act.regime} knows no suspension of {act.stage}.")
    return lambda: found.suspended.append((place.done(act), act))


def receipt(of: Incident, act: duties.Receipt, place: Place) -> Callable[[], None]:
    """Note that a filing was received."""
    found = _running(of, act.regime, place)
    _stage(found, act.stage, act.regime, place)
    if not any(one.stage == act.stage for _, one in found.sent):
        raise place.refuse("Nothing was filed there yet.", hint="Record the filing first.")
    return lambda: found.receipts.append((place.done(act), act))


def assess_stage(of: Incident, act: duties.StageAssessed, place: Place) -> Callable[[], None]:
    """Note whether one stage is due here."""
    found = _running(of, act.regime, place)
    _stage(found, act.stage, act.regime, place)
    return lambda: found.stages.append((place.done(act), act))


def _running(of: Incident, regime: str, place: Place) -> Obligation:
    found = place.known(of.obligations, regime, "assessed regime")
    if not found.assessed[-1][1].applies:
        raise place.refuse(f"{regime} was found not to apply.", hint="Assess it again first.")
    return found


def _stage(found: Obligation, stage: str, regime: str, place: Place) -> Any:
    stages = {one.id: one for one in read_rule(found.assessed[-1][1].rule, regime).stages}
    return place.known(stages, stage, "stage")


DUTY_STEPS: Final[dict[type, Callable[[Incident, Any, Place], Callable[[], None]]]] = {
    duties.Assessed: assess,
    duties.Anchored: anchor,
    duties.Sent: send,
    duties.Suspended: suspend,
    duties.Receipt: receipt,
    duties.StageAssessed: assess_stage,
}
