"""Places in source code, weakness ids and secrets as scanners of code spell them, brought to one spelling."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import unquote

from poise.scans.finding import Place
from poise.scans.identifiers import trim_evidence

_CWE = re.compile(r"cwe[-_ /:]*0*(\d{1,5})(?!\d)", re.IGNORECASE)
_SCHEME = re.compile(r"file:/{0,3}(?=[A-Za-z]:|/|[^/])", re.IGNORECASE)
#: Texts that tools print in place of a secret that they keep to themselves.
_REDACTED = re.compile(r"redacted|^[*x•.\s]*$|\*{3,}|<secret>|^\[.*(hidden|masked).*\]$", re.IGNORECASE)
#: What tools print in place of a fingerprint that they do not give.
_NO_FINGERPRINT: Final = frozenset({"", "0", "none", "null", "n/a", "unknown", "requires login"})
_LONGEST_PLACEHOLDER: Final = max(map(len, _NO_FINGERPRINT))
#: The longest text that is taken for a fingerprint; a longer one is prose or an attack.
FINGERPRINT_CHARACTERS: Final = 1_000


def clean_path(text: str) -> str:
    """Return a path with slashes, without ``file://``, ``./`` and percent signs of a URI.

    Examples
    --------
    >>> clean_path("file:///C:/src/a%20b.c"), clean_path("./lib/../lib/x.py")
    ('C:/src/a b.c', 'lib/../lib/x.py')
    """
    found = _SCHEME.match(text) if ":" in text else None
    if found:
        rest = text[found.end() :]
        text = rest if rest[:1] == "/" or rest[1:2] == ":" else f"/{rest}"
    if "%" in text:
        text = unquote(text)
    if "\\" in text:
        text = text.replace("\\", "/")
    while text.startswith("./"):
        text = text[2:].lstrip("/")
    return text


def line_number(value: Any) -> int | None:
    """Return a line or column from 1, or ``None`` where a tool writes 0, -1, a text or nothing."""
    if isinstance(value, str) and value.isdecimal() and len(value) <= 9:
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 10**9 else None


def place_of(
    path: str | None, line: Any = None, end_line: Any = None, column: Any = None, snippet: str | None = None
) -> Place | None:
    """Return a place in a file, or ``None`` where the path is empty."""
    cleaned = clean_path(path or "")
    if not cleaned:
        return None
    text = trim_evidence(snippet) if snippet else ""
    return Place(cleaned, line_number(line), line_number(end_line), line_number(column), text)


def cwe_ids(texts: Iterable[object]) -> tuple[str, ...]:
    """Return the distinct weakness ids in some texts: ``"external/cwe/cwe-079"`` is ``"CWE-79"``.

    A plain number is taken as an id; anything else that names none is passed over.
    """
    found: dict[str, None] = {}
    for text in texts:
        if isinstance(text, int) and not isinstance(text, bool) and 0 < text < 100_000:
            found[f"CWE-{text}"] = None
        elif isinstance(text, str):
            matches = _CWE.findall(text) or ([text.strip()] if text.strip().isdecimal() else [])
            found.update(dict.fromkeys(f"CWE-{int(number[:6])}" for number in matches if int(number[:6])))
    return tuple(found)


def secret_digest(text: str | None) -> str:
    """Return the SHA-256 of a secret in hexadecimal, empty where the tool has blacked it out."""
    cleaned = (text or "").strip()
    if not cleaned or _REDACTED.search(cleaned):
        return ""
    return hashlib.sha256(cleaned.encode("utf-8", "surrogatepass")).hexdigest()


def fingerprint(name: str, value: object) -> tuple[tuple[str, str], ...]:
    """Return a tool's fingerprint as a tuple of one, or of none for a placeholder."""
    text = value.strip() if isinstance(value, str) else str(value) if isinstance(value, int) else ""
    length = len(text)
    if length <= _LONGEST_PLACEHOLDER and text.lower() in _NO_FINGERPRINT:
        return ()
    return ((name, text),) if length < FINGERPRINT_CHARACTERS else ()
