"""The software list of the commit that a change starts from.

A vulnerability whose component stands there in the same version was not brought by the change: the same
database, asked about the old list, would say the same. So the list is judged anew with today's data, and no
old report of an old database takes part. CycloneDX and SPDX 2 in JSON are read, and what GitHub's dependency
graph exports, which is SPDX inside another object.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

from poise.errors import Fault, PolicyError, ScanFormatError
from poise.scans.finding import Finding
from poise.scans.identifiers import split_purl
from poise.scans.jsonstream import JsonCursor
from poise.scans.records import json_cursor
from poise.scans.source import open_source

_FIELDS = ("group", "name", "version", "purl")


class ComponentList:
    """Components by name and version, with the SHA-256 of the file that they are from."""

    def __init__(self, names: set[tuple[str, str]], sha256: str) -> None:
        self._names = names
        self.sha256 = sha256

    def __len__(self) -> int:
        return len(self._names)

    def has(self, finding: Finding) -> bool:
        """Say whether the finding's component stands in the list in the same version."""
        part = finding.component
        if finding.kind != "vulnerability" or not part.installed_version:
            return False
        if part.purl:
            kind, name, version = split_purl(part.purl)
            if name and (f"{kind}:{name}".lower(), version or part.installed_version) in self._names:
                return True
        return (part.name.lower(), part.installed_version) in self._names


def read_components(path: Path) -> ComponentList:
    """Return the components of a software list in JSON, CycloneDX or SPDX 2.

    Raises
    ------
    PolicyError
        E807 when the file is no such list, or is cut off.
    """
    hint = "Make it on the main line with a tool that writes CycloneDX or SPDX 2 in JSON."
    try:
        source = open_source(path)
        names: set[tuple[str, str]] = set()
        with json_cursor(source) as cursor:
            is_list = _read(cursor, names)
            cursor.end()
        with source.open_binary() as stream:
            sha256 = hashlib.file_digest(cast(io.BufferedReader, stream), "sha256").hexdigest()
    except ScanFormatError as error:
        faults = [Fault("E807", one.where, f"{one.id} {one.message}", hint) for one in error.faults]
        raise PolicyError(faults) from error
    if not is_list:
        raise PolicyError(
            Fault("E807", str(path), "This is no CycloneDX or SPDX 2 software list in JSON.", hint)
        )
    return ComponentList(names, sha256)


def _read(cursor: JsonCursor, names: set[tuple[str, str]], *, is_inner: bool = False) -> bool:
    """Add the names of a list; say whether it is one."""
    is_list = False
    for key in cursor.members():
        if key == "bomFormat":
            is_list = cursor.value() == "CycloneDX"
        elif key == "spdxVersion":
            is_list = _text(cursor.value()).startswith("SPDX-2.")
        elif key == "components":
            for part in _parts(cursor):
                names.update(_names(part))
        elif key == "packages":
            for package in cursor.values():
                names.update(_package_names(package))
        elif key == "sbom" and not is_inner and cursor.kind() == "object":
            is_list = _read(cursor, names, is_inner=True)
    return is_list


def _package_names(package: Any) -> Iterator[tuple[str, str]]:
    """Return the names of an SPDX package; purls stand among its external references (SPDX 2.3, F.3.5)."""
    if not isinstance(package, dict):
        return
    version = _text(package.get("versionInfo"))
    yield from _names({"name": package.get("name"), "version": version})
    references = package.get("externalRefs")
    for one in references if isinstance(references, list) else ():
        if isinstance(one, dict) and one.get("referenceType") == "purl":
            yield from _names({"purl": one.get("referenceLocator"), "version": version})


def _parts(cursor: JsonCursor) -> Iterator[dict[str, Any]]:
    """Walk components, which may be nested."""
    for _ in cursor.elements():
        part: dict[str, Any] = {}
        for key in cursor.members():
            if key in _FIELDS:
                part[key] = cursor.value()
            elif key == "components":
                yield from _parts(cursor)
        yield part


def _names(part: dict[str, Any]) -> Iterator[tuple[str, str]]:
    group, name, version, purl = (_text(part.get(key)) for key in _FIELDS)
    if purl:
        kind, full, purl_version = split_purl(purl)
        if full:
            yield f"{kind}:{full}".lower(), purl_version or version
    if name and version:
        yield name.lower(), version
        if group:
            yield f"{group}/{name}".lower(), version


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
