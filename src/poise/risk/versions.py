"""Comparing versions by the rules of their ecosystem."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cmp_to_key, lru_cache
from typing import Any

from univers import versions as schemes
from univers.versions import InvalidVersion, Version

#: Ecosystem or package type, as scanners write it in lower case, to its version scheme.
_SCHEMES: dict[str, type[Version]] = {
    "alpine": schemes.AlpineLinuxVersion,
    "apk": schemes.AlpineLinuxVersion,
    "cargo": schemes.SemverVersion,
    "composer": schemes.ComposerVersion,
    "deb": schemes.DebianVersion,
    "debian": schemes.DebianVersion,
    "dpkg": schemes.DebianVersion,
    "gem": schemes.RubygemsVersion,
    "go": schemes.GolangVersion,
    "golang": schemes.GolangVersion,
    "java": schemes.MavenVersion,
    "java-archive": schemes.MavenVersion,
    "maven": schemes.MavenVersion,
    "node": schemes.SemverVersion,
    "npm": schemes.SemverVersion,
    "nuget": schemes.NugetVersion,
    "pip": schemes.PypiVersion,
    "pypi": schemes.PypiVersion,
    "python": schemes.PypiVersion,
    "python-pkg": schemes.PypiVersion,
    "redhat": schemes.RpmVersion,
    "rpm": schemes.RpmVersion,
    "ubuntu": schemes.DebianVersion,
}

_PIECE = re.compile(r"\d+|[A-Za-z]+")


@lru_cache(maxsize=65_536)
def _parse(text: str, ecosystem: str) -> Version | None:
    """Return the version in its ecosystem's scheme, None where it follows none."""
    scheme = _SCHEMES.get(ecosystem.lower())
    if scheme is None:
        return None
    try:
        return scheme(text)
    except (InvalidVersion, ValueError, TypeError, AttributeError):
        # univers leaks what its vendored parsers raise on odd input.
        return None


def _plain(text: str) -> list[tuple[int, int, str]]:
    """Return a sortable form of a version of no known scheme: numbers as numbers, words below them."""
    return [
        (1, int(piece), "") if piece.isdigit() else (0, 0, piece.lower()) for piece in _PIECE.findall(text)
    ]


def compare(left: str, right: str, ecosystem: str = "") -> int:
    """Compare two versions.

    Parameters
    ----------
    ecosystem
        Package type such as ``"deb"`` or ``"npm"``; an unknown one compares numbers as numbers and
        words as words, with a word below a number (1.0rc < 1.0.1).

    Returns
    -------
    int
        -1, 0 or 1.
    """
    a: Any = _parse(left, ecosystem)
    b: Any = _parse(right, ecosystem)
    if a is None or b is None:
        a, b = _plain(left), _plain(right)
    return int(a > b) - int(a < b)


def _order(ecosystem: str) -> Callable[[str], Any]:
    """Return a sort key for versions of one ecosystem."""

    def compare_here(left: str, right: str) -> int:
        return compare(left, right, ecosystem)

    return cmp_to_key(compare_here)


def highest(versions: Iterable[str], ecosystem: str = "") -> str:
    """Return the highest version; of equal ones the first in text order, so that order is no matter."""
    return max(sorted(versions), key=_order(ecosystem))


def lowest_fix(installed: str, fixed: Iterable[str], ecosystem: str = "") -> str:
    """Return the lowest fixed version above the installed one.

    A library is often fixed in several release lines ("2.14.2, 2.13.4.2"); the one just above what
    runs is the smallest step. Where none lies above, or the installed version is unknown, the
    highest is named.
    """
    candidates = list(fixed)
    above = [version for version in candidates if installed and compare(version, installed, ecosystem) > 0]
    if not above:
        return highest(candidates, ecosystem)
    return min(sorted(above), key=_order(ecosystem))
