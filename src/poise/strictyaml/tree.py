"""What a YAML file says, as text with line numbers, before anybody interprets it.

YAML and CSV both become the same tree, so one vocabulary serves both. Scalars stay text: the
reader of a field knows its type, which spares people YAML's surprises (``no`` as false, ``1:30`` as
ninety). Parsing is by events and not recursive; anchors, aliases and tags are refused, which also
ends every alias bomb before it grows.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import yaml

from poise.strictyaml.faults import Faults

#: An estate nests four deep (section, id, field, list or hours block), a policy five.
MAX_DEPTH = 12

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value as written."""

    where: str
    text: str
    is_quoted: bool = False

    @property
    def is_absent(self) -> bool:
        """Return whether nothing was written (``owner:``, ``owner: ~``)."""
        return not self.is_quoted and self.text.strip() in ("", "~", "null")


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    where: str
    items: list[Node] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Block:
    """A block of keys, in the order of the file. Repeated keys are reported and dropped."""

    where: str
    entries: dict[str, Node] = field(default_factory=dict)
    #: Where each key stands.
    keys: dict[str, str] = field(default_factory=dict)


Node = Scalar | Items | Block


@dataclass(slots=True)
class _Open:
    """A list or block whose end has not been read."""

    node: Items | Block
    key: Scalar | None = None


def parse_yaml(
    text: str, name: str, faults: Faults, expected: str = "'services:' and 'groups:'"
) -> Block | None:
    """Read a YAML document whose top is a block of keys; None when it cannot be read.

    `expected` names some keys that the file should have.

    Notes E104 (malformed), E105 (anchors, aliases, tags), E106 (too deep), E107, E108.
    """
    builder = _Builder(name, faults)
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            if not builder.take(event):
                return None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f"{name}:{mark.line + 1}" if mark else name
        problem = getattr(error, "problem", None) or str(error).split("\n", maxsplit=1)[0]
        faults.add(
            "E104",
            line,
            f"the YAML cannot be read: {problem}.",
            "check indentation (spaces, no tabs), colons and quotes of this line and of the one above.",
        )
        return None
    except RecursionError:
        faults.add("E106", name, f"the YAML is nested more than {MAX_DEPTH} deep.")
        return None
    if isinstance(builder.root, Block):
        return builder.root
    where = builder.root.where if builder.root else name
    faults.add("E107", where, f"expected keys such as {expected} at the top of the file.")
    return None


class _Builder:
    """Builds the tree from YAML events."""

    def __init__(self, name: str, faults: Faults) -> None:
        self.name = name
        self.faults = faults
        self.root: Node | None = None
        self.stack: list[_Open] = []
        self.num_documents = 0

    def take(self, event: yaml.Event) -> bool:
        """Take one event; False to stop."""
        where = f"{self.name}:{event.start_mark.line + 1}" if event.start_mark else self.name
        anchor, tag = getattr(event, "anchor", None), getattr(event, "tag", None)
        if anchor is not None:
            self.faults.add(
                "E105",
                where,
                f"anchor or alias {anchor!r}: files of Poise use none.",
                "write the value out, or put it under 'defaults:'. Quote a text that starts with & or *.",
            )
            return False
        # The C parser reports quoted text with the tag "!".
        if tag is not None and not (tag == "!" and isinstance(event, yaml.ScalarEvent)):
            self.faults.add("E105", where, f"tag {tag!r}: files of Poise use none.", "remove the tag.")
            return False
        if isinstance(event, yaml.DocumentStartEvent):
            self.num_documents += 1
            if self.num_documents > 1:
                self.faults.add(
                    "E104", where, "a second YAML document starts; expected one.", "remove the '---'."
                )
                return False
        elif isinstance(event, yaml.ScalarEvent):
            self._place(Scalar(where, event.value, event.style is not None))
        elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            node = Block(where) if isinstance(event, yaml.MappingStartEvent) else Items(where)
            if len(self.stack) >= MAX_DEPTH:
                self.faults.add("E106", where, f"nested more than {MAX_DEPTH} deep; expected at most 5.")
                return False
            self._place(node)
            self.stack.append(_Open(node))
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            self.stack.pop()
        return True

    def _place(self, node: Node) -> None:
        if not self.stack:
            self.root = node
            return
        top = self.stack[-1]
        if isinstance(top.node, Items):
            top.node.items.append(node)
        elif top.key is None:
            if not isinstance(node, Scalar):
                self.faults.add("E107", node.where, "a list or block stands where a key was expected.")
                node = Scalar(node.where, "")
            top.key = node
        else:
            put(top.node, top.key, node, self.faults)
            top.key = None


def put(block: Block, key: Scalar, node: Node, faults: Faults) -> None:
    """Add an entry to a block; a key that is there already is E108 and the first one stands."""
    if not key.text and isinstance(node, Scalar):
        faults.add("E107", key.where, "an entry has no key.")
    elif key.text in block.entries:
        faults.add(
            "E108",
            key.where,
            f"{key.text!r} is given twice; the first stands at {block.keys[key.text]}.",
            "remove one of them, or give it another name.",
        )
    else:
        block.entries[key.text] = node
        block.keys[key.text] = key.where
