"""What people read names files, never the folders of the machine that the desk runs on."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable
from functools import cache

from django.conf import settings

from poise.errors import Fault, PoiseError


def named(text: str) -> str:
    """Return a text in which paths of the workspace and of temporary files are names only."""
    return _folders().sub("", text)


def named_faults(faults: Iterable[Fault]) -> list[Fault]:
    """Return faults as people of the desk read them: with the hints for a browser."""
    return [Fault(one.id, named(one.where), named(one.message), named(one.web or one.hint)) for one in faults]


def told(error: PoiseError) -> str:
    """Return an error's faults as people of the desk read them."""
    return "\n".join(str(fault) for fault in named_faults(error.faults))


@cache
def _folders() -> re.Pattern[str]:
    roots = "|".join(
        re.escape(str(root).rstrip("/")) for root in (settings.POISE_HOME, tempfile.gettempdir())
    )
    return re.compile(rf"(?:{roots})/(?:[^\s/:'\"]+/)*")
