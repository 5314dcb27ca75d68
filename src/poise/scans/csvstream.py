"""Walking a CSV report of any size in flat memory.

The standard library's ``csv`` module cuts the fields; this module adds what scanner reports need around it:

* the header is found, not assumed: behind report lines (Qualys), behind a byte-order mark, with the delimiter
  ``,`` ``;`` tab or ``|``, and in exports whose every line is quoted once more as a whole (Qualys VMDR);
* columns are asked for by name, so that a reader does not care for their order or for new ones;
* a line or a quoted field that never ends cannot exhaust memory, and a file that is cut off inside a
  quoted field is refused;
* every fault names the physical line of the file, line breaks inside quoted fields included.

A header row that comes again (exports put one behind another) and rows of blanks are passed over.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, islice
from operator import itemgetter
from typing import Final, TextIO

from poise.errors import Fault, ScanFormatError

#: How much text is read at once, in characters.
BLOCK_CHARACTERS: Final = 1 << 18
#: The longest row, in characters: the longest plugin outputs have about a million, and 8 Mi characters
#: need 100 MB while ``csv`` collects them at four bytes each.
RECORD_CHARACTERS: Final = 8 << 20
#: How far down a header is looked for, in rows. Qualys puts seven report rows first.
_HEADER_ROWS: Final = 40
_DELIMITERS: Final = ",;\t|"
#: Fed to the csv module behind the last line; if a field swallows it, that field was never closed.
_END: Final = "\0end of the report\0"

#: Says whether the names of a row, in lower case and without blanks around, are a format's header.
HeaderTest = Callable[[frozenset[str]], bool]
#: A column by its name in lower case, or by several names of which the first that is there counts.
Column = str | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Header:
    """A row that may be the header of a CSV report.

    Parameters
    ----------
    names
        Column names in lower case, without blanks around.
    delimiter
        What separates the columns.
    line
        Physical line on which the row ends, from 1.
    wrapped
        Whether every line is quoted once more as a whole.
    """

    names: tuple[str, ...]
    delimiter: str
    line: int
    wrapped: bool = False

    @property
    def known(self) -> frozenset[str]:
        """Return the names as a set, for a :data:`HeaderTest`."""
        return frozenset(self.names)


def has_header(opening: str, is_header: HeaderTest) -> bool:
    """Return whether the opening of a file holds a header row that a format knows.

    Parameters
    ----------
    opening
        The first characters of the file, cut anywhere.
    is_header
        The format's test.
    """
    return any(is_header(header.known) for header in _headers_of(opening))


@lru_cache(maxsize=4)
def _headers_of(opening: str) -> tuple[Header, ...]:
    # Every CSV format looks at the same opening, so what could be a header is only found once.
    if opening.lstrip("\ufeff \t\r\n")[:1] in ("{", "[", "<", ""):
        return ()
    if "\n" not in opening:
        opening = opening.replace("\r", "\n")
    return tuple(possible_headers(io.StringIO(opening).readlines()))


def possible_headers(lines: Sequence[str]) -> Iterator[Header]:
    """Yield every row near the beginning that might be a header, cut by each delimiter."""
    for delimiter in _DELIMITERS:
        rows = csv.reader(lines, delimiter=delimiter)
        try:
            for row in islice(rows, _HEADER_ROWS):
                if len(row) > 1:
                    yield Header(_names(row), delimiter, rows.line_num)
                elif row and delimiter in row[0]:
                    inner = next(csv.reader([row[0]], delimiter=delimiter))
                    yield Header(_names(inner), delimiter, rows.line_num, wrapped=True)
        except csv.Error:
            continue


def _names(row: Sequence[str]) -> tuple[str, ...]:
    return tuple(" ".join(name.replace("\ufeff", "").split()).lower() for name in row)


class CsvTable:
    """The rows of a CSV text behind its header.

    Parameters
    ----------
    stream
        The decoded text; best opened without translation of line ends.
    name
        The file's name, for the place of a fault.
    is_header
        Tells the header row.
    block_characters
        How much is read at once, at least 1; the header must end within it.
    record_characters
        The longest row, and the longest line.

    Attributes
    ----------
    header : Header
        The header row.
    line : int
        Physical line on which the row given last begins, from 1.

    Raises
    ------
    ScanFormatError
        E412 when no row is a header, E409 when a row or line is too long.
    """

    def __init__(
        self,
        stream: TextIO,
        name: str,
        is_header: HeaderTest,
        *,
        block_characters: int = BLOCK_CHARACTERS,
        record_characters: int = RECORD_CHARACTERS,
    ) -> None:
        self._stream = stream
        self._name = name
        self._block_characters = block_characters
        self._limit = record_characters
        #: Blocks read so far, and how many there were when the row given last was complete.
        self._blocks = 0
        self._blocks_at_row = 0
        #: Lines handed to the csv module so far, and those among them that hold a NUL.
        self._lines = 0
        self._nul_lines: list[int] = []
        self._ended = False
        self.line = 1
        # The limit is the process's; a lower one would cut rows that this class lets pass.
        csv.field_size_limit(max(csv.field_size_limit(), 4 * record_characters))
        blocks = self._line_blocks()
        opening = next(blocks, [])
        self.header = self._find_header(opening, is_header)
        self.line = self.header.line
        self._rest = chain(opening[self.header.line :], chain.from_iterable(blocks))

    def _find_header(self, opening: list[str], is_header: HeaderTest) -> Header:
        for header in possible_headers(opening[:2_000]):
            if is_header(header.known):
                return header
        raise ScanFormatError(
            Fault(
                "E412",
                f"{self._name}:line 1",
                f"None of the first {_HEADER_ROWS} rows is the header of this format.",
                "Export the report with its header row.",
            )
        )

    def rows(self, columns: Sequence[Column]) -> Iterator[tuple[str, ...] | Fault]:
        """Yield the asked columns of each row, and a fault for each row that is none.

        Parameters
        ----------
        columns
            At least two. A column that the report does not have is empty in every row.

        Raises
        ------
        ScanFormatError
            E407 when the file ends inside a quoted field, E409 when a row or line is too long.
        """
        pick = itemgetter(*(self._index(column) for column in columns))
        twins = self._twins(columns)
        width = len(self.header.names)
        first_line = self.header.line
        reader = csv.reader(self._rest, delimiter=self.header.delimiter)
        done = 0
        while True:
            try:
                for row in reader:
                    self.line = first_line + done + 1
                    done = reader.line_num
                    self._blocks_at_row = self._blocks
                    if self._ended and self._is_end(row, width):
                        return
                    if self._nul_lines and (fault := self._nul_fault(first_line + done)):
                        yield fault
                        continue
                    if self.header.wrapped and len(row) == 1:
                        row = next(csv.reader(row, delimiter=self.header.delimiter))
                    if len(row) != width and (fault := self._fit(row, width)):
                        yield fault
                        continue
                    if not any(row) or (
                        row[0].lower() == self.header.names[0] and _names(row) == self.header.names
                    ):
                        continue
                    if twins and (fault := self._twin_fault(row, twins)):
                        yield fault
                        continue
                    row.append("")
                    yield pick(row)
                return
            except csv.Error as error:
                self.line = first_line + done + 1
                done = reader.line_num
                yield self._fault(f"The row cannot be cut into columns: {error}.")

    def _index(self, column: Column) -> int:
        for name in (column,) if isinstance(column, str) else column:
            if name in self.header.names:
                return self.header.names.index(name)
        # Behind its last column every row gets an empty one, which stands for those that are not there.
        return -1

    def _twins(self, columns: Sequence[Column]) -> list[tuple[int, int]]:
        """Return the columns asked for that stand twice in the header, each with its twin."""
        names = self.header.names
        asked = {self._index(column) for column in columns} - {-1}
        return [(i, j) for i in sorted(asked) for j in range(len(names)) if j != i and names[j] == names[i]]

    def _twin_fault(self, row: list[str], twins: list[tuple[int, int]]) -> Fault | None:
        for i, j in twins:
            if row[i] != row[j]:
                return self._fault(
                    f"The column {self.header.names[i]!r} stands twice, as column {i + 1} and {j + 1}, and"
                    f" here holds {row[i][:40]!r} and {row[j][:40]!r}.",
                    "Export the report with each column once.",
                )
        return None

    def _fit(self, row: list[str], width: int) -> Fault | None:
        """Cut empty columns behind the last one; return the fault of any other row of the wrong width."""
        if not any(row):
            row[:] = [""] * width
            return None
        if len(row) > width and not any(row[width:]):
            del row[width:]
            return None
        return self._fault(
            f"The row has {len(row)} columns, expected {width} as in the header on line {self.header.line}.",
            "Look for a line break or quotation mark that is not quoted; the row was left out.",
        )

    def _nul_fault(self, last_line: int) -> Fault | None:
        seen = False
        while self._nul_lines and self._nul_lines[0] <= last_line:
            seen = self._nul_lines.pop(0) >= self.line or seen
        if not seen:
            return None
        return self._fault(
            "The row holds a NUL character, which no text has.",
            "The file is damaged, or was joined from files of different encodings; export it again.",
        )

    def _is_end(self, row: list[str], width: int) -> bool:
        if row == [_END]:
            return True
        if row and row[-1].endswith(_END):
            last = row[-1].removesuffix(_END).rstrip("\r\n")
            if len(row) == width and last.endswith('"'):
                # Nothing is cut off: a program doubled the quotation mark that closes the last field.
                row[-1] = last[:-1]
                return False
            raise ScanFormatError(
                self._fault(
                    "A quoted field begins in this row and never ends: the file is cut off, or a quotation"
                    " mark is missing.",
                    "Export or copy the report again.",
                )
            )
        return False

    def _fault(self, message: str, hint: str = "") -> Fault:
        return Fault("E407", f"{self._name}:line {self.line}", message, hint)

    def _line_blocks(self) -> Iterator[list[str]]:
        """Yield the text as lists of whole lines with their ends, and at last the mark of the end."""
        rest = ""
        old_mac = False
        while block := self._stream.read(self._block_characters):
            self._blocks += 1
            if self._blocks == 1:
                block = block.removeprefix("\ufeff")
                old_mac = "\r" in block and "\n" not in block
            if old_mac:
                block = block.replace("\r", "\n")
            unfinished = (self._blocks - self._blocks_at_row - 2) * self._block_characters
            if len(rest) > self._limit or unfinished > self._limit:
                self._refuse_length()
            text = rest + block
            cut = text.rfind("\n") + 1
            rest = text[cut:]
            if cut:
                yield self._cut_lines(text[:cut])
        if rest:
            yield self._cut_lines(f"{rest}\n")
        self._ended = True
        yield [_END]

    def _cut_lines(self, text: str) -> list[str]:
        lines = io.StringIO(text).readlines()
        if "\0" in text:
            self._nul_lines += [self._lines + i for i, line in enumerate(lines, 1) if "\0" in line]
        self._lines += len(lines)
        return lines

    def _refuse_length(self) -> None:
        raise ScanFormatError(
            Fault(
                "E409",
                f"{self._name}:line {self.line}",
                f"A line or quoted field behind this line is longer than {self._limit:,} characters,"
                " or never ends.",
                "Look for a quotation mark that is not closed; export the report again.",
            )
        )
