"""Opening a feed file: plain or gzip, alone, in a folder or in a zip, within a size limit."""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from poise.threats.table import structural

#: Largest decompressed size [bytes] of one file of a feed. EPSS of 2026 has about 12 MB.
MAX_FILE_BYTES = 1 << 29
#: Largest decompressed size [bytes] of all records of one archive. Vulnrichment has about 1 GB.
MAX_ARCHIVE_BYTES = 1 << 33
#: Largest CVE record [bytes]; the CVE Services refuse records above 3.8 MB.
MAX_RECORD_BYTES = 1 << 24

GZIP_MAGIC = b"\x1f\x8b"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_CHUNK_BYTES = 1 << 20


def read_bytes(path: Path, limit_bytes: int = MAX_FILE_BYTES) -> bytes:
    """Return the content of a file, unpacked when it is gzip, whatever it is called.

    A byte order mark in front, which Windows tools leave, is dropped.

    Raises
    ------
    ThreatFeedError
        E200 when the file cannot be read, E202 when the gzip data are cut or damaged, E204
        when the content is larger than `limit_bytes`.
    """
    try:
        with path.open("rb") as stream:
            raw = stream.read(limit_bytes + 1)
    except OSError as error:
        raise structural("E200", str(path), f"cannot be read: {error.strerror}.") from error
    if len(raw) > limit_bytes:
        raise _too_large(str(path), limit_bytes)
    content = _gunzip(raw, str(path), limit_bytes) if raw.startswith(GZIP_MAGIC) else raw
    return content.removeprefix(_BYTE_ORDER_MARK)


def _gunzip(raw: bytes, where: str, limit_bytes: int) -> bytes:
    parts: list[bytes] = []
    size, rest = 0, raw
    while rest:
        inflater = zlib.decompressobj(wbits=31)
        while not inflater.eof:
            try:
                part = inflater.decompress(rest, _CHUNK_BYTES)
            except zlib.error as error:
                raise structural("E202", where, f"the gzip data are damaged: {error}.") from error
            if not part and not inflater.unconsumed_tail and not inflater.eof:
                raise structural("E202", where, "the gzip data end before their end mark.", _HALF)
            rest = inflater.unconsumed_tail
            size += len(part)
            if size > limit_bytes:
                raise _too_large(where, limit_bytes)
            parts.append(part)
        # Further members may follow; zero padding after the last is allowed by RFC 1952.
        rest = inflater.unused_data.lstrip(b"\0")
    return b"".join(parts)


_HALF = "The file looks like half a download; fetch it again."


def _too_large(where: str, limit_bytes: int) -> Exception:
    return structural("E204", where, f"unpacks to more than {limit_bytes >> 20} MiB; that is the limit.")


def record_files(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield place and content of every JSON file of a folder, a zip, or a single file.

    In a folder or zip only files named ``CVE-*.json`` are read: archives of CVE records carry
    other files too, such as indexes.
    """
    if path.is_dir():
        for folder, folders, names in os.walk(path):
            folders.sort()
            for name in sorted(names):
                if _is_record(name):
                    yield (
                        str(Path(folder, name).relative_to(path)),
                        read_bytes(Path(folder, name), MAX_RECORD_BYTES),
                    )
    elif path.is_file() and zipfile.is_zipfile(path):
        yield from _zip_records(path)
    else:
        yield path.name, read_bytes(path)


def _zip_records(path: Path) -> Iterator[tuple[str, bytes]]:
    total = 0
    try:
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                if not _is_record(info.filename.rsplit("/", 1)[-1]):
                    continue
                where = f"{path.name}:{info.filename}"
                with archive.open(info) as member:
                    content = member.read(MAX_RECORD_BYTES + 1)
                total += len(content)
                if len(content) > MAX_RECORD_BYTES:
                    raise _too_large(where, MAX_RECORD_BYTES)
                if total > MAX_ARCHIVE_BYTES:
                    raise _too_large(str(path), MAX_ARCHIVE_BYTES)
                yield where, content
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError) as error:
        # RuntimeError is what zipfile raises for an encrypted member.
        raise structural("E202", str(path), f"the zip archive is damaged: {error}.", _HALF) from error


def _is_record(name: str) -> bool:
    return name.startswith("CVE-") and name.endswith(".json")
