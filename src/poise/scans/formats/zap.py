"""ZAP's reports: traditional XML and traditional JSON.

One alert of one site is one finding; its instances (addresses, parameters) are the places where it shows.
The XML writes the addresses of an alert either as instances or, before version 2.5, one alert item each.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final
from xml.etree.ElementTree import Element

from poise.errors import Fault
from poise.scans.codeplace import cwe_ids, place_of
from poise.scans.finding import AssetIdentity, Finding, Provenance, Severity, Status
from poise.scans.format import Format
from poise.scans.identifiers import trim_evidence
from poise.scans.jsonshape import shape_of
from poise.scans.recordlists import text, told
from poise.scans.records import RecordError, json_cursor, record_fault
from poise.scans.source import Source
from poise.scans.xmlfields import plain
from poise.scans.xmlstream import elements, root_name

_RISKS: Final[dict[str, Severity]] = {"3": "high", "2": "medium", "1": "low", "0": "info"}
_FALSE_POSITIVE: Final = "0"
_LISTED_INSTANCES: Final = 200


def _sniff_xml(head: str) -> bool:
    return root_name(head)[0] == "OWASPZAPReport"


def _read_xml(source: Source) -> Iterator[Finding | Fault | Provenance]:
    version = ""
    for count, (element, ancestors) in enumerate(elements(source, {"alertitem"}), start=1):
        version = version or ancestors[0].get("version", "")
        site = next((one for one in reversed(ancestors) if one.tag == "site"), None)
        where = f"alert {count}"
        try:
            yield _alert(_fields(element), site.get("name", "") if site is not None else "", where)
        except RecordError as error:
            yield record_fault(source, where, error)
    yield Provenance(tool="ZAP", tool_version=version)


def _fields(element: Element) -> dict[str, Any]:
    found: dict[str, Any] = {part.tag: part.text or "" for part in element if len(part) == 0}
    found["instances"] = [
        {part.tag: part.text or "" for part in one} for one in element.iterfind("instances/instance")
    ]
    return found


def _sniff_json(head: str) -> bool:
    shape = shape_of(head)
    return "site" in shape and ("@version" in shape or "site[].alerts" in shape or "site[].@name" in shape)


def _read_json(source: Source) -> Iterator[Finding | Fault | Provenance]:
    version, count = "", 0
    names = _site_names(source)
    with json_cursor(source) as cursor:
        for key in cursor.members():
            if key == "@version":
                version = text(cursor.value())
            elif key == "site":
                for number in cursor.elements():
                    for inside in cursor.members():
                        if inside == "alerts":
                            for record in cursor.values():
                                count += 1
                                yield from told(source, _Maker(names[number]), record, f"alert {count}")
        cursor.end()
    yield Provenance(tool="ZAP", tool_version=version)


def _site_names(source: Source) -> list[str]:
    found: list[str] = []
    with json_cursor(source) as cursor:
        for key in cursor.members():
            if key == "site":
                for _ in cursor.elements():
                    found.append("")
                    for inside in cursor.members():
                        if inside == "@name":
                            found[-1] = text(cursor.value())
    return found


class _Maker:
    """Makes findings of one site."""

    def __init__(self, site: str) -> None:
        self._site = site

    def __call__(self, record: Any, where: str) -> Iterator[Finding]:
        if not isinstance(record, dict):
            raise RecordError("The alert is no object.")
        yield _alert(record, self._site, where)


def _alert(record: dict[str, Any], site: str, where: str) -> Finding:
    rule = text(record.get("alertRef")) or text(record.get("pluginid"))
    title = text(record.get("alert")) or text(record.get("name"))
    if not rule and not title:
        raise RecordError("The alert names neither a rule (pluginid) nor itself.", "E411")
    listed = record.get("instances")
    instances = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    if not instances and text(record.get("uri")):
        instances = [record]
    places = []
    for one in instances[:_LISTED_INSTANCES]:
        parameter = text(one.get("param"))
        address = f"{text(one.get('method'))} {text(one.get('uri'))}".strip()
        places.append(f"{address} ({parameter})" if parameter else address)
    if len(instances) > _LISTED_INSTANCES:
        places.append(f"and {len(instances) - _LISTED_INSTANCES:,} more")
    word = text(record.get("riskcode")).strip()
    status: Status = "false_positive" if text(record.get("confidence")).strip() == _FALSE_POSITIVE else "open"
    first = instances[0] if instances else {}
    # An alert item of the old layout is one address; of the new one it is the rule on the site.
    spot = "" if isinstance(listed, list) and listed else text(record.get("uri"))
    return Finding(
        where=where,
        identity=f"{site}|{rule}|{title}|{word}|{text(record.get('confidence')).strip()}|{spot}",
        asset=AssetIdentity(hostnames=(site,) if site else ()),
        rule=f"zap:{rule or title}",
        title=title or rule,
        kind="web",
        status=status,
        severity=_RISKS.get(word),
        severity_text=text(record.get("riskdesc")) or word,
        locations=tuple(dict.fromkeys(place for place in places if place)),
        evidence=trim_evidence(text(first.get("evidence"))),
        remedy=plain(text(record.get("solution")))[:400],
        place=place_of(site or text(first.get("uri")), snippet=title),
        cwes=cwe_ids([text(record.get("cweid")).strip()]),
        justification="marked as a false positive in ZAP" if status == "false_positive" else "",
        references=tuple(
            word for word in plain(text(record.get("reference"))).split() if word.startswith("http")
        ),
    )


FORMATS = (
    Format("zap-xml", "ZAP", "xml", _sniff_xml, _read_xml),
    Format("zap-json", "ZAP", "json", _sniff_json, _read_json),
)
