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

import re
from collections.abc import Iterator
from functools import cache
from json import JSONDecodeError
from json.decoder import JSONDecoder
from typing import Any, Final, Literal, NoReturn, TextIO

import msgspec

from poise.errors import Fault, ScanFormatError

#: How much text is read at once, in characters.
CHUNK_CHARACTERS: Final = 1 << 19
#: The longest single value that is decoded whole, in characters. The largest records that scanners write
#: (OSV entries of the Linux kernel) have about a million; 8 Mi characters of ``{},`` need 200 MB as objects.
ELEMENT_CHARACTERS: Final = 8 << 20

JsonKind = Literal["object", "array", "text", "number", "literal"]

_BLANKS = re.compile(r"[ \t\n\r]*")
_FIRST_KEY = re.compile(r'\{[ \t\n\r]*"[^"\\\x00-\x1f]*"[ \t\n\r]*:')
_KINDS: Final[dict[str, JsonKind]] = {
    "{": "object",
    "[": "array",
    '"': "text",
    **dict.fromkeys("-0123456789", "number"),
    **dict.fromkeys("tfn", "literal"),
}
#: How near to the end of the text read so far a fault may stand and still come from the cut: the longest
#: literals are "-Infinity" and an escaped pair of surrogates with 12 characters.
_CUT_MARGIN: Final = 16


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number that JSON has")


