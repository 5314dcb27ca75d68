"""The desk's clock: the process edge of the web, as the command line is of a terminal."""

from __future__ import annotations

from datetime import UTC, datetime

from django.conf import settings


def now() -> datetime:
    """Return the time that counts at the desk, in whole seconds of UTC."""
    return (datetime.now(UTC) + settings.POISE_CLOCK_AHEAD).replace(microsecond=0)
