"""Making a desk ready: its tables, its static files, the folders it writes to. Safe to do again."""

from __future__ import annotations

from django.core.management import call_command


def prepare(*, static: bool = True) -> None:
    """Apply what migrations are missing, and lay out static files under the workspace.

    Parameters
    ----------
    static
        Whether pages will be served.
    """
    call_command("migrate", interactive=False, verbosity=0)
    call_command("createcachetable", verbosity=0)
    if static:
        call_command("collectstatic", interactive=False, verbosity=0)
