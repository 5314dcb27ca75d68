"""Signatures and envelopes equal what RFC 8032 and the DSSE project publish."""

from __future__ import annotations

import base64
import json
import pickle
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poise.errors import LedgerError
from poise.ledger.envelope import MAX_SIGNATURES, Envelope, Signature, pae
from poise.ledger.keys import SigningKey, verifies

#: RFC 8032, section 7.1, tests 1 to 3: seed, public key, message, signature.
RFC_8032 = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
        "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
        "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
]
A, B = (SigningKey.from_seed(bytes.fromhex(seed)) for seed, _, _, _ in RFC_8032[:2])

#: The vectors of secure-systems-lab/dsse, testvectors/vectors.json: name, type, payload, signatures (keyid,
#: value), trusted keys, threshold, types that the verifier supports, verdict. Keys A and B are those of the
#: first two tests of RFC 8032.
IN_TOTO = "application/vnd.in-toto+json"
OTHER = "application/vnd.example.other+json"
UMLAUT = "application/vnd.exämple+json"
STATEMENT = "eyJfdHlwZSI6Imh0dHBzOi8vaW4tdG90by5pby9TdGF0ZW1lbnQvdjEifQ=="
BY_A = "2WAfaHm5jluo0w+0rk8uVkluELJYWjSmU9x7EUzx+AyteDGJ4/nqyJXfmAUVFIAoQafWm7AxBZNw5M9ixNHiCA=="
BY_B = "c1+67/aT0yqEpwx8PsVY3MLHsj9D0CZ014/Fv/QlG59P+9CobUZ7xECJ/V3USG0Ob9CiE5LjReEZUzNF2l7eBw=="
URL_SAFE = "P-_KHICeR7tI6S_YyejJTRtrXhcQyQ2LYPaL8h90KjC9qN8HU_svOQ6TuDOT1HIrsGW886DbWNWcCmX5twLrAw=="
OVER_UMLAUT = "xmSk/ug66ysT7ayhkCIjhAq42zgZXSsEWuzUaNL7w2eGAdF/NU6/fRXPtmfN+5DNSAs5/i2lUnHjbbjPsu0tAw=="
OVER_EMPTY = "gSggCAaTLTYyRH6FIDBem6meyIynsYy8RTHVzwx9tnTb7Bg/1jMWnuVgI/gffqmbsC2VX5/jHfkkDqsj7CDbDg=="
OVER_NO_TYPE = "iC3q/+3Rm0+lpAJRueDmDh15PnwCfxKmS0NAfKsbv+zgulXQC/WM9trc+j1XEqlwDIg/vf/uNfebeD6sxInrDg=="
DSSE: list[tuple[str, str, str, list[tuple[str | None, str]], str, int, list[str], bool]] = [
    ("single-signature", IN_TOTO, STATEMENT, [("A", BY_A)], "A", 1, [IN_TOTO], True),
    ("url-safe-base64", IN_TOTO, "-_-_Pj8=", [("A", URL_SAFE)], "A", 1, [IN_TOTO], True),
    ("payload-type-swapped", OTHER, STATEMENT, [("A", BY_A)], "A", 1, [IN_TOTO, OTHER], False),
    ("non-ascii-payload-type", UMLAUT, STATEMENT, [("A", OVER_UMLAUT)], "A", 1, [UMLAUT], True),
    ("empty-payload", IN_TOTO, "", [("A", OVER_EMPTY)], "A", 1, [IN_TOTO], True),
    ("empty-payload-type", "", STATEMENT, [("A", OVER_NO_TYPE)], "A", 1, [IN_TOTO], False),
    ("two-distinct-keys", IN_TOTO, STATEMENT, [("A", BY_A), ("B", BY_B)], "AB", 2, [IN_TOTO], True),
    ("one-key-twice", IN_TOTO, STATEMENT, [("A", BY_A), ("A", BY_A)], "AB", 2, [IN_TOTO], False),
    ("without-keyids", IN_TOTO, STATEMENT, [(None, BY_A), (None, BY_B)], "AB", 2, [IN_TOTO], True),
]


@pytest.mark.parametrize(("seed", "public", "message", "signature"), RFC_8032)
def test_signatures_equal_those_of_the_rfc(seed: str, public: str, message: str, signature: str) -> None:
    """RFC 8032, section 7.1."""
    key = SigningKey.from_seed(bytes.fromhex(seed))
    assert key.id == f"ed25519:{public}"
    assert key.sign(bytes.fromhex(message)).hex() == signature
    assert verifies(key.id, bytes.fromhex(signature), bytes.fromhex(message))
    assert not verifies(key.id, bytes.fromhex(signature), bytes.fromhex(message) + b"!")


@pytest.mark.parametrize(
    ("name", "kind", "payload", "signatures", "trusted", "threshold", "supported", "accept"), DSSE
)
def test_verdicts_equal_those_of_the_dsse_project(
    name: str,
    kind: str,
    payload: str,
    signatures: list[tuple[str | None, str]],
    trusted: str,
    threshold: int,
    supported: list[str],
    accept: bool,
) -> None:
    """The published vectors: either alphabet, hints that are none, swapped types, thresholds."""
    entries = [{"sig": value} | ({"keyid": key} if key else {}) for key, value in signatures]
    text = json.dumps({"payload": payload, "payloadType": kind, "signatures": entries})
    envelope = Envelope.from_bytes(text.encode(), name)
    keys = [{"A": A.id, "B": B.id}[letter] for letter in trusted]
    assert any(len(envelope.signers(one, keys)) >= threshold for one in supported) is accept


