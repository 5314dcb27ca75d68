"""The ``poise ledger`` commands: look at the record, add to it, prove it."""

from __future__ import annotations

import argparse
import json
import sys
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any

from poise.cli import signing
from poise.cli.workspace import ledger_path

if TYPE_CHECKING:
    from poise.ledger.record import Draft, Record
    from poise.ledger.store import Ledger
    from poise.ledger.verify import Verification

    _Verbs = argparse._SubParsersAction[argparse.ArgumentParser]


def add_parser(subparsers: _Verbs) -> None:
    """Add ``poise ledger`` to the command line."""
    parser = subparsers.add_parser(
        "ledger",
        help="the record that nobody can quietly change",
        description="The record that nobody can quietly change: signed, chained, append-only.",
    )
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    _add_reading(verbs)
    _add_proving(verbs)
    _add_writing(verbs)


def _add_reading(verbs: _Verbs) -> None:
    log = verbs.add_parser("log", help="list records")
    log.add_argument("--kind", metavar="KIND", help="only records of this kind")
    log.add_argument(
        "--last", type=_count, default=20, metavar="N", help="how many (default %(default)s; 0: all)"
    )
    signing.add_common(log)
    log.set_defaults(run=run_log)

    show = verbs.add_parser("show", help="one record, its signers, and what was added to it")
    show.add_argument("record", metavar="RECORD", help="its place, or at least 8 digits of its hash")
    signing.add_common(show)
    show.set_defaults(run=run_show)


def _add_proving(verbs: _Verbs) -> None:
    verify = verbs.add_parser(
        "verify",
        help="check every record, hash and signature; names the first broken one",
        description="Checks a ledger offline. Exit code 1 when it is broken, 4 when a signature is.",
        epilog="A chain alone cannot show that its end was cut off or that all of it was written anew; "
        "a checkpoint that somebody kept elsewhere can.",
    )
    verify.add_argument(
        "file", nargs="?", type=Path, metavar="FILE", help="an export (default: the workspace's)"
    )
    verify.add_argument(
        "--checkpoint",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="a checkpoint kept elsewhere",
    )
    verify.add_argument(
        "--trust", type=_key_id, action="append", default=[], metavar="KEY",
        help="id of a key that must have signed the checkpoints, as its holder gave it to you",
    )  # fmt: skip
    signing.add_common(verify)
    verify.set_defaults(run=run_verify)

    checkpoint = verbs.add_parser("checkpoint", help="sign how far the ledger reaches, to keep elsewhere")
    signing.add_key(checkpoint, "the signer's key")
    checkpoint.add_argument("--out", type=Path, required=True, metavar="FILE", help="where to write it")
    signing.add_common(checkpoint)
    signing.add_now(checkpoint)
    checkpoint.set_defaults(run=run_checkpoint)

    export = verbs.add_parser("export", help="write the whole ledger to one file")
    export.add_argument("file", type=Path, metavar="FILE", help="a new file, one record a line")
    signing.add_common(export)
    export.set_defaults(run=run_export)

    take = verbs.add_parser("import", help="make the workspace's ledger of an export that holds")
    take.add_argument("file", type=Path, metavar="FILE", help="an exported ledger")
    signing.add_common(take)
    take.set_defaults(run=run_import)


def _add_writing(verbs: _Verbs) -> None:
    from poise.cli.plan import moment

    draft = verbs.add_parser(
        "draft",
        help="prepare a record for others to sign",
        description="Writes a draft. agreement and erasure need the signatures of both parties; an erasure "
        "takes the bodies of the records it refers to out of the store.",
    )
    draft.add_argument("kind", metavar="KIND", help="such as agreement, erasure, note")
    draft.add_argument("body", type=Path, metavar="BODY.json", help="its content, a JSON object")
    draft.add_argument("--author", required=True, metavar="PERSON", help="who makes it")
    draft.add_argument(
        "--refers", action="append", default=[], metavar="RECORD", help="a record that it adds to, or erases"
    )
    draft.add_argument("--expires", type=moment, metavar="TIME", help="until when it may be added")
    draft.add_argument("--out", type=Path, required=True, metavar="FILE", help="where to write it")
    signing.add_common(draft)
    signing.add_now(draft)
    draft.set_defaults(run=run_draft)

    sign = verbs.add_parser("sign", help="show a draft and add a signature to it")
    sign.add_argument("draft", type=Path, metavar="DRAFT", help="the draft; it is replaced by the signed one")
    signing.add_key(sign, "the signer's key")
    signing.add_common(sign)
    sign.set_defaults(run=run_sign)

    add = verbs.add_parser("add", help="put a draft on the ledger")
    add.add_argument("draft", type=Path, metavar="DRAFT", help="with all its signatures")
    signing.add_common(add)
    signing.add_now(add)
    add.set_defaults(run=run_add)


