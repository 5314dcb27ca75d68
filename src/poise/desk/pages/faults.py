"""Pages for what went wrong outside an action."""

from __future__ import annotations

import sys

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string

from poise.desk.middleware import AWAY, away


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer that there is no such page, or none for this reader."""
    return render(request, "desk/not_found.html", status=404)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer that the reader may not."""
    return render(request, "desk/not_found.html", status=403)


def broken(request: HttpRequest) -> HttpResponse:
    """Answer that the desk itself is at fault; without the frame, which may be what broke.

    Outside a view too, as in finding out who is signed in, the database may be away.
    """
    if isinstance(sys.exc_info()[1], AWAY):
        return away(request)
    return HttpResponse(render_to_string("desk/broken.html"), status=500)
