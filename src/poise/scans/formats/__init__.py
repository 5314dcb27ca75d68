"""The formats that Poise reads: one module per scanner, each with a tuple ``FORMATS``.

A new scanner is a new module here; nothing else is edited. The modules are found by name,
in alphabetical order, when a format is first asked for.
"""

from __future__ import annotations

import pkgutil
from functools import cache
from importlib import import_module

from poise.scans.format import Format


@cache
def all_formats() -> tuple[Format, ...]:
    """Return every format, in the order of the modules' names.

    Raises
    ------
    RuntimeError
        When two formats have one name: a mistake in this package.
    """
    formats: list[Format] = []
    for module in sorted(info.name for info in pkgutil.iter_modules(__path__)):
        formats.extend(getattr(import_module(f"{__name__}.{module}"), "FORMATS", ()))
    names = [one.name for one in formats]
    if len(names) != len(set(names)):
        raise RuntimeError(f"Two formats have one name in {names}.")
    return tuple(formats)


def format_named(name: str) -> Format | None:
    """Return the format called `name`, or ``None``."""
    return next((one for one in all_formats() if one.name == name), None)
