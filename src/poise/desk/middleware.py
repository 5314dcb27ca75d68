"""What every answer has: a content policy, dates in the reader's zone, faults as pages."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Final
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import DataError, IntegrityError, InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils import timezone
from requests import RequestException

from poise.desk import convert, logs, places
from poise.errors import ConflictError, DeskError, Fault, NotAllowedError, PoiseError

Answer = Callable[[HttpRequest], HttpResponse]
#: What becomes of a request when the database is away or full, or two requests made the same row.
AWAY: Final = (OperationalError, InterfaceError, IntegrityError)
_AWAY_LINES: Final = logs.Sparing()
#: PostgreSQL takes no character 0 in a text; no form can send one, but programs can.
UNSTORABLE: Final = Fault("E878", "text", "holds a character that cannot be kept. Nothing of this step was.")

#: Nothing inline, nothing from another host.
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action {forms}"
)


def content_policy(get_response: Answer) -> Answer:
    """Add the content security policy, and forbid caches to keep what only some may see."""
    policy = POLICY.format(forms=" ".join(["'self'", *settings.FORM_TARGETS]))

    def answer(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response.headers.setdefault("Content-Security-Policy", policy)
        response.headers.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
        if not request.path.startswith(f"/{settings.STATIC_URL.strip('/')}/"):
            response.headers.setdefault("Cache-Control", "no-store")
        return response

    return answer


def reader_zone(get_response: Answer) -> Answer:
    """Show dates in the zone that the reader chose, else in the company's."""

    def answer(request: HttpRequest) -> HttpResponse:
        if not request.user.is_authenticated:
            return get_response(request)
        with timezone.override(ZoneInfo(request.user.timezone or convert.company_zone())):
            return get_response(request)

    return answer


class Faults:
    """Turn an error of the library into a page with its own words, beside the status that machines read."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer."""
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Answer with the faults; what is no fault of the library stays an error."""
        if isinstance(error, PoiseError):
            is_looking = request.method in ("GET", "HEAD")
            return no_table(request) if is_looking and _needs_table(error) else fault_page(request, error)
        if isinstance(error, RequestException):  # nothing but sign-in asks another host within a request
            return render(request, "socialaccount/authentication_error.html", {"is_away": True}, status=503)
        if isinstance(error, DataError):
            return fault_page(request, DeskError(UNSTORABLE))
        return away(request) if isinstance(error, AWAY) else None


def away(request: HttpRequest) -> HttpResponse:
    """Answer that the database is away, or its disk full, without asking it who is signed in."""
    _AWAY_LINES.tell("the database cannot be used", type(sys.exc_info()[1]).__name__)
    text = "cannot be read or written just now. Nothing of this step was kept."
    fault = Fault("E872", "database", text, "Try again in a moment.")
    answer: HttpResponse
    if request.path.startswith("/api/"):
        answer = JsonResponse({"faults": [fault.as_dict()]})
    else:
        again = request.get_full_path() if request.method in ("GET", "HEAD") else ""
        answer = HttpResponse(render_to_string("desk/away.html", {"fault": fault, "again": again}))
    answer.status_code = 503
    answer.headers["Retry-After"] = "5"
    return answer


def _needs_table(error: PoiseError) -> bool:
    """Return whether all that is wrong is that no table is open yet."""
    return {fault.id for fault in error.faults} == {"E555"}


def no_table(request: HttpRequest) -> HttpResponse:
    """Answer that what was asked for stands on a table, what a table needs, and who may open one."""
    from poise.desk.pages.table import none_open  # pages import what this module gives them

    return render(request, "desk/table/none.html", none_open(request) | {"is_asked": True}, status=404)


def status_of(error: PoiseError) -> int:
    """Return the HTTP status of an error."""
    if isinstance(error, NotAllowedError):
        return 403
    return 409 if isinstance(error, ConflictError) else 400


def heading_of(error: PoiseError) -> str:
    """Return what kind of refusal an error is, in words."""
    if isinstance(error, NotAllowedError):
        return "This is not for your role"
    return "It has changed meanwhile" if isinstance(error, ConflictError) else "This is not possible"


def fault_page(
    request: HttpRequest, error: PoiseError, status: int | None = None, kept: int = 0
) -> HttpResponse:
    """Return the page that tells faults, and how much of the same step was kept all the same."""
    return render(
        request,
        "desk/fault.html",
        {"faults": places.named_faults(error.faults), "heading": heading_of(error), "kept": kept},
        status=status or status_of(error),
    )
