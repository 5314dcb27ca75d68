"""The API: what a token may, and answers that are what their description says."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from django.test import Client
from hypothesis import HealthCheck, given, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

from poise.desk import clock, convert, storing
from poise.desk.actions import Actor, bargaining, findings, tokens
from poise.desk.api import security
from poise.desk.api.build import build
from poise.desk.convert import DeskSession
from poise.desk.ledger import DeskLedger
from poise.desk.models import ApiToken, User
from poise.errors import DeskError
from table.cases import small_ground, with_risk

SAMPLE = Path(__file__).resolve().parents[1] / "scans" / "samples" / "xml" / "nessus.nessus"


def issued(user: User, *scopes: str, days: int = 7) -> dict[str, Any]:
    """Return the headers of somebody's new token."""
    # Whoever has no role cannot make a token, but may have made one while in a role.
    role = user.role
    User.objects.filter(pk=user.pk).update(role=role or "auditor")
    user.refresh_from_db(fields=["role"])
    token = tokens.issue(Actor.of(user), "test", scopes or list(tokens.SCOPES), days)
    User.objects.filter(pk=user.pk).update(role=role)
    user.refresh_from_db(fields=["role"])
    return {"headers": {"Authorization": f"Bearer {token}"}}


def operations() -> list[tuple[str, str, str]]:
    """Return method, path and scope of every operation."""
    found = []
    for prefix, router in build()._routers:
        for route, view in router.path_operations.items():
            for operation in view.operations:
                (token,) = operation.auth_callbacks
                path = (
                    f"/api{prefix}{route}".replace("{number}", "1")
                    .replace("{name}", "x")
                    .replace("{key}", "x")
                )
                found += [(method, path, token.scope) for method in operation.methods]
    return found


@pytest.mark.parametrize(("method", "path", "scope"), operations())
def test_every_call_with_every_scope_and_role(
    method: str, path: str, scope: str, cast: dict[str, User]
) -> None:
    """A token does what its scope says, and never more than its owner's role."""
    from poise.desk.permissions import may

    client = Client()
    assert client.generic(method, path).status_code == 401
    for role, user in cast.items():
        own = client.generic(method, path, **issued(user, scope)).status_code
        assert (own != 403) == may(role, scope), f"{role}: {own}"
        others = [one for one in tokens.SCOPES if one != scope]
        assert client.generic(method, path, **issued(user, *others)).status_code == 403


def test_a_token_counts_until_it_ends_and_is_kept_as_digest_only(ciso: User) -> None:
    """Whoever reads the database can speak for nobody; whoever ends a token ends it now."""
    header = issued(ciso, "estate.read")
    secret = header["headers"]["Authorization"].partition(" ")[2]
    assert secret not in str(ApiToken.objects.values())
    assert secret not in str([record.body for record in DeskLedger().records()])
    client = Client()
    assert client.get("/api/findings", **header).status_code == 200
    token = ApiToken.objects.get()
    tokens.revoke(Actor.of(ciso), token.pk)
    assert client.get("/api/findings", **header).status_code == 401
    over = issued(ciso, "estate.read")
    ApiToken.objects.filter(revoked=None).update(expires=token.made)
    assert client.get("/api/findings", **over).status_code == 401
    late = issued(ciso, "estate.read")
    ciso.is_active = False
    ciso.save()
    assert client.get("/api/findings", **late).status_code == 401


