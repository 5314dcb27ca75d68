"""The formats that Poise reads: one module per scanner, each with a tuple ``FORMATS``.

A new scanner is a new module here; nothing else is edited. The modules are found by name,
in alphabetical order, when a format is first asked for.
"""

from __future__ import annotations

import pkgutil
from functools import cache
from importlib import import_module
from importlib.util import find_spec

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
        formats.extend(formats_of(module))
    names = [one.name for one in formats]
    if len(names) != len(set(names)):
        raise RuntimeError(f"Two formats have one name in {names}.")
    return tuple(formats)


def formats_of(module: str) -> tuple[Format, ...]:
    """Return the formats of one module of this package."""
    formats: tuple[Format, ...] = getattr(import_module(f"{__name__}.{module}"), "FORMATS", ())
    return formats


def format_named(name: str) -> Format | None:
    """Return the format called `name`, or ``None``.

    Most modules bear the names of their formats, so that one import will do.
    """
    module = name.rpartition("-")[0].replace("-", "_")
    if module.isidentifier() and find_spec(f"{__name__}.{module}"):
        found = next((one for one in formats_of(module) if one.name == name), None)
        if found:
            return found
    return next((one for one in all_formats() if one.name == name), None)
