"""pip-audit's JSON: ``pip-audit -f json``, before and since version 2."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from poise.errors import Fault
from poise.scans.finding import AssetIdentity, Component, Finding, Provenance
from poise.scans.format import Format
from poise.scans.identifiers import split_ids
from poise.scans.jsonshape import shape_of
from poise.scans.recordlists import read_list
from poise.scans.records import Texts, convert, required
from poise.scans.source import Source


class _Vulnerability(msgspec.Struct):
    id: str
    fix_versions: Texts = None
    aliases: Texts = None
    description: str | None = None


class _Package(msgspec.Struct):
    name: str
    version: str | None = None
    vulns: tuple[_Vulnerability, ...] | None = None
    skip_reason: str | None = None


def _sniff(head: str) -> bool:
    shape = shape_of(head)
    if "dependencies[].name" in shape or ("dependencies" in shape and "fixes" in shape):
        return "dependencies[].vulns" in shape or "dependencies[].skip_reason" in shape or "fixes" in shape
    return "[].vulns" in shape and "[].name" in shape


def _read(source: Source) -> Iterator[Finding | Fault | Provenance]:
    yield Provenance(tool="pip-audit")
    yield from read_list(source, _findings, member="dependencies")


def _findings(record: Any, where: str) -> Iterator[Finding]:
    package = convert(record, _Package)
    name, version = required(package.name, "name"), package.version or ""
    for one in package.vulns or ():
        identifier = required(one.id, "vulns.id")
        cves, aliases = split_ids((identifier, *(one.aliases or ())))
        fixed = tuple(text for text in one.fix_versions or () if text)
        yield Finding(
            where=f"{where}, {name}",
            identity=f"{name}|{version}|{identifier}",
            asset=AssetIdentity(),
            rule=f"pip-audit:{identifier}",
            title=f"{identifier} in {name} {version}".rstrip(),
            cves=cves,
            aliases=aliases,
            component=Component(name, "pypi", version, fixed, f"pkg:pypi/{name.lower()}@{version}"),
            evidence=(one.description or "")[:2_000],
            remedy=f"Update {name} to {' or '.join(fixed)}." if fixed else "",
        )


FORMATS = (Format("pip-audit-json", "pip-audit", "json", _sniff, _read),)
