"""Files of a table: what people write, what is kept for one user only, landmarks between two commands."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from datetime import date, datetime
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import yaml

from poise.bargain.certify import Certificate
from poise.errors import Fault, TableError
from poise.ledger.canonical import digest
from poise.table.ground import Ground, as_plan
from poise.table.landmarks import Landmark, Landmarks
from poise.table.solving import Costs

#: Largest file of limits or terms that anybody writes by hand [bytes].
MAX_BYTES = 1_000_000
_HINT = "docs/negotiation.md shows such a file."
#: How msgspec names a place in a list of limits.
_PLACE = re.compile(r" - at `\$\.limits\[(\d+)\](?:\.(\w+))?[^`]*`")
_T = TypeVar("_T")


def read_document(content: bytes, kind: type[_T], where: str) -> _T:
    """Return what a YAML or JSON file says, as a position, as terms, or as plain values.

    Raises
    ------
    TableError
        E550 when it is none.
    """
    if len(content) > MAX_BYTES:
        text = f"It has {len(content):,} bytes; expected at most {MAX_BYTES:,}."
        raise TableError(Fault("E550", where, text))
    try:
        # Anchors and aliases make bombs, and nobody writes them by hand.
        if any(isinstance(token, yaml.AnchorToken | yaml.AliasToken) for token in yaml.scan(content)):
            raise ValueError("it uses YAML anchors, which it never needs")
        value = yaml.safe_load(content)
        if value is None:
            raise ValueError("it is empty")
        return msgspec.convert(_with_times(value), kind, strict=False)
    except msgspec.ValidationError as error:
        reason = _PLACE.sub(lambda found: _place(value, found), str(error))
        raise TableError(Fault("E550", where, f"The file cannot be read: {reason}.", _HINT)) from error
    except (yaml.YAMLError, ValueError, RecursionError, OverflowError, TypeError) as error:
        reason = " ".join(str(error).split())
        raise TableError(Fault("E550", where, f"The file cannot be read: {reason}.", _HINT)) from error


def _limits_in(value: Any) -> list[Any]:
    limits = value.get("limits") if isinstance(value, dict) else None
    return limits if isinstance(limits, list) else []


def _with_times(value: Any) -> Any:
    """Return a document whose limits' times are times, as people write them: seconds may be left out.

    Raises
    ------
    ValueError
        For a day without a time: where the company is, is not for a file to guess.
    """
    for limit in _limits_in(value):
        for name in ("start", "end") if isinstance(limit, dict) else ():
            written = limit.get(name)
            if isinstance(written, str):
                with suppress(ValueError):  # refused later, with its place
                    limit[name] = datetime.fromisoformat(written)
            if isinstance(limit.get(name), date) and not isinstance(limit[name], datetime):
                raise ValueError(
                    f"limit {limit.get('id')}, {name} is {limit[name]}; "
                    "expected a time with its zone such as 2026-01-08T00:00+01:00"
                )
    return value


def _place(value: Any, found: re.Match[str]) -> str:
    """Return a place in a list of limits by the limit's id."""
    number, name = int(found[1]), found[2]
    limit = _limits_in(value)[number]
    known = limit.get("id") if isinstance(limit, dict) else None
    return f", in limit {known or number + 1}" + (f", {name}" if name else "")


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only this user may read, in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}.part")
    with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    partial.replace(path)


def read_ground(path: Path, content_digest: str) -> Ground:
    """Return the ground of a file.

    Raises
    ------
    TableError
        E556 when it cannot be read or is not the one with that digest.
    """
    hint = "Restore it from a backup: the ledger holds its digest, not its content."
    try:
        content = path.read_bytes()
        if digest(content) != content_digest:
            raise TableError(Fault("E556", str(path), "This is not the file the ledger names.", hint))
        return msgspec.json.decode(content, type=Ground)
    except OSError as error:
        text = f"The file of the table cannot be read: {error.strerror}."
        raise TableError(Fault("E556", str(path), text, hint)) from error
    except msgspec.DecodeError as error:
        raise TableError(Fault("E556", str(path), f"The file cannot be read: {error}.", hint)) from error


def landmarks_file(found: Landmarks) -> bytes:
    """Return landmarks as a file."""
    return msgspec.json.encode(
        {
            "default": vars(found.default),
            "points": [
                {**vars(point), "plan": point.plan.window.tolist(), "costs": vars(point.costs)}
                for point in found.points
            ],
            "certificate": None if found.certificate is None else msgspec.to_builtins(found.certificate),
        }
    )


def read_landmarks(path: Path) -> Landmarks:
    """Return the landmarks of a file.

    Raises
    ------
    TableError
        E556 when it is damaged.
    """
    try:
        value = msgspec.json.decode(path.read_bytes())
        return Landmarks(
            Costs(**value["default"]),
            tuple(
                Landmark(**{**point, "plan": as_plan(point["plan"]), "costs": Costs(**point["costs"])})
                for point in value["points"]
            ),
            None if value["certificate"] is None else Certificate(**value["certificate"]),
        )
    except (msgspec.DecodeError, KeyError, TypeError, ValueError) as error:
        hint = "Delete it: it is computed anew."
        raise TableError(Fault("E556", str(path), f"The file cannot be read: {error}.", hint)) from error
