"""What a web reader is told to do can be done on the web; before a table is open, pages teach."""

from __future__ import annotations

import ast
import html
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

import poise
from desk.test_permissions import addresses, sample_of
from poise.cli import COMMANDS
from poise.desk import convert, places
from poise.desk.actions import Actor, table
from poise.desk.models import Job
from poise.desk.permissions import may
from poise.errors import Fault, TableError

SOURCE = Path(poise.__file__).parent
#: A command, or an option of one, as a hint names it.
COMMAND = re.compile(rf"\bpoise ({'|'.join(COMMANDS)})\b|(?<![\w-])--[a-z]{{2,}}")
#: Rooms and modules, perhaps with words of a text there, whose commands no web reader meets, and why.
ELSEWHERE = {
    "cli": "the command line itself",
    "estate/draft.py": "a comment in a file that the command line writes",
    "evidence": "replay is run by the command line",
    "gate/baseline.py": "made in a pipeline",
    "gate/delivery.py": "said in a pipeline",
    "gate/documents.py": "signed files; the desk signs on its ledger",
    "gate/evidence.py": "says to whoever runs the pipeline how evidence is made",
    "gate/explain.py": "says in a verdict what its readers can do in a pipeline",
    "gate/facts.py": "read in a pipeline",
    "gate/fourkeys.py": "calls git",
    "gate/intake.py": "names the command that writes the file to hand in",
    "gate/outputs": "written in a pipeline",
    "gate/page.py": "written in a pipeline",
    "gate/sourcetree.py": "calls git",
    "gate/testplan.py": "read in a pipeline",
    "incident/room.py": "holds are set and ended by the command line",
    "ledger/checkpoint.py": "checkpoints are read by the command line",
    "ledger/keyfile.py": "files of keys; the desk makes its own",
    "ledger/roster.py shows who is deputy": "deputies are recalled by the command line",
    "ledger/store.py": "ledgers in files",
    "patching/planner.py days old": "a notice of the plan document",
    "report": "files of the command line",
    "risk/simulation/storage.py": "files of the command line",
    "sample": "made by the command line",
    "table/negotiation.py agree seal wrote": "the desk keeps sealed files itself",
    "threats/download.py": "feeds are fetched by the command line",
    "threats/priors.py": "fitted by the command line",
    "threats/update.py": "feeds are fetched by the command line",
    "desk/backup.py": "run by the command line",
}


def named_commands() -> Iterator[tuple[str, int, str, bool]]:
    """Yield each text outside docstrings that names a command: where, what, whether a web hint is near."""
    for path in sorted(SOURCE.rglob("*.py")):
        module = path.relative_to(SOURCE).as_posix()
        content = path.read_text(encoding="utf-8")
        if not COMMAND.search(content):
            continue
        tree = ast.parse(content)
        lines = content.splitlines()
        said = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            is_text = isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in said
            if is_text and COMMAND.search(node.value):
                around = "\n".join(lines[max(0, node.lineno - 3) : node.lineno + 4])
                yield module, node.lineno, node.value, bool(re.search(r"\bweb\b|_WEB\b|Whoever runs", around))


def test_a_hint_that_names_a_command_has_one_for_the_web() -> None:
    """Nobody in a browser is sent to a terminal; what they cannot meet is listed with why."""
    met = [
        f"{module}:{line}: {text}"
        for module, line, text, has_web in named_commands()
        if not has_web and not any(is_at(place, module, text) for place in ELSEWHERE)
    ]
    assert met == []
    named = [(module, text) for module, _, text, _ in named_commands()]
    assert [place for place in ELSEWHERE if not any(is_at(place, *one) for one in named)] == []


def is_at(place: str, module: str, text: str) -> bool:
    """Return whether a text stands at a place of the list: in a room or module, perhaps with some words."""
    room, _, words = place.partition(" ")
    return module.startswith(room) and words in text


def text_of(content: bytes) -> str:
    """Return what a page says, without its marks."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", content.decode())).split())


@pytest.mark.parametrize("pattern", addresses(), ids=lambda one: one.name)
def test_pages_before_a_table_teach(
    pattern: Any, cast: dict[str, Any], sign_in: Callable[[Any], Client]
) -> None:
    """Whatever stands on a table says so, and what starts one, and who may; none names a command."""
    view = pattern.callback
    if "GET" not in view.methods:
        return
    for role, user in cast.items():
        if not may(role, view.permission):
            continue
        answer = sign_in(user).get(sample_of(pattern))
        if "text/html" not in answer["Content-Type"]:
            continue
        text = text_of(b"".join(answer))
        assert "hint: poise" not in text
        assert "E555" not in text
        if "This page needs a table" in text:
            assert answer.status_code == 404
            assert "a description of the estate" in text
            assert "Operations lead (CIO)" in text or may(role, "table.open")


def test_pages_that_need_a_table_are_found_and_offer_to_open_one(
    ciso: Any, auditor: Any, sign_in: Callable[[Any], Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With estate and report there, who may open one gets the button, others read who may."""
    monkeypatch.setattr(
        "poise.desk.pages.table.table.lacking",
        lambda: table.Lacking(estate=False, report=False, jobs=(), who=("Operations lead (CIO)",)),
    )
    for path in ("/plan/default", "/table/new-limit", "/table/limits/x", "/plan/why", "/table/importance"):
        mine = sign_in(ciso).get(path)
        assert mine.status_code == 404, path
        assert "This page needs a table" in mine.content.decode(), path
        assert "Open a table on today&#x27;s data" in mine.content.decode() or (
            "Open a table on today's data" in mine.content.decode()
        ), path
    theirs = sign_in(auditor).get("/plan/default").content.decode()
    assert "Open a table" not in theirs
    assert "These may open one: Operations lead (CIO)." in theirs
    posted = sign_in(ciso).post("/table/propose", {"plan": "default"})
    assert posted.status_code == 400, "an act is refused, with the hint of the web"
    assert "poise table open" not in posted.content.decode()
    assert "Open one under Table." in posted.content.decode()


def test_while_a_table_is_opened_its_pages_say_so(ciso: Any, sign_in: Callable[[Any], Client]) -> None:
    """What is under way is told with its progress, and the button is gone."""
    by = Actor.of(ciso)
    Job.objects.create(kind=table.OPEN_JOB, title="Opening the table", created=by.now, step="solving")
    for path in ("/table", "/plan/default"):
        text = sign_in(ciso).get(path).content.decode()
        assert "A table is being opened" in text
        assert "Opening the table" in text
        assert '<button class="main">' not in text


def test_the_web_reads_its_own_hint_and_the_command_line_its_own(ciso: Any) -> None:
    """One fault has both, and JSON for programs stays as it was."""
    with pytest.raises(TableError) as caught:
        _ = convert.session(Actor.of(ciso).now).ground
    (fault,) = caught.value.faults
    assert fault.hint == "poise table open starts one."
    assert places.told(caught.value).endswith("hint: Open one under Table.")
    assert Fault("E555", "table", "x", "y", "z").as_dict() == {
        "id": "E555",
        "where": "table",
        "message": "x",
        "hint": "y",
    }
