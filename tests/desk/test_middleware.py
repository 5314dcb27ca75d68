"""What every answer has when something is wrong around it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.db import SessionStore
from django.db import DataError, InterfaceError, OperationalError
from django.http import HttpResponse
from django.test import Client, RequestFactory
from requests import ConnectionError

from desk.running import RunningDesk
from poise.desk import logs, middleware, places, workspace
from poise.desk.actions import Actor, tokens
from poise.desk.api import security
from poise.desk.pages import home
from poise.errors import DeskError, Fault


@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
def test_a_database_that_is_away_is_told_without_asking_it(
    error: type[Exception], ciso: Any, sign_in: Callable[[Any], Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even who is signed in stands in the database; the answer must not need it."""
    client = sign_in(ciso)
    client.raise_request_exception = False

    def away(*_: Any, **__: Any) -> None:
        raise error("the server closed the connection")

    monkeypatch.setattr(SessionStore, "load", away)
    monkeypatch.setattr(security, "holder", away)
    page = client.get("/findings?q=a&severity=5")
    assert (page.status_code, page["Retry-After"]) == (503, "5")
    assert '<a class="button main" href="/findings?q=a&amp;severity=5">Try again</a>' in page.content.decode()
    posted = client.post("/findings/upload")
    assert posted.status_code == 503
    assert "Go back with your browser" in posted.content.decode(), "what was written is not lost by a link"
    assert "E872" in page.content.decode()
    assert "closed the connection" not in page.content.decode()
    call = client.get("/api/findings", headers={"Authorization": "Bearer poise_x"})
    assert (call.status_code, call.json()["faults"][0]["id"]) == (503, "E872")


