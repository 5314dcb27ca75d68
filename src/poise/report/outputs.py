"""Writing every output of a plan document into a folder."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from poise.patching.document import PlanDocument, encode
from poise.patching.export import changes_csv, plan_csv, plan_ics
from poise.patching.inventory import MARK, inventories
from poise.report.page import render_html


def write_outputs(document: PlanDocument, directory: Path) -> tuple[Path, ...]:
    """Write all outputs of a document and return their paths, ``plan.json`` first.

    Each file appears whole or not at all; the same document gives the same bytes. Inventories of
    an earlier plan that this one does not have are removed, so that nobody runs them by mistake; files that
    Poise did not write stay.

    Raises
    ------
    OSError
        When the folder cannot be written.
    """
    directory.mkdir(parents=True, exist_ok=True)
    written = []
    for name, content in _contents(document):
        path = directory / name
        path.parent.mkdir(exist_ok=True)
        replace_file(path, content)
        written.append(path)
    _remove_stale(directory / "inventories", {path.name for path in written})
    return tuple(written)


def _contents(document: PlanDocument) -> Iterator[tuple[str, bytes]]:
    yield "plan.json", encode(document)
    yield "report.html", render_html(document).encode()
    yield "plan.ics", plan_ics(document)
    yield "plan.csv", plan_csv(document)
    yield "changes.csv", changes_csv(document)
    for name, content in inventories(document).items():
        yield f"inventories/{name}", content


def replace_file(path: Path, content: bytes) -> None:
    """Write a file beside its place and move it there, so that no reader meets half of it.

    Raises
    ------
    OSError
        With the name of the file that was asked for, not that of what stands beside it.
    """
    try:
        _replace(path, content)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error


def _replace(path: Path, content: bytes) -> None:
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o666 & ~_umask())
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)
        raise


def _umask() -> int:
    """Return the process's umask; mkstemp ignores it, and others must be able to read a report."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _remove_stale(folder: Path, keep: set[str]) -> None:
    for path in sorted(folder.glob("*.yml")) if folder.is_dir() else []:
        if path.name in keep:
            continue
        with path.open("rb") as file:
            is_ours = file.readline().rstrip(b"\r\n") == MARK.encode()
        if is_ours:
            path.unlink()
