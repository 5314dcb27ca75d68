"""``poise agree``: seal and open positions, propose, answer, sign, replay, re-open."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from poise.cli import at_table, signing

if TYPE_CHECKING:
    from poise.cli.progress import Progress
    from poise.planning.problem import Plan
    from poise.table.replanning import Replan, Replans
    from poise.table.session import Session
    from poise.table.solving import Effort

    _Verbs = argparse._SubParsersAction[argparse.ArgumentParser]

#: Changes or moves that are named one by one; --json has all.
SHOWN = 6
#: Plans that can be proposed by name, besides those of the frontier (F01, F02 ...).
_POINTS = ("nash", "kalai-smorodinsky", "least-total", "fewest-moves")


def add_parser(subparsers: _Verbs) -> None:
    """Add ``poise agree`` to the command line."""
    parser = subparsers.add_parser(
        "agree",
        help="positions, proposals, the agreement and its triggers",
        description="From sealed positions to a signed agreement that re-opens when facts change.",
    )
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    _add_positions(verbs)
    _add_proposals(verbs)
    _add_agreement(verbs)


def _add_positions(verbs: _Verbs) -> None:
    seal = verbs.add_parser("seal", help="put a position on the ledger without showing it")
    seal.add_argument("position", type=Path, metavar="FILE", help="YAML or JSON: party, limits, importance")
    seal.add_argument(
        "--out", type=Path, required=True, metavar="FILE", help="the sealed file, for you to keep"
    )
    opened = verbs.add_parser("open", help="open a sealed position, once both sides have sealed theirs")
    opened.add_argument("kept", type=Path, metavar="FILE", help="the file that poise agree seal wrote")
    for verb, run in ((seal, run_seal), (opened, run_open)):
        at_table.add_key(verb)
        at_table.add_common(verb)
        verb.set_defaults(run=run)


def _add_proposals(verbs: _Verbs) -> None:
    propose = verbs.add_parser("propose", help="put a plan on the table")
    propose.add_argument(
        "--party", choices=("operations", "security"), help="whose (default: the desk's draft)"
    )
    propose.add_argument(
        "--plan",
        default="kalai-smorodinsky",
        metavar="KEY",
        help=f"{', '.join(_POINTS)}, or a plan of the frontier such as F03 (kalai-smorodinsky)",
    )
    at_table.add_effort(propose)
    at_table.add_key(propose)
    at_table.add_common(propose)
    propose.set_defaults(run=run_propose)
    answer = verbs.add_parser("answer", help="accept or refuse a proposal, hidden until both accept")
    answer.add_argument("proposal", type=int, metavar="N", help="number of the proposal")
    answer.add_argument(
        "answer", choices=("accept", "accept-if", "no"), help="accept-if is to talk about, and no acceptance"
    )
    at_table.add_party(answer)
    answer.add_argument(
        "--key", type=Path, metavar="FILE", help="show by this key that you speak for the party"
    )
    at_table.add_common(answer)
    answer.set_defaults(run=run_answer)


def _add_agreement(verbs: _Verbs) -> None:
    draft = verbs.add_parser("draft", help="write the agreement on a proposal that both accept, to be signed")
    draft.add_argument("proposal", type=int, metavar="N", help="number of the proposal")
    draft.add_argument("--by", required=True, metavar="PERSON", help="whose draft it is; one of the signers")
    draft.add_argument(
        "--terms", type=Path, metavar="FILE", help="YAML or JSON: triggers, exceptions, review"
    )
    draft.add_argument("--out", type=Path, required=True, metavar="FILE", help="the draft")
    at_table.add_common(draft)
    draft.set_defaults(run=run_draft)
    replaying = verbs.add_parser(
        "replay", help="compose the last agreement anew from the ledger; exit 1 if it differs"
    )
    at_table.add_common(replaying)
    replaying.set_defaults(run=run_replay)
    check = verbs.add_parser(
        "check", help="which triggers of the agreement fire on the table's data; exit 1 when any does"
    )
    check.add_argument("--apply", action="store_true", help="put the re-opening on the ledger")
    at_table.add_common(check)
    check.set_defaults(run=run_check)
    replanning = verbs.add_parser("replan", help="fewest moves from the agreed plan, and the whole re-plan")
    at_table.add_effort(replanning)
    at_table.add_common(replanning)
    replanning.set_defaults(run=run_replan)


def run_seal(arguments: argparse.Namespace) -> int:
    """Run ``poise agree seal``."""
    from poise.errors import Fault, LedgerError
    from poise.table.files import read_document, write_private
    from poise.table.negotiation import Position

    position = read_document(arguments.position.read_bytes(), Position, str(arguments.position))
    if arguments.out.exists():
        raise LedgerError(Fault("E704", str(arguments.out), "would be overwritten; nothing was done."))
    with at_table.session(arguments) as at:
        keys, holder = at_table.signer(arguments, at)
        at.seal(position, keys, holder, keep=lambda content: write_private(arguments.out, content))
    text = f"The position of {position.party} is sealed. Keep {arguments.out}: only it opens the seal.\n"
    return at_table.show(arguments, {"party": position.party, "kept": str(arguments.out)}, text)


def run_open(arguments: argparse.Namespace) -> int:
    """Run ``poise agree open``."""
    from poise.table.files import read_document

    kept = read_document(arguments.kept.read_bytes(), dict[str, Any], str(arguments.kept))
    with at_table.session(arguments) as at:
        keys, holder = at_table.signer(arguments, at)
        record = at.reveal(kept, keys, holder)
        party = (record.body or {})["position"]["party"]
        text = f"The position of {party} is open: {len(at.negotiation.positions[party].limits)} limits.\n"
        return at_table.show(arguments, {"party": party, "record": record.hash}, text)


def _named_plan(at: Session, name: str, effort: Effort, progress: Progress | None) -> tuple[str, Plan]:
    from poise.errors import Fault, TableError
    from poise.table.ground import as_plan

    for stored in at.ground.plans:
        if stored.key == name:
            return stored.key, as_plan(stored.windows)
    if name not in _POINTS:
        keys = ", ".join((*_POINTS, *(stored.key for stored in at.ground.plans)))
        raise TableError(Fault("E554", "proposal", f"There is no plan {name!r}.", f"Plans: {keys}."))
    after = at.after(effort, progress)
    for point in after.points:
        if point.key == name:
            return point.label, point.plan
    raise TableError(Fault("E554", "proposal", f"There is no plan {name!r} under these limits."))


def run_propose(arguments: argparse.Namespace) -> int:
    """Run ``poise agree propose``."""
    from poise.cli.progress import progress_bar

    with at_table.session(arguments) as at, progress_bar() as progress:
        keys, holder = at_table.signer(arguments, at)
        label, plan = _named_plan(at, arguments.plan, at_table.effort_of(arguments), progress)
        at.propose(arguments.party, label, plan, keys, holder)
        state = at.negotiation
        made = state.proposals[-1]
        value = {
            "number": made.number,
            "party": made.party,
            "label": made.label,
            "share_security": made.share_security,
            "share_operations": made.share_operations,
            "step": state.step_of(made.number),
            "due": state.due,
            "plan": at_table.plan_json(at.ground, plan),
        }
        step = f" It is a {value['step']} step." if value["step"] else ""
        text = (
            f"Proposal {made.number}: {label}. Shares of the best gains: security {made.share_security:.0%}, "
            f"operations {made.share_operations:.0%}.{step}\n"
        )
        return at_table.show(arguments, value, text)


def run_answer(arguments: argparse.Namespace) -> int:
    """Run ``poise agree answer``."""
    with at_table.session(arguments) as at:
        at_table.check_speaker(arguments, at, arguments.party)
        is_match = at.answer(arguments.party, arguments.proposal, arguments.answer)
        value = {"proposal": arguments.proposal, "matched": is_match}
        text = f"Both accept proposal {arguments.proposal}.\n" if is_match else "Noted. No match so far.\n"
        return at_table.show(arguments, value, text)


def run_draft(arguments: argparse.Namespace) -> int:
    """Run ``poise agree draft``."""
    from poise.errors import Fault, SignatureError
    from poise.table.agreement import Terms
    from poise.table.files import read_document

    terms: Terms = Terms()
    if arguments.terms is not None:
        terms = read_document(arguments.terms.read_bytes(), Terms, str(arguments.terms))
    with at_table.session(arguments) as at:
        if at.ledger.roster().key_of(arguments.by, at.now) is None:
            hint = "Name one of the signers; poise key list shows them."
            raise SignatureError(Fault("E741", arguments.by, "has no key that counts.", hint))
        draft = at.draft_agreement(arguments.proposal, terms, arguments.by)
        if not arguments.json:
            print("\n".join(draft.body["summary"]))
            _tell_past(at, arguments.proposal)
        return signing.hand_on(arguments, draft, arguments.out)


def _tell_past(at: Session, proposal: int) -> None:
    """Print which visits of a proposal's plan are over, before anybody signs it."""
    from poise.table.ground import as_plan
    from poise.table.past import past

    over = past(at.ground, as_plan(at.negotiation.proposal(proposal).windows), at.now)
    if over.visits:
        print(f"Warning: {over.sentence} poise table open plans with what is left.")
        for one in over.visits:
            print(f"  over: {one.group}, {one.start:%Y-%m-%d %H:%M} UTC, {len(one.changes)} changes")


