"""All addresses: each feature's own, sign-in by allauth, and one for whoever watches the server."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, URLResolver, include, path

from poise.desk.navigation import features


def health(_: HttpRequest) -> HttpResponse:
    """Answer that the server is up and its database answers; tells nothing else."""
    from django.db import connection

    connection.ensure_connection()
    return HttpResponse("ok\n", content_type="text/plain")


urlpatterns: list[URLPattern | URLResolver] = [
    path("health", health, name="health"),
    path("account/", include("allauth.urls")),
    *(url for module in features() for url in module.URLS),
]

handler404 = "poise.desk.pages.faults.not_found"
handler403 = "poise.desk.pages.faults.forbidden"
handler500 = "poise.desk.pages.faults.broken"
