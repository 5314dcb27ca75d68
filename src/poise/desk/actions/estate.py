"""The description of the estate: adopted as a whole, or refused with every fault."""

from __future__ import annotations

import errno
import hashlib
import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from poise.desk import convert, jobs, storing
from poise.desk.actions.base import Actor, action
from poise.desk.models import EstateVersion, Job
from poise.errors import DeskError, EstateError, Fault
from poise.estate import load_estate

MAP_JOB: Final = "estate.map"
#: The calendars that estate.yaml names.
_FILE: Final = re.compile(rb"file:\s*[\"']?([^\s\"',}]{1,400}\.ics)")


@action("estate.write")
def adopt(by: Actor, files: Mapping[str, bytes]) -> EstateVersion:
    """Take a description of the estate: estate.yaml and the calendars that it names, or a folder of tables.

    Raises
    ------
    EstateError
        With every fault of the files; what counted before still does.
    """
    named = {storing.safe_name(name): content for name, content in files.items()}
    entry = _entry(named)
    digest = hashlib.sha256(b"".join(f"{n}\0".encode() + named[n] for n in sorted(named))).hexdigest()
    root = convert.folder("estate")
    root.mkdir(parents=True, exist_ok=True)
    target = root / digest[:24]
    with tempfile.TemporaryDirectory(dir=root, prefix=".estate-") as temporary:
        for name, content in named.items():
            for place in _places(name, named.get(entry, b"")):
                _write(Path(temporary, place), content, place)
        estate = load_estate(Path(temporary, entry), is_enclosed=True)
        if not target.exists():
            _keep(Path(temporary), target)
    version = EstateVersion.objects.create(
        folder=f"estate/{digest[:24]}",
        entry=entry,
        company=estate.name,
        timezone=estate.timezone,
        currency=estate.currency,
        services=len(estate.services),
        groups=len(estate.groups),
        adopted=by.now,
        by=by.user,
    )
    want_mapping(by)
    by.record("estate.adopted", {"sha256": digest, "files": sorted(named), "company": estate.name})
    return version


def want_mapping(by: Actor) -> None:
    """Queue a mapping of assets to the estate, unless one is waiting already."""
    waiting = Job.objects.filter(kind=MAP_JOB, state=Job.State.WAITING)
    if EstateVersion.objects.exists() and not waiting.exists():
        jobs.start(by, MAP_JOB, "Mapping assets to the estate")


def _places(name: str, description: bytes) -> list[str]:
    """Return where a file is looked for: a browser sends names without the folders that estate.yaml names."""
    asked = [match.decode("utf-8", "replace") for match in _FILE.findall(description)]
    inside = [one for one in asked if one.rpartition("/")[2] == name and ".." not in one and one[0] != "/"]
    return [name, *dict.fromkeys(inside)]


def _keep(folder: Path, target: Path) -> None:
    """Copy a folder as a whole, or not at all: the same upload would take half a one for done."""
    whole = folder.with_name(f".whole-{target.name}")
    shutil.rmtree(whole, ignore_errors=True)
    try:
        shutil.copytree(folder, whole)
        whole.rename(target)
    except OSError as error:
        shutil.rmtree(whole, ignore_errors=True)
        text = f"cannot be kept: {error.strerror or 'the disk refuses it'}."
        raise DeskError(Fault("E873", "estate", text, "Make room, and upload it again.")) from error


def _write(path: Path, content: bytes, name: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except (FileExistsError, NotADirectoryError, IsADirectoryError, ValueError) as error:
        raise _unusable(name) from error
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
        raise _unusable(name) from error


def _unusable(name: str) -> EstateError:
    text = f"names {name[:80]!r}, which is no name of a file beside the others."
    return EstateError(Fault("E100", "estate", text, "Name each calendar by a short name of its own."))


def _entry(files: Mapping[str, bytes]) -> str:
    described = [name for name in files if name.endswith((".yaml", ".yml"))]
    if len(described) == 1:
        return described[0]
    if not described and any(name.endswith(".csv") for name in files):
        return "."
    hint = "Upload one estate.yaml with its .ics calendars, or the .csv tables of docs/estate.md."
    message = f"{len(described)} YAML files were uploaded; expected one."
    raise EstateError(Fault("E125", "estate", message, hint))