def _in_force(at: Session) -> tuple[str, dict[str, Any]]:
    from poise.errors import Fault, TableError

    in_force = at.negotiation.in_force
    if in_force is None:
        text, hint = "No agreement is in force at this table.", ""
        if at.negotiation.last is not None:
            text = "The last agreement is open again already."
            hint = "poise agree replan shows ways on from it."
        raise TableError(Fault("E557", "agreement", text, hint))
    return in_force


def _last(at: Session) -> tuple[str, dict[str, Any]]:
    """Return the last agreement, in force or open again."""
    from poise.errors import Fault, TableError

    if at.negotiation.last is None:
        raise TableError(Fault("E557", "agreement", "Nothing was agreed yet at this table."))
    return at.negotiation.last


def run_replay(arguments: argparse.Namespace) -> int:
    """Run ``poise agree replay``; exit 1 when the ledger does not give the same agreement."""
    with at_table.session(arguments) as at:
        record_hash, _ = _last(at)
        recorded, again = at.recompose(record_hash)
        is_same = recorded == again
        value = {"agreement": record_hash, "bytes": len(recorded), "is_same": is_same}
        text = (
            f"The ledger gives the same agreement again, all {len(recorded):,} bytes.\n"
            if is_same
            else "Replaying the ledger gives another agreement than the one recorded.\n"
        )
        at_table.show(arguments, value, text)
        return 0 if is_same else 1


