"""What was known before: the findings of the commit that a change starts from.

A baseline keeps identities and dates, no source text and no secret. It is a file of its own, made on the
main line by ``poise gate baseline`` and fetched by pipelines.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from poise.errors import Fault, PolicyError
from poise.gate.identity import Identifier, Keys
from poise.scans.finding import Finding

SCHEMA: Final = "poise-baseline/1"
#: Largest baseline [bytes]: about two million findings.
MAX_BYTES: Final = 512 * 1024**2
#: The matchers, strongest first, as verdicts name them.
MATCHERS: Final = ("tool fingerprint", "line hash", "content", "git rename")


class Entry(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One known finding: its three keys and when it was first seen."""

    tool: str
    line: str
    content: str
    first_seen: datetime


class Database(msgspec.Struct, frozen=True):
    """By what one tool judged the baseline."""

    tool: str
    version: str
    database: str


class Baseline(msgspec.Struct, frozen=True):
    """The known findings of one commit."""

    schema: str
    service: str
    commit: str
    made: datetime
    entries: tuple[Entry, ...]
    databases: tuple[Database, ...] = ()


class Known(msgspec.Struct, frozen=True, gc=False):
    """That a finding is not new, and by which matcher."""

    matcher: str
    first_seen: datetime


def read_baseline(path: Path) -> tuple[Baseline, str]:
    """Return a baseline and the SHA-256 of its file.

    Raises
    ------
    PolicyError
        E807 when it cannot be read or is none.
    """
    hint = "Make it on the main line with: poise gate baseline."
    try:
        if path.stat().st_size > MAX_BYTES:
            raise PolicyError(Fault("E807", str(path), f"The file is larger than {MAX_BYTES:,} bytes."))
        content = path.read_bytes()
        baseline = msgspec.json.decode(content, type=Baseline)
    except OSError as error:
        reason = error.strerror or str(error)
        raise PolicyError(
            Fault("E807", str(path), f"The baseline cannot be read: {reason}.", hint)
        ) from error
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise PolicyError(Fault("E807", str(path), f"This is no baseline: {error}.", hint)) from error
    if baseline.schema != SCHEMA or baseline.made.tzinfo is None:
        message = f"The baseline's schema is {baseline.schema[:40]!r}; this Poise reads {SCHEMA!r}."
        raise PolicyError(Fault("E807", str(path), message, hint))
    return baseline, hashlib.sha256(content).hexdigest()


def entry_of(finding: Finding, keys: Keys, first_seen: datetime) -> Entry:
    """Return what a baseline keeps of a finding; the report's own date counts where it is earlier."""
    stated = finding.first_seen
    if stated is not None and stated.tzinfo is not None and stated < first_seen:
        first_seen = stated
    return Entry(*keys, first_seen)


class Waiting(NamedTuple):
    """The keys of a finding that no fingerprint matched."""

    number: int
    line: str
    content: str
    renamed: tuple[str, str, str] | None


class Matcher:
    """Asks whether findings are in a baseline; each known finding answers once.

    The order of the findings must not decide, so all of them are asked by one matcher before any is asked by
    the next: :meth:`by_tool` while they stream past, :meth:`rest` for those it left over.
    """

    def __init__(self, entries: Iterable[Entry], identifier: Identifier) -> None:
        self.identifier = identifier
        self._entries = tuple(entries)
        self._taken = bytearray(len(self._entries))
        self._by: tuple[dict[str, list[int]], ...] = ({}, {}, {})
        for number in range(len(self._entries) - 1, -1, -1):
            entry = self._entries[number]
            for index, key in zip(self._by, (entry.tool, entry.line, entry.content), strict=True):
                if key:
                    index.setdefault(key, []).append(number)

    def _take(self, level: int, key: str) -> Entry | None:
        waiting = self._by[level].get(key) if key else None
        while waiting:
            number = waiting.pop()
            if not self._taken[number]:
                self._taken[number] = 1
                return self._entries[number]
        return None

    def by_tool(self, finding: Finding) -> Known | None:
        """Ask by the tool's fingerprint."""
        entry = self._take(0, self.identifier.tool(finding))
        return Known(MATCHERS[0], entry.first_seen) if entry else None

    def waiting(self, number: int, finding: Finding) -> Waiting:
        """Return what the other matchers will need of a finding, so that it need not be kept."""
        ask = self.identifier
        old = ask.was(finding)
        renamed = (ask.tool(finding, old), ask.line(finding, old), ask.content(finding, old)) if old else None
        return Waiting(number, ask.line(finding), ask.content(finding), renamed)

    def rest(self, waiting: Sequence[Waiting]) -> dict[int, Known]:
        """Ask by the other matchers, in their order.

        Returns
        -------
        dict
            Those that are known, by the caller's number.
        """
        found: dict[int, Known] = {}
        self._ask(1, [(one.number, one.line) for one in waiting], MATCHERS[1], found)
        self._ask(
            2, [(one.number, one.content) for one in waiting if one.number not in found], MATCHERS[2], found
        )
        for level in range(3):
            keys = [
                (one.number, one.renamed[level]) for one in waiting if one.renamed and one.number not in found
            ]
            self._ask(level, keys, MATCHERS[3], found)
        return found

    def _ask(self, level: int, keys: list[tuple[int, str]], matcher: str, found: dict[int, Known]) -> None:
        for number, key in keys:
            entry = self._take(level, key)
            if entry is not None:
                found[number] = Known(matcher, entry.first_seen)

    @property
    def gone(self) -> int:
        """How many known findings were not found any more."""
        return len(self._taken) - sum(self._taken)
