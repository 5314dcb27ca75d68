"""What would fix a finding, read from what its scanner says.

Scanners speak of the same update in five ways: a package with a fixed version, an update by its
number, "upgrade to X 2.4.58 or later", a distribution's advisory, or a sentence. Each becomes a
:class:`Remedy` whose ``key`` is equal for what one action on one host fixes, and whose ``target``
orders the versions of that action, so that the highest one supersedes the rest.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from poise.risk.versions import highest, lowest_fix
from poise.scans.finding import Finding


class Precision(IntEnum):
    """How exactly a remedy says what to do; of two for one vulnerability the more exact is kept."""

    PACKAGE = 0
    UPDATE = 1
    PRODUCT = 2
    ADVISORY = 3
    ACTION = 4
    NONE = 9


@dataclass(frozen=True, slots=True)
class Remedy:
    """One action that fixes a vulnerability on a host.

    Parameters
    ----------
    precision
        How exactly it is known.
    key
        Equal for remedies that one action covers.
    target
        Version or update that is needed; "" where there is only one.
    ecosystem
        Version scheme of ``target``.
    name
        What is updated, for people.
    """

    precision: Precision
    key: str
    target: str
    ecosystem: str
    name: str

    def text(self, targets: Iterable[str]) -> str:
        """Return the action for people, to the highest of ``targets``."""
        target = self.supersede(targets)
        if self.precision is Precision.UPDATE:
            return f"{self.name} ({target})" if target else self.name
        if self.precision is Precision.ACTION or not target:
            return self.name
        return f"{self.name} to {target}"

    def supersede(self, targets: Iterable[str]) -> str:
        """Return the target that includes all others."""
        known = {target for target in targets if target}
        return highest(known, self.ecosystem) if known else ""


#: Sentences by which scanners say that there is no fix.
_NO_FIX = re.compile(
    r"^\W*(n/?a|none|unknown|no (known |official )?(solution|fix|patch|remedy|fixed version)\b.*"
    r"|there is (currently )?no (known )?(solution|fix|patch).*"
    r"|(the vendor )?(will not|won't) (be )?fix.*|willnotfix.*|no solution (or patch )?(was|is|has been).*"
    r"|information about the fixed version.*not available.*)\W*$",
    re.IGNORECASE | re.DOTALL,
)

#: "Upgrade to Apache version 2.4.58 or later", "Update OpenSSH to 9.6p1 or above".
_UPGRADE = re.compile(
    r"\b(?:upgrade|update)\s+(?:the\s+)?(?:(?P<before>[A-Z][\w./+-]*(?:[ ][\w./+-]+){0,4}?)\s+)?"
    r"to\s+(?:the\s+latest\s+)?"
    r"(?P<name>[A-Za-z][\w./+-]*(?:[ ][A-Za-z][\w./+-]*){0,5}?)?\s*"
    r"(?:(?:version|release)\s+(?P<told>\d[\w.+~-]*)|v?(?P<version>\d+(?:\.\d+)+[\w.+~-]*))",
    re.IGNORECASE,
)

#: Titles of distribution advisories: "RHEL 8 : openssl (RHSA-2023:1405)", "Debian DSA-5343-1 : openssl".
_ADVISORY = (
    re.compile(
        r"^(?P<os>[A-Z][\w./ -]{2,40}?)\s*:\s*(?P<name>[\w.+-]+(?:[ /][\w.+-]+)*)"
        r"\s+\((?P<id>[A-Z]{2,8}-[\w:-]+)\)"
    ),
    re.compile(r"^(?P<os>Debian)\s+(?P<id>D[LS]A-[\d-]+)\s*:\s*(?P<name>[\w.+-]+)"),
)

#: Microsoft titles carry the update's number and its month; without them the product family is left.
_KB = re.compile(r"\bKB\s?(\d{6,8})\b", re.IGNORECASE)
_MONTH = re.compile(
    r"\(?\b(?:(?:january|february|march|april|may|june|july|august|september|october|november|december)\s+20\d\d"
    r"|20\d\d-\d\d)\b\)?",
    re.IGNORECASE,
)
#: Longest opening of a remedy text that is searched for a version; the rest is prose [characters].
_MAX_REMEDY = 1_000

_CUMULATIVE = re.compile(
    r"cumulative|monthly rollup|security update|security only|quality rollup", re.IGNORECASE
)


def identify(finding: Finding) -> Remedy | None:
    """Return what would fix the finding, None where the report names no fix.

    A container image is rebuilt whole: it is not patched in place, so every fixable finding in it
    has the same remedy.
    """
    component = finding.component
    fixed = tuple(version for version in component.fixed_versions if version.strip())
    if _is_image(finding):
        repository = finding.asset.image.partition("@")[0].rpartition(":")[0] or finding.asset.image
        if not fixed and not finding.remedy_ids:
            return None
        name = f"rebuild image {repository or finding.asset.image_digest[:19]}"
        return Remedy(Precision.PACKAGE, f"image:{repository or finding.asset.image_digest}", "", "", name)
    if component.name and fixed:
        ecosystem = component.ecosystem.lower()
        target = lowest_fix(component.installed_version, fixed, ecosystem)
        return Remedy(
            Precision.PACKAGE,
            _software(ecosystem, component.name),
            target,
            ecosystem,
            component.name,
        )
    return _update(finding) or _advisory(finding) or _product(finding) or _action(finding)


#: Ecosystems whose packages share names without being the same software.
_LIBRARIES = frozenset(
    (
        "cargo",
        "composer",
        "gem",
        "go",
        "golang",
        "java",
        "java-archive",
        "maven",
        "node",
        "npm",
        "nuget",
        "pip",
        "pypi",
    )
)


def _software(ecosystem: str, name: str) -> str:
    """Return the key of updating one piece of software, whether a package or a product names it."""
    library = ecosystem if ecosystem in _LIBRARIES else ""
    return f"software:{library}:{name.lower()}"


def _is_image(finding: Finding) -> bool:
    asset = finding.asset
    return bool(asset.image or asset.image_digest) and not asset.hostnames and not asset.ips


def _update(finding: Finding) -> Remedy | None:
    """Return the remedy of a numbered update; later ones of one cumulative family supersede it."""
    numbers = _KB.findall(" ".join(finding.remedy_ids)) or _KB.findall(finding.title)
    if not numbers:
        return None
    number = "KB" + max(numbers, key=int)
    family = _family(finding.title) if _CUMULATIVE.search(finding.title) else ""
    if family:
        return Remedy(Precision.UPDATE, f"update:{family.lower()}", number, "", family)
    return Remedy(Precision.UPDATE, f"update:{number.lower()}", "", "", number)


def _family(title: str) -> str:
    """Return a cumulative update's title without its number and month."""
    text = _MONTH.sub(" ", _KB.sub(" ", title))
    return re.sub(r"\s+", " ", text).strip(" :-()")