def run_check(arguments: argparse.Namespace) -> int:
    """Run ``poise agree check``; exit 1 when a trigger fires."""
    from poise.table.triggers import fired, gravest

    with at_table.session(arguments) as at:
        record_hash, body = _in_force(at)
        then = _ground_of(at, record_hash)
        found = fired(body, at.ground, then, at.now)
        action = gravest(found)
        record = None
        if arguments.apply and action in ("reopen", "default"):
            record = at.reopen(record_hash, [one.fact for one in found], action)
        lines = [f"{one.trigger.action}: {one.fact}." for one in found] or ["No trigger fires."]
        if action is not None:
            after = {"notify": "both sides are told", "reopen": "the agreement re-opens"}
            lines.append(f"So {after.get(action, 'the default plan takes over until there is a new one')}.")
        if record is not None:
            lines.append(f"Record {record.sequence}: {record.hash}")
        elif action in ("reopen", "default"):
            lines.append("Nothing is on the ledger yet; --apply puts it there.")
        value = {
            "agreement": record_hash,
            "action": action,
            "fired": found,
            "record": record.hash if record else None,
        }
        at_table.show(arguments, value, "\n".join(lines) + "\n")
        return 1 if found else 0


def _ground_of(at: Session, record_hash: str) -> Any:
    """Return the ground that an agreement was made on: that of the last table opened before it."""
    from poise.table.negotiation import OPENED

    record = at.ledger.record(record_hash)
    opened = [
        one.body["ground"]
        for one in at.ledger.records(kind=OPENED)
        if one.body is not None and one.sequence < record.sequence
    ]
    return at.ground_of(opened[-1])


