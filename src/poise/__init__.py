"""Poise: the shared decision desk of a CIO and a CISO.

The domain rooms are a library; the names below are what a notebook needs first, imported on first use:

>>> import poise
>>> estate = poise.load_estate("estate.yaml")  # doctest: +SKIP
>>> reports = poise.read_scan("weekly.nessus")  # doctest: +SKIP
>>> store, settings = poise.ThreatStore(path), poise.Settings(now=now)  # doctest: +SKIP
>>> planned = poise.plan_patches(estate, reports, store, settings)  # doctest: +SKIP
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from poise.bargain import Stakes
    from poise.errors import Fault, PoiseError
    from poise.estate import load_estate
    from poise.ledger import Ledger, verify_file
    from poise.patching.planner import Settings, plan_patches
    from poise.planning.evaluate import evaluate
    from poise.planning.frontier import sweep
    from poise.planning.problem import Plan, Problem
    from poise.report import render_html, write_outputs
    from poise.scans import read_scan
    from poise.threats.store import ThreatStore

__version__ = "0.1.0"

_HOMES = {
    "Fault": "poise.errors",
    "Ledger": "poise.ledger",
    "Plan": "poise.planning.problem",
    "PoiseError": "poise.errors",
    "Problem": "poise.planning.problem",
    "Settings": "poise.patching.planner",
    "Stakes": "poise.bargain",
    "ThreatStore": "poise.threats.store",
    "evaluate": "poise.planning.evaluate",
    "load_estate": "poise.estate",
    "plan_patches": "poise.patching.planner",
    "read_scan": "poise.scans",
    "render_html": "poise.report",
    "sweep": "poise.planning.frontier",
    "verify_file": "poise.ledger",
    "write_outputs": "poise.report",
}

__all__ = [
    "Fault",
    "Ledger",
    "Plan",
    "PoiseError",
    "Problem",
    "Settings",
    "Stakes",
    "ThreatStore",
    "evaluate",
    "load_estate",
    "plan_patches",
    "read_scan",
    "render_html",
    "sweep",
    "verify_file",
    "write_outputs",
]


def __getattr__(name: str) -> object:
    """Import a public name on first use, so that ``poise --help`` waits for nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module 'poise' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
