"""What the commands at the table share: options, the session, money and prices in words."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import is_dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from poise.cli import signing
from poise.cli.workspace import ledger_path, workspace_directory

if TYPE_CHECKING:
    from poise.ledger.keys import SigningKey
    from poise.table.ground import Ground
    from poise.table.limits import Limit
    from poise.table.session import Session
    from poise.table.solving import Effort


def add_common(parser: argparse.ArgumentParser) -> None:
    """Add the options of every command at the table."""
    from poise.cli.plan import moment

    parser.add_argument(
        "--workspace",
        metavar="DIR",
        help="where the table and its ledger are (default: POISE_HOME, else .poise)",
    )
    parser.add_argument("--now", type=moment, metavar="TIME", help="the time that counts (default: now)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def add_effort(parser: argparse.ArgumentParser) -> None:
    """Add the options of commands that solve."""
    from poise.cli.plan import count, positive, seed

    parser.add_argument("--seconds", type=positive, default=30.0, metavar="S", help="limit of one solve (30)")
    parser.add_argument(
        "--rounds", type=count, default=2, metavar="N", help="how hard to look: steps of each solve (2)"
    )
    parser.add_argument("--threads", type=count, default=2, metavar="N", help="solves at the same time (2)")
    parser.add_argument("--seed", type=seed, default=0, metavar="N", help="of the solver (0)")


def add_key(parser: argparse.ArgumentParser) -> None:
    """Add ``--key``, with which a record is signed."""
    parser.add_argument("--key", type=Path, metavar="FILE", help="sign the record with this key")


def add_party(parser: argparse.ArgumentParser) -> None:
    """Add ``--party``."""
    parser.add_argument("--party", required=True, choices=("operations", "security"), help="whose it is")


def in_company_time(at: Session, moment: datetime | None) -> datetime | None:
    """Return a time of the command line; one without a zone is the company's."""
    from zoneinfo import ZoneInfo

    if moment is None or moment.tzinfo is not None:
        return moment
    return moment.replace(tzinfo=ZoneInfo(at.ground.timezone))


def company_time(at: Session, moment: datetime) -> datetime:
    """Return a time where the company is."""
    from zoneinfo import ZoneInfo

    return moment.astimezone(ZoneInfo(at.ground.timezone))


def limit_words(at: Session, limit: Limit) -> str:
    """Return what a limit says, in company time."""
    from zoneinfo import ZoneInfo

    from poise.table.limits import sentence

    return sentence(limit, at.ground.currency, ZoneInfo(at.ground.timezone))


def effort_of(arguments: argparse.Namespace) -> Effort:
    """Return how hard to look."""
    from poise.table.solving import Effort

    return Effort(arguments.seconds, arguments.rounds, arguments.threads, arguments.seed)


@contextmanager
def session(arguments: argparse.Namespace, *, create: bool = False) -> Iterator[Session]:
    """Open the workspace's table and ledger."""
    from poise.ledger.store import Ledger
    from poise.table.session import Session

    folder = workspace_directory(arguments.workspace)
    if create:
        folder.mkdir(parents=True, exist_ok=True)
    with Ledger.open(ledger_path(arguments.workspace), create=create) as ledger:
        yield Session(folder / "table", ledger, signing.time_of(arguments))


def signer(arguments: argparse.Namespace, at: Session) -> tuple[tuple[SigningKey, ...], str]:
    """Return the keys to sign with and their holder; none and "" without ``--key``."""
    if arguments.key is None:
        return (), ""
    key = signing.unlock(arguments.key)
    return (key,), signing.holder_of(at.ledger.roster(), key.id)


def check_speaker(arguments: argparse.Namespace, at: Session, party: str) -> None:
    """Refuse a ``--key`` that does not count now, or does not speak for a party; without one say nothing."""
    from poise.errors import Fault, SignatureError

    roster = at.ledger.roster()
    for key in signer(arguments, at)[0]:
        if not roster.keys[key.id].counts(at.now):
            text, hint = "does not count at this time.", "poise key list shows since and until when keys do."
            raise SignatureError(Fault("E741", f"key of {roster.keys[key.id].person}", text, hint))
        roster.check_side(key.id, party, at.now)


def show(arguments: argparse.Namespace, value: Any, text: str) -> int:
    """Print a value as JSON, or its text."""
    sys.stdout.write(
        json.dumps(plain(value), indent=1, ensure_ascii=False) + "\n" if arguments.json else text
    )
    return 0


def void_words(void: Sequence[str]) -> str:
    """Return a line about records that were written past a room; nothing where there are none."""
    if not void:
        return ""
    names = ", ".join(one[:16] for one in void)
    return f"Records that were no possible step at their place, and change nothing: {names}\n"


def plain(value: Any) -> Any:
    """Return a value made of JSON's own types; numbers that JSON lacks become null."""
    import math

    import msgspec
    import numpy as np

    if isinstance(value, msgspec.Struct):
        return msgspec.to_builtins(value)
    if is_dataclass(value) and not isinstance(value, type):
        return {name: plain(item) for name, item in _fields(value).items()}
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in (sorted(value) if isinstance(value, set | frozenset) else value)]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return value


def _fields(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__dataclass_fields__}


def plan_json(ground: Ground, plan: Any) -> dict[str, str | None]:
    """Return a plan as change ids with the start of their windows."""
    from poise.table.agreement import plan_by_names

    return plan_by_names(ground, plan)


def money(value: float, currency: str) -> str:
    """Return money as people read it: three digits and the currency."""
    from poise.cli.tables import money as short

    return f"{currency} {short(value)}"