def run_replan(arguments: argparse.Namespace) -> int:
    """Run ``poise agree replan``."""
    from poise.cli.progress import progress_bar
    from poise.table.replanning import replan_agreement

    with at_table.session(arguments) as at, progress_bar() as progress:
        found, ground = replan_agreement(at, at_table.effort_of(arguments), progress), at.ground
        value = {
            "kept": found.kept,
            "is_possible": found.is_possible,
            "least_moves": found.least_moves,
            "lost": [ground.changes[j].id for j in found.lost],
            "overdue": [ground.changes[j].id for j in found.overdue],
            "ways": [
                {
                    "budget": way.budget,
                    "moved": [ground.changes[j].id for j in way.moved],
                    "weighted_moves": way.moves,
                    "costs": way.costs,
                    "least_total": way.bound,
                    "recovered": way.recovered,
                    "plan": at_table.plan_json(ground, way.plan),
                }
                for way in found.ways
            ],
        }
        return at_table.show(arguments, value, _replan_text(at, found))


def _replan_text(at: Session, found: Replans) -> str:
    currency = at.ground.currency
    what = "What is left of the agreed plan" if found.lost or found.overdue else "The agreed plan"
    still = "can still be kept" if found.is_possible else "cannot be kept any more"
    lines = [
        f"{what} {still}: loss {at_table.money(found.kept.security, currency)}, disruption "
        f"{at_table.money(found.kept.operations, currency)}"
    ]
    for changes, why in (
        (found.lost, "have lost their window and count as not done"),
        (found.overdue, "were due before and are still in the reports: they count as not done"),
    ):
        if changes:
            names = ", ".join(at.ground.changes[number].id for number in changes[:SHOWN])
            more = f" and {len(changes) - SHOWN} more" if len(changes) > SHOWN else ""
            lines.append(f"  Changes that {why}: {names}{more}.")
    if not found.is_possible:
        lines.append(f"  No plan makes fewer than {found.least_moves} weighted moves.")
    for way in found.ways:
        budget = f"up to {way.budget} weighted move{'' if way.budget == 1 else 's'}"
        moved = f"{len(way.moved):>4} change{' moves' if len(way.moved) == 1 else 's move'}"
        lines.append(
            f"  {'whole re-plan' if way.budget is None else budget:<26} {moved}: loss "
            f"{at_table.money(way.costs.security, currency)}, disruption "
            f"{at_table.money(way.costs.operations, currency)}; {way.recovered:.0%} of what is to gain"
        )
        if 0 < len(way.moved) <= SHOWN:
            lines += [f"      {_move(at, way, int(number))}" for number in way.moved]
    return "\n".join(lines) + "\n"


def _move(at: Session, way: Replan, number: int) -> str:
    """Return where a change moves, in company time."""
    window = int(way.plan.window[number])
    start = at_table.company_time(at, at.ground.windows[window].start) if window >= 0 else None
    return f"{at.ground.changes[number].id} -> {f'{start:%Y-%m-%d %H:%M}' if start else 'not done'}"
