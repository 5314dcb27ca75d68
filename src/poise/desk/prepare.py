"""Making a desk ready: its tables, its static files, the folders it writes to. Safe to do again."""

from __future__ import annotations

from django.core.management import call_command
from django.db import OperationalError

from poise.errors import DeskError, Fault


def prepare(*, static: bool = True) -> None:
    """Apply what migrations are missing, and lay out static files under the workspace.

    Parameters
    ----------
    static
        Whether pages will be served.

    Raises
    ------
    DeskError
        E872 when the database cannot be used.
    """
    try:
        call_command("migrate", interactive=False, verbosity=0)
        call_command("createcachetable", verbosity=0)
    except OperationalError as error:
        hint = "See whether it runs, and whether POISE_DATABASE_URL is right."
        raise DeskError(Fault("E872", "database", "cannot be reached or written.", hint)) from error
    if static:
        call_command("collectstatic", interactive=False, verbosity=0)
