"""The verdict as JUnit XML, which every CI system shows: a suite per report, errors for missing evidence."""

from __future__ import annotations

import io
from xml.etree.ElementTree import Element, ElementTree, SubElement

from poise.gate.plain import plain
from poise.gate.verdict import JudgedFinding, JudgedReport, Verdict


def junit(verdict: Verdict) -> bytes:
    """Return the report; a suite whose report is fine and blocks nothing holds one test that passes."""
    root = Element("testsuites", name=plain(f"poise gate: {verdict.service}", 200))
    for report in verdict.reports:
        _suite(root, report, [one for one in verdict.findings if one.report == report.name])
    general = [text for text in verdict.incomplete if not _is_of_report(text, verdict)]
    if general:
        suite = SubElement(
            root, "testsuite", name="evidence", tests=str(len(general)), errors=str(len(general))
        )
        for text in general:
            case = SubElement(suite, "testcase", classname="evidence", name=plain(text, 120))
            SubElement(case, "error", message=plain(text, 400))
    buffer = io.BytesIO()
    ElementTree(root).write(buffer, encoding="utf-8", xml_declaration=True)
    return buffer.getvalue() + b"\n"


def _is_of_report(text: str, verdict: Verdict) -> bool:
    return any(text.startswith(f"{report.name}: ") for report in verdict.reports)


def _suite(root: Element, report: JudgedReport, findings: list[JudgedFinding]) -> None:
    blocking = [one for one in findings if one.outcome == "block"]
    count = max(1, len(blocking) + len(report.problems))
    suite = SubElement(
        root,
        "testsuite",
        name=plain(report.name, 80),
        tests=str(count),
        failures=str(len(blocking)),
        errors=str(len(report.problems)),
        skipped="1" if report.skipped else "0",
    )
    for text in report.problems:
        case = SubElement(suite, "testcase", classname=report.name, name="evidence")
        SubElement(case, "error", message=plain(text, 400))
    for one in blocking:
        case = SubElement(suite, "testcase", classname=report.name, name=plain(f"{one.id} {one.title}", 200))
        failure = SubElement(case, "failure", message=plain(f"[{one.rule}] {one.title}", 400))
        failure.text = plain(f"{one.path}:{one.line or ''} {one.component} {one.version}", 400)
    if not blocking and not report.problems:
        case = SubElement(suite, "testcase", classname=report.name, name="the report blocks nothing")
        if report.skipped:
            SubElement(case, "skipped", message=plain(report.skipped, 400))
