"""What a reader of one scanner format promises."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from poise.errors import Fault
from poise.scans.finding import Finding, Provenance
from poise.scans.source import Source


@dataclass(frozen=True, slots=True)
class Format:
    """One report format of one scanner.

    Parameters
    ----------
    name
        Stable id, scanner and syntax: ``"nessus-xml"``, ``"trivy-json"``.
    scanner
        The product's name as people say it.
    syntax
        ``"xml"``, ``"json"``, ``"csv"`` or ``"zip"`` (a bundle that only means something whole).
    sniff
        Says whether an opening of the file (decoded text, at least 64 KiB of it or the whole
        file) is of this format. Looks at structure and field names, never at the file's name.
        Exactly one format may claim a file.
    read
        Streams ``Finding`` for each good record, ``Fault`` for each faulty one, and ``Provenance``. Raises
        :class:`~poise.errors.ScanFormatError` for a structural fault, which refuses the whole
        file. Memory stays flat as the file grows.
    """

    name: str
    scanner: str
    syntax: str
    sniff: Callable[[str], bool]
    read: Callable[[Source], Iterator[Finding | Fault | Provenance]]
