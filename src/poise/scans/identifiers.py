"""Vulnerability ids, dates and evidence as scanners spell them, brought to one spelling."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final
from urllib.parse import unquote

from poise.scans.dates import parse_when

__all__ = ["EVIDENCE_CHARACTERS", "parse_when", "split_ids", "split_purl", "trim_evidence"]

#: Longest evidence that a finding keeps, in characters, the mark included.
EVIDENCE_CHARACTERS: Final = 4_000

_DASH = r"\s?[-_\u2010-\u2015\u2212]\s?"
_CVE = re.compile(
    rf"(?<![A-Za-z0-9])(?:CVE|CAN){_DASH}((?:19|20)\d\d){_DASH}(\d{{4,19}})(?![0-9A-Za-z])", re.IGNORECASE
)
_PLAIN_CVE = re.compile(r"CVE-(?:19|20)\d\d-\d{4,19}", re.ASCII)
_SEPARATORS = re.compile(r"[,;|\r\n\t]+")
_BRACKETS = " []{}()\"'\u00a0"
_GHSA = re.compile(r"GHSA((?:-[0-9a-z]{4}){3})", re.IGNORECASE)
#: One id without blanks: letters, and a digit somewhere behind them ("RHSA-2021:1234", "KB5005565").
_ONE_ID = re.compile(r"(?=[^\s]*\d)[A-Za-z][^\s]*")
_NOTHING: Final = frozenset(
    {"", "-", "--", "n/a", "na", "none", "null", "nil", "unknown", "no cve", "nocve", "0"}
)
#: Package URL types whose namespace is a distributor.
_SYSTEM_PURLS: Final = frozenset(("alpm", "apk", "deb", "qpkg", "rpm"))
#: A text longer than this is prose, not a list of ids worth remembering.
_CACHED_CHARACTERS: Final = 80


def split_ids(texts: str | Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Sort the ids of one vulnerability into CVE ids and aliases.

    Parameters
    ----------
    texts
        One text or several, each holding one id or a list of ids (``"CVE-2021-44228, CVE-2021-45046"``).

    Returns
    -------
    cves, aliases : tuple of str
        Distinct ids in the given order. CVE ids are in upper case with plain hyphens; an old candidate name
        (``CAN-2001-0010``) is its CVE id. Every other id (GHSA, RHSA, ALAS, PYSEC, ...) is an alias, kept as
        written but for the case of GHSA ids. A text that only looks like a CVE id (``CVE-2021-XXXX``) is an
        alias as well, so that nothing is lost and nothing is taken for a CVE that is none.

    Examples
    --------
    >>> split_ids(["cve-2021-44228 , CVE-2021-45046", "GHSA-JFH8-C2JP-5V3Q"])
    (('CVE-2021-44228', 'CVE-2021-45046'), ('GHSA-jfh8-c2jp-5v3q',))
    """
    cves: dict[str, None] = {}
    aliases: dict[str, None] = {}
    for text in (texts,) if isinstance(texts, str) else texts:
        found, others = _remembered_ids(text) if len(text) <= _CACHED_CHARACTERS else _ids_of(text)
        cves.update(dict.fromkeys(found))
        aliases.update(dict.fromkeys(others))
    return tuple(cves), tuple(aliases)


def _ids_of(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if _PLAIN_CVE.fullmatch(text):
        return (text,), ()
    cves = [f"CVE-{match[1]}-{match[2]}" for match in _CVE.finditer(text)]
    aliases: list[str] = []
    for part in _SEPARATORS.split(_CVE.sub(",", text) if cves else text):
        trimmed = part.strip().strip(_BRACKETS).strip()
        words = trimmed.split()
        # "GHSA-... GHSA-..." is two ids, "DSA 5000-1" is one.
        several = len(words) > 1 and all(_ONE_ID.fullmatch(word) for word in words)
        for name in words if several else [trimmed]:
            if name.lower() not in _NOTHING:
                ghsa = _GHSA.fullmatch(name)
                aliases.append(f"GHSA{ghsa[1].lower()}" if ghsa else name)
    return tuple(dict.fromkeys(cves)), tuple(dict.fromkeys(aliases))


def split_purl(purl: str) -> tuple[str, str, str]:
    """Return type, name and version of a package URL, decoded; all empty for what is none.

    The name has its namespace before a slash (``"@babel/core"``, ``"org.apache.commons/commons-text"``), but
    for packages of operating systems, where the namespace is the distributor's (``pkg:deb/debian/curl@8``).

    Examples
    --------
    >>> split_purl("pkg:npm/%40babel/core@7.23.0?os=any#lib")
    ('npm', '@babel/core', '7.23.0')
    """
    if not purl.startswith("pkg:"):
        return "", "", ""
    plain = purl[4:].lstrip("/").partition("#")[0].partition("?")[0]
    path, at, version = plain.rpartition("@")
    if not at or "/" in version:
        path, version = plain, ""
    kind, _, name = path.partition("/")
    if kind in _SYSTEM_PURLS:
        name = name.rpartition("/")[2]
    return kind.lower(), unquote(name), unquote(version)


_remembered_ids = lru_cache(maxsize=65_536)(_ids_of)


def trim_evidence(text: str) -> str:
    """Return a scanner's proof without outer blanks, cut at 4,000 characters with a mark.

    Parameters
    ----------
    text
        Output or proof as the report holds it, of any length.

    Returns
    -------
    str
        At most :data:`EVIDENCE_CHARACTERS` characters; a cut text says how many characters it lost.
    """
    kept = text.strip()
    if len(kept) <= EVIDENCE_CHARACTERS:
        return kept
    # The mark's own length depends on the count that it states; 24 digits are more than any text needs.
    room = EVIDENCE_CHARACTERS - len(" [... 000000000000 characters cut]")
    return f"{kept[:room]} [... {len(kept) - room} characters cut]"
