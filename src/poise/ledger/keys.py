"""Ed25519 keys. A key's id is its public half, so that nothing else needs to be looked up."""

from __future__ import annotations

import re
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

#: What a key id looks like: the 32 bytes of the public key in hexadecimal [RFC 8032].
KEY_ID: Final = re.compile(r"ed25519:[0-9a-f]{64}")
_PREFIX: Final = "ed25519:"


class SigningKey:
    """The private half of a signer's key, unlocked in memory. It never shows itself.

    Parameters
    ----------
    private
        The key of the ``cryptography`` package.
    """

    __slots__ = ("_private", "id")

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        #: The key's id, such as ``ed25519:d75a98...``.
        self.id = _PREFIX + private.public_key().public_bytes_raw().hex()

    @classmethod
    def generate(cls) -> SigningKey:
        """Return a new key from the system's random source."""
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def from_seed(cls, seed: bytes) -> SigningKey:
        """Return the key of a seed of 32 bytes."""
        return cls(Ed25519PrivateKey.from_private_bytes(seed))

    @property
    def private(self) -> Ed25519PrivateKey:
        """The key of the ``cryptography`` package, for writing it to an encrypted file."""
        return self._private

    def sign(self, message: bytes) -> bytes:
        """Return the signature, 64 bytes, of a message [RFC 8032]."""
        return self._private.sign(message)

    def __repr__(self) -> str:
        return f"SigningKey({self.id!r})"

    def __reduce__(self) -> str:
        raise TypeError("A signing key is not written anywhere but into its encrypted file.")


def verifies(key_id: str, signature: bytes, message: bytes) -> bool:
    """Return whether a signature of a message is by the key of this id; False for a malformed id."""
    if not KEY_ID.fullmatch(key_id):
        return False
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(key_id.removeprefix(_PREFIX))).verify(
            signature, message
        )
    except (InvalidSignature, ValueError):
        return False
    return True
