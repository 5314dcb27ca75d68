"""Who calls, and whether token and role let them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final, cast

from django.core.cache import cache
from django.http import HttpRequest
from ninja.errors import Throttled
from ninja.security import HttpBearer

from poise.desk import clock
from poise.desk.actions.base import Actor
from poise.desk.actions.tokens import SCOPES, holder
from poise.desk.permissions import require
from poise.errors import Fault, NotAllowedError

#: Calls of one token in a minute: enough for a pipeline, and no program keeps the desk from people.
MOST_CALLS: Final = 600
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
        Throttled
            When the token was shown more than :data:`MOST_CALLS` times this minute.
        """
        found, now = holder(token), clock.now()
        if found is None or found.expires <= now:
            return None
        if self.scope not in found.scopes:
            hint = "Make a token with this scope under Account."
            raise NotAllowedError(Fault("E870", self.scope, "The token lacks this scope.", hint))
        require(found.user.role, self.scope)
        _count(found.pk, now)
        if found.used is None or now - found.used > _NOTED:
            found.used = now
            found.save(update_fields=["used"])
        cast(CallRequest, request).actor = Actor(found.user, now)
        return found.user.username


def _count(token: int, now: datetime) -> None:
    """Count a call of a token; the cache is the database's, so all processes count together."""
    minute, second = divmod(int(now.timestamp()), 60)
    key = f"calls-{token}-{minute}"
    cache.add(key, 0, timeout=120)
    try:
        calls = cache.incr(key)
    except ValueError:
        calls = 1  # the cache made room between the two
    if calls > MOST_CALLS:
        raise Throttled(wait=60 - second)


def needs(scope: str, **described: Any) -> dict[str, Any]:
    """Return what an operation is declared with: the token that it asks for, and its scope in OpenAPI.

    Parameters
    ----------
    scope
        As for :class:`Token`.
    described
        More of the operation's description in OpenAPI.
    """
    return {"auth": Token(scope), "openapi_extra": {"x-scope": scope, **described}}
