"""Fields of XML records: texts, numbers and the little markup that scanners put into them."""

from __future__ import annotations

import html
import ipaddress
import re
from functools import lru_cache
from xml.etree.ElementTree import Element

from poise.scans.records import RecordError

_BREAK = re.compile(r"<\s*(?:br|/?p|/?div|/?tr|/?ul|/?ol|li)\b[^<>]*>", re.IGNORECASE)
_TAG = re.compile(r"</?[A-Za-z][^<>]{0,500}>")
_BLANKS = re.compile(r"[ \t\r\f\v]+")
_BLANK_LINES = re.compile(r"\s*\n\s*")


def text_of(element: Element, path: str) -> str:
    """Return the text of the first child at `path` without outer blanks, or an empty text."""
    return (element.findtext(path) or "").strip()


def texts_of(element: Element, path: str) -> tuple[str, ...]:
    """Return the distinct texts of all children at `path`, in order, without empty ones."""
    return tuple(dict.fromkeys(t for child in element.iterfind(path) if (t := (child.text or "").strip())))


def all_text(element: Element | None) -> str:
    """Return the text of an element and all in it, its lines trimmed; for rich text made of elements."""
    if element is None:
        return ""
    return _trimmed("".join(element.itertext()))


@lru_cache(maxsize=4_096)
def plain(markup: str) -> str:
    """Return the text of a field that holds HTML (``<P>``, ``<BR>``, ``&quot;``), as Qualys writes it."""
    if "<" in markup:
        markup = _TAG.sub("", _BREAK.sub("\n", markup))
    return _trimmed(html.unescape(markup) if "&" in markup else markup)


def _trimmed(text: str) -> str:
    return _BLANK_LINES.sub("\n", _BLANKS.sub(" ", text)).strip()


def score_of(text: str, field: str) -> float | None:
    """Return a CVSS base score, or ``None`` for an empty field.

    Raises
    ------
    RecordError
        When the text is no number in [0, 10].
    """
    if not text or text in {"-", "N/A"}:
        return None
    try:
        score = float(text)
    except ValueError:
        score = -1.0
    if not 0.0 <= score <= 10.0:
        raise RecordError(f"The field {field} is {text[:40]!r}, expected a number from 0 to 10.")
    return score


@lru_cache(maxsize=4_096)
def is_ip(text: str) -> bool:
    """Say whether a text is an IPv4 or IPv6 address."""
    try:
        ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    return True


def distinct(*texts: str) -> tuple[str, ...]:
    """Return the texts that are not empty, each once, in order."""
    return tuple(dict.fromkeys(filter(None, texts)))
