"""Findings on disk: content-addressed Parquet snapshots, one per report.

A snapshot's name is the SHA-256 of the report's bytes as they are on disk, of the member's name inside a
zip, of the format and of this layout's version. The same file added twice is therefore stored once.
It is written beside its place, synced, and only then renamed: a process killed at any moment leaves
the snapshots that were there as they were, and at most a temporary file that the next run removes.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from poise.errors import Fault, ScanFormatError
from poise.scans.finding import Finding
from poise.scans.reading import ScanReport, Summary, open_reports, summarise_report, summary_of
from poise.scans.unpack import BLOCK_BYTES, DEFAULT_LIMITS, Limits, Progress

#: Changes when the columns change, so that old snapshots are read anew from their reports.
LAYOUT_VERSION = 2

#: Findings per row group: held at once while writing and reading.
GROUP_FINDINGS = 10_000

_TEXTS = pa.list_(pa.string())
_ASSET = pa.struct(
    [
        ("hostnames", _TEXTS),
        ("ips", _TEXTS),
        ("agent_id", pa.string()),
        ("cloud_id", pa.string()),
        ("image", pa.string()),
        ("image_digest", pa.string()),
        ("purl", pa.string()),
        ("path", pa.string()),
        ("operating_system", pa.string()),
        ("tags", _TEXTS),
    ]
)
_COMPONENT = pa.struct(
    [
        ("name", pa.string()),
        ("ecosystem", pa.string()),
        ("installed_version", pa.string()),
        ("fixed_versions", _TEXTS),
        ("purl", pa.string()),
    ]
)

_PLACE = pa.struct(
    [
        ("path", pa.string()),
        ("line", pa.int64()),
        ("end_line", pa.int64()),
        ("column", pa.int64()),
        ("snippet", pa.string()),
    ]
)

#: The columns of a snapshot: the fields of a finding, by name. Dates are RFC 3339 texts, so that the
#: zone that the report states is kept.
SCHEMA = pa.schema(
    [
        ("where", pa.string()),
        ("identity", pa.string()),
        ("asset", _ASSET),
        ("rule", pa.string()),
        ("title", pa.string()),
        ("cves", _TEXTS),
        ("aliases", _TEXTS),
        ("component", _COMPONENT),
        ("kind", pa.string()),
        ("status", pa.string()),
        ("severity", pa.string()),
        ("severity_text", pa.string()),
        ("cvss_vectors", _TEXTS),
        ("cvss_score", pa.float64()),
        ("first_seen", pa.string()),
        ("last_seen", pa.string()),
        ("port", pa.string()),
        ("locations", _TEXTS),
        ("evidence", pa.string()),
        ("remedy", pa.string()),
        ("remedy_ids", _TEXTS),
        ("references", _TEXTS),
        ("place", _PLACE),
        ("fingerprints", pa.list_(_TEXTS)),
        ("cwes", _TEXTS),
        ("reachable", pa.bool_()),
        ("secret_digest", pa.string()),
        ("justification", pa.string()),
    ]
)


def add_scan(
    path: str | Path,
    folder: Path,
    *,
    format: str | None = None,
    progress: Progress | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> tuple[Summary, ...]:
    """Read a report and keep its findings as a snapshot in `folder`.

    Parameters
    ----------
    path, format, progress, limits
        As for :func:`poise.scans.read_scan`.
    folder
        Where snapshots are kept; made if it is missing.

    Returns
    -------
    tuple[Summary, ...]
        One per report of the file. A refused report leaves no snapshot.
    """
    opened = open_reports(path, format=format, progress=progress, limits=limits)
    if all(isinstance(one, Summary) for one in opened):
        return tuple(one for one in opened if isinstance(one, Summary))
    folder.mkdir(parents=True, exist_ok=True)
    remove_leftovers(folder)
    content = _hash_of(Path(path))
    return tuple(one if isinstance(one, Summary) else _add_one(one, folder, content) for one in opened)


def _add_one(report: ScanReport, folder: Path, content: str) -> Summary:
    target = folder / f"{snapshot_name(content, report)}.parquet"
    if target.is_file():
        return summarise_report(report)
    try:
        with _written(target) as temporary:
            return summary_of(report, _stored(report, temporary))
    except ScanFormatError as error:
        return Summary(report.source.name, report.format.name, faults=error.faults, refused=True)


def snapshot_name(content: str, report: ScanReport) -> str:
    """Return the name of a report's snapshot: 64 hexadecimal digits."""
    parts = (str(LAYOUT_VERSION), content, report.source.member_name, report.format.name)
    return hashlib.sha256("\n".join(parts).encode("utf-8", "surrogateescape")).hexdigest()


def _hash_of(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


@contextmanager
def _written(target: Path) -> Iterator[Path]:
    """Give a temporary file, and put it in place, synced, if nothing was raised."""
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        _sync(temporary)
        temporary.replace(target)
        # The rename itself must outlive a power cut too.
        _sync(target.parent)
    finally:
        temporary.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_leftovers(folder: Path) -> None:
    """Remove temporary files of processes that are gone."""
    for path in folder.glob(".*.parquet.*.tmp"):
        pid = path.name.split(".")[-2]
        if pid.isdigit() and not _is_running(int(pid)):
            path.unlink(missing_ok=True)


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def _stored(report: ScanReport, path: Path) -> Iterator[Finding]:
    """Pass the findings of a report through, writing each to a Parquet file."""
    metadata = {
        "poise.file": report.source.name,
        "poise.format": report.format.name,
        "poise.layout": str(LAYOUT_VERSION),
    }
    held: list[dict[str, Any]] = []
    with pq.ParquetWriter(path, SCHEMA.with_metadata(metadata), compression="zstd") as writer:
        for finding in report:
            held.append(msgspec.to_builtins(finding))
            if len(held) >= GROUP_FINDINGS:
                writer.write_table(pa.Table.from_pylist(held, schema=writer.schema))
                held.clear()
            yield finding
        if held:
            writer.write_table(pa.Table.from_pylist(held, schema=writer.schema))


def read_snapshot(folder: Path) -> Iterator[Finding]:
    """Stream the findings of all snapshots of a folder, in the order of the snapshots' names.

    Parameters
    ----------
    folder
        Where :func:`add_scan` kept them; a folder that does not exist holds none.

    Raises
    ------
    ScanFormatError
        E417 for a snapshot that is damaged or of another layout.
    """
    for path in sorted(folder.glob("[!.]*.parquet")):
        try:
            with pq.ParquetFile(path) as stored:
                if (stored.schema_arrow.metadata or {}).get(b"poise.layout") != str(LAYOUT_VERSION).encode():
                    raise _damaged(path, "it is of another layout")
                for batch in stored.iter_batches(batch_size=GROUP_FINDINGS):
                    yield from msgspec.convert(batch.to_pylist(), list[Finding])
        except (pa.ArrowException, msgspec.ValidationError, OSError) as error:
            raise _damaged(path, str(error).partition("\n")[0]) from error


def _damaged(path: Path, reason: str) -> ScanFormatError:
    hint = "Remove the snapshot and add the report again."
    return ScanFormatError(Fault("E417", str(path), f"The snapshot cannot be read: {reason}.", hint))
