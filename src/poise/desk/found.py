"""What a job found, as facts in words: counts, money, yes and no. What only programs read is left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, Final

from poise.desk import convert, naming
from poise.desk.actions import bargaining, estate, evidence, findings, incidents, letters, table
from poise.desk.models import Job
from poise.errors import TableError
from poise.report.figures import Money, count, plural
from poise.table.ground import Ground

#: A label, and what is told; None where the job did not say it, as one of an earlier version.
Fact = tuple[str, str | None]


def facts(job: Job, now: datetime) -> list[tuple[str, str]]:
    """Return what people need to know of what a job found; empty until it is done.

    Parameters
    ----------
    job
        Of any kind; one that is not known here tells nothing.
    now
        When it is read.
    """
    tell = TELLERS.get(job.kind)
    if tell is None or job.state != Job.State.DONE:
        return []
    return [(label, words) for label, words in tell(job, now) if words]


def _counted(found: dict[str, Any], name: str) -> str | None:
    """Return a count, or how many a list holds; None where nothing is said."""
    value = found.get(name)
    if value is None:
        return None
    return count(value if isinstance(value, int) else len(value))


def _some(found: dict[str, Any], name: str) -> str | None:
    """Return how many there are where each was looked for."""
    return "none found" if _counted(found, name) == "0" else _counted(found, name)


def _yes_or_no(value: bool | None) -> str | None:
    return None if value is None else "yes" if value else "no"


def _ground(now: datetime) -> Ground | None:
    try:
        return convert.session(now).ground
    except TableError:
        return None


def _opened(job: Job, now: datetime) -> Iterator[Fact]:
    yield "Changes to plan", _counted(job.result, "changes")
    yield "Patch groups", _counted(job.result, "groups")


def _landmarks(job: Job, now: datetime) -> Iterator[Fact]:
    yield "No plan keeps all limits", job.result.get("impossible")


def _prices(job: Job, now: datetime) -> Iterator[Fact]:
    yield "At", job.result.get("at")
    yield "Limits priced", _counted(job.result, "limits")
    yield "All of them together", "; ".join(dict.fromkeys(job.result.get("together", ())))


def _trades(job: Job, now: datetime) -> Iterator[Fact]:
    yield "At", job.result.get("at")
    yield "Trades from which both gain", _some(job.result, "trades")


def _settled(job: Job, now: datetime) -> Iterator[Fact]:
    what, better = "A plan that both prefer", job.result.get("better")
    if "agreement" not in job.result:
        yield what, "not looked for: the agreement was in force no more"
    elif better is None:
        yield what, "none found"
    else:
        moves = plural(len(better["moves"]), "move")
        yield what, f"found, with {moves}; it went on the table as a proposal of the desk"


def _replanned(job: Job, now: datetime) -> Iterator[Fact]:
    found, ground = job.result, _ground(now)
    if "kept" not in found:
        yield "Ways on", "not looked for: no agreement was re-opened any more"
        return
    yield "The agreed plan can still be kept", _yes_or_no(found.get("is_possible"))
    if ground is not None:
        loss, disruption = map(Money(ground.currency), found["kept"])
        yield "To keep it costs", f"{loss} of expected loss with lateness, {disruption} of disruption"
    yield "Ways on", _some(found, "ways")


def _repaired(job: Job, now: datetime) -> Iterator[Fact]:
    found = job.result
    is_needed = found.get("is_needed")
    yield "All limits can hold together", _yes_or_no(None if is_needed is None else not is_needed)
    if not is_needed:
        return
    if found.get("blocked_by"):
        yield "Without them", "even the law and the calendar leave no plan"
        yield "Ways to keep the law", _some(found, "emergency")
        return
    yield "Smallest ways out", _some(found, "repairs")
    yield "There are no others", "proven" if found.get("is_complete") else "not proven"


def _answered(job: Job, now: datetime) -> Iterator[Fact]:
    names, change = naming.names_of(_ground(now)), str(job.result.get("change", ""))
    yield "Change", names.get(change, change)
    yield "Answer", naming.named(str(job.result.get("sentence", "")), names)


def _simulated(job: Job, now: datetime) -> Iterator[Fact]:
    yield "Plans played", _counted(job.result, "labels")
    if (horizon := job.result.get("horizon_days")) is not None:
        yield "Over", plural(round(horizon), "day")


def _read(job: Job, now: datetime) -> Iterator[Fact]:
    if "findings" not in job.result:
        is_refused = job.result.get("refused")
        why = "it was refused, and its page says why" if is_refused else "it was set aside before it was read"
        yield "The report counts", f"no: {why}"
        return
    yield "Findings", _counted(job.result, "findings")
    yield "Assets", _counted(job.result, "assets")
    yield "Faulty records", _counted(job.result, "faults")


def _mapped(job: Job, now: datetime) -> Iterator[Fact]:
    yield "Assets", _counted(job.result, "assets")
    yield "Of no patch group", _counted(job.result, "unmapped")


def _delivered(job: Job, now: datetime) -> Iterator[Fact]:
    yield "Messages tried", _counted(job.result, "attempted")


def _sent(job: Job, now: datetime) -> Iterator[Fact]:
    yield "Letters sent", _counted(job.result, "sent")
    yield "Letters that did not go", _counted(job.result, "failed")


#: What each kind of job tells; a test finds a kind that this forgets.
TELLERS: Final[dict[str, Callable[[Job, datetime], Iterator[Fact]]]] = {
    table.OPEN_JOB: _opened,
    bargaining.LANDMARKS_JOB: _landmarks,
    bargaining.PRICES_JOB: _prices,
    bargaining.TRADES_JOB: _trades,
    bargaining.SETTLE_JOB: _settled,
    convert.REPLAN_JOB: _replanned,
    bargaining.REPAIRS_JOB: _repaired,
    bargaining.WHY_JOB: _answered,
    evidence.SIMULATE_JOB: _simulated,
    findings.READ_JOB: _read,
    estate.MAP_JOB: _mapped,
    incidents.DELIVERY: _delivered,
    letters.SENDING: _sent,
}
