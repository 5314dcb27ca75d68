"""What every page's frame shows."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from poise.desk import clock, navigation
from poise.desk.actions.base import DESK


def people() -> dict[str, str]:
    """Return what pages call each person, by what the ledger calls them."""
    from poise.desk.models import User  # templates are set up before models

    return {DESK: "the desk", **{user.username: user.shown for user in User.objects.all()}}


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
        "people": SimpleLazyObject(people),
    }
