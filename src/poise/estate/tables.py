"""A folder of CSV tables, read into the same tree as ``estate.yaml``."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path

from poise.errors import EstateError
from poise.estate.text import read_text
from poise.estate.vocabulary import COMPANY, DEFAULTS, LIST_KEYS, SECTIONS
from poise.strictyaml.faults import Faults, did_you_mean
from poise.strictyaml.tree import Block, Items, Node, Scalar, put

_SEPARATOR = re.compile(r"[;|]")


def read_tables(folder: Path, faults: Faults) -> Block:
    """Read ``company.csv``, ``defaults.csv`` and one table per section.

    Each table has a header of the YAML's words and, but for the first two, an ``id`` column. An
    empty cell means not given. Comma, semicolon and tab are all understood as separators.
    """
    root = Block(folder.name)
    known = {"company", "defaults", *SECTIONS}
    for path in sorted(folder.glob("*.csv")):
        if path.stem not in known:
            hint = did_you_mean(path.stem, known)
            faults.add("E109", path.name, f"unknown table {path.stem!r}.", hint)
    for stem in ("company", "defaults", *SECTIONS):
        path = folder / f"{stem}.csv"
        if not path.exists():
            continue
        try:
            text = read_text(path, path.name)
        except EstateError as error:
            faults.extend(error.faults)
            continue
        if stem == "company":
            for key, node in _single(path.name, text, tuple(COMPANY), faults).entries.items():
                put(root, Scalar(node.where, key), node, faults)
        elif stem == "defaults":
            put(root, Scalar(path.name, stem), _single(path.name, text, DEFAULTS, faults), faults)
        else:
            put(root, Scalar(path.name, stem), _table(path.name, text, tuple(SECTIONS[stem]), faults), faults)
    return root


def _single(name: str, text: str, known: tuple[str, ...], faults: Faults) -> Block:
    """Read a table of one row."""
    rows = list(_rows(name, text, known, faults))
    if len(rows) != 1:
        faults.add("E124", name, f"the table has {len(rows)} rows below its header; expected one.")
    return rows[0] if rows else Block(name)


def _table(name: str, text: str, known: tuple[str, ...], faults: Faults) -> Block:
    """Read a table of records by id."""
    table = Block(name)
    for row in _rows(name, text, ("id", *known), faults):
        key = row.entries.pop("id", None)
        if not isinstance(key, Scalar) or key.is_absent:
            faults.add("E110", row.where, "the row has no id.")
            continue
        put(table, Scalar(row.where, key.text), row, faults)
    return table


def _rows(name: str, text: str, known: tuple[str, ...], faults: Faults) -> Iterator[Block]:
    header_line = text.split("\n", maxsplit=1)[0]
    delimiter = max(",;\t", key=header_line.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    header: list[str] = []
    line = 1
    try:
        for cells in reader:
            where = f"{name}:{line}"
            line = reader.line_num + 1
            if not any(cell.strip() for cell in cells):
                continue
            if not header:
                header = _header(where, cells, known, faults)
                continue
            if len(cells) > len(header):
                faults.add(
                    "E124",
                    where,
                    f"the row has {len(cells)} cells under {len(header)} columns.",
                    "put a value that holds the separator between double quotes.",
                )
                continue
            row = Block(where)
            for key, cell in zip(header, cells, strict=False):
                if key and cell.strip():
                    row.entries[key] = _cell(where, key, cell)
                    row.keys[key] = where
            yield row
    except csv.Error as error:
        faults.add("E124", f"{name}:{reader.line_num}", f"the table cannot be read: {error}.")


def _header(where: str, cells: list[str], known: tuple[str, ...], faults: Faults) -> list[str]:
    header: list[str] = []
    for cell in cells:
        key = cell.strip()
        if key and key not in known:
            faults.add("E109", where, f"unknown column {key!r}.", did_you_mean(key, known))
            key = ""
        elif key and key in header:
            faults.add("E108", where, f"column {key!r} is given twice.")
            key = ""
        header.append(key)
    return header


def _cell(where: str, key: str, cell: str) -> Node:
    if key in LIST_KEYS:
        return Items(where, [Scalar(where, part.strip()) for part in _SEPARATOR.split(cell) if part.strip()])
    if key == "downtime_cost" and ":" in cell:
        block = Block(where)
        for part in _SEPARATOR.split(cell):
            hours, _, cost = part.rpartition(":")
            if part.strip():
                # A block of hours that is given twice overlaps itself, which its reader reports.
                block.entries[hours.strip() or part.strip()] = Scalar(where, cost.strip())
                block.keys[hours.strip() or part.strip()] = where
        return block
    return Scalar(where, cell.strip())
