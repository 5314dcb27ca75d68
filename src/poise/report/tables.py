"""Tables that read aloud well, fold into cards on a phone and do not grow without end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from poise.report.figures import count
from poise.report.markup import Child, Markup, element

#: Rows of a long list that are open to see, and rows that the page holds at all.
FIRST_ROWS = 30
MOST_ROWS = 2_000
#: A longer list prints its first rows only: nobody wants 200 sheets for a board.
MOST_PRINTED = 300


@dataclass(frozen=True)
class Column:
    """A column: its heading, what it holds, and a second line of its heading.

    ``holds`` keeps dates and names from being broken in a crowded row.
    """

    heading: str
    is_number: bool = False
    under: str = ""
    holds: Literal["text", "date", "span", "name"] = "text"

    @property
    def kind(self) -> str | None:
        """Return the class of the column's cells."""
        if self.is_number:
            return "number"
        return None if self.holds == "text" else self.holds


def table(
    caption: Child, columns: Sequence[Column], rows: Sequence[Sequence[Child]], kind: str = ""
) -> Markup:
    """Return a table; the first cell of each row is its heading."""
    return element(
        "table",
        element("caption", caption),
        element("thead", element("tr", [_heading(column) for column in columns])),
        element("tbody", [_row(columns, row) for row in rows]),
        class_=f"stack {kind}".strip(),
    )


def long_table(
    caption: str,
    columns: Sequence[Column],
    rows: Sequence[Sequence[Child]],
    full_list: str,
    kind: str = "",
) -> Markup:
    """Return a table of the first rows, and the others behind a disclosure.

    Beyond :data:`MOST_ROWS` the page names the file that holds the full list instead.
    """
    first, rest = rows[:FIRST_ROWS], rows[FIRST_ROWS:MOST_ROWS]
    left_out = len(rows) - len(first) - len(rest)
    more = f"The first {count(len(first))} of {count(len(rows))}. " if rest else ""
    is_bulk = len(rows) > MOST_PRINTED
    others = f"The other {count(len(rows) - len(first))} are in {full_list}."
    parts = [table(more + caption, columns, first, kind)]
    if is_bulk:
        parts.append(element("p", others, class_="print-only"))
    if rest:
        folded = table(f"{caption} (continued)", columns, rest, kind)
        parts.append(disclosure(f"The next {count(len(rest))}", folded, is_bulk=is_bulk))
    if left_out:
        parts.append(element("p", f"{count(left_out)} more are in {full_list}.", class_="quiet"))
    return element("div", parts)


def disclosure(summary: str, *children: Child, is_bulk: bool = False) -> Markup:
    """Return something that opens on a click; in print it is open, or left out if it is bulk."""
    return element("details", element("summary", summary), *children, class_="bulk" if is_bulk else None)


def scrolling(child: Child, name: str) -> Markup:
    """Return something wide that scrolls inside its own region where there is no room, by keyboard too."""
    return element(
        "div", child, class_="scroll", tabindex="0", role="region", aria_label=f"{name}; scrolls sideways"
    )


def under(*children: Child) -> Markup:
    """Return a quiet second line of a cell."""
    return element("span", *children, class_="under")


def tag(words: str) -> Markup:
    """Return a small framed word, such as "assumed"."""
    return element("span", words, class_="tag")


def _heading(column: Column) -> Markup:
    return element(
        "th",
        column.heading,
        under(column.under) if column.under else None,
        scope="col",
        class_=column.kind,
    )


def _row(columns: Sequence[Column], cells: Sequence[Child]) -> Markup:
    first, *rest = cells
    return element(
        "tr",
        element("th", first, scope="row", class_=columns[0].kind),
        [
            element(
                "td",
                element("div", cell),
                data_label=f"{column.heading} {column.under}".strip(),
                class_=column.kind,
            )
            for column, cell in zip(columns[1:], rest, strict=True)
        ],
    )
