"""Tokens of the API on the account page, and the API described for people."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render

from poise.desk.actions import tokens
from poise.desk.api import describing
from poise.desk.api.build import build
from poise.desk.api.security import MOST_CALLS
from poise.desk.models import ApiToken
from poise.desk.routes import DeskRequest, page


def index(request: DeskRequest) -> HttpResponse:
    """List the reader's tokens, and make one."""
    return render(request, "desk/tokens.html", _context(request))


def issue(request: DeskRequest) -> HttpResponse:
    """Make a token; the answer shows it, and no later page does."""
    days = request.POST.get("days", "")
    token = tokens.issue(
        request.actor,
        request.POST.get("name", ""),
        request.POST.getlist("scopes"),
        int(days) if days.isascii() and days.isdecimal() and len(days) < 5 else 0,
    )
    return render(request, "desk/tokens.html", {**_context(request), "token": token})


def revoke(request: DeskRequest, number: int) -> HttpResponse:
    """End a token."""
    tokens.revoke(request.actor, number)
    messages.success(request, "The token counts no more.")
    return redirect("tokens")


def described(request: DeskRequest) -> HttpResponse:
    """Describe the API: how to call it, every call with what it needs, and every shape."""
    schema = build().get_openapi_schema()
    calls = describing.calls(schema)
    by_scope = {text: [one for one in calls if one.scope == scope] for scope, text in tokens.SCOPES.items()}
    context = {
        "by_scope": [(text, found) for text, found in by_scope.items() if found],
        "shapes": describing.shapes(schema, calls),
        "address": request.build_absolute_uri("/"),
        "most_calls": MOST_CALLS,
    }
    return render(request, "desk/api.html", context)


def _context(request: DeskRequest) -> dict[str, object]:
    rows = [
        (one, "; ".join(tokens.SCOPES.get(key, key) for key in one.scopes))
        for one in ApiToken.objects.filter(user=request.user)
    ]
    return {
        "rows": rows,
        "scopes": tokens.SCOPES.items(),
        "max_days": tokens.MAX_DAYS,
        "now": request.actor.now,
    }


SENTENCES = {
    "token.issued": "made a token for programs: {name}",
    "token.revoked": "ended the token {name}",
}
URLS = [
    page("me/tokens", index, "tokens", "account.own"),
    page("me/tokens/api", described, "tokens-api", "account.own"),
    page("me/tokens/new", issue, "tokens-new", "account.own", ("POST",)),
    page("me/tokens/<int:number>/revoke", revoke, "tokens-revoke", "account.own", ("POST",)),
]
