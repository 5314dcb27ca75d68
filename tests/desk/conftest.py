"""A desk for tests: its own workspace, SQLite or POISE_DATABASE_URL, and one person of each role."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from desk.running import cluster, needs_postgres

if TYPE_CHECKING:
    from django.test import Client

    from poise.desk.actions import Actor
    from poise.desk.models import User

#: One workspace for this process; Django's settings are read once.
HOME = Path(tempfile.mkdtemp(prefix="poise-desk-"))
atexit.register(shutil.rmtree, HOME, ignore_errors=True)
os.environ["POISE_HOME"] = str(HOME)
os.environ["DJANGO_SETTINGS_MODULE"] = "poise.desk.settings"

import django  # noqa: E402

django.setup()
# Settings are read; what other rooms' tests find in the environment is none of ours.
for _name in ("POISE_HOME", "DJANGO_SETTINGS_MODULE"):
    del os.environ[_name]


@pytest.fixture(scope="session")
def prepared() -> None:
    """Lay out tables and static files, once."""
    from django.conf import settings
    from django.test.utils import setup_test_environment

    from poise.desk.prepare import prepare

    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    setup_test_environment()
    prepare()


@pytest.fixture
def committed() -> None:
    """Ask for rows that other processes and threads see; all tables are emptied after the test."""


@pytest.fixture(autouse=True)
def _database(request: pytest.FixtureRequest) -> Iterator[None]:
    """Take back whatever a test writes."""
    if "browser" in request.keywords or "postgres" in request.keywords:
        yield  # these bring their own desk
        return
    request.getfixturevalue("prepared")
    from django.core.management import call_command
    from django.db import transaction

    from poise.desk.models import LedgerHead

    if "committed" in request.fixturenames:
        yield
        call_command("flush", interactive=False, verbosity=0)
        LedgerHead.objects.create(id=1)
        return
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def _person(username: str, role: str) -> User:
    from poise.desk.models import User

    return User.objects.create_user(username, password=f"{username} has a long one", role=role)


@pytest.fixture
def cio() -> User:
    """Operations' lead."""
    return _person("cio", "operations-lead")


@pytest.fixture
def ciso() -> User:
    """Security's lead."""
    return _person("ciso", "security-lead")


@pytest.fixture
def staff() -> User:
    """Somebody of operations' staff."""
    return _person("staff", "operations-staff")


@pytest.fixture
def security_staff() -> User:
    """Somebody of security's staff."""
    return _person("security-staff", "security-staff")


@pytest.fixture
def chair() -> User:
    """Let the chair in."""
    return _person("chair", "chair")


@pytest.fixture
def auditor() -> User:
    """Let the auditor in."""
    return _person("auditor", "auditor")


@pytest.fixture
def administrator() -> User:
    """Let the administrator in."""
    return _person("administrator", "administrator")


@pytest.fixture
def outsider() -> User:
    """Somebody who can sign in and has no role."""
    return _person("outsider", "")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=needs_postgres)])
def database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """Return where a desk of the test's own keeps its rows: empty is SQLite, else a new cluster."""
    if request.param == "sqlite":
        yield ""
        return
    with cluster() as running:
        yield running.database("desk")


@pytest.fixture
def cast(
    cio: User,
    ciso: User,
    staff: User,
    security_staff: User,
    chair: User,
    auditor: User,
    administrator: User,
    outsider: User,
) -> dict[str, User]:
    """One person of each role, by role; the outsider's is empty."""
    people = (cio, ciso, staff, security_staff, chair, auditor, administrator, outsider)
    return {one.role: one for one in people}


@pytest.fixture
def sign_in() -> Callable[[Any], Client]:
    """Return a function that gives a client with somebody signed in."""
    from django.test import Client

    def signed_in(user: User) -> Client:
        client = Client()
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        return client

    return signed_in


@pytest.fixture
def by() -> Callable[[Any], Actor]:
    """Return a function that gives somebody as an actor, now."""
    from poise.desk.actions import Actor

    return Actor.of
