"""The folder of the desk: what is not in its database, and the settings of its environment. No Django."""

from __future__ import annotations

import json
import os
import secrets
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote, urlsplit

from poise.errors import DeskError, Fault

#: Bytes of the key that signs cookies; Django asks for 50 characters at least.
SECRET_BYTES = 64


@dataclass(frozen=True, slots=True)
class Provider:
    """An OpenID Connect provider at which people sign in.

    Parameters
    ----------
    name
        What the button says.
    issuer
        Its address, https unless it is on this machine.
    client_id, secret
        What it knows this desk by.
    """

    name: str
    issuer: str
    client_id: str
    secret: str


def home() -> Path:
    """Return the workspace: ``POISE_HOME``, else ``.poise`` of this folder."""
    return Path(os.environ.get("POISE_HOME") or ".poise").absolute()


def database_url(folder: Path) -> str:
    """Return where the rows are: ``POISE_DATABASE_URL``, else an SQLite file of the workspace.

    Raises
    ------
    DeskError
        E875 for a database of another kind; the address is not told, since it may hold a password.
    """
    # The address of a folder whose name holds ? or # would end there.
    address = os.environ.get("POISE_DATABASE_URL") or f"sqlite:///{quote(str(folder / 'desk.sqlite'))}"
    scheme = address.partition(":")[0]
    if scheme not in ("sqlite", "postgres", "postgresql"):
        text = "names another kind of database; expected postgresql:// or sqlite:///."
        raise DeskError(Fault("E875", "POISE_DATABASE_URL", text))
    return address


def make(folder: Path) -> None:
    """Make the workspace if it is missing, for this user only; one that is there keeps its owner's choice."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def keep_private(database: Path) -> None:
    """Let only this user read an SQLite file, made if it is missing: digests of passwords and keys are in it.

    What SQLite writes beside it gets the same permissions; what an earlier Poise left open is closed.
    """
    if not database.exists():
        database.touch(mode=0o600)
    for path in (database, *(database.with_name(database.name + end) for end in ("-wal", "-shm"))):
        # The last connection takes those beside it away; another user's file is that user's to close.
        with suppress(FileNotFoundError, PermissionError):
            if path.stat().st_mode & 0o077:
                path.chmod(0o600)


def secret_key(folder: Path) -> str:
    """Return the key that signs cookies; the first one to ask makes it, readable by this user only.

    Raises
    ------
    DeskError
        E875 when others may read the file.
    """
    path = folder / "secret-key"
    make(folder)
    if not path.exists():
        _make_key(path)
    if path.stat().st_mode & 0o077:
        raise DeskError(Fault("E875", str(path), "can be read by others.", f"chmod 600 {path}"))
    if key := path.read_text(encoding="ascii"):
        return key
    raise DeskError(Fault("E875", str(path), "is empty.", "Remove it; everybody signs in again."))


def _make_key(path: Path) -> None:
    """Write a key whole, and only then give it its name, unless another process was faster."""
    descriptor, fresh = tempfile.mkstemp(prefix="secret-key.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as stream:
            stream.write(secrets.token_urlsafe(SECRET_BYTES))
            stream.flush()
            os.fsync(stream.fileno())
        with suppress(FileExistsError):
            os.link(fresh, path)
    finally:
        os.unlink(fresh)


def uploads(folder: Path) -> Path:
    """Return where uploads arrive, on the disk where they stay; made if it is missing."""
    path = folder / "uploads"
    path.mkdir(parents=True, exist_ok=True)
    return path


def clock_ahead(folder: Path) -> timedelta:
    """Return how far the desk's clock is ahead of this machine's: nothing, but for the sample company."""
    path = folder / "clock.json"
    if not path.exists():
        return timedelta()
    return timedelta(seconds=float(json.loads(path.read_text(encoding="ascii"))["ahead_seconds"]))


def set_clock_ahead(folder: Path, shown: datetime) -> None:
    """Set the desk's clock to a time from which it runs on, once: a ledger does not go back."""
    make(folder)
    path = folder / "clock.json"
    if not path.exists():
        ahead = shown - datetime.now(UTC)
        path.write_text(json.dumps({"ahead_seconds": ahead.total_seconds()}) + "\n", encoding="ascii")


