"""The desk's clock: the process edge of the web, as the command line is of a terminal."""

from __future__ import annotations

from datetime import UTC, datetime

from django.conf import settings

from poise.desk import workspace


def now() -> datetime:
    """Return the time that counts at the desk, in whole seconds of UTC."""
    ahead = settings.POISE_CLOCK_AHEAD
    if ahead:  # the sample company's clock can be moved on while its desk is served
        ahead = workspace.clock_ahead(settings.POISE_HOME)
    return (datetime.now(UTC) + ahead).replace(microsecond=0)
