"""Passphrases, keys and drafts at the command line."""

from __future__ import annotations

import argparse
import getpass
import json
import os
import sys
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from poise.cli.workspace import ledger_path

if TYPE_CHECKING:
    from poise.ledger.keys import SigningKey
    from poise.ledger.record import Draft, Record
    from poise.ledger.roster import Roster
    from poise.ledger.store import Ledger

#: Variables that hold a passphrase when nobody is there to type it; with _FILE added, the name of a file.
PASSPHRASE, NEW_PASSPHRASE = "POISE_PASSPHRASE", "POISE_NEW_PASSPHRASE"
#: Largest draft [bytes]: a record with its envelope in base64.
MAX_DRAFT_BYTES = 1 << 26
#: Longest body [lines] that is shown before it is signed.
LINES_SHOWN = 60


def add_common(parser: argparse.ArgumentParser) -> None:
    """Add the options of every command about the ledger."""
    parser.add_argument(
        "--workspace",
        metavar="DIR",
        help="the ledger is DIR/ledger.sqlite (default: POISE_HOME, else .poise)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def add_now(parser: argparse.ArgumentParser) -> None:
    """Add ``--now``, for commands that depend on time."""
    from poise.cli.plan import moment

    parser.add_argument("--now", type=moment, metavar="TIME", help="the time that counts (default: now)")


def add_key(parser: argparse.ArgumentParser, help: str) -> None:
    """Add ``--key``."""
    parser.add_argument("--key", type=Path, required=True, metavar="FILE", help=help)


def time_of(arguments: argparse.Namespace) -> datetime:
    """Return the time that counts."""
    now: datetime | None = arguments.now
    return now or datetime.now(UTC)


def open_ledger(arguments: argparse.Namespace, *, create: bool = False) -> Ledger:
    """Open the workspace's ledger."""
    from poise.ledger.store import Ledger

    return Ledger.open(ledger_path(arguments.workspace), create=create)


def passphrase_for(path: Path, *, new: bool = False, variable: str = PASSPHRASE) -> str:
    """Return a passphrase from the environment, a file named there, or the terminal.

    It is never an argument: those are seen by everybody on the machine and kept in histories.

    Raises
    ------
    LedgerError
        E700 when the file cannot be read, E706 without any source, E707 when a new one is too short.
    """
    from poise.errors import Fault, LedgerError
    from poise.ledger.keyfile import check_passphrase
    from poise.ledger.verify import read_small

    named = os.environ.get(f"{variable}_FILE")
    if named:
        lines = read_small(Path(named), 4096).decode("utf-8", "replace").splitlines()
        passphrase = lines[0] if lines else ""
    elif variable in os.environ:
        passphrase = os.environ[variable]
    elif variable != PASSPHRASE and not sys.stdin.isatty():
        return passphrase_for(path, new=new)
    elif sys.stdin.isatty():
        passphrase = getpass.getpass(f"{'New passphrase' if new else 'Passphrase'} for {path}: ")
        if new and getpass.getpass("Once more: ") != passphrase:
            raise LedgerError(Fault("E706", "passphrase", "the two are not the same.", "Nothing was done."))
    else:
        hint = f"Type it at a terminal, or set {variable}_FILE to a file that only you can read."
        raise LedgerError(Fault("E706", str(path), "needs a passphrase, and there is nobody to ask.", hint))
    if new:
        check_passphrase(passphrase)
    return passphrase


def unlock(path: Path) -> SigningKey:
    """Return a signer's key, asking for its passphrase."""
    from poise.ledger.keyfile import key_id_of, read_key

    key_id_of(path)  # a file that is no key is told before anybody types
    return read_key(path, passphrase_for(path))


def unlock_or_make(path: Path, variable: str = PASSPHRASE) -> SigningKey:
    """Return the key of a file, which is made when there is none."""
    from poise.ledger.keyfile import write_key
    from poise.ledger.keys import SigningKey

    if path.exists():
        return unlock(path)
    passphrase, key = passphrase_for(path, new=True, variable=variable), SigningKey.generate()
    write_key(path, key, passphrase)
    return key


def holder_of(roster: Roster, key_id: str) -> str:
    """Return whose key it is.

    Raises
    ------
    SignatureError
        E741 when it was never enrolled.
    """
    from poise.errors import Fault, SignatureError

    if key_id not in roster.keys:
        raise SignatureError(Fault("E741", key_id, "is not enrolled here.", "See poise key list."))
    return roster.keys[key_id].person


def read_draft_file(path: Path) -> Draft:
    """Return the draft of a file."""
    from poise.ledger.record import read_draft
    from poise.ledger.verify import read_small

    return read_draft(read_small(path, MAX_DRAFT_BYTES), str(path))


def check_new(path: Path) -> None:
    """Raise E704 when a file is there already."""
    from poise.errors import Fault, LedgerError

    if path.exists():
        fault = Fault("E704", str(path), "exists already and is not overwritten.", "Name another file.")
        raise LedgerError(fault)


def write_new(path: Path, content: bytes) -> None:
    """Write a file that must not be there yet.

    Raises
    ------
    LedgerError
        E704 when it is.
    """
    check_new(path)
    try:
        with path.open("xb") as stream:
            stream.write(content)
    except FileExistsError:  # it came meanwhile
        check_new(path)
        raise


def write_over(path: Path, content: bytes) -> None:
    """Replace a file in one step: whoever reads sees the old one or the new one.

    Raises
    ------
    OSError
        With the name that was asked for, not that of the draft beside it.
    """
    try:
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".draft-") as folder:
            draft = Path(folder, path.name)
            draft.write_bytes(content)
            draft.replace(path)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error


