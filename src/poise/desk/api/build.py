"""The API put together, with the library's faults as its answers."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from django.db import DataError
from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, Throttled, ValidationError

import poise
from poise.desk import places
from poise.desk.api import deliveries, estate, limits, plans, table
from poise.desk.api.security import MOST_CALLS
from poise.desk.middleware import UNSTORABLE, status_of
from poise.errors import Fault, PoiseError

#: What is asked for does not exist: a plan of this name, any table at all.
_LACKING: Final = frozenset({"E554", "E555"})


@cache
def build() -> NinjaAPI:
    """Return the API, always the same."""
    api = NinjaAPI(
        title="Poise",
        version=poise.__version__,
        description="The desk for programs. Account makes a token; every call asks for one of its scopes.",
        docs_url=None,
        openapi_url="openapi.json",
        urls_namespace="api",
    )
    api.add_router("", estate.router)
    api.add_router("", table.router)
    api.add_router("", plans.router)
    api.add_router("", limits.router)
    api.add_router("", deliveries.router)

    def refuse(request: HttpRequest, status: int, *faults: Fault) -> HttpResponse:
        told = [fault.as_dict() for fault in places.named_faults(faults)]
        return api.create_response(request, {"faults": told}, status=status)

    @api.exception_handler(PoiseError)
    def library(request: HttpRequest, error: PoiseError) -> HttpResponse:
        is_lacking = request.method == "GET" and all(fault.id in _LACKING for fault in error.faults)
        return refuse(request, 404 if is_lacking else status_of(error), *error.faults)

    @api.exception_handler(DataError)
    def unstorable(request: HttpRequest, error: DataError) -> HttpResponse:
        return refuse(request, 400, UNSTORABLE)

    @api.exception_handler(Http404)
    def missing(request: HttpRequest, error: Http404) -> HttpResponse:
        return refuse(request, 404, Fault("E878", "address", "There is nothing of this number."))

    @api.exception_handler(AuthenticationError)
    def unknown(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
        hint = "Send Authorization: Bearer and a token that counts."
        return refuse(request, 401, Fault("E870", "token", "No token that counts was shown.", hint))

    @api.exception_handler(Throttled)
    def slow_down(request: HttpRequest, error: Throttled) -> HttpResponse:
        text = f"A token may make {MOST_CALLS} calls in a minute, and this one has made them."
        answer = refuse(
            request, 429, Fault("E869", "token", text, "Retry-After says how many seconds to wait.")
        )
        answer["Retry-After"] = str(error.wait)
        return answer

    @api.exception_handler(HttpError)
    def transport(request: HttpRequest, error: HttpError) -> HttpResponse:
        return refuse(request, error.status_code, Fault("E878", "request", str(error)))

    @api.exception_handler(ValidationError)
    def invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
        return refuse(request, 422, *(Fault("E878", _place(one), f"{one['msg']}.") for one in error.errors))

    return api


def _place(error: dict[str, Any]) -> str:
    return ".".join(str(part) for part in error["loc"])