def run_log(arguments: argparse.Namespace) -> int:
    """Print the last records, a line each."""
    with signing.open_ledger(arguments) as ledger:
        records = deque(ledger.records(kind=arguments.kind), maxlen=arguments.last or None)
        if arguments.json:
            print(json.dumps({"records": [signing.record_json(record) for record in records]}, indent=1))
            return 0
        people = {key.id: key.person for key in ledger.roster().keys.values()}
    print(f"{'place':>6} {'time (UTC)':16} {'kind':20} {'author':16} {'signed by':24} hash")
    for record in records:
        signed = ", ".join(people.get(one.keyid, "?") for one in record.signatures) or "-"
        erased = "  (erased)" if record.body is None else ""
        print(
            f"{record.sequence:>6} {record.time:%Y-%m-%d %H:%M} {record.statement.kind:20} "
            f"{record.statement.author:16} {signed:24} {record.hash[:16]}{erased}"
        )
    return 0


def run_show(arguments: argparse.Namespace) -> int:
    """Print one record."""
    with signing.open_ledger(arguments) as ledger:
        record = ledger.find(arguments.record)
        beside = ledger.beside(record.hash)
        signers = ledger.signers(record)
    if arguments.json:
        content = signing.record_json(record)
        signed = [
            {"person": one.person, "key": one.key, "roles": sorted(one.roles), "deputy_for": one.deputy_for}
            for one in signers
        ]
        hashes = [one.hash for one in beside]
        print(json.dumps({**content, "signers": signed, "added_later": hashes}, indent=1))
        return 0
    print(f"Record {record.sequence}, {record.time:%Y-%m-%d %H:%M:%S} UTC")
    print(f"  hash      {record.hash}")
    print(f"  previous  {record.previous}")
    _show_statement(record)
    for one in signers:
        deputy = "".join(f", deputy of {principal} ({role})" for role, principal in one.deputy_for)
        print(
            f"  signed    {one.person} ({', '.join(sorted(one.roles))}{deputy}) with {signing.short(one.key)}"
        )
    signing.show_body(record.body)
    for later in beside:
        print(f"Added later: record {later.sequence} ({later.statement.kind}), {later.hash[:16]}")
    return 0


def _show_statement(record: Record | Draft) -> None:
    statement = record.statement
    print(f"  kind      {signing.visible(statement.kind)}")
    print(f"  author    {signing.visible(statement.author)}, {statement.made:%Y-%m-%d %H:%M:%S} UTC")
    if statement.expires:
        print(f"  expires   {statement.expires:%Y-%m-%d %H:%M:%S} UTC")
    for one in statement.refers:
        print(f"  refers to {one}")


def run_verify(arguments: argparse.Namespace) -> int:
    """Verify a ledger; 0 when it holds, 1 when it is broken, 4 when a signature is."""
    from poise.cli.progress import progress_bar
    from poise.errors import InputError
    from poise.ledger.checkpoint import MAX_FILE_BYTES, read_checkpoint
    from poise.ledger.store import Ledger
    from poise.ledger.verify import read_small, verify_file

    if arguments.trust and not arguments.checkpoint:
        print("--trust needs --checkpoint: it says who must have signed that.", file=sys.stderr)
        return InputError.exit_code
    path = arguments.file or ledger_path(arguments.workspace)
    with progress_bar() as progress:
        if arguments.file and not _is_database(path):
            found = verify_file(path, arguments.checkpoint, arguments.trust, progress)
        else:
            kept = [
                read_checkpoint(read_small(one, MAX_FILE_BYTES), str(one)) for one in arguments.checkpoint
            ]
            with Ledger.open(path, create=False) as ledger:
                found = ledger.verify(kept, arguments.trust, progress)
    if arguments.json:
        print(json.dumps({"file": str(path), **found.as_dict()}, indent=1))
    else:
        _show_verification(path, found)
    return found.exit_code


def _is_database(path: Path) -> bool:
    """Return whether a file is a store and no export; a missing one is told by whoever reads it."""
    if not path.is_file():
        return False
    with path.open("rb") as stream:
        return stream.read(16) == b"SQLite format 3\0"


def _show_verification(path: Path, found: Verification) -> None:
    if found.broken is not None:
        print(f"{path}: BROKEN at record {found.broken.sequence}; {found.size} records were verified.")
        for fault in found.broken.faults:
            print(fault)
    else:
        last = f", to {found.head[:16]} of {found.time:%Y-%m-%d %H:%M} UTC" if found.time else ""
        print(f"{path}: {found.size} records hold{last}. {found.signed} are signed.")
    _list("Erased, by a signed record", found.erased)
    _list("Should have been erased, but are still there", found.unerased)
    _list("Contested, as signed by a key that was later revoked from before then", found.contested)
    if found.checkpoints:
        print(f"Checkpoints that hold: {found.checkpoints}.")
    elif found.broken is None:
        print("No checkpoint was given: a cut end, or a chain written anew, would not show.")


def _list(what: str, places: tuple[int, ...]) -> None:
    if places:
        print(f"{what}: {', '.join(map(str, places))}.")


