"""Whatever stands in reports, policies and documents, a delivery ends in a verdict or in faults."""

from __future__ import annotations

import json
import random
from contextlib import suppress
from pathlib import Path
from xml.etree import ElementTree

import pytest

from gate.build import COMMIT, NOW, POLICY, Desk, signed
from gate.test_documents import FILES, PIECES
from poise.errors import PoiseError
from poise.gate.delivery import Request, judge_delivery
from poise.gate.outputs import write_outputs
from poise.gate.outputs.annotations import ci_annotations
from poise.gate.page import MAX_LINES, page
from poise.gate.policyfile import parse_policy
from poise.gate.sentences import sentences
from scans.corpus import label, samples
from scans.test_fuzz import TOKENS

#: Takes what any scanner writes, so that mutated reports reach rules and outputs.
LENIENT = POLICY.replace("    max_age: 7d\n", "    max_age: 3000d\n    commit: if_stated\n")


def mutated(original: bytes, draw: random.Random, tokens: tuple[bytes, ...] | list[bytes]) -> bytes:
    """Return some bytes with up to five places overwritten."""
    data = bytearray(original)
    for _ in range(draw.randint(1, 5)):
        start = draw.randrange(len(data) + 1)
        data[start : start + draw.choice((0, 1, 5, 80))] = draw.choice(tokens)
    return bytes(data)


def judge(desk: Desk, report: Path, out: Path) -> None:
    """Judge a report and write everything; what comes out can be read and shown."""
    request = Request("shop", COMMIT, NOW, [("code", report)], first_run=True)
    verdict, judged = judge_delivery(request, signed(LENIENT))
    policy = signed(LENIENT).policy
    assert verdict.exit_code in (0, 1, 3)
    assert (verdict.exit_code == 3) == bool(verdict.incomplete)
    write_outputs(out, verdict, policy, judged)
    for name in ("verdict.json", "gl-code-quality.json", "all.sarif", "github.sarif"):
        json.loads((out / name).read_bytes())
    ElementTree.parse(out / "junit.xml")
    lines = page(verdict, policy).splitlines()
    assert len(lines) <= MAX_LINES
    assert all(line.isprintable() for line in lines)
    assert all(line.isprintable() for line in ci_annotations(verdict, "github").splitlines())


@pytest.mark.parametrize("sample", samples(), ids=label)
def test_a_report_of_every_scanner_ends_in_a_verdict(sample: Path, desk: Desk) -> None:
    """As it is, and with a few bytes overwritten."""
    draw = random.Random(label(sample))
    original = sample.read_bytes()
    judge(desk, desk.write("report", original), desk.folder / "out")
    for _ in range(3):
        judge(desk, desk.write("report", mutated(original, draw, TOKENS)), desk.folder / "out")


@pytest.mark.long
@pytest.mark.parametrize("sample", samples(), ids=label)
def test_many_mutated_reports_end_in_a_verdict(sample: Path, desk: Desk) -> None:
    """The same two hundred times for every scanner."""
    draw = random.Random(f"long {label(sample)}")
    original = sample.read_bytes()
    for _ in range(200):
        judge(desk, desk.write("report", mutated(original, draw, TOKENS)), desk.folder / "out")


@pytest.mark.long
@pytest.mark.parametrize("name", sorted(FILES))
def test_many_mutated_documents_are_read_or_refused(name: str, desk: Desk) -> None:
    """Policies, baselines, histories, lists and signed words, five thousand times each."""
    content, read = FILES[name]
    draw = random.Random(name)
    for _ in range(5_000):
        path = desk.write("file", mutated(content, draw, PIECES))
        with suppress(PoiseError):
            read(path)


@pytest.mark.long
def test_many_mutated_policies_are_read_or_refused() -> None:
    """Twenty thousand: what is read can be said in sentences."""
    draw = random.Random(1)
    tokens = [token for token in (*TOKENS, b"&a ", b"*a", b"!!x ", b"- ", b": ", b"  ") if token != b"\xff"]
    for _ in range(20_000):
        text = mutated(POLICY.encode(), draw, tokens).decode("utf-8", "replace")
        with suppress(PoiseError):
            assert sentences(parse_policy(text, "policy.yaml"))
