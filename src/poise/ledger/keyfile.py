"""A signer's key on disk: an OpenSSH key file, encrypted with a passphrase that only the signer has.

The form is OpenSSH's own (PROTOCOL.key), so that ``ssh-keygen -p`` changes a passphrase and nothing here is
home-made. A key file without a passphrase is refused: whoever administers the disk could sign with it.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
import struct
from pathlib import Path
from typing import Final

from poise.errors import Fault, LedgerError
from poise.ledger.keys import SigningKey

#: Shortest passphrase [characters]: NIST SP 800-63B-4, 3.1.1.2, for a password that stands alone. A copied
#: key file can be attacked without limit of tries.
MIN_PASSPHRASE_CHARACTERS: Final = 15
#: Rounds of bcrypt_pbkdf for new files; about one second on a core of 2025. ssh-keygen's default is 16.
KDF_ROUNDS: Final = 100
#: Most rounds that are tried when a file is read, so that no file can keep Poise busy for hours.
MAX_KDF_ROUNDS: Final = 2000
#: Largest key file [bytes]; an ed25519 key has about 500.
MAX_FILE_BYTES: Final = 1 << 14

_MAGIC: Final = b"openssh-key-v1\0"
_PEM = re.compile(
    rb"-----BEGIN OPENSSH PRIVATE KEY-----\s+([A-Za-z0-9+/=\s]+?)-----END OPENSSH PRIVATE KEY-----"
)
_HINT: Final = "Make one with: poise key enrol, or ssh-keygen -t ed25519 with a passphrase."


def write_key(path: Path, key: SigningKey, passphrase: str) -> None:
    """Write a key to a new file that only its owner may read.

    Raises
    ------
    LedgerError
        E704 when the file exists (a key is never overwritten), E700 when it cannot be written, E707 when
        the passphrase is shorter than :data:`MIN_PASSPHRASE_CHARACTERS`.
    """
    from cryptography.hazmat.primitives.serialization import Encoding, PrivateFormat

    check_passphrase(passphrase)
    encryption = PrivateFormat.OpenSSH.encryption_builder().kdf_rounds(KDF_ROUNDS)
    content = key.private.private_bytes(
        Encoding.PEM, PrivateFormat.OpenSSH, encryption.build(passphrase.encode())
    )
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
    except FileExistsError:
        hint = "Name another file; a lost key cannot be made again."
        raise LedgerError(Fault("E704", str(path), "exists already and is not overwritten.", hint)) from None
    except OSError as error:
        raise LedgerError(Fault("E700", str(path), f"cannot be written: {error.strerror}.")) from error


def check_passphrase(passphrase: str) -> None:
    """Refuse a passphrase that is too short.

    Raises
    ------
    LedgerError
        E707.
    """
    if len(passphrase) < MIN_PASSPHRASE_CHARACTERS:
        message = f"has {len(passphrase)} characters, expected at least {MIN_PASSPHRASE_CHARACTERS}."
        hint = "Four or five words that belong to no saying are easy to keep in mind."
        raise LedgerError(Fault("E707", "passphrase", message, hint))


def read_key(path: Path, passphrase: str) -> SigningKey:
    """Unlock a key file.

    Raises
    ------
    LedgerError
        E700 when it cannot be read, E705 when it is no encrypted ed25519 key of OpenSSH, E706 when the
        passphrase is not its.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_ssh_private_key

    content = _content(path)
    key_id = _public_key_id(content, str(path))
    try:
        private = load_ssh_private_key(content, passphrase.encode())
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        hint = "Each signer has an own passphrase; nobody else can recover it. A lost one means a new key."
        raise LedgerError(Fault("E706", str(path), "does not open with this passphrase.", hint)) from error
    if not isinstance(private, Ed25519PrivateKey) or SigningKey(private).id != key_id:
        raise _no_key(str(path), "its two halves do not belong together")
    return SigningKey(private)


def key_id_of(path: Path) -> str:
    """Return the id of the key in a file, for which no passphrase is needed.

    Raises
    ------
    LedgerError
        E700 when it cannot be read, E705 when it is no encrypted ed25519 key of OpenSSH.
    """
    return _public_key_id(_content(path), str(path))


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(MAX_FILE_BYTES)
    except OSError as error:
        raise LedgerError(Fault("E700", str(path), f"cannot be read: {error.strerror}.", _HINT)) from error


def _public_key_id(content: bytes, where: str) -> str:
    """Read what stands in clear before the encrypted part [PROTOCOL.key of OpenSSH]."""
    found = _PEM.search(content)
    if not found:
        raise _no_key(where, "it has no OPENSSH PRIVATE KEY block")
    try:
        blob = base64.b64decode(b"".join(found[1].split()), validate=True)
        if not blob.startswith(_MAGIC):
            raise ValueError("the mark openssh-key-v1 is missing")
        cipher, rest = _take(blob[len(_MAGIC) :])
        kdf, rest = _take(rest)
        options, rest = _take(rest)
        if cipher == b"none" or kdf != b"bcrypt":
            raise ValueError("it is not encrypted with a passphrase")
        (rounds,) = struct.unpack(">I", _take(options)[1])
        if not 1 <= rounds <= MAX_KDF_ROUNDS:
            raise ValueError(
                f"it asks for {rounds} rounds of key derivation, at most {MAX_KDF_ROUNDS} are done"
            )
        (number,) = struct.unpack(">I", rest[:4])
        public = _take(rest[4:])[0]
        name, rest = _take(public)
        if number != 1 or name != b"ssh-ed25519":
            raise ValueError("it does not hold one ed25519 key")
        raw = _take(rest)[0]
        if len(raw) != 32:
            raise ValueError("its public key is cut")
    except (ValueError, struct.error, binascii.Error) as error:
        raise _no_key(where, str(error)) from error
    return f"ed25519:{raw.hex()}"


def _take(blob: bytes) -> tuple[bytes, bytes]:
    """Split a string with its length in front off a blob [RFC 4251, section 5]."""
    (size,) = struct.unpack(">I", blob[:4])
    if len(blob) < 4 + size:
        raise ValueError("it is cut off")
    return blob[4 : 4 + size], blob[4 + size :]


def _no_key(where: str, reason: str) -> LedgerError:
    return LedgerError(Fault("E705", where, f"is no signer's key: {reason}.", _HINT))
