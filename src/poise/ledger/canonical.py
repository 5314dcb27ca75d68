"""Canonical JSON: one value, one sequence of bytes, one hash."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Final

import rfc8785

from poise.errors import Fault, LedgerError

#: Deepest nesting of a value. Nothing that people sign comes near it; a bomb does.
MAX_DEPTH: Final = 64

_NESTED: Final = (dict, list, tuple)
#: Whole numbers with this many characters are beyond 2**53 for certain.
_LONG: Final = 18


def canonical(value: Any, where: str = "value") -> bytes:
    """Return a JSON value in the form of RFC 8785: sorted keys, no spaces, shortest numbers, UTF-8.

    Parameters
    ----------
    value
        Made of dicts with text keys, lists, tuples, texts, numbers, booleans and None.
    where
        What an error names.

    Raises
    ------
    LedgerError
        E701 when no JSON can hold it: NaN, a whole number beyond 2**53, half a surrogate pair, another
        type, or nesting deeper than :data:`MAX_DEPTH`.
    """
    if _is_too_deep(value):
        raise _unwritable(where, f"it is nested deeper than {MAX_DEPTH}")
    try:
        return rfc8785.dumps(value)
    except ValueError as error:  # CanonicalizationError and UnicodeEncodeError are ValueErrors
        raise _unwritable(where, str(error)) from error


def parse(content: bytes, where: str) -> Any:
    """Return the value of a JSON text, canonical or not.

    Raises
    ------
    LedgerError
        E702 when it is no JSON, gives a key twice, or is nested deeper than :data:`MAX_DEPTH`.
    """
    try:
        value = json.loads(
            content.decode(), object_pairs_hook=_unique, parse_int=_number, parse_constant=_no_number
        )
    except RecursionError:
        raise _malformed(where, f"is nested deeper than {MAX_DEPTH}") from None
    except ValueError as error:  # JSONDecodeError and UnicodeDecodeError are ValueErrors
        raise _malformed(where, f"is no JSON text: {error}") from error
    if _is_too_deep(value):
        raise _malformed(where, f"is nested deeper than {MAX_DEPTH}")
    return value


def digest(content: bytes) -> str:
    """Return the SHA-256 of some bytes in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        raise ValueError("a key is given twice")
    return value


def _number(text: str) -> int | float:
    """Read a whole number as RFC 8785 means it: a double where it is beyond what a double holds exactly."""
    number = int(text) if len(text) < _LONG else float(text)
    return number if abs(number) < 2**53 else float(number)


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no JSON number")


def _is_too_deep(value: Any) -> bool:
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        level = [
            child
            for parent in level
            if isinstance(parent, _NESTED)
            for child in (parent.values() if isinstance(parent, dict) else parent)
        ]
        if not level:
            return False
    return True


def _unwritable(where: str, reason: str) -> LedgerError:
    return LedgerError(Fault("E701", where, f"cannot be written as canonical JSON: {reason}."))


def _malformed(where: str, reason: str) -> LedgerError:
    return LedgerError(Fault("E702", where, f"{reason}.", "Fetch the file again from where it came from."))
