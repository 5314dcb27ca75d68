"""The record that nobody can quietly change.

What a pipeline needs to verify a signed document stands in ``canonical``, ``keys`` and ``envelope``, which
import nothing heavy. So the names below, which other rooms and a notebook use, are imported on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from poise.ledger.checkpoint import make_checkpoint, read_checkpoint
    from poise.ledger.keyfile import read_key, write_key
    from poise.ledger.keys import SigningKey
    from poise.ledger.parties import two_party
    from poise.ledger.record import Draft, Record, read_draft
    from poise.ledger.store import Ledger
    from poise.ledger.transfer import import_file
    from poise.ledger.verify import Verification, verify_file

_HOMES = {
    "Draft": "record",
    "Ledger": "store",
    "Record": "record",
    "SigningKey": "keys",
    "Verification": "verify",
    "import_file": "transfer",
    "make_checkpoint": "checkpoint",
    "read_checkpoint": "checkpoint",
    "read_draft": "record",
    "read_key": "keyfile",
    "two_party": "parties",
    "verify_file": "verify",
    "write_key": "keyfile",
}

__all__ = [
    "Draft",
    "Ledger",
    "Record",
    "SigningKey",
    "Verification",
    "import_file",
    "make_checkpoint",
    "read_checkpoint",
    "read_draft",
    "read_key",
    "two_party",
    "verify_file",
    "write_key",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'poise.ledger' has no attribute {name!r}")
    return getattr(import_module(f"poise.ledger.{_HOMES[name]}"), name)
