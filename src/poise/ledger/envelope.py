"""DSSE envelopes: a payload, its type, and signatures over both.

The form is that of the Dead Simple Signing Envelope, version 1 (github.com/secure-systems-lab/dsse): what is
signed is the pre-authentication encoding of type and payload, so that a payload cannot be passed off as
another type. A key id in an envelope is a hint and decides nothing.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Final

from poise.errors import Fault, LedgerError
from poise.ledger.canonical import canonical, parse
from poise.ledger.keys import SigningKey, verifies

#: Most signatures of one envelope. Each is tried against the trusted keys, so the number is bounded.
MAX_SIGNATURES: Final = 32
_URL_SAFE = str.maketrans("-_", "+/")


def pae(payload_type: str, payload: bytes) -> bytes:
    """Return the pre-authentication encoding: the bytes that a DSSE signature covers."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature and the id of the key that is said to have made it.

    Parameters
    ----------
    key_id
        As in :mod:`poise.ledger.keys`, or any hint, or empty.
    value
        64 bytes.
    """

    key_id: str
    value: bytes

    def as_json(self) -> dict[str, str]:
        """Return the signature as DSSE writes it."""
        return {"keyid": self.key_id, "sig": base64.b64encode(self.value).decode()}


@dataclass(frozen=True, slots=True)
class Envelope:
    """A payload with its type and signatures.

    Parameters
    ----------
    payload_type
        What the payload means and how it is written, such as ``application/vnd.poise.policy+json``.
    payload
        Any bytes; Poise puts canonical JSON here.
    signatures
        In the order in which they were made.
    """

    payload_type: str
    payload: bytes
    signatures: tuple[Signature, ...] = ()

    def signed(self, key: SigningKey) -> Envelope:
        """Return the envelope with the signature of one more key; the same key never counts twice."""
        signature = Signature(key.id, key.sign(pae(self.payload_type, self.payload)))
        others = tuple(one for one in self.signatures if one.key_id != key.id)
        return replace(self, signatures=(*others, signature))

    def without(self, key_id: str) -> Envelope:
        """Return the envelope without what a key signed."""
        return replace(self, signatures=tuple(one for one in self.signatures if one.key_id != key_id))

    def signers(self, payload_type: str, trusted: Iterable[str]) -> tuple[str, ...]:
        """Return those of the trusted key ids that have signed, each once.

        Whoever asks for several signatures counts these. Signatures by other keys and false ones are
        passed over, as the DSSE protocol has it.

        Parameters
        ----------
        payload_type
            The type that the caller understands; an envelope of another type has no signers.
        trusted
            Key ids from a source that the caller trusts, never from the envelope.
        """
        if payload_type != self.payload_type:
            return ()
        message = pae(self.payload_type, self.payload)
        keys = tuple(dict.fromkeys(trusted))
        found: dict[str, None] = {}
        for signature in self.signatures[:MAX_SIGNATURES]:
            candidates = (signature.key_id,) if signature.key_id in keys else keys
            found.update(
                (key, None)
                for key in candidates
                if key not in found and verifies(key, signature.value, message)
            )
        return tuple(found)

    def to_bytes(self) -> bytes:
        """Return the envelope as canonical JSON."""
        return canonical(self.as_json())

    def as_json(self) -> dict[str, Any]:
        """Return the envelope as the JSON object that DSSE defines."""
        return {
            "payload": base64.b64encode(self.payload).decode(),
            "payloadType": self.payload_type,
            "signatures": [signature.as_json() for signature in self.signatures],
        }

    @classmethod
    def from_bytes(cls, content: bytes, where: str) -> Envelope:
        """Return the envelope of a JSON text.

        Raises
        ------
        LedgerError
            E702 when it is no JSON, E703 with every field that is missing or cannot be read.
        """
        return cls.from_json(parse(content, where), where)

    @classmethod
    def from_json(cls, value: Any, where: str) -> Envelope:
        """Return the envelope of a decoded JSON value; unknown fields are passed over.

        Raises
        ------
        LedgerError
            E703 with every field that is missing or cannot be read.
        """
        fields = _Fields(where)
        top = fields.object(value, "the envelope")
        payload_type = fields.text(top, "payloadType")
        payload = fields.base64(top, "payload")
        listed = top.get("signatures")
        if not isinstance(listed, list) or len(listed) > MAX_SIGNATURES:
            fields.refuse("signatures", f"expected a list of at most {MAX_SIGNATURES}")
            listed = []
        signatures = []
        for number, item in enumerate(listed):
            entry = fields.object(item, f"signatures[{number}]")
            key_id = fields.text(entry, "keyid") if "keyid" in entry else ""
            signatures.append(Signature(key_id, fields.base64(entry, "sig")))
        fields.finish()
        return cls(payload_type, payload, tuple(signatures))


class _Fields:
    """Reads the fields of an envelope and collects what is wrong with them."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._faults: list[Fault] = []

    def refuse(self, field: str, reason: str) -> None:
        hint = "Ask the sender for the whole envelope; its form is DSSE version 1."
        self._faults.append(Fault("E703", self._where, f"{field}: {reason}.", hint))

    def object(self, value: Any, name: str) -> dict[str, Any]:
        if isinstance(value, dict):
            return value
        self.refuse(name, f"expected an object, got {type(value).__name__}")
        return {}

    def text(self, parent: dict[str, Any], field: str) -> str:
        value = parent.get(field)
        if isinstance(value, str) and value.isprintable():
            return value
        self.refuse(field, "expected a text" if field in parent else "missing")
        return ""

    def base64(self, parent: dict[str, Any], field: str) -> bytes:
        value = parent.get(field)
        if not isinstance(value, str):
            self.refuse(field, "expected base64" if field in parent else "missing")
            return b""
        try:
            # The protocol obliges readers to take either alphabet.
            return base64.b64decode(value.translate(_URL_SAFE), validate=True)
        except (binascii.Error, ValueError) as error:
            self.refuse(field, f"no base64: {error}")
            return b""

    def finish(self) -> None:
        if self._faults:
            raise LedgerError(self._faults)
