"""``poise incident review``, ``stix``, ``send``, ``retention`` and the drills."""

from __future__ import annotations

import argparse
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from poise.cli import at_incident, at_table, signing
from poise.cli.workspace import workspace_directory

if TYPE_CHECKING:
    from poise.incident.drill import Score

_Verbs = argparse._SubParsersAction


def add_parsers(verbs: _Verbs[argparse.ArgumentParser]) -> None:
    """Add the verbs."""
    review = verbs.add_parser(
        "review", help="the timeline in two lanes, promises, calibration, what stays open"
    )
    at_incident.add_incident(review)
    at_incident.add_watcher(review)
    review.add_argument("--hindsight", action="store_true", help="events as they were corrected later")
    at_incident.add_where(review)
    review.set_defaults(run=run_review)
    stix = verbs.add_parser("stix", help="the incident as STIX 2.1")
    at_incident.add_incident(stix)
    at_incident.add_watcher(stix)
    at_incident.add_where(stix)
    stix.set_defaults(run=run_stix)
    _add_send(verbs)
    retention = verbs.add_parser(
        "retention",
        help="closed incidents whose time is over, with the records to erase; none under legal hold",
    )
    retention.add_argument("--days", type=_days, default=1095, metavar="N", help="kept after closing (1095)")
    at_incident.add_where(retention)
    retention.set_defaults(run=run_retention)
    drills = verbs.add_parser("drills", help="the scenarios that can be drilled")
    at_incident.add_where(drills)
    drills.set_defaults(run=run_drills)
    drill = verbs.add_parser("drill", help="begin a drill; its verbs take --drill")
    at_incident.add_incident(drill)
    drill.add_argument("--scenario", required=True, metavar="NAME", help="a shipped scenario, or a TOML file")
    drill.add_argument("--lead", required=True, metavar="PERSON", help="who leads")
    drill.add_argument(
        "--author", default="", metavar="PERSON", help="who acts (the key's holder, else the party)"
    )
    at_table.add_party(drill)
    at_table.add_key(drill)
    at_incident.add_where(drill)
    drill.set_defaults(run=run_drill)
    injects = verbs.add_parser("injects", help="what has come in a drill by now, and how it is going")
    at_incident.add_incident(injects)
    injects.add_argument("--party", choices=("operations", "security"), help="for one side only")
    at_incident.add_where(injects)
    injects.set_defaults(run=run_injects)


