"""What was known before: the findings of the commit that a change starts from.

A baseline keeps identities and dates, no source text and no secret. It is a file of its own, made on the
main line by ``poise gate baseline`` and fetched by pipelines.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cached_property
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
    """The keys of a finding that is answered when all others were asked by a stronger matcher."""

    number: int
    line: str
    content: str
    renamed: tuple[str, str, str] | None


class _Index:
    """The entries by one of their keys; of several the first in the baseline's order answers first.

    Parameters
    ----------
    keys
        The key of every entry, empty where it has none.
    claimed
        Keys of entries that a stronger matcher may still give to another finding.
    """

    def __init__(self, keys: Sequence[str], claimed: frozenset[str]) -> None:
        self.claimed = claimed
        count = len(keys)
        self._first = dict(zip(reversed(keys), range(count - 1, -1, -1), strict=True))
        self._first.pop("", None)
        self._more: dict[str, list[int]] = {}
        if len(self._first) < count:
            for number in range(count - 1, -1, -1):
                key = keys[number]
                if key and self._first[key] != number:
                    self._more.setdefault(key, []).append(number)

    def next(self, key: str) -> int | None:
        """Take the next entry of a key out of the index."""
        number = self._first.pop(key, None)
        if number is not None and key in self._more:
            waiting = self._more[key]
            self._first[key] = waiting.pop()
            if not waiting:
                del self._more[key]
        return number


class Matcher:
    """Asks whether findings are in a baseline; each known finding answers once.

    The order of the findings must not decide, so an entry that one matcher may give away is kept from the
    next until all findings were asked: :meth:`ask` answers at once where no stronger matcher can want the
    entry, :meth:`rest` answers for those that it put off.
    """

    def __init__(self, entries: Iterable[Entry], identifier: Identifier) -> None:
        self.identifier = identifier
        self._entries = tuple(entries)
        self._taken = bytearray(len(self._entries))

    @cached_property
    def _by_tool(self) -> _Index:
        return _Index([one.tool for one in self._entries], frozenset())

    @cached_property
    def _by_line(self) -> _Index:
        claimed = frozenset(one.line for one in self._entries if one.tool and one.line)
        return _Index([one.line for one in self._entries], claimed)

    @cached_property
    def _by_content(self) -> _Index:
        claimed = frozenset(one.content for one in self._entries if one.content and (one.tool or one.line))
        return _Index([one.content for one in self._entries], claimed)

    def _take(self, index: _Index, key: str) -> Entry | None:
        while key and (number := index.next(key)) is not None:
            if not self._taken[number]:
                self._taken[number] = 1
                return self._entries[number]
        return None

    def ask(self, number: int, finding: Finding) -> Known | Waiting | None:
        """Ask the matchers in their order.

        Returns
        -------
        Known or Waiting or None
            ``None`` for a finding that is new; what :meth:`rest` needs of one that cannot be answered yet.
        """
        ask = self.identifier
        entry = self._take(self._by_tool, ask.tool(finding))
        if entry is not None:
            return Known(MATCHERS[0], entry.first_seen)
        if ask.was(finding):
            return self.waiting(number, finding)
        line = ask.line(finding)
        if line in self._by_line.claimed:
            return self.waiting(number, finding)
        entry = self._take(self._by_line, line)
        if entry is not None:
            return Known(MATCHERS[1], entry.first_seen)
        content = ask.content(finding)
        if content in self._by_content.claimed:
            return Waiting(number, line, content, None)
        entry = self._take(self._by_content, content)
        return Known(MATCHERS[2], entry.first_seen) if entry else None

    def waiting(self, number: int, finding: Finding) -> Waiting:
        """Return what :meth:`rest` needs of a finding, so that it need not be kept."""
        ask = self.identifier
        old = ask.was(finding)
        renamed = (ask.tool(finding, old), ask.line(finding, old), ask.content(finding, old)) if old else None
        return Waiting(number, ask.line(finding), ask.content(finding), renamed)

    def forget(self, finding: Finding) -> None:
        """Let a finding take its place among the known, so that no other takes it."""
        answer = self.ask(0, finding)
        if isinstance(answer, Waiting):
            self.rest((answer,))

    def rest(self, waiting: Sequence[Waiting]) -> dict[int, Known]:
        """Ask by the other matchers, in their order.

        Returns
        -------
        dict
            Those that are known, by the caller's number.
        """
        found: dict[int, Known] = {}
        self._ask(self._by_line, [(one.number, one.line) for one in waiting], MATCHERS[1], found)
        left = [(one.number, one.content) for one in waiting if one.number not in found]
        self._ask(self._by_content, left, MATCHERS[2], found)
        for level, index in enumerate((self._by_tool, self._by_line, self._by_content)):
            keys = [
                (one.number, one.renamed[level]) for one in waiting if one.renamed and one.number not in found
            ]
            self._ask(index, keys, MATCHERS[3], found)
        return found

    def _ask(self, index: _Index, keys: list[tuple[int, str]], matcher: str, found: dict[int, Known]) -> None:
        for number, key in keys:
            entry = self._take(index, key)
            if entry is not None:
                found[number] = Known(matcher, entry.first_seen)

    @property
    def gone(self) -> int:
        """How many known findings were not found any more."""
        return len(self._taken) - sum(self._taken)
