"""Which real vulnerabilities each host of the sample company has."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from importlib.resources import files

from cvss import CVSS2, CVSS3, CVSS4

from poise.sample.company import STACKS, Host


@dataclass(frozen=True, slots=True)
class Flaw:
    """One row of ``cves.csv``: a real CVE in one product line, with the release that fixes it."""

    cve: str
    title: str
    vendor: str
    product: str
    component: str
    ecosystem: str
    fixed_version: str
    kb: str
    cvss_vector: str
    published: date
    description: str

    @property
    def score(self) -> float | None:
        """CVSS base score [0, 10], None where the table has no vector."""
        return base_score(self.cvss_vector)


def base_score(vector: str) -> float | None:
    """Return the base score of a vector, None for an empty one."""
    if not vector:
        return None
    scheme = CVSS4 if vector.startswith("CVSS:4") else CVSS3 if vector.startswith("CVSS:3") else CVSS2
    return float(scheme(vector).base_score)


@dataclass(frozen=True, slots=True)
class Update:
    """All flaws of a host that one release of one product fixes."""

    product: str
    component: str
    vendor: str
    ecosystem: str
    fixed_version: str
    kb: str
    installed_version: str
    flaws: tuple[Flaw, ...]

    @property
    def published(self) -> date:
        """When the last of its flaws became known."""
        return max(flaw.published for flaw in self.flaws)


class Catalogue:
    """The flaws of ``cves.csv``, by component and product line."""

    def __init__(self) -> None:
        self._lines: dict[str, dict[str, list[Flaw]]] = defaultdict(lambda: defaultdict(list))
        text = files("poise.sample").joinpath("threats/cves.csv").read_text(encoding="utf-8")
        for row in csv.DictReader(text.splitlines()):
            flaw = Flaw(**{**row, "published": date.fromisoformat(row["published"])})  # type: ignore[arg-type]
            self._lines[flaw.component][flaw.product].append(flaw)

    def updates(self, host: Host) -> Iterator[Update]:
        """Yield what the host lacks: every release published after it was last patched."""
        stack = STACKS[host.stack]
        for component in stack.components:
            for product, flaws in self._lines[component].items():
                if stack.products and product not in stack.products and stack.platform != "client":
                    continue
                yield from self._missing(host, flaws)

    def _missing(self, host: Host, flaws: list[Flaw]) -> Iterator[Update]:
        releases: dict[tuple[str, str], list[Flaw]] = defaultdict(list)
        for flaw in flaws:
            releases[flaw.fixed_version, flaw.kb].append(flaw)
        installed = _before(flaws[0].fixed_version)
        for (fixed, kb), members in sorted(
            releases.items(), key=lambda item: max(f.published for f in item[1])
        ):
            if max(flaw.published for flaw in members) <= host.patched:
                installed = fixed or installed
                continue
            first = members[0]
            yield Update(
                first.product,
                first.component,
                first.vendor,
                first.ecosystem,
                fixed,
                kb,
                installed,
                tuple(members),
            )


def _before(version: str) -> str:
    """Return a version just below: the last number less one, or with a zero in its place."""
    head, dot, tail = version.rpartition(".")
    digits = "".join(c for c in tail if c.isdigit())
    if not digits:
        return "1.0"
    return f"{head}{dot}{max(0, int(digits) - 1)}"
