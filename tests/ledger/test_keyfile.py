"""A signer's key file: only the passphrase opens it, and no file can do harm."""

from __future__ import annotations

import base64
import os
import shutil
import struct
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poise.errors import LedgerError
from poise.ledger import keyfile
from poise.ledger.keyfile import key_id_of, read_key, write_key
from poise.ledger.keys import KEY_ID, SigningKey

PASSPHRASE = "vier Wörter ohne Sinn"


@pytest.fixture(scope="module")
def key_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a real key file with the real number of rounds."""
    path = tmp_path_factory.mktemp("keys") / "anna.key"
    write_key(path, SigningKey.generate(), PASSPHRASE)
    return path


def test_a_key_comes_back_with_its_passphrase_only(key_path: Path) -> None:
    """Nobody else, an administrator included, can sign with it."""
    key = read_key(key_path, PASSPHRASE)
    assert key_id_of(key_path) == key.id
    for wrong in ("", "vier Wörter ohne Sinn ", PASSPHRASE.upper()):
        with pytest.raises(LedgerError, match="E706"):
            read_key(key_path, wrong)


def test_a_key_file_is_private_and_never_overwritten(key_path: Path) -> None:
    """Mode 600, and a second key does not destroy the first."""
    assert os.stat(key_path).st_mode & 0o777 == 0o600
    before = key_path.read_bytes()
    with pytest.raises(LedgerError, match="E704"):
        write_key(key_path, SigningKey.generate(), PASSPHRASE)
    assert key_path.read_bytes() == before


def test_a_short_passphrase_is_refused(tmp_path: Path) -> None:
    """A copied file can be attacked without limit of tries."""
    with pytest.raises(LedgerError, match=r"E707 has 14 characters"):
        write_key(tmp_path / "key", SigningKey.generate(), "fourteen chars")
    assert not (tmp_path / "key").exists()


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    """No traceback for a typing mistake."""
    with pytest.raises(LedgerError, match="E700"):
        write_key(tmp_path / "no" / "key", SigningKey.generate(), PASSPHRASE)
    with pytest.raises(LedgerError, match="E700"):
        read_key(tmp_path / "no" / "key", PASSPHRASE)
    with pytest.raises(LedgerError, match="E700"):
        key_id_of(tmp_path)


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen is not installed")
def test_openssh_reads_and_writes_the_same_files(key_path: Path, tmp_path: Path) -> None:
    """A signer may change the passphrase, or make the key, with the tool everybody has."""
    copy = tmp_path / "copy.key"
    shutil.copy(key_path, copy)
    copy.chmod(0o600)
    run = ["ssh-keygen", "-q", "-p", "-f", str(copy), "-P", PASSPHRASE, "-N", "another passphrase"]
    subprocess.run(run, check=True, timeout=60)
    assert read_key(copy, "another passphrase").id == key_id_of(key_path)
    other = tmp_path / "other.key"
    run = ["ssh-keygen", "-q", "-t", "ed25519", "-f", str(other), "-N", PASSPHRASE, "-C", "anna"]
    subprocess.run(run, check=True, timeout=60)
    assert read_key(other, PASSPHRASE).id == key_id_of(other)


def test_a_key_without_a_passphrase_is_refused(tmp_path: Path) -> None:
    """Whoever administers the disk could sign with it."""
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    path = tmp_path / "open.key"
    private = SigningKey.generate().private
    path.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    with pytest.raises(LedgerError, match=r"E705 .* not encrypted"):
        read_key(path, "")
    path.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with pytest.raises(LedgerError, match="E705"):
        read_key(path, "")


def test_a_file_cannot_ask_for_hours_of_work(key_path: Path, tmp_path: Path) -> None:
    """The number of rounds stands in the file, so a file from elsewhere chooses it."""
    body = b"".join(key_path.read_bytes().split(b"\n")[1:-2])
    blob = bytearray(base64.b64decode(body))
    at = bytes(blob).index(struct.pack(">I", keyfile.KDF_ROUNDS))
    blob[at : at + 4] = struct.pack(">I", 2**32 - 1)
    begin, end = (f"-----{word} OPENSSH PRIVATE KEY-----\n".encode() for word in ("BEGIN", "END"))
    path = tmp_path / "slow.key"
    path.write_bytes(begin + base64.b64encode(bytes(blob)) + b"\n" + end)
    with pytest.raises(LedgerError, match=r"E705 .* 4294967295 rounds"):
        read_key(path, PASSPHRASE)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_damaged_file_is_a_fault(
    data: st.DataObject, key_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Cut, changed or replaced bytes never end in a traceback, and never in another key."""
    content = bytearray(key_path.read_bytes())
    how = data.draw(st.sampled_from(["cut", "flip", "noise"]))
    if how == "cut":
        del content[data.draw(st.integers(0, len(content) - 40)) :]
    elif how == "flip":
        content[data.draw(st.integers(0, 200))] ^= 1 << data.draw(st.integers(0, 7))
    else:
        content = bytearray(data.draw(st.binary(max_size=300)))
    path = tmp_path_factory.mktemp("damaged") / "anna.key"
    path.write_bytes(content)
    found: set[str] = set()
    try:
        key_id = key_id_of(path)
    except LedgerError as error:
        found = {fault.id for fault in error.faults}
    else:
        assert KEY_ID.fullmatch(key_id)
    assert found <= {"E705"}
