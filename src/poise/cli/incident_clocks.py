"""``poise incident clocks`` and ``regimes``: when what must be told to whom."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from poise.cli import at_incident, at_table, signing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from poise.incident.clocks.regime import Rule
    from poise.incident.clocks.standing import Clock

#: Largest file of a rule that anybody writes [bytes].
MAX_BYTES = 200_000


def add_parsers(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verbs."""
    clocks = verbs.add_parser(
        "clocks",
        help="when what is due to which regulator, in an incident or after anchors that you name",
        description="Compute regulators' clocks. Not legal advice: rules as found, with their doubts marked.",
    )
    clocks.add_argument("incident", nargs="?", metavar="INCIDENT", help="an incident's own clocks")
    clocks.add_argument("--regime", metavar="REGIME", help="a regime's id, see poise incident regimes")
    clocks.add_argument(
        "--rule", type=Path, metavar="FILE", help="a rule of your own (TOML) in place of a shipped one"
    )
    clocks.add_argument(
        "--anchor",
        action="append",
        default=[],
        metavar="NAME=TIME",
        help="when an anchor happened; a time without a zone is of --timezone, or UTC without that",
    )
    clocks.add_argument(
        "--sent", action="append", default=[], metavar="STAGE=TIME", help="when a stage was filed"
    )
    clocks.add_argument(
        "--calendar", default="", metavar="NAME", help="business days, such as DE-HE or US-NY"
    )
    clocks.add_argument(
        "--timezone", metavar="ZONE", help="of times without a zone (UTC) and of those shown (the regime's)"
    )
    clocks.add_argument(
        "--pending", action="store_true", help="compute a rule although it is no law in force"
    )
    at_incident.add_where(clocks)
    clocks.set_defaults(run=run_clocks)
    regimes = verbs.add_parser("regimes", help="the regimes that are known, with their doubts")
    regimes.add_argument("regime", nargs="?", metavar="REGIME", help="one of them, in full")
    at_incident.add_where(regimes)
    regimes.set_defaults(run=run_regimes, rule=None, pending=True)


def run_clocks(arguments: argparse.Namespace) -> int:
    """Run ``poise incident clocks``."""
    from poise.errors import Fault, IncidentError
    from poise.incident.clocks.regime import NOT_ADVICE
    from poise.incident.clocks.standing import clocks_of
    from poise.incident.duties import Sent

    now = signing.time_of(arguments)
    if (arguments.incident is None) == (arguments.regime is None and arguments.rule is None):
        text = "Name an incident, or a regime with --regime and its anchors."
        raise IncidentError(Fault("E833", "poise incident clocks", text))
    if arguments.incident:
        return _of_incident(arguments, now)
    rule = rule_named(arguments, arguments.regime)
    if arguments.calendar:
        from poise.incident.clocks.calendars import calendar_of

        calendar_of(arguments.calendar)
    given = ZoneInfo("UTC") if arguments.timezone is None else _zone(arguments, rule)
    anchors = _moments(arguments.anchor, rule.anchors, "--anchor", given)
    filed = _moments(arguments.sent, {one.id: "" for one in rule.stages}, "--sent", given)
    sent = [
        Sent(incident="x", party="security", regime=rule.id, stage=stage, at=at, reference="-")
        for stage, at in filed.items()
    ]
    clocks = clocks_of(rule, anchors, sent, now, calendar=arguments.calendar)
    warnings, zone = rule.warnings(now.date()), _zone(arguments, rule)
    value = {
        **_regime_json(rule, warnings),
        "anchors": {name: _utc(at) for name, at in anchors.items()},
        "stages": [_clock_json(one, zone, now) for one in clocks],
        "notice": NOT_ADVICE,
    }
    text = _text(rule, anchors, clocks, warnings, zone, now)
    return at_table.show(arguments, value, f"{text}{NOT_ADVICE}\n")


