"""The sample company's threat evidence: real feeds, cut to its vulnerabilities."""

from __future__ import annotations

from importlib.resources import as_file, files
from pathlib import Path

from poise.sample.company import NOW
from poise.threats.store import ThreatStore
from poise.threats.table import Feed
from poise.threats.update import update_from_file

_FILES: dict[Feed, str] = {
    "kev": "known_exploited_vulnerabilities.json",
    "epss": "epss_scores-2025-12-28.csv",
    "ssvc": "vulnrichment.json",
}


def fill_store(directory: Path) -> ThreatStore:
    """Read the shipped feeds into a store, by the readers that read the whole ones.

    Their licences are in NOTICE beside them.
    """
    store = ThreatStore(directory)
    with as_file(files("poise.sample").joinpath("threats")) as folder:
        for feed, name in _FILES.items():
            update_from_file(store, feed, folder / name, NOW)
    return store
