"""The workspace: what holds digests and keys is for its owner alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from desk.running import RunningDesk
from poise.desk import workspace
from poise.errors import DeskError

#: Prints the permissions of the database and of what SQLite keeps beside it while it is open.
MODES = """
import json
from django.conf import settings
from poise.desk.models import User
from poise.desk.prepare import prepare
prepare(static=False)
User.objects.create_user("kim", password="kim has a long one")
print(json.dumps({one.name: one.stat().st_mode & 0o777 for one in settings.POISE_HOME.glob("desk.sqlite*")}))
"""
ALL_PRIVATE = dict.fromkeys(("desk.sqlite", "desk.sqlite-wal", "desk.sqlite-shm"), 0o600)


def mode(path: Path) -> int:
    """Return who may do what with a file."""
    return path.stat().st_mode & 0o777


def test_the_database_is_for_its_owner_alone_in_an_open_folder(tmp_path: Path) -> None:
    """Digests of passwords and locked keys must not be there for every user of the machine to guess at."""
    desk = RunningDesk(tmp_path / "desk")
    desk.workspace.mkdir()
    desk.workspace.chmod(0o755)
    assert json.loads(desk.python(MODES)) == ALL_PRIVATE
    assert mode(desk.workspace) == 0o755, "whoever made it chose so"


@pytest.mark.parametrize("name", ["a#b", "a?b", "a%20b", "with blanks"])
def test_a_workspace_of_any_name_holds_its_database(tmp_path: Path, name: str) -> None:
    """An address ends at some signs; two desks would share one database beside their folders."""
    desk = RunningDesk(tmp_path / name)
    assert json.loads(desk.python(MODES)) == ALL_PRIVATE
    assert [one.name for one in tmp_path.iterdir()] == [name]
    assert (desk.workspace / "desk.sqlite").is_file()


def test_a_database_of_an_earlier_version_is_closed(tmp_path: Path) -> None:
    """What was made readable for everybody stays so until somebody looks, unless the desk does."""
    for name in ALL_PRIVATE:
        (tmp_path / name).touch()
        (tmp_path / name).chmod(0o644)
    workspace.keep_private(tmp_path / "desk.sqlite")
    assert {name: mode(tmp_path / name) for name in ALL_PRIVATE} == ALL_PRIVATE


def test_a_database_that_was_named_elsewhere_keeps_its_permissions(tmp_path: Path) -> None:
    """Its owner decided who reads it, such as the group that makes backups."""
    other = tmp_path / "rows.sqlite"
    other.touch()
    other.chmod(0o640)
    RunningDesk(tmp_path / "desk", f"sqlite:///{other}").python("")
    assert mode(other) == 0o640


@pytest.mark.parametrize("make", [workspace.secret_key, workspace.make])
def test_a_workspace_that_poise_makes_is_for_its_owner_alone(tmp_path: Path, make: object) -> None:
    """Reports and estates in it are nobody else's either."""
    assert callable(make)
    make(tmp_path / "a" / "desk")
    assert mode(tmp_path / "a" / "desk") == 0o700


def variables(secret: Path) -> dict[str, str]:
    """Return the settings of a provider with a secret in a file."""
    return {
        "POISE_OIDC_ISSUER": "https://sign-in.example",
        "POISE_OIDC_CLIENT_ID": "poise",
        "POISE_OIDC_SECRET_FILE": str(secret),
    }


@pytest.mark.parametrize("open_to", [0o644, 0o602, 0o666])
def test_a_provider_s_secret_that_everybody_can_read_is_refused(tmp_path: Path, open_to: int) -> None:
    """With it anybody on the machine could sign in as the desk does; the fault names the file alone."""
    secret = tmp_path / "secret"
    secret.write_text("what nobody else knows\n")
    secret.chmod(open_to)
    with pytest.raises(DeskError, match="E875") as told:
        workspace.provider(variables(secret))
    assert "everybody on this machine" in str(told.value)
    assert f"hint: chmod 600 {secret}" in str(told.value)
    assert "what nobody else knows" not in str(told.value)


@pytest.mark.parametrize("open_to", [0o600, 0o440])
def test_a_provider_s_secret_may_be_its_group_s(tmp_path: Path, open_to: int) -> None:
    """A secret that is mounted into a container is often another user's, and the group's to read."""
    secret = tmp_path / "secret"
    secret.write_text("what nobody else knows\n")
    secret.chmod(open_to)
    found = workspace.provider(variables(secret))
    assert found is not None
    assert found.secret == "what nobody else knows"
