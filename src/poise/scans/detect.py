"""Telling a report's format from its content, and saying what an unknown file is."""

from __future__ import annotations

import re

from poise.scans.format import Format
from poise.scans.formats import all_formats, formats_of
from poise.scans.source import Source

#: First bytes of files that people pass by mistake, and how to say what they are.
_MAGIC = (
    (b"%PDF", "a PDF", "Export the report as XML, JSON or CSV instead of PDF."),
    (b"\xd0\xcf\x11\xe0", "an old Office document (xls or doc)", "Save it as CSV (UTF-8)."),
    (b"SQLite format 3", "an SQLite database", "Export a report from the tool that wrote it."),
    (b"\x89PNG", "a picture", "Export a report from the scanner."),
    (b"\x7fELF", "a program", "Pass the scanner's report, not the scanner."),
    (b"BZh", "a bzip2 archive", "Unpack it, or pack it as gzip or zip."),
    (b"\xfd7zXZ", "an xz archive", "Unpack it, or pack it as gzip or zip."),
    (b"7z\xbc\xaf", "a 7z archive", "Unpack it, or pack it as gzip or zip."),
    (b"(\xb5/\xfd", "a zstd archive", "Unpack it, or pack it as gzip or zip."),
    (b"PAR1", "a Parquet table", "Pass the scanner's own report."),
)

#: Marks of well-known formats that hold no scan findings, or are read by another command.
_KNOWN_ELSEWHERE = (
    (re.compile(r'"spdxVersion"\s*:\s*"SPDX'), "an SPDX software list without vulnerabilities"),
    (re.compile(r"<nmaprun\b"), "an Nmap port scan, which rates no vulnerability"),
)
#: Openings that no other format has, with the module that reads them. A pipeline waits for every reader
#: that is imported, so these are asked first; whatever they do not claim is told by all formats.
_SURE = (
    (re.compile(r'\s*\{[^{\[]*"(?:\$schema|version)"\s*:\s*"[^"]*(?:sarif|2\.1\.0)'), "sarif"),
    (re.compile(r'\s*\{\s*"SchemaVersion"\s*:\s*2\b'), "trivy"),
    (re.compile(r'\s*\{\s*"matches"\s*:\s*\[\s*\{\s*"vulnerability"'), "grype"),
    (re.compile(r'\s*\{\s*"bomFormat"\s*:\s*"CycloneDX"'), "cyclonedx_json"),
)
#: How much of a head [characters] is looked at first.
_FIRST = 4_096
_ROOT = re.compile(r"<([A-Za-z_][\w.:-]*)")
_XML_NOISE = re.compile(r"<\?.*?\?>|<!--.*?-->|<!DOCTYPE[^>\[]*(?:\[.*?\])?\s*>", re.S)
_JSON_TOKEN = re.compile(r'"((?:[^"\\]|\\.)*)"|[{}\[\]:]')


_HINT = "`poise scan formats` lists what can be read."
_WEB = "Upload the report as its scanner exports it for programs (XML, JSON, CSV), not as a page or PDF."


def detect(source: Source) -> Format:
    """Return the one format that claims the report.

    Parameters
    ----------
    source
        The opened report. A zip bundle is only offered to ``zip`` formats, everything else only
        to the others.

    Raises
    ------
    ScanFormatError
        E404, saying what was seen instead; E420 when several formats claim the report, which no
        report of a scanner does but a damaged one may.
    """
    head = source.head
    sure = None if source.is_bundle else _surely(head)
    if sure is not None:
        return sure
    claims = [one for one in all_formats() if (one.syntax == "zip") == source.is_bundle and one.sniff(head)]
    if len(claims) == 1:
        return claims[0]
    if claims:
        names = ", ".join(one.name for one in claims)
        message = f"The report looks like several formats at once: {names}."
        web = "Export it anew, as one report of one scanner."
        raise source.refusal("E420", message, hint="Name the right one with --format.", web=web)
    seen, hint = describe(source)
    web = _WEB if hint == _HINT else ""
    raise source.refusal("E404", f"No reader knows this file: it is {seen}.", hint=hint, web=web)


def _surely(head: str) -> Format | None:
    for opening, module in _SURE:
        if opening.match(head):
            # Most reports tell themselves in their first lines; what follows takes longer to look at.
            formats = formats_of(module)
            return next((one for part in (head[:_FIRST], head) for one in formats if one.sniff(part)), None)
    return None


def describe(source: Source) -> tuple[str, str]:
    """Return what an unknown file is, as the end of a sentence, and a hint (may be empty)."""
    if source.is_bundle:
        names = [member.member_name for member in source.members]
        if "[Content_Types].xml" in names:
            return "an Office document (xlsx or docx)", "Save it as CSV (UTF-8)."
        return f"a zip of {len(names)} files ({_listing(names)})", "Pass the reports themselves."
    for magic, seen, hint in _MAGIC:
        if source.start.startswith(magic):
            return seen, hint
    head = source.head.lstrip()
    for pattern, seen in _KNOWN_ELSEWHERE:
        if pattern.search(head):
            return seen, _HINT
    hint = _HINT
    if "\0" in head[:1_000]:
        return "binary data", hint
    if head.startswith("<"):
        return _describe_xml(head), hint
    if head.startswith(("{", "[")):
        return _describe_json(head), hint
    if not head:
        return "nothing but blanks", "Export the report again."
    line = head.partition("\n")[0].strip()
    return f"text that begins {_short(line)!r}", hint


def _describe_xml(head: str) -> str:
    if re.match(r"<!doctype html|<html\b", head, re.IGNORECASE):
        return "an HTML page"
    root = _ROOT.search(_XML_NOISE.sub("", head))
    return f"XML with the root element <{_short(root[1])}>" if root else "XML without a root element"


def _describe_json(head: str) -> str:
    keys = json_keys(head)
    kind = "a JSON object" if head.startswith("{") else "a JSON array of objects"
    if keys:
        return f"{kind} with the keys {_listing(keys)}"
    return "a JSON object without keys" if head.startswith("{") else "a JSON array without objects"


def json_keys(head: str) -> list[str]:
    """Return the keys of the outermost JSON object, or of the first object of an outermost array.

    Works on an opening that is cut off anywhere, and never fails.
    """
    head = head.lstrip()
    level = 2 if head.startswith("[") else 1
    depth = 0
    keys: dict[str, None] = {}
    text: str | None = None
    for token in _JSON_TOKEN.finditer(head):
        mark = token[0]
        if token[1] is not None:
            text = token[1]
            continue
        if mark == ":" and depth == level and text is not None:
            keys[text] = None
        elif mark in "{[":
            depth += 1
        elif mark in "}]":
            depth -= 1
            if depth < level:
                break
        text = None
    return list(keys)


def _listing(names: list[str]) -> str:
    shown = ", ".join(_short(name) for name in names[:6])
    return shown + (f" and {len(names) - 6} more" if len(names) > 6 else "")


def _short(text: str) -> str:
    printable = "".join(letter if letter.isprintable() else "?" for letter in text[:61])
    return f"{printable[:60]}..." if len(printable) > 60 else printable
