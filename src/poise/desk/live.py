"""Pages that follow what others do: a fragment asks every second whether its version is still the one.

In a template: ``{% live "table-state" version %}`` on the fragment's element; in the view::

    if (same := unchanged(request, version)) is not None:
        return same
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from django.http import HttpResponse

from poise.desk.models import Presence, User
from poise.desk.models.ledger import LedgerHead
from poise.desk.routes import DeskRequest

#: How long somebody counts as present after the last sign of life, and how often one is written [s].
PRESENT_SECONDS: Final = 30
TOUCH_SECONDS: Final = 10


def ledger_version() -> str:
    """Return what changes with every record: the version of everything that follows from the ledger."""
    head = LedgerHead.objects.filter(id=1).values_list("size", flat=True).first()
    return str(head or 0)


def unchanged(request: DeskRequest, version: str) -> HttpResponse | None:
    """Return 204, at which htmx leaves the page alone, when the reader has this version already."""
    if request.htmx and request.GET.get("seen") == version:
        return HttpResponse(status=204)
    return None


def touch(user: User, place: str) -> None:
    """Note that somebody has a page open."""
    moment = datetime.now(UTC)
    fresh = moment - timedelta(seconds=TOUCH_SECONDS)
    if not Presence.objects.filter(user=user, place=place, seen__gte=fresh).exists():
        Presence.objects.update_or_create(user=user, place=place, defaults={"seen": moment})


def present(place: str) -> list[User]:
    """Return who has a page open now, by name."""
    since = datetime.now(UTC) - timedelta(seconds=PRESENT_SECONDS)
    return list(User.objects.filter(presence__place=place, presence__seen__gte=since).order_by("username"))
