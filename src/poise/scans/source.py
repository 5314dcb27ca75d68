"""Opening a report: what is in the file, whatever it is called.

Packing (gzip, gzip in gzip, zip) is seen by the first bytes, never by the name. What comes
out is a byte stream that can be opened again and again, so that a reader may take two
passes, and its opening as text, by which :mod:`poise.scans.detect` tells the format.

Text
----
XML declares its own encoding and is handed to the parser as bytes. JSON is UTF-8. CSV is
UTF-8 too, but tools on Windows export it as Windows-1252; a CSV reader passes
``fallback="cp1252"`` to :meth:`Source.text_encoding`, which applies it only to a file that is
not UTF-8, to the whole of the file, strictly, and tells so with fault E416. A byte-order mark
(UTF-8, UTF-16, UTF-32) always decides. No character is ever replaced.
"""

from __future__ import annotations

import codecs
import io
import re
import stat
from collections.abc import Callable
from functools import cached_property, partial
from pathlib import Path
from typing import IO, TextIO

from poise.errors import Fault, ScanFormatError
from poise.scans.unpack import (
    BLOCK_BYTES,
    DEFAULT_LIMITS,
    GZIP_MAGIC,
    ZIP_MAGICS,
    Limits,
    Progress,
    list_zip,
    open_file,
    open_gzip,
    open_member,
)

#: Bytes read for the opening by which a format is told.
HEAD_BYTES = 128 * 1024

#: Characters of each member in the opening of a zip bundle.
_MEMBER_HEAD_CHARACTERS = 4_096

#: A gzip file inside a gzip file happens when a download was packed twice; more is not a report.
_GZIP_LAYERS = 2

# UTF-32 first: its little-endian mark begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_XML_DECLARATION = re.compile(rb"\s*<\?xml[^>]*?encoding\s*=\s*[\"']([A-Za-z0-9._-]+)[\"']")