def _of_incident(arguments: argparse.Namespace, now: datetime) -> int:
    """Show the clocks of an incident, and which regimes nobody has assessed there."""
    from poise.errors import Fault, IncidentError
    from poise.incident.clocks.regime import NOT_ADVICE, shipped
    from poise.incident.clocks.standing import duties_of

    if arguments.anchor or arguments.sent or arguments.calendar:
        text = "--anchor, --sent and --calendar are for clocks without an incident."
        hint = "In an incident people determine them: poise incident anchor, poise incident sent."
        raise IncidentError(Fault("E833", "poise incident clocks", text, hint))
    value, texts = [], []
    with at_incident.room(arguments) as at:
        duties = duties_of(at.incident(arguments.incident), now)
    for duty in duties:
        zone = _zone(arguments, duty.rule)
        regime = {**_regime_json(duty.rule, duty.warnings), "state": duty.state, "reason": duty.reason}
        anchors = {name: _utc(moment) for name, moment in duty.anchors.items()}
        stages = [_clock_json(one, zone, now) for one in duty.clocks]
        value.append({**regime, "anchors": anchors, "stages": stages})
        texts.append(_text(duty.rule, duty.anchors, duty.clocks, duty.warnings, zone, now))
    assessed = {duty.rule.id for duty in duties}
    rest = [one.id for one in shipped().values() if one.status == "in-force" and one.id not in assessed]
    text = "\n".join(texts or ["No regime was assessed. poise incident assess says whether one applies.\n"])
    text += f"Not assessed: {', '.join(rest)}.\n{NOT_ADVICE}\n"
    return at_table.show(arguments, {"regimes": value, "not_assessed": rest, "notice": NOT_ADVICE}, text)


def run_regimes(arguments: argparse.Namespace) -> int:
    """Run ``poise incident regimes``."""
    from poise.incident.clocks.regime import NOT_ADVICE, shipped

    now = signing.time_of(arguments)
    if arguments.regime:
        rule = rule_named(arguments, arguments.regime)
        warnings = rule.warnings(now.date())
        lines = [f"{rule.id}: {rule.title}", f"  {rule.citation}", f"  {rule.url}"]
        lines += [f"  anchor {name}: {question}" for name, question in rule.anchors.items()]
        lines += [f"  stage {one.id}: {one.title}, to {one.recipient}" for one in rule.stages]
        lines += [f"  ! {one}" for one in warnings]
        return at_table.show(arguments, rule, "\n".join([*lines, NOT_ADVICE]) + "\n")
    rules = shipped().values()
    lines = [f"{rule.id:22}{rule.status:10} {rule.title}" for rule in rules]
    value = {
        "regimes": [_regime_json(rule, rule.warnings(now.date())) for rule in rules],
        "notice": NOT_ADVICE,
    }
    return at_table.show(arguments, value, "\n".join([*lines, "", NOT_ADVICE]) + "\n")


def rule_named(arguments: argparse.Namespace, name: str) -> Rule:
    """Return a rule by its id, or that of ``--rule``.

    Raises
    ------
    IncidentError
        E832 when there is none, E835 when it is no law in force and nobody asked for it all the same.
    """
    from poise.errors import Fault, IncidentError
    from poise.incident.clocks.regime import parse_rule, shipped
    from poise.strictyaml.faults import did_you_mean

    path: Path | None = getattr(arguments, "rule", None)
    if path is not None:
        with path.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise IncidentError(Fault("E830", str(path), f"has more than {MAX_BYTES:,} bytes."))
        try:
            rule = parse_rule(content.decode(), str(path))
        except UnicodeDecodeError as error:
            raise IncidentError(Fault("E830", str(path), "is not UTF-8 text.")) from error
    elif name in shipped():
        rule = shipped()[name]
    else:
        raise IncidentError(
            Fault("E832", "regime", f"There is no regime {name[:60]!r}.", did_you_mean(name, shipped()))
        )
    if rule.status != "in-force" and not getattr(arguments, "pending", False):
        hint = "--pending computes it all the same; it binds nobody."
        raise IncidentError(Fault("E835", rule.id, f"The rule is {rule.status}, no law in force.", hint))
    return rule


