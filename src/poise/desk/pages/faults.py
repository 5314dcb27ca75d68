"""Pages for what went wrong outside an action."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer that there is no such page, or none for this reader."""
    return render(request, "desk/not_found.html", status=404)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer that the reader may not."""
    return render(request, "desk/not_found.html", status=403)


def broken(request: HttpRequest) -> HttpResponse:
    """Answer that the desk itself is at fault; without the frame, which may be what broke."""
    return render(request, "desk/broken.html", status=500)
