"""Annotations: lines on standard output that a CI system turns into marks beside the code.

GitHub shows ten errors and ten warnings of a step; the worst are printed. What stands in a report must
never become a command of its own, so texts are made plain first and then escaped as the runners want it.
"""

from __future__ import annotations

from typing import Final

from poise.gate.plain import plain
from poise.gate.verdict import JudgedFinding, Verdict

#: Errors and warnings of one step that GitHub shows.
SHOWN: Final = 10


def ci_annotations(verdict: Verdict, system: str) -> str:
    """Return the lines for ``github`` or ``azure``."""
    lines = [_line(system, "error", "", None, "evidence", text) for text in verdict.incomplete[:SHOWN]]
    for outcome, level in (("block", "error"), ("warn", "warning")):
        room = SHOWN - (len(lines) if level == "error" else 0)
        chosen = [one for one in verdict.findings if one.outcome == outcome][: max(0, room)]
        lines += [_finding(system, level, one) for one in chosen]
    return "".join(f"{line}\n" for line in lines)


def _finding(system: str, level: str, one: JudgedFinding) -> str:
    text = f"{one.severity} {one.kind}: {one.title}"
    return _line(system, level, one.path, one.line, one.rule, text)


def _line(system: str, level: str, path: str, line: int | None, title: str, text: str) -> str:
    path, title, text = plain(path, 300), plain(title, 80), plain(text, 400)
    if system == "azure":
        place = f"sourcepath={_azure(path)};linenumber={line or 1};" if path else ""
        return f"##vso[task.logissue type={level};{place}code={_azure(title)};]{_azure_data(text)}"
    properties = [f"title={_github(title)}"]
    if path:
        properties = [f"file={_github(path)}", f"line={line or 1}", *properties]
    return f"::{level} {','.join(properties)}::{_github_data(text)}"


def _github_data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _github(text: str) -> str:
    return _github_data(text).replace(":", "%3A").replace(",", "%2C")


def _azure_data(text: str) -> str:
    return text.replace("%", "%AZP25").replace("\r", "%0D").replace("\n", "%0A")


def _azure(text: str) -> str:
    return _azure_data(text).replace(";", "%3B").replace("]", "%5D")