def _moments(words: list[str], names: Mapping[str, str], option: str, zone: ZoneInfo) -> dict[str, datetime]:
    """Return moments by name (UTC); what has no zone is read in the given one."""
    from poise.cli.plan import iso_time
    from poise.errors import Fault, IncidentError
    from poise.incident.clocks.due import FIRST_YEAR, LAST_YEAR, wall_time

    found: dict[str, datetime] = {}
    faults = []
    for word in words:
        name, _, text = word.partition("=")
        if name not in names:
            hint = f"Expected one of {', '.join(names)}."
            faults.append(Fault("E833", option, f"The rule knows no {name[:60]!r}.", hint))
            continue
        if name in found:
            text = f"{name} is given twice, as {_utc(found[name])} and as {text[:40]}."
            faults.append(Fault("E833", option, text, "Give the time that counts alone."))
            continue
        try:
            at = iso_time(text)
            if not FIRST_YEAR <= at.year < LAST_YEAR:
                raise argparse.ArgumentTypeError(f"{text!r} is not between {FIRST_YEAR} and {LAST_YEAR}")
            found[name] = at.astimezone(UTC) if at.tzinfo else wall_time(at.date(), at.time(), zone)
        except argparse.ArgumentTypeError as error:
            faults.append(Fault("E833", f"{option} {name}", f"{error}."))
    if faults:
        raise IncidentError(faults)
    return found


def _zone(arguments: argparse.Namespace, rule: Rule) -> ZoneInfo:
    from poise.errors import Fault, IncidentError

    name = arguments.timezone or rule.timezone
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise IncidentError(Fault("E833", "--timezone", f"{name[:60]!r} is no time zone.")) from error


def _regime_json(rule: Rule, warnings: Any) -> dict[str, Any]:
    return {
        "regime": rule.id,
        "title": rule.title,
        "version": rule.version,
        "status": rule.status,
        "citation": rule.citation,
        "url": rule.url,
        "reviewed_by": rule.reviewed_by,
        "review_by": rule.review_by,
        "warnings": list(warnings),
    }


def _clock_json(clock: Clock, zone: ZoneInfo, now: datetime) -> dict[str, Any]:
    at = clock.due.at
    return {
        "stage": clock.stage.id,
        "title": clock.stage.title,
        "recipient": clock.stage.recipient,
        "when": clock.stage.when,
        "state": clock.state,
        "due": at and _utc(at),
        "due_local": at and at.astimezone(zone),
        "remaining_hours": at and round((at - now).total_seconds() / 3600, 2),
        "waits_for": clock.due.missing,
        "not_after": clock.due.bound and _utc(clock.due.bound),
        "because": clock.due.because,
        "words": clock.stage.words,
        "idle_hours": clock.idle_hours,
        "sent": clock.sent and {"at": _utc(clock.sent.at), "reference": clock.sent.reference},
        "receipt": clock.receipt,
        "reason": clock.reason,
    }


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _text(
    rule: Rule, anchors: Mapping[str, datetime], clocks: Any, warnings: Any, zone: ZoneInfo, now: datetime
) -> str:
    from poise.incident.clocks.words import both, due_sentence

    lines = [f"{rule.title} ({rule.version})", f"  {rule.citation}"]
    lines += [f"  {'anchor':13} {name}: {both(at, zone)}" for name, at in anchors.items()]
    for clock in clocks:
        case = f" ({clock.stage.when.rstrip('.')})" if clock.stage.when else ""
        lines.append(f"  {clock.state:13} {clock.stage.title}, to {clock.stage.recipient}{case}")
        lines.append(f"  {'':13} {due_sentence(clock, zone, now)}")
    lines += [f"  ! {one}" for one in warnings]
    return "\n".join(lines) + "\n"
