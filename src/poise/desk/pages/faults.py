"""Pages for what went wrong outside an action."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string

from poise.desk.middleware import AWAY, away
from poise.errors import Fault


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer that there is no such page, or none for this reader; to a program, no such call."""
    if request.path.startswith("/api/"):
        fault = Fault("E878", "address", "There is no such call.", "/api/openapi.json lists them.")
        return JsonResponse({"faults": [fault.as_dict()]}, status=404)
    return render(request, "desk/not_found.html", status=404)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer that the reader may not."""
    return render(request, "desk/not_found.html", status=403)


def unreadable(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer that what was sent cannot be taken, as JSON to a program; without the frame, which reads it."""
    if isinstance(exception, RequestDataTooBig):
        most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE >> 20
        text = f"is larger than {most} MB, without its files."
        fault, status = Fault("E873", "What was sent", text, "Send less at once, or send it as a file."), 413
    else:
        fault, status = Fault("E878", "What was sent", "cannot be read as a request of the desk."), 400
    if request.path.startswith("/api/"):
        return JsonResponse({"faults": [fault.as_dict()]}, status=status)
    return HttpResponse(render_to_string("desk/refused.html", {"fault": fault}), status=status)


def only_sent(methods: Sequence[str]) -> HttpResponse:
    """Answer that an address takes what forms send: sign-in leads here whose session had ended."""
    text = "takes what a form sends, and nothing was sent. You may have been signed out meanwhile."
    fault = Fault("E878", "This address", text, "Send the form again.")
    return HttpResponseNotAllowed(methods, render_to_string("desk/refused.html", {"fault": fault}))


def stale(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer that a form was made before somebody signed in or out in this browser."""
    text = "was opened before somebody signed in or out in this browser, or the browser keeps no cookies."
    fault = Fault("E878", "This form", text, "Open its page again, and send it from there.")
    return HttpResponse(render_to_string("desk/refused.html", {"fault": fault}), status=403)


def broken(request: HttpRequest) -> HttpResponse:
    """Answer that the desk itself is at fault; without the frame, which may be what broke.

    Outside a view too, as in finding out who is signed in, the database may be away.
    """
    if isinstance(sys.exc_info()[1], AWAY):
        return away(request)
    return HttpResponse(render_to_string("desk/broken.html"), status=500)
