"""Files of a table: what people write, what is kept for one user only, landmarks between two commands."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TypeVar

import msgspec
import yaml

from poise.bargain.certify import Certificate
from poise.errors import Fault, TableError
from poise.table.ground import as_plan
from poise.table.landmarks import Landmark, Landmarks
from poise.table.solving import Costs

#: Largest file of limits or terms that anybody writes by hand [bytes].
MAX_BYTES = 1_000_000
_HINT = "docs/negotiation.md shows such a file."
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
        return msgspec.convert(yaml.safe_load(content), kind, strict=False)
    except (yaml.YAMLError, ValueError, RecursionError, OverflowError, TypeError) as error:
        reason = " ".join(str(error).split())
        raise TableError(Fault("E550", where, f"The file cannot be read: {reason}.", _HINT)) from error


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only this user may read, in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}.part")
    with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    partial.replace(path)


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
