"""Scanner reports in: one reader per format, streamed into light records.

>>> from poise.scans import read_scan
>>> for report in read_scan("weekly.nessus"):  # doctest: +SKIP
...     for finding in report:
...         print(finding.asset.label, finding.vulnerability_ids[0])

A :class:`~poise.errors.ScanFormatError` during the iteration means: discard everything of the file.
"""

from __future__ import annotations

from poise.scans.detect import detect
from poise.scans.finding import AssetIdentity, Component, Finding, Place, Provenance
from poise.scans.format import Format
from poise.scans.formats import all_formats, format_named
from poise.scans.reading import ScanReport, Summary, read_scan, summarise
from poise.scans.source import Source, open_source
from poise.scans.unpack import DEFAULT_LIMITS, Limits

__all__ = [
    "DEFAULT_LIMITS",
    "AssetIdentity",
    "Component",
    "Finding",
    "Format",
    "Limits",
    "Place",
    "Provenance",
    "ScanReport",
    "Source",
    "Summary",
    "all_formats",
    "detect",
    "format_named",
    "open_source",
    "read_scan",
    "summarise",
]
