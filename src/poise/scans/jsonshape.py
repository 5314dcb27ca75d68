"""What the opening of a JSON report shows: which keys stand where.

Formats are told by structure, so a sniffer asks for paths such as ``"matches[].artifact"`` and not for words
that may stand anywhere in a text.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from poise.errors import ScanFormatError
from poise.scans.jsonstream import JsonCursor

#: How deep the walk goes; every format is told by its outer levels.
_DEPTH: Final = 6
#: Elements of one array that are looked at: records of one array are alike.
_ELEMENTS: Final = 8
_TEXT_CHARACTERS: Final = 200


@lru_cache(maxsize=8)
def shape_of(head: str) -> Mapping[str, str]:
    """Return the paths of a JSON opening and what stands at them.

    Parameters
    ----------
    head
        Decoded opening of a file, which may be cut anywhere, and which may be no JSON at all.

    Returns
    -------
    Mapping
        From paths (``""`` is the document, ``"Results[].Target"`` a member of any of the first eight
        elements) to ``"{}"``, ``"[]"``, or the first value seen there as text, cut at 200 characters.
        Empty for what does not begin as JSON.
    """
    found: dict[str, str] = {}
    cursor = JsonCursor(io.StringIO(head), "", chunk_characters=max(1, len(head)))
    try:
        _explore(cursor, "", found, _DEPTH)
    except ScanFormatError:
        # The opening ends here, or is not JSON from here on; what was seen counts, and the reader
        # will say where the fault stands.
        return found
    return found


def _explore(cursor: JsonCursor, path: str, found: dict[str, str], depth: int) -> None:
    kind = cursor.kind()
    if kind == "object":
        found.setdefault(path, "{}")
        if depth:
            for key in cursor.members():
                _explore(cursor, f"{path}.{key}" if path else key, found, depth - 1)
            return
    elif kind == "array":
        found.setdefault(path, "[]")
        if depth:
            for index in cursor.elements():
                if index < _ELEMENTS:
                    _explore(cursor, f"{path}[]", found, depth - 1)
            return
    else:
        value = cursor.value()
        found.setdefault(path, "null" if value is None else str(value)[:_TEXT_CHARACTERS])
        return
    cursor.skip()
