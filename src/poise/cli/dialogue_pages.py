"""``poise dialogue`` verbs that show: goals, profiles, disagreements, survey, guess, board, digest."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from poise.cli import at_dialogue, at_table

if TYPE_CHECKING:
    from poise.dialogue.board import Board
    from poise.dialogue.goals import Goals
    from poise.dialogue.sealing import Kept
    from poise.patching.document import PlanDocument


def add_parsers(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verbs."""

    def verb(name: str, help: str, run: Callable[[argparse.Namespace], int]) -> argparse.ArgumentParser:
        parser = verbs.add_parser(name, help=help)
        at_table.add_common(parser)
        parser.set_defaults(run=run)
        return parser

    verb("goals", "goals, who endorses them, and what lies ahead for their services", run_goals)
    verb("profiles", "each side's pressures and way of working", run_profiles)
    verb("disagreements", "what is contested, and what was settled", run_disagreements)
    for name, what in (
        ("survey", "both sides' answers"),
        ("guess", "what each took the other's priorities for"),
    ):
        parser = verb(name, f"{what}, once both have answered", run_survey if name == "survey" else run_guess)
        parser.add_argument("--quarter", metavar="QUARTER", help="such as 2026Q1 (default: that of --now)")
        parser.add_argument(
            "--kept",
            nargs=2,
            type=Path,
            default=(),
            metavar="FILE",
            help="both sides' sealed files: shows them",
        )
    board = verb("board", "the board's page of this quarter", run_board)
    board.add_argument("--plan", type=Path, metavar="FILE", help="plan.json, for the rules that others use")
    digest = verb("digest", "the weekly digest of one side", run_digest)
    at_table.add_party(digest)
    digest.add_argument(
        "--send", metavar="URL", help="send it through apprise: a mailto: or mailtos: address"
    )
    digest.add_argument(
        "--hourly", action="store_true", help="send only in the hour that the side's profile asks for"
    )


def run_goals(arguments: argparse.Namespace) -> int:
    """Run ``poise dialogue goals``."""
    from poise.dialogue.goals import view_goals

    with at_dialogue.talk(arguments) as at:
        ahead = at.prospect()
        goals = view_goals(at.conversation.state, at.conversation.now, ahead)
        return at_table.show(arguments, goals, goals_text(goals, ahead.ground.currency if ahead else ""))


def goals_text(goals: Goals, currency: str) -> str:
    """Return goals as text."""
    lines = []
    for one in goals.goals:
        state = (
            "over" if one.is_over else "of both" if one.is_shared else f"of {', '.join(one.endorsed)} only"
        )
        lines.append(f"{one.id} ({state}): {one.title}")
        if one.measure:
            lines.append(f"  measure: {one.measure}")
        if one.plan and one.default:
            word = "signed plan" if one.is_signed else "default plan, nothing is signed"
            lines.append(
                f"  {word}: expected loss {at_table.money(one.plan.exposure, currency)}, disruption "
                f"{at_table.money(one.plan.disruption, currency)}, {one.plan.downtime_hours:.1f} h down"
            )
        if one.contested:
            lines.append(f"  contested: {', '.join(one.contested)}")
    lines.append(f"{goals.linked} of {goals.contested} open disagreements name a goal of both.")
    if goals.uncovered:
        lines.append(f"Services that no shared goal names: {', '.join(goals.uncovered)}.")
    return "\n".join(lines) + "\n"


def run_profiles(arguments: argparse.Namespace) -> int:
    """Run ``poise dialogue profiles``."""
    from poise.dialogue.base import PARTIES

    with at_dialogue.talk(arguments) as at:
        lines, found = [], {}
        for party in PARTIES:
            if party not in at.conversation.state.profiles:
                lines.append(f"{party}: nothing stated")
                continue
            time, one = found[party] = at.conversation.state.profiles[party]
            lines += [
                f"{party}, stated {time:%Y-%m-%d}",
                f"  priorities: {', '.join(one.priorities) or 'none said'}",
            ]
            lines += [f"  {p.start} to {p.end} {p.kind}: {p.what}" for p in one.pressures]
            lines.append(f"  {one.style}, {one.detail}, {one.cadence} at {one.time} {one.timezone}")
            lines.append(f"  quiet {one.quiet.start} to {one.quiet.end}{', weekends' * one.quiet.weekends}")
            lines.append(f"  in an incident an update every {one.incident_minutes} min")
        return at_table.show(arguments, {p: act for p, (_, act) in found.items()}, "\n".join(lines) + "\n")


