"""docs/outputs.md says what is in the files, and nothing else."""

from __future__ import annotations

import inspect
import re
import typing
from pathlib import Path

import msgspec
import pytest

from poise.patching import document as document_module
from poise.patching.export import CHANGE_COLUMNS, PLAN_COLUMNS
from poise.patching.inventory import inventories
from report.build import build_document
from report.outputs_types import type_words

PAGE = Path(__file__).resolve().parents[2] / "docs" / "outputs.md"

STRUCTS = [
    struct
    for _, struct in inspect.getmembers(document_module, inspect.isclass)
    if issubclass(struct, msgspec.Struct) and struct.__module__ == document_module.__name__
]


def _rows(heading: str) -> list[list[str]]:
    """Return the cells of the first table below a heading."""
    text = PAGE.read_text(encoding="utf-8")
    _, _, after = text.partition(f"\n{heading}\n")
    assert after, f"docs/outputs.md has no heading {heading!r}"
    lines = iter(after.splitlines())
    table = []
    for line in lines:
        if line.startswith("|"):
            table.append([cell.strip() for cell in line.strip("|").split("|")])
        elif table or line.startswith("#"):
            break
    return table[2:]


@pytest.mark.parametrize("struct", STRUCTS, ids=lambda struct: struct.__name__)
def test_schema_tables_are_those_of_the_code(struct: type[msgspec.Struct]) -> None:
    """Whoever reads plan.json by its description must find every field, with its type."""
    hints = typing.get_type_hints(struct)
    rows = _rows(f"### {struct.__name__}")
    assert [row[:2] for row in rows] == [
        [f"`{name}`", type_words(hints[name])] for name in struct.__struct_fields__
    ]
    assert all(row[2].endswith(".") for row in rows)


@pytest.mark.parametrize(
    ("heading", "columns"), [("## plan.csv", PLAN_COLUMNS), ("## changes.csv", CHANGE_COLUMNS)]
)
def test_columns_are_those_of_the_code(heading: str, columns: tuple[str, ...]) -> None:
    """An import is mapped once, by this table."""
    assert [row[0] for row in _rows(heading)] == [f"`{column}`" for column in columns]


def test_inventory_variables_are_described() -> None:
    """A playbook is written against these names."""
    text = PAGE.read_text(encoding="utf-8")
    for data in inventories(build_document()).values():
        for name in re.findall(r"^ +(poise_(?!step)[a-z_]+):", data.decode(), flags=re.MULTILINE):
            assert f"`{name}`" in text
