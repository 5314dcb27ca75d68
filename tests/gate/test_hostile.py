"""Reports that aim at the terminal, at annotations or at memory do no harm and are told."""

from __future__ import annotations

import json
import re
import resource
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.build import POLICY, Desk, result, sarif, signed
from poise.gate.outputs import write_outputs
from poise.gate.outputs.annotations import ci_annotations
from poise.gate.page import MAX_LINES, page
from poise.gate.plain import inert_json, plain
from poise.gate.verdict import encode
from scans.corpus import label, samples, syntax

NASTY = (
    "\x1b[2J\x1b]0;title\x07\r\n::error::gotcha\n##vso[task.complete result=Succeeded]"
    "\u202e\ud800`````\x00%0A::set-output"
)


#: What GitHub's and Azure's runners obey in a line that a step prints.
COMMAND = re.compile(r"^\s*::|##\[|##vso\[", re.I | re.M)


def assert_commands_nothing(shown: str) -> None:
    """Check what is printed in a pipeline: neither the terminal nor the runner finds a command."""
    assert not COMMAND.search(shown), shown
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", shown)


@given(st.text(st.sampled_from("#: vso[]-a\n\u2028")), st.integers(4, 60))
def test_plain_text_is_no_command(text: str, characters: int) -> None:
    """However the signs of a command are put together, none comes out; what is left of a word stays."""
    assert not COMMAND.search(plain(text, characters))
    assert not COMMAND.search(f"  - {plain(text, characters)}")
    assert plain("std::vector ##") == "std::vector ##"


@given(st.text(st.sampled_from('#: vso[]\\"a')))
def test_json_on_standard_output_is_no_command(text: str) -> None:
    """It means the same, and no runner obeys it."""
    shown = inert_json(json.dumps({"title": text}, indent=1))
    assert not COMMAND.search(shown)
    assert json.loads(shown) == {"title": text}


@given(st.text(), st.integers(4, 60))
def test_plain_text_is_plain(text: str, characters: int) -> None:
    """Nothing of a report may move a cursor, break a line or turn the reading direction."""
    found = plain(text, characters)
    assert len(found) <= characters
    assert found.isprintable()
    found.encode()


def test_texts_of_a_report_command_nothing(desk: Desk) -> None:
    """A title is data, wherever it is printed."""
    bad = result(NASTY, path=f"src/{NASTY}.py")
    bad["message"]["text"] = NASTY
    verdict, judged = desk.judge_whole(sarif([bad], tool=NASTY))
    policy = signed().policy
    write_outputs(desk.folder / "out", verdict, policy, judged)
    shown = page(verdict, policy)
    for text in (shown, ci_annotations(verdict, "github"), ci_annotations(verdict, "azure")):
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f\u202e]", text)
    for line in ci_annotations(verdict, "github").splitlines():
        assert line.startswith("::error ")
    assert_commands_nothing(shown)
    assert all(
        line.startswith("##vso[task.logissue") for line in ci_annotations(verdict, "azure").splitlines()
    )
    ElementTree.parse(desk.folder / "out/junit.xml")
    summary = (desk.folder / "out/summary.md").read_text()
    fence = re.findall(r"^`+", summary, re.M)
    assert len(fence) == 2
    assert len(fence[0]) > 5


def test_the_page_has_at_most_sixty_lines(desk: Desk) -> None:
    """More is not read."""
    many = [result(f"rule{n}", line=n + 1, snippet=str(n)) for n in range(3_000)]
    verdict = desk.judge(sarif(many))
    text = page(verdict, signed().policy)
    assert len(text.splitlines()) <= MAX_LINES
    assert "2,995 more findings" in text
    for part in ("IS BLOCKED", "why:", "fix:", "can lift it", "Risk budget", "Reports"):
        assert part in text


def poisoned(sample: Path) -> bytes:
    """Return a sample with commands in every text that people read: those with a blank inside."""
    text = sample.read_text(encoding="utf-8")
    if syntax(sample) == "json":
        bad = json.dumps(NASTY)[1:-1]
        return re.sub(r'(": ?"(?:[^"\\]|\\.)* (?:[^"\\]|\\.)*)"', lambda m: f'{m[1]} {bad}"', text).encode()
    legal = re.sub(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd]", "", NASTY).replace("\r\n", " ")
    if syntax(sample) == "xml":
        return re.sub(r">([^<>]*\w \w[^<>]*)<", lambda m: f">{m[1]} {legal}<", text).encode()
    head, *rows = text.splitlines(keepends=True)
    return (head + "".join(re.sub(r"(\w \w+)", lambda m: f"{m[1]} {legal}", row) for row in rows)).encode()


