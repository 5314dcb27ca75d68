"""VEX statements: that a product is not exploitable through a vulnerability. Accepting a risk is no VEX."""

from __future__ import annotations

from collections.abc import Iterable

from poise.scans.finding import Finding
from poise.scans.identifiers import split_purl
from poise.scans.reading import ScanReport

#: VEX statuses after which a finding does not count (OpenVEX, CSAF and CycloneDX alike).
_SETTLED = ("false_positive", "fixed")


class VexStatements:
    """Statements by vulnerability, and which of them matched anything."""

    def __init__(self, statements: Iterable[Finding] = ()) -> None:
        self._by_id: dict[str, list[tuple[int, Finding]]] = {}
        self._labels: list[str] = []
        self._used: set[int] = set()
        for number, one in enumerate(statements):
            self._labels.append(f"{one.vulnerability_ids[0]} on {one.component.purl or one.component.name}")
            for name in one.vulnerability_ids:
                self._by_id.setdefault(name, []).append((number, one))

    def answer(self, finding: Finding) -> str:
        """Return why the finding does not count, empty where no statement says so."""
        if finding.kind != "vulnerability" or not self._by_id:
            return ""
        for name in finding.vulnerability_ids:
            for number, one in self._by_id.get(name, ()):
                if _is_about(one, finding):
                    self._used.add(number)
                    if one.status in _SETTLED:
                        return f"VEX {one.severity_text}: {one.justification or 'no reason is stated'}"
        return ""

    @property
    def unmatched(self) -> tuple[str, ...]:
        """Statements that no finding was about."""
        return tuple(label for number, label in enumerate(self._labels) if number not in self._used)


def read_statements(reports: Iterable[ScanReport]) -> list[Finding]:
    """Return the statements of VEX documents, read to their ends."""
    found: list[Finding] = []
    for report in reports:
        found += [
            one for one in report if one.kind == "statement" or report.format.name.startswith("cyclonedx")
        ]
    return found


def _is_about(statement: Finding, finding: Finding) -> bool:
    """Say whether a statement names the finding's component or, as a product, what was scanned."""
    product, part = statement.component, finding.component
    names = [product.purl, *statement.locations]
    for name in names:
        if not name:
            continue
        if name in (part.purl, finding.asset.purl, finding.asset.image, finding.asset.image_digest):
            return True
        kind, title, version = split_purl(name)
        own_kind, own_title, own_version = split_purl(part.purl)
        if not title:
            continue
        same = (
            (kind, title.lower()) == (own_kind, own_title.lower())
            if own_title
            else _same_name(title, part.name)
        )
        if same and version in ("", own_version or part.installed_version):
            return True
    if not product.purl and product.name:
        return product.name == part.name and product.installed_version in ("", part.installed_version)
    return False


def _same_name(title: str, name: str) -> bool:
    return title.lower() == name.lower()
