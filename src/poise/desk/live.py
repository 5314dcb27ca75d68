"""Pages that follow what others do: a fragment asks every second whether its version is still the one.

In a template: ``{% live "table-state" version %}`` on the fragment's element; in the view::

    if (same := unchanged(request, version)) is not None:
        return same
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Hashable
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from django.db.models import Q
from django.http import HttpResponse

from poise.desk.models import LedgerRecord, Presence, User
from poise.desk.models.ledger import LedgerHead
from poise.desk.routes import DeskRequest

#: How long somebody counts as present after the last sign of life, and how often one is written [s].
PRESENT_SECONDS: Final = 30
TOUCH_SECONDS: Final = 10
#: Records of incidents, which their own pages tell to whom they are for; no other page counts them.
MARKED: Final = Q(kind__startswith="incident.") | Q(kind__startswith="drill.")


class Kept(NamedTuple):
    """A page as it was rendered last: what it rests on, its content's digest, its content."""

    rests_on: Hashable
    digest: str
    html: str


class Memory:
    """Pages by reader, each rendered anew only when something can have changed.

    A page's version is its content's digest, so what is not for a reader does not even change the version.

    Parameters
    ----------
    size
        Most pages that one process remembers.
    """

    def __init__(self, size: int = 400) -> None:
        self._kept: OrderedDict[Hashable, Kept] = OrderedDict()
        self._size = size

    def page(self, place: Hashable, rests_on: Hashable, render: Callable[[], str]) -> Kept:
        """Return a reader's page.

        Parameters
        ----------
        place
            Whose page of what.
        rests_on
            What has to change before the page can.
        """
        kept = self._kept.get(place)
        if kept is not None and kept.rests_on == rests_on:
            return kept
        html = render()
        kept = Kept(rests_on, hashlib.sha256(html.encode()).hexdigest()[:16], html)
        self._kept[place] = kept
        self._kept.move_to_end(place)
        while len(self._kept) > self._size:
            self._kept.popitem(last=False)
        return kept


def head_hash() -> str:
    """Return the hash of the ledger's last record: it changes with every record."""
    return LedgerRecord.objects.order_by("-sequence").values_list("hash", flat=True).first() or ""


_counted = (0, 0)


def ledger_version() -> str:
    """Return what changes with every record that is not an incident's: the version of what follows those."""
    global _counted
    size = LedgerHead.objects.filter(id=1).values_list("size", flat=True).first() or 0
    start, count = _counted if _counted[0] <= size else (0, 0)
    if size > start:
        count += LedgerRecord.objects.filter(sequence__gte=start, sequence__lt=size).exclude(MARKED).count()
    _counted = (size, count)
    return str(count)


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