def test_the_encoding_is_that_of_the_protocol_page() -> None:
    """protocol.md of DSSE version 1, "Test Vectors"; and lengths count bytes, not characters."""
    assert pae("http://example.com/HelloWorld", b"hello world") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )
    assert pae("ä", b"") == b"DSSEv1 2 \xc3\xa4 0 "


@given(st.binary(max_size=200), st.sampled_from([IN_TOTO, OTHER, UMLAUT]))
def test_an_envelope_survives_its_text(payload: bytes, kind: str) -> None:
    """Two people sign one after the other, each on a machine of their own."""
    first = Envelope(kind, payload).signed(A)
    second = Envelope.from_bytes(first.to_bytes(), "mail").signed(B)
    again = Envelope.from_bytes(second.to_bytes(), "mail")
    assert again == second
    assert again.signers(kind, [B.id, A.id]) == (A.id, B.id)
    assert again.signers(kind, [B.id]) == (B.id,)
    assert again.signers("another", [A.id, B.id]) == ()
    assert again.signed(A).signers(kind, [A.id]) == (A.id,)


@given(st.data())
def test_no_changed_bit_of_a_signed_payload_goes_unseen(data: st.DataObject) -> None:
    """That is what the signature is for: type, payload and signature alike."""
    envelope = Envelope(IN_TOTO, b'{"amount":1}').signed(A)
    part = data.draw(st.sampled_from(["payload", "signature"]))
    raw = bytearray(envelope.payload if part == "payload" else envelope.signatures[0].value)
    bit = data.draw(st.integers(0, len(raw) * 8 - 1))
    raw[bit // 8] ^= 1 << bit % 8
    payload = bytes(raw) if part == "payload" else envelope.payload
    value = bytes(raw) if part == "signature" else envelope.signatures[0].value
    changed = Envelope(IN_TOTO, payload, (Signature(A.id, value),))
    assert changed.signers(IN_TOTO, [A.id]) == ()


@pytest.mark.parametrize(
    ("value", "fields"),
    [
        ([], ["the envelope"]),
        ({}, ["payloadType: missing", "payload: missing", "signatures"]),
        (
            {"payload": "!", "payloadType": 3, "signatures": {}},
            ["payload: no base64", "payloadType", "signatures"],
        ),
        ({"payload": "QQ", "payloadType": "a", "signatures": []}, ["payload: no base64"]),
        ({"payload": "é", "payloadType": "a", "signatures": []}, ["payload: no base64"]),
        ({"payload": "", "payloadType": "a\n", "signatures": [3]}, ["payloadType", "signatures[0]", "sig"]),
        ({"payload": "", "payloadType": "a", "signatures": [{"sig": "", "keyid": None}]}, ["keyid"]),
        ({"payload": "", "payloadType": "a", "signatures": [{}] * (MAX_SIGNATURES + 1)}, ["signatures"]),
    ],
)
def test_a_malformed_envelope_gives_every_fault_at_once(value: Any, fields: list[str]) -> None:
    """A file from elsewhere is mended in one round, and never ends in a traceback."""
    with pytest.raises(LedgerError) as caught:
        Envelope.from_bytes(json.dumps(value).encode(), "policy.json")
    said = str(caught.value)
    assert all(f"E703 {field}" in said for field in fields), said


@pytest.mark.parametrize(
    "key_id", ["", "ed25519:", "ed25519:" + "g" * 64, "rsa:" + "0" * 64, A.id.upper(), A.id + "\n"]
)
def test_a_malformed_key_id_verifies_nothing(key_id: str) -> None:
    """Key ids come out of files."""
    assert not verifies(key_id, A.sign(b"m"), b"m")


@pytest.mark.parametrize("signature", [b"", b"x", b"\0" * 64, b"\xff" * 64, b"\0" * 65])
def test_a_malformed_signature_verifies_nothing(signature: bytes) -> None:
    """Signatures come out of files."""
    assert not verifies(A.id, signature, b"m")


def test_a_private_key_does_not_show_itself() -> None:
    """It must not slip into a log, an error or a pickle."""
    assert repr(A) == f"SigningKey('{A.id}')"
    with pytest.raises(TypeError):
        pickle.dumps(A)


def test_verification_starts_fast() -> None:
    """A pipeline verifies a policy at every push: nothing heavy is imported on the way."""
    program = (
        "import sys\nimport poise.ledger.envelope\n"
        "heavy = {'msgspec', 'sqlite3', 'numpy', 'rich', 'securesystemslib', "
        "'cryptography.hazmat.primitives.serialization'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_base64_is_written_in_the_standard_alphabet() -> None:
    """Every other tool reads that one."""
    written = json.loads(Envelope(IN_TOTO, b"\xfb\xff\xbf").to_bytes())["payload"]
    assert base64.b64decode(written, validate=True) == b"\xfb\xff\xbf"
