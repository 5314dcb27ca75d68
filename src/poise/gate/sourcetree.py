"""The source that was scanned: its line hashes, and which files git saw renamed."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from poise.errors import Fault, PolicyError
from poise.gate.linehash import line_hashes
from poise.scans.finding import Place

#: Largest source file that is hashed [bytes].
MAX_BYTES: Final = 4 * 1024 * 1024
#: git may take this long [s] to compare two commits.
_GIT_SECONDS: Final = 60


class SourceTree:
    """Line hashes of the files below a folder, each file read once.

    Parameters
    ----------
    root
        The checkout. Paths that lead out of it are not read.
    """

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()
        self._hashes: dict[str, list[str]] = {}

    def line_hash(self, place: Place) -> str:
        """Return GitHub's hash of the line, empty where the file or line is not there."""
        if place.line is None:
            return ""
        hashes = self._hashes.get(place.path)
        if hashes is None:
            hashes = self._hashes[place.path] = self._read(place.path)
        return hashes[place.line - 1] if place.line <= len(hashes) else ""

    def _read(self, path: str) -> list[str]:
        try:
            target = (self._root / path).resolve()
            if not target.is_relative_to(self._root) or not target.is_file():
                return []
            if target.stat().st_size > MAX_BYTES:
                return []
            return line_hashes(target.read_bytes().decode("utf-8", "replace"))
        except (OSError, ValueError):
            return []


def git_renames(root: Path, base: str, head: str = "HEAD") -> dict[str, str]:
    """Return the files that git sees renamed between two commits, from the new path to the old.

    Raises
    ------
    PolicyError
        E807 when git cannot compare them.
    """
    words = ["git", "-C", str(root), "diff", "--find-renames", "--diff-filter=R", "--name-status", "-z"]
    for commit in (base, head):
        if not commit or commit.startswith("-"):
            raise PolicyError(Fault("E807", str(root), f"{commit!r} is no commit."))
    import subprocess  # a delivery without a checkout does not wait for it

    try:
        done = subprocess.run(  # noqa: S603 - a fixed program; the commits were checked above
            [*words, base, head, "--"], capture_output=True, timeout=_GIT_SECONDS, check=True
        )
    except subprocess.CalledProcessError as error:
        reason = error.stderr.decode("utf-8", "replace").strip().partition("\n")[0]
        hint = "Fetch the whole history (fetch-depth: 0), so that the baseline's commit is there."
        message = f"git cannot compare {base} with {head}: {reason}."
        raise PolicyError(Fault("E807", str(root), message, hint)) from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PolicyError(Fault("E807", str(root), f"git cannot be run: {error}.")) from error
    parts = done.stdout.decode("utf-8", "surrogateescape").split("\0")
    return {new: old for _, old, new in zip(parts[::3], parts[1::3], parts[2::3], strict=False)}


def git_head(root: Path) -> str:
    """Return the commit that is checked out below a folder, empty where there is none."""
    import subprocess

    try:
        done = subprocess.run(  # noqa: S603 - a fixed program with fixed words
            ["git", "-C", str(root), "rev-parse", "HEAD"],  # noqa: S607 - found on the path like any tool
            capture_output=True,
            timeout=_GIT_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.decode("ascii", "replace").strip()