_decoder_of: Final = cache(msgspec.json.Decoder)
_decoder: Final = JSONDecoder(parse_constant=_refuse_constant)


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
        self._stream = stream
        self._name = name
        self._chunk = chunk_characters
        self._limit = element_characters
        self._text = ""
        self._at = 0
        self._ended = False
        #: Lines before the text held now, and characters of the last of them.
        self._lines = 0
        self._column = 0
        #: Whether a value stands at the cursor that nobody has taken yet.
        self._waiting = True

    @property
    def place(self) -> str:
        """Return where the cursor stands: file, line and column, both from 1."""
        return self._place_of(self._at)

    @property
    def line(self) -> int:
        """Return the line of the cursor, from 1."""
        return self._lines + self._text.count("\n", 0, self._at) + 1

    def kind(self) -> JsonKind:
        """Return what kind of value stands at the cursor, and take nothing.

        Raises
        ------
        ScanFormatError
            When no value stands there.
        """
        sign = self._peek()
        found = _KINDS.get(sign)
        if found is None:
            self._malformed(self._at, f"expected a value, found {_shown(sign)}")
        return found

    def value(self) -> Any:
        """Take the value at the cursor, decoded whole.

        Raises
        ------
        ScanFormatError
            When it is malformed, nested too deep or longer than the limit.
        """
        self._peek()
        self._waiting = False
        return self._decode()

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
                self._fault("E406", self._at, f"The key {key!r} stands twice in one object, expected once.")
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
        if self._peek() == "]":
            self._at += 1
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
        decoder = _decoder_of(list[kind] if kind else list[Any])  # type: ignore[valid-type]
        if not self._enter("[", "a list"):
            return
        if self._peek() == "]":
            self._at += 1
            return
        tried = ""
        while True:
            held = self._text
            self._peek()
            yield self._decode()
            end = self._at
            if self._next_or_close("]"):
                return
            if held is self._text and held is not tried and self._text[self._at] == "{":
                tried = held
                batch = self._batch(end, decoder)
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
        sign = self._peek()
        if sign:
            self._malformed(self._at, f"expected the end of the file, found {_shown(sign)}")

    def documents(self) -> Iterator[None]:
        """Walk JSON documents one behind another (JSON lines): yield with the cursor at each.

        Blank lines between documents do not matter, nor does a line break inside one.
        """
        while self._peek():
            self._waiting = True
            yield None
            if self._waiting:
                self.skip()

    def _batch(self, end: int, decoder: msgspec.json.Decoder[list[Any]]) -> list[Any]:
        """Decode many alike objects at once, which is three times as fast; empty where that is not safe.

        Where the next element begins is guessed: the sign for it is what stood between the last two, first
        key included. The guess is proven by decoding, because a part of a list is only a list of its own when
        it is cut between two elements. The faster decoder never decides on a fault: what it refuses is
        decoded again, one by one.

        Parameters
        ----------
        end
            Where the element before the cursor ended.
        decoder
            Decodes the elements together, as a list.
        """
        opening = _FIRST_KEY.match(self._text, self._at)
        if opening is None:
            return []
        cut = self._text.rfind(self._text[end - 1 : opening.end()], self._at) + 1
        if not 0 < cut - self._at <= self._limit:
            return []
        try:
            found = decoder.decode(f"[{self._text[self._at : cut]}]")
        except (msgspec.MsgspecError, RecursionError):
            return []
        self._at = cut
        return found

    def _keys(self) -> Iterator[str]:
        if not self._enter("{", "an object"):
            return
        if self._peek() == "}":
            self._at += 1
            return
        while True:
            if self._peek() != '"':
                self._malformed(self._at, f"expected a key in quotes, found {_shown(self._peek())}")
            key: str = self._decode()
            if self._peek() != ":":
                self._malformed(self._at, f"expected a colon, found {_shown(self._peek())}")
            self._at += 1
            self._peek()
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
        if self._text[self._at] == bracket:
            self._at += 1
            return True
        start = self.place
        found = self._decode()
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
        sign = self._peek()
        if sign == ",":
            self._at += 1
            if self._peek() == bracket:
                self._malformed(self._at, f"expected a value behind the comma, found {_shown(bracket)}")
            return False
        if sign != bracket:
            self._malformed(self._at, f"expected a comma or {bracket!r}, found {_shown(sign)}")
        self._at += 1
        return True

    def _peek(self) -> str:
        """Move over blanks and return the next character, empty at the end of the file."""
        while True:
            match = _BLANKS.match(self._text, self._at)
            assert match is not None
            self._at = match.end()
            if self._at < len(self._text):
                return self._text[self._at]
            if self._ended:
                return ""
            self._fill(self._chunk)

    def _fill(self, characters: int) -> None:
        chunk = self._stream.read(characters)
        if not chunk:
            self._ended = True
            return
        breaks = self._text.count("\n", 0, self._at)
        if breaks:
            self._lines += breaks
            self._column = self._at - self._text.rindex("\n", 0, self._at) - 1
        else:
            self._column += self._at
        self._text = self._text[self._at :] + chunk
        self._at = 0

    def _decode(self) -> Any:
        """Decode the value at the cursor, reading on for as long as the text may only be cut."""
        read = self._chunk
        while True:
            problem = ""
            place = self._at
            try:
                found, end = _decoder.raw_decode(self._text, self._at)
            except JSONDecodeError as error:
                problem, place = error.msg, error.pos
            except RecursionError:
                self._fault(
                    "E409", self._at, "The value that begins here is nested too deep to be a report's record."
                )
            except ValueError as error:
                self._malformed(self._at, str(error))
            else:
                # A number at the very end may go on in the next chunk: "1" of "1.5e3".
                if self._ended or len(self._text) - end >= 4 or not isinstance(found, int | float):
                    return self._take(found, end)
            if problem and (self._ended or not self._may_be_cut(problem, place)):
                self._malformed(place, problem)
            if len(self._text) - self._at > self._limit:
                self._too_long()
            self._fill(read)
            read *= 2

    def _take(self, found: Any, end: int) -> Any:
        start = self._at
        if end - start > self._limit:
            self._too_long()
        self._at = end
        if self._text.find("\\ud", start, end) >= 0 or self._text.find("\\uD", start, end) >= 0:
            return _without_lone_surrogates(found)
        return found

    def _may_be_cut(self, problem: str, place: int) -> bool:
        return problem.startswith("Unterminated string") or place >= len(self._text) - _CUT_MARGIN

    def _too_long(self) -> NoReturn:
        self._fault(
            "E409",
            self._at,
            f"The value that begins here is longer than {self._limit:,} characters, or never ends.",
        )

    def _malformed(self, at: int, problem: str) -> NoReturn:
        if self._ended and at >= len(self._text):
            problem = f"the file ends inside the document ({problem})"
        self._fault("E406", at, f"This is not JSON: {problem[0].lower()}{problem[1:]}.")

    def _fault(self, identifier: str, at: int, message: str) -> NoReturn:
        hint = (
            "The export was cut or edited by hand; export the report again." if identifier == "E406" else ""
        )
        raise ScanFormatError(Fault(identifier, self._place_of(at), message, hint))

    def _place_of(self, at: int) -> str:
        breaks = self._text.count("\n", 0, at)
        column = at - self._text.rindex("\n", 0, at) - 1 if breaks else self._column + at
        return f"{self._name}:{self._lines + breaks + 1}:{column + 1}"


def _shown(sign: str) -> str:
    return repr(sign) if sign else "the end of the file"


def _named(kind: JsonKind) -> str:
    return {"object": "an object", "array": "a list", "literal": "true or false"}.get(kind, f"a {kind}")


def _without_lone_surrogates(value: Any) -> Any:
    """Replace halves of surrogate pairs by U+FFFD: they are no characters and cannot be written out."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_without_lone_surrogates(part) for part in value]
    if isinstance(value, dict):
        return {_without_lone_surrogates(key): _without_lone_surrogates(part) for key, part in value.items()}
    return value
