"""Opening reports: packing, bounds, encodings and what cannot be opened."""

from __future__ import annotations

import gzip
import io
import os
import zipfile
from pathlib import Path

import pytest

from poise.errors import ScanFormatError
from poise.scans import Limits, open_source

TIGHT = Limits(unpacked_bytes=1_000_000, ratio=50, ratio_free_bytes=10_000, members=3)


def _write(folder: Path, data: bytes) -> Path:
    path = folder / "report"
    path.write_bytes(data)
    return path


def _zip(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def _refused(path: Path, limits: Limits = Limits()) -> str:  # noqa: B008 - frozen
    with pytest.raises(ScanFormatError) as caught:
        open_source(path, limits=limits).open_binary().read()
    (fault,) = caught.value.faults
    assert fault.where.startswith(str(path))
    return fault.id


def test_what_is_no_file_is_told(tmp_path: Path) -> None:
    """A pipe could block for ever, and a folder is a common slip."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "empty").write_bytes(b"")
    assert _refused(tmp_path) == "E400"
    assert _refused(tmp_path / "missing") == "E400"
    assert _refused(tmp_path / "pipe") == "E400"
    assert _refused(Path("nul\0byte")) == "E400"
    assert _refused(tmp_path / "empty") == "E401"


def test_packing_is_told_by_bytes_and_opened_again_and_again(tmp_path: Path) -> None:
    """Readers take two passes, and names lie."""
    for data in (
        b"text",
        gzip.compress(b"text"),
        _zip({"a/b.txt": b"text"}),
        _zip({"x": gzip.compress(b"text")}),
    ):
        source = open_source(_write(tmp_path, data))
        for _ in range(2):
            with source.open_binary() as stream:
                assert stream.read() == b"text"
        assert not source.is_bundle


def test_a_zip_of_several_files_is_a_bundle_without_what_macos_adds(tmp_path: Path) -> None:
    """Hidden copies of the Mac would be unknown files to complain about."""
    members = {
        "a.txt": b"one",
        "__MACOSX/._a.txt": b"\0",
        "d/.DS_Store": b"\0",
        "b.gz": gzip.compress(b"two"),
    }
    source = open_source(_write(tmp_path, _zip(members)))
    assert [member.member_name for member in source.members] == ["a.txt", "b.gz"]
    assert [member.head for member in source.members] == ["one", "two"]
    assert source.head == "PK\n--- a.txt\none\n--- b.gz\ntwo"


def test_bombs_are_stopped_while_they_unpack(tmp_path: Path) -> None:
    """The limit must hold before the memory or the disk is full, not after."""
    zeros = bytes(900_000)
    assert _refused(_write(tmp_path, gzip.compress(zeros)), TIGHT) == "E408"
    assert _refused(_write(tmp_path, gzip.compress(gzip.compress(zeros))), TIGHT) == "E408"
    assert _refused(_write(tmp_path, _zip({"a": zeros})), TIGHT) == "E408"
    noise = os.urandom(600_000)
    assert _refused(_write(tmp_path, _zip({"a": noise, "b": noise})), TIGHT) == "E408"
    assert _refused(_write(tmp_path, _zip({str(n): b"x" for n in range(4)})), TIGHT) == "E408"
    assert _refused(_write(tmp_path, gzip.compress(noise * 2)), TIGHT) == "E408"


def test_a_real_bomb_meets_the_default_limits(tmp_path: Path) -> None:
    """200 MB of zeros in 200 kB: no report packs a thousandfold."""
    assert _refused(_write(tmp_path, gzip.compress(bytes(200_000_000), compresslevel=1))) == "E408"


def test_damaged_and_locked_archives_are_told(tmp_path: Path) -> None:
    """Each has its own remedy: download again, or pack without a password."""
    packed = gzip.compress(os.urandom(100_000))
    assert _refused(_write(tmp_path, packed[:50_000])) == "E402"
    assert _refused(_write(tmp_path, packed[:-8] + b"\0" * 8)) == "E402"
    whole = _zip({"a": os.urandom(1_000)})
    assert _refused(_write(tmp_path, whole[:-30])) == "E402"
    locked = bytearray(whole)
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        locked[locked.index(mark) + offset] |= 1
    assert _refused(_write(tmp_path, bytes(locked))) == "E415"
    assert _refused(_write(tmp_path, gzip.compress(whole))) == "E415"
    thrice = gzip.compress(gzip.compress(gzip.compress(b"x")))
    assert _refused(_write(tmp_path, thrice)) == "E415"
    assert _refused(_write(tmp_path, _zip({}))) == "E401"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_marks_decide_the_encoding(encoding: str, tmp_path: Path) -> None:
    """Tools on Windows write all of these."""
    source = open_source(_write(tmp_path, "Zürich; 東京\n".encode(encoding)))
    assert source.head == "Zürich; 東京\n"
    with source.open_text() as stream:
        assert stream.read() == "Zürich; 東京\n"


def test_utf_16_without_a_mark_is_seen_by_its_zeros(tmp_path: Path) -> None:
    """Some Java programs leave the mark out."""
    for encoding in ("utf-16-le", "utf-16-be"):
        source = open_source(_write(tmp_path, "name;é\n".encode(encoding)))
        with source.open_text() as stream:
            assert stream.read() == "name;é\n"


def test_windows_1252_is_taken_only_when_asked_for_and_told(tmp_path: Path) -> None:
    """A wrong guess about letters must at least be seen."""
    source = open_source(_write(tmp_path, "a;Zürich\n".encode("cp1252")))
    encoding, note = source.text_encoding("cp1252")
    assert (encoding, note.id if note else "") == ("cp1252", "E416")
    with source.open_text("cp1252") as stream:
        assert stream.read() == "a;Zürich\n"
    with pytest.raises(ScanFormatError, match=r"byte 3: E403 Byte 3 \(0xfc\) is not UTF-8"):
        source.open_text()


def test_a_wrong_byte_far_inside_is_found_with_its_place(tmp_path: Path) -> None:
    """The place must be the file's, also across blocks and inside an archive."""
    data = b"a" * 300_000 + "é".encode() * 50_000 + b"\x81" + b"b" * 100_000
    for packed in (data, gzip.compress(data)):
        with pytest.raises(ScanFormatError, match="byte 400000"):
            open_source(_write(tmp_path, packed)).open_text("cp1252")


def test_progress_ends_at_the_size_of_the_file(tmp_path: Path) -> None:
    """A bar that never fills looks like a hang."""
    told: list[tuple[int, int]] = []
    path = _write(tmp_path, gzip.compress(os.urandom(600_000)))
    with open_source(path, progress=lambda at, size: told.append((at, size))).open_binary() as stream:
        stream.read()
    size = path.stat().st_size
    assert told[-1] == (size, size)
    assert all(0 <= at <= size for at, _ in told)
