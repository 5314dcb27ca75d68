"""What would fix a finding, read from what its scanner says.

Scanners speak of the same update in five ways: a package with a fixed version, an update by its
number, "upgrade to X 2.4.58 or later", a distribution's advisory, or a sentence; titles and prose are
read by :mod:`poise.risk.wording`. Each becomes a :class:`Remedy` whose ``key`` is equal for what one
action on one host fixes, and whose ``target`` orders the versions of that action, so that the highest
one supersedes the rest.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from poise.risk import wording
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
    """Return the remedy of a numbered update; later ones of one cumulative family supersede it.

    A check that covers many systems lists an update for each; which of them a host needs only the
    month can tell, so the month is the target then.
    """
    told = wording.microsoft_update(finding.title, finding.remedy_ids)
    one = told.numbers[0] if len(told.numbers) == 1 else ""
    if told.family and (one or (told.numbers and told.month)):
        target = ", ".join(part for part in (told.month, one) if part)
        return Remedy(Precision.UPDATE, f"update:{told.family.lower()}", target, "", told.family)
    if told.bulletin:
        return Remedy(Precision.UPDATE, f"update:{told.bulletin.lower()}", "", "", told.bulletin)
    if not told.numbers:
        return None
    numbers = sorted(told.numbers, key=lambda number: (len(number), number), reverse=True)
    name = one or f"{' or '.join(numbers[:3])}, as the system needs"
    return Remedy(Precision.UPDATE, f"update:{'+'.join(numbers).lower()}", "", "", name)


def _advisory(finding: Finding) -> Remedy | None:
    told = wording.advisory(finding.title)
    if told is None:
        return None
    if not told.name:
        return Remedy(
            Precision.ADVISORY, f"advisory:{told.id}".lower(), "", "", f"update of {told.id} ({told.system})"
        )
    key = f"advisory:{told.system}:{told.name}".lower()
    return Remedy(Precision.ADVISORY, key, told.id, "", f"{told.name} ({told.system})")


def _product(finding: Finding) -> Remedy | None:
    """Return the remedy of "upgrade to X version n", or of a fixed version beside a product in the title."""
    told = wording.upgrade(finding.remedy)
    component = finding.component
    versions = told.versions if told else tuple(v for v in component.fixed_versions if v.strip())
    if not versions:
        return None
    name = (told.product if told else "") or component.name or wording.product_in_title(finding.title)
    if not name:
        return None
    target = lowest_fix(component.installed_version, versions, "")
    return Remedy(Precision.PRODUCT, _software("", name), target, "", name)


def _action(finding: Finding) -> Remedy | None:
    if not finding.remedy.strip() or wording.says_no_fix(finding.remedy):
        return None
    name = wording.instruction(finding.title, finding.component.name, finding.remedy)
    return Remedy(Precision.ACTION, f"action:{finding.rule.lower()}", "", "", name)
