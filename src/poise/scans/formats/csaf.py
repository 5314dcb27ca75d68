"""CSAF 2.0 and 2.1 advisories and VEX (https://docs.oasis-open.org/csaf/csaf/v2.0/).

One record per vulnerability, product and status, of the kind ``statement``. The product tree names the
products; it is held as one short text each.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any, Final

import msgspec

from poise.errors import Fault
from poise.scans.codeplace import cwe_ids
from poise.scans.finding import AssetIdentity, Component, Finding, Status
from poise.scans.format import Format
from poise.scans.identifiers import split_ids, split_purl
from poise.scans.jsonshape import shape_of
from poise.scans.records import (
    RecordError,
    Texts,
    convert,
    json_cursor,
    read_numbered,
    score_in_range,
    top_members,
)
from poise.scans.severity import parse_severity
from poise.scans.source import Source

_STATUSES: Final[dict[str, Status]] = {
    "known_not_affected": "false_positive",
    "fixed": "fixed",
    "first_fixed": "fixed",
    "known_affected": "open",
    "first_affected": "open",
    "last_affected": "open",
    "under_investigation": "open",
    "recommended": "open",
    "unknown": "open",
}
#: Branches nest by vendor, family, name, version; deeper trees are no products.
_DEPTH: Final = 50
_NOWHERE: Final = AssetIdentity()


class _Helper(msgspec.Struct):
    purl: str | None = None
    purls: Texts = None


class _Product(msgspec.Struct):
    product_id: str | None = None
    name: str | None = None
    product_identification_helper: _Helper | None = None


class _Branch(msgspec.Struct):
    product: _Product | None = None
    branches: tuple[_Branch, ...] | None = None


class _Relation(msgspec.Struct):
    full_product_name: _Product | None = None
    product_reference: str | None = None


class _Tree(msgspec.Struct):
    full_product_names: tuple[_Product, ...] | None = None
    branches: tuple[_Branch, ...] | None = None
    relationships: tuple[_Relation, ...] | None = None


class _Document(msgspec.Struct):
    csaf_version: str | None = None
    title: str | None = None


class _Id(msgspec.Struct):
    text: str | None = None


class _Threat(msgspec.Struct):
    category: str | None = None
    details: str | None = None
    product_ids: Texts = None


class _Flag(msgspec.Struct):
    label: str | None = None
    product_ids: Texts = None


class _Vulnerability(msgspec.Struct):
    cve: str | None = None
    ids: tuple[_Id, ...] | None = None
    title: str | None = None
    cwe: Any = None
    cwes: Any = None
    product_status: dict[str, Texts] | None = None
    flags: tuple[_Flag, ...] | None = None
    threats: tuple[_Threat, ...] | None = None
    remediations: tuple[_Threat, ...] | None = None
    scores: Any = None


def _sniff(head: str) -> bool:
    shape = shape_of(head)
    return "document.csaf_version" in shape or ("document.tracking" in shape and "document.category" in shape)


def _read(source: Source) -> Iterator[Finding | Fault]:
    raw = top_members(source, frozenset(("document", "product_tree")))
    try:
        document = convert(raw.get("document") or {}, _Document)
        products = _products(convert(raw.get("product_tree") or {}, _Tree))
    except RecordError as error:
        raise source.refusal("E412", f"The document cannot be read: {error}") from error
    if document.csaf_version not in ("2.0", "2.1"):
        message = f"The document is of CSAF {str(document.csaf_version)[:20]!r}, expected 2.0 or 2.1."
        raise source.refusal("E413", message, hint="Ask the supplier for CSAF 2.0.")
    make = partial(_findings, products=products)
    with json_cursor(source) as cursor:
        for key in cursor.members():
            if key == "vulnerabilities":
                yield from read_numbered(source, cursor.values(_Vulnerability), make, "cve")
        cursor.end()


def _products(tree: _Tree) -> dict[str, _Product]:
    found = [*(tree.full_product_names or ())]
    level = list(tree.branches or ())
    for _ in range(_DEPTH):
        found += [branch.product for branch in level if branch.product]
        level = [inner for branch in level for inner in branch.branches or ()]
    products = {one.product_id: one for one in found if one.product_id}
    for relation in tree.relationships or ():
        # "openssl as a part of RHEL 9" is the package; the whole is told by its name.
        whole, part = relation.full_product_name, products.get(relation.product_reference or "")
        if whole and whole.product_id:
            helper = whole.product_identification_helper or (
                part.product_identification_helper if part else None
            )
            products[whole.product_id] = _Product(whole.product_id, whole.name, helper)
    return products


def _findings(record: Any, where: str, *, products: dict[str, _Product]) -> Iterator[Finding]:
    raw = convert(record, _Vulnerability)
    names = [raw.cve or "", *(one.text or "" for one in raw.ids or ())]
    cves, aliases = split_ids([name for name in names if name])
    identifier = (*cves, *aliases)[:1]
    if not identifier:
        raise RecordError("The vulnerability has neither a CVE nor an id.", "E411")
    weakness = (raw.cwe if isinstance(raw.cwe, dict) else {}).get("id", "")
    for status, ids in (raw.product_status or {}).items():
        if status not in _STATUSES:
            raise RecordError(f"The product status {status[:40]!r} is none of CSAF.")
        for product_id in ids or ():
            product = products.get(product_id, _Product(product_id, product_id))
            score, vector, word = _score(raw.scores, product_id)
            yield Finding(
                where=where,
                identity=f"{identifier[0]}|{product_id}|{status}",
                asset=_NOWHERE,
                rule=f"csaf:{identifier[0]}",
                title=raw.title or f"{identifier[0]} in {product.name or product_id}",
                cves=cves,
                aliases=aliases,
                component=_component(product),
                kind="statement",
                status=_STATUSES[status],
                severity=parse_severity(word),
                severity_text=status,
                cvss_vectors=(vector,) if vector else (),
                cvss_score=score,
                cwes=cwe_ids([weakness]),
                justification=_reason(raw, product_id),
                remedy=next(
                    (one.details or "" for one in raw.remediations or () if _names(one, product_id)), ""
                ),
            )


def _names(one: _Threat | _Flag, product_id: str) -> bool:
    return one.product_ids is None or product_id in one.product_ids


def _reason(raw: _Vulnerability, product_id: str) -> str:
    reasons = [one.label or "" for one in raw.flags or () if _names(one, product_id)]
    reasons += [
        one.details or "" for one in raw.threats or () if one.category == "impact" and _names(one, product_id)
    ]
    return "; ".join(reason for reason in reasons if reason)[:1_000]


def _component(product: _Product) -> Component:
    helper = product.product_identification_helper or _Helper()
    purl = helper.purl or next(iter(helper.purls or ()), "")
    kind, title, version = split_purl(purl)
    return (
        Component(title, kind, version, (), purl)
        if title
        else Component(product.name or product.product_id or "")
    )


def _score(scores: Any, product_id: str) -> tuple[float | None, str, str]:
    """Return score, vector and word of the first CVSS rating of a product."""
    for one in scores if isinstance(scores, list) else ():
        rated = one.get("products") if isinstance(one, dict) else None
        if isinstance(rated, list) and product_id not in rated:
            continue
        for name in ("cvss_v4", "cvss_v3", "cvss_v2"):
            rating = one.get(name) if isinstance(one, dict) else None
            if isinstance(rating, dict):
                score, vector, word = (
                    rating.get(key) for key in ("baseScore", "vectorString", "baseSeverity")
                )
                number = (
                    float(score) if isinstance(score, int | float) and not isinstance(score, bool) else None
                )
                return (
                    score_in_range(number),
                    vector if isinstance(vector, str) else "",
                    word if isinstance(word, str) else "",
                )
    return None, "", ""


FORMATS = (Format("csaf-json", "CSAF", "json", _sniff, _read),)
