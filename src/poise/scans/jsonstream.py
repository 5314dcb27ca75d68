"""Walking a JSON file of any size in flat memory.

A report is one huge document: a little about the scan, and arrays with millions of records.
:class:`JsonCursor` stands at one place of the text and only moves forward.  The caller walks the
containers on the way to the records (:meth:`~JsonCursor.members`, :meth:`~JsonCursor.elements`) and takes
each record whole (:meth:`~JsonCursor.value`), which the standard library's C scanner decodes.  What the
caller does not take is passed over, and still checked::

    for key in cursor.members():
        if key == "Results":
            for result in cursor.values():
                ...

The text is RFC 8259 JSON: NaN and Infinity, control characters inside strings and anything behind the
document are refused.  So is a key that stands twice in one walked object, because nobody can say which of the
two is meant.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, Literal, TextIO

import msgspec

from poise.errors import Fault, ScanFormatError
from poise.scans.jsontext import JsonText, decoder_of, shown

#: How much text is read at once, in characters.
CHUNK_CHARACTERS: Final = 1 << 19
#: The longest single value that is decoded whole, in characters. The largest records that scanners write
#: (OSV entries of the Linux kernel) have about a million; 8 Mi characters of ``{},`` need 200 MB as objects.
ELEMENT_CHARACTERS: Final = 8 << 20

JsonKind = Literal["object", "array", "text", "number", "literal"]

_KINDS: Final[dict[str, JsonKind]] = {
    "{": "object",
    "[": "array",
    '"': "text",
    **dict.fromkeys("-0123456789", "number"),
    **dict.fromkeys("tfn", "literal"),
}


class _Unread(msgspec.Struct):
    """A record of which nothing is kept; decoding still checks it."""


class JsonCursor:
    """A place in a JSON text that only moves forward.

    Parameters
    ----------
    stream
        The decoded text.
    name
        The file's name, for the place of a fault.
    chunk_characters
        How much is read at once, at least 1.
    element_characters
        The longest value that :meth:`value` decodes whole.

    Notes
    -----
    Memory is bounded by a few times ``chunk_characters`` plus the largest single value.  An iterator that is
    left early leaves the cursor inside its container: nothing may follow.
    """

    def __init__(
        self,
        stream: TextIO,
        name: str,
        *,
        chunk_characters: int = CHUNK_CHARACTERS,
        element_characters: int = ELEMENT_CHARACTERS,
    ) -> None:
        self._text = JsonText(stream, name, chunk_characters, element_characters)
        #: Whether a value stands at the cursor that nobody has taken yet.
        self._waiting = True

    @property
    def place(self) -> str:
        """Return where the cursor stands: line and column, both from 1, as ``"17:5"``."""
        return self._text.place_of(self._text.at)

    def kind(self) -> JsonKind:
        """Return what kind of value stands at the cursor, and take nothing.

        Raises
        ------
        ScanFormatError
            When no value stands there.
        """
        sign = self._text.peek()
        found = _KINDS.get(sign)
        if found is None:
            self._text.malformed(f"expected a value, found {shown(sign)}")
        return found

    def value(self) -> Any:
        """Take the value at the cursor, decoded whole.

        Raises
        ------
        ScanFormatError
            When it is malformed, nested too deep or longer than the limit.
        """
        self._text.peek()
        self._waiting = False
        return self._text.decode()

    def members(self) -> Iterator[str]:
        """Walk the object at the cursor: yield each key with the cursor at its value.

        ``null`` is an object without members, as Go programs write it.

        Raises
        ------
        ScanFormatError
            When the text is malformed, when no object stands here, or when a key comes twice.
        """
        seen: set[str] = set()
        for key in self._keys():
            if key in seen:
                self._text.fault(
                    "E406", self._text.at, f"The key {key!r} stands twice in one object, expected once."
                )
            seen.add(key)
            yield key

    def elements(self) -> Iterator[int]:
        """Walk the array at the cursor: yield each index with the cursor at its element.

        ``null`` is an array without elements, as Go programs write it.

        Raises
        ------
        ScanFormatError
            When the text is malformed, or when no array stands here.
        """
        if not self._enter("[", "a list"):
            return
        index = 0
        if self._text.peek() == "]":
            self._text.at += 1
            return
        while True:
            self._waiting = True
            yield index
            if self._waiting:
                self.skip()
            index += 1
            if self._next_or_close("]"):
                return

    def values(self, kind: type[Any] | None = None) -> Iterator[Any]:
        """Walk the array at the cursor: yield each element decoded whole.

        Parameters
        ----------
        kind
            A ``msgspec.Struct`` that most elements fit. Elements then come out as this type where they
            were decoded together, and as plain JSON otherwise: ``msgspec.convert`` takes both.
        """
        decoder = decoder_of(list[kind] if kind else list[Any])  # type: ignore[valid-type]
        if not self._enter("[", "a list"):
            return
        if self._text.peek() == "]":
            self._text.at += 1
            return
        tried = ""
        while True:
            held = self._text.held
            self._text.peek()
            yield self._text.decode()
            end = self._text.at
            if self._next_or_close("]"):
                return
            another = held is self._text.held and held is not tried
            if another and held.startswith("{", self._text.at):
                tried = held
                batch = self._text.decode_batch(end, decoder)
                if batch:
                    yield from batch
                    if self._next_or_close("]"):
                        return

    def skip(self) -> None:
        """Pass over the value at the cursor; an array or object is decoded piece by piece."""
        kind = self.kind()
        if kind == "object":
            for _ in self._keys():
                self.value()
        elif kind == "array":
            for _ in self.values(_Unread):
                pass
        else:
            self.value()

    def end(self) -> None:
        """Check that nothing but blanks follows the document.

        Raises
        ------
        ScanFormatError
            When something does.
        """
        if self._waiting:
            self.skip()
        sign = self._text.peek()
        if sign:
            self._text.malformed(f"expected the end of the file, found {shown(sign)}")

    def documents(self) -> Iterator[None]:
        """Walk JSON documents one behind another (JSON lines): yield with the cursor at each.

        Blank lines between documents do not matter, nor does a line break inside one.
        """
        while self._text.peek():
            self._waiting = True
            yield None
            if self._waiting:
                self.skip()

    def _keys(self) -> Iterator[str]:
        if not self._enter("{", "an object"):
            return
        if self._text.peek() == "}":
            self._text.at += 1
            return
        while True:
            if self._text.peek() != '"':
                self._text.malformed(f"expected a key in quotes, found {shown(self._text.peek())}")
            key: str = self._text.decode()
            if self._text.peek() != ":":
                self._text.malformed(f"expected a colon, found {shown(self._text.peek())}")
            self._text.at += 1
            self._text.peek()
            self._waiting = True
            yield key
            if self._waiting:
                self.skip()
            if self._next_or_close("}"):
                return

    def _enter(self, bracket: str, expected: str) -> bool:
        """Step into a container; say False for ``null``."""
        self._waiting = False
        kind = self.kind()
        if self._text.held[self._text.at] == bracket:
            self._text.at += 1
            return True
        start = f"{self._text.name}:{self.place}"
        found = self._text.decode()
        if found is None:
            return False
        raise ScanFormatError(
            Fault(
                "E412",
                start,
                f"Here stands {_named(kind)}, expected {expected}.",
                "The file is not of the format that its beginning promises; export it again.",
            )
        )

    def _next_or_close(self, bracket: str) -> bool:
        """Step over a comma or the closing bracket; say whether it was the bracket."""
        sign = self._text.peek()
        if sign == ",":
            self._text.at += 1
            if self._text.peek() == bracket:
                self._text.malformed(f"expected a value behind the comma, found {shown(bracket)}")
            return False
        if sign != bracket:
            self._text.malformed(f"expected a comma or {bracket!r}, found {shown(sign)}")
        self._text.at += 1
        return True


def _named(kind: JsonKind) -> str:
    return {"object": "an object", "array": "a list", "literal": "true or false"}.get(kind, f"a {kind}")