def hand_on(arguments: argparse.Namespace, draft: Draft, path: Path) -> int:
    """Write a draft that others must sign, and say what to do with it."""
    write_new(path, draft.to_bytes())
    if arguments.json:
        print(json.dumps(draft_json(draft, path), indent=1))
    else:
        signed = ", ".join(map(short, keys_of(draft))) or "nobody yet"
        print(f"{path}: draft of {draft.statement.kind}, signed by {signed}.")
        print(f"Each other signer:  poise ledger sign {path} --key THEIR_KEY")
        print(f"Then:               poise ledger add {path}")
    return 0


def added(arguments: argparse.Namespace, record: Record) -> int:
    """Say which record was added."""
    if arguments.json:
        print(json.dumps(record_json(record), indent=1))
    else:
        print(f"Record {record.sequence} ({record.statement.kind}) is on the ledger: {record.hash}")
    return 0


def keys_of(draft: Draft) -> list[str]:
    """Return the ids of the keys that have signed a draft."""
    return [signature.key_id for signature in draft.envelope.signatures]


def draft_json(draft: Draft, path: Path) -> dict[str, Any]:
    """Return a draft as ``--json`` prints it."""
    import msgspec

    statement: dict[str, Any] = msgspec.to_builtins(draft.statement)
    return {"draft": str(path), **statement, "body": draft.body, "signed_by": keys_of(draft)}


def record_json(record: Record) -> dict[str, Any]:
    """Return a record as ``--json`` prints it: what an exported line holds."""
    import msgspec

    values: dict[str, Any] = msgspec.to_builtins(record)
    return values


def show_body(body: Mapping[str, Any] | None) -> None:
    """Print a body with every character visible, so that nobody signs what a terminal hides."""
    if body is None:
        print("  (erased)")
        return
    # A body may sum itself up; that stands first, whatever the order of its names.
    first = {"summary": body["summary"]} if "summary" in body else {}
    lines = visible(json.dumps({**first, **body}, indent=1, ensure_ascii=False)).split("\n")
    for line in lines[:LINES_SHOWN]:
        print(f"  {line}")
    if len(lines) > LINES_SHOWN:
        print(f"  ... and {len(lines) - LINES_SHOWN} more lines; --json prints all.")


def visible(text: str) -> str:
    """Return a text with control and direction marks spelled out."""
    return "".join(sign if sign.isprintable() or sign == "\n" else f"\\u{ord(sign):04x}" for sign in text)


def short(key_id: str) -> str:
    """Return the first digits of a key id or hash, as people compare them."""
    name, _, digits = key_id.rpartition(":")
    return f"{name}:{digits[:16]}" if name else digits[:16]
