"""What Nessus writes for people and machines need: versions in plugin output, advisories in references."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import unquote

from poise.scans.finding import Component
from poise.scans.xmlfields import distinct

#: Plugin output is searched this far [characters]; long outputs repeat the same lines per file.
_SEARCHED_CHARACTERS = 8_000

# The spellings are those of Nessus plugins: version checks, local package checks, Windows file checks.
_INSTALLED = re.compile(
    r"^[ \t>*-]*(?:(?:remote |installed )?package(?:s)? installed|installed package|installed version|"
    r"reported version|detected version|remote version|file version|running version|current version|"
    r"installed build|version installed|version)[ \t]*:[ \t]*(\S[^\r\n]*)",
    re.IGNORECASE | re.MULTILINE,
)
_FIXED = re.compile(
    r"^[ \t>*-]*(?:fixed versions?|fixed package|fixed in|fixed build|fix version|fix|should be|"
    r"minimum (?:supported|required) version|patched version)[ \t]*:[ \t]*(\S[^\r\n]*)",
    re.IGNORECASE | re.MULTILINE,
)
_RPM = re.compile(r"([A-Za-z0-9][\w.+-]*)-([^-\s]+-[^-\s]+)")
_DEB = re.compile(r"([a-z0-9][a-z0-9.+-]*)_(\d\S*)")
_SEVERAL = re.compile(r"\s*(?:/|,|;|\bor\b|\band\b)\s+")

#: Reference kinds that name the same vulnerability: the prefix that the advisory's own id has.
_ALIAS_PREFIX = {
    "RHSA": "RHSA-",
    "RHBA": "RHBA-",
    "USN": "USN-",
    "DSA": "DSA-",
    "DLA": "DLA-",
    "ALAS": "ALAS-",
    "ALAS2": "ALAS2-",
    "GLSA": "GLSA-",
    "VMSA": "VMSA-",
    "ELSA": "ELSA-",
    "CESA": "CESA-",
    "FEDORA": "FEDORA-",
    "MDVSA": "MDVSA-",
    "FreeBSD": "",
    "MSFT": "",
    "SUSE": "",
    "CISCO-SA": "",
    "GHSA": "",
    "ZDI": "",
    "JSA": "",
}
#: Those of them that are an update which an administrator installs.
_REMEDY_KINDS = frozenset(_ALIAS_PREFIX) - {"GHSA", "ZDI"}


@lru_cache(maxsize=65_536)
def _advisory(reference: str) -> tuple[str, str]:
    """Return alias and remedy id of one reference such as ``"MSKB:4013389"``, each maybe empty."""
    kind, _, name = reference.partition(":")
    name = name.strip()
    if not name:
        return "", ""
    if kind == "MSKB":
        return "", f"KB{name.upper().removeprefix('KB')}"
    prefix = _ALIAS_PREFIX.get(kind)
    if prefix is None:
        return "", ""
    advisory = name if name.upper().startswith(prefix.upper()) and prefix else f"{prefix}{name}"
    return advisory, advisory if kind in _REMEDY_KINDS else ""


def advisory_ids(references: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Sort Nessus references into aliases of the vulnerability and ids of the update that fixes it.

    Examples
    --------
    >>> advisory_ids(("MSFT:MS17-010", "MSKB:4013389", "CWE:79", "RHSA:2018:1234"))
    (('MS17-010', 'RHSA-2018:1234'), ('MS17-010', 'KB4013389', 'RHSA-2018:1234'))
    """
    return _advisory_ids(tuple(references))


@lru_cache(maxsize=16_384)
def _advisory_ids(references: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    pairs = [_advisory(reference) for reference in references]
    return distinct(*(alias for alias, _ in pairs)), distinct(*(remedy for _, remedy in pairs))


def component_of(cpes: list[str], output: str) -> Component:
    """Return the component that a finding is about, from its CPE names and its plugin output.

    The first installed version of the output and its fixed versions are taken; the others stand in
    the evidence. A package check names the package itself (``bash-4.2.45-5.el7``).
    """
    installed = fixed = ""
    ecosystem = name = ""
    if output:
        head = output[:_SEARCHED_CHARACTERS]
        found = _INSTALLED.search(head)
        if found:
            installed = found[1].strip()
            after = _FIXED.search(head, found.end())
            fixed = after[1].strip() if after else ""
            by_package = "package" in found[0].lower() or (
                after is not None and "package" in after[0].lower()
            )
            if by_package:
                ecosystem, name, installed = _package(installed)
                fixed = _package(fixed)[2]
    if not name:
        name = _cpe_name(cpes)
    return Component(
        name=name,
        ecosystem=ecosystem,
        installed_version=installed,
        fixed_versions=distinct(*_SEVERAL.split(fixed)) if fixed else (),
    )


def _package(text: str) -> tuple[str, str, str]:
    """Split a package with its version into ecosystem, name and version."""
    if found := _DEB.fullmatch(text):
        return "deb", found[1], found[2]
    if found := _RPM.fullmatch(text):
        return "rpm", found[1], found[2]
    return "", "", text


def _cpe_name(cpes: list[str]) -> str:
    """Return the one product that all CPE names share; empty where they name several or none."""
    products = {product for cpe in cpes if (product := _cpe_product(cpe.strip()))}
    return products.pop() if len(products) == 1 else ""


@lru_cache(maxsize=4_096)
def _cpe_product(cpe: str) -> str:
    parts = unquote(cpe).removeprefix("p-").removeprefix("x-").split(":")
    # cpe:/a:vendor:product:version, or cpe:2.3:a:vendor:product:version
    place = 4 if len(parts) > 1 and parts[1] == "2.3" else 3
    return parts[place] if len(parts) > place and parts[place] not in {"*", "-"} else ""