def move_clock(folder: Path, shown: datetime) -> None:
    """Move the clock of a sample company's desk on to a time, from which it runs on.

    Raises
    ------
    DeskError
        E875 for a desk with this machine's clock, and for a time that lies behind.
    """
    path = folder / "clock.json"
    moved = shown - datetime.now(UTC)
    if not path.exists() or moved < clock_ahead(folder):
        text = f"cannot be set to {shown:%Y-%m-%d %H:%M}."
        raise DeskError(Fault("E875", str(path), text, "Only a sample company's clock moves, and only on."))
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps({"ahead_seconds": moved.total_seconds()}) + "\n", encoding="ascii")
    fresh.replace(path)


def is_set(name: str, environment: Mapping[str, str] = os.environ) -> bool:
    """Return whether a variable is switched on.

    Raises
    ------
    DeskError
        E875 when it is neither 0 nor 1.
    """
    value = environment.get(name, "0") or "0"
    if value not in ("0", "1"):
        raise DeskError(Fault("E875", name, f"is {value!r}; expected 0 or 1."))
    return value == "1"


def log_level(environment: Mapping[str, str] = os.environ) -> str:
    """Return from which level on logs tell: ``POISE_LOG``, else warnings.

    Raises
    ------
    DeskError
        E875 when it is neither ``warning`` nor ``error``.
    """
    value = environment.get("POISE_LOG") or "warning"
    if value not in ("warning", "error"):
        raise DeskError(Fault("E875", "POISE_LOG", f"is {value!r}; expected warning or error."))
    return value.upper()


def hosts(environment: Mapping[str, str] = os.environ) -> list[str]:
    """Return the names under which the desk is reached: ``POISE_HOSTS``, else this machine only."""
    named = [host.strip() for host in environment.get("POISE_HOSTS", "").split(",") if host.strip()]
    return [*named, "localhost", "127.0.0.1", "[::1]"]


def provider(environment: Mapping[str, str] = os.environ) -> Provider | None:
    """Return the provider of ``POISE_OIDC_ISSUER``, ``_CLIENT_ID``, ``_SECRET_FILE`` and ``_NAME``.

    Raises
    ------
    DeskError
        E875 when one of them is missing or cannot be read, and when everybody can read the secret.
    """
    issuer = environment.get("POISE_OIDC_ISSUER", "")
    if not issuer:
        return None
    parts = urlsplit(issuer)
    if parts.scheme != "https" and parts.hostname not in ("localhost", "127.0.0.1", "::1"):
        raise DeskError(Fault("E875", "POISE_OIDC_ISSUER", f"is {issuer!r}; expected an https address."))
    client, path = environment.get("POISE_OIDC_CLIENT_ID", ""), environment.get("POISE_OIDC_SECRET_FILE", "")
    for name, value in (("POISE_OIDC_CLIENT_ID", client), ("POISE_OIDC_SECRET_FILE", path)):
        if not value:
            raise DeskError(Fault("E875", name, "is not set, but POISE_OIDC_ISSUER is."))
    name = environment.get("POISE_OIDC_NAME") or "Company sign-in"
    return Provider(name, issuer, client, _provider_secret(Path(path)))


def _provider_secret(path: Path) -> str:
    """Return what a file of the provider's secret holds; its group may read it, as where it is mounted."""
    try:
        is_open = bool(path.stat().st_mode & 0o007)
        secret = path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise DeskError(Fault("E875", str(path), f"cannot be read: {error.strerror}.")) from error
    if is_open:
        text = "is a secret that everybody on this machine can read or change."
        raise DeskError(Fault("E875", str(path), text, f"chmod 600 {path}"))
    return secret
