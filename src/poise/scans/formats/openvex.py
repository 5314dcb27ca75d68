"""OpenVEX 0.0.1 to 0.2 (https://github.com/openvex/spec): what a supplier says about vulnerabilities.

A statement is one record per product. It is of the kind ``statement``: it says something about a finding
and is none itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any, Final

import msgspec

from poise.errors import Fault
from poise.scans.finding import AssetIdentity, Component, Finding, Status
from poise.scans.format import Format
from poise.scans.identifiers import parse_when, split_ids, split_purl
from poise.scans.jsonshape import shape_of
from poise.scans.records import RecordError, convert, json_cursor, read_numbered, required
from poise.scans.source import Source

_STATUSES: Final[dict[str, Status]] = {
    "not_affected": "false_positive",
    "fixed": "fixed",
    "affected": "open",
    "under_investigation": "open",
}


class _Vulnerability(msgspec.Struct):
    id: str | None = msgspec.field(default=None, name="@id")
    name: str | None = None
    description: str | None = None
    aliases: tuple[str, ...] | None = None


class _Identifiers(msgspec.Struct):
    purl: str | None = None


class _Product(msgspec.Struct):
    id: str | None = msgspec.field(default=None, name="@id")
    identifiers: _Identifiers | None = None
    subcomponents: tuple[_Product | str, ...] | None = None


class _Statement(msgspec.Struct):
    status: str
    vulnerability: _Vulnerability | str
    products: tuple[_Product | str, ...] | None = None
    justification: str | None = None
    impact_statement: str | None = None
    action_statement: str | None = None
    status_notes: str | None = None
    timestamp: str | None = None


def _sniff(head: str) -> bool:
    shape = shape_of(head)
    return "openvex" in shape.get("@context", "") or (
        "statements[].vulnerability" in shape and "statements[].status" in shape
    )


def _read(source: Source) -> Iterator[Finding | Fault]:
    with json_cursor(source) as cursor:
        found = False
        for key in cursor.members():
            if key == "statements":
                found = True
                yield from read_numbered(source, cursor.values(_Statement), partial(_findings), "status")
        cursor.end()
    if not found:
        raise source.refusal("E412", "The document has no statements, expected a list of them.")


def _findings(record: Any, where: str) -> Iterator[Finding]:
    statement = convert(record, _Statement)
    status = _STATUSES.get(statement.status)
    if status is None:
        expected = ", ".join(_STATUSES)
        raise RecordError(f"The status is {statement.status[:40]!r}, expected one of {expected}.")
    raw = statement.vulnerability
    named = _Vulnerability(name=raw) if isinstance(raw, str) else raw
    identifier = required(named.name or named.id, "vulnerability.name")
    cves, aliases = split_ids((identifier.rpartition("/")[2] or identifier, *(named.aliases or ())))
    reasons = (statement.justification, statement.impact_statement, statement.action_statement)
    for product in statement.products or (_Product(),):
        whole = _name(product)
        parts = () if isinstance(product, str) else product.subcomponents or ()
        for part in [_name(one) for one in parts] or [whole]:
            yield Finding(
                where=where,
                identity=f"{identifier}|{whole}|{part}|{statement.status}",
                asset=AssetIdentity(purl=whole if whole.startswith("pkg:") else ""),
                rule=f"openvex:{identifier}",
                title=f"{identifier}: {statement.status.replace('_', ' ')}",
                cves=cves,
                aliases=aliases,
                component=_component(part),
                kind="statement",
                status=status,
                severity_text=statement.status,
                last_seen=parse_when(statement.timestamp),
                justification="; ".join(reason for reason in reasons if reason)[:1_000],
            )


def _name(product: _Product | str) -> str:
    if isinstance(product, str):
        return product
    return (product.identifiers.purl if product.identifiers else None) or product.id or ""


def _component(name: str) -> Component:
    kind, title, version = split_purl(name)
    return Component(title, kind, version, (), name) if title else Component(name)


FORMATS = (Format("openvex-json", "OpenVEX", "json", _sniff, _read),)