def test_calls_of_one_token_are_counted(ciso: User, cio: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program gone wild is told to wait, and holds up nobody else's."""
    monkeypatch.setattr(security, "MOST_CALLS", 3)
    wild, calm, client = issued(ciso), issued(cio), Client()
    # A minute may end in between, once.
    answers = [client.get("/api/reports", **wild) for _ in range(8)]
    refused = next(one for one in answers if one.status_code == 429)
    assert refused.json()["faults"][0]["id"] == "E869"
    assert 1 <= int(refused["Retry-After"]) <= 60
    assert [one.status_code for one in answers[:3]] == [200] * 3
    assert client.get("/api/reports", **calm).status_code == 200


@pytest.mark.parametrize(
    ("name", "scopes", "days"),
    [("", ["estate.read"], 1), ("x", [], 1), ("x", ["people.manage"], 1), ("x", ["estate.read"], 0)],
)
def test_a_token_needs_name_scope_and_end(name: str, scopes: list[str], days: int, ciso: User) -> None:
    """A token for everything and for ever is what gets stolen."""
    with pytest.raises(DeskError, match="E878"):
        tokens.issue(Actor.of(ciso), name, scopes, days)


@pytest.fixture
def table(ciso: User) -> DeskSession:
    """Open a table on a small company."""
    at = convert.session(clock.now())
    at.open(with_risk(small_ground(8)), author=ciso.username)
    return convert.session(clock.now())


FREEZE = {
    "id": "quiet-end",
    "rule": "freeze",
    "start": "2026-12-20T00:00:00Z",
    "end": "2027-01-03T00:00:00Z",
    "reason": "year-end closing",
}


def test_limits_are_posted_changed_and_dropped(cio: User, ciso: User, table: DeskSession) -> None:
    """A program does with its side's limits what the page does, and the other side sees none of it yet."""
    own, other, client = issued(cio), issued(ciso), Client()
    made = client.post("/api/limits", FREEZE, "application/json", **own)
    assert made.status_code == 201, made.content
    assert made.json()["is_sealed"]
    assert made.json()["sentence"].startswith("No change on everything")
    assert client.get("/api/limits", **own).json() == [made.json()]
    assert client.get("/api/limits", **other).json() == []
    again = client.post("/api/limits", FREEZE, "application/json", **own)
    assert (again.status_code, again.json()["faults"][0]["id"]) == (400, "E552")
    terms = {name: value for name, value in FREEZE.items() if name != "id"} | {"reason": "audit"}
    address = f"/api/limits/quiet-end?version={made.json()['version']}"
    changed = client.put(address, terms, "application/json", **own)
    assert (changed.status_code, changed.json()["reason"]) == (200, "audit")
    late = client.put(address, terms, "application/json", **own)
    assert (late.status_code, late.json()["faults"][0]["id"]) == (409, "E871")
    foreign = client.delete("/api/limits/quiet-end", **other)
    assert foreign.status_code == 409
    assert client.delete("/api/limits/quiet-end?reason=moved", **own).status_code == 204
    assert client.get("/api/limits", **own).json() == []


def test_limits_on_the_table_are_seen_by_both_and_dropped_by_one(
    cio: User, ciso: User, table: DeskSession
) -> None:
    """Once positions are open, a program of the other side reads a limit and cannot drop it."""
    own, other, client = issued(cio), issued(ciso), Client()
    for user in (cio, ciso):
        bargaining.seal(Actor.of(user))
    assert client.post("/api/limits", FREEZE, "application/json", **own).status_code == 201
    (seen,) = client.get("/api/limits", **other).json()
    assert (seen["party"], seen["is_sealed"]) == ("operations", False)
    refused = client.delete("/api/limits/quiet-end", **other)
    assert (refused.status_code, refused.json()["faults"][0]["id"]) == (403, "E870")
    assert client.delete("/api/limits/quiet-end?reason=moved", **own).status_code == 204
    assert client.get("/api/limits", **other).json() == []


def test_a_limit_in_a_zone_of_nowhere_is_refused(cio: User, table: DeskSession) -> None:
    """Midnight of which zone? A program has no zone of its own, so it has to say."""
    given = FREEZE | {"start": "2026-12-20T00:00:00"}
    answer = Client().post("/api/limits", given, "application/json", **issued(cio))
    assert answer.status_code == 422
    assert "timezone" in answer.json()["faults"][0]["message"]


def test_plans_say_what_they_cost_and_when_they_do_what(cio: User, ciso: User, table: DeskSession) -> None:
    """Costs are those of the table, never below what is proven, and a plan's dates are its windows'."""
    header, client = issued(ciso, "plan.read"), Client()
    rows = {row["key"]: row for row in client.get("/api/plans", **header).json()}
    assert set(rows) == set(table.known_plans())
    for row in rows.values():
        assert row["security_cost"] >= row["least_security_cost"] - 1e-6
        plan = table.named_plan(row["key"])[1]
        assert row["security_cost"] == pytest.approx(table.costs(plan).security)
        items = client.get(f"/api/plans/{row['key']}", **header).json()["items"]
        assert sum(item["start"] is not None for item in items) == row["num_done"]
    for user in (cio, ciso):
        bargaining.seal(Actor.of(user))
    number = bargaining.propose(Actor.of(ciso), "default")
    same = client.get(f"/api/plans/proposal-{number}", **header).json()
    assert same["items"] == client.get("/api/plans/default", **header).json()["items"]
    for lacking in ("proposal-9", "agreed"):
        answer = client.get(f"/api/plans/{lacking}", **header)
        assert (answer.status_code, answer.json()["faults"][0]["id"]) == (404, "E554")


def test_the_page_tells_every_call_and_every_shape(ciso: User, sign_in: Callable[[Any], Client]) -> None:
    """Whoever writes a program reads what it may ask, with a place for each shape that is named."""
    page = sign_in(ciso).get("/me/tokens/api").content.decode()
    for method, _, scope in operations():
        assert scope in page
        assert method in page
    schema = build().get_openapi_schema()
    for path in schema["paths"]:
        assert f"{path}</code>" in page
    named = set(re.findall(r'href="#(shape-\w+)"', page))
    assert named <= set(re.findall(r'id="(shape-\w+)"', page))
    assert named


def test_a_report_is_uploaded_as_pipelines_do(ciso: User) -> None:
    """One call with the file; the answer names the job that reads it."""
    from django.core.files.uploadedfile import SimpleUploadedFile

    file = SimpleUploadedFile("scan.nessus", SAMPLE.read_bytes())
    response = Client().post("/api/reports", {"file": file}, **issued(ciso, "findings.import", "estate.read"))
    assert response.status_code == 202, response.content
    assert response.json()["state"] == "waiting"
    again = SimpleUploadedFile("again.nessus", SAMPLE.read_bytes())
    conflict = Client().post("/api/reports", {"file": again}, **issued(ciso, "findings.import"))
    assert (conflict.status_code, conflict.json()["faults"][0]["id"]) == (409, "E871")


@pytest.fixture(params=["no table", "table"])
def described(request: pytest.FixtureRequest, ciso: User) -> Iterator[tuple[Any, dict[str, str]]]:
    """Return the API's description and a token for all of it."""
    from django.core import signals
    from django.core.wsgi import get_wsgi_application
    from django.db import close_old_connections

    # The application is called in the test's own transaction, whose connection it must leave open.
    for signal in (signals.request_started, signals.request_finished):
        signal.disconnect(close_old_connections)
    kept = storing.keep("a.nessus", [SAMPLE.read_bytes()], convert.folder("reports"))
    findings.take_report(Actor.of(ciso), kept)
    for number in range(3):
        Actor.of(ciso).record("note", {"number": number})
    if request.param == "table":
        request.getfixturevalue("table")
    schema = schemathesis.openapi.from_wsgi("/api/openapi.json", get_wsgi_application())
    yield schema, issued(ciso)["headers"]
    for signal in (signals.request_started, signals.request_finished):
        signal.connect(close_old_connections)


def test_answers_are_what_the_description_says(described: tuple[Any, dict[str, str]]) -> None:
    """Whatever a program sends by the description, it gets an answer that the description names."""
    schema, headers = described
    paths = []
    for found in schema.get_all_operations():
        operation = found.ok()
        paths.append(operation.path)

        @given(case=operation.as_strategy())
        @settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
        def check(case: Any) -> None:
            # OpenAPI cannot say that a file must not be empty, or that there must be a table for a limit.
            left_out = [] if case.method == "GET" else [positive_data_acceptance]
            case.call_and_validate(headers=headers, excluded_checks=left_out)

        check()
    assert "/api/findings" in paths
