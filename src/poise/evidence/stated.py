"""Ranges that the two sides state and resolve, and what both kinds of their statements are worth.

The pair and its process are scored, never a person: counts run over everything that both sides said, and
nothing
here knows who said what.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from poise.errors import Fault, InputError
from poise.estate.model import Service
from poise.evidence.calibration import ENOUGH, RangeRecord, Reliability, range_record, reliability

#: Records of the ledger: ``{"id", "what", "unit", "low", "high", "resolves_by"}``, with ``service`` where the
#: range is its owner's of the loss in one incident; and ``{"id", "outcome", "source"}``.
STATED, RESOLVED = "range.stated", "range.resolved"
KINDS = (STATED, RESOLVED)
#: What a reliability diagram of people's judgements shows; without it the picture would be misread.
LABEL = "came true, as the two sides resolved it"


@dataclass(frozen=True)
class StatedRange:
    """A 90 % range that was given for a number, and the number once it is known.

    ``service`` names the service whose owner gave it for the loss in one incident; empty for a side's own.
    """

    id: str
    what: str
    unit: str
    low: float
    high: float
    resolves_by: date
    outcome: float | None = None
    source: str = ""
    service: str = ""

    @property
    def is_inside(self) -> bool | None:
        """Return whether the number fell into the range, ends included; None while it is not known."""
        return None if self.outcome is None else self.low <= self.outcome <= self.high


def stated(fields: Mapping[str, str]) -> StatedRange:
    """Return a range as a form gives it.

    Raises
    ------
    InputError
        E586, with all that is wrong.
    """
    what, unit = fields.get("what", "").strip(), fields.get("unit", "").strip()
    low, high = _number(fields.get("low", "")), _number(fields.get("high", ""))
    day = _day(fields.get("resolves_by", ""))
    wrong = []
    if not 1 <= len(what) <= 200:
        wrong.append(("what", "has 1 to 200 characters: the number that the range is for."))
    if len(unit) > 20:
        wrong.append(("unit", f"has {len(unit)} characters; expected at most 20."))
    if low is None or high is None or not low < high:
        wrong.append(("low, high", "are no two growing numbers."))
    if day is None:
        wrong.append(
            ("resolves_by", f"is {fields.get('resolves_by', '')[:20]!r}; expected a day, YYYY-MM-DD.")
        )
    if wrong or low is None or high is None or day is None:
        raise InputError([Fault("E586", f"range, {name}", text) for name, text in wrong])
    return StatedRange(fields["id"], what, unit, low, high, day, service=fields.get("service", ""))


def owners_range(
    id: str, service: Service, currency: str, fields: Mapping[str, str], today: date
) -> StatedRange:
    """Return the range that a service's owner had given for the loss in one incident, with what came.

    Parameters
    ----------
    service
        As the estate described it before the incident.
    fields
        ``day`` of the incident, ``outcome`` (its loss, in the estate's currency) and ``source``.

    Raises
    ------
    InputError
        E586 for a day to come, a loss that is none, a missing source, or a range that the owner did not give.
    """
    day = _day(fields.get("day", ""))
    if day is None or day > today:
        given = fields.get("day", "")[:20]
        text = f"is {given!r}; expected the day of the incident, YYYY-MM-DD, not after {today}."
        raise InputError(Fault("E586", "loss, day", text))
    if {"loss_low", "loss_high"} & service.assumed:
        text = "has no range of its owner: what stands there is its tier's value."
        raise InputError(
            Fault("E586", f"loss, {service.id}", text, "Ask the owner, and state it in the estate.")
        )
    what = f"Loss of an incident on {service.name}, {day.day} {day:%b %Y}"[:200]
    one = StatedRange(id, what, currency, service.loss_low, service.loss_high, day, service=service.id)
    found = resolved(one, fields)
    if (found.outcome or 0.0) < 0:
        raise InputError(Fault("E586", f"loss, {service.id}", f"is {found.outcome:g}; expected 0 or more."))
    return found


def resolved(one: StatedRange, fields: Mapping[str, str]) -> StatedRange:
    """Return a range with what came, as a form gives it.

    Raises
    ------
    InputError
        E586 for what is no number, or a source that is missing.
    """
    outcome, source = _number(fields.get("outcome", "")), fields.get("source", "").strip()
    if outcome is None or not 1 <= len(source) <= 200:
        text = "needs the number that came, and in 1 to 200 characters how one knows."
        raise InputError(Fault("E586", f"range, {one.what[:40]}", text))
    return replace(one, outcome=outcome, source=source)


def told(one: StatedRange) -> dict[str, str]:
    """Return a range as the ledger keeps it, numbers as text: it has no fractions."""
    fields = {"id": one.id, "what": one.what, "unit": one.unit, "low": f"{one.low:.12g}"}
    fields |= {"high": f"{one.high:.12g}", "resolves_by": one.resolves_by.isoformat()}
    return fields | ({"service": one.service} if one.service else {})


def fold(records: Iterable[tuple[str, Mapping[str, Any]]]) -> dict[str, StatedRange]:
    """Return the ranges that records tell, in their order; the last word on an outcome counts."""
    found: dict[str, StatedRange] = {}
    for kind, body in records:
        name = str(body["id"])
        if kind == STATED:
            found[name] = stated(body)
        elif name in found:
            found[name] = resolved(found[name], body)
    return found


@dataclass(frozen=True)
class PairRecord:
    """What the pair's statements are worth; None where too few are resolved to say anything.

    ``losses`` holds the ranges of all services' owners together: what an incident cost against what was said.
    """

    judged: int
    reliability: Reliability | None
    ranges: RangeRecord
    losses: RangeRecord


def pair_record(judgements: Sequence[tuple[float, bool]], ranges: Iterable[StatedRange]) -> PairRecord:
    """Return the record of the pair.

    Parameters
    ----------
    judgements
        (middle of the stated chance, whether it came true), resolved ones.
    ranges
        Those without an outcome are left out.
    """
    known: dict[bool, list[tuple[float, float, float]]] = {False: [], True: []}
    for one in ranges:
        if one.outcome is not None:
            known[bool(one.service)].append((one.low, one.high, one.outcome))
    found = None
    if len(judgements) >= ENOUGH:
        chances, came = zip(*judgements, strict=True)
        found = reliability(f"Our judgements against: {LABEL} ({len(chances)})", chances, came)
    return PairRecord(len(judgements), found, range_record(known[False]), range_record(known[True]))


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and abs(value) < 1e15 else None


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
