"""Account: what somebody keeps of their own."""

from __future__ import annotations

from zoneinfo import available_timezones

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render

from poise.desk import convert
from poise.desk.actions import people
from poise.desk.pages import signing_keys
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
            "signing": signing_keys.standing(request.actor),
        },
    )


def choose_zone(request: DeskRequest) -> HttpResponse:
    """Take the chosen time zone."""
    people.choose_zone(request.actor, request.POST.get("timezone", ""))
    messages.success(request, "Dates are now shown in your time zone.")
    return redirect("account")


URLS = [
    page("me", show, "account", "account.own"),
    page("me/zone", choose_zone, "account-zone", "account.own", ("POST",)),
]
