"""The part of a JSON text that is held: reading on, decoding at a place, and saying where a fault is."""

from __future__ import annotations

import re
from functools import cache
from json import JSONDecodeError
from json.decoder import JSONDecoder
from typing import Any, Final, NoReturn, TextIO

import msgspec

from poise.errors import Fault, ScanFormatError

_BLANKS = re.compile(r"[ \t\n\r]*")
_FIRST_KEY = re.compile(r'\{[ \t\n\r]*"[^"\\\x00-\x1f]*"[ \t\n\r]*:')
#: How near to the end of the text read so far a fault may stand and still come from the cut: the longest
#: literals are "-Infinity" and an escaped pair of surrogates with 12 characters.
_CUT_MARGIN: Final = 16


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number that JSON has")


decoder_of: Final = cache(msgspec.json.Decoder)
_decoder: Final = JSONDecoder(parse_constant=_refuse_constant)


class JsonText:
    """A window on a JSON text that moves forward.

    Parameters
    ----------
    stream
        The decoded text.
    name
        The file's name, for the place of a fault.
    chunk_characters
        How much is read at once.
    element_characters
        The longest value that is decoded whole.

    Attributes
    ----------
    held : str
        The text in the window; replaced when more is read.
    at : int
        The place in it.
    """

    def __init__(self, stream: TextIO, name: str, chunk_characters: int, element_characters: int) -> None:
        self._stream = stream
        self.name = name
        self._chunk = chunk_characters
        self._limit = element_characters
        self.held = ""
        self.at = 0
        self._ended = False
        #: Lines before the text held now, and characters of the last of them.
        self._lines = 0
        self._column = 0

    def peek(self) -> str:
        """Move over blanks and return the next character, empty at the end of the file."""
        while True:
            match = _BLANKS.match(self.held, self.at)
            assert match is not None
            self.at = match.end()
            if self.at < len(self.held):
                return self.held[self.at]
            if self._ended:
                return ""
            self._fill(self._chunk)

    def _fill(self, characters: int) -> None:
        chunk = self._stream.read(characters)
        if not chunk:
            self._ended = True
            return
        breaks = self.held.count("\n", 0, self.at)
        if breaks:
            self._lines += breaks
            self._column = self.at - self.held.rindex("\n", 0, self.at) - 1
        else:
            self._column += self.at
        self.held = self.held[self.at :] + chunk
        self.at = 0

    def decode(self) -> Any:
        """Decode the value at the cursor, reading on for as long as the text may only be cut."""
        read = self._chunk
        while True:
            problem = ""
            place = self.at
            try:
                found, end = _decoder.raw_decode(self.held, self.at)
            except JSONDecodeError as error:
                problem, place = error.msg, error.pos
            except RecursionError:
                self.fault(
                    "E409", self.at, "The value that begins here is nested too deep to be a report's record."
                )
            except ValueError as error:
                self.malformed(str(error))
            else:
                # A number at the very end may go on in the next chunk: "1" of "1.5e3".
                if self._ended or len(self.held) - end >= 4 or not isinstance(found, int | float):
                    return self._take(found, end)
            if problem and (self._ended or not self._may_be_cut(problem, place)):
                self.malformed(problem, place)
            if len(self.held) - self.at > self._limit:
                self._too_long()
            self._fill(read)
            read *= 2

    def _take(self, found: Any, end: int) -> Any:
        start = self.at
        if end - start > self._limit:
            self._too_long()
        self.at = end
        if self.held.find("\\ud", start, end) >= 0 or self.held.find("\\uD", start, end) >= 0:
            return _without_lone_surrogates(found)
        return found

    def _may_be_cut(self, problem: str, place: int) -> bool:
        return problem.startswith("Unterminated string") or place >= len(self.held) - _CUT_MARGIN

    def _too_long(self) -> NoReturn:
        self.fault(
            "E409",
            self.at,
            f"The value that begins here is longer than {self._limit:,} characters, or never ends.",
        )

    def malformed(self, problem: str, at: int | None = None) -> NoReturn:
        """Refuse the text for what stands at a place, by default at the current one."""
        at = self.at if at is None else at
        if self._ended and at >= len(self.held):
            problem = f"the file ends inside the document ({problem})"
        self.fault("E406", at, f"This is not JSON: {problem[0].lower()}{problem[1:]}.")

    def fault(self, identifier: str, at: int, message: str) -> NoReturn:
        """Refuse the text with a fault at a place."""
        hint = (
            "The export was cut or edited by hand; export the report again." if identifier == "E406" else ""
        )
        raise ScanFormatError(Fault(identifier, f"{self.name}:{self.place_of(at)}", message, hint))

    def place_of(self, at: int) -> str:
        """Return line and column of a place in the held text, both from 1, as ``"17:5"``."""
        breaks = self.held.count("\n", 0, at)
        column = at - self.held.rindex("\n", 0, at) - 1 if breaks else self._column + at
        return f"{self._lines + breaks + 1}:{column + 1}"

    def decode_batch(self, end: int, decoder: msgspec.json.Decoder[list[Any]]) -> list[Any]:
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
        opening = _FIRST_KEY.match(self.held, self.at)
        if opening is None:
            return []
        cut = self.held.rfind(self.held[end - 1 : opening.end()], self.at) + 1
        if not 0 < cut - self.at <= self._limit:
            return []
        try:
            found = decoder.decode(f"[{self.held[self.at : cut]}]")
        except (msgspec.MsgspecError, RecursionError):
            return []
        self.at = cut
        return found


def shown(sign: str) -> str:
    """Return a character as faults name it; empty is the end of the file."""
    return repr(sign) if sign else "the end of the file"


def _without_lone_surrogates(value: Any) -> Any:
    """Replace halves of surrogate pairs by U+FFFD: they are no characters and cannot be written out."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_without_lone_surrogates(part) for part in value]
    if isinstance(value, dict):
        return {_without_lone_surrogates(key): _without_lone_surrogates(part) for key, part in value.items()}
    return value
