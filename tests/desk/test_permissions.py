"""Who may do what, over every address and every action."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import URLPattern, get_resolver

from poise.desk.actions import ACTIONS, Actor
from poise.desk.navigation import features
from poise.desk.permissions import PERMISSIONS, ROLES, may, table
from poise.errors import NotAllowedError, PoiseError

ROOT = Path(__file__).resolve().parents[2]
#: Addresses that need no role: sign-in, and whether the server is up.
OPEN = ("account/", "health", "charts.css", "api/")  # test_api.py walks the API with every scope


def addresses() -> list[URLPattern]:
    """Return every address of the features."""
    return [pattern for module in features() for pattern in module.URLS]


def sample_of(pattern: URLPattern) -> str:
    """Return a path that an address matches; what it names need not exist."""
    text = re.sub(r"<int:\w+>", "1", str(pattern.pattern))
    text = re.sub(r"<uuid:\w+>", "0" * 8 + "-0000-4000-8000-" + "0" * 12, text)
    return "/" + re.sub(r"<[^>]+>", "x", text)


def test_every_address_is_a_feature_s_or_open() -> None:
    """An address that no permission guards would be found here."""
    own = {str(pattern.pattern) for pattern in addresses()}
    for pattern in get_resolver().url_patterns:
        text = str(pattern.pattern)
        assert text in own or text.startswith(OPEN), text


@pytest.mark.parametrize("pattern", addresses(), ids=lambda one: one.name)
def test_every_address_with_every_role(
    pattern: URLPattern, cast: dict[str, Any], sign_in: Callable[[Any], Client]
) -> None:
    """A role gets in exactly where the table lets it; whoever has none, nowhere."""
    view: Any = pattern.callback
    method = "post" if view.methods == ("POST",) else "get"
    path = sample_of(pattern)
    assert getattr(Client(), method)(path).status_code == 302, "not signed in"
    for role, user in cast.items():
        client = sign_in(user)
        client.raise_request_exception = False
        answer = getattr(client, method)(path)
        status = answer.status_code
        allowed = may(role, view.permission)
        assert (status != 403) == allowed, f"{role or 'outsider'}: {status}"
        assert status != 500, f"{role}: {path}"
        assert str(settings.POISE_HOME) not in b"".join(answer).decode(errors="replace"), "tells a folder"


@pytest.mark.parametrize("name", sorted(ACTIONS))
def test_every_action_refuses_whoever_may_not(name: str, cast: dict[str, Any]) -> None:
    """Page, API and command share the action, so none of them can forget to ask."""
    action = ACTIONS[name]
    for role, user in cast.items():
        by = Actor.of(user)
        if may(role, action.permission):
            # Without arguments, or with nothing there to act on, an action may fail, but not for who asks.
            try:
                action.run(by)
            except NotAllowedError:
                raise
            except (TypeError, PoiseError):
                pass
        else:
            with pytest.raises(NotAllowedError, match="E870"):
                action.run(by)


def test_the_table_of_the_docs_is_the_table() -> None:
    """The page that an auditor reads is made of the data that decides."""
    assert table() in (ROOT / "docs/permissions.md").read_text(encoding="utf-8")


def test_permissions_are_told_apart() -> None:
    """Keys are unique, and each is used by an address or an action or is a page's own."""
    keys = [one.key for one in PERMISSIONS]
    assert len(keys) == len(set(keys))
    assert all(one.sentence and one.roles for one in PERMISSIONS)
    assert {role for one in PERMISSIONS for role in one.roles} <= set(ROLES)


def test_outsiders_see_nothing_of_the_company(cast: dict[str, Any], sign_in: Callable[[Any], Client]) -> None:
    """Somebody without a role learns that there is a desk, and no more: no name, no page, no navigation."""
    client = sign_in(cast[""])
    response = client.get("/")
    assert response.status_code == 403
    text = response.content.decode()
    assert "<nav" not in text
    assert "Sample" not in text
