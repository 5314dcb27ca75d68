"""Backups of a desk: one archive of its rows and files, from either database and for either.

::

    manifest.json     version, migrations, and the SHA-256 of everything else
    rows.jsonl        one row a line, in an order in which references lead backwards
    files/...         reports, estates, grounds, threat evidence; no secret key, no static files

The secret key stays out: whoever holds a backup cannot make sessions. People sign in again after a restore.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import groupby, islice
from pathlib import Path
from typing import Any, BinaryIO, Final

from django.apps import apps
from django.conf import settings
from django.core import serializers
from django.core.management.color import no_style
from django.core.serializers.base import DeserializationError
from django.core.serializers.json import DjangoJSONEncoder
from django.db import IntegrityError, connection, transaction
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import Model

import poise
from poise.desk.ledger import DeskLedger
from poise.desk.models import LedgerHead, User
from poise.errors import ChainError, DeskError, Fault, PoiseError

FORM: Final = "poise-backup/1"
#: Apps whose rows are kept; sessions and caches are not.
APPS: Final = ("desk", "account", "socialaccount", "mfa", "django_tasks_database")
#: What of the workspace is made anew, or is no file to carry around.
LEFT_OUT: Final = ("secret-key", "static", "uploads", "desk.sqlite", "desk.sqlite-wal", "desk.sqlite-shm")
BATCH: Final = 2_000


def write(path: Path) -> dict[str, int]:
    """Write a backup to a new file, readable by its owner only; return how many rows and files it holds.

    On PostgreSQL others go on working meanwhile; on SQLite whoever writes waits.

    Raises
    ------
    DeskError
        E879 when nobody has ever been let in here, or the file exists or cannot be written.
    """
    if not User.objects.exists():
        text = "has no people yet: there is nothing to keep."
        hint = "Name the desk's own --workspace, and its database in POISE_DATABASE_URL."
        raise DeskError(Fault("E879", str(settings.POISE_HOME), text, hint))
    if path.exists():
        raise DeskError(
            Fault("E879", str(path), "exists already and is not overwritten.", "Name another file.")
        )
    try:
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".backup-") as temporary:
            draft = Path(temporary, path.name)
            draft.touch(mode=0o600)  # it holds digests of passwords and secrets of second factors
            counts = _write(draft, Path(temporary, "rows.jsonl"))
            draft.replace(path)
    except OSError as error:
        raise DeskError(Fault("E879", str(path), f"cannot be written: {error.strerror}.")) from error
    return counts


def _write(archive: Path, rows: Path) -> dict[str, int]:
    with _snapshot():
        num_rows = _dump(rows)
        applied = sorted(
            name for app, name in MigrationRecorder(connection).applied_migrations() if app == "desk"
        )
        files = list(_files(Path(settings.POISE_HOME)))
        hashes = {}
        with tarfile.open(archive, "w:gz", compresslevel=5) as tar:
            for name, file in [("rows.jsonl", rows), *((f"files/{name}", file) for name, file in files)]:
                hashes[name] = _add_file(tar, name, file)
            head = {"form": FORM, "poise": poise.__version__, "migrations": applied, "sha256": hashes}
            _add(tar, "manifest.json", json.dumps(head, indent=1).encode())
    return {"rows": num_rows, "files": len(files)}


@contextmanager
def _snapshot() -> Iterator[None]:
    """See the database as it is at one moment."""
    with transaction.atomic():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        yield


class _Exact(DjangoJSONEncoder):
    """Writes times to the microsecond, of which Django's own encoder cuts three digits."""

    def default(self, o: Any) -> Any:
        """Return a value that JSON has."""
        return o.isoformat() if isinstance(o, datetime) else super().default(o)


def _models() -> list[type[Model]]:
    configs = [(apps.get_app_config(label), None) for label in APPS]
    return serializers.sort_dependencies(configs)


def _dump(path: Path) -> int:
    count = 0
    with path.open("w", encoding="utf-8") as stream:
        for model in _models():
            rows = model._default_manager.order_by("pk").iterator(chunk_size=BATCH)
            while batch := list(islice(rows, BATCH)):
                stream.write(serializers.serialize("jsonl", batch, cls=_Exact))
                count += len(batch)
    return count