class Source:
    """An opened report.

    Made by :func:`open_source`; `members` of a zip bundle are sources themselves.

    Attributes
    ----------
    path : Path
        The file on disk.
    name : str
        What people call it in faults: the path, and ``path!member`` inside a zip of several files.
    limits : Limits
        What this report may cost; readers keep to them.
    members : tuple[Source, ...]
        The files of a zip bundle of two or more; empty for every other file.
    member_name : str
        The file's name inside its zip; empty outside one.
    """

    def __init__(
        self,
        path: Path,
        name: str,
        opener: Callable[[], IO[bytes]],
        limits: Limits = DEFAULT_LIMITS,
        members: tuple[Source, ...] = (),
        member_name: str = "",
    ) -> None:
        self.path = path
        self.member_name = member_name
        self.name = name
        self.limits = limits
        self.members = members
        self._opener = opener
        self._bad_bytes: dict[str, int | None] = {}

    def __repr__(self) -> str:
        return f"Source({self.name!r})"

    def where(self, place: str | int = "") -> str:
        """Return the file and a place in it, as faults say it: ``"scan.csv:line 7"``."""
        return f"{self.name}:{place}" if place != "" else self.name

    def fault(self, id: str, message: str, place: str | int = "", hint: str = "", web: str = "") -> Fault:
        """Return a fault at a place of this report, for a record that is listed and left out."""
        return Fault(id, self.where(place), message, hint, web)

    def refusal(
        self, id: str, message: str, place: str | int = "", hint: str = "", web: str = ""
    ) -> ScanFormatError:
        """Return the error that refuses this report as a whole; the caller raises it."""
        return ScanFormatError(self.fault(id, message, place, hint, web))

    def open_binary(self) -> IO[bytes]:
        """Open the report's unpacked bytes from the start, as often as wanted.

        Raises
        ------
        ScanFormatError
            Here or while reading: E400, E402 (damaged or cut off), E408 (bomb).
        """
        return self._opener()

    @cached_property
    def is_bundle(self) -> bool:
        """Whether this is a zip of several files, which only a ``zip`` format reads as one."""
        return bool(self.members)

    @cached_property
    def start(self) -> bytes:
        """The first 128 KiB of the unpacked bytes, or the whole report."""
        with self.open_binary() as stream:
            return stream.read(HEAD_BYTES)

    @cached_property
    def head(self) -> str:
        """The opening as text, for telling the format only; never for data.

        Bytes that are not of the expected encoding are read as Latin-1 here, and refused with their
        place once a reader opens the text. The opening of a zip bundle is its list of members,
        each as ``"--- NAME"`` on a line and its own opening below, after a first line ``"PK"``.
        """
        if self.members:
            parts = (f"--- {m.member_name}\n{m.head[:_MEMBER_HEAD_CHARACTERS]}" for m in self.members)
            return "PK\n" + "\n".join(parts)
        declared = _XML_DECLARATION.match(self.start)
        encoding = self._marked_encoding() or (declared.group(1).decode("ascii") if declared else "utf-8")
        try:
            decoder = codecs.getincrementaldecoder(encoding)()
            return decoder.decode(self.start).removeprefix("\ufeff")
        except (UnicodeDecodeError, LookupError):
            return self.start.decode("latin-1")

    def text_encoding(self, fallback: str | None = None) -> tuple[str, Fault | None]:
        """Return the encoding of the text, and what the reader must tell about it.

        The whole report is decoded once for this, so that a wrong byte is known before the first
        record is given out.

        Parameters
        ----------
        fallback
            Encoding for a report that has no byte-order mark and is not UTF-8; for CSV ``"cp1252"``.

        Returns
        -------
        tuple[str, Fault | None]
            A codec for :meth:`open_text`, and fault E416 where the fallback was taken.

        Raises
        ------
        ScanFormatError
            E403 with the first wrong byte.
        """
        marked = self._marked_encoding()
        encoding = marked or "utf-8"
        bad = self._first_bad_byte(encoding)
        if bad is None:
            return encoding, None
        if fallback and not marked and self._first_bad_byte(fallback) is None:
            return fallback, self.fault(
                "E416",
                f"The text is not UTF-8 at byte {bad:,}; it was read as {fallback}.",
                f"byte {bad}",
                "Export as UTF-8 if accented letters look wrong.",
            )
        expected = "UTF-8" if not marked else f"{encoding.upper()}, as its byte-order mark says"
        raise self.refusal(
            "E403",
            f"Byte {bad:,} (0x{self._byte_at(bad):02x}) is not {expected}.",
            f"byte {bad}",
            "Export the report as UTF-8.",
        )

    def open_text(self, fallback: str | None = None, newline: str | None = "") -> TextIO:
        """Open the report as text, without its byte-order mark.

        Parameters
        ----------
        fallback
            As for :meth:`text_encoding`.
        newline
            As for :func:`open`; the default leaves line ends alone, as :mod:`csv` wants.

        Raises
        ------
        ScanFormatError
            E403 with the first wrong byte, and what :meth:`open_binary` raises.
        """
        encoding, _ = self.text_encoding(fallback)
        return io.TextIOWrapper(self.open_binary(), encoding=encoding, newline=newline)

    def _marked_encoding(self) -> str | None:
        """Return the encoding that a byte-order mark, or the zeros of UTF-16 without one, tell."""
        start = self.start[:4]
        for mark, encoding in _MARKS:
            if start.startswith(mark):
                return encoding
        # The first two characters of a report are ASCII, so UTF-16 shows by where its zeros are.
        if len(start) == 4 and start[1] == start[3] == 0 and start[0] and start[2]:
            return "utf-16-le"
        if len(start) == 4 and start[0] == start[2] == 0 and start[1] and start[3]:
            return "utf-16-be"
        return None

    def _first_bad_byte(self, encoding: str) -> int | None:
        """Return the offset of the first byte that is not in `encoding`, or ``None``."""
        if encoding not in self._bad_bytes:
            self._bad_bytes[encoding] = self._find_bad_byte(encoding)
        return self._bad_bytes[encoding]

    def _find_bad_byte(self, encoding: str) -> int | None:
        decoder = codecs.getincrementaldecoder(encoding)()
        offset = 0
        with self.open_binary() as stream:
            while True:
                block = stream.read(BLOCK_BYTES)
                pending = len(decoder.getstate()[0])
                try:
                    decoder.decode(block, final=not block)
                except UnicodeDecodeError as error:
                    return offset - pending + error.start
                if not block:
                    return None
                offset += len(block)

    def _byte_at(self, offset: int) -> int:
        with self.open_binary() as stream:
            left = offset
            while left > 0 and (block := stream.read(min(left, BLOCK_BYTES))):
                left -= len(block)
            return (stream.read(1) or b"\0")[0]