def run_disagreements(arguments: argparse.Namespace) -> int:
    """Run ``poise dialogue disagreements``."""
    with at_dialogue.talk(arguments) as at:
        found = at.conversation.state.disagreements
        lines = []
        for one in found.values():
            state = "contested" if one.ended is None else f"ended {one.ended:%Y-%m-%d}"
            lines.append(f"{one.act.id} ({one.type}, {state}): {one.act.title}")
            for party, said in one.positions.items():
                lines.append(f"  {party}: {said[-1][1].position}")
            lines += [f"  settled {end.time:%Y-%m-%d}: {end.proposed.outcome}" for end in one.settled]
            lines += [f"  escalated {page.time:%Y-%m-%d}, {page.kind}" for page in one.escalations]
        return at_table.show(arguments, found, "\n".join(lines or ["Nothing is contested."]) + "\n")


def _kept(arguments: argparse.Namespace) -> list[Kept]:
    from poise.dialogue.sealing import read_kept

    return [read_kept(path.read_bytes(), str(path)) for path in arguments.kept]


def run_survey(arguments: argparse.Namespace) -> int:
    """Run ``poise dialogue survey``."""
    from poise.dialogue.survey import quarter_of, view_survey
    from poise.dialogue.survey_items import ITEMS, NOTICE, SCALE

    with at_dialogue.talk(arguments) as at:
        survey = view_survey(
            at.conversation.state, arguments.quarter or quarter_of(at.conversation.now), _kept(arguments)
        )
        lines = [f"Survey {survey.quarter}. {NOTICE} ({SCALE})"]
        if survey.items:
            for one in survey.items:
                given = ", ".join(f"{party} {answer or 'skipped'}" for party, answer in one.answers.items())
                lines.append(f"  {one.item.text} {given}")
        else:
            lines += [f"  {item.id:<10} {item.text}" for item in ITEMS]
            lines.append(f"Answered: {', '.join(survey.sealed) or 'nobody yet'}; both open together.")
        return at_table.show(arguments, survey, "\n".join(lines) + "\n")


def run_guess(arguments: argparse.Namespace) -> int:
    """Run ``poise dialogue guess``."""
    from poise.dialogue.base import other
    from poise.dialogue.survey import quarter_of, view_guess

    with at_dialogue.talk(arguments) as at:
        guess = view_guess(
            at.conversation.state, arguments.quarter or quarter_of(at.conversation.now), _kept(arguments)
        )
        lines = [
            f"{guess.quarter}: guessed by {', '.join(guess.sealed) or 'nobody yet'}; taking part is free."
        ]
        for party, guesses in guess.guesses.items():
            lines.append(f"  {party} guessed {', '.join(guesses)}")
            lines.append(f"  {other(party)} states {', '.join(guess.stated[other(party)]) or 'nothing'}")
        return at_table.show(arguments, guess, "\n".join(lines) + "\n")


def run_board(arguments: argparse.Namespace) -> int:
    """Run ``poise dialogue board``."""
    from poise.dialogue.board import make_board

    with at_dialogue.talk(arguments) as at:
        document = _document(arguments.plan) if arguments.plan else None
        board = make_board(at.conversation.state, at.conversation.now, at.prospect(), document)
        return at_table.show(arguments, board, board_text(board))


def _document(path: Path) -> PlanDocument:
    import msgspec

    from poise.errors import DialogueError, Fault
    from poise.patching.document import PlanDocument

    try:
        return msgspec.json.decode(path.read_bytes(), type=PlanDocument)
    except msgspec.DecodeError as error:
        text = f"This is no plan document: {error}."
        raise DialogueError(Fault("E856", str(path), text, "poise plan writes plan.json.")) from error


