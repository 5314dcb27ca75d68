"""Simulating the table's plans, and saying what became of a signed one."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from poise.desk import convert, jobs
from poise.desk.actions.base import Actor, action
from poise.desk.convert import DeskSession
from poise.desk.ledger import DeskLedger
from poise.desk.models import EstateVersion, Job
from poise.errors import ConflictError, Fault, InputError, TableError
from poise.evidence.record import latest
from poise.evidence.stated import RESOLVED as RANGE_RESOLVED
from poise.evidence.stated import STATED as RANGE_STATED
from poise.evidence.stated import StatedRange, fold, owners_range, resolved, stated, told
from poise.patching.outcomes import Outcome

SIMULATE_JOB: Final = "evidence.simulate"
#: A record of what became of changes: ``{"agreement": hash, "outcomes": [...]}``.
OUTCOMES: Final = "outcomes"


@action("table.solve")
def simulate(by: Actor, ground: str) -> Job:
    """Queue the simulation of the table's plans.

    Parameters
    ----------
    ground
        Hash of the ground that the actor saw.

    Raises
    ------
    TableError
        E555 without a table.
    ConflictError
        E871 when one is running, or the table was opened anew meanwhile.
    """
    found = convert.session(by.now).negotiation.ground
    if found is None:
        raise TableError(Fault("E555", "table", "There is no table yet.", "Open one first."))
    if found != ground:
        raise ConflictError(Fault("E871", "table", "The table was opened anew meanwhile.", "Look again."))
    if Job.objects.filter(kind=SIMULATE_JOB, state__in=["waiting", "running"]).exists():
        raise ConflictError(Fault("E871", "table", "The plans are being simulated already; see Work."))
    return jobs.start(by, SIMULATE_JOB, "Simulating the table's plans")


def play_later(by: Actor, at: DeskSession) -> None:
    """Queue a simulation for plans that have come to the table since the last one began."""
    if at.ground.risk is not None and not Job.objects.filter(kind=SIMULATE_JOB, state="waiting").exists():
        jobs.start(by, SIMULATE_JOB, "Simulating the table's plans")


@action("plan.outcomes")
def report(by: Actor, outcomes: tuple[Outcome, ...]) -> None:
    """Put on the ledger what became of changes of the agreement whose plan goes on.

    Raises
    ------
    TableError
        E557 without an agreement, E554 for changes that its plan does not have.
    """
    goes_on = convert.session(by.now).negotiation.goes_on
    if goes_on is None:
        raise TableError(Fault("E557", "outcomes", "Nothing is signed: there is nothing to report on."))
    known = goes_on[1]["plan"]
    unknown = [one.change for one in outcomes if one.change not in known]
    if unknown:
        raise TableError(
            [Fault("E554", "outcomes", f"The signed plan has no change {name!r}.") for name in unknown[:20]]
        )
    body = {"agreement": goes_on[0], "outcomes": [_plain(one) for one in outcomes]}
    by.record(OUTCOMES, body)


@action("dialogue.pair")
def state_range(by: Actor, fields: Mapping[str, str]) -> None:
    """Put a 90 % range on the ledger; its number will be held against it.

    Raises
    ------
    InputError
        E586, with all that is wrong.
    """
    found = stated({**fields, "id": secrets.token_hex(6)})
    by.record(RANGE_STATED, told(found))


@action("dialogue.pair")
def resolve_range(by: Actor, name: str, fields: Mapping[str, str]) -> None:
    """Say what came of a range; the last word counts, all stay on the ledger.

    Raises
    ------
    InputError
        E586 for a range that nobody stated, or an outcome that is none.
    """
    known = ranges_of()
    if name not in known:
        raise InputError(Fault("E586", "range", "Nobody stated this range."))
    found = resolved(known[name], fields)
    by.record(RANGE_RESOLVED, {"id": name, "outcome": f"{found.outcome:.12g}", "source": found.source})


@action("dialogue.pair")
def note_loss(by: Actor, service: str, fields: Mapping[str, str]) -> None:
    """Hold what an incident cost against the range that its service's owner had given before it.

    Raises
    ------
    InputError
        E586 where no estate of before that day knows the service or the owner's range, and as for a range.
    """
    version = _estate_before(fields.get("day", ""))
    found = convert.estate_of(version).services.get(service) if version else None
    if version is None or found is None:
        day = fields.get("day", "")[:20]
        text = f"No estate that was adopted before {day!r} knows the service {service[:40]!r}."
        raise InputError(Fault("E586", "loss", text, "A range given afterwards foretells nothing."))
    one = owners_range(secrets.token_hex(6), found, version.currency, fields, by.now.date())
    by.record(RANGE_STATED, told(one))
    by.record(RANGE_RESOLVED, {"id": one.id, "outcome": f"{one.outcome:.12g}", "source": one.source})


def _estate_before(day: str) -> EstateVersion | None:
    """Return the description of the estate that counted when a day began; None where there was none."""
    try:
        begin = datetime.combine(date.fromisoformat(day), time(), ZoneInfo(convert.company_zone()))
    except ValueError:
        return None
    return EstateVersion.objects.filter(adopted__lt=begin).order_by("-id").first()


def ranges_of() -> dict[str, StatedRange]:
    """Return every range that was stated, in order, with what came of it."""
    records = DeskLedger().records_of((RANGE_STATED, RANGE_RESOLVED))
    return fold((one.statement.kind, one.body) for one in records if isinstance(one.body, dict))


def _plain(outcome: Outcome) -> dict[str, Any]:
    """Return an outcome as plain values; numbers of minutes as text, for the ledger has no fractions."""
    plain: dict[str, Any] = msgspec.to_builtins(outcome)
    return {key: f"{value:.12g}" if isinstance(value, float) else value for key, value in plain.items()}


def reported(agreement: str) -> dict[str, Outcome]:
    """Return the last word on each change of an agreement."""
    found: list[Outcome] = []
    for record in DeskLedger().records_of((OUTCOMES,)):
        body = record.body
        if isinstance(body, dict) and body.get("agreement") == agreement:
            found += [msgspec.convert(one, Outcome, strict=False) for one in body["outcomes"]]
    return latest(found)
