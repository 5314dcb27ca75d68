"""The shape that ARCHITECTURE.md promises."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[1] / "src" / "poise"
#: Migrations are what Django wrote of the models, one after another.
MODULES = sorted(path for path in SOURCE.rglob("*.py") if path.parent.name != "migrations")
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 60
FORBIDDEN_NAMES = {"utils", "helpers", "common", "manager", "core", "misc"}


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield every function of a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return a function's length without its docstring."""
    first = function.body[0]
    has_docstring = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    docstring = (first.end_lineno or 0) - first.lineno + 1 if has_docstring else 0
    return (function.end_lineno or 0) - function.lineno + 1 - docstring


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_no_module_has_a_long_tail(path: Path) -> None:
    """A newcomer reads a file in one sitting and a function on one screen; names say what is inside."""
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    assert len(text.splitlines()) <= MAX_FILE_LINES
    assert path.stem not in FORBIDDEN_NAMES
    too_long = [f"{f.name}:{body_lines(f)}" for f in functions(tree) if body_lines(f) > MAX_FUNCTION_LINES]
    assert not too_long


def test_only_the_process_edge_catches_everything() -> None:
    """A broad except hides faults; one place turns them into a message."""
    broad = []
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ExceptHandler):
                name = getattr(node.type, "id", None)
                is_passed_on = isinstance(node.body[-1], ast.Raise) and node.body[-1].exc is None
                if not is_passed_on and (node.type is None or name in ("Exception", "BaseException")):
                    broad.append(str(path.relative_to(SOURCE)))
    assert broad == ["cli/__init__.py"]


#: Rooms whose modules are as many as there are formats, commands or features, each named after its own.
NAMED_ALIKE = {"formats", "cli", "pages", "models", "api", "charts"}


def test_the_list_of_modules_is_whole() -> None:
    """ARCHITECTURE.md names every module of a room in that room's line, and none that is not there."""
    text = (SOURCE.parents[1] / "ARCHITECTURE.md").read_text(encoding="utf-8")
    section = re.search(r"^## Modules.*?^## ", text, re.MULTILINE | re.DOTALL)
    assert section
    listed: dict[str, set[str]] = {}
    for rooms, said in re.findall(r"((?:\*\*[\w/]+\*\*(?:, | and )?)+)([^*]*)", section.group(0)):
        for room in re.findall(r"\*\*([\w/]+)\*\*", rooms):
            listed.setdefault(room, set()).update(re.findall(r"`(\w+)`", said))
    there: dict[str, set[str]] = {}
    for path in MODULES:
        if path.parent != SOURCE and path.parent.name not in NAMED_ALIKE and path.stem != "__init__":
            there.setdefault(str(path.parent.relative_to(SOURCE)), set()).add(path.stem)
    assert {room: listed.get(room, set()) for room in there} == there


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_public_names_say_what_they_are(path: Path) -> None:
    """Every public module, class and function carries a docstring."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree), "module"
    bare = [
        node.name
        for node in tree.body
        if isinstance(node, ast.ClassDef | ast.FunctionDef)
        and not node.name.startswith("_")
        and not ast.get_docstring(node)
    ]
    assert not bare


def test_the_domain_runs_without_any_framework() -> None:
    """A notebook uses the rooms as a library: no web framework, no cluster, not even lazily."""
    program = (
        "import sys\n"
        "for name in ('django', 'ray', 'flask', 'fastapi'): sys.modules[name] = None\n"
        "import poise.patching.planner, poise.bargain, poise.report, poise.sample, poise.scans.formats\n"
        "from poise.scans.formats import all_formats\n"
        "assert len(all_formats()) > 10\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)


def test_the_command_line_starts_without_numbers() -> None:
    """--help must not wait for a solver or a compiler."""
    program = (
        "import sys\nfrom poise.cli import build_parser\nbuild_parser()\n"
        "heavy = {'numpy', 'numba', 'highspy', 'pyarrow', 'rich'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_the_public_names_are_there() -> None:
    """What a notebook imports first exists, and nothing is exported by accident."""
    import poise

    assert set(poise.__all__) == set(poise._HOMES)
    for name in poise.__all__:
        assert getattr(poise, name).__name__ == name
    with pytest.raises(AttributeError, match="no_such_name"):
        poise.no_such_name  # noqa: B018
