"""The ``poise key`` commands: whose key counts, for what, from when to when."""

from __future__ import annotations

import argparse
import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from poise.cli import signing

if TYPE_CHECKING:
    from poise.ledger.roster import Key, Roster

    _Verbs = argparse._SubParsersAction[argparse.ArgumentParser]

#: As in poise.ledger.keyrecords, which --help does not wait for; a test holds the two together.
ROLES = ("operations", "security", "chair", "owner", "deputy", "witness")


def add_parser(subparsers: _Verbs) -> None:
    """Add ``poise key`` to the command line."""
    parser = subparsers.add_parser(
        "key",
        help="signers' keys: enrol, rotate, revoke, name and recall a deputy",
        description="Signers' keys. Each is a file of its holder, encrypted with a passphrase that nobody "
        "else has. Whose key counts is a record of the ledger.",
        epilog="A passphrase is asked for at the terminal, or comes from POISE_PASSPHRASE_FILE or "
        "POISE_PASSPHRASE; it is never an argument.",
    )
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    _add_enrol(verbs)
    _add_rotate_and_revoke(verbs)
    _add_deputy(verbs)
    _add_recall(verbs)
    listing = verbs.add_parser("list", help="whose key counts, for what, and who is deputy")
    signing.add_common(listing)
    signing.add_now(listing)
    listing.set_defaults(run=run_list)


def _add_enrol(verbs: _Verbs) -> None:
    enrol = verbs.add_parser(
        "enrol",
        help="put somebody's key on the ledger; the first one starts it",
        description="Signs the enrolment with the person's own key, which is made when there is none. The "
        "first person of a ledger is on it at once. For all others a draft is written, for others to sign: "
        "one of those before, while operations or security have no key; then two people of two different "
        "roles of operations, security, chair.",
    )
    enrol.add_argument("person", metavar="PERSON", help="short name: a-z, 0-9, and . _ @ -")
    enrol.add_argument(
        "--role", action="append", required=True, choices=ROLES, help="may be given several times"
    )
    signing.add_key(enrol, "the person's key file; made when it is not there")
    enrol.add_argument("--name", metavar="NAME", help="how the person is called (default: PERSON)")
    _add_out(enrol)
    signing.add_common(enrol)
    signing.add_now(enrol)
    enrol.set_defaults(run=run_enrol)


def _add_rotate_and_revoke(verbs: _Verbs) -> None:
    from poise.cli.plan import moment

    rotate = verbs.add_parser("rotate", help="go on with a new key; the old one and the new one sign")
    signing.add_key(rotate, "the key so far")
    rotate.add_argument(
        "--new-key", type=Path, required=True, metavar="FILE", help="the new key file, made now"
    )
    signing.add_common(rotate)
    signing.add_now(rotate)
    rotate.set_defaults(run=run_rotate)

    revoke = verbs.add_parser(
        "revoke",
        help="a key counts no more, from a time on",
        description="The holder alone ends a key from now on. For others, and for a time in the past, a "
        "draft is written that two people of two different roles of operations, security, chair sign.",
    )
    revoke.add_argument("person", metavar="PERSON", help="whose key")
    signing.add_key(revoke, "the key of whoever revokes it")
    revoke.add_argument("--id", metavar="KEY", help="which key (default: the one that counts)")
    revoke.add_argument(
        "--since", type=moment, metavar="TIME", help="from when it counts no more (default: now)"
    )
    revoke.add_argument("--reason", required=True, metavar="TEXT", help="why; it stays on the ledger")
    _add_out(revoke)
    signing.add_common(revoke)
    signing.add_now(revoke)
    revoke.set_defaults(run=run_revoke)