def run_checkpoint(arguments: argparse.Namespace) -> int:
    """Sign a checkpoint of a ledger that holds."""
    from poise.errors import ChainError
    from poise.ledger.checkpoint import make_checkpoint

    with signing.open_ledger(arguments) as ledger:
        found = ledger.verify()
        if found.broken is not None:
            raise ChainError(found.broken.faults)
        key = signing.unlock(arguments.key)
        signing.holder_of(ledger.roster(), key.id)
        head = ledger.head
        envelope = make_checkpoint(head, key, signing.time_of(arguments))
    signing.write_new(arguments.out, envelope.to_bytes())
    if arguments.json:
        print(json.dumps({"file": str(arguments.out), "size": head.size, "head": head.hash}, indent=1))
    else:
        print(f"{arguments.out}: {head.size} records, to {head.hash}.")
        print("Keep it where nobody who administers this ledger can write.")
    return 0


def run_export(arguments: argparse.Namespace) -> int:
    """Write the ledger to a file."""
    from poise.ledger.transfer import export_file

    with signing.open_ledger(arguments) as ledger:
        size = export_file(ledger, arguments.file)
    print(
        json.dumps({"file": str(arguments.file), "size": size})
        if arguments.json
        else f"{arguments.file}: {size} records."
    )
    return 0


def run_import(arguments: argparse.Namespace) -> int:
    """Make a ledger of an export."""
    from poise.cli.progress import progress_bar
    from poise.ledger.transfer import import_file

    path = ledger_path(arguments.workspace)
    with progress_bar() as progress:
        found = import_file(arguments.file, path, progress)
    if arguments.json:
        print(json.dumps({"file": str(path), **found.as_dict()}, indent=1))
    else:
        _show_verification(path, found)
    return 0


def run_draft(arguments: argparse.Namespace) -> int:
    """Write a draft."""
    from poise.errors import Fault, LedgerError
    from poise.ledger.canonical import parse
    from poise.ledger.verify import read_small

    body: Any = parse(read_small(arguments.body, signing.MAX_DRAFT_BYTES), str(arguments.body))
    if not isinstance(body, dict):
        raise LedgerError(Fault("E703", str(arguments.body), "is no JSON object; expected {...}."))
    with signing.open_ledger(arguments) as ledger:
        refers = tuple(ledger.find(one).hash for one in arguments.refers)
        _check_holds(ledger, arguments.kind, refers)
        draft = ledger.draft(
            arguments.kind,
            arguments.author,
            body,
            now=signing.time_of(arguments),
            refers=refers,
            expires=arguments.expires,
        )
    return signing.hand_on(arguments, draft, arguments.out)


def run_sign(arguments: argparse.Namespace) -> int:
    """Show a draft, ask for the passphrase, and sign it."""
    draft = signing.read_draft_file(arguments.draft)
    _check_history(arguments, draft)
    if not arguments.json:
        print(f"You sign this draft, {arguments.draft}:")
        _show_statement(draft)
        signing.show_body(draft.body)
    signed = draft.signed(signing.unlock(arguments.key))
    signing.write_over(arguments.draft, signed.to_bytes())
    if arguments.json:
        print(json.dumps(signing.draft_json(signed, arguments.draft), indent=1))
    else:
        print(f"Signed by {', '.join(map(signing.short, signing.keys_of(signed)))}.")
    return 0


def _check_history(arguments: argparse.Namespace, draft: Draft) -> None:
    """Refuse a draft that was made on another history than the signer's own ledger has, if there is one."""
    from poise.errors import ChainError, Fault

    seen = draft.statement.seen
    if seen is None or not ledger_path(arguments.workspace).exists():
        return
    with signing.open_ledger(arguments) as ledger:
        own = ledger.hash_at(seen.sequence)
    if own is not None and own != seen.hash:
        message = f"was made on a ledger whose record {seen.sequence} is not the one of yours."
        hint = "Do not sign it before you know which of the two ledgers was changed."
        raise ChainError(Fault("E727", str(arguments.draft), message, hint))


def run_add(arguments: argparse.Namespace) -> int:
    """Put a draft on the ledger."""
    draft = signing.read_draft_file(arguments.draft)
    with signing.open_ledger(arguments) as ledger:
        _check_holds(ledger, draft.statement.kind, draft.statement.refers)
        record = ledger.add(draft, now=signing.time_of(arguments))
    if record.statement.kind == "agreement":
        from poise.cli.trade import after_agreement

        return after_agreement(arguments, record)
    return signing.added(arguments, record)


def _check_holds(ledger: Ledger, kind: str, refers: tuple[str, ...]) -> None:
    """Raise E838 when an erasure would take what a legal hold keeps."""
    from poise.incident.room import check_holds
    from poise.ledger.chain import ERASURE

    if kind == ERASURE:
        check_holds(ledger, refers)


def _count(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 0 on")
    return int(text)


def _key_id(text: str) -> str:
    from poise.ledger.keys import KEY_ID

    if not KEY_ID.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no key id; expected ed25519: and 64 digits")
    return text