def test_the_log_tells_of_an_absent_database_once_a_minute(
    ciso: Any, sign_in: Callable[[Any], Client], monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    """One line for all requests, with how many there were, and no traceback of any; of other faults each."""
    client, seconds = sign_in(ciso), [0.0]
    client.raise_request_exception = False
    monkeypatch.setattr(middleware, "_AWAY_LINES", logs.Sparing(clock=lambda: seconds[0]))

    def away(*_: Any, **__: Any) -> None:
        raise OperationalError("the server closed the connection")

    monkeypatch.setattr(SessionStore, "load", away)
    monkeypatch.setattr(security, "holder", away)
    for minute in (0, 59, 61):
        seconds[0] = minute
        for path in ("/findings", "/health", "/"):
            assert client.get(path, headers={"Authorization": "Bearer poise_x"}).status_code in (200, 503)
        client.get("/api/findings", headers={"Authorization": "Bearer poise_x"})
    told = [one for one in caplog.records if one.levelname in ("WARNING", "ERROR")]
    assert [one.getMessage() for one in told] == [
        "the database cannot be used: OperationalError",
        "the database cannot be used: OperationalError; 7 more since the last such line",
    ]
    assert not any(one.exc_info for one in told)
    monkeypatch.setattr(SessionStore, "load", lambda _: 1 / 0)
    client.get("/findings")
    assert caplog.records[-1].exc_info, "a fault of our own still has its place in the log"


def test_what_the_database_cannot_keep_is_told_as_such(
    ciso: Any, sign_in: Callable[[Any], Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL refuses a character 0 in a text, which a program may send; SQLite keeps it."""
    client = sign_in(ciso)

    def refuse(*_: Any, **__: Any) -> None:
        raise DataError("PostgreSQL text fields cannot contain NUL (0x00) bytes")

    monkeypatch.setattr(home, "_newest", refuse)
    monkeypatch.setattr(security, "holder", refuse)
    page = client.get("/")
    assert page.status_code == 400
    assert "cannot be kept" in page.content.decode()
    call = client.get("/api/findings", headers={"Authorization": "Bearer poise_x"})
    assert (call.status_code, call.json()["faults"][0]["id"]) == (400, "E878")


def test_our_own_fault_is_not_blamed_on_the_database(
    ciso: Any, sign_in: Callable[[Any], Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page that breaks says so, with 500, for whoever watches the server."""
    client = sign_in(ciso)
    client.raise_request_exception = False

    def broken(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("poise.desk.queries.total", broken)
    page = client.get("/findings")
    assert page.status_code == 500
    assert "E900" in page.content.decode()


def test_a_refusal_says_what_kind_it_is_and_names_no_key_first(
    auditor: Any, sign_in: Callable[[Any], Client]
) -> None:
    """Whoever may not is told so in words; the permission's key stands small beside the fault's id."""
    page = sign_in(auditor).get("/dialogue")
    assert page.status_code == 403
    text = " ".join(page.content.decode().split())
    assert "<h1>This is not for your role</h1>" in text
    assert "<strong>dialogue.read</strong>" not in text
    assert "E870, dialogue.read" in text
    wrong = sign_in(auditor).get("/ledger?until=yesterday")
    assert "<h1>This is not possible</h1>" in wrong.content.decode()


def test_faults_name_files_and_no_folder(tmp_path: Path) -> None:
    """Readers in a browser learn nothing of the machine; names with blanks and places stay."""
    home = settings.POISE_HOME
    fault = Fault("E405", f"{home}/reports/0a1b/my scan.nessus:host db1, item 4", "is cut.", "Send it again.")
    assert places.named_faults([fault])[0].where == "my scan.nessus:host db1, item 4"
    assert (
        places.named(f"{home}/table: E555 There is no table here.") == "table: E555 There is no table here."
    )
    assert places.named("/etc/hosts and 3/4 stay") == "/etc/hosts and 3/4 stay"


def test_a_request_that_is_too_large_is_told_in_words(cio: Any, sign_in: Callable[[Any], Client]) -> None:
    """Of a page as a page, of a call as JSON; not as a bare line of whatever serves the desk."""
    client = sign_in(cio)
    client.raise_request_exception = False
    large = {"reason": "x" * (settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)}
    form = "application/x-www-form-urlencoded"
    page = client.post("/table/limits", f"reason={large['reason']}", form)
    assert page.status_code == 413
    assert "larger than 4 MB" in page.content.decode()
    token = tokens.issue(Actor.of(cio), "t", ["table.limit"], 1)
    call = client.post("/api/limits", large, "application/json", headers={"Authorization": f"Bearer {token}"})
    assert (call.status_code, call.json()["faults"][0]["id"]) == (413, "E873")


def test_a_form_older_than_the_sign_in_is_told_in_words(cio: Any) -> None:
    """Who signed in again in another tab learns why the old form does not count, and what to do."""
    client = Client(enforce_csrf_checks=True)
    client.force_login(cio)
    answer = client.post("/table/limits", {"id": "x"})
    assert answer.status_code == 403
    assert "Open its page again" in answer.content.decode()


def test_a_provider_that_is_away_is_no_fault_of_the_desk() -> None:
    """Who signs in reads that the company's provider cannot be reached, and may try again."""
    request = RequestFactory().post("/account/oidc/company/login/")
    request.user = AnonymousUser()
    answer = middleware.Faults(lambda _: HttpResponse()).process_exception(
        request, ConnectionError("refused")
    )
    assert answer is not None
    assert answer.status_code == 503
    assert "cannot be reached from the desk" in answer.content.decode()


def test_a_database_of_another_kind_is_refused_without_its_password(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The setting is named and not told: it may hold a password, and standard error is a log."""
    monkeypatch.setenv("POISE_DATABASE_URL", "mysql://poise:secret@db/poise")
    with pytest.raises(DeskError, match="E875") as told:
        workspace.database_url(tmp_path)
    assert "secret" not in str(told.value)


def test_a_database_that_is_away_at_the_start_is_told(tmp_path: Path) -> None:
    """As what it is, with what to look at; it is no fault of Poise."""
    desk = RunningDesk(tmp_path / "desk", more={"POISE_DATABASE_URL": "postgresql://x@127.0.0.1:1/x"})
    done = desk.run("worker", "--until-empty")
    assert done.returncode == 2
    assert "E872" in done.stderr


def test_a_form_sent_after_the_session_ended_leads_to_words(
    cio: Any, sign_in: Callable[[Any], Client]
) -> None:
    """Sign-in leads to the address that the form was sent to, which takes no looking: no empty page."""
    assert Client().post("/table/limits")["Location"] == "/account/login/?next=/table/limits"
    answer = sign_in(cio).get("/table/limits")
    assert (answer.status_code, answer["Allow"]) == (405, "POST")
    assert "You may have been signed out" in answer.content.decode()
