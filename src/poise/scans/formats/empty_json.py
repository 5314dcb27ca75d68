"""An empty list or ``null``: how several scanners write that they found nothing.

Trivy before 0.20 wrote ``null``, pip-audit before 2.0 ``[]``. Which scanner it was cannot be seen, and
does not matter: the report holds no record.
"""

from __future__ import annotations

from collections.abc import Iterator

from poise.errors import Fault
from poise.scans.finding import Finding
from poise.scans.format import Format
from poise.scans.records import json_cursor
from poise.scans.source import Source


def _sniff(head: str) -> bool:
    return "".join(head.split()) in ("null", "[]")


def _read(source: Source) -> Iterator[Finding | Fault]:
    with json_cursor(source) as cursor:
        cursor.skip()
        cursor.end()
    yield from ()


FORMATS = (Format("empty-json", "any scanner (nothing found)", "json", _sniff, _read),)