def board_text(board: Board) -> str:
    """Return the board's page as text."""
    money = at_table.money
    lines = [f"{board.quarter}, as of {board.at:%Y-%m-%d}", "", "Goals of both"]
    for goal in board.goals:
        cost = (
            f"; expected loss {money(goal.plan.exposure, board.currency)}"
            if goal.plan and goal.plan.changes
            else ""
        )
        lines.append(f"  {goal.title}{cost}")
    if board.default_cost:
        lines += ["", "Over the horizon of the table"]
        for what, ahead in (("signed", board.cost), ("if nobody signs", board.default_cost)):
            if ahead:
                lines.append(
                    f"  {what}: expected loss {money(ahead.exposure, board.currency)}, disruption "
                    f"{money(ahead.disruption, board.currency)}"
                )
    lines += ["", "Plans signed"]
    for one in board.agreements:
        kept = (
            f"re-opened {one.reopened:%Y-%m-%d}: {'; '.join(one.reasons)}" if one.reopened else "kept so far"
        )
        lines.append(
            f"  {one.time:%Y-%m-%d}: loss and lateness {money(one.expected_loss, board.currency)}, "
            f"disruption {money(one.disruption, board.currency)}; {kept}"
        )
    lines += ["", "Rules in use elsewhere, on the same backlog"] if board.policies else []
    for rule in board.policies:
        lines.append(
            f"  {rule.label}: expected loss {money(rule.expected_loss, board.currency)}, disruption "
            f"{money(rule.disruption, board.currency)}"
        )
    risks = [f"{one.what}: {one.owner}, until {one.until}" for one in board.risks]
    risks += [f"and {board.more_risks} smaller ones"] if board.more_risks else []
    for heading, found in (
        ("Settled this quarter", [f"{title}: {outcome}" for title, outcome in board.settled]),
        ("Residual risks", risks),
        ("Decisions wanted", [f"{wanted} ({kind})" for _, wanted, kind in board.wanted]),
    ):
        lines += ["", heading, *(f"  {text}" for text in found or ["none"])]
    return "\n".join(lines) + "\n"


def run_digest(arguments: argparse.Namespace) -> int:
    """Run ``poise dialogue digest``."""
    from datetime import timedelta

    from poise.dialogue.agenda import make_agenda
    from poise.dialogue.digest import week, write
    from poise.dialogue.meeting import next_meeting
    from poise.dialogue.meeting_ics import agenda_ics
    from poise.dialogue.working import profile_of, send_at

    with at_dialogue.talk(arguments) as at:
        agenda = make_agenda(at.conversation.state, at.conversation.now, at.prospect())
        subject, text = write(
            week(at.conversation.state, at.conversation.now, agenda), at.conversation.state, arguments.party
        )
        wanted = send_at(profile_of(at.conversation.state, arguments.party), at.conversation.now)
        if arguments.send and not (arguments.hourly and wanted >= at.conversation.now + timedelta(hours=1)):
            starts = next_meeting(at.conversation.state, at.conversation.now)
            _send(arguments, subject, text, {"agenda.ics": agenda_ics(agenda, starts)})
        return at_table.show(
            arguments, {"subject": subject, "text": text, "wanted_at": wanted}, f"{subject}\n\n{text}"
        )


def _send(arguments: argparse.Namespace, subject: str, text: str, files: dict[str, bytes]) -> None:
    from poise.cli.workspace import workspace_directory
    from poise.errors import DialogueError, Fault
    from poise.incident.delivery import read_channels, send

    path = workspace_directory(arguments.workspace) / "channels.toml"
    channels = read_channels(path)
    if arguments.send not in channels:
        hint = f"There are: {', '.join(channels) or 'none'}. docs/incidents.md shows such a file."
        raise DialogueError(Fault("E857", str(path), f"has no channel {arguments.send!r}.", hint))
    send(channels[arguments.send], subject, text, files)