def _add_deputy(verbs: _Verbs) -> None:
    from poise.cli.plan import moment

    deputy = verbs.add_parser(
        "deputy",
        help="name who signs for you while you are away",
        description="Signed with the key of the principal, before the absence. The deputy has an own key.",
    )
    deputy.add_argument("deputy", metavar="PERSON", help="the deputy, who is enrolled")
    deputy.add_argument("--role", required=True, choices=ROLES, help="the principal's role")
    deputy.add_argument(
        "--from", dest="start", type=moment, metavar="TIME", help="first moment (default: now)"
    )
    deputy.add_argument("--until", type=moment, required=True, metavar="TIME", help="when it is over")
    deputy.add_argument("--reason", required=True, metavar="TEXT", help="why; it stays on the ledger")
    signing.add_key(deputy, "the principal's key")
    signing.add_common(deputy)
    signing.add_now(deputy)
    deputy.set_defaults(run=run_deputy)


def _add_recall(verbs: _Verbs) -> None:
    recall = verbs.add_parser(
        "recall",
        help="end a deputyship early",
        description="The principal's key does so at once; another's writes a draft that a second signs. "
        "What the deputy signed before stands.",
    )
    recall.add_argument("deputy", metavar="PERSON", help="the deputy")
    recall.add_argument("--role", required=True, choices=ROLES, help="the principal's role")
    recall.add_argument(
        "--for", dest="principal", metavar="PERSON", help="the principal (default: whose key)"
    )
    recall.add_argument("--reason", required=True, metavar="TEXT", help="why; it stays on the ledger")
    signing.add_key(recall, "the principal's key, or that of one of two who vouch")
    _add_out(recall)
    signing.add_common(recall)
    signing.add_now(recall)
    recall.set_defaults(run=run_recall)


def _add_out(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="where a draft goes (default: VERB-PERSON.json)"
    )


def run_enrol(arguments: argparse.Namespace) -> int:
    """Enrol a person, or write the draft of it."""
    out = arguments.out or Path(f"enrol-{arguments.person}.json")
    with signing.open_ledger(arguments, create=True) as ledger:
        if ledger.head.size:
            signing.check_new(out)  # before a key is made that nothing would enrol
        key = signing.unlock_or_make(arguments.key)
        body = {
            "person": arguments.person,
            "name": arguments.name or arguments.person,
            "roles": list(dict.fromkeys(arguments.role)),
            "key": key.id,
        }
        now = signing.time_of(arguments)
        draft = ledger.draft("key.enrol", arguments.person, body, now=now).signed(key)
        if ledger.head.size == 0:
            return signing.added(arguments, ledger.add(draft, now=now))
    return signing.hand_on(arguments, draft, out)


def run_rotate(arguments: argparse.Namespace) -> int:
    """Exchange a key for a new one."""
    with signing.open_ledger(arguments) as ledger:
        old = signing.unlock(arguments.key)
        person = signing.holder_of(ledger.roster(), old.id)
        new = signing.unlock_or_make(arguments.new_key, signing.NEW_PASSPHRASE)
        body = {"person": person, "old": old.id, "new": new.id}
        now = signing.time_of(arguments)
        return signing.added(arguments, ledger.append("key.rotate", person, body, now=now, keys=[old, new]))


def run_revoke(arguments: argparse.Namespace) -> int:
    """Revoke a key, or write the draft of it."""
    now = signing.time_of(arguments)
    since = arguments.since or now
    with signing.open_ledger(arguments) as ledger:
        roster = ledger.roster()
        revoked = arguments.id or _current(roster, arguments.person, now).id
        key = signing.unlock(arguments.key)
        author = signing.holder_of(roster, key.id)
        body = {"person": arguments.person, "key": revoked, "since": _utc(since), "reason": arguments.reason}
        draft = ledger.draft("key.revoke", author, body, now=now).signed(key)
        if author == arguments.person and since >= now:
            return signing.added(arguments, ledger.add(draft, now=now))
    return signing.hand_on(arguments, draft, arguments.out or Path(f"revoke-{arguments.person}.json"))