@pytest.mark.parametrize("sample", samples(), ids=label)
def test_no_format_carries_a_command_through(sample: Path, desk: Desk) -> None:
    """Of every format that is read: terminal, runner, Markdown, JUnit and the JSON outputs stay data."""
    text = POLICY.replace("    max_age: 7d\n", "    max_age: 3000d\n    commit: if_stated\n")
    text = text.replace("rules:\n", "rules:\n  - {id: all, when: {new: yes}, then: warn, because: seen}\n", 1)
    verdict, judged = desk.judge_whole(desk.write("report", poisoned(sample)), text=text)
    policy = signed(text).policy
    write_outputs(desk.folder / "out", verdict, policy, judged)
    assert_commands_nothing(page(verdict, policy))
    assert_commands_nothing(inert_json(encode(verdict).decode()))
    for system, start in (("github", r"::(error|warning) "), ("azure", r"##vso\[task\.logissue ")):
        for line in ci_annotations(verdict, system).splitlines():
            assert re.match(start, line)
            assert not COMMAND.search(re.sub(f"^{start}", "", line))
    ElementTree.parse(desk.folder / "out/junit.xml")
    summary = (desk.folder / "out/summary.md").read_text()
    assert re.findall(r"^ {0,3}`{3,}.*$", summary, re.M)[0].endswith("text")
    assert len(re.findall(r"^ {0,3}`{3,}", summary, re.M)) == 2
    for name in ("verdict.json", "gl-code-quality.json", "all.sarif", "github.sarif"):
        json.loads((desk.folder / "out" / name).read_bytes())


#: Samples that are one object; of lines each is a document of its own.
JSON_OBJECTS = [
    sample
    for sample in samples()
    if syntax(sample) == "json"
    and (text := sample.read_text(encoding="utf-8").lstrip()).startswith("{")
    and "\n{" not in text
]


@pytest.mark.parametrize("sample", JSON_OBJECTS, ids=label)
def test_a_doubled_key_of_any_format_is_no_pass(sample: Path, desk: Desk) -> None:
    """Two readers of one file must not see two reports: what stands twice is refused."""
    text = sample.read_text(encoding="utf-8").lstrip()
    key = re.match(r'\{\s*("(?:[^"\\]|\\.)*")', text)
    assert key
    doubled = f"{{{key[1]}: null, {text[1:]}"
    assert desk.judge(desk.write("report.json", doubled)).exit_code == 3


@pytest.mark.parametrize(
    "content",
    [
        b'{"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "x"}}, "results": ' + b"[" * 100_000,
        b'{"version": "2.1.0", "version": "2.1.0", "runs": []}',
        b'{"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "\\ud800"}}, "results": [7]}]}',
        b'{"version": "2.1.0", "runs": [{"tool": 7, "results": [{}]}]}',
    ],
)
def test_a_hostile_report_is_no_pass(desk: Desk, content: bytes) -> None:
    """Deep, doubled, broken: the verdict says so."""
    assert desk.judge(desk.write("report.json", content)).exit_code == 3


@pytest.mark.long
def test_a_report_of_a_gigabyte_stays_small_in_memory(tmp_path: Path) -> None:
    """Two million results, and the gate keeps counts of them."""
    head, tail = json.dumps(sarif(["here"])).split('"here"')  # type: ignore[list-item]
    one = json.dumps(result(snippet="x" * 300, level="note"))
    path = tmp_path / "report.json"
    with path.open("w") as stream:
        stream.write(head + one)
        for _ in range(2_000_000):
            stream.write("," + one)
        stream.write(tail)
    assert path.stat().st_size > 1_000_000_000
    (tmp_path / "policy.yaml").write_text(POLICY)
    command = [
        sys.executable,
        "-m",
        "poise.cli",
        "gate",
        "run",
        f"code={path}",
        "--policy",
        str(tmp_path / "policy.yaml"),
    ]
    command += ["--unsigned", "--first-run", "--commit", "1f2e3d4c5b6a", "--now", "2026-03-02T12:00Z"]
    limit = 400 * 1024 * 1024
    done = subprocess.run(
        command,
        capture_output=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
