"""Files that people upload, kept by their content before anything about them is acknowledged."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from poise.errors import DeskError, Fault

#: Largest upload [B]. Reports unpack to at most poise.scans.DEFAULT_LIMITS.
MAX_UPLOAD_BYTES: Final = 8 << 30
#: Letters and digits of every script stay: a name of its own tells a report from others.
_UNSAFE = re.compile(r"[^\w. -]")
#: Longest name that a file gets [B]; file systems take 255.
MAX_NAME_BYTES: Final = 200


@dataclass(frozen=True, slots=True)
class Kept:
    """A file as it was kept.

    Parameters
    ----------
    name
        As uploaded, without folders and odd characters.
    sha256
        Of its content.
    size_bytes
        How large it is.
    path
        Where it is.
    """

    name: str
    sha256: str
    size_bytes: int
    path: Path


def keep(name: str, chunks: Iterable[bytes], root: Path) -> Kept:
    """Write a file under its own hash, on disk when this returns; the same content is kept once.

    Raises
    ------
    DeskError
        E873 when it is empty, too large, or cannot be written.
    """
    plain = safe_name(name)
    content, size = hashlib.sha256(), 0
    try:
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=root, prefix=".upload-") as temporary:
            draft = Path(temporary, plain)
            with draft.open("wb") as stream:
                for chunk in chunks:
                    size += len(chunk)
                    if size > MAX_UPLOAD_BYTES:
                        message = f"has over {MAX_UPLOAD_BYTES >> 30} GiB, which is the largest upload."
                        raise DeskError(Fault("E873", plain, message, "Upload it in parts."))
                    content.update(chunk)
                    stream.write(chunk)
                stream.flush()
                os.fsync(stream.fileno())
            if not size:
                raise DeskError(Fault("E873", plain, "is empty.", "Export the report again."))
            target = root / content.hexdigest()[:24] / plain
            target.parent.mkdir(exist_ok=True)
            draft.replace(target)
            _sync(target.parent)
    except OSError as error:
        message = f"cannot be kept: {error.strerror}. Nothing of it was kept."
        raise DeskError(Fault("E873", plain, message, "Make room on the desk's disk.")) from error
    return Kept(plain, content.hexdigest(), size, target)


def safe_name(name: str) -> str:
    """Return a file's name without folders and odd characters; its end, where it is long."""
    last = unicodedata.normalize("NFC", name.replace("\\", "/").rpartition("/")[2])
    encoded = _UNSAFE.sub("_", last).encode()[-MAX_NAME_BYTES:]
    return encoded.decode("utf-8", "ignore")[-120:].lstrip(". ") or "file"


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
