"""The features of the desk, in the order of its navigation.

A feature is a module of :mod:`poise.desk.pages` with ``URLS``, made by :func:`~poise.desk.routes.page`, and,
where it has a place in the navigation, ``NAV``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Final

from poise.desk.permissions import may

#: Modules of :mod:`poise.desk.pages`; a feature adds its line.
FEATURES: Final = (
    "home",
    "incidents",
    "incident_files",
    "estate",
    "findings",
    "account",
    "signing_keys",
    "api",
    "people",
    "table",
    "limits",
    "plan",
    "comments",
    "agreement",
    "ledgerbook",
    "gate_keys",
    "gate",
    "gate_policies",
    "gate_exceptions",
    "dialogue",
    "agenda",
    "pair",
    "evidence",
    "outcomes",
    "jobs",
)


@dataclass(frozen=True, slots=True)
class Entry:
    """A place in the navigation.

    Parameters
    ----------
    label
        What it says.
    url_name
        Where it leads.
    permission
        Who sees it.
    prefix
        Pages whose URL names begin with one of these words belong to it, for marking where the reader is.
    """

    label: str
    url_name: str
    permission: str
    prefix: str


@cache
def features() -> tuple[ModuleType, ...]:
    """Return the modules of the features."""
    return tuple(import_module(f"poise.desk.pages.{name}") for name in FEATURES)


def entries(role: str) -> list[Entry]:
    """Return what somebody of a role finds in the navigation."""
    return [
        entry for module in features() for entry in getattr(module, "NAV", ()) if may(role, entry.permission)
    ]
