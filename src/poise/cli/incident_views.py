"""``poise incident show``, ``brief``, ``compare``, ``waiting``, ``list``: what stands, and for whom."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from poise.cli import at_incident, at_table, signing

if TYPE_CHECKING:
    from poise.incident.known import View
    from poise.incident.state import Incident


def add_parsers(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verbs."""
    from poise.cli.plan import moment

    listing = verbs.add_parser("list", help="all incidents")
    at_incident.add_where(listing)
    listing.set_defaults(run=run_list)
    show = verbs.add_parser("show", help="what is known, as one person sees it, now or as of a time")
    at_incident.add_incident(show)
    at_incident.add_watcher(show)
    show.add_argument("--as-of", type=moment, metavar="TIME", help="as it was recorded by then")
    at_incident.add_where(show)
    show.set_defaults(run=run_show)
    brief = verbs.add_parser("brief", help="a brief for operations, security or the board")
    at_incident.add_incident(brief)
    brief.add_argument("audience", choices=("operations", "security", "board"), help="for whom")
    at_incident.add_watcher(brief)
    brief.add_argument("--detail", choices=("short", "full"), help="the reader's own form")
    brief.add_argument("--order", choices=("topic", "newest", "uncertain"), help="the reader's own form")
    brief.add_argument("--as-of", type=moment, metavar="TIME", help="as it was recorded by then")
    at_incident.add_where(brief)
    brief.set_defaults(run=run_brief)
    compare = verbs.add_parser(
        "compare", help="statements that one brief has and another lacks: none (exit 1 else)"
    )
    at_incident.add_incident(compare)
    at_incident.add_watcher(compare)
    at_incident.add_where(compare)
    compare.set_defaults(run=run_compare)
    waiting = verbs.add_parser(
        "waiting", help="what an hour of waiting costs, from the estate and a judgement"
    )
    waiting.add_argument("--estate", required=True, metavar="FILE", help="estate.yaml, or a folder of tables")
    waiting.add_argument("--down", default="", metavar="IDS", help="services that are down, with commas")
    waiting.add_argument("--reachable", default="", metavar="IDS", help="services an attacker may reach")
    waiting.add_argument(
        "--probability", default="", metavar="LOW-HIGH", help="of losing one, such as 0.2-0.45"
    )
    waiting.add_argument(
        "--within-hours", type=float, default=24.0, metavar="H", help="within which time (24)"
    )
    at_incident.add_where(waiting)
    waiting.set_defaults(run=run_waiting)


def run_list(arguments: argparse.Namespace) -> int:
    """Run ``poise incident list``."""
    with at_incident.room(arguments) as at:
        state = at.state()
        found = state.by_id.values()
        value = [
            {
                "incident": one.id,
                "title": one.head.title,
                "lead": one.head.lead,
                "opened": one.opened.time,
                "closed": one.closed.time if one.closed else None,
                "drill": one.is_drill,
            }
            for one in found
        ]
        lines = [
            f"{one.id:24} {'closed' if one.closed else 'open':7} "
            f"{one.opened.time:%Y-%m-%d %H:%M}  {one.head.title}"
            for one in found
        ]
        text = "\n".join(lines or ["No incidents."]) + "\n" + at_table.void_words(state.void)
        return at_table.show(arguments, {"incidents": value, "void": state.void}, text)


def run_show(arguments: argparse.Namespace) -> int:
    """Run ``poise incident show``."""
    from poise.incident.known import answer_words, sentence, view

    at_time = arguments.as_of or signing.time_of(arguments)
    with at_incident.room(arguments) as at:
        incident = at.incident(arguments.incident)
        seen = view(incident, at_incident.watcher(arguments, incident), at_time)
        value = {
            "incident": incident.id,
            "title": incident.head.title,
            "drill": incident.is_drill,
            "at": at_time,
            "since_last_read": seen.news,
            "statements": [_statement_json(incident, seen, one) for one in seen.standing],
            "ended": [_statement_json(incident, seen, one) for one in seen.ended],
            "promises": [
                {"party": one.party, "due": one.due_at(at_time), "state": one.state(at_time)}
                for one in seen.promises
            ],
            "requests": [
                {
                    "request": one.asked.record,
                    "what": one.act.what,
                    "answered": _answered(one, at_time),
                    "answer": answer_words(incident, one, at_time),
                }
                for one in seen.requests
            ],
            "decisions": [
                {
                    "request": one.asked.record,
                    "question": one.act.question,
                    "state": one.state(at_time),
                    "option": one.option(at_time),
                }
                for one in seen.decisions
            ],
        }
        return at_table.show(arguments, value, _text(incident, seen, sentence(seen.news)))


def _answered(request: Any, at: Any) -> bool:
    return request.answer is not None and request.answer.time <= at


def _statement_json(incident: Incident, seen: View, told: Any) -> dict[str, Any]:
    import msgspec

    from poise.incident.known import act_for, change_for, readers
    from poise.incident.statements import sentence

    return {
        "statement": told.record,
        "sentence": sentence(told.act),
        "author": told.author,
        "recorded": told.time,
        "change": change_for(incident, told, seen.watcher),
        "unread": told.record in seen.unread,
        "ended": told.ended if told.ended is not None and told.ended <= seen.at else None,
        "read_by": {
            party: None if press is None else {"person": press[0], "at": press[1]}
            for party, press in readers(incident, told, seen.at).items()
        },
        "act": msgspec.to_builtins(act_for(incident, told, seen.watcher)),
    }


