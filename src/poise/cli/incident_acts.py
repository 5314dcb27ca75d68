"""``poise incident open``, ``state``, ``decide`` and the other verbs that put an act on the ledger.

Options are made from the fields of each act, so that the command line can say whatever the ledger can.
"""

from __future__ import annotations

import argparse
import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from poise.cli import at_incident, at_table, signing

if TYPE_CHECKING:
    from poise.incident.base import Act
    from poise.incident.state import Incident

#: Each verb: its act, what it does, its fields with a sentence, in the order of the help page.
VERBS: dict[str, tuple[str, str, dict[str, str]]] = {
    "open": ("opened", "begin an incident", {
        "title": "a line that names it", "lead": "who leads; sees every mark",
        "detected": "when it was noticed first",
        "services": "ids of services, with commas", "timezone": "for local times, such as Europe/Berlin",
    }),
    "admit": ("admitted", "give a person a clearance; only the lead does", {
        "person": "who", "clearance": "the strictest mark that this person sees",
    }),
    "state": ("stated", "state a fact, an assumption, a judgement, or what nobody knows", {
        "kind": "fact, assumption, unknown or judgement",
        "text": "a sentence; of a judgement what follows 'that'",
        "topic": "services, customers, workaround, restore, scope, exposure, containment, evidence, other",
        "services": "ids of services, with commas", "true_from": "from when it was so", "known_from":
        "from when your side knew it (default: now)", "source": "where it comes from",
        "reliability": "of the source, A to F", "credibility": "of what it says, 1 to 6",
        "low": "likelihood of a judgement: low end, 0.01 to 0.99", "high": "high end",
        "likelihood": "in place of low and high: a word such as 'likely'",
        "confidence": "in a judgement: high, moderate, low", "confidence_because": "why",
        "unless": "when an assumption fails", "owner": "who checks it or finds out", "by": "until when",
        "matters": "why an unknown matters", "waits": "the decision request that waits on it",
        "tlp": "its mark (AMBER)", "named": "for whom a RED one is meant, with commas",
        "is_privileged": "counsel marked it as privileged", "corrects": "the statement that it replaces",
        "fault": "what was wrong there", "next_update": "when the next comes, or none:REASON",
        "inject": "in a drill: the inject that it answers", "token": "makes a repeated submit the same act",
    }),
    "withdraw": ("withdrawn", "take a statement back", {"statement": "which", "reason": "why"}),
    "resolve": ("resolved", "say how a judgement turned out", {
        "statement": "which", "was_true": "it came true", "how": "how that is known",
    }),
    "read": ("read", "say that you have read up to a statement", {
        "upto": "which (default: the last that you see)",
    }),
    "no-change": ("checked", "checked, no change: keeps the promised update and makes the next", {
        "next_update": "when the next comes, or none:REASON",
    }),
    "move": ("moved", "move the promised update, before it is late", {
        "due": "the new time", "reason": "why",
    }),
    "ask": ("asked", "ask the other side for an update", {"what": "about what", "wanted_by": "until when"}),
    "answer": ("answered", "answer such a request", {
        "request": "which", "statement": "the statement that answers it", "text": "or words",
    }),
    "request": ("decision.asked", "ask the other side for a decision", {
        "question": "the question", "options": "id=text, once for each option",
        "recommendation": "an option's id",
        "because": "why that one", "cost_low_per_hour": "what waiting costs [money/h], low end",
        "cost_high_per_hour": "high end",
        "basis": "what the cost rests on; poise incident waiting computes both",
        "is_reversible": "it can be undone", "needed_by": "until when",
        "default": "the option that silence means, once agreed",
        "tlp": "its mark (AMBER)", "named": "whom a RED one asks, with commas",
    }),
    "agree-default": ("decision.default", "agree beforehand what silence will mean", {"request": "which"}),
    "decide": ("decision.made", "decide", {"request": "which", "option": "an option's id", "reason": "why"}),
    "assess": ("clock.assessed", "say whether a regulator's regime applies", {
        "regime": "its id; poise incident regimes lists them", "applies": "it does", "reason": "why",
    }),
    "anchor": ("clock.anchored", "determine when an anchor happened; a later one corrects it", {
        "regime": "its id", "anchor": "the anchor's name", "at": "when", "reason": "why",
    }),
    "sent": ("clock.sent", "record a filing with its receipt", {
        "regime": "its id", "stage": "the stage's id", "at": "when", "reference": "the recipient's number",
        "receipt": "what came back", "late_because": "why it was late",
    }),
    "suspend": ("clock.suspended", "let a stage rest where the law does", {
        "regime": "its id", "stage": "the stage's id", "until": "until when", "authority": "who allows it",
        "reference": "its paper",
    }),
    "receipt": ("clock.receipt", "record that a filing was received", {
        "regime": "its id", "stage": "the stage's id", "at": "when", "receipt": "what came back",
    }),
    "stage": ("clock.stage", "say whether one stage of a regime that applies is due here", {
        "regime": "its id", "stage": "the stage's id", "applies": "it is", "reason": "why",
    }),
    "follow-up": ("followed", "note what stays open", {
        "text": "what", "becomes": "limit, exception or goal", "owner": "who", "due": "the day",
    }),
    "done": ("followed.done", "note what became of it", {
        "follow_up": "which", "result": "its id, or why nothing",
    }),
    "hold": ("held", "begin or end a legal hold", {"is_on": "it begins", "reason": "why"}),
    "close": ("closed", "end the incident", {"summary": "in a sentence or two"}),
}  # fmt: skip
_MOMENTS = frozenset(
    {"detected", "true_from", "known_from", "by", "due", "wanted_by", "needed_by", "at", "until"}
)
_LISTS = frozenset({"services", "named"})
_FLAGS = frozenset({"is_privileged", "was_true", "is_reversible", "applies", "is_on"})
_NUMBERS = frozenset({"low", "high", "cost_low_per_hour", "cost_high_per_hour"})


