"""All addresses: each feature's own, sign-in by allauth, and one for whoever watches the server."""

from __future__ import annotations

from importlib.resources import files

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, URLResolver, include, path

from poise.desk.api.build import build
from poise.desk.navigation import features


def health(_: HttpRequest) -> HttpResponse:
    """Answer that the server is up and its database answers; tells nothing else."""
    from django.db import connection

    connection.ensure_connection()
    return HttpResponse("ok\n", content_type="text/plain")


def charts_css(_: HttpRequest) -> HttpResponse:
    """Return the style of the charts, which reports and pages share."""
    content = files("poise.report").joinpath("charts.css").read_text(encoding="utf-8")
    answer = HttpResponse(content, content_type="text/css")
    answer["Cache-Control"] = "max-age=300"
    return answer


def by_mail(_: HttpRequest) -> HttpResponse:
    """Answer 404: the desk proves nobody's e-mail address; an administrator gives a new password."""
    raise Http404


urlpatterns: list[URLPattern | URLResolver] = [
    path("health", health, name="health"),
    path("charts.css", charts_css, name="charts-css"),
    path("account/email/", by_mail),
    path("account/password/reset/", by_mail),
    path("account/confirm-email/", by_mail),
    path("account/", include("allauth.urls")),
    path("api/", build().urls),
    *(url for module in features() for url in module.URLS),
]

handler400 = "poise.desk.pages.faults.unreadable"
handler404 = "poise.desk.pages.faults.not_found"
handler403 = "poise.desk.pages.faults.forbidden"
handler500 = "poise.desk.pages.faults.broken"
