"""What every page's frame shows."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from poise.desk import clock, navigation


def frame(request: HttpRequest) -> dict[str, Any]:
    """Return the navigation and where in it the reader is."""
    user = getattr(request, "user", None)
    role = getattr(user, "role", "")
    match = request.resolver_match
    name = match.url_name if match and match.url_name else ""
    items = [(entry, name.startswith(tuple(entry.prefix.split()))) for entry in navigation.entries(role)]
    return {
        "navigation": items,
        "desk_now": clock.now(),
        "is_sample": bool(settings.POISE_CLOCK_AHEAD),
        "provider": settings.OIDC,
    }
