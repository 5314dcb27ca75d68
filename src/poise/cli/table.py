"""``poise table``: open a table on reports, estate and evidence; see where it stands."""

from __future__ import annotations

import argparse
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from poise.cli import at_table, signing

if TYPE_CHECKING:
    from poise.planning.problem import Plan
    from poise.table.landmarks import Landmarks
    from poise.table.negotiation import Proposal
    from poise.table.session import Session


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``poise table`` to the command line."""
    from poise.cli.plan import count, horizon

    parser = subparsers.add_parser(
        "table",
        help="negotiate a plan: open a table, see where it stands",
        description="The table at which operations and security agree on a plan. docs/negotiation.md plays a "
        "whole negotiation.",
    )
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    opening = verbs.add_parser(
        "open", help="start on these reports, this estate and the evidence as of today"
    )
    opening.add_argument("--scans", nargs="+", required=True, metavar="FILE", help="reports of any scanner")
    opening.add_argument("--estate", required=True, metavar="FILE", help="estate.yaml, or a folder of tables")
    opening.add_argument("--threats", metavar="DIR", help="threat evidence (default: that of the workspace)")
    opening.add_argument(
        "--horizon", type=horizon, default=182.0, metavar="DAYS", help="how far to plan (182)"
    )
    opening.add_argument("--points", type=count, default=15, metavar="N", help="plans on the frontier (15)")
    opening.add_argument("--calibration", metavar="FILE", help="frozen calibration of an earlier plan")
    at_table.add_effort(opening)
    at_table.add_key(opening)
    at_table.add_common(opening)
    opening.set_defaults(run=run_open)
    showing = verbs.add_parser("show", help="default, fair points, limits, proposals, whose turn it is")
    at_table.add_effort(showing)
    at_table.add_common(showing)
    showing.set_defaults(run=run_show)
    changes = verbs.add_parser(
        "changes", help="every change: what it is, its window in the plan under talk, and if nobody signs"
    )
    changes.add_argument(
        "--scope", nargs="+", default=(), metavar="ID", help="of these services, patch groups or teams (all)"
    )
    at_table.add_effort(changes)
    at_table.add_common(changes)
    changes.set_defaults(run=run_changes)


def run_open(arguments: argparse.Namespace) -> int:
    """Run ``poise table open``."""
    from poise.cli.progress import progress_bar
    from poise.cli.workspace import threats_directory, workspace_directory
    from poise.estate import load_estate
    from poise.patching.calibration import keep_calibration, read_calibration
    from poise.patching.planner import Settings, estate_inputs
    from poise.scans import read_scan
    from poise.table.opening import open_ground
    from poise.threats.store import ThreatStore

    path = Path(arguments.estate)
    estate = load_estate(path)
    reports = [report for name in arguments.scans for report in read_scan(name)]
    threats = Path(arguments.threats) if arguments.threats else threats_directory(arguments.workspace)
    calibration_path = (
        Path(arguments.calibration)
        if arguments.calibration
        else workspace_directory(arguments.workspace) / "calibration.json"
    )
    settings = Settings(
        now=signing.time_of(arguments).replace(microsecond=0),
        horizon_days=arguments.horizon,
        seed=arguments.seed,
        points=arguments.points,
        threads=arguments.threads,
    )
    with at_table.session(arguments, create=True) as at:
        keys, holder = at_table.signer(arguments, at)
        with progress_bar() as progress:
            ground, calibration = open_ground(
                estate,
                reports,
                ThreatStore(threats),
                settings,
                inputs=estate_inputs(path, estate),
                calibration=read_calibration(calibration_path),
                progress=progress,
            )
        record = at.open(ground, keys, holder or "desk")
        keep_calibration(calibration_path, calibration)
        text = (
            f"Table of {ground.company}: {len(ground.changes):,} changes on {len(ground.groups):,} groups, "
            f"{len(ground.estate_limits)} limits of the estate.\nRecord {record.sequence}: {record.hash}\n"
        )
        value = {
            "record": record.hash,
            "ground": at.negotiation.ground,
            "changes": len(ground.changes),
            "groups": len(ground.groups),
            "limits": ground.estate_limits,
        }
        return at_table.show(arguments, value, text)


def run_show(arguments: argparse.Namespace) -> int:
    """Run ``poise table show``."""
    from poise.cli.progress import progress_bar
    from poise.errors import NoFeasiblePlanError
    from poise.patching.harddates import named_dates

    with at_table.session(arguments) as at, progress_bar() as progress:
        reason = ""
        after: Landmarks | None = None
        changes, ground = at.ground.changes, at.ground
        try:
            with named_dates(lambda number: changes[number].id, ground.now, ground.timezone):
                after = at.after(at_table.effort_of(arguments), progress)
        except NoFeasiblePlanError as error:
            first = error.faults[0]
            reason = f"{first.where} {first.message}" if error.dates else first.message
        state = at.negotiation
        value = {
            "company": at.ground.company,
            "data_of": at.ground.now,
            "until": at.ground.horizon_end,
            "currency": at.ground.currency,
            "default": {"sentence": at.default[0], "costs": at.before.default},
            "before": _landmarks_json(at.before),
            "after": None if after is None else _landmarks_json(after),
            "no_plan": reason,
            "limits": at.limits,
            "sealed": sorted(state.sealed),
            "positions": sorted(state.positions),
            "proposals": [_proposal_json(at, one) for one in state.proposals],
            "due": state.due,
            "void": state.void,
            "agreement": state.in_force[0] if state.in_force else None,
        }
        return at_table.show(arguments, value, _text(at, after, reason))


def run_changes(arguments: argparse.Namespace) -> int:
    """Run ``poise table changes``."""
    from poise.cli.progress import progress_bar
    from poise.errors import Fault, TableError
    from poise.table.limits import near

    with at_table.session(arguments) as at, progress_bar() as progress:
        unknown = sorted(set(arguments.scope) - set(at.ground.names))
        if unknown:
            text = f"The scope names {unknown[0]!r}, which is no service, patch group or team."
            raise TableError(Fault("E553", "changes", text, near(unknown[0], at.ground.names)))
        draft = at.draft(at_table.effort_of(arguments), progress)
        meant = set(at.ground.groups_in(tuple(arguments.scope)).tolist())
        entries = [
            _change(at, number, draft.plan)
            for number, group in enumerate(at.ground.problem.change_group.tolist())
            if group in meant
        ]
        lines = [f"{len(entries)} changes; window under {draft.label}, and if nobody signs"]
        lines += [
            f"{one['id']}  {_start(one['window'])}  {_start(one['default'])}  {one['severity']:<8}  "
            f"{'KEV' if one['is_kev'] else '   '}  {one['group']}: {signing.visible(one['remedy'])}"
            for one in entries
        ]
        return at_table.show(arguments, {"draft": draft.label, "changes": entries}, "\n".join(lines) + "\n")


def _change(at: Session, number: int, plan: Plan) -> dict[str, Any]:
    """Return a change with its windows, in company time."""
    from zoneinfo import ZoneInfo

    change, zone = at.ground.changes[number], ZoneInfo(at.ground.timezone)
    window, default = (
        at.ground.windows[one].start.astimezone(zone) if one >= 0 else None
        for one in (int(plan.window[number]), int(at.default[1].window[number]))
    )
    return {
        "id": change.id,
        "window": window,
        "default": default,
        "group": change.group,
        "remedy": change.remedy,
        "severity": change.severity,
        "is_kev": change.is_kev,
        "vulnerabilities": change.vulnerabilities,
        "exposure_per_day": change.exposure_per_day,
    }


def _start(moment: datetime | None) -> str:
    return f"{f'{moment:%Y-%m-%d %H:%M}' if moment else 'not done':<16}"


def _shares_now(at: Session, one: Proposal) -> tuple[float, float]:
    """Return (security's, operations') share of a proposal; those recorded count from what held then."""
    from poise.table.ground import as_plan

    return at.shares(at.costs(as_plan(one.windows)))


def _proposal_json(at: Session, one: Proposal) -> dict[str, Any]:
    security, operations = _shares_now(at, one)
    return {
        "number": one.number,
        "party": one.party,
        "label": one.label,
        "share_operations": operations,
        "share_security": security,
        "step": at.negotiation.step_of(one.number),
        "matched": one.number in at.negotiation.matched,
    }


def _landmarks_json(found: Landmarks) -> dict[str, Any]:
    return {
        "points": [
            {
                "key": point.key,
                "label": point.label,
                "costs": point.costs,
                "share_security": point.share_security,
                "share_operations": point.share_operations,
                "moves": point.moves,
            }
            for point in found.points
        ],
        "certificate": None
        if found.certificate is None
        else {name: getattr(found.certificate, name) for name in found.certificate.__dataclass_fields__},
    }


def _text(at: Session, after: Landmarks | None, reason: str) -> str:
    state, currency = at.negotiation, at.ground.currency
    ground = at.ground
    lines = [
        f"{ground.company}, in {currency}, on the data of {ground.now:%Y-%m-%d}, until "
        f"{ground.horizon_end:%Y-%m-%d}",
        f"If nobody signs: {at.default[0]}",
    ]
    default = at.before.default
    lines.append(
        f"  expected loss and lateness {at_table.money(default.security, currency)}, disruption "
        f"{at_table.money(default.operations, currency)}"
    )
    lines += ["", "Fair points before limits", *_points(at.before, currency)]
    lines += ["", "Fair points after limits"]
    if after is None:
        lines += ["  No plan was found that meets all limits; poise limit repair shows ways out."]
        lines += [f"  {reason[:1].upper()}{reason[1:]}"]
    else:
        lines += _points(after, currency)
    lines += ["", "Limits"] if at.limits else ["", "No limits."]
    lines += [
        f"  {limit.id} ({limit.party}, {limit.class_}): {at_table.limit_words(at, limit)}"
        for limit in at.limits
    ]
    sealed = ", ".join(
        f"{party} {'opened' if party in state.positions else 'sealed'}" for party in sorted(state.sealed)
    )
    lines += ["", f"Positions: {sealed or 'none yet'}"]
    for one in state.proposals:
        step, (security, operations) = state.step_of(one.number), _shares_now(at, one)
        lines.append(
            f"Proposal {one.number} ({one.party or 'desk'}): {one.label}; shares security "
            f"{security:.0%}, operations {operations:.0%}"
            + (f"; a {step} step" if step else "")
            + ("; accepted by both" if one.number in state.matched else "")
        )
    if state.void:
        lines.append(at_table.void_words(state.void).rstrip())
    if state.due:
        lines.append(f"Next new proposal due: {state.due}")
    if state.in_force:
        lines.append(f"Agreement in force: {state.in_force[0]}")
    return "\n".join(lines) + "\n"


def _points(found: Landmarks, currency: str) -> list[str]:
    from poise.cli.tables import percent

    lines = [
        f"  {point.label:<26} loss {at_table.money(point.costs.security, currency):>12}   disruption "
        f"{at_table.money(point.costs.operations, currency):>12}   shares "
        f"{percent(point.share_security):>5} / {percent(point.share_operations):>5}   {point.moves} moves"
        for point in found.points
    ]
    if found.certificate:
        lines.append(
            f"  No plan gives both sides a share that is larger by more than "
            f"{found.certificate.kalai_smorodinsky_gap:.1%}; no product of gains is larger by more than "
            f"{found.certificate.nash_gap:.1%}."
        )
    else:
        lines.append("  No plan was found that is better for both than if nobody signs.")
    return lines
