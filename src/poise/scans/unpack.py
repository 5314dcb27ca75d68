"""Byte streams of packed reports: gzip and zip, bounded and with faults instead of tracebacks."""

from __future__ import annotations

import gzip
import io
import lzma
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from poise.errors import Fault, ScanFormatError

#: Called with the position in the file on disk and the file's size, both in bytes. A reader that
#: needs two passes starts again at 0.
Progress = Callable[[int, int], None]

GZIP_MAGIC = b"\x1f\x8b"
ZIP_MAGICS = (b"PK\x03\x04", b"PK\x05\x06")

#: Size of the blocks in which files are read [bytes].
BLOCK_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one report may cost; every reader keeps to them.

    Parameters
    ----------
    unpacked_bytes
        Most bytes that an archive may unpack to. 16 GiB is about eight million Nessus findings.
    ratio
        Most unpacked bytes per packed byte. Real reports pack 10 to 60 times; deflate ends at 1,032.
    ratio_free_bytes
        The ratio is only looked at beyond this many unpacked bytes, as small files may well
        consist of repetitions.
    members
        Most files in one zip.
    depth
        Deepest nesting of elements, objects or arrays. Real reports stay below 30.
    text_bytes
        Longest single text, attribute or comment [bytes].
    record_bytes
        Largest record that is held at once [bytes].
    """

    unpacked_bytes: int = 16 * 1024**3
    ratio: float = 200.0
    ratio_free_bytes: int = 64 * 1024**2
    members: int = 1_000
    depth: int = 200
    text_bytes: int = 16 * 1024**2
    record_bytes: int = 64 * 1024**2


DEFAULT_LIMITS = Limits()


class _Tracked(io.RawIOBase):
    """A file that tells how far it has been read."""

    def __init__(self, path: Path, size: int, progress: Progress | None) -> None:
        self._file = path.open("rb", buffering=0)
        self._size = size
        self._progress = progress

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def readinto(self, buffer: Any) -> int:
        count = self._file.readinto(buffer) or 0
        if self._progress is not None:
            self._progress(self._file.tell(), self._size)
        return count

    def close(self) -> None:
        self._file.close()
        super().close()


class _Bounded(io.RawIOBase):
    """An unpacked stream that refuses to grow beyond the limits or to end early."""

    def __init__(
        self, stream: IO[bytes], packed: IO[bytes], packed_bytes: int, name: str, limits: Limits
    ) -> None:
        self._stream = stream
        self._packed = packed
        self._packed_bytes = max(1, packed_bytes)
        self._name = name
        self._limits = limits
        self._count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        with archive_faults(self._name):
            data = self._stream.read(len(buffer))
        buffer[: len(data)] = data
        self._count += len(data)
        self._check()
        return len(data)

    def _check(self) -> None:
        limits = self._limits
        if self._count > limits.unpacked_bytes:
            seen = f"more than {limits.unpacked_bytes:,} bytes"
        elif self._count > limits.ratio_free_bytes and self._count > limits.ratio * self._packed_bytes:
            seen = f"more than {limits.ratio:g} times its packed size of {self._packed_bytes:,} bytes"
        else:
            return
        raise ScanFormatError(
            Fault(
                "E408",
                self._name,
                f"The archive unpacks to {seen}; no scanner report does that.",
                "Unpack it yourself if you trust it, and pass the file inside.",
            )
        )

    def close(self) -> None:
        self._stream.close()
        # Neither the gzip nor the zip module closes the file that it was given.
        self._packed.close()
        super().close()


#: What the gzip and zip modules, and the codecs below them, let out on damaged bytes: their own errors,
#: and those of seeking, unpacking and decoding what a damaged directory promises.
_DAMAGED = (
    gzip.BadGzipFile,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    OSError,
    ValueError,
    IndexError,
)


@contextmanager
def archive_faults(name: str) -> Iterator[None]:
    """Turn what the gzip and zip modules raise on a bad archive into a fault at `name`."""
    try:
        yield
    except EOFError as error:
        message = "The archive is cut off before its end."
        raise ScanFormatError(Fault("E402", name, message, "Export or copy it again.")) from error
    except _DAMAGED as error:
        message = f"The archive is damaged: {error}."
        raise ScanFormatError(Fault("E402", name, message, "Export or copy it again.")) from error
    except (NotImplementedError, RuntimeError) as error:
        message = f"The archive cannot be unpacked: {error}."
        hint = "Pack it as a plain zip or gzip without a password."
        raise ScanFormatError(Fault("E415", name, message, hint)) from error


def open_file(path: Path, size: int, progress: Progress | None) -> IO[bytes]:
    """Open the file on disk, telling `progress` how far it is read."""
    return io.BufferedReader(_Tracked(path, size, progress), BLOCK_BYTES)


def open_gzip(packed: IO[bytes], packed_bytes: int, name: str, limits: Limits) -> IO[bytes]:
    """Return the unpacked stream of a gzip stream, bounded by `limits`."""
    with archive_faults(name):
        stream = gzip.GzipFile(fileobj=packed, mode="rb")
    return io.BufferedReader(
        _Bounded(cast(IO[bytes], stream), packed, packed_bytes, name, limits), BLOCK_BYTES
    )


def list_zip(packed: IO[bytes], name: str, limits: Limits) -> tuple[zipfile.ZipInfo, ...]:
    """Return the files of a zip archive, without folders and what macOS adds.

    Raises
    ------
    ScanFormatError
        E402 for a damaged archive, E408 for one beyond `limits`, E415 for an encrypted one.
    """
    with archive_faults(name), zipfile.ZipFile(packed) as archive:
        infos = archive.infolist()
    if len(infos) > limits.members:
        message = f"The zip holds {len(infos):,} files; at most {limits.members:,} are read."
        raise ScanFormatError(Fault("E408", name, message, "Pass the reports on their own."))
    total = sum(info.file_size for info in infos)
    if total > limits.unpacked_bytes:
        message = f"The zip unpacks to {total:,} bytes; at most {limits.unpacked_bytes:,} are read."
        raise ScanFormatError(Fault("E408", name, message, "Pass the reports on their own."))
    kept = tuple(
        info
        for info in infos
        if not info.filename.endswith("/")
        and not info.filename.startswith("__MACOSX/")
        and info.filename.rpartition("/")[2] != ".DS_Store"
    )
    for info in kept:
        if info.flag_bits & 1:
            message = f"The member {info.filename!r} is encrypted."
            raise ScanFormatError(Fault("E415", name, message, "Pack the reports without a password."))
    return kept


def open_member(packed: IO[bytes], member: zipfile.ZipInfo, name: str, limits: Limits) -> IO[bytes]:
    """Return the unpacked stream of one zip member, bounded by `limits`."""
    with archive_faults(name):
        stream = zipfile.ZipFile(packed).open(member)  # noqa: SIM115 - closed by what is returned
    return io.BufferedReader(_Bounded(stream, packed, member.compress_size, name, limits), BLOCK_BYTES)
