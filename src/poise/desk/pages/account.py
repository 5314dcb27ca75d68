"""Account: what somebody keeps of their own."""

from __future__ import annotations

from collections.abc import Iterator
from zoneinfo import available_timezones

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from poise.desk import convert
from poise.desk.actions import Actor, keys, people
from poise.desk.models import SigningKeyFile
from poise.desk.permissions import may
from poise.desk.routes import DeskRequest, page
from poise.desk.telling import Need
from poise.errors import DeskError, Fault


def show(request: DeskRequest) -> HttpResponse:
    """Show the account."""
    estate = convert.latest_estate()
    return render(
        request,
        "desk/account.html",
        {
            "zones": sorted(zone for zone in available_timezones() if "/" in zone),
            "company_zone": estate.timezone if estate else "UTC",
            "key": SigningKeyFile.objects.filter(user=request.user).first(),
            "is_enrolled": keys.is_enrolled(request.actor),
            "may_enrol": may(request.user.role, "key.enrol"),
            "waiting": [one for one in keys.waiting() if one != request.user],
        },
    )


def choose_zone(request: DeskRequest) -> HttpResponse:
    """Take the chosen time zone."""
    people.choose_zone(request.actor, request.POST.get("timezone", ""))
    messages.success(request, "Dates are now shown in your time zone.")
    return redirect("account")


def enrol(request: DeskRequest) -> HttpResponse:
    """Make the reader's signing key; its passphrase is typed twice, since nobody can recover it."""
    passphrase = request.POST.get("passphrase", "")
    if request.POST.get("again", "") != passphrase:
        raise DeskError(Fault("E878", "passphrase", "The two are not the same.", "Type it twice."))
    record = keys.enrol(request.actor, passphrase)
    waiting = "Your key is made. Somebody whose key is on the ledger vouches for it next."
    messages.success(request, "Your key is on the ledger." if record else waiting)
    return redirect("account")


def vouch(request: DeskRequest) -> HttpResponse:
    """Vouch for somebody's key."""
    person = request.POST.get("person", "")
    given = request.POST.get("passphrase", "")
    record = keys.vouch(request.actor, person, given, request.POST.get("key", ""))
    text = (
        f"The key of {person} is on the ledger."
        if record
        else f"Vouched; one more has to vouch for {person}."
    )
    messages.success(request, text)
    return redirect("account")


def needs(by: Actor) -> Iterator[Need]:
    """Yield what is missing before this person can sign, and whose key waits."""
    if not may(by.role, "key.enrol") or by.user is None:
        return
    if not SigningKeyFile.objects.filter(user=by.user).exists():
        yield Need("Make your signing key: agreements are signed with it.", reverse("account"))
    elif keys.is_enrolled(by):
        for one in keys.waiting():
            yield Need(f"{one.shown} has a new signing key; vouch for it.", reverse("account"))


URLS = [
    page("me", show, "account", "account.own"),
    page("me/zone", choose_zone, "account-zone", "account.own", ("POST",)),
    page("me/key", enrol, "account-key", "key.enrol", ("POST",)),
    page("me/vouch", vouch, "account-vouch", "key.enrol", ("POST",)),
]
