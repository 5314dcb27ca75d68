"""A small builder of HTML and SVG in which text is escaped unless it was built here.

:func:`element` escapes every ``str`` child and attribute; only :class:`Markup`, which it
returns, passes unescaped. So a host name from a scanner report cannot become a tag.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

_VOID = frozenset({"br", "hr", "link", "meta", "col", "wbr"})


class Markup(str):
    """Text that is markup already."""

    __slots__ = ()


#: What may be put into an element: None is nothing.
Child = str | Markup | Iterable["Child"] | None
Attribute = str | int | float | bool | None


def text(value: str) -> Markup:
    """Return text as markup, with characters that no HTML or XML page may hold replaced."""
    return value if isinstance(value, Markup) else Markup(escape(_legal(value), quote=True))


def element(name: str, /, *children: Child, **attributes: Attribute) -> Markup:
    """Return an element.

    Attribute names lose a trailing underscore and turn the others into hyphens
    (``class_``, ``aria_label``); a value of None or False leaves the attribute out, True writes
    it without a value. Numbers are rounded to two decimals, which is a hundredth of a pixel.
    """
    opening = name + "".join(_attribute(key, value) for key, value in attributes.items())
    if name in _VOID:
        return Markup(f"<{opening}>")
    return Markup(f"<{opening}>{join(children)}</{name}>")


def join(children: Child) -> Markup:
    """Return children one after the other as markup."""
    if children is None:
        return Markup("")
    if isinstance(children, str):
        return text(children)
    return Markup("".join(join(child) for child in children))


def number(value: float) -> str:
    """Return a coordinate with at most two decimals, the same on every machine."""
    rounded = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if rounded in ("-0", "") else rounded


def _attribute(key: str, value: Attribute) -> str:
    if value is None or value is False:
        return ""
    name = key.rstrip("_").replace("_", "-")
    if value is True:
        return f' {name}=""'
    written = value if isinstance(value, str) else number(value)
    return f' {name}="{text(written)}"'


def _legal(value: str) -> str:
    if value.isprintable():
        return value
    return "".join(character if _is_legal(character) else "\N{REPLACEMENT CHARACTER}" for character in value)


def _is_legal(character: str) -> bool:
    """Tell whether XML 1.0 allows a character and it does not turn the direction of a line."""
    code = ord(character)
    if character in "\t\n\r":
        return True
    if 0x202A <= code <= 0x202E or 0x2066 <= code <= 0x2069:
        return False
    return 0x20 <= code < 0x7F or 0xA0 <= code < 0xD800 or 0xE000 <= code < 0xFFFE or code >= 0x10000
