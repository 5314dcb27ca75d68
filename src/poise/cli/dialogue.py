"""``poise dialogue``: say something to the other side, and see where things stand."""

from __future__ import annotations

import argparse
from pathlib import Path

from poise.cli import at_dialogue, at_table, dialogue_pages, signing

_Verbs = argparse._SubParsersAction


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``poise dialogue`` to the command line."""
    parser = subparsers.add_parser(
        "dialogue",
        help="goals, profiles, disagreements, promises, survey, board page",
        description="What the two say to each other about their work, on the ledger. docs/dialogue.md plays "
        "a year of it.",
    )
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    say = verbs.add_parser("say", help="put an act on the ledger, such as goal.proposed or promise.made")
    say.add_argument("kind", metavar="KIND", help="what it is; docs/dialogue.md lists all kinds")
    say.add_argument("fields", nargs="*", metavar="FIELD=VALUE", help="its fields, right after the kind")
    say.add_argument("--file", type=Path, metavar="FILE", help="YAML or JSON with the fields")
    at_table.add_party(say)
    at_table.add_key(say)
    at_table.add_common(say)
    say.set_defaults(run=run_say)
    _add_sealed(verbs)
    _add_escalate(verbs)
    dialogue_pages.add_parsers(verbs)


def _add_sealed(verbs: _Verbs[argparse.ArgumentParser]) -> None:
    seal = verbs.add_parser("seal", help="answer the survey, or guess the other's priorities, unseen for now")
    seal.add_argument("what", choices=("survey", "guess"), help="what is answered")
    seal.add_argument("fields", nargs="*", metavar="ITEM=ANSWER", help="1 to 5 by item; guesses=A,B,C")
    seal.add_argument("--file", type=Path, metavar="FILE", help="YAML or JSON with the answers")
    seal.add_argument("--quarter", metavar="QUARTER", help="such as 2026Q1 (default: that of --now)")
    seal.add_argument(
        "--out", type=Path, required=True, metavar="FILE", help="the sealed file, for you to keep"
    )
    at_table.add_party(seal)
    at_table.add_key(seal)
    at_table.add_common(seal)
    seal.set_defaults(run=run_seal)


def _add_escalate(verbs: _Verbs[argparse.ArgumentParser]) -> None:
    escalate = verbs.add_parser(
        "escalate",
        help="write the page that goes up, for both to sign; or go alone, visibly",
        description="Both positions in their own words and Poise's prices on one page. Without --alone it is "
        "a draft that one person of each side signs (poise ledger sign, then add).",
    )
    escalate.add_argument("id", metavar="ID", help="of the disagreement")
    escalate.add_argument("--wanted", default="", metavar="TEXT", help="the decision wanted from above")
    escalate.add_argument(
        "--alone", action="store_true", help="one-sided: recorded at once, and shown as such"
    )
    escalate.add_argument("--by", default="", metavar="PERSON", help="whose draft it is; one of its signers")
    escalate.add_argument("--out", type=Path, metavar="FILE", help="the draft (default: escalate-ID.json)")
    at_table.add_party(escalate)
    at_table.add_key(escalate)
    at_table.add_common(escalate)
    escalate.set_defaults(run=run_escalate)


def run_say(arguments: argparse.Namespace) -> int:
    """Run ``poise dialogue say``."""
    body = {**at_dialogue.read_body(arguments.file, arguments.fields), "party": arguments.party}
    with at_dialogue.talk(arguments, create=True) as at:
        keys, holder = at_dialogue.signer(arguments, at)
        return signing.added(arguments, at.conversation.say(arguments.kind, body, keys, holder))


def run_seal(arguments: argparse.Namespace) -> int:
    """Run ``poise dialogue seal``."""
    from poise.dialogue.sealing import keep
    from poise.dialogue.survey import quarter_of
    from poise.errors import Fault, LedgerError
    from poise.table.files import write_private

    answers = at_dialogue.read_body(arguments.file, arguments.fields)
    if arguments.out.exists():
        raise LedgerError(Fault("E704", str(arguments.out), "would be overwritten; nothing was done."))
    with at_dialogue.talk(arguments, create=True) as at:
        keys, holder = at_dialogue.signer(arguments, at)
        quarter = arguments.quarter or quarter_of(at.conversation.now)
        given = answers if arguments.what == "survey" else answers.get("guesses", [])
        kept = keep(arguments.what, arguments.party, quarter, given)
        at.conversation.check(f"{kept.what}.sealed", kept.sealed_body)
        write_private(arguments.out, kept.to_bytes())
        at.conversation.seal(kept, keys, holder)
    text = f"Sealed for {quarter}. Keep {arguments.out}; hand it on once the other side has answered.\n"
    return at_table.show(arguments, {"quarter": quarter, "kept": str(arguments.out)}, text)


def run_escalate(arguments: argparse.Namespace) -> int:
    """Run ``poise dialogue escalate``."""
    from poise.dialogue.conversation import joint_draft
    from poise.dialogue.escalation import compose_page

    with at_dialogue.talk(arguments) as at:
        keys, holder = at_dialogue.signer(arguments, at)
        page = compose_page(
            at.conversation.state, arguments.id, at.conversation.now, at.prospect(), arguments.wanted
        )
        body = {"party": arguments.party, "disagreement": arguments.id, "page": page}
        if arguments.alone:
            return signing.added(arguments, at.conversation.say("escalation.alone", body, keys, holder))
        author = holder or arguments.by or arguments.party
        draft = joint_draft(at.conversation, body, author, at.table.ledger.draft)
        for key in keys:
            draft = draft.signed(key)
        return signing.hand_on(arguments, draft, arguments.out or Path(f"escalate-{arguments.id}.json"))