def _advisory(finding: Finding) -> Remedy | None:
    for pattern in _ADVISORY:
        match = pattern.match(finding.title)
        if match:
            system, name = match["os"].strip(), match["name"].strip()
            return Remedy(
                Precision.ADVISORY, f"advisory:{system}:{name}".lower(), match["id"], "", f"{name} ({system})"
            )
    return None


def _product(finding: Finding) -> Remedy | None:
    """Return the remedy of "upgrade to X version n", where the sentence names product and version."""
    match = _UPGRADE.search(finding.remedy[:_MAX_REMEDY])
    if not match:
        return None
    name = (match["name"] or match["before"] or finding.component.name).strip()
    name = re.sub(r"\s+(version|release|v)$", "", name, flags=re.IGNORECASE)
    if not name or name.lower() in {"version", "the", "a"}:
        return None
    return Remedy(
        Precision.PRODUCT, _software("", name), (match["told"] or match["version"]).rstrip(".,;)"), "", name
    )


def _action(finding: Finding) -> Remedy | None:
    text = " ".join(finding.remedy[:_MAX_REMEDY].split())
    if not text or _NO_FIX.match(text):
        return None
    sentence = re.split(r"(?<=[.!?])\s", text, maxsplit=1)[0]
    name = sentence if len(sentence) <= 120 else sentence[:117].rstrip() + "..."
    return Remedy(Precision.ACTION, f"action:{finding.rule.lower()}", "", "", name)
