"""Backup and restore: everything comes back, on either database, or nothing is touched."""

from __future__ import annotations

import hashlib
import shutil
import tarfile
from pathlib import Path
from typing import Any

import pytest

from desk.running import RunningDesk, cluster, needs_postgres, sample_desk
from poise.desk import backup

STATE = """
import hashlib, json
from django.conf import settings
from django.core import serializers
from poise.desk import backup
from poise.desk.ledger import DeskLedger
rows = {}
for model in backup._models():
    text = serializers.serialize("jsonl", model._default_manager.order_by("pk"), cls=backup._Exact)
    # PostgreSQL keeps no order of keys.
    lines = [json.dumps(json.loads(line), sort_keys=True) for line in text.splitlines()]
    rows[model.__name__] = [len(lines), hashlib.sha256(chr(10).join(lines).encode()).hexdigest()]
files = {name: backup._hash(path) for name, path in backup._files(settings.POISE_HOME)}
print(json.dumps({"rows": rows, "files": files, "head": DeskLedger().head.hash}))
"""
pytestmark = pytest.mark.postgres  # brings desks of its own


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> RunningDesk:
    """Fill a desk with the sample company and do its work."""
    made = sample_desk(tmp_path_factory.mktemp("backup"))
    done = made.run("worker", "--until-empty")
    assert done.returncode == 0, done.stderr
    return made


@pytest.fixture(scope="module")
def archive(desk: RunningDesk, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write its backup."""
    path = tmp_path_factory.mktemp("archive") / "desk.tar.gz"
    done = desk.run("backup", str(path))
    assert done.returncode == 0, done.stderr
    return path


def test_a_desk_comes_back_as_it_was(desk: RunningDesk, archive: Path, tmp_path: Path) -> None:
    """Every row and every file; and its people can sign in, for their passwords are rows."""
    other = RunningDesk(tmp_path / "other")
    done = other.run("restore", str(archive))
    assert done.returncode == 0, done.stderr
    assert other.python(STATE) == desk.python(STATE)
    assert (other.workspace / "secret-key").read_text() != (desk.workspace / "secret-key").read_text()


@needs_postgres
def test_it_moves_to_postgresql_and_back(desk: RunningDesk, archive: Path, tmp_path: Path) -> None:
    """A desk that grew moves to a server without losing a record; numbers of new rows go on after the old."""
    with cluster() as running:
        team = RunningDesk(tmp_path / "team", running.database("team"))
        done = team.run("restore", str(archive))
        assert done.returncode == 0, done.stderr
        assert team.python(STATE) == desk.python(STATE)
        team.python("from poise.desk.models import User\nUser.objects.create_user('new', password='x')")
        team.python("from poise.desk.actions import Actor\nActor.desk().record('note', {})")
        back = tmp_path / "back.tar.gz"
        assert team.run("backup", str(back)).returncode == 0
        home = RunningDesk(tmp_path / "home")
        done = home.run("restore", str(back))
        assert done.returncode == 0, done.stderr
        assert home.python(STATE) == team.python(STATE)


def test_a_desk_in_use_is_never_replaced(desk: RunningDesk, archive: Path) -> None:
    """The wrong --workspace must not cost anybody their desk."""
    before = desk.python(STATE)
    done = desk.run("restore", str(archive))
    assert (done.returncode, "E879" in done.stderr) == (2, True)
    assert desk.python(STATE) == before


def _repacked(archive: Path, target: Path, change: Any) -> Path:
    """Return the archive with its unpacked files changed."""
    folder = target.parent / "unpacked"
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    change(folder)
    with tarfile.open(target, "w:gz") as tar:
        tar.add(folder, ".")
    shutil.rmtree(folder)
    return target


@pytest.mark.parametrize("damage", ["cut", "row", "file", "missing", "more", "foreign"])
def test_a_damaged_backup_restores_nothing(damage: str, archive: Path, tmp_path: Path) -> None:
    """Half a desk looks like a whole one, so a backup that is not what was written is refused."""
    target = tmp_path / "damaged.tar.gz"

    def change(folder: Path) -> None:
        rows, report = folder / "rows.jsonl", next((folder / "files" / "reports").rglob("*.csv"))
        if damage == "row":
            rows.write_text(rows.read_text().replace("Anna", "Eve"))
        elif damage == "file":
            report.write_bytes(b"changed")
        elif damage == "missing":
            report.unlink()
        elif damage == "more":
            (folder / "files" / "more").write_text("more")

    if damage == "cut":
        target.write_bytes(archive.read_bytes()[:-5000])
    elif damage == "foreign":
        target.write_bytes(b"no archive")
    else:
        _repacked(archive, target, change)
    other = RunningDesk(tmp_path / "other")
    done = other.run("restore", str(target))
    assert done.returncode == 2, done.stdout + done.stderr
    assert "E879" in done.stderr
    assert "Traceback" not in done.stderr
    assert other.python("from poise.desk.models import User\nprint(User.objects.count())").strip() == "0"
    assert not (other.workspace / "reports").exists()


def test_a_backup_is_for_its_owner_alone(archive: Path) -> None:
    """It holds digests of passwords and secrets of second factors."""
    assert archive.stat().st_mode & 0o077 == 0


def test_a_folder_that_is_no_desk_has_no_backup(tmp_path: Path) -> None:
    """A workspace named wrongly must not end in an archive of nothing that somebody relies on."""
    done = RunningDesk(tmp_path / "nobody").run("backup", str(tmp_path / "desk.tar.gz"))
    assert done.returncode == 2
    assert "has no people yet" in done.stderr
    assert not (tmp_path / "desk.tar.gz").exists()


def test_a_backup_that_is_not_there_is_told_so(tmp_path: Path) -> None:
    """In one sentence, not as a damaged one."""
    done = RunningDesk(tmp_path / "other").run("restore", str(tmp_path / "desk.tar.gz"))
    assert done.returncode == 2
    assert "is not there" in done.stderr


def test_what_changes_while_it_is_packed_is_what_the_manifest_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A backup that says another hash than it holds could never be restored."""
    file, target = tmp_path / "calibration.json", tmp_path / "packed.tar"
    file.write_bytes(b"a" * 100_000)
    real = tarfile.TarFile.gettarinfo

    def then_changed(self: tarfile.TarFile, **given: Any) -> tarfile.TarInfo:
        found = real(self, **given)
        file.write_bytes(b"b" * 100_000)
        return found

    monkeypatch.setattr(tarfile.TarFile, "gettarinfo", then_changed)
    with tarfile.open(target, "w") as tar:
        told = backup._add_file(tar, "files/calibration.json", file)
    with tarfile.open(target) as tar:
        held = tar.extractfile("files/calibration.json")
        assert held is not None
        assert hashlib.sha256(held.read()).hexdigest() == told
