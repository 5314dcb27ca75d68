"""Handing a verdict to a desk, so that both sides see what the pipeline saw."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from poise.errors import Fault, InputError

if TYPE_CHECKING:
    from poise.gate.verdict import Verdict

#: Holds the token that the desk gave out for reporting verdicts.
TOKEN_VARIABLE: Final = "POISE_DESK_TOKEN"  # noqa: S105 - the name of a variable
#: Where a desk takes verdicts in.
PATH: Final = "/api/gate/verdicts"
#: How long a pipeline waits for the desk [s].
_SECONDS: Final = 20.0
_LOCAL: Final = ("localhost", "127.0.0.1", "::1")


def desk_address(text: str) -> str:
    """Return the address to which verdicts of a desk go.

    Raises
    ------
    InputError
        E612 when it is no address, or would show the token to the network.
    """
    parts = urlsplit(text)
    is_safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOCAL)
    if not parts.hostname or not is_safe:
        message = f"{text[:120]!r} is no https address of a desk."
        hint = "A token is not sent in the clear: expected such as https://desk.example."
        raise InputError(Fault("E612", "--report-to", message, hint))
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}{PATH}"


def desk_token() -> str:
    """Return the token.

    Raises
    ------
    InputError
        E612 when there is none.
    """
    token = os.environ.get(TOKEN_VARIABLE, "").strip()
    if not token or not token.isascii() or not token.isprintable():
        hint = "Make one at the desk, under Account, with the scope gate.report; keep it as a secret."
        raise InputError(Fault("E612", TOKEN_VARIABLE, "holds no token for reporting verdicts.", hint))
    return token


def report(verdict: Verdict, address: str, token: str) -> bool:
    """Hand a verdict to a desk; say on standard error when that fails, and return whether it worked.

    The verdict stands whatever the desk answers: a desk that is down must not stop or pass a delivery.
    """
    from http.client import HTTPException
    from urllib.error import HTTPError
    from urllib.request import HTTPRedirectHandler, Request, build_opener

    from poise.gate.plain import plain
    from poise.gate.verdict import encode

    class NoRedirect(HTTPRedirectHandler):
        """A redirection would carry the token to wherever it leads; it comes out as an error instead."""

        def redirect_request(self, *_: object) -> None:
            return None

    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    request = Request(address, data=encode(verdict), headers=headers, method="POST")  # noqa: S310 - checked
    try:
        with build_opener(NoRedirect).open(request, timeout=_SECONDS):
            return True
    except HTTPError as error:
        told = plain(error.read(2_000).decode("utf-8", "replace"), 300)
        reason = f"it answered {error.code}: {told}"
    except (OSError, HTTPException) as error:
        reason = plain(str(getattr(error, "reason", error)), 200)
    hint = "The verdict itself stands; report it again with: poise gate report VERDICT_JSON --to URL."
    print(Fault("E612", address, f"The desk did not take the verdict in: {reason}.", hint), file=sys.stderr)
    return False
