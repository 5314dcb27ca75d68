"""Addresses: each names the permission it needs, and is refused without it before its view runs."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path

from poise.desk.actions.base import Actor
from poise.desk.models import User
from poise.desk.pages.faults import only_sent
from poise.desk.permissions import PERMISSION_BY_KEY, require


class DeskRequest(HttpRequest):
    """A request of somebody who has signed in."""

    user: User
    actor: Actor
    htmx: Any


View = Callable[..., HttpResponseBase]


def page(
    route: str, view: View, name: str, permission: str, methods: tuple[str, ...] = ("GET", "HEAD")
) -> URLPattern:
    """Return an address of the desk.

    Parameters
    ----------
    route, view, name
        As for :func:`django.urls.path`; the view gets a :class:`DeskRequest`.
    permission
        A key of :mod:`poise.desk.permissions`; a test walks all addresses with all roles.
    methods
        HTTP methods that it answers to.
    """
    if permission not in PERMISSION_BY_KEY:
        raise ValueError(f"{permission!r} of {route!r} is no permission of poise.desk.permissions")

    @wraps(view)
    def guarded(request: DeskRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.method not in methods:
            return only_sent(methods)
        require(request.user.role, permission)
        request.actor = Actor.of(request.user)
        return view(request, *args, **kwargs)

    checked = login_required(guarded)
    checked.permission = permission  # type: ignore[attr-defined]
    checked.methods = methods  # type: ignore[attr-defined]
    return path(route, checked, name=name)