def _days(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no number of days")
    return int(text)


def _add_send(verbs: _Verbs[argparse.ArgumentParser]) -> None:
    queue = verbs.add_parser("send-brief", help="put a brief that you have reviewed into the outbox")
    at_incident.add_incident(queue)
    queue.add_argument("audience", choices=("operations", "security", "board"), help="for whom")
    queue.add_argument("--channel", required=True, metavar="NAME", help="of channels.toml in the workspace")
    queue.add_argument(
        "--clearance", choices=at_incident.MARKS, default="AMBER", help="of its readers (AMBER)"
    )
    queue.add_argument(
        "--reviewed", action="store_true", required=True, help="you have read it: poise incident brief"
    )
    queue.add_argument(
        "--author", default="", metavar="PERSON", help="who acts (the key's holder, else the party)"
    )
    at_table.add_party(queue)
    at_table.add_key(queue)
    at_incident.add_where(queue)
    queue.set_defaults(run=run_queue)
    send = verbs.add_parser(
        "deliver", help="attempt every message that is due; exit 1 while one is not delivered"
    )
    at_incident.add_incident(send)
    at_incident.add_where(send)
    send.set_defaults(run=run_deliver)


def run_review(arguments: argparse.Namespace) -> int:
    """Run ``poise incident review``."""
    from poise.incident import review

    now = signing.time_of(arguments)
    with at_incident.room(arguments) as at:
        incident = at.incident(arguments.incident)
        watcher = at_incident.watcher(arguments, incident)
        lines = [f"{'DRILL  ' if incident.is_drill else ''}{incident.head.title}", ""]
        for one in review.timeline(incident, watcher, now, hindsight=arguments.hindsight):
            lines.append(f"{one.at:%m-%d %H:%M} {one.lane:9} {one.text}")
        lines.append("")
        for kept in review.promises_kept(incident, now, watcher):
            late = (
                ""
                if kept.median_late_minutes is None
                else f", {kept.late} late (median {kept.median_late_minutes:.0f} min)"
            )
            lines.append(
                f"{kept.party}: {kept.kept} of {kept.due} promised updates kept, {kept.moved} moved{late}."
            )
        for band in review.calibration(incident, now, watcher):
            lines.append(
                f"{band.word} ({band.low:.0%}-{band.high:.0%}): "
                f"{band.came_true} of {band.resolved} came true."
            )
        return at_table.show(arguments, review.document(incident, watcher, now), "\n".join(lines) + "\n")


def run_stix(arguments: argparse.Namespace) -> int:
    """Run ``poise incident stix``."""
    from poise.incident.stix import bundle

    with at_incident.room(arguments) as at:
        incident = at.incident(arguments.incident)
        print(bundle(incident, at_incident.watcher(arguments, incident), signing.time_of(arguments)), end="")
    return 0


def run_queue(arguments: argparse.Namespace) -> int:
    """Run ``poise incident send-brief``."""
    from poise.dialogue.working import brief_at, brief_form
    from poise.incident.brief import brief, is_urgent
    from poise.incident.delivery import check_mark, read_channels
    from poise.incident.messages import Queued
    from poise.incident.tlp import Watcher

    now = signing.time_of(arguments)
    with at_incident.room(arguments) as at:
        incident = at.incident(arguments.incident)
        keys, author = at_incident.signer(arguments, at)
        said, audience = at_incident.said_of_readers(at, now), arguments.audience
        form = brief_form(said, audience, incident.head.timezone)
        found = brief(incident, audience, now, Watcher("", None, arguments.clearance), form)
        urgent = is_urgent(incident, incident.watcher(author, arguments.party), now)
        goes_at = brief_at(said, audience, now, is_urgent=urgent)
        channel = read_channels(_channels(arguments)).get(arguments.channel)
        if channel is not None:
            check_mark(arguments.channel, channel, found.mark)
        act = Queued(
            incident=incident.id,
            party=arguments.party,
            audience=audience,
            channel=arguments.channel,
            subject=found.subject,
            text=found.text(),
            mark=found.mark,
            not_before=goes_at if goes_at > now else None,
        )
        record = at.act(act, author, now, keys)
        text = f"{found.subject}: in the outbox as {record.hash[:8]}. poise incident deliver sends it.\n"
        return at_table.show(arguments, signing.record_json(record), text)


def run_deliver(arguments: argparse.Namespace) -> int:
    """Run ``poise incident deliver``."""
    from poise.incident.delivery import deliver, read_channels

    now = signing.time_of(arguments)
    with at_incident.room(arguments) as at:
        incident = at.incident(arguments.incident)
        deliver(at, incident, read_channels(_channels(arguments)), now)
        value, lines = [], []
        for one in at.incident(arguments.incident).messages.values():
            failure = one.failures[-1][1] if one.failures else ""
            due = one.due()
            value.append(
                {
                    "brief": one.record,
                    "channel": one.act.channel,
                    "state": one.state,
                    "failure": failure,
                    "next": due,
                }
            )
            again = f", again from {due:%Y-%m-%d %H:%M} UTC" if due else ""
            why = f": {failure}{again}" if one.state != "delivered" and failure else ""
            lines.append(f"{one.record[:8]} {one.act.audience} by {one.act.channel}: {one.state}{why}")
        at_table.show(arguments, {"messages": value}, "\n".join(lines or ["The outbox is empty."]) + "\n")
        return int(any(one["state"] != "delivered" for one in value))


def _channels(arguments: argparse.Namespace) -> Path:
    return workspace_directory(arguments.workspace) / "channels.toml"


def run_retention(arguments: argparse.Namespace) -> int:
    """Run ``poise incident retention``."""
    from poise.incident.fold import entries

    now = signing.time_of(arguments)
    limit = now - timedelta(days=arguments.days)
    with at_incident.room(arguments) as at:
        state = at.state()
        found = list(entries(at.ledger.records()))
        value, lines = [], []
        for incident in state.by_id.values():
            if incident.closed is None or incident.closed.time > limit:
                continue
            records = [one.hash for one in found if one.body and one.body.get("incident") == incident.id]
            value.append(
                {"incident": incident.id, "closed": incident.closed.time, "held": incident.is_held(),
                 "records": [] if incident.is_held() else records}
            )  # fmt: skip
            what = (
                "under legal hold, nothing may go" if incident.is_held() else f"{len(records)} bodies may go"
            )
            lines.append(f"{incident.id}: closed {incident.closed.time:%Y-%m-%d}, {what}.")
        hint = (
            "Erase: poise ledger draft erasure ... --refers RECORD; both sides sign, the chain stays whole."
        )
        text = "\n".join([*lines, hint] if lines else ["No incident's time is over."]) + "\n"
        return at_table.show(arguments, {"incidents": value}, text)


def run_drills(arguments: argparse.Namespace) -> int:
    """Run ``poise incident drills``."""
    from poise.incident.drill import shipped

    found = shipped().values()
    lines = [f"{one.id:26}{one.minutes:4} min, {len(one.injects)} injects  {one.title}" for one in found]
    return at_table.show(arguments, {"drills": list(found)}, "\n".join(lines) + "\n")


def run_drill(arguments: argparse.Namespace) -> int:
    """Run ``poise incident drill``."""
    import msgspec

    from poise.errors import Fault, IncidentError
    from poise.incident.course import Opened
    from poise.incident.drill import parse_scenario, shipped
    from poise.strictyaml.faults import did_you_mean

    scenario = shipped().get(arguments.scenario)
    if scenario is None:
        path = Path(arguments.scenario)
        if not path.is_file() or path.stat().st_size > 200_000:
            hint = did_you_mean(arguments.scenario, shipped())
            text = f"{arguments.scenario[:60]!r} is no scenario, and no file below 200 kB."
            raise IncidentError(Fault("E839", "--scenario", text, hint))
        scenario = parse_scenario(path.read_bytes().decode("utf-8", "replace"), str(path))
    arguments.drill = True
    now = signing.time_of(arguments)
    with at_incident.room(arguments, create=True) as at:
        keys, author = at_incident.signer(arguments, at)
        act = Opened(
            incident=arguments.incident,
            party=arguments.party,
            title=scenario.title,
            lead=arguments.lead,
            detected=now,
            drill=scenario.id,
            scenario=msgspec.to_builtins(scenario),
        )
        record = at.act(act, author, now, keys, is_drill=True)
        text = f"DRILL {arguments.incident}: {scenario.title}, {scenario.minutes} minutes.\n"
        text += (
            f"{scenario.setting}\nSee what comes in:  poise incident injects {arguments.incident} --drill\n"
        )
        return at_table.show(arguments, signing.record_json(record), text)


def run_injects(arguments: argparse.Namespace) -> int:
    """Run ``poise incident injects``."""
    from poise.incident.drill import injects_by, scenario_of, score

    arguments.drill = True
    now = signing.time_of(arguments)
    with at_incident.room(arguments) as at:
        incident = at.incident(arguments.incident)
        found = injects_by(incident, now, arguments.party)
        counted = score(incident, now)
        lines = [f"DRILL  {incident.head.title}", ""]
        lines += [f"{when:%H:%M} to {one.to:10} [{one.id}] {one.text}" for when, one in found]
        lines += ["", "Questions to judge (state --kind judgement --inject ID):"]
        lines += [f"  [{one.id}] {one.text}?" for one in scenario_of(incident).questions]
        value: dict[str, Any] = {
            "injects": [{"at": when, **_builtins(one)} for when, one in found],
            "score": {
                **at_table.plain(counted),
                "prompt": counted.num_prompt,
                "brier": counted.brier,
                "bands": at_table.plain(counted.bands),
            },
        }
        return at_table.show(arguments, value, "\n".join([*lines, "", *_score(counted)]) + "\n")


def _builtins(one: Any) -> dict[str, Any]:
    import msgspec

    values: dict[str, Any] = msgspec.to_builtins(one)
    return values


def _score(counted: Score) -> list[str]:
    lines = [f"Answered in time: {counted.num_prompt} of {len(counted.answered)}."]
    for kept in counted.promises:
        lines.append(f"Promises of {kept.party}: {kept.kept} of {kept.due} kept.")
    for one in counted.judged:
        said = " and ".join(f"{low:.0%}-{high:.0%}" for low, high in one.ranges)
        judged = f"judged {said}" if said else "no judgement"
        lines.append(f"{one.question}: {judged}; it was {'true' if one.is_true else 'false'}.")
    for band in counted.bands:
        lines.append(
            f"{band.word} ({band.low:.0%}-{band.high:.0%}): {band.came_true} of {band.resolved} true."
        )
    if counted.brier is not None:
        lines.append(f"Mean Brier score {counted.brier:.2f} (0 is best, 0.25 is what 'no idea' gives).")
    return lines
