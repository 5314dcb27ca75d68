"""Starting Django for a command: the workspace first, then its settings."""

from __future__ import annotations

import os
from pathlib import Path


def setup(workspace: str | None = None) -> None:
    """Set Django up on a workspace; it is made if it is missing.

    Parameters
    ----------
    workspace
        Its folder; None is ``POISE_HOME``, else ``.poise`` of this folder.
    """
    import django

    if workspace:
        os.environ["POISE_HOME"] = str(Path(workspace).absolute())
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "poise.desk.settings")
    django.setup()
