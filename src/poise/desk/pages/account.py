"""Account: what somebody keeps of their own."""

from __future__ import annotations

from zoneinfo import available_timezones

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render

from poise.desk import convert
from poise.desk.actions import keys, people
from poise.desk.models import SigningKeyFile
from poise.desk.permissions import may
from poise.desk.routes import DeskRequest, page


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
    """Make the reader's signing key."""
    record = keys.enrol(request.actor, request.POST.get("passphrase", ""))
    waiting = "Your key is made. Somebody whose key is on the ledger vouches for it next."
    messages.success(request, "Your key is on the ledger." if record else waiting)
    return redirect("account")


def vouch(request: DeskRequest) -> HttpResponse:
    """Vouch for somebody's key."""
    person = request.POST.get("person", "")
    record = keys.vouch(request.actor, person, request.POST.get("passphrase", ""))
    text = (
        f"The key of {person} is on the ledger."
        if record
        else f"Vouched; one more has to vouch for {person}."
    )
    messages.success(request, text)
    return redirect("account")


URLS = [
    page("me", show, "account", "account.own"),
    page("me/zone", choose_zone, "account-zone", "account.own", ("POST",)),
    page("me/key", enrol, "account-key", "key.enrol", ("POST",)),
    page("me/vouch", vouch, "account-vouch", "key.enrol", ("POST",)),
]
