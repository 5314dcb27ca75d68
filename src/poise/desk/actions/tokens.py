"""Tokens of the API: made, shown once, and revoked."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from poise.desk.actions.base import Actor, action
from poise.desk.models.token import ApiToken
from poise.errors import DeskError, Fault

#: What a token may be for: the permissions that the API needs, with what they are for.
SCOPES: Final = {
    "estate.read": "read the estate, reports and findings",
    "findings.import": "upload reports",
    "table.read": "read the table: limits, proposals, whose turn it is",
    "table.limit": "post, change and drop limits of your side",
    "plan.read": "read plans: what each costs, and when it does what",
    "agreement.read": "read agreements",
    "ledger.read": "read the ledger",
    "gate.report": "report verdicts of deliveries",
    "gate.read": "read delivery policies and exceptions",
}
MAX_DAYS: Final = 366
_PREFIX: Final = "poise_"


@action("account.own")
def issue(by: Actor, name: str, scopes: Sequence[str], days: int) -> str:
    """Make a token for the actor and return it, this once.

    Parameters
    ----------
    name
        What it is for, in the owner's words.
    scopes
        Keys of :data:`SCOPES`.
    days
        How long it counts [d], 1 to 366.

    Raises
    ------
    DeskError
        E878 for a name, scope or time that will not do.
    """
    unknown = [scope for scope in scopes if scope not in SCOPES]
    if by.user is None or not name.strip() or not scopes or unknown or not 1 <= days <= MAX_DAYS:
        reason = f"needs a name, scopes of {', '.join(SCOPES)}, and 1 to {MAX_DAYS} days"
        raise DeskError(Fault("E878", "token", f"{reason}; seen {name!r}, {list(scopes)}, {days}."))
    token = _PREFIX + secrets.token_urlsafe(32)
    expires = by.now + timedelta(days=days)
    ApiToken.objects.create(
        user=by.user,
        name=name.strip()[:80],
        digest=_digest(token),
        scopes=list(scopes),
        made=by.now,
        expires=expires,
    )
    body = {"name": name.strip()[:80], "scopes": list(scopes), "expires": expires.isoformat()}
    by.record("token.issued", body)
    return token


@action("account.own")
def revoke(by: Actor, number: int) -> None:
    """End a token of the actor's.

    Raises
    ------
    DeskError
        E878 when there is none.
    """
    token = ApiToken.objects.select_for_update().filter(pk=number, user=by.user, revoked=None).first()
    if token is None:
        raise DeskError(Fault("E878", "token", f"There is no token {number} of yours that counts."))
    token.revoked = by.now
    token.save(update_fields=["revoked"])
    by.record("token.revoked", {"name": token.name})


def holder(token: str) -> ApiToken | None:
    """Return the token of a secret, when it counts and its owner may still sign in."""
    found = ApiToken.objects.select_related("user").filter(digest=_digest(token), revoked=None).first()
    return found if found is not None and found.user.is_active else None


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()