def _text(incident: Incident, seen: View, news: str) -> str:
    from poise.incident.known import answer_words, readers
    from poise.incident.statements import sentence, source_words

    drill = "DRILL  " if incident.is_drill else ""
    lines = [f"{drill}{incident.head.title} ({incident.id}), as recorded by {seen.at:%Y-%m-%d %H:%M:%S} UTC"]
    lines += [f"Since you last pressed read: {news}.", ""]
    for told in seen.standing:
        mark = "*" if told.record in seen.unread else " "
        lines.append(f"{mark} {told.record[:8]} {told.act.kind:10} TLP:{told.act.tlp}  {sentence(told.act)}")
        read = [
            f"{party} {press[1]:%H:%M}" if press else f"{party} not yet"
            for party, press in readers(incident, told, seen.at).items()
        ]
        source = f"{source_words(told.act)}. " if told.act.source else ""
        lines.append(
            f"{'':11}{source}Recorded {told.time:%H:%M:%S} by {told.author}; read: {', '.join(read)}."
        )
    if not seen.standing:
        lines.append("  Nothing is stated.")
    lines.append("")
    for promise in seen.promises[-2:]:
        lines.append(
            f"Update by {promise.party}: {promise.due_at(seen.at):%Y-%m-%d %H:%M} UTC, "
            f"{promise.state(seen.at)}"
        )
    for request in seen.requests:
        said = answer_words(incident, request, seen.at)
        state = f"answered: {said}" if said else f"wanted by {request.act.wanted_by:%H:%M} UTC"
        lines.append(f"Asked by {request.act.party} {request.asked.record[:8]}: {request.act.what} ({state})")
    for one in seen.decisions:
        option = one.option(seen.at)
        answer = f" {one.act.words_of(option)}." if option else ""
        lines.append(f"Decision {one.asked.record[:8]} ({one.state(seen.at)}): {one.act.question}{answer}")
    return "\n".join(lines) + "\n"


def run_brief(arguments: argparse.Namespace) -> int:
    """Run ``poise incident brief``."""
    import msgspec

    from poise.dialogue.working import brief_form
    from poise.incident.brief import brief

    given = {name: getattr(arguments, name) for name in ("detail", "order") if getattr(arguments, name)}
    with at_incident.room(arguments) as at:
        incident = at.incident(arguments.incident)
        at_time = arguments.as_of or signing.time_of(arguments)
        said = at_incident.said_of_readers(at, signing.time_of(arguments))
        form = brief_form(said, arguments.audience, incident.head.timezone)
        profile = msgspec.structs.replace(form, **given)
        found = brief(
            incident, arguments.audience, at_time, at_incident.watcher(arguments, incident), profile
        )
        return at_table.show(arguments, {"subject": found.subject, **at_table.plain(found)}, found.text())


def run_compare(arguments: argparse.Namespace) -> int:
    """Run ``poise incident compare``."""
    from poise.incident.brief import brief, differences

    with at_incident.room(arguments) as at:
        incident = at.incident(arguments.incident)
        watcher, now = at_incident.watcher(arguments, incident), signing.time_of(arguments)
        briefs = [brief(incident, one, now, watcher) for one in ("operations", "security", "board")]
        found = differences(briefs)
        lines = [f"{record[:8]} is missing for {', '.join(lacking)}." for record, lacking in found.items()]
        count = len(briefs[0].statements)
        text = "\n".join(lines or [f"All three briefs hold the same {count} statements."]) + "\n"
        at_table.show(arguments, {"differences": found, "statements": count}, text)
        return 1 if found else 0


def run_waiting(arguments: argparse.Namespace) -> int:
    """Run ``poise incident waiting``."""
    from pathlib import Path

    from poise.errors import Fault, IncidentError
    from poise.estate import load_estate
    from poise.incident.waiting import cost_of_waiting

    estate = load_estate(Path(arguments.estate))
    try:
        ends = [float(part) for part in arguments.probability.split("-")] if arguments.probability else []
    except ValueError:
        ends = [-1.0, -1.0, -1.0]
    if len(ends) not in (0, 1, 2):
        text = f"{arguments.probability!r} is no probability such as 0.2-0.45."
        raise IncidentError(Fault("E840", "--probability", text))
    found = cost_of_waiting(
        estate.services,
        signing.time_of(arguments),
        down=_ids(arguments.down),
        reachable=_ids(arguments.reachable),
        probability=(ends[0], ends[-1]) if ends else None,
        within_hours=arguments.within_hours,
        currency=estate.currency,
    )
    text = f"Waiting costs {found.low:,.0f} to {found.high:,.0f} {estate.currency} an hour: {found.basis}\n"
    return at_table.show(arguments, {"currency": estate.currency, **at_table.plain(found)}, text)


def _ids(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
