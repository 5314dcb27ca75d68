"""The one Django app of Poise."""

from __future__ import annotations

from django.apps import AppConfig


class DeskConfig(AppConfig):
    """One app, one history of migrations."""

    name = "poise.desk"
    label = "desk"
    verbose_name = "Poise"
