"""Past states of the feeds, from tables that hold many days at once.

They serve replay: a plan of last spring must be judged with what was known last spring. The
layout is one row for each vulnerability and one column for each day, with the score times
100,000 as an integer and nothing where the day has none.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as parquet

from poise.errors import Fault
from poise.threats.opening import GZIP_MAGIC, read_bytes
from poise.threats.table import CVE_ID, SCHEMAS, FeedTable, checked, day_of, structural

#: The scores of such a table are EPSS times this.
SCALE = 100_000
#: First day of each EPSS model (FIRST.org, "EPSS data and statistics"), newest first.
MODELS = (
    (date(2025, 3, 17), "v2025.03.14"),
    (date(2023, 3, 7), "v2023.03.01"),
    (date(2022, 2, 4), "v2022.01.01"),
)


def epss_history(
    path: Path, first: date = date.min, last: date = date.max, *, skip_empty: bool = False
) -> Iterator[FeedTable]:
    """Yield the EPSS scores of each day of a table, from `first` to `last`, in its order.

    Percentiles are null: such tables do not hold them. Scores are whole numbers, the probability times
    :data:`SCALE`; a table none of whose scores is above 1 in a column of fractions holds probabilities.

    Parameters
    ----------
    skip_empty
        Whether a day without any score is left out instead of refused.

    Raises
    ------
    ThreatFeedError
        E200 or E201 when the file cannot be read or is no such table; E209 when more rows than a few are
        faulty (E205 to E207, told with each day); E212 for a day without any score.
    """
    try:
        file = parquet.ParquetFile(_source(path))
        names = file.schema_arrow.names
    except OSError as error:
        raise structural("E200", str(path), f"cannot be read: {error}.") from error
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise structural("E201", str(path), f"is no Parquet file: {error}.") from error
    days = {name: day for name in names if (day := day_of(name))}
    ids = next((name for name in names if name.strip().lower() in ("cve", "cve_id", "cveid")), None)
    if ids is None or not days:
        message = f"has the columns {', '.join(names)[:80]!r}; expected cve and columns named after days."
        raise structural("E201", str(path), message)
    for name, day in days.items():
        if not first <= day <= last:
            continue
        where = f"{path}:{name}"
        cve, score = _columns(file, ids, name, where)
        if skip_empty and score.null_count == len(score):
            continue
        rows, faults = _good(cve, score, where)
        yield checked(FeedTable("epss", day, model_of(day), rows, faults), where)


def _source(path: Path) -> Path | pa.BufferReader:
    """Return what to read a table from: the file, or what is packed in it."""
    with path.open("rb") as stream:
        is_packed = stream.read(len(GZIP_MAGIC)) == GZIP_MAGIC
    return pa.BufferReader(read_bytes(path)) if is_packed else path


def _columns(file: parquet.ParquetFile, ids: str, name: str, where: str) -> tuple[pa.Array, pa.Array]:
    """Return ids as text and scores as probabilities, null where there is none."""
    try:
        table = file.read([ids, name])
        cve = pc.cast(table[ids], pa.string()).combine_chunks()
        cve.validate(full=True)  # damaged text is found here, not by whoever reads it
        if not (pa.types.is_integer(table[name].type) or pa.types.is_floating(table[name].type)):
            raise structural("E201", where, f"holds {table[name].type}; expected numbers.")
        score = pc.cast(table[name], pa.float64()).combine_chunks()
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise structural("E202", where, f"is damaged, or of another type: {error}.") from error
    score = pc.if_else(pc.is_nan(score), None, score)
    whole = pc.all(pc.equal(score, pc.floor(score))).as_py()
    if pa.types.is_floating(table[name].type) and not whole and (pc.max(score).as_py() or 0.0) <= 1.0:
        return cve, score
    return cve, pc.divide(score, float(SCALE))


def _good(cve: pa.Array, score: pa.Array, where: str) -> tuple[pa.Table, tuple[Fault, ...]]:
    """Return the rows of one day that are sound, sorted by id, and what is wrong with the others."""
    has_score = pc.is_valid(score)
    cve = pc.ascii_upper(pc.utf8_trim_whitespace(pc.filter(cve, has_score)))
    score = pc.filter(score, has_score)
    is_cve = pc.fill_null(pc.match_substring_regex(cve, f"^{CVE_ID.pattern}$"), False)
    within = pc.and_(pc.greater_equal(score, 0.0), pc.less_equal(score, 1.0))
    rows = pa.array(range(len(cve)))
    first = pa.table({"id": cve, "row": rows}).group_by("id").aggregate([("row", "min")])
    is_first = pc.is_in(rows, value_set=first["row_min"].combine_chunks())
    faults = [
        Fault(id, where, f"{cve[row].as_py()!r}: {what}.")
        for id, what, good in (
            ("E205", "no CVE id", is_cve),
            ("E206", "its score is no probability", within),
            ("E207", "listed a second time; the first is kept", is_first),
        )
        for row in pc.indices_nonzero(pc.invert(good)).to_pylist()
    ]
    sound = pc.and_(pc.and_(is_cve, within), is_first)
    nothing = pa.nulls(len(cve), pa.float64())
    table = pa.Table.from_arrays([cve, score, nothing], schema=SCHEMAS["epss"])
    return table.filter(sound).sort_by("cve"), tuple(faults)


def model_of(day: date) -> str:
    """Return the EPSS model in use on a day; empty before the second model, of February 2022."""
    return next((model for first, model in MODELS if day >= first), "")
