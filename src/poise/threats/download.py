"""Downloading one file over https: conditional, resumable, limited in size and time.

A download goes to ``<target>.part`` and is resumed there, in the same run or a later one, if
the server says that the file is still the same (``If-Range``). It becomes ``<target>`` in one
step, and only when every byte that the server announced has come.
"""

from __future__ import annotations

import hashlib
import http.client
import ipaddress
import os
import re
import socket
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import msgspec

from poise.errors import Fault, ThreatFeedError
from poise.threats.store import write_whole
from poise.threats.table import structural

_CHUNK_BYTES = 1 << 16
#: Answers that mean "try again later": too many requests, and the server's own troubles.
_RETRY_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})
_CONTENT_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")


class Validators(msgspec.Struct, frozen=True):
    """What names one state of a remote file: its address, ETag and Last-Modified."""

    url: str
    etag: str = ""
    last_modified: str = ""

    @property
    def strong(self) -> str:
        """The validator that a resumed download may rest on; empty when there is none.

        A weak ETag promises equal meaning, not equal bytes (RFC 9110, 8.8.1).
        """
        if self.etag and not self.etag.startswith("W/"):
            return self.etag
        return "" if self.etag else self.last_modified


@dataclass(frozen=True, slots=True)
class Limits:
    """How long and how much.

    Parameters
    ----------
    idle_seconds
        Longest wait for a connection, or for the next bytes.
    total_seconds
        Longest time for the whole download, tries and pauses included.
    max_bytes
        Largest file.
    tries
        How often a download that broke off or a busy server is tried, the first time included.
    pause_seconds
        Pause before the second try; each further pause is twice as long.
    """

    idle_seconds: float = 30.0
    total_seconds: float = 900.0
    max_bytes: int = 1 << 31
    tries: int = 4
    pause_seconds: float = 1.0


@dataclass(frozen=True, slots=True)
class Download:
    """A file that came, or the news that nothing changed.

    Parameters
    ----------
    path
        Where it is; None when the server said that it is unchanged.
    validators
        What to show the server next time.
    sha256, size_bytes
        Of the file; empty and 0 when unchanged.
    resumed_at
        How many bytes [bytes] an earlier try had left; 0 when all came at once.
    """

    path: Path | None
    validators: Validators
    sha256: str = ""
    size_bytes: int = 0
    resumed_at: int = 0


