"""The EPSS daily file: ``cve,epss,percentile`` below a comment with model and date.

Layout as published by FIRST.org, https://www.first.org/epss/data_stats.
"""

from __future__ import annotations

import io
import re
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv

from poise.errors import Fault
from poise.threats.opening import read_bytes
from poise.threats.table import CVE_ID, SCHEMAS, FeedTable, checked, day_of, structural

_FILE_DATE = re.compile(r"(?<!\d)\d{4}-\d{2}-\d{2}(?!\d)")
_NUMBER = r"^(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"


def read_epss(path: Path, score_date: date | None = None) -> FeedTable:
    """Read one day's EPSS scores, plain or gzip.

    Parameters
    ----------
    path
        The file. Without a comment line the date comes from a name like
        ``epss_scores-2025-12-28.csv.gz``.
    score_date
        The day of the scores, for a file that does not say it.

    Returns
    -------
    FeedTable
        ``epss`` and ``percentile`` in [0, 1]; the percentile is null where the file has none.

    Raises
    ------
    ThreatFeedError
        E200 to E204, E209, E212: the file as a whole is refused.
    """
    content = read_bytes(path)
    notes, body_start, lines_above = _comments(content)
    where = str(path)
    header_end = content.find(b"\n", body_start)
    columns = content[body_start : header_end if header_end >= 0 else None].decode("utf-8", "replace")
    names = [name.strip().strip('"').lower() for name in columns.split(",")]
    if "cve" not in names or "epss" not in names:
        raise structural(
            "E201",
            where,
            f"is no EPSS file: its columns are {columns.strip()[:80]!r}; expected cve,epss,percentile.",
        )
    day = day_of(notes.get("score_date")) or score_date or _date_in_name(path)
    if day is None:
        raise structural(
            "E203",
            where,
            "names no score date; expected a first line like #model_version:...,score_date:2025-12-28....",
            "Name the file after its day, as FIRST does: epss_scores-YYYY-MM-DD.csv.",
        )
    rows, misshapen = _parse(content[body_start:], names, where, lines_above)
    good, faulty = _good_rows(rows, where, lines_above + 2, sorted(misshapen))
    faults = sorted([*misshapen.items(), *faulty], key=lambda fault: fault[0])
    version = notes.get("model_version", "")
    return checked(FeedTable("epss", day, version, good, tuple(fault for _, fault in faults)), where)


def _comments(content: bytes) -> tuple[dict[str, str], int, int]:
    """Return what the leading ``#`` lines say, where the table starts, and how many lines they are."""
    notes: dict[str, str] = {}
    start = lines = 0
    while content.startswith(b"#", start):
        end = content.find(b"\n", start)
        end = len(content) if end < 0 else end
        for note in content[start + 1 : end].decode("utf-8", "replace").strip().split(","):
            name, _, value = note.partition(":")
            notes[name.strip().lower()] = value.strip()
        start, lines = min(end + 1, len(content)), lines + 1
    return notes, start, lines


def _date_in_name(path: Path) -> date | None:
    """Return the day that a file's name states; None when it states none, or more than one."""
    found = {day for text in _FILE_DATE.findall(path.name) if (day := day_of(text))}
    return found.pop() if len(found) == 1 else None


def _parse(body: bytes, names: list[str], where: str, lines_above: int) -> tuple[pa.Table, dict[int, Fault]]:
    """Split the table into text columns; rows of another width become faults, by line."""
    faults: dict[int, Fault] = {}

    def wrong_width(row: arrow_csv.InvalidRow) -> str:
        line = lines_above + row.number
        found = f"has {row.actual_columns} columns, expected {row.expected_columns}: {row.text[:60]!r}."
        faults[line] = Fault("E211", f"{where}:{line}", found)
        return "skip"

    try:
        # Arrow hands a row that is no text to nobody, and prints a traceback of its own.
        body.decode("utf-8")
        table = arrow_csv.read_csv(
            io.BytesIO(body),
            arrow_csv.ReadOptions(use_threads=False, column_names=names, skip_rows=1),
            arrow_csv.ParseOptions(invalid_row_handler=wrong_width),
            arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                include_columns=[name for name in ("cve", "epss", "percentile") if name in names],
            ),
        )
    except (pa.ArrowInvalid, UnicodeDecodeError) as error:
        raise structural("E201", where, f"is no readable CSV: {error}.") from error
    return table, faults


def _good_rows(
    rows: pa.Table, where: str, first_line: int, skipped_lines: list[int]
) -> tuple[pa.Table, list[tuple[int, Fault]]]:
    """Keep the rows that are sound; return line and fault of each of the others."""
    cve = pc.ascii_upper(pc.utf8_trim_whitespace(rows["cve"])).combine_chunks()
    is_cve = pc.match_substring_regex(cve, f"^{CVE_ID.pattern}$")
    first = _first_of_each(cve)
    checks = [
        ("E205", "is no CVE id", cve, is_cve),
        ("E207", "is listed a second time; the first is kept", cve, first),
    ]
    sound = pc.and_(is_cve, first)
    values = {"epss": None, "percentile": pa.nulls(len(cve), pa.float64())}
    for name in rows.column_names[1:]:
        text = pc.utf8_trim_whitespace(rows[name]).combine_chunks()
        number = pc.cast(pc.if_else(pc.match_substring_regex(text, _NUMBER), text, None), pa.float64())
        within = pc.fill_null(pc.less_equal(number, 1.0), False)
        checks.append(("E206", f"is no {name} between 0 and 1", text, within))
        values[name], sound = number, pc.and_(sound, within)
    faults = []
    for id, what, texts, good in checks:
        for row in pc.indices_nonzero(pc.invert(good)).to_pylist():
            line = _line(row, first_line, skipped_lines)
            faults.append((line, Fault(id, f"{where}:{line}", f"{texts[row].as_py()!r} {what}.")))
    table = pa.Table.from_arrays([cve, values["epss"], values["percentile"]], schema=SCHEMAS["epss"])
    return table.filter(sound).sort_by("cve"), faults


def _line(row: int, first_line: int, skipped_lines: list[int]) -> int:
    """Return the line of a parsed row, counting the lines that were skipped before it."""
    line = first_line + row
    for skipped in skipped_lines:
        line += skipped <= line
    return line


def _first_of_each(ids: pa.Array) -> pa.Array:
    """Return, per row, whether its id has not come before."""
    if pc.count_distinct(ids).as_py() == len(ids):
        return pa.array(np.ones(len(ids), bool))
    rows = pa.array(np.arange(len(ids)))
    groups = pa.table({"id": ids, "row": rows}).group_by("id").aggregate([("row", "min")])
    return pc.is_in(rows, value_set=groups["row_min"].combine_chunks())
