"""Reading one block of a gate's YAML file by a closed vocabulary."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import UTC, date, datetime
from typing import Final

from poise.strictyaml.faults import Faults, did_you_mean
from poise.strictyaml.tree import Block, Items, Node, Scalar

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,79}")
_SPAN = re.compile(r"(\d+(?:\.\d+)?)\s*(m|min|h|d|w)?")
_HOURS: Final = {"m": 1 / 60, "min": 1 / 60, "h": 1.0, "d": 24.0, "w": 168.0}
_YES_NO: Final = {"yes": True, "true": True, "no": False, "false": False}
_LONGEST_TEXT: Final = 2_000


class Fields:
    """One block of keys. Every fault is noted; a faulty value reads as its default.

    Parameters
    ----------
    block
        What is written; ``None`` reads as an empty block.
    subject
        What it is, for people: ``"rule 'no-new-secrets'"``.
    known
        Its vocabulary; any other key is E801 with a suggestion.
    """

    def __init__(self, block: Block | None, subject: str, known: Collection[str], faults: Faults) -> None:
        self.block = block or Block("")
        self.subject = subject
        self.faults = faults
        for key in self.block.entries:
            if key not in known:
                hint = did_you_mean(key, known)
                faults.add("E801", self.block.keys[key], f"{subject}: unknown key {key!r}.", hint)

    def where(self, key: str = "") -> str:
        """Return where a key stands, or the block."""
        return self.block.keys.get(key, self.block.where)

    def refuse(self, key: str, message: str, hint: str = "", id: str = "E803") -> None:
        """Note that a value cannot be used."""
        self.faults.add(id, self.where(key), f"{self.subject}: {key}: {message}", hint)

    def has(self, key: str) -> bool:
        """Return whether anything is written for a key."""
        node = self.block.entries.get(key)
        return node is not None and not (isinstance(node, Scalar) and node.is_absent)

    def text(self, key: str, *, required: bool = False) -> str:
        """Return a single value as text, "" when not given."""
        node = self.block.entries.get(key)
        if not self.has(key):
            if required:
                self.faults.add("E802", self.block.where, f"{self.subject}: {key} is missing.")
            return ""
        if not isinstance(node, Scalar):
            self.refuse(key, "a list or block stands where one value was expected.")
            return ""
        text = " ".join(node.text.split())
        if len(text) > _LONGEST_TEXT or not text.isprintable():
            self.refuse(key, f"expected at most {_LONGEST_TEXT:,} printable characters.")
            return ""
        return text

    def id(self, key: str) -> str:
        """Return a required id."""
        text = self.text(key, required=True)
        if text and not _ID.fullmatch(text):
            self.refuse(key, f"{text[:80]!r} is no id; expected letters, digits and . _ : / -")
            return ""
        return text

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of distinct texts; one value alone is a list of one."""
        node = self.block.entries.get(key)
        if node is None or not self.has(key):
            return ()
        found: dict[str, None] = {}
        for item in node.items if isinstance(node, Items) else [node]:
            if not isinstance(item, Scalar) or not item.text.strip() or not item.text.isprintable():
                self.refuse(key, "expected a list of texts.")
            else:
                found[item.text.strip()] = None
        return tuple(found)

    def words(self, key: str, allowed: Collection[str]) -> tuple[str, ...]:
        """Return a list of allowed words."""
        found = []
        for text in self.texts(key):
            word = {"true": "yes", "false": "no"}.get(text.lower(), text.lower())
            if word in allowed:
                found.append(word)
            else:
                expected = ", ".join(sorted(allowed))
                hint = did_you_mean(word, allowed)
                self.refuse(key, f"{text[:40]!r} is not one of {expected}.", hint, "E804")
        return tuple(found)

    def word(self, key: str, allowed: Collection[str], otherwise: str = "") -> str:
        """Return one allowed word; required where there is no default."""
        found = self.words(key, allowed)
        if len(found) > 1:
            self.refuse(key, "expected one word.")
        if not found and not self.has(key) and not otherwise:
            self.faults.add("E802", self.block.where, f"{self.subject}: {key} is missing.")
        return found[0] if found else otherwise

    def flag(self, key: str) -> bool | None:
        """Return yes or no, ``None`` when not given."""
        text = self.text(key).lower()
        if text and text not in _YES_NO:
            self.refuse(key, f"{text[:40]!r} is neither yes nor no.", id="E804")
        return _YES_NO.get(text)

    def number(self, key: str, low: float, high: float) -> float | None:
        """Return a number in [low, high], ``None`` when not given."""
        text = self.text(key)
        if not text:
            return None
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not low <= value <= high:
            self.refuse(key, f"{text[:40]!r} is no number from {low:g} to {high:g}.")
            return None
        return value

    def hours(self, key: str, unit: str, high: float) -> float | None:
        """Return a span [h] such as ``7d``; a bare number is in `unit`. ``None`` when not given."""
        text = self.text(key).lower()
        if not text:
            return None
        found = _SPAN.fullmatch(text)
        value = float(found[1]) * _HOURS[found[2] or unit] if found else -1.0
        if not 0 <= value <= high:
            self.refuse(key, f"{text[:40]!r} is no span such as 24h or 7d, at most {high / 24:g}d.")
            return None
        return value

    def day(self, key: str, *, required: bool = False) -> date | None:
        """Return a date, ``None`` when not given."""
        text = self.text(key, required=required)
        if not text:
            return None
        try:
            return date.fromisoformat(text)
        except ValueError:
            self.refuse(key, f"{text[:40]!r} is no date such as 2026-03-31.")
            return None

    def moment(self, key: str, *, required: bool = False) -> datetime | None:
        """Return a point in time with its offset; a bare date is its last second in UTC."""
        text = self.text(key, required=required)
        if not text:
            return None
        try:
            value = datetime.fromisoformat(text)
        except ValueError:
            self.refuse(
                key, f"{text[:40]!r} is no date or time such as 2026-03-31 or 2026-03-31T18:00+01:00."
            )
            return None
        if len(text) <= 10:
            value = value.replace(hour=23, minute=59, second=59)
        return value if value.tzinfo else value.replace(tzinfo=UTC)

    def block_of(self, key: str) -> Block | None:
        """Return a nested block, ``None`` when not given."""
        node = self.block.entries.get(key)
        if node is None or not self.has(key):
            return None
        if not isinstance(node, Block):
            self.refuse(key, "expected a block of keys.")
            return None
        return node

    def blocks(self, key: str) -> tuple[tuple[str, Block], ...]:
        """Return the blocks of a block of named blocks, or of a list of blocks (named "")."""
        node: Node | None = self.block.entries.get(key)
        if node is None or not self.has(key):
            return ()
        if isinstance(node, Items):
            named = [("", item) for item in node.items]
        elif isinstance(node, Block):
            named = list(node.entries.items())
        else:
            named = []
            self.refuse(key, "expected a list of blocks or a block of named blocks.")
        for _, item in named:
            if not isinstance(item, Block):
                self.faults.add("E803", item.where, f"{self.subject}: {key}: expected a block of keys.")
        return tuple((name, item) for name, item in named if isinstance(item, Block))
