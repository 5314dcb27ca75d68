"""Who calls, and whether token and role let them."""

from __future__ import annotations

from datetime import timedelta
from typing import Final, cast

from django.http import HttpRequest
from ninja.security import HttpBearer

from poise.desk import clock
from poise.desk.actions.base import Actor
from poise.desk.actions.tokens import SCOPES, holder
from poise.desk.permissions import require
from poise.errors import Fault, NotAllowedError

#: A token's last use is noted at most this often.
_NOTED: Final = timedelta(minutes=5)


class CallRequest(HttpRequest):
    """A request of a program that has shown a token."""

    actor: Actor


class Token(HttpBearer):
    """``Authorization: Bearer poise_...``, with one scope.

    Parameters
    ----------
    scope
        A key of :data:`~poise.desk.actions.tokens.SCOPES`: the token must have it, its owner the permission.
    """

    def __init__(self, scope: str) -> None:
        if scope not in SCOPES:
            raise ValueError(f"{scope!r} is no scope")
        super().__init__()
        self.scope = scope

    def authenticate(self, request: HttpRequest, token: str) -> str | None:
        """Return who calls; None, which is 401, when the token does not count.

        Raises
        ------
        NotAllowedError
            E870 without the scope, or when its owner lacks the permission.
        """
        found, now = holder(token), clock.now()
        if found is None or found.expires <= now:
            return None
        if self.scope not in found.scopes:
            hint = "Make a token with this scope under Account."
            raise NotAllowedError(Fault("E870", self.scope, "The token lacks this scope.", hint))
        require(found.user.role, self.scope)
        if found.used is None or now - found.used > _NOTED:
            found.used = now
            found.save(update_fields=["used"])
        cast(CallRequest, request).actor = Actor(found.user, now)
        return found.user.username
