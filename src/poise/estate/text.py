"""Reading a small text file without trusting it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from poise.errors import EstateError, Fault


@dataclass(frozen=True, slots=True)
class Folder:
    """Where an estate lies, and from where the files that it names are counted.

    Parameters
    ----------
    path
        The folder.
    is_enclosed
        Whether files outside of it are refused, as for an estate that came over the network: its faults
        quote what stands in the files that it names.
    """

    path: Path
    is_enclosed: bool = False

    def file(self, name: str) -> Path:
        """Return where a file is that the estate names.

        Raises
        ------
        EstateError
            E100 when it lies outside of an enclosed folder, by its name; such a folder holds no links.
        """
        if self.is_enclosed and (os.path.isabs(name) or os.path.normpath(name).split(os.sep)[0] == os.pardir):
            message = "lies outside of the estate's own folder."
            hint = "put it beside the file that names it, and name it by its own name."
            raise EstateError(Fault("E100", name, message, hint))
        return self.path / name


#: Largest file that is read [bytes]. An estate of 5,000 patch groups takes about 2 MB.
MAX_FILE_BYTES = 20_000_000


def read_text(path: Path, name: str) -> str:
    """Return the file's text.

    Parameters
    ----------
    path
        The file.
    name
        How faults call it.

    Raises
    ------
    EstateError
        E100 (cannot be opened), E101 (not UTF-8, or binary), E102 (empty).
    """
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            size_mb = path.stat().st_size / 1e6
            raise EstateError(
                Fault(
                    "E100",
                    name,
                    f"the file holds {size_mb:,.0f} MB; expected at most {MAX_FILE_BYTES / 1e6:.0f} MB.",
                )
            )
        data = path.read_bytes()
    except (OSError, ValueError) as error:
        if isinstance(error, EstateError):
            raise
        reason = error.strerror if isinstance(error, OSError) else str(error)
        # Who uploads has no path to check: the file was not among those chosen.
        web = "choose it together with the file that names it, and upload all of them at once."
        hint = "check the path and its permissions."
        fault = Fault("E100", name, f"the file cannot be opened: {reason}.", hint, web)
        raise EstateError(fault) from error
    return decode(data, name)


def decode(data: bytes, name: str) -> str:
    """Return the text of UTF-8 bytes, without a byte order mark and with one kind of line end."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise EstateError(
            Fault(
                "E101", name, "the text is UTF-16; expected UTF-8.", "save the file as UTF-8 and try again."
            )
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise EstateError(
            Fault(
                "E101",
                f"{name}:{line}",
                f"byte 0x{data[error.start]:02x} is not UTF-8 text.",
                "save the file as UTF-8 (not Windows-1252 or Latin-1) and try again.",
            )
        ) from error
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise EstateError(Fault("E101", f"{name}:{line}", "the file is binary; expected text."))
    if not text.strip():
        raise EstateError(Fault("E102", name, "the file is empty."))
    return text.replace("\r\n", "\n").replace("\r", "\n")