def add_parsers(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verbs."""
    for verb, (act, help_text, fields) in VERBS.items():
        parser = verbs.add_parser(
            verb, help=help_text, description=help_text[0].upper() + help_text[1:] + "."
        )
        at_incident.add_incident(parser)
        for field, sentence in fields.items():
            _add_field(parser, field, sentence, is_day=act == "followed")
        at_table.add_party(parser)
        parser.add_argument(
            "--author", default="", metavar="PERSON", help="who acts (the key's holder, else the party)"
        )
        at_table.add_key(parser)
        at_incident.add_where(parser)
        parser.set_defaults(run=functools.partial(run_act, verb))


def _add_field(parser: argparse.ArgumentParser, field: str, sentence: str, *, is_day: bool) -> None:
    from poise.cli.plan import moment

    flag = f"--{field.removeprefix('is_').replace('_', '-')}"
    add: Callable[..., Any] = functools.partial(
        parser.add_argument, flag, dest=f"field_{field}", help=sentence
    )
    if field in _FLAGS:
        add(action=argparse.BooleanOptionalAction, default=None)
    elif field == "options":
        parser.add_argument(
            "--option", dest="field_options", action="append", metavar="ID=TEXT", help=sentence
        )
    elif field in _MOMENTS and not is_day:
        add(type=moment, metavar="TIME")
    elif field in _NUMBERS:
        add(type=float, metavar="NUMBER")
    else:
        add(metavar=field.upper())


def run_act(verb: str, arguments: argparse.Namespace) -> int:
    """Put an act on the ledger."""
    from poise.incident.acts import kind_of, read_act

    name = VERBS[verb][0]
    with at_incident.room(arguments, create=verb == "open") as at:
        of = None if verb == "open" else at.incident(arguments.incident)
        keys, author = at_incident.signer(arguments, at)
        kind = f"{'drill' if arguments.drill else 'incident'}.{name}"
        body = _body(verb, arguments, of, author)
        act: Act = read_act(kind, body, f"poise incident {verb}")
        assert kind_of(act, is_drill=arguments.drill) == kind
        record = at.act(act, author, signing.time_of(arguments), keys, is_drill=arguments.drill)
        return at_table.show(
            arguments,
            signing.record_json(record),
            f"{'DRILL ' if arguments.drill else ''}{kind} {record.hash[:8]} "
            f"at {record.time:%Y-%m-%d %H:%M:%S} UTC"
            f"{_said(act)}\n",
        )


def _said(act: Any) -> str:
    from poise.incident.statements import Stated, sentence

    return f": {sentence(act)}" if isinstance(act, Stated) else ""


def _body(verb: str, arguments: argparse.Namespace, of: Incident | None, author: str) -> dict[str, Any]:
    given = {
        name.removeprefix("field_"): value
        for name, value in vars(arguments).items()
        if name.startswith("field_")
    }
    body: dict[str, Any] = {"incident": arguments.incident, "party": arguments.party}
    for field, value in given.items():
        if value is None:
            continue
        body[field] = _value(verb, field, value, of)
    now = signing.time_of(arguments)
    if verb == "state":
        body.setdefault("known_from", now.isoformat())
        _word(body)
    elif verb == "open":
        body.setdefault("detected", now.isoformat())
    elif verb == "read" and of is not None and "upto" not in body:
        seen = of.standing(now, of.watcher(author, arguments.party))
        if seen:
            body["upto"] = seen[-1].record
    elif verb == "assess" and body.get("applies"):
        from poise.cli.incident_clocks import rule_named

        body["rule"] = _snapshot(rule_named(arguments, str(body.get("regime"))))
    elif verb == "anchor":
        body.setdefault("at", None)
    return body


def _snapshot(rule: Any) -> dict[str, Any]:
    import msgspec

    values: dict[str, Any] = msgspec.to_builtins(rule)
    values.pop("examples", None)
    return values


def _word(body: dict[str, Any]) -> None:
    """Put the numbers of a word of likelihood in its place."""
    from poise.errors import Fault, IncidentError
    from poise.incident.words import WORDS

    word = body.pop("likelihood", None)
    if word is None:
        return
    if word not in WORDS:
        text = f"likelihood is {word!r}; expected one of {', '.join(WORDS)}."
        raise IncidentError(Fault("E820", "command line", text))
    body["low"], body["high"] = WORDS[word].low, WORDS[word].high


def _value(verb: str, field: str, value: Any, of: Incident | None) -> Any:
    from poise.cli.plan import moment
    from poise.errors import Fault, IncidentError

    if hasattr(value, "isoformat"):
        return value.isoformat()
    if field in _LISTS:
        return [part.strip() for part in value.split(",") if part.strip()]
    if field == "options":
        pairs = [one.partition("=") for one in value]
        return [{"id": id.strip(), "text": text.strip()} for id, _, text in pairs]
    if field == "next_update":
        if value.startswith("none:"):
            return {"none_because": value.removeprefix("none:").strip()}
        try:
            return {"due": moment(value).isoformat()}
        except argparse.ArgumentTypeError as error:
            raise IncidentError(Fault("E820", "--next-update", f"{error}.")) from error
    if of is not None and field in ("corrects", "statement", "upto"):
        return at_incident.reference(value, list(of.statements), "statement")
    if of is not None and field in ("request", "waits"):
        return at_incident.reference(
            value, list(of.requests if verb == "answer" else of.decisions), "request"
        )
    if of is not None and field == "follow_up":
        return at_incident.reference(value, list(of.follow_ups), "follow-up")
    return value
