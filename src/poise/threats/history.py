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

from poise.threats.table import SCHEMAS, FeedTable, checked, day_of, structural

#: The scores of such a table are EPSS times this.
SCALE = 100_000
#: First day of each EPSS model (FIRST.org, "EPSS data and statistics"), newest first.
MODELS = (
    (date(2025, 3, 17), "v2025.03.14"),
    (date(2023, 3, 7), "v2023.03.01"),
    (date(2022, 2, 4), "v2022.01.01"),
)


def epss_history(path: Path, first: date = date.min, last: date = date.max) -> Iterator[FeedTable]:
    """Yield the EPSS scores of each day of a table, from `first` to `last`, in its order.

    Percentiles are null: such tables do not hold them.

    Raises
    ------
    ThreatFeedError
        E200 or E201 when the file cannot be read or is no such table; E212 for a day without
        any score.
    """
    try:
        file = parquet.ParquetFile(path)
    except OSError as error:
        raise structural("E200", str(path), f"cannot be read: {error}.") from error
    except pa.ArrowInvalid as error:
        raise structural("E201", str(path), f"is no Parquet file: {error}.") from error
    days = {name: day for name in file.schema_arrow.names if (day := day_of(name))}
    if "cve" not in file.schema_arrow.names or not days:
        raise structural("E201", str(path), "has no column cve, or no column named after a day.")
    for name, day in days.items():
        if not first <= day <= last:
            continue
        table = file.read(["cve", name]).drop_null()
        scores = pc.divide(pc.cast(table[name], pa.float64()), float(SCALE))
        nothing = pa.nulls(table.num_rows, pa.float64())
        rows = pa.Table.from_arrays([table["cve"], scores, nothing], schema=SCHEMAS["epss"])
        yield checked(FeedTable("epss", day, model_of(day), rows.sort_by("cve")), f"{path}:{name}")


def model_of(day: date) -> str:
    """Return the EPSS model in use on a day; empty before the second model, of February 2022."""
    return next((model for first, model in MODELS if day >= first), "")