def _files(home: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(home.rglob("*")):
        name = path.relative_to(home).as_posix()
        is_kept = name.partition("/")[0] not in LEFT_OUT and not path.is_symlink()
        if (
            is_kept
            and path.is_file()
            and not any(part.startswith(".") for part in path.relative_to(home).parts)
        ):
            yield name, path


def restore(path: Path) -> dict[str, int]:
    """Fill an empty desk with a backup; all of it, or nothing of its rows.

    Raises
    ------
    DeskError
        E879 when the desk is not empty, or the archive is damaged, or of a later Poise.
    ChainError
        When the ledger in it does not hold.
    """
    if User.objects.exists():
        hint = "Name an empty --workspace, and an empty database."
        raise DeskError(
            Fault("E879", str(settings.POISE_HOME), "has people already; a desk is not replaced.", hint)
        )
    if not path.exists():
        raise DeskError(Fault("E879", str(path), "is not there.", "Name the file of a backup."))
    home = Path(settings.POISE_HOME)
    try:
        with tempfile.TemporaryDirectory(dir=home, prefix=".restore-") as temporary:
            _unpack(path, Path(temporary))
            files = list(_files(Path(temporary, "files")))
            with transaction.atomic():
                count = _load(Path(temporary, "rows.jsonl"))
                found = DeskLedger().verify()
                if found.broken is not None:
                    raise ChainError(found.broken.faults)
                for name, file in files:
                    target = home / name
                    target.parent.mkdir(parents=True, exist_ok=True)
                    file.replace(target)
    except PoiseError:
        raise
    except (
        *(OSError, tarfile.TarError, EOFError, ValueError, KeyError),
        *(zlib.error, IntegrityError, DeserializationError),
    ) as error:
        raise _damaged(path, f"{type(error).__name__}: {error}") from error
    return {"rows": count, "files": len(files)}


def _unpack(path: Path, folder: Path) -> None:
    """Unpack an archive and hold every file against the manifest."""
    with tarfile.open(path, "r:gz") as tar:
        tar.extractall(folder, filter="data")
    head = json.loads((folder / "manifest.json").read_bytes())
    if head.get("form") != FORM:
        raise _damaged(path, f"its form is {head.get('form')!r}, expected {FORM!r}")
    known = {name for app, name in MigrationRecorder(connection).applied_migrations() if app == "desk"}
    if not set(head["migrations"]) <= known:
        hint = f"It was written by Poise {head['poise']}."
        raise DeskError(Fault("E879", str(path), "was written by a later Poise than this one.", hint))
    (folder / "files").mkdir(exist_ok=True)
    there = {"rows.jsonl", *(f"files/{name}" for name, _ in _files(folder / "files"))}
    if there != set(head["sha256"]):
        raise _damaged(path, "files are missing, or more than were written")
    for name, digest in head["sha256"].items():
        if _hash(folder / name) != digest:
            raise _damaged(path, f"{name} is not what was written")


def _load(path: Path) -> int:
    LedgerHead.objects.all().delete()
    count = 0
    with path.open(encoding="utf-8") as stream:
        while lines := list(islice(stream, BATCH)):
            _insert(one.object for one in serializers.deserialize("jsonl", "".join(lines)))
            count += len(lines)
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), _models()):
            cursor.execute(statement)
    return count


def _insert(rows: Iterable[Any]) -> None:
    """Insert rows, those of one model that follow each other together."""
    for model, group in groupby(rows, _model_of):
        if any(getattr(field, "auto_now_add", False) for field in model._meta.fields):
            for row in group:  # inserted together, they would get today's time
                row.save_base(raw=True, force_insert=True)
        else:
            model._base_manager.bulk_create(group)


def _model_of(row: Any) -> type[Model]:
    return type(row)


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(content), 0o600
    tar.addfile(info, io.BytesIO(content))


class _Hashed(io.RawIOBase):
    """A file that is hashed as it is read: the manifest says what is packed, also while it changes."""

    def __init__(self, stream: BinaryIO) -> None:
        super().__init__()
        self.stream, self.sha256 = stream, hashlib.sha256()

    def readinto(self, buffer: Any) -> int:
        """Read into a buffer."""
        content = self.stream.read(len(buffer))
        buffer[: len(content)] = content
        self.sha256.update(content)
        return len(content)

    def readable(self) -> bool:
        """Return True."""
        return True


def _add_file(tar: tarfile.TarFile, name: str, path: Path) -> str:
    """Add a file; return the hash of what was added."""
    with path.open("rb") as stream:
        info = tar.gettarinfo(arcname=name, fileobj=stream)
        hashed = _Hashed(stream)
        tar.addfile(info, hashed)
    return hashed.sha256.hexdigest()


def _hash(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _damaged(path: Path, reason: str) -> DeskError:
    return DeskError(Fault("E879", str(path), f"is no backup, or is damaged: {reason}.", "Take another one."))