class _TransientError(Exception):
    """A try failed in a way that the next may not."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault


#: Told after each piece: bytes so far, bytes in all (0: not known), the address.
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True)
class _Job:
    url: str
    target: Path
    known: Validators | None
    limits: Limits
    #: When to give up, on the monotonic clock [s].
    end: float
    progress: Progress | None


def download(
    url: str,
    target: Path,
    known: Validators | None = None,
    limits: Limits | None = None,
    progress: Progress | None = None,
) -> Download:
    """Fetch `url` to `target`, unless it is still what `known` names.

    `progress` is told of every piece that comes.

    Proxies come from the environment (``https_proxy``, ``no_proxy``), certificates from the
    system's store (``SSL_CERT_FILE`` replaces it).

    Raises
    ------
    ThreatFeedError
        E220 for an address that is not https (plain http is for loopback only), E221 to E225
        as in :data:`~poise.errors.FAULT_IDS`, E233 when `target` cannot be written.
    """
    limits = limits or Limits()
    _require_allowed(url, url, "E220")
    if known is not None and known.url != url:
        known = None
    opener = urllib.request.build_opener(
        _Redirects(url), urllib.request.HTTPSHandler(context=ssl.create_default_context())
    )
    job = _Job(url, target, known, limits, time.monotonic() + limits.total_seconds, progress)
    pause_seconds = limits.pause_seconds
    for attempt in range(1, limits.tries + 1):
        try:
            return _try(opener, job)
        except _TransientError as failed:
            if attempt == limits.tries or time.monotonic() + pause_seconds > job.end:
                raise ThreatFeedError(failed.fault) from failed
        except OSError as error:
            raise structural("E233", str(target), f"cannot be written: {error.strerror}.") from error
        time.sleep(pause_seconds)
        pause_seconds *= 2
    raise AssertionError("A download is tried at least once.")


def _try(opener: urllib.request.OpenerDirector, job: _Job) -> Download:
    url, target, limits = job.url, job.target, job.limits
    part = target.with_name(target.name + ".part")
    notes = target.with_name(target.name + ".part.json")
    left = _resumable(part, notes, url)
    start = part.stat().st_size if left else 0
    request = urllib.request.Request(url, headers=_headers(job.known, left, start))  # noqa: S310
    try:
        answer = opener.open(request, timeout=limits.idle_seconds)
    except urllib.error.HTTPError as error:
        with error:
            return _refused(error, url, job.known, part)
    except ThreatFeedError:
        # A refused redirect; this error is a ValueError too.
        raise
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise _unreached(error, url) from error
    with answer:
        start, expected = _span(answer, start, left, url, part)
        if expected is not None and expected > limits.max_bytes:
            raise _too_large(url, limits)
        if start == 0 or left is None:
            left = Validators(url, answer.headers.get("ETag", ""), answer.headers.get("Last-Modified", ""))
            # The old bytes go before the new name for them comes: a kill between the two must
            # never leave bytes of one state under the validator of another.
            part.unlink(missing_ok=True)
            write_whole(notes, msgspec.json.encode(left))
        size = _receive(answer, part, start, expected, job)
    if expected is not None and size != expected:
        if size > expected:
            part.unlink()
        raise _TransientError(Fault("E224", url, f"broke off after {size} of {expected} bytes.", _RESUME))
    with part.open("rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    part.replace(target)
    notes.unlink(missing_ok=True)
    return Download(target, left, sha256, size, start)


_OFFLINE = "Check the network and the proxy, or fetch the file elsewhere and use --from FILE."
_RESUME = "Run the update again; it goes on where it stopped."


def _resumable(part: Path, notes: Path, url: str) -> Validators | None:
    """Return what names the bytes that an earlier try left, if they can be gone on from."""
    try:
        left = msgspec.json.decode(notes.read_bytes(), type=Validators)
        return left if left.url == url and left.strong and part.stat().st_size else None
    except (OSError, msgspec.DecodeError):
        return None


def _headers(known: Validators | None, left: Validators | None, start: int) -> dict[str, str]:
    # The bytes are stored and hashed as they come, so no encoding on the way.
    headers = {"User-Agent": "poise", "Accept": "*/*", "Accept-Encoding": "identity"}
    if left is not None:
        headers |= {"Range": f"bytes={start}-", "If-Range": left.strong}
    elif known is not None:
        if known.etag:
            headers["If-None-Match"] = known.etag
        if known.last_modified:
            headers["If-Modified-Since"] = known.last_modified
    return headers


def _unreached(error: BaseException, url: str) -> Exception:
    """Return the error of a server that did not answer: to try again, or final."""
    fault = Fault("E221", url, f"cannot be reached: {_words(error)}.", _OFFLINE)
    reason = getattr(error, "reason", error)
    # Neither a name that does not exist nor a certificate mends itself within seconds.
    final = isinstance(reason, (ssl.SSLCertVerificationError, socket.gaierror))
    return ThreatFeedError(fault) if final else _TransientError(fault)


def _refused(error: urllib.error.HTTPError, url: str, known: Validators | None, part: Path) -> Download:
    """Return "unchanged" for a 304; raise for every other answer that is no success."""
    if error.code == http.HTTPStatus.NOT_MODIFIED and known is not None:
        return Download(None, known)
    if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
        part.unlink(missing_ok=True)
        raise _TransientError(Fault("E224", url, "has nothing beyond the bytes already here.", _RESUME))
    fault = Fault("E222", url, f"answered {error.code} {error.reason}.", _OFFLINE)
    if error.code in _RETRY_STATUS:
        raise _TransientError(fault)
    raise ThreatFeedError(fault)


def _span(answer: Any, start: int, left: Validators | None, url: str, part: Path) -> tuple[int, int | None]:
    """Return at which byte the answer starts, and how long the whole file is if that is told."""
    length = answer.headers.get("Content-Length")
    size = int(length) if length is not None and length.isdecimal() else None
    if answer.status != http.HTTPStatus.PARTIAL_CONTENT:
        return 0, size
    match = _CONTENT_RANGE.fullmatch(answer.headers.get("Content-Range", ""))
    etag = answer.headers.get("ETag", "")
    same = left is not None and etag in ("", left.etag)
    if match is None or int(match[1]) != start or not same:
        part.unlink(missing_ok=True)
        message = "sent another range of bytes, or of another state, than was asked for."
        raise _TransientError(Fault("E224", url, message, _RESUME))
    if match[2] != "*":
        return start, int(match[2])
    return start, None if size is None else start + size


def _receive(answer: IO[bytes], part: Path, start: int, expected: int | None, job: _Job) -> int:
    """Append the answer to `part` from byte `start` on; return how long `part` is then."""
    url, limits = job.url, job.limits
    size = start
    with part.open("r+b" if start else "wb") as stream:
        stream.truncate(start)
        stream.seek(start)
        while True:
            try:
                # read1 returns what is there; read would wait until a whole chunk has come.
                chunk = answer.read1(_CHUNK_BYTES)  # type: ignore[attr-defined]
            except (OSError, http.client.HTTPException) as error:
                _settle(stream)
                broken = Fault("E224", url, f"broke off after {size} bytes: {_words(error)}.", _RESUME)
                raise _TransientError(broken) from error
            if not chunk:
                break
            size += len(chunk)
            if size > limits.max_bytes:
                part.unlink()
                raise _too_large(url, limits)
            stream.write(chunk)
            if job.progress is not None:
                job.progress(size, expected or 0, url)
            if time.monotonic() > job.end:
                _settle(stream)
                slow = f"took longer than {limits.total_seconds:g} s for {size} bytes."
                raise structural("E221", url, slow, _RESUME)
        _settle(stream)
    return size


def _settle(stream: IO[bytes]) -> None:
    stream.flush()
    os.fsync(stream.fileno())


def _too_large(url: str, limits: Limits) -> ThreatFeedError:
    return structural("E225", url, f"is larger than {limits.max_bytes >> 20} MiB; that is the limit.")


def _words(error: BaseException) -> str:
    reason = getattr(error, "reason", error)
    return (str(reason) or type(error).__name__).rstrip(".")


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follow redirects, but never from https to plain http, nor to another scheme."""

    def __init__(self, configured: str) -> None:
        self.configured = configured

    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        try:
            _require_allowed(newurl, self.configured, "E223")
        except ThreatFeedError:
            fp.close()
            raise
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _require_allowed(url: str, configured: str, id: str) -> None:
    """Refuse an address that is neither https nor, where so configured, http on loopback."""
    try:
        address, origin = urllib.parse.urlsplit(url), urllib.parse.urlsplit(configured)
        complete = bool(address.hostname)
    except ValueError:
        complete = False
    if complete and address.scheme == "https":
        return
    local = complete and _is_loopback(address.hostname) and _is_loopback(origin.hostname)
    if local and address.scheme == origin.scheme == "http":
        return
    where = configured if id == "E223" else url
    seen = f"is redirected to {url!r}" if id == "E223" else "is not allowed"
    raise structural(
        id,
        where,
        f"{seen}; expected an address that starts with https://.",
        "Plain http is taken from this machine only: anyone on the way could change a feed.",
    )


def _is_loopback(host: str | None) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False