def run_deputy(arguments: argparse.Namespace) -> int:
    """Name a deputy."""
    now = signing.time_of(arguments)
    with signing.open_ledger(arguments) as ledger:
        key = signing.unlock(arguments.key)
        principal = signing.holder_of(ledger.roster(), key.id)
        body = {
            "principal": principal,
            "deputy": arguments.deputy,
            "role": arguments.role,
            "start": _utc(arguments.start or now),
            "end": _utc(arguments.until),
            "reason": arguments.reason,
        }
        return signing.added(arguments, ledger.append("key.deputy", principal, body, now=now, keys=[key]))


def run_recall(arguments: argparse.Namespace) -> int:
    """Recall a deputy, or write the draft of it."""
    now = signing.time_of(arguments)
    with signing.open_ledger(arguments) as ledger:
        key = signing.unlock(arguments.key)
        author = signing.holder_of(ledger.roster(), key.id)
        body = {
            "principal": arguments.principal or author,
            "deputy": arguments.deputy,
            "role": arguments.role,
            "reason": arguments.reason,
        }
        draft = ledger.draft("key.recall", author, body, now=now).signed(key)
        if body["principal"] == author:
            return signing.added(arguments, ledger.add(draft, now=now))
    return signing.hand_on(arguments, draft, arguments.out or Path(f"recall-{arguments.deputy}.json"))


def run_list(arguments: argparse.Namespace) -> int:
    """Print keys and deputies."""
    now = signing.time_of(arguments)
    with signing.open_ledger(arguments) as ledger:
        roster = ledger.roster()
    if arguments.json:
        print(json.dumps(_roster_json(roster, now), indent=1))
        return 0
    print(f"{'person':16} {'name':24} {'roles':24} {'enrolled':10} {'state':28} key")
    for key in roster.keys.values():
        name = signing.visible(roster.names.get(key.person, ""))
        roles = ", ".join(sorted(key.roles))
        print(f"{key.person:16} {name:24} {roles:24} {key.enrolled:%Y-%m-%d} {_state(key, now):28} {key.id}")
    for naming in roster.namings:
        terms = naming.terms
        span = f"from {terms.start:%Y-%m-%d %H:%M} until {terms.end:%Y-%m-%d %H:%M} UTC"
        reason = signing.visible(terms.reason)
        ended = f"; recalled {naming.recalled:%Y-%m-%d %H:%M} UTC" if naming.recalled else ""
        print(f"{terms.deputy} signs for {terms.principal} as {terms.role} {span}: {reason}{ended}")
    return 0


def _roster_json(roster: Roster, now: datetime) -> dict[str, Any]:
    import msgspec

    return {
        "keys": [
            {
                "person": key.person,
                "name": roster.names.get(key.person, ""),
                "roles": sorted(key.roles),
                "key": key.id,
                "enrolled": _utc(key.enrolled),
                "replaced": key.replaced,
                "revoked": _utc(key.revoked) if key.revoked else None,
                "counts": key.counts(now),
            }
            for key in roster.keys.values()
        ],
        "deputies": [
            {
                **msgspec.to_builtins(naming.terms),
                "recalled": _utc(naming.recalled) if naming.recalled else None,
            }
            for naming in roster.namings
        ],
    }


def _state(key: Key, now: datetime) -> str:
    if key.replaced:
        return "replaced"
    if key.revoked is None:
        return "counts"
    return f"{'revoked' if key.revoked <= now else 'counts until'} {key.revoked:%Y-%m-%d %H:%M}"


def _current(roster: Roster, person: str, now: datetime) -> Key:
    from poise.errors import Fault, SignatureError

    key = roster.key_of(person, now)
    if key is None:
        raise SignatureError(Fault("E741", person, "has no key that counts.", "See poise key list."))
    return key


def _utc(moment: datetime) -> str:
    from poise.ledger.record import whole_seconds

    return f"{whole_seconds(moment):%Y-%m-%dT%H:%M:%SZ}"
