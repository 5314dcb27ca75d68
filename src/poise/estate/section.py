"""Reading the keys of one block by a closed vocabulary."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import date, datetime
from typing import TypeVar

from poise.estate.calendars import zone, zone_hint
from poise.estate.values import Problem, read_count, read_minutes, read_moment, read_number, read_share
from poise.strictyaml.faults import Faults, did_you_mean
from poise.strictyaml.tree import Block, Items, Node, Scalar

T = TypeVar("T")


class Section:
    """One block of keys, such as one service. Every fault is noted; a faulty value reads as None.

    Parameters
    ----------
    block
        The keys as written.
    subject
        What the block is, for people: ``"service 'shop'"``.
    known
        Its vocabulary; any other key is E109 with a suggestion.
    fallback
        Values for keys that the block does not give (``defaults:`` of the file).
    """

    def __init__(
        self,
        block: Block,
        subject: str,
        known: Collection[str],
        faults: Faults,
        fallback: Block | None = None,
    ) -> None:
        self.block = block
        self.subject = subject
        self.faults = faults
        self.fallback = fallback
        for key in block.entries:
            if key not in known:
                faults.add(
                    "E109", block.keys[key], f"{subject}: unknown key {key!r}.", did_you_mean(key, known)
                )

    def where(self, key: str = "") -> str:
        """Return where a key stands, or the block when it is not given."""
        return self.block.keys.get(key, self.block.where)

    def node(self, key: str) -> Node | None:
        """Return what is written for a key; None when nothing is."""
        for block in (self.block, self.fallback):
            node = block.entries.get(key) if block else None
            if node is not None and not (isinstance(node, Scalar) and node.is_absent):
                return node
        return None

    def has(self, key: str) -> bool:
        """Return whether anything is written for a key."""
        return self.node(key) is not None

    def scalar(self, key: str) -> Scalar | None:
        """Return a single value; a list or block is E107."""
        node = self.node(key)
        if node is None or isinstance(node, Scalar):
            return node
        self.faults.add("E107", node.where, f"{self.subject}: {key} is a list or block; expected one value.")
        return None

    def read(self, key: str, reader: Callable[[str], T | Problem]) -> T | None:
        """Return a single value as ``reader`` understands it."""
        scalar = self.scalar(key)
        if scalar is None:
            return None
        value = reader(scalar.text)
        if isinstance(value, Problem):
            self.faults.add(value.id, scalar.where, f"{self.subject}: {key}: {value.message}", value.hint)
            return None
        return value

    def text(self, key: str) -> str:
        """Return a text, "" when not given."""
        return self.read(key, lambda text: text.strip()) or ""

    def required(self, key: str, example: str) -> str:
        """Return a text that must be given, and not an empty one; else E110."""
        node = self.node(key)
        if node is None or (isinstance(node, Scalar) and not node.text.strip()):
            self.missing(key, example)
        return self.text(key)

    def missing(self, key: str, example: str) -> None:
        """Note that a key is missing."""
        self.faults.add(
            "E110", self.block.where, f"{self.subject}: {key} is missing.", f"add such as '{key}: {example}'."
        )

    def number(self, key: str, low: float, high: float) -> float | None:
        """Return a number in [low, high], None when not given."""
        return self.read(key, lambda text: read_number(text, low, high))

    def count(self, key: str, low: int = 0, high: int = 10**9) -> int | None:
        """Return a whole number, None when not given."""
        return self.read(key, lambda text: read_count(text, low, high))

    def share(self, key: str) -> float | None:
        """Return a share in [0, 1], None when not given."""
        return self.read(key, read_share)

    def minutes(self, key: str) -> float | None:
        """Return a duration [min], None when not given."""
        return self.read(key, read_minutes)

    def moment(self, key: str) -> date | datetime | None:
        """Return a date or a time, None when not given."""
        return self.read(key, read_moment)

    def timezone(self, key: str, otherwise: str) -> str:
        """Return an IANA zone name; E114 when it is not known."""
        name = self.text(key) or otherwise
        if zone(name) is None:
            self.faults.add(
                "E114", self.where(key), f"{self.subject}: time zone {name!r} is not known.", zone_hint(name)
            )
            return "UTC"
        return name

    def choice(self, key: str, words: Collection[str]) -> str:
        """Return one of ``words`` in lower case, "" when not given; else E116."""

        def one_of(text: str) -> str | Problem:
            word = text.strip().lower()
            if word in words:
                return word
            expected = ", ".join(sorted(words))
            return Problem("E116", f"{text!r} is not one of {expected}.", did_you_mean(word, words))

        return self.read(key, one_of) or ""

    def list(self, key: str) -> tuple[Scalar, ...]:
        """Return a list of distinct values; one value alone is a list of one."""
        node = self.node(key)
        if node is None:
            return ()
        nodes = node.items if isinstance(node, Items) else [node]
        found: dict[str, Scalar] = {}
        for item in nodes:
            if not isinstance(item, Scalar):
                self.faults.add(
                    "E107", item.where, f"{self.subject}: {key} holds a list or block; expected values."
                )
            elif item.text.strip() in found:
                self.faults.add("E108", item.where, f"{self.subject}: {key} names {item.text!r} twice.")
            elif item.text.strip():
                found[item.text.strip()] = Scalar(item.where, item.text.strip(), item.is_quoted)
        return tuple(found.values())

    def words(self, key: str) -> tuple[str, ...]:
        """Return the texts of a list."""
        return tuple(item.text for item in self.list(key))
