"""JUnit XML of security tests: a test that failed or broke is a finding, one that was skipped is told.

A report of no test at all proves nothing; the number of tests stands in its provenance, and zero is fault
E418.
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from poise.errors import Fault
from poise.scans.codeplace import place_of
from poise.scans.finding import AssetIdentity, Finding, Provenance
from poise.scans.format import Format
from poise.scans.identifiers import parse_when, trim_evidence
from poise.scans.source import Source
from poise.scans.xmlstream import elements, root_name


def _sniff(head: str) -> bool:
    return root_name(head)[0] in ("testsuites", "testsuite")


def _read(source: Source) -> Iterator[Finding | Fault | Provenance]:
    count = skipped = 0
    tool, when = "", ""
    for case, ancestors in elements(source, {"testcase"}):
        suite = next((one for one in reversed(ancestors) if one.tag == "testsuite"), None)
        if suite is not None:
            tool, when = tool or suite.get("name", ""), suite.get("timestamp", "") or when
        count += 1
        bad = [part for part in case if part.tag in ("failure", "error")]
        skipped += any(part.tag == "skipped" for part in case)
        if bad:
            yield _finding(case, bad[0], f"test {count}")
    if not count:
        hint = "Look at the log of the test run."
        yield source.fault("E418", "The report holds no test: none ran.", hint=hint)
    elif skipped == count:
        yield source.fault("E418", f"All {count:,} tests were skipped, so none ran.")
    problems = (f"{skipped:,} of {count:,} tests were skipped",) if skipped else ()
    yield Provenance(tool=tool, finished=parse_when(when), checks=count - skipped, problems=problems)


def _finding(case: Element, bad: Element, where: str) -> Finding:
    name = case.get("name", "").strip() or "(no name)"
    group = case.get("classname", "").strip()
    path = case.get("file", "")
    text = (bad.text or "").strip()
    return Finding(
        where=where,
        identity=f"{group}|{name}|{path}",
        asset=AssetIdentity(),
        rule=f"test:{group}.{name}".replace(":.", ":"),
        title=(bad.get("message") or text.partition("\n")[0] or f"{name} {bad.tag}").strip()[:400],
        kind="test",
        severity_text=bad.tag,
        locations=(group,) if group else (),
        evidence=trim_evidence(text),
        place=place_of(path, case.get("line"), snippet=name),
    )


FORMATS = (Format("junit-xml", "JUnit", "xml", _sniff, _read),)
