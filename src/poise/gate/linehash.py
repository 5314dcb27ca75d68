"""GitHub's identity of a result: a rolling hash of the text that begins at its line.

The scheme is that of ``github/codeql-action`` (``src/fingerprints.ts``): a 64-bit rolling hash with base 37
over the 100 characters from the start of the line on. Spaces and tabs do not count, CR and CRLF are one LF,
an end mark (65535) closes the file and zeros fill it up. The n-th line of one hash in a file gets ``:n``.
"""

from __future__ import annotations

from array import array
from collections import deque
from typing import Final

#: Characters that are hashed from the start of a line on.
WINDOW: Final = 100
_BASE: Final = 37
_MASK: Final = (1 << 64) - 1
_END_MARK: Final = 65_535
#: 37 ** 100 mod 2 ** 64: what the character that leaves the window weighs.
_FIRST: Final = pow(_BASE, WINDOW, 1 << 64)


def line_hashes(text: str) -> list[str]:
    """Return the hash of every line of a file, as GitHub writes it.

    Parameters
    ----------
    text
        The decoded file, line ends as they are.

    Returns
    -------
    list of str
        Item 0 is the first line's, such as ``"c129715d7a2bc9a3:1"``. A file that ends in a line break has an
        empty last line of its own.
    """
    units = text.encode("utf-16-le", "surrogatepass")
    codes = array("H")
    codes.frombytes(units)
    window: deque[int] = deque((0,) * WINDOW, WINDOW)
    #: Number of the line that began at each place of the window; -1 where none did.
    starts: deque[int] = deque((-1,) * WINDOW, WINDOW)
    hashes: dict[int, str] = {}
    seen: dict[str, int] = {}
    value, line, at_start, after_return = 0, 0, True, False

    def push(code: int, begins: int) -> None:
        nonlocal value
        leaving, leaver = window[0], starts[0]
        if leaver >= 0:
            name = f"{value:x}"
            seen[name] = seen.get(name, 0) + 1
            hashes[leaver] = f"{name}:{seen[name]}"
        window.append(code)
        starts.append(begins)
        value = (_BASE * value + code - _FIRST * leaving) & _MASK

    for code in (*codes, _END_MARK):
        if code in (32, 9) or (code == 10 and after_return):
            after_return = False
            continue
        after_return = code == 13
        if code == 13:
            code = 10
        push(code, line if at_start else -1)
        at_start = code == 10
        line += at_start
    for _ in range(WINDOW):
        push(0, -1)
    return [hashes[number] for number in sorted(hashes)]
