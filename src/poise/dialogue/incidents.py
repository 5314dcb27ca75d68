"""What incidents tell about working together: promised updates, decision requests, judgements.

They count like those made here. Only what a count needs comes over: what a statement or a question says may
not travel as far as an agenda does, so it is named by its incident's title alone, which everybody knows who
may look at incidents. A page for one reader may show them the words of the questions that are for them.
Drills count for nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import TypeAlias

from poise.dialogue import commitments
from poise.dialogue.state import Decision, Dialogue, Judgement, Promise
from poise.incident import state as incident
from poise.incident.course import Decided
from poise.incident.fold import entries, replay
from poise.incident.statements import Resolved
from poise.ledger.record import Record

#: Whether the words of an incident's question may be shown.
MayShow: TypeAlias = Callable[[incident.Incident, incident.Decision], bool]


def to_nobody(_: incident.Incident, __: incident.Decision) -> bool:
    """Show no words of any question."""
    return False


def incidents_of(records: Iterable[Record]) -> Iterable[incident.Incident]:
    """Return the incidents that records tell; IncidentError as in :func:`poise.incident.fold.replay`."""
    return replay(entries(records)).by_id.values()


def with_incidents(
    state: Dialogue, found: Iterable[incident.Incident], may_show: MayShow = to_nobody
) -> Dialogue:
    """Return the dialogue with what incidents add; words of their questions only where they may be shown."""
    real = [one for one in found if not one.is_drill]
    if not real:
        return state
    return replace(
        state,
        promises={**state.promises, **{one.act.id: one for i in real for one in _promises(i)}},
        decisions={**state.decisions, **{one.act.id: one for i in real for one in _decisions(i, may_show)}},
        judgements={**state.judgements, **{one.act.id: one for i in real for one in _judgements(i)}},
    )


def _promises(of: incident.Incident) -> Iterator[Promise]:
    for number, one in enumerate(of.promises, 1):
        act = commitments.PromiseMade(
            party=one.party, id=f"update-{of.id}-{number}", what=f"Update on {_named(of)}", due=one.due
        )
        moves = ((move.time, move.act.due) for move in one.moves)  # type: ignore[attr-defined]
        is_kept = one.ended is not None and one.how in ("updated", "no change")
        yield Promise(
            act,
            one.made,
            ((one.made, one.due), *moves),
            kept=one.ended if is_kept else None,
            dropped=None if is_kept else one.ended,
        )


def _named(of: incident.Incident) -> str:
    return f"incident \N{LEFT DOUBLE QUOTATION MARK}{of.head.title}\N{RIGHT DOUBLE QUOTATION MARK}"


def _decisions(of: incident.Incident, may_show: MayShow) -> Iterator[Decision]:
    open_to_both = (one for one in of.decisions.values() if one.act.tlp != "RED")
    for number, one in enumerate(open_to_both, 1):
        act = _question(of, one, f"decision-{of.id}-{number}", is_shown=may_show(of, one))
        made = one.made.act if one.made is not None else None
        if one.made is None or not isinstance(made, Decided):
            # Where silence was agreed beforehand to mean an option, nobody is waited for any more.
            yield Decision(act, one.asked.time, ended=_default_time(one), incident=of.id)
            continue
        answer = commitments.DecisionMade(
            party=made.party, decision=act.id, option=made.option, reason=made.reason
        )
        yield Decision(act, one.asked.time, answer, one.made.time, incident=of.id)


def _question(
    of: incident.Incident, one: incident.Decision, id: str, *, is_shown: bool
) -> commitments.DecisionAsked:
    """Return a question in the dialogue's form; its own words and those of its options only when shown."""
    cost = one.act.cost_low_per_hour
    return commitments.DecisionAsked(
        party=one.act.party,
        id=id,
        question=f"{one.act.question} ({_named(of)})" if is_shown else f"Decision on {_named(of)}",
        options=tuple(
            commitments.Option(id=option.id, text=option.text if is_shown else f"Option {number}")
            for number, option in enumerate(one.act.options, 1)
        ),
        recommendation=one.act.recommendation,
        needed_by=one.act.needed_by,
        cost_per_day=None if cost is None else 24 * cost,
        basis="the low end of what the incident says" if cost is not None else "",
    )


def _default_time(one: incident.Decision) -> datetime | None:
    agreed = one.default_agreed
    return one.act.needed_by if agreed is not None and agreed.time <= one.act.needed_by else None


def _judgements(of: incident.Incident) -> Iterator[Judgement]:
    told = (one for one in of.order if one.act.kind == "judgement" and one.act.tlp != "RED")
    for number, one in enumerate((one for one in told if one.resolved is not None), 1):
        act, end = one.act, one.resolved
        if act.low is None or act.high is None or end is None or not isinstance(end.act, Resolved):
            continue
        stated = commitments.JudgementStated(
            party=act.party,
            id=f"judgement-{of.id}-{number}",
            statement=f"Judgement in {_named(of)}",
            low=act.low,
            high=act.high,
            resolves_by=end.time.date(),
        )
        came = commitments.JudgementResolved(
            party=end.act.party, judgement=stated.id, came_true=end.act.was_true, source="the incident"
        )
        yield Judgement(stated, one.time, came, end.time)