def open_source(
    path: str | Path,
    *,
    limits: Limits = DEFAULT_LIMITS,
    progress: Progress | None = None,
) -> Source:
    """Open a report, seeing through gzip and through a zip of one file.

    Parameters
    ----------
    path
        The file.
    limits
        What the report may cost.
    progress
        Called with the position in the file and its size [bytes].

    Returns
    -------
    Source
        The report; one with `members` for a zip of several files.

    Raises
    ------
    ScanFormatError
        E400 (missing, a directory, unreadable), E401 (empty), E402, E408 or E415 (archives).
    """
    path = Path(path)
    name = str(path)
    size = _readable_size(path, name)

    def opener() -> IO[bytes]:
        return open_file(path, size, progress)

    return _peel(Source(path, name, opener, limits), size, 0)


def _readable_size(path: Path, name: str) -> int:
    """Return the file's size [bytes] after making sure that it can be read."""
    try:
        mode = path.stat().st_mode
        if stat.S_ISREG(mode):
            with path.open("rb") as stream:
                size = stream.seek(0, io.SEEK_END)
    except FileNotFoundError as error:
        raise ScanFormatError(Fault("E400", name, "There is no such file.")) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ScanFormatError(Fault("E400", name, f"The file cannot be read: {reason}.")) from error
    if not stat.S_ISREG(mode):
        # A pipe could block for ever, and a report may need two passes.
        seen = "a directory" if stat.S_ISDIR(mode) else "a pipe or device"
        raise ScanFormatError(
            Fault("E400", name, f"This is {seen}, not a file.", "Name the report files themselves.")
        )
    if not size:
        raise ScanFormatError(Fault("E401", name, "The file is empty.", "Export the report again."))
    return size


def _peel(source: Source, packed_bytes: int, layers: int) -> Source:
    """Return the source with its packing taken off."""
    start = source.start
    if not start:
        raise source.refusal("E401", "The archive holds an empty file.", hint="Export the report again.")
    if start.startswith(GZIP_MAGIC):
        if layers >= _GZIP_LAYERS:
            message = f"The file is packed more than {_GZIP_LAYERS} times."
            raise source.refusal("E415", message, hint="Unpack it and pass the report.")
        opener = partial(_unzipped, source, packed_bytes)
        inner = Source(source.path, source.name, opener, source.limits, member_name=source.member_name)
        return _peel(inner, packed_bytes, layers + 1)
    if start.startswith(ZIP_MAGICS):
        if layers:
            message = "A zip inside another archive is not read."
            raise source.refusal("E415", message, hint="Unpack the outer one and pass the zip.")
        return _peel_zip(source)
    return source


def _unzipped(source: Source, packed_bytes: int) -> IO[bytes]:
    return open_gzip(source.open_binary(), packed_bytes, source.name, source.limits)


def _peel_zip(source: Source) -> Source:
    """Return the one file of a zip, or the zip with its files as members."""
    with source.open_binary() as stream:
        infos = list_zip(stream, source.name, source.limits)
    if not infos:
        raise source.refusal("E401", "The zip holds no file.", hint="Export the report again.")
    members = []
    for info in infos:
        name = f"{source.name}!{info.filename}"

        def opener(info: object = info, name: str = name) -> IO[bytes]:
            return open_member(source.open_binary(), info, name, source.limits)  # type: ignore[arg-type]

        member = Source(source.path, name, opener, source.limits, member_name=info.filename)
        members.append((member, info.compress_size))
    if len(members) == 1:
        return _peel(*members[0], 1)
    return Source(
        source.path,
        source.name,
        source.open_binary,
        source.limits,
        tuple(_peel(member, packed_bytes, 1) for member, packed_bytes in members if member.start),
    )
